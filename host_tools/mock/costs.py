"""What the firmware's code costs on an RP2040 at 125 MHz, for the virtual clock.

`python -m host_tools.bench.code_costs` counts every row anew and says where it differs; a test
holds the two together. Charged by code_time.py. Never upload to a board.
"""

MHZ = 125

# In cycles. How they were counted:
#   bytecode: by a proxy, host_tools/bench/bytecode_cycles.py, +-10 % in the cycle, else +-25 %
#   kernels: by the emulated Cortex-M0+ with call glue; each is part of the row that calls it
#   collector: by host_tools/bench/collector.py, 60 KB live in a heap of 200 KB
# Not counted: flash cache misses, interrupts, and what machine.I2C does besides waiting for the
# bus; the call of a method that does nothing stands for it (1,900 cycles, part of each transfer).
# Flash erase and program, and the bus itself, are charged by fake_flash.py and fake_buses.py.
ROWS = {
    # One transfer of a front end on I2C; the first two are those of the cycle.
    "take": 7100,
    "send": 6474,
    "read": 15555,
    "write": 22694,
    "byte read": 38,
    # The front end's read() beside its transfers: always; and when something was new.
    "front end read": 17381,
    "front end read, new cells": 31354,
    "front end read, new slow scan": 46657,
    "judge": 14759,
    "act": 9332,
    "act, busy": 32355,  # a switch is not on, or was closed less than 5 minutes ago
    "count charge": 9742,
    "plausibility": 12299,  # everything new, nothing remarkable
    "inputs": 7870,
    "cycle": 46715,  # the executive's turn, and Bms.cycle between its parts
    "link poll": 13748,
    "link byte": 16898,
    # All estimates of 16 cells, of which two look at their voltages: charged slice by slice below.
    # While the grid is at work, two slices of it are added, and no cell looks.
    "estimated second": 790944,
    "link reply": 225357,  # from a request's last byte to the answer: JBD basic info
    "gc.collect": 1350828,
}

# Slow tasks: (an idle look, a slice of work beside its transfers). A task is called by the method
# of app.Bms that is its step, or by the attribute of app.Bms whose step() it is.
TASKS = {
    "bring_up": (3579, 308986),  # 32 bytes of the configuration compared
    "commission": (6680, 6680),
    "balance": (16197, 136033),  # the choice among 16 cells, and the mask
    "keeper": (33230, 69945),  # the state written
    "early_warning": (110524, 110524),
    "tend_panel": (29022, 29022),
    "charge_guard": (13624, 13624),
    "tend_climate": (22080, 22080),
    "deep_discharge": (8878, 8878),
    "table_guard": (62963, 62963),
    "backstop_watch": (5922, 310366),
    "estimator": (68227, 491586),  # the pack's figure; some guesses of the grid
}
# For a task that has no row: as much as the dearest one that has.
DEFAULT_TASK = (110524, 491586)
