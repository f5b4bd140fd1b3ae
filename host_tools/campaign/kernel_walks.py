"""Kernel evaluations by the hundred thousand: kernels.judge beside the plain oracle of the tests.

kernel_walks.py FIRST COUNT CYCLES. Runs on both interpreters; the oracle is in tests/micropython.
"""

import json
import sys

from test_kernels_random import walk


def main(arguments):
    first, count, cycles = [int(word) for word in arguments]
    failures = []
    trips = 0
    for seed in range(first, first + count):
        try:
            trips += walk(seed, cycles)
        except AssertionError as error:
            failures.append([seed, str(error)])
    print(json.dumps({"evaluations": count * cycles, "trips": trips, "failures": failures}))


if __name__ == "__main__":
    main(sys.argv[1:])
