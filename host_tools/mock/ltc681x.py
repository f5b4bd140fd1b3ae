"""Register-level model of a daisy chain of LTC6811, LTC6813 and ADBMS1818 on the virtual clock.

Written from the fact sheet, independently of the driver. The first device is the nearest to the
controller and measures the lowest cells. An SPI device for `attach_spi` with a select line.
"""

from host_tools.mock.ltc681x_commands import DIAGN, PLADC, RDCOMM, WRITES
from host_tools.mock.ltc681x_device import Ltc681xDevice
from host_tools.mock.ltc681x_parts import PARTS
from host_tools.mock.ltc681x_pec import framed, is_framed

__all__ = ("Ltc681xChain",)

_MOST_DEVICES = 8
_HEAD = 4
_BLOCK = 8
_NOBODY = 0xFF

_IDLE = 0
_READ = 1
_WRITE = 2
_POLL = 3


class Ltc681xChain:
    spi_mode = 3
    spi_hz_limit = 1_000_000
    # What a byte takes at that speed, for polls within one transfer.
    byte_us = 8
    # From sleep one pulse climbs the chain by itself; out of idle each device needs its own.
    sleep_pulse_climbs = True
    idle_pulse_climbs = False
    # Called after each conversion of a device; may change what it has left with show_...().
    after_measuring = None

    def __init__(
        self,
        clock,
        bench,
        *,
        parts,
        cells,
        thermistors=None,
        wiring=None,
        seed=0,
        thermistor_ohm=None,
    ):
        """parts: names from below; cells: how many each of them measures.

        thermistors: for each device the places on the bench at GPIO1, GPIO2, ... (None: nothing
        there); without it all pins take the places in their order. wiring: for each device the
        mask of channels with a cell, the lowest channels without it. thermistor_ohm: their
        resistance, a function of degC; that of a B without it.
        """
        if not 1 <= len(parts) <= _MOST_DEVICES or len(cells) != len(parts):
            raise ValueError("one to eight devices, and a number of cells for each")
        if sum(cells) != len(bench.cell_mv):
            raise ValueError(
                "the devices measure %d of %d cells" % (sum(cells), len(bench.cell_mv))
            )
        self.clock = clock
        self.bench = bench
        self.devices = []
        # Fault hooks: broken leads of the pack (n: to the top of cell n), no answer at all, wrong
        # PECs from everybody, a data line that stays at one level (None, 0x00, 0xFF).
        self.open_leads = set()
        self.answering = True
        self.corrupt_checks = False
        self.miso_stuck = None
        first = 0
        place = 0
        for index in range(len(parts)):
            part = PARTS[parts[index]]
            mask = wiring[index] if wiring else (1 << cells[index]) - 1
            channels = [n + 1 for n in range(part.cells) if mask >> n & 1]
            if len(channels) != cells[index] or mask >> part.cells:
                raise ValueError("device %d cannot have these cells" % index)
            if thermistors is not None:
                places = thermistors[index]
            else:
                places = range(place, min(place + part.gpios, len(bench.temps_c)))
                place += part.gpios
            device = Ltc681xDevice(
                self,
                index,
                part,
                range(first, first + cells[index]),
                channels,
                places,
                seed * _MOST_DEVICES + index,
            )
            if thermistor_ohm is not None:
                device.gpio.ohm_at = thermistor_ohm
            self.devices.append(device)
            first += cells[index]
        self._selected = False
        self._forget_frame()

    # Faults that reach the whole chain

    @property
    def frozen(self):
        return self.devices[0].frozen

    @frozen.setter
    def frozen(self, frozen):
        for device in self.devices:
            device.frozen = frozen

    def reset(self):
        for device in self.devices:
            device.power_up()

    def brown_out(self, us=20_000):
        for device in self.devices:
            device.brown_out(us)

    def flip_a_setting(self):
        self.devices[0].flip_a_setting()

    # What it shows instead of the truth

    def show_cell(self, place, mv):
        for device in self.devices:
            if place in device.cells:
                channel = device.channels[device.cells.index(place)]
                device.measuring.show_cell(channel, mv)

    def show_stack(self, mv):
        """Each device its share, as the cells below it have theirs of the whole."""
        cell_mv = self.bench.cell_mv
        whole_mv = sum(cell_mv)
        for device in self.devices:
            mine_mv = sum([cell_mv[cell] for cell in device.cells])
            device.measuring.show_sum(mv * mine_mv / whole_mv)

    # Discharge

    def show_discharge(self):
        mask = 0
        for device in self.devices:
            mask |= device.bled_cells()
        self.bench.set_bleed(mask)

    # Bus

    def spi_select(self, level):
        """The select line; its falling edge alone wakes who sleeps."""
        if level:
            if self._selected:
                self._selected = False
                self._end_frame()
        else:
            self._selected = True
            self._begin_frame()

    def spi(self, sent):
        """The first transfer of a frame, or a whole one where no select line is looked at."""
        if self._selected:
            return self._clock_through(sent)
        self._begin_frame()
        received = self._clock_through(sent)
        self._end_frame()
        return received

    def spi_more(self, sent):
        return self._clock_through(sent)

    def _forget_frame(self):
        self._listening = []
        self._head = bytearray()
        self._data = bytearray()
        self._phase = _IDLE
        self._answer = b""
        self._code = 0
        self._polled_bits = 0
        self._clocked_us = 0

    def _begin_frame(self):
        """Only devices that are ready at this edge take part; it wakes the others."""
        self._forget_frame()
        t_us = self._clocked_us = self.clock.now_us
        if not self.answering:
            return
        reached = True
        for device in self.devices:
            if device.missing or not device.powered:
                break
            slept = device.asleep
            if device.pulse(t_us):
                if reached:
                    self._listening.append(device)
                continue
            reached = False
            woken = device.ready_at_us > t_us and device.port_us == device.ready_at_us
            if not woken or not (self.sleep_pulse_climbs if slept else self.idle_pulse_climbs):
                break
            t_us = device.ready_at_us

    def _clock_through(self, sent):
        now_us = self.clock.now_us
        count = len(sent)
        if self._listening:
            gap_us = now_us - self._clocked_us - count * self.byte_us
            if gap_us > self._listening[0].idle_us:
                # The link fell idle within the frame.
                self._listening = []
                self._answer = b""
        self._clocked_us = now_us
        received = bytearray(count)
        for at in range(count):
            t_us = now_us - (count - 1 - at) * self.byte_us
            received[at] = self._exchange(sent[at], t_us)
        for device in self._listening:
            device.port_us = now_us
        if self.miso_stuck is not None:
            return bytes([self.miso_stuck]) * count
        return bytes(received)

    def _exchange(self, byte, t_us):
        if len(self._head) < _HEAD:
            self._head.append(byte)
            if len(self._head) == _HEAD:
                self._command()
            return _NOBODY
        at = len(self._data)
        self._data.append(byte)
        if self._phase == _READ:
            return self._answer[at] if at < len(self._answer) else _NOBODY
        if self._phase == _POLL:
            return self._poll(t_us)
        return _NOBODY

    def _command(self):
        head = bytes(self._head)
        code = self._code = (head[0] & 7) << 8 | head[1]
        good = is_framed(head) and not head[0] & 0xF8
        answer = b""
        for at in range(len(self._listening)):
            device = self._listening[at]
            if device.lost_commands:
                device.lost_commands -= 1
                good = False
            if not good:
                # Neither it nor those above take part any further.
                for refusing in self._listening[at:]:
                    refusing.refused_commands += 1
                del self._listening[at:]
                break
            block = device.command(code)
            answer += self._framed(device, block)
        if code in WRITES:
            self._phase = _WRITE
        elif code in (PLADC, DIAGN) or (code & 0x600 and code & 0x700 != 0x700):
            self._phase = _POLL
        elif code & 0x700 == 0 or code == RDCOMM:
            self._phase = _READ
            self._answer = answer

    def _framed(self, device, block):
        if block is None:
            return b"\xff" * _BLOCK
        block = framed(block)
        if device.bad_pecs or self.corrupt_checks:
            if device.bad_pecs > 0:
                device.bad_pecs -= 1
            block = block[:7] + bytes([block[7] ^ 0x04])
        return block

    def _poll(self, t_us):
        """Low while one of them converts; the first clocks, one a device, say nothing."""
        busy = False
        for device in self._listening:
            if device.measuring.busy_at(t_us):
                busy = True
        byte = 0x00 if busy else 0xFF
        blind = max(0, min(8, len(self._listening) - self._polled_bits))
        self._polled_bits += 8
        return byte | 0xFF & ~(0xFF >> blind)

    def _end_frame(self):
        now_us = self.clock.now_us
        for device in self._listening:
            device.port_us = now_us
        if self._phase == _WRITE and self._data and not len(self._data) % _BLOCK:
            self._shift_in()
        self._phase = _IDLE

    def _shift_in(self):
        """The block that was sent last has stayed in the nearest device."""
        data = self._data
        end = len(data)
        for device in self._listening:
            if end == 0:
                break
            block = data[end - _BLOCK : end]
            end -= _BLOCK
            good = is_framed(block)
            if device.lost_blocks:
                device.lost_blocks -= 1
                good = False
            if good:
                device.write(self._code, bytes(block[:6]))
            else:
                device.refused_blocks += 1
