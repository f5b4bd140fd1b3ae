"""Gives a simulated board a USB port that speaks the native protocol. Never upload to a board.

A board of yours does the same with its own port, see docs/native-protocol.md.
"""

UART_ID = 5  # none of any simulated board's own
BAUD = 115200


def give(board, wanted=True):
    """board: the module; from now on its build() adds the port, or leaves it out again."""
    build = board.build
    if build is getattr(board, "build_with_native", None):
        build = board.build_without_native

    def build_with_native():
        from machine import UART

        from vigil.link import serial_frames

        hardware = build()
        serial_frames.offer(hardware, UART(UART_ID, baudrate=BAUD), BAUD)
        return hardware

    board.build_without_native = build
    board.build_with_native = build_with_native
    board.build = build_with_native if wanted else build
