"""Examines a board and its firmware, measures them there, and writes a report to share."""
