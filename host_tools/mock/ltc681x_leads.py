"""Sense leads of one LTC681x model: what its inputs see, broken leads, the open-wire currents.

Lead 0 goes to C0, lead n to the top of the device's n-th cell. A connected cell does not notice
100 uA. The input behind a broken lead stays where its capacitor is until enough runs with the
same current have pulled it: up to the input above it, or down to the one below.
"""

from host_tools.mock.ltc681x_parts import FAST, FAST_14K, SLOWEST


class Leads:
    # Behind the usual filter; the sheet wants 1.5 runs and one more for every 10 nF, 2 at 26 Hz.
    capacitor_nf = 4.0

    def __init__(self, device):
        self.device = device
        self.open = set()
        # How far the input behind a broken lead was pulled: 1 up, -1 down, 0 where it belongs.
        self._pulled = {}
        self._runs = 0
        self._direction = 0

    def forget(self):
        self._runs = 0
        self._direction = 0

    def pull(self, up, speed):
        """One open-wire run."""
        direction = 1 if up else -1
        self._runs = self._runs + 1 if direction == self._direction else 1
        self._direction = direction
        enough = 2.0 if speed == SLOWEST else 1.5 + self.capacitor_nf / 10.0
        if speed in (FAST, FAST_14K):
            enough *= 2
        if self._runs >= enough:
            for lead in self.all_open():
                self._pulled[lead] = direction

    def rest(self):
        """A conversion without the currents: a test has to begin anew."""
        self.forget()

    def all_open(self):
        """This device's own broken leads and those broken at the pack."""
        device = self.device
        leads = set(self.open)
        pack_leads = device.chain.open_leads
        if pack_leads:
            for place in range(len(device.cells)):
                if device.cells[place] + 1 in pack_leads:
                    leads.add(place + 1)
            if 0 in pack_leads and device.cells and device.cells[0] == 0:
                leads.add(0)
        return leads

    def inputs_mv(self):
        """Each cell of the device as its inputs show it."""
        device = self.device
        bench_mv = device.bench.cell_mv
        cell_mv = [bench_mv[cell] for cell in device.cells]
        broken = self.all_open()
        if not broken and not self._pulled:
            return cell_mv
        shown_mv = list(cell_mv)
        for lead in sorted(self._pulled):
            if lead not in broken:
                del self._pulled[lead]
                continue
            shift_mv = 0.0
            if self._pulled[lead] > 0 and lead < len(cell_mv):
                shift_mv = cell_mv[lead]
            elif self._pulled[lead] < 0 and lead > 0:
                shift_mv = -cell_mv[lead - 1]
            if lead > 0:
                shown_mv[lead - 1] += shift_mv
            if lead < len(cell_mv):
                shown_mv[lead] -= shift_mv
        return shown_mv

    def carried(self, places):
        """Of these cells (a mask by place) the ones whose discharge current has a way to flow."""
        broken = self.all_open()
        if not broken:
            return places
        count = len(self.device.cells)
        lost = True
        while lost:
            lost = False
            for place in range(count):
                if not places >> place & 1:
                    continue
                # Past a broken lead the current can only go on through the next switch.
                up = place + 1 not in broken or (place + 1 < count and places >> (place + 1) & 1)
                down = place not in broken or (place > 0 and places >> (place - 1) & 1)
                if not up or not down:
                    places &= ~(1 << place)
                    lost = True
        return places
