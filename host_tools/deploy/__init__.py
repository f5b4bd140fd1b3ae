"""Puts a built version beside the one that runs on a board, checks it there, and switches over."""
