"""A simulated board whose raw REPL is a pipe: runs what is sent on it. Never upload to a board.

A line of JSON is a piece of program; what it prints follows, then a line that says how it ended.
"""

import json
import sys

from host_tools.sim.node import Node

try:
    from utime import ticks_us as real_ticks
except ImportError:
    from time import perf_counter_ns

    def real_ticks():
        return perf_counter_ns() // 1000


def main(config_path):
    with open(config_path) as file:
        node = Node(json.load(file))
    node._build()
    names = {"real_ticks": real_ticks}
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        ended = ""
        try:
            exec(json.loads(line), names)
        except Exception as error:
            ended = "%s: %s" % (type(error).__name__, error)
        print("\x04" + json.dumps(ended))
        if sys.implementation.name != "micropython":
            sys.stdout.flush()


main(sys.argv[1])
