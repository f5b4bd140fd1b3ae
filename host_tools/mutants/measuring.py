"""What is broken on purpose in what measures: LTC681x chains, BQ769x0, shunts, thermistors.

Each is (name, file below vigil/, old, new); signs, checks, freshness, bleeding, backstops.
"""

LTC681X = [
    (
        "bleeding that nobody asks for goes on",
        "afe/ltc681x.py",
        "_BLEED_LAPSE_MS = const(20000)",
        "_BLEED_LAPSE_MS = const(0x3FFFFFFF)",
    ),
    (
        "the watchdog lapses before bleeding is refreshed",
        "afe/ltc681x.py",
        "_REFRESH_MS = const(1000)",
        "_REFRESH_MS = const(3000)",
    ),
    (
        "a chain that slept is believed",
        "afe/ltc681x.py",
        "        if chain.slept:\n            # Their",
        "        if False:\n            # Their",
    ),
    (
        "old cells stand where nothing was converted",
        "afe/ltc681x.py",
        "        self._chain.send(self._clear_cells)\n",
        "",
    ),
    (
        "an old sum stands where nothing was converted",
        "afe/ltc681x.py",
        "        self._chain.send(self._clear_status)\n",
        "",
    ),
    (
        "all ones are a voltage",
        "afe/ltc681x.py",
        "_HIGHEST_MV = const(5599)",
        "_HIGHEST_MV = const(9999)",
    ),
    (
        "all ones are a sum",
        "afe/ltc681x.py",
        "            if word == _NEVER_RAW:\n                return UNKNOWN\n",
        "",
    ),
    (
        "results are taken while they are converted",
        "afe/ltc681x.py",
        "        if chain.busy():\n            self._wait_for_cells()\n",
        "",
    ),
    (
        "after a failed reading the next one is of the same conversion",
        "afe/ltc681x.py",
        "            self._convert_cells()\n            raise\n",
        "            raise\n",
    ),
    (
        "settings found lost are not written again",
        "afe/ltc681x.py",
        "if error.code == READ_BACK_DIFFERS or self._is_set_otherwise(error.code):",
        "if self._is_set_otherwise(error.code):",
    ),
    (
        "bleeding within a test of the leads",
        "afe/ltc681x.py",
        "            self._leads.give_up()\n",
        "            pass\n",
    ),
    (
        "bleeding outlives a shutdown",
        "afe/ltc681x.py",
        "        self._config.bleed_none()\n        self._chain.wake()\n",
        "        self._chain.wake()\n",
    ),
    (
        "neighbours bleed",
        "afe/ltc681x_layout.py",
        "if cell_input == before + 1:",
        "if False:",
    ),
    (
        "settings are not compared",
        "afe/ltc681x_layout.py",
        "            if (block[at] ^ view[at]) & mask[at]:\n",
        "            if False:\n",
    ),
    (
        "check codes are ignored",
        "afe/ltc681x_chain.py",
        "        return kernels.pec15_blocks(self.data, _TABLE, self.devices, PEC15_SEED)\n",
        "        return self._all\n",
    ),
    (
        "the second reading's check codes are ignored",
        "afe/ltc681x_chain.py",
        "        if self._exchange(reading[0]) & reading[1] != reading[1]:\n"
        "            raise failure(self._note(reading[1]))\n",
        "        self._exchange(reading[0])\n",
    ),
    (
        "the last answer stands where the bus fails",
        "afe/ltc681x_chain.py",
        "                rx[at] = 0xFF\n",
        "                pass\n",
    ),
    (
        "a long pause is no sleep",
        "afe/ltc681x_chain.py",
        "_ASLEEP_MS = const(1700)",
        "_ASLEEP_MS = const(4000)",
    ),
    (
        "the first block goes to the nearest device",
        "afe/ltc681x_chain.py",
        "        return _COMMAND_BYTES + FRAME_BYTES * (self.devices - 1 - device)\n",
        "        return _COMMAND_BYTES + FRAME_BYTES * device\n",
    ),
    (
        "a conversion without an end is over",
        "afe/ltc681x_chain.py",
        "        raise failure(TIMED_OUT)\n",
        "        return\n",
    ),
    (
        "an impossible die is believed",
        "afe/ltc681x_slow.py",
        "if raw == _NEVER_RAW or not _COLDEST_DIE_DC <= die_dc <= _HOTTEST_DIE_DC:",
        "if False:",
    ),
    (
        "any reference is good",
        "afe/ltc681x_slow.py",
        "if raw != _NEVER_RAW and _LOWEST_REFERENCE <= reference <= _HIGHEST_REFERENCE:",
        "if raw != _NEVER_RAW:",
    ),
    (
        "an old thermistor stands where nothing was converted",
        "afe/ltc681x_slow.py",
        "        chain.send(self._clear_aux)\n        chain.convert(step[0], step[1])\n",
        "        chain.convert(step[0], step[1])\n",
    ),
    (
        "lost settings are not looked for",
        "afe/ltc681x_slow.py",
        "            self._config.compare()\n            self._conclude()\n",
        "            self._conclude()\n",
    ),
    (
        "an open lead between two cells is not seen",
        "afe/ltc681x_slow.py",
        "_FALLS = const(-400)",
        "_FALLS = const(-40000)",
    ),
    (
        "an open first lead is not seen",
        "afe/ltc681x_slow.py",
        "            if up[cell] < _NOTHING:\n",
        "            if False:\n",
    ),
    (
        "an open last lead is not seen",
        "afe/ltc681x_slow.py",
        "            if down[cell - 1] < _NOTHING:\n",
        "            if False:\n",
    ),
    (
        "a device that fails its self-test is used",
        "afe/ltc681x_bring_up.py",
        "                if block[2 * word] | block[2 * word + 1] << 8 != pattern:\n",
        "                if False:\n",
    ),
    (
        "a device too many goes unwatched",
        "afe/ltc681x_bring_up.py",
        "    if chain.is_longer(RDCFGA):\n",
        "    if False:\n",
    ),
    (
        "a broken multiplexer is used",
        "afe/ltc681x_bring_up.py",
        "        if chain.blocks[number][5] & (_MUX_FAILED | _TOO_HOT):\n",
        "        if False:\n",
    ),
]

BQ769X0 = [
    (
        "the current has the wrong sign",
        "afe/bq769x0_conversions.py",
        "nanovolts = code * options.charge_sign",
        "nanovolts = 0 - code * options.charge_sign",
    ),
    (
        "the offset has the wrong sign",
        "afe/bq769x0_conversions.py",
        "cell_mv = (code * gain_uv + 500) // 1000 + offset_mv",
        "cell_mv = (code * gain_uv + 500) // 1000 - offset_mv",
    ),
    (
        "check codes are ignored",
        "afe/bq769x0_transfer.py",
        "                if kernels.crc8_unpack(self.data, CRC8_TABLE, count, self._read_seed):\n"
        "                    return\n",
        "                kernels.crc8_unpack(self.data, CRC8_TABLE, count, self._read_seed)\n"
        "                return\n",
    ),
    (
        "a stopped voltage converter is not noticed",
        "afe/bq769x0.py",
        "if control & _ADC_MASK != _ADC_EN or switches & _CC_MASK != _CC_EN:",
        "if switches & _CC_MASK != _CC_EN:",
    ),
    (
        "a stopped current converter is not noticed",
        "afe/bq769x0.py",
        "if control & _ADC_MASK != _ADC_EN or switches & _CC_MASK != _CC_EN:",
        "if control & _ADC_MASK != _ADC_EN:",
    ),
    (
        "codes that stand still pass for new",
        "afe/bq769x0_conversions.py",
        "            elif (now_ms - life_ms[group]) & _TICKS > _STUCK_MS:\n",
        "            elif False:\n",
    ),
    (
        "the same conversion passes for new",
        "afe/bq769x0.py",
        "        if self._due and conversions.read(sample, control, now_ms):\n",
        "        if conversions.read(sample, control, now_ms):\n",
    ),
    (
        "temperatures that nothing proves to be new are published",
        "afe/bq769x0_temperatures.py",
        "        if not self._were_proven:\n",
        "        if False:\n",
    ),
    (
        "a lost link to an upper group is not noticed",
        "afe/bq769x0.py",
        "        if status & _XREADY or self._link_lost:\n",
        "        if False:\n",
    ),
    (
        "a group without supply is believed",
        "afe/bq769x0_conversions.py",
        "            if code >= _RAIL or self._is_dead(place // 5):\n",
        "            if code >= _RAIL:\n",
    ),
    (
        "a cell at the rail is believed",
        "afe/bq769x0_conversions.py",
        "            if code >= _RAIL or self._is_dead(place // 5):\n",
        "            if self._is_dead(place // 5):\n",
    ),
    (
        "two readings that disagree are believed",
        "afe/bq769x0_conversions.py",
        "            if self._differ(second, first, _SAME_CODES):\n",
        "            if False:\n",
    ),
    (
        "shorted inputs add to the stack",
        "afe/bq769x0_conversions.py",
        "        if offset_mv < 0:\n            for place",
        "        if False:\n            for place",
    ),
    (
        "bleeding that nobody asks for goes on",
        "afe/bq769x0.py",
        "_BLEED_LAPSE_MS = const(20000)",
        "_BLEED_LAPSE_MS = const(0x3FFFFFFF)",
    ),
    (
        "neighbours bleed",
        "afe/bq769x0.py",
        "            if bits & bits >> 1:\n",
        "            if False:\n",
    ),
]

BQ769X0_BACKSTOP = [
    (
        "an over-voltage beyond the register means another one",
        "afe/bq769x0_backstop.py",
        "        if self.over_trip > _HIGHEST:\n            raise AfeError(UNSUPPORTED)\n",
        "        self.over_trip &= _HIGHEST\n",
    ),
    (
        "an under-voltage below the register means another one",
        "afe/bq769x0_backstop.py",
        "        if self.under_trip < 0:\n            raise AfeError(UNSUPPORTED)\n",
        "        self.under_trip &= _HIGHEST\n",
    ),
    (
        "the comparator is taken for exact",
        "afe/bq769x0_backstop.py",
        "            lowest_nv = threshold_mv * 900000 - 2500000\n",
        "            lowest_nv = threshold_mv * 1000000\n",
    ),
    (
        "a backstop of the wrong sign is taken",
        "afe/bq769x0_backstop.py",
        "        if asked_ma <= 0:\n",
        "        if False:\n",
    ),
]

BQ769X0_SWITCHES = [
    (
        "the trip of a cell that is still too high is cleared",
        "afe/bq769x0_trips.py",
        "            if self._all_below(cells_mv):\n",
        "            if True:\n",
    ),
    (
        "the trip of a cell that is not known is cleared",
        "afe/bq769x0_trips.py",
        "            if cell_mv <= self._under_release_mv or cell_mv == UNKNOWN:\n",
        "            if cell_mv <= self._under_release_mv:\n",
    ),
    (
        "the trip of a current is cleared at once",
        "afe/bq769x0_trips.py",
        "_CURRENT_MS = const(5000)",
        "_CURRENT_MS = const(0)",
    ),
    (
        "the trip of a current is cleared while the load is there",
        "afe/bq769x0_trips.py",
        "        if self._load_detect and self.load_seen:\n",
        "        if False:\n",
    ),
    (
        "the chip's over-current is not told",
        "afe/bq769x0_trips.py",
        "                discharge |= DISCHARGE_TRIP_OVER_CURRENT\n",
        "                pass\n",
    ),
    (
        "the chip's short circuit is not told",
        "afe/bq769x0_trips.py",
        "                discharge |= DISCHARGE_TRIP_SHORT_CIRCUIT\n",
        "                pass\n",
    ),
    (
        "a command undoes a trip",
        "afe/bq769x0_switching.py",
        "        allowed = wanted & self._trips.allows(data[0])\n",
        "        allowed = wanted\n",
    ),
    (
        "a command undoes a trip of the same moment",
        "afe/bq769x0_switching.py",
        "        still_allowed = allowed & self._trips.allows(data[0])\n",
        "        still_allowed = allowed\n",
    ),
    (
        "the direct line stands still",
        "afe/bq769x0_switching.py",
        "                self._both_off.value(0)\n",
        "                pass\n",
    ),
    (
        "without a direct line nothing is opened",
        "afe/bq769x0_switching.py",
        "self._transfer.write_byte(_SYS_CTRL2, _CC_EN if self.configured else 0)",
        "pass",
    ),
    (
        "a leak through an open switch is not seen",
        "afe/bq769x0_switching.py",
        "        if self._charge_leaks >= _MISMATCH_CONVERSIONS:\n            stuck |= 1\n",
        "",
    ),
    (
        "a switch that reports closed is not believed",
        "afe/bq769x0_switching.py",
        "_MISMATCH_MS:\n            stuck |= 1\n",
        "_MISMATCH_MS:\n            stuck |= 0\n",
    ),
]

SHUNT = [
    (
        "a shunt wired the other way round has the wrong sign",
        "sensor/shunt_monitor.py",
        "        return self._sign * ((voltage",
        "        return ((voltage",
    ),
    (
        "limits of a shunt wired the other way round are exchanged",
        "sensor/shunt_monitor.py",
        "            charge, discharge = discharge, charge\n",
        "            pass\n",
    ),
    (
        "an alert of a shunt wired the other way round is told of the wrong switch",
        "sensor/shunt_monitor.py",
        "            charge = HIGH if self._sign > 0 else LOW\n",
        "            charge = HIGH\n",
    ),
    (
        "two registers that disagree are believed",
        "sensor/shunt_monitor.py",
        "        if self._read_twice and not self._agrees(voltage):\n",
        "        if False:\n",
    ),
    (
        "two registers that disagree twice are believed",
        "sensor/shunt_monitor.py",
        "            if not self._agrees(voltage):\n                raise failure(CHECK_FAILED)\n",
        "",
    ),
    (
        "the same conversion passes for new",
        "sensor/shunt_monitor.py",
        "        if seen & NEW:\n            # First",
        "        if True:\n            # First",
    ),
    (
        "lost settings are not noticed",
        "sensor/shunt_monitor.py",
        "            if seen & LOST:\n                self.configured = False\n",
        "            if False:\n                self.configured = False\n",
    ),
    (
        "what the chip could not calculate is a current",
        "sensor/shunt_monitor.py",
        "UNKNOWN if seen & NO_NUMBER else self._current_ma()",
        "self._current_ma()",
    ),
    (
        "a broken memory is no fault",
        "sensor/shunt_monitor.py",
        "        if seen & BROKEN:\n",
        "        if False:\n",
    ),
    (
        "the alert stands at the limit itself",
        "sensor/shunt_monitor.py",
        "_MARGIN_PERCENT = const(25)",
        "_MARGIN_PERCENT = const(0)",
    ),
    (
        "limits beyond the range are taken",
        "sensor/shunt_monitor.py",
        "        if max(charge, discharge) > _LARGEST_LIMIT:\n",
        "        if False:\n",
    ),
    (
        "limits of the wrong sign are taken",
        "sensor/shunt_monitor.py",
        "        if min(trips) <= 0:\n",
        "        if False:\n",
    ),
    (
        "the alert's wire is not tested",
        "sensor/shunt_monitor.py",
        "while seen & wanted != wanted or not (stands or self._alert is None):",
        "while seen & wanted != wanted:",
    ),
    (
        "the alert's limits are not tested",
        "sensor/shunt_monitor.py",
        "while seen & wanted != wanted or not (stands or self._alert is None):",
        "while not (stands or self._alert is None):",
    ),
    (
        "a cut is over as soon as the alert is",
        "sensor/shunt_monitor.py",
        "(self._tripped or self._alert_stands())",
        "self._alert_stands()",
    ),
    (
        "settings are not compared",
        "sensor/shunt_monitor.py",
        "            if self.read_word(register) != value & 0xFFFF:\n",
        "            if False:\n",
    ),
    (
        "an INA226 knows no negative current",
        "sensor/ina226.py",
        "        return (code ^ 0x8000) - 0x8000\n",
        "        return code\n",
    ),
    (
        "an INA228 knows no negative current",
        "sensor/ina228.py",
        "        return (code ^ 0x80000) - 0x80000\n",
        "        return code\n",
    ),
    (
        "a disturbed transfer of an INA228 is a current",
        "sensor/ina228.py",
        "        if buffer[2] & 0x0F:\n",
        "        if False:\n",
    ),
    (
        "an INA228 in its fine range counts coarse steps",
        "sensor/ina228.py",
        "milli = _FINE_DIVISOR_MILLI if self._fine else _COARSE_DIVISOR_MILLI",
        "milli = _COARSE_DIVISOR_MILLI",
    ),
    (
        "an INA226 guards the other direction",
        "sensor/ina226.py",
        "        self._looks_up = guard_charge != charge_negative\n",
        "        self._looks_up = guard_charge\n",
    ),
]

THERMISTOR = [
    (
        "an open thermistor is a temperature",
        "sensor/thermistor.py",
        "    if code > table[0] or code < table[len(table) - 1]:\n",
        "    if code < table[len(table) - 1]:\n",
    ),
    (
        "cold reads as the next warmer step",
        "sensor/thermistor.py",
        "    return warmer_dc - (_STEP_DC",
        "    return warmer_dc + 0 * (_STEP_DC",
    ),
]
