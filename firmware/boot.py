"""Runs first on the board: every switch output to off, and nothing else."""

from machine import Pin

import board

for _pin, _level in board.SAFE_PINS:
    Pin(_pin, Pin.OUT, value=_level)
