"""Every point: what can be read or written from outside, declared here and nowhere else.

pack.py makes the board's packed table of it, the handbook its pages. A point's number is its
identity on every wire, and the first of its registers on Modbus: never reuse or move one.
"""

from typing import NamedTuple

# Types: 16 and 32 bits, signed or not; text has two characters in each of its 16-bit elements.
U16, S16, U32, S32, TEXT = range(5)
WORDS = (1, 1, 2, 2, 1)  # registers of an element
NAMES = ("u16", "s16", "u32", "s32", "text")

# Who may write: nobody, an operator, the owner.
READ_ONLY, OPERATOR, OWNER = range(3)
ROLES = ("", "operator", "owner")

# Unit codes: symbol and scale, real value = number x 10**scale.
UNITS = (
    ("", 0),
    ("V", -3),
    ("A", -3),
    ("degC", -1),
    ("s", -3),
    ("s", -6),
    ("s", 0),
    ("%", -1),
    ("W", 0),
    ("Ah", -3),
    ("code", 0),
    ("bits", 0),
    ("text", 0),
    ("Wh", 0),
    ("of the limit", 0),  # mV, mA, 0.1 degC, ms or a count, as docs/limits.md writes the limit
    ("ohm", -6),
    ("Ah", -1),
    ("%", -2),
)
(
    *(NUMBER, MV, MA, DC, MS, US, S, PERMILLE, W, MAH, CODE, BITS, CHARACTERS, WH, ROW, UOHM, DAH),
    HUNDREDTHS,
) = range(18)

# How many elements a board really has of an array: all, or as many as it has of these.
ALL, CELLS, TEMPS, BOARD_TEMPS, ROWS = range(5)

BIG = 1 << 28
MOST_ROWS = 64
MOST_CELLS = 48  # in series; a whole number of registers of bits


class Point(NamedTuple):
    number: int
    key: str
    type: int
    unit: int
    source: str  # "computed NAME" of vigil/points_values.py, or "HOLDER NAME", see vigil/points.py
    meaning: str
    count: int = 1
    of: int = ALL
    access: int = READ_ONLY
    range: tuple | None = None  # of what may be written

    @property
    def registers(self):
        return self.count * WORDS[self.type]


_STATES = (
    "what the lamp tells: 1 button held, 2 emergency stop, 3 latched open, 4 safe mode, "
    "5 interlock open, 6 a limit holds a switch open, 7 sleeps soon, 8 a limit warns, "
    "9 starting or waiting, 10 running"
)
_SWITCH = "0 off, 1 on, 2 open by a limit, 3 recovering, 4 latched, 5 waiting for load or charger"
_REASON = (
    "row of the limit that holds it open; 100 and more: starting, owner, self-test, safe mode"
)
_PLACE = "counted from 1"
_RESULTS = (
    "0 taken, 1 no such point, 2 no such element, 3 read only, 4 not allowed, 5 out of range, "
    "6 no set of limits begun, 7 busy, 8 hash of another table, 9 refused by the validator"
)

_STAGED = (MOST_ROWS, ROWS, OWNER, (-BIG, BIG))
_STAGED_MS = (MOST_ROWS, ROWS, OWNER, (0, 1 << 22))

POINTS = (
    # Who this is, and how it is: one reading of registers 0 to 87.
    Point(0, "points_schema", U16, CODE, "points schema", "hash of this table", 2),
    Point(2, "limits_schema", U16, CODE, "points limits_schema", "hash of the limits' rows", 2),
    Point(4, "uptime_s", U32, S, "keeper uptime_s", "since the start"),
    Point(6, "state", U16, CODE, "computed state", _STATES),
    Point(7, "switch_state", U16, CODE, "switches state", f"charge, discharge: {_SWITCH}", 2),
    Point(9, "switch_reason", U16, CODE, "switches reason", f"charge, discharge: {_REASON}", 2),
    Point(11, "charge_on", U16, CODE, "front_end charge_is_on", "the switch reports closed"),
    Point(12, "discharge_on", U16, CODE, "front_end discharge_is_on", "the switch reports closed"),
    Point(
        13,
        "actions",
        U16,
        BITS,
        "computed actions",
        "what limits demand: 1 charge open, 2 discharge open, 4 warning, 8 latched",
    ),
    Point(14, "tripped", U16, BITS, "computed tripped", "bit n: limit row n + 1 has tripped", 4),
    Point(18, "stack_mv", U32, MV, "computed stack_mv", "voltage of all cells in series"),
    Point(20, "current_ma", S32, MA, "computed current_ma", "+ = charging"),
    Point(22, "power_w", S32, W, "computed power_w", "+ = charging"),
    Point(24, "soc", U16, PERMILLE, "estimator shown_permille", "state of charge, shown"),
    Point(
        25,
        "soh",
        U16,
        PERMILLE,
        "ageing soh_permille",
        "state of health: what the weakest cell holds, in the rated capacity",
    ),
    Point(26, "remaining_mah", U32, MAH, "charge remaining_mah", "charge in the pack"),
    Point(28, "capacity_mah", U32, MAH, "counter capacity_mah", "rated capacity"),
    Point(30, "cycles", U32, NUMBER, "counter cycles", "full equivalent cycles"),
    Point(
        32,
        "charge_limit_ma",
        U32,
        MA,
        "allowed charge_ma",
        "what a charger may deliver now",
    ),
    Point(
        34,
        "discharge_limit_ma",
        U32,
        MA,
        "allowed discharge_ma",
        "what a load may draw now",
    ),
    Point(36, "cell_count", U16, NUMBER, "sample cell_count", "cells in series"),
    Point(37, "temp_count", U16, NUMBER, "sample temp_count", "temperature sensors at cells"),
    Point(38, "board_temp_count", U16, NUMBER, "sample board_temp_count", "of the board"),
    Point(39, "cell_max_mv", U16, MV, "computed cell_max_mv", "highest cell"),
    Point(40, "cell_max_at", U16, NUMBER, "computed cell_max_at", f"which, {_PLACE}"),
    Point(41, "cell_min_mv", U16, MV, "computed cell_min_mv", "lowest cell"),
    Point(42, "cell_min_at", U16, NUMBER, "computed cell_min_at", f"which, {_PLACE}"),
    Point(43, "cell_mean_mv", U16, MV, "computed cell_mean_mv", "mean of all cells"),
    Point(44, "temp_max_dc", S16, DC, "computed temp_max_dc", "hottest sensor at the cells"),
    Point(45, "temp_max_at", U16, NUMBER, "computed temp_max_at", f"which, {_PLACE}"),
    Point(46, "temp_min_dc", S16, DC, "computed temp_min_dc", "coldest sensor at the cells"),
    Point(47, "temp_min_at", U16, NUMBER, "computed temp_min_at", f"which, {_PLACE}"),
    Point(48, "temp_mean_dc", S16, DC, "computed temp_mean_dc", "mean of all sensors at cells"),
    Point(
        49,
        "age_ms",
        U16,
        MS,
        "computed age_ms",
        "age of the latest cells, temperatures, current, stack, board temperatures",
        5,
    ),
    Point(
        54,
        "backstop_age_s",
        U16,
        S,
        "computed backstop_age_s",
        "since the front end's own protection was last read back and found whole",
    ),
    Point(55, "balancing", U16, BITS, "computed balancing", "bit n: cell n + 1 is being bled", 3),
    Point(58, "heater_on", U16, CODE, "computed heater_on", "1 while it heats"),
    Point(59, "fan_on", U16, CODE, "computed fan_on", "1 while it turns"),
    Point(
        60,
        "sleeping_in_s",
        S16,
        S,
        "deep_discharge sleeping_in_s",
        "until the board sleeps for a deep discharge; -1 if it will not",
    ),
    Point(61, "load_seen", S16, CODE, "sample load_seen", "1 yes, 0 no, -1 cannot be told"),
    Point(62, "charger_seen", S16, CODE, "sample charger_seen", "1 yes, 0 no, -1 cannot be told"),
    Point(63, "safe_mode", U16, CODE, "memory safe_mode", "three starts in a row have failed"),
    Point(64, "memory_flags", U16, BITS, "memory flags", "what is wrong with memory and journal"),
    Point(
        65,
        "health",
        U16,
        CODE,
        "sample health",
        "doubts and faults that limits look at, 0 = well: cells, temperatures, current and stack "
        "doubtful, switch stuck, interlock, emergency stop, runaway signs, charge excess (mA), "
        "backstop, power path, heater or fan, failed reads of 100, self-check, spread of cells "
        "(mV) and of temperatures (0.1 K), short circuit",
        17,
    ),
    Point(
        82, "charge_end_mv", U32, MV, "allowed charge_end_mv", "where a charger ends, whole pack"
    ),
    Point(
        84,
        "discharge_end_mv",
        U32,
        MV,
        "allowed discharge_end_mv",
        "where a load should have ended, whole pack",
    ),
    Point(86, "energy_wh", U32, WH, "computed energy_wh", "rated, at half charge and rest"),
    # How sure the charge is.
    Point(90, "soc_estimate", U16, PERMILLE, "charge soc_permille", "which may jump"),
    Point(91, "soc_sigma", U16, PERMILLE, "charge sigma_permille", "one sigma of it"),
    Point(
        92,
        "soc_source",
        U16,
        CODE,
        "charge source",
        "0 not known, 1 remembered, 2 guesses weighed, 3 counted and corrected by voltages, "
        "4 full, 5 empty, 6 at rest, 7 only counted",
    ),
    Point(93, "soc_anchor_s", S32, S, "charge since_s", "since full, empty or at rest; -1 never"),
    # Every cell and sensor.
    Point(
        100, "cell_mv", U16, MV, "sample cell_values", "voltage of each cell", MOST_CELLS, CELLS
    ),
    Point(148, "temp_dc", S16, DC, "sample temp_values", "sensors at the cells", 16, TEMPS),
    Point(
        164,
        "board_temp_dc",
        S16,
        DC,
        "computed board_temp_dc",
        "front end's die, switches",
        4,
        BOARD_TEMPS,
    ),
    Point(170, "device_name", TEXT, CHARACTERS, "computed device_name", "as JBD tells it", 16),
    Point(186, "version", TEXT, CHARACTERS, "computed version", "of the firmware", 8),
    # Counters.
    Point(200, "starts", U32, NUMBER, "memory starts", "since the memory was new"),
    Point(202, "trips", U32, NUMBER, "memory trips", "limits that have opened a switch"),
    Point(204, "latches", U32, NUMBER, "memory latches", "switches latched"),
    Point(206, "latched_row", U16, CODE, "memory latched_rows", "limit row: charge, discharge", 2),
    Point(208, "watchdog_restarts", U16, NUMBER, "memory watchdog_restarts", "by the watchdog"),
    Point(
        209, "failed_starts", U16, NUMBER, "memory unconfirmed_starts", "in a row, this one too"
    ),
    Point(210, "reset_cause", U16, CODE, "memory reset_cause", "machine.reset_cause()"),
    Point(211, "journal_pending", U16, NUMBER, "journal pending", "records not in flash yet"),
    Point(212, "journal_kept", U32, NUMBER, "journal kept", "records ever written"),
    Point(214, "journal_dropped", U32, NUMBER, "journal dropped", "records that found no room"),
    Point(216, "journal_damaged", U16, NUMBER, "journal damaged", "records found not good"),
    Point(217, "journal_failures", U16, NUMBER, "journal write_failures", "writes that failed"),
    Point(218, "flash_writes", U32, NUMBER, "keeper writes", "since the start"),
    Point(220, "flash_forced", U32, NUMBER, "keeper forced", "without a quiet window"),
    Point(222, "cycles_run", U32, NUMBER, "executive cycles", "of protection, since the start"),
    Point(224, "overruns", U32, NUMBER, "executive overruns", "cycles late or too long"),
    Point(226, "planned_stalls", U32, NUMBER, "executive planned_stalls", "for flash writes"),
    Point(228, "cycle_us", U32, US, "executive cycle_us", "the latest cycle took"),
    Point(230, "cycle_us_max", U32, US, "executive cycle_us_max", "the longest cycle took"),
    Point(232, "period_us_max", U32, US, "executive worst_period_us", "longest between two"),
    Point(234, "read_errors", U32, NUMBER, "bms read_errors", "failed readings of the front end"),
    Point(
        236, "front_end_error", U16, CODE, "bms last_error", "code of the latest, afe/errors.py"
    ),
    Point(237, "bring_ups", U16, NUMBER, "bms bring_ups", "times the front end was set up"),
    Point(
        238,
        "backstop_checks",
        U32,
        NUMBER,
        "backstop_watch verifications",
        "times the front end's own protection was found whole",
    ),
    Point(
        240, "backstop_differences", U16, NUMBER, "backstop_watch differences", "times it was not"
    ),
    Point(241, "command_failures", U16, NUMBER, "switches command_failures", "switch commands"),
    Point(242, "switch_changes", U32, NUMBER, "switches changes", "of state, both switches"),
    # The serial port and its protocol.
    Point(250, "port_bytes_in", U32, NUMBER, "port bytes_in", "bytes heard, our echo too"),
    Point(252, "port_bytes_out", U32, NUMBER, "port bytes_out", "bytes sent"),
    Point(254, "port_replies", U32, NUMBER, "port replies", "answers begun"),
    Point(256, "port_late", U32, NUMBER, "port late_replies", "of these perhaps later than 20 ms"),
    Point(258, "port_abandoned", U32, NUMBER, "port abandoned", "the port did not finish sending"),
    Point(260, "port_frames", U32, NUMBER, "engine frames", "good requests to this device"),
    Point(262, "port_refused", U32, NUMBER, "engine refused", "of these, refused"),
    Point(264, "port_check_errors", U32, NUMBER, "engine checksum_errors", "damaged frames"),
    Point(266, "port_garbage", U32, NUMBER, "engine garbage_bytes", "bytes of no good frame"),
    Point(
        268, "port_superseded", U32, NUMBER, "engine superseded", "overtaken by a newer request"
    ),
    # The limits that run; element n is limit row n + 1.
    Point(
        300,
        "backstop_row_age_s",
        U16,
        S,
        "computed backstop_row_age_s",
        "since the front end's own guard of this limit was verified; not known where it has none",
        MOST_ROWS,
        ROWS,
    ),
    Point(400, "limit_trip", S32, ROW, "limits trip", "trips beyond", MOST_ROWS, ROWS),
    Point(528, "limit_release", S32, ROW, "limits release", "releases at", MOST_ROWS, ROWS),
    Point(656, "limit_trip_ms", U32, MS, "limits trip_delay_ms", "trips after", MOST_ROWS, ROWS),
    Point(
        784,
        "limit_release_ms",
        U32,
        MS,
        "limits release_delay_ms",
        "released after",
        MOST_ROWS,
        ROWS,
    ),
    Point(912, "short_circuit_ma", S32, MA, "table short_circuit_ma", "the front end cuts at"),
    Point(914, "short_circuit_us", U32, US, "table short_circuit_delay_us", "it cuts after"),
    # A set of limits in the making: begun as a copy of those that run.
    Point(1000, "staged_trip", S32, ROW, "staged trip", "trips beyond", *_STAGED),
    Point(1128, "staged_release", S32, ROW, "staged release", "releases at", *_STAGED),
    Point(1256, "staged_trip_ms", U32, MS, "staged trip_delay_ms", "trips after", *_STAGED_MS),
    Point(
        1384,
        "staged_release_ms",
        U32,
        MS,
        "staged release_delay_ms",
        "released after",
        *_STAGED_MS,
    ),
    Point(
        1512,
        "staged_short_circuit_ma",
        S32,
        MA,
        "staged short_circuit_ma",
        "the front end cuts at",
        access=OWNER,
        range=(-BIG, 0),
    ),
    Point(
        1514,
        "staged_short_circuit_us",
        U32,
        US,
        "staged short_circuit_delay_us",
        "it cuts after",
        access=OWNER,
        range=(0, 1000),
    ),
    # What can be asked for. A command reads as 0.
    Point(1600, "write_result", U16, CODE, "door result", f"of the latest write: {_RESULTS}"),
    Point(1601, "writes_taken", U16, NUMBER, "door taken", "since the start"),
    Point(1602, "writes_refused", U16, NUMBER, "door refused", "since the start"),
    Point(
        1603,
        "limits_state",
        U16,
        CODE,
        "stage state",
        "set of limits in the making: 0 none, 1 begun, 2 being checked, 3 good, 4 refused, "
        "5 taken over, 6 given up",
    ),
    Point(
        1604,
        "limits_begin",
        U16,
        CODE,
        "door limits_begin",
        "write the second register of limits_schema: a copy of the running limits is staged",
        access=OWNER,
        range=(0, 0xFFFF),
    ),
    Point(
        1605,
        "limits_validate",
        U16,
        CODE,
        "door limits_validate",
        "write 1: the staged set is checked as a whole",
        access=OWNER,
        range=(1, 1),
    ),
    Point(
        1606,
        "limits_commit",
        U16,
        CODE,
        "door limits_commit",
        "write 1: checked, then taken over whole or refused whole; the switches open for a second",
        access=OWNER,
        range=(1, 1),
    ),
    Point(
        1607,
        "limits_abandon",
        U16,
        CODE,
        "door limits_abandon",
        "write 1: the staged set is forgotten",
        access=OWNER,
        range=(1, 1),
    ),
    Point(
        1608,
        "owner_reset",
        U16,
        CODE,
        "door owner_reset",
        "write 1: the owner has looked; latched switches may close again if the limits let them",
        access=OWNER,
        range=(1, 1),
    ),
    Point(
        1609,
        "switches_allowed",
        U16,
        BITS,
        "door switches_allowed",
        "1 charge, 2 discharge: what is not allowed is kept off; the limits decide as always",
        access=OPERATOR,
        range=(0, 3),
    ),
    Point(1610, "limits_problems", U16, NUMBER, "stage found", "contradictions of the staged set"),
    Point(1612, "problem_row", U16, CODE, "stage problem_row", "limit row at fault", 8),
    Point(
        1620,
        "problem_code",
        U16,
        CODE,
        "stage problem_code",
        "1 release beyond trip, 2 beyond the chemistry, 3 warning beyond trip, 4 delay out of "
        "range, 5 wrong sign, 6 over and under crossed, 8 number out of range, 10 hysteresis too "
        "small, 11 stack contradicts cells, 12 charge window too wide, 13 short circuit too low, "
        "14 short circuit too slow, 16 release delay too short, 17 severe too near, 18 the front "
        "end cannot guard it, 19 cannot be measured, 20 stale in good health",
        8,
    ),
    Point(1628, "problem_number", S32, ROW, "stage problem_number", "number at fault", 8),
    Point(1644, "problem_bound", S32, ROW, "stage problem_bound", "what it goes beyond", 8),
    # Who may write (docs/keys.md).
    Point(1700, "keys_set", U16, BITS, "authority keys_set", "1 the operator's, 2 the owner's"),
    Point(
        1701,
        "key_copies_owed",
        U16,
        NUMBER,
        "authority key_copies_owed",
        "of a new key still to be written; 0: it survives a power cut",
    ),
    Point(
        1702,
        "window_left_s",
        U16,
        S,
        "authority window_left_s",
        "JBD and plain Modbus may still write for so long",
    ),
    Point(
        1703,
        "commissioning_left_s",
        U16,
        S,
        "authority commissioning_left_s",
        "keys may still be set at the board for so long",
    ),
    Point(1704, "sessions_open", U16, NUMBER, "authority sessions_open", "proved by a key"),
    Point(1705, "sessions_opened", U16, NUMBER, "authority sessions_opened", "since the start"),
    Point(
        1706,
        "proofs_refused",
        U16,
        NUMBER,
        "authority proofs_refused",
        "since the start: proofs, seals and key changes that were not believed",
    ),
    # What may flow, and for how long (docs/allowed-currents.md).
    Point(
        1720,
        "allowed_ahead_ma",
        U32,
        MA,
        "allowed ahead_ma",
        "charge for 10 s and for 60 s on, discharge for 10 s and for 60 s on",
        4,
    ),
    Point(
        1728,
        "allowed_why",
        U16,
        CODE,
        "allowed reasons",
        "what holds charge and discharge down: 0 the table's current, 1 something not known, "
        "2 switch open, 3 a cell at its end, 4 temperature, 5 a deeply discharged cell recovers, "
        "6 a cell would come too near its end, 7 rising slowly",
        2,
    ),
    Point(
        1730,
        "time_left_s",
        U32,
        S,
        "allowed time_left_s",
        "to empty at least, expected, at most; to full likewise",
        6,
    ),
    # What the pack has been through; never less than before.
    Point(
        1742,
        "total_charge",
        U32,
        DAH,
        "totals moved_dah",
        "in, out, in below 5 degC",
        3,
    ),
    Point(1748, "total_energy", U32, WH, "totals moved_wh", "in, out", 2),
    Point(1752, "total_s", U32, S, "totals seconds", "that were watched"),
    Point(
        1754,
        "harm_count",
        U32,
        NUMBER,
        "totals event_counts",
        "times: deeply discharged, overcharged, too hot, too cold, charged too hot, "
        "charged too cold",
        6,
    ),
    Point(1766, "harm_s", U32, S, "totals event_s", "each of these altogether", 6),
    Point(
        1778,
        "at_temp_s",
        U32,
        S,
        "totals by_temp_s",
        "hottest sensor below -10, 0, 10, 25, 35, 45, 55 degC, above",
        8,
    ),
    Point(
        1794,
        "at_charge_s",
        U32,
        S,
        "totals by_charge_s",
        "charge below 10, 20, .. 90 %, above",
        10,
    ),
    Point(
        1814,
        "at_rate_s",
        U32,
        S,
        "totals by_rate_s",
        "current below 0.02 C; charge below 0.2, 0.5, 1 C, above; discharge below 0.2, 0.5, 1, "
        "2 C, above",
        10,
    ),
    # What age does to the cells (docs/health.md).
    Point(1900, "soh_sigma", U16, PERMILLE, "ageing soh_sigma_permille", "one sigma of soh"),
    Point(1901, "capacity_pairs", U16, NUMBER, "ageing pairs", "of moments that soh rests on"),
    Point(1902, "usable_mah", U32, MAH, "ageing usable_mah", "of the pack, balanced as it is"),
    Point(
        1904,
        "imbalance_mah",
        U32,
        MAH,
        "ageing imbalance_mah",
        "what balancing would add to it",
    ),
    Point(
        1906,
        "capacity_doubts",
        U16,
        NUMBER,
        "ageing capacity_doubts",
        "pairs since the start that contradict what was known",
    ),
    Point(
        1907,
        "resistance_sigma",
        U16,
        PERMILLE,
        "ageing resistance_sigma_permille",
        "one sigma of cell_uohm, of its value",
    ),
    Point(
        1908,
        "joint_level",
        U16,
        CODE,
        "ageing joint_level",
        "worst of the cells beside their median: 1 beyond 1.5, 2 beyond 2 times its resistance",
    ),
    Point(1909, "bad_joints", U16, BITS, "ageing bad_joints", "bit n: cell n + 1 resists so", 3),
    Point(
        1912,
        "cell_capacity_mah",
        U32,
        MAH,
        "ageing capacities_mah",
        "measured, of each cell",
        MOST_CELLS,
        CELLS,
    ),
    Point(
        2008,
        "cell_uohm",
        U32,
        UOHM,
        "ageing resistances_uohm",
        "resistance of each cell at 25 degC",
        MOST_CELLS,
        CELLS,
    ),
    # Balancing by charge (docs/balancing.md).
    Point(
        2110,
        "to_move_mah",
        U16,
        MAH,
        "to_move to_move_mah",
        "charge that has still to leave each cell",
        MOST_CELLS,
        CELLS,
    ),
    Point(
        2158,
        "leak_ma",
        U16,
        MA,
        "leak leak_ma",
        "what each cell loses by itself beyond its neighbours",
        MOST_CELLS,
        CELLS,
    ),
    Point(
        2206,
        "leak_sigma_ma",
        U16,
        MA,
        "leak sigma_ma",
        "one sigma of it",
        MOST_CELLS,
        CELLS,
    ),
    Point(
        2254,
        "spread",
        U16,
        PERMILLE,
        "to_move spread_permille",
        "between the fullest and the emptiest cell, as far as it is known",
    ),
    Point(
        2255,
        "leaking_cell",
        U16,
        NUMBER,
        "leak cell",
        f"loses 0.2 mA and more for each Ah, surely; 0: none; {_PLACE}",
    ),
    # More of what the pack has been through (docs/totals.md).
    Point(
        2300,
        "half_cycles",
        U32,
        NUMBER,
        "totals halves",
        "half cycles of charge: element 10 x depth + mean, both by 10 % of the rated capacity",
        100,
    ),
    Point(
        2500,
        "open_turns",
        S16,
        HUNDREDTHS,
        "totals turns",
        "where the charge has turned, in cycles that are not closed yet; the oldest first",
        32,
    ),
    Point(
        2532,
        "records",
        S32,
        NUMBER,
        "totals records",
        "highest and lowest cell ever (mV), highest and lowest temperature (0.1 degC), highest "
        "current in and out (mA), which cells these were",
        8,
    ),
    Point(
        2548,
        "record_s",
        U32,
        S,
        "totals record_s",
        "total_s at the first six of these; the same by the clock, since 2020-01-01 00:00 UTC",
        12,
    ),
    Point(
        2572,
        "at_voltage_s",
        U32,
        S,
        "totals by_voltage_s",
        "highest cell less than 50, 100, 150, 200, 300, 400, 600 mV below its chemistry's "
        "over-voltage, more",
        8,
    ),
    Point(
        2588,
        "at_temp_and_s",
        U32,
        S,
        "totals by_both_s",
        "element 5 x temperature (hottest below 0, 10, 25, 35, 45 degC, above) + charge (below "
        "20, 40, 60, 80 %, above); from 30 on 5 x temperature + current (below 0.02 C; charge "
        "below 0.5 C, above; discharge below 0.5 C, above)",
        60,
    ),
    Point(
        2708,
        "outside_s",
        U32,
        S,
        "totals outside_s",
        "with a limit that warned and none that opened; with one that opened a switch",
        2,
    ),
    Point(2712, "anchors", U32, NUMBER, "totals anchors", "times that the charge was told anew"),
    Point(
        2714,
        "tail_s",
        U16,
        S,
        "allowed tail_s",
        "in which the current of a charge with the voltage held falls to 37 %: at least, "
        "expected, at most",
        3,
    ),
)


def by_key():
    return {point.key: point for point in POINTS}
