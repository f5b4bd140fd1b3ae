"""Runs first on the board: every switch output to off, and nothing else."""

import board
from machine import Pin

for _pin, _level in board.SAFE_PINS:
    Pin(_pin, Pin.OUT, value=_level)
