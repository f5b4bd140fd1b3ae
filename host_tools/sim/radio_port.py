"""Gives a simulated board Bluetooth with everything on. Never upload to a board.

The fake `bluetooth` has to be in use before the board is built. A board of yours names its parts
in board.py, see docs/bluetooth.md.
"""

PARTS = ("jbd_writing", "native", "bthome_sealed", "pairing")
PASSKEY = 314159
INTERVAL_MS = 500


def give(board, wanted=True, parts=PARTS, links=4, passkey=PASSKEY, **options):
    """board: the module; from now on its build() adds the radio, or leaves it out again.

    links: as many as the fake port has; options: others of ble_offer.offer(). Call it with False
    before native_port.give().
    """
    if board.build is getattr(board, "build_with_radio", None):
        board.build = board.build_without_radio
    if not wanted:
        return
    build = board.build

    def build_with_radio():
        from vigil.link import by_name

        hardware = build()
        by_name.offer_bluetooth(
            hardware,
            parts,
            interval_ms=INTERVAL_MS,
            links=links,
            passkey=passkey,
            shunt_uohm=getattr(board, "SHUNT_UOHM", 0),
            **options,
        )
        return hardware

    board.build_without_radio = build
    board.build_with_radio = build_with_radio
    board.build = build_with_radio
