"""Runs the test_ functions of one file on the board's interpreter; prints a line for each."""

import sys


def run(module_name):
    module = __import__(module_name)
    failed = 0
    for name in sorted(dir(module)):
        if name.startswith("test_"):
            try:
                getattr(module, name)()
                print("ok", name)
            except Exception as error:
                failed += 1
                print("FAILED", name)
                sys.print_exception(error)
    return failed


if __name__ == "__main__":
    sys.exit(1 if run(sys.argv[1]) else 0)
