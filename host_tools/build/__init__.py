"""Makes the files that belong on a board: exactly what it needs, compiled for its processor."""
