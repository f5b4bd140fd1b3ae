"""Serves a BMS's Modbus port on a pty, for real clients; and its engine without a line."""

import contextlib

from modbus_desk import Everybody, Master, with_sum

from tests.unit.pty_link import serving

__all__ = ["Everybody", "Master", "answering", "ask", "with_sum"]


@contextlib.contextmanager
def answering(master):
    """The path of the client's end; the port of the BMS is the pty's other end."""
    with serving(master.engine) as (path, link):
        yield path, link


def ask(engine, frame):
    """The answer to these bytes and a silence behind them; b"" for none."""
    for at in range(0, len(frame), 64):
        piece = frame[at : at + 64]
        engine.receive(piece, len(piece))
    while engine.unfinished:
        engine.go_on()
    if engine.pending:
        engine.silence()
    answer = bytes(engine.reply[: engine.reply_length])
    engine.reply_sent()
    return answer
