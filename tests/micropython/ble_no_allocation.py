"""With phones attached: the cycle and the radio's handler allocate nothing of their own, and
rubbish leaves nothing behind. Run by tests/unit/test_ble.py; prints the counts and "ok".
"""

import gc

import micropython
from ble_desk import BASIC, JBD_REQUEST, TELEMETRY, BleDesk

from host_tools.campaign import radio_rubbish

CYCLES = 200
EVENTS = 200


def main():
    master = BleDesk(code_time=False)
    phones = [master.phone(mtu, number) for number, mtu in enumerate((23, 185))]
    allocated = 0
    heard = 0
    for _ in range(CYCLES):
        for phone in phones:
            phone.write(JBD_REQUEST, BASIC)
        master.run_ms(50)
        heard += sum([len(phone.told(TELEMETRY)) for phone in phones])
        # Whatever is on its way comes first: it would be the fakes that allocate.
        master.air.deliver()
        now_ms = master.clock.now_us // 1000
        sample, protection = master.bms.sample, master.bms.protection
        gc.collect()
        before = gc.mem_alloc()
        protection.judge(sample, now_ms)
        master.bms.switches.act(protection, now_ms)
        allocated += gc.mem_alloc() - before
    assert allocated == 0 and heard >= 10, (allocated, heard)
    # The handler: what it asks of the port is the port's, here always the same bytes.
    radio = master.radio
    port = radio._radio

    class Port:
        def gatts_read(self, handle):
            return BASIC

        def gatts_write(self, handle, data):
            pass

    radio._radio = Port()
    handle = master.handles[JBD_REQUEST]
    events = (
        (3, (0, handle)),
        (21, (0, 185)),
        (27, (0, 24, 0, 400, 0)),
        (2, (1, 0, b"")),
        (1, (1, 0, b"")),
        (3, (1, handle)),
        (3, (9, handle)),
        (3, (0, 9)),
    )
    event = radio.event
    micropython.heap_lock()
    for _ in range(EVENTS):
        for kind, data in events:
            event(kind, data)
    micropython.heap_unlock()
    radio._radio = port
    assert radio.dropped > EVENTS
    print("cycles", CYCLES, "events", EVENTS * len(events))
    assert radio_rubbish.play(4, 1000) == []
    gc.collect()
    before = gc.mem_alloc()
    assert radio_rubbish.play(5, 4000) == []
    gc.collect()
    # Another desk has been made meanwhile, in the place of the first.
    assert gc.mem_alloc() <= before + 4096, gc.mem_alloc() - before
    print("ok")


main()
