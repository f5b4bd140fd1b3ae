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
    "take": 7135,
    "send": 6547,
    "read": 15313,
    "write": 22409,
    "byte read": 38,
    # The front end's read() beside its transfers: always; and when something was new.
    "front end read": 18322,
    "front end read, new cells": 29627,
    "front end read, new slow scan": 46112,
    "judge": 14729,
    "act": 9291,
    "act, busy": 32921,  # a switch is not on, or was closed less than 5 minutes ago
    "count charge": 9397,
    "plausibility": 12309,  # everything new, nothing remarkable
    "inputs": 7759,
    "calibrated": 8760,  # only where a board is calibrated
    "cycle": 47119,  # the executive's turn, and Bms.cycle between its parts
    "link poll": 15400,  # 14,200 to 16,600, by where names happen to lie
    "link byte": 16647,
    "link reply": 211807,  # from a request's last byte to the answer: JBD basic info
    "jbd write": 423000,  # besides, where a limit is written; charged for every write
    "modbus byte": 5400,
    "modbus reply": 81480,  # from a request's last byte to an answer of one register
    "modbus register": 4849,  # each further one
    "modbus point": 11170,  # and each further point
    "sunspec register": 7781,
    "modbus write": 143000,  # besides the reply: one number checked and queued
    "modbus written": 3360,  # each further register of it
    "native byte": 7794,
    "native reply": 143700,  # from a whole frame to the answer of one register
    "native register": 10506,
    "native place": 35970,  # of the list of points
    "native write": 137400,  # each of a lot: two thirds to check it, one to take it
    "pylontech byte": 2900,
    "pylontech reply": 146000,  # from a request's last byte to an answer without values
    "pylontech value": 27000,  # four characters of an answer
    "limits begun": 245000,  # a set copied
    "limits looked through": 367000,  # the first slice of a check, besides its row
    "backstop slice": 390000,  # whether the front end can back a set: three of these
    # Bluetooth with four links, beside its engines; the port's own code is not counted.
    "radio poll": 8900,
    "radio tended": 64500,  # whenever something was written or is on its way
    "radio event": 26800,  # in the middle of whatever runs
    "radio round": 29900,  # ten times a second
    "radio battery": 22600,
    "radio telemetry": 242800,
    "radio advert": 83400,  # plain; what encrypting adds is not counted
    "radio part": 44200,  # sixteen bytes handed on
    "radio piece": 26168,  # a notification
    "take limits": 2190000,  # a whole set compiled and taken over
    "gc.collect": 1344437,
}

# What the native protocol's keys take: (a message, each of its bytes), through the lengths that
# `python -m host_tools.bench.key_costs` counts; and a proof.
UNSEAL = (167000, 1010)
SEAL = (110000, 982)
PROOF = 328000
# A piece of the black box: 2 ms are assumed for opening a file and reading 200 bytes of it.
BLACK_BOX = 300000

# Slow tasks: (an idle look, a slice of work beside its transfers). A task is called by the method
# of app.Bms that is its step, or by the attribute of app.Bms whose step() it is.
TASKS = {
    "bring_up": (3601, 149781),  # 32 bytes of the configuration compared
    "commission": (7691, 7691),
    "balance": (20765, 194231),  # the choice among 16 cells, and the mask
    "keeper": (38000, 73000),  # the state written
    "early_warning": (100015, 100021),
    "tend_panel": (28652, 28656),
    "charge_guard": (13660, 13659),
    "tend_climate": (21785, 21775),
    "deep_discharge": (9169, 9170),
    "table_guard": (62476, 62428),
    "backstop_watch": (11158, 151301),
    "door": (14000, 136000),  # one row of a set of limits checked
    "black_box": (94500, 330000),  # everything recorded; the extremes and an event's head, too
    "calibration": (2730, 42700),  # a value of the ten seconds added
    # The figures of pack and ageing; a second's measurements. Whole seconds:
    # python -m host_tools.bench.estimated_second.
    "estimator": (79500, 334500),
    "allowed": (14500, 205000),  # nothing due; one side
    "totals": (18750, 195500),  # energy; everything
    "to_move": (28224, 181910),  # a second; what some cells have lost by themselves
}
# For a task that has no row: as much as the dearest one that has.
DEFAULT_TASK = (100015, 334500)

# The same with two LTC6813, an INA228 and contactors: what 36 cells cost is charged for fewer too.
# Counted by `python -m host_tools.bench.ltc_costs`; what is not named here is as above.
LTC681X_ROWS = {
    "wake": 18999,  # of two devices, before each cycle and each slow step
    "send": 8877,  # a command, or a register of both devices written
    "take": 15924,  # one register group of both devices, with its check codes
    "busy": 9414,  # a poll
    "current": 66714,  # Ina228.read(), its three transfers included
    "front end read": 60079,  # Ltc681x.read() beside its frames
    "contactors": 169895,  # the rest of FrontEnd.read(): the closed contactors' step
    # the dearest one beside its frames: temperatures, dies, settings, open leads
    "slow step": 159307,
    "judge": 15731,
    "act": 29072,
    "act, busy": 53938,
    "plausibility": 47697,
    "inputs": 8076,
    "cycle": 59188,  # as above
}
LTC681X_TASKS = {
    "bring_up": (6750, 116842),
    "commission": (10392, 10392),
    "balance": (23570, 456000),
    "keeper": (32400, 70400),
    "early_warning": (141097, 141072),
    "tend_panel": (28400, 28395),
    "charge_guard": (13955, 13957),
    "tend_climate": (21660, 21647),
    "deep_discharge": (9656, 9655),
    "table_guard": (62135, 62102),
    "backstop_watch": (18949, 40067),
}

# The same with a BQ76940, 15 cells, check codes, 250 ms a cycle: charged for smaller ones too.
# Counted by `python -m host_tools.bench.bq769x0_costs`; what is not named here is as above.
BQ769X0_ROWS = {
    "read": 7635,
    "byte read": 38,
    "byte written": 2482,
    "write": 7553,
    "front end read": 56030,
    "front end read, new cells": 253814,
    "front end read, new temperatures": 85155,
    "judge": 15089,
    "act": 9641,
    "act, busy": 33568,
    "plausibility": 12215,
    "inputs": 7732,
    "cycle": 44191,
}
BQ769X0_TASKS = {
    "bring_up": (3602, 246442),
    "commission": (7250, 7251),
    "balance": (20810, 195000),
    "keeper": (32400, 70000),
    "early_warning": (89135, 89145),
    "tend_panel": (28360, 28360),
    "charge_guard": (13305, 13303),
    "tend_climate": (21731, 21735),
    "deep_discharge": (8946, 8947),
    "table_guard": (62125, 62081),
    "backstop_watch": (11444, 20662),
}
