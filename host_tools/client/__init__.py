"""Talks to a BMS, real or simulated: over a serial port, in the protocol that it speaks.

    from host_tools.client import connect

    with connect.at_port("/dev/ttyUSB0") as bms:
        print(bms.read("cell_mv", "soc"))

What can be read, and its units: docs/points.md. With a key: `bms.open_session("owner", key)`.
"""
