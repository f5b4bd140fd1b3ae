"""An inverter on the desk's serial line, with Pylontech's frames and sums of its own."""

from modbus_desk import Everybody, Master

__all__ = ["Everybody", "Inverter", "frame", "opened"]


def with_sum(text):
    """A frame around everything from VER to INFO."""
    return b"~" + text + b"%04X\r" % (-sum(text) & 0xFFFF)


def frame(command, info=b"", address=2, version=0x20, kind=0x46):
    count = len(info)
    nibbles = (count >> 8) + (count >> 4 & 15) + (count & 15)
    length = (-nibbles & 15) << 12 | count
    return with_sum(b"%02X%02X%02X%02X%04X" % (version, address, kind, command, length) + info)


def opened(answer):
    """(address, return code, INFO as bytes) of an answer whose sums are right."""
    assert answer[:3] == b"~20" and answer[5:7] == b"46", answer
    code = int(answer[7:9], 16)
    count = int(answer[9:13], 16) & 0xFFF
    info = answer[13:-5]
    assert len(info) == count
    assert answer == frame(code, info, int(answer[3:5], 16)), answer
    return (
        int(answer[3:5], 16),
        code,
        bytes([int(info[at : at + 2], 16) for at in range(0, count, 2)]),
    )


class Inverter(Master):
    """A desk whose port speaks Pylontech; address 2."""

    PROTOCOL = "pylontech"
    BAUD = 115200

    def ask(self, command, info=b"02", address=2, ms=60):
        """INFO of the answer, which is no refusal."""
        answer = self.send(frame(command, info, address), ms)
        told, code, data = opened(answer)
        assert told == address and code == 0, answer
        return data

    def words(self, command):
        """The answer to 47 behind its flag, or to 92 behind its number, as signed words."""
        data = self.ask(command)
        return [_signed(data, at) for at in range(1, len(data) - 1, 2)]

    def permitted(self):
        """{what an inverter obeys}."""
        data = self.ask(0x92)
        assert len(data) == 10 and data[0] == 2
        charge_mv, discharge_mv, charge, discharge = [_signed(data, at) for at in (1, 3, 5, 7)]
        return {
            "charge_mv": charge_mv & 0xFFFF,
            "discharge_mv": discharge_mv & 0xFFFF,
            "charge_ma": charge * 100,
            "discharge_ma": discharge * 100,
            "status": data[9],
        }

    def analog(self, info=b"02"):
        """{what 42 tells}; the count of its bytes has to fit."""
        data = self.ask(0x42, info)
        cells = data[2]
        at = 3 + 2 * cells
        sensors = data[at]
        found = {
            "flag": data[0],
            "number": data[1],
            "cells_mv": [_signed(data, 3 + 2 * cell) for cell in range(cells)],
            "temps_dk": [_signed(data, at + 1 + 2 * sensor) for sensor in range(sensors)],
        }
        at += 1 + 2 * sensors
        found["current_ma"] = _signed(data, at) * 100
        found["stack_mv"] = _signed(data, at + 2) & 0xFFFF
        found["small"] = [_signed(data, at + 4) & 0xFFFF, _signed(data, at + 7) & 0xFFFF]
        found["cycles"] = _signed(data, at + 9)
        large = data[at + 6] == 4
        if large:
            found["remaining_mah"] = data[at + 11] << 16 | _signed(data, at + 12) & 0xFFFF
            found["capacity_mah"] = data[at + 14] << 16 | _signed(data, at + 15) & 0xFFFF
        assert len(data) == at + (17 if large else 11)
        return found

    def states(self):
        """{what 44 tells}."""
        data = self.ask(0x44)
        cells = data[2]
        sensors = data[3 + cells]
        at = 4 + cells + sensors
        assert len(data) == at + 8
        return {
            "cells": list(data[3 : 3 + cells]),
            "sensors": list(data[4 + cells : at]),
            "flows": list(data[at : at + 3]),
            "status": list(data[at + 3 :]),
        }


def _signed(data, at):
    value = data[at] << 8 | data[at + 1]
    return value - 0x10000 if value & 0x8000 else value
