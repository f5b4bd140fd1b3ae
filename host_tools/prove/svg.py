"""The few SVG elements that the plots are made of, and scales from numbers to pixels."""

from html import escape
from math import floor, log10


class Scale:
    """A straight line from numbers to pixels."""

    def __init__(self, first, last, first_px, last_px):
        self.first, self.last = first, last
        self._first_px = first_px
        self._per = (last_px - first_px) / (last - first or 1)

    def __call__(self, value):
        return round(self._first_px + (value - self.first) * self._per, 1)

    def holds(self, value):
        return self.first <= value <= self.last

    def held(self, value):
        """The pixel of the value, or of the nearer end."""
        return self(min(max(value, self.first), self.last))


def nice(low, high, count):
    """Round numbers between two ends, about so many."""
    span = high - low
    if span <= 0:
        return []
    raw = span / count
    size = 10 ** floor(log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw)
    first = floor(low / step) + 1
    found = []
    while first * step < high:
        found.append(round(first * step, 9))
        first += 1
    return found


def line(css, x1, y1, x2, y2):
    return f'<line class="{css}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def box(css, x, y, width, height):
    return f'<rect class="{css}" x="{x}" y="{y}" width="{width}" height="{height}"/>'


def text(css, x, y, words, anchor="start"):
    return f'<text class="{css}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def curve(css, points):
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline class="{css}" points="{path}"/>'


def picture(width, height, title, parts):
    words = escape(title)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{words}">'
        f"<title>{words}</title>{''.join(parts)}</svg>"
    )
