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
    "take": 7003,
    "send": 6720,
    "read": 15215,
    "write": 22398,
    "byte read": 38,
    # The front end's read() beside its transfers: always; and when something was new.
    "front end read": 17389,
    "front end read, new cells": 29196,
    "front end read, new slow scan": 45768,
    "judge": 14710,
    "act": 10009,
    "act, busy": 33554,  # a switch is not on, or was closed less than 5 minutes ago
    "count charge": 12317,
    "plausibility": 12315,  # everything new, nothing remarkable
    "inputs": 7762,
    "cycle": 47383,  # the executive's turn, and Bms.cycle between its parts
    "link poll": 13864,
    "link byte": 16659,
    "link reply": 211445,  # from a request's last byte to the answer: JBD basic info
    "gc.collect": 1333479,
}

# Slow tasks: (an idle look, a slice of work beside its transfers). A task is called by the method
# of app.Bms that is its step, or by the attribute of app.Bms whose step() it is.
TASKS = {
    "bring_up": (3591, 317030),  # 32 bytes of the configuration compared
    "commission": (7688, 7692),
    "balance": (17604, 138413),  # the choice among 16 cells, and the mask
    "keeper": (29037, 65217),  # the state written
    "early_warning": (99744, 99793),
    "tend_panel": (28567, 28560),
    "charge_guard": (13803, 13805),
    "tend_climate": (22008, 22018),
    "deep_discharge": (9407, 9406),
    "table_guard": (62424, 62376),
    "backstop_watch": (17711, 318401),
}
# For a task that has no row: as much as the dearest one that has.
DEFAULT_TASK = (99744, 318401)

# The same with two LTC6813, an INA228 and contactors: what 36 cells cost is charged for fewer too.
# Counted by `python -m host_tools.bench.ltc_costs`; what is not named here is as above.
LTC681X_ROWS = {
    "wake": 19609,  # of two devices, before each cycle and each slow step
    "send": 8980,  # a command, or a register of both devices written
    "take": 15841,  # one register group of both devices, with its check codes
    "busy": 9412,  # a poll
    "current": 67495,  # Ina228.read(), its three transfers included
    "front end read": 61141,  # Ltc681x.read() beside its frames
    "contactors": 169481,  # the rest of FrontEnd.read(): the closed contactors' step
    # the dearest one beside its frames: temperatures, dies, settings, open leads
    "slow step": 158885,
    "judge": 15391,
    "act": 28743,
    "act, busy": 54050,
    "plausibility": 46513,
    "inputs": 7846,
    "cycle": 60402,  # as above
}
LTC681X_TASKS = {
    "bring_up": (6724, 324133),
    "commission": (10491, 10490),
    "balance": (20134, 399478),
    "keeper": (29259, 66703),
    "early_warning": (140408, 140394),
    "tend_panel": (28531, 28529),
    "charge_guard": (13396, 13396),
    "tend_climate": (22142, 22128),
    "deep_discharge": (9480, 9480),
    "table_guard": (62167, 62135),
    "backstop_watch": (18946, 40023),
}
