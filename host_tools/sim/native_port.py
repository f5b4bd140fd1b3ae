"""Gives a simulated board a USB port that speaks the native protocol. Never upload to a board.

A board of yours does the same with its own port, see docs/native-protocol.md.
"""

UART_ID = 5  # none of any simulated board's own
BAUD = 115200


def give(board, wanted=True):
    """board: the module; from now on its build() adds the port, or leaves it out again."""
    if not hasattr(board, "build_without_native"):
        board.build_without_native = board.build

    def build_with_native():
        from machine import UART

        from vigil.link import serial_frames

        hardware = board.build_without_native()
        serial_frames.offer(hardware, UART(UART_ID, baudrate=BAUD), BAUD)
        return hardware

    board.build = build_with_native if wanted else board.build_without_native
