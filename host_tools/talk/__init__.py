"""The commands that talk to a BMS: monitor, points, set, limits, log, key, and doctor's search."""
