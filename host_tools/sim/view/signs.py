"""Colours and signs of the live view.

Nothing is told by colour alone: every state has a word and a shape. The colours (cyan, yellow,
orange, by lightness as well) stay apart for people who do not tell red from green.
"""

GOOD = "cyan"
WARNING = "bold yellow"
FAULT = "bold black on orange1"
WARNING_FILL, FAULT_FILL = "yellow", "orange1"
QUIET = "bright_black"
STRONG = "bold"
PLAIN = ""

ON, OPEN, PROBLEM, ATTENTION, PLAYING, PAUSED, BLEEDS = "●", "○", "✖", "▲", "▶", "‖", "◆"
HIGHEST, LOWEST = "▴", "▾"
TRIP_LINE, WARNING_LINE = "┃", "╎"
RULE = "─"
FULL = "█"
# Eighths of a character cell, from nothing to nearly full.
PARTS = " ▏▎▍▌▋▊▉"

# For terminals without these signs.
ASCII = str.maketrans(
    {
        ON: "*",
        OPEN: "o",
        PROBLEM: "X",
        ATTENTION: "!",
        PLAYING: ">",
        PAUSED: "=",
        BLEEDS: "b",
        HIGHEST: "^",
        LOWEST: "v",
        TRIP_LINE: "|",
        WARNING_LINE: ":",
        RULE: "-",
        FULL: "#",
        "…": ".",
        **{part: "#" if at >= 4 else " " for at, part in enumerate(PARTS)},
    }
)
