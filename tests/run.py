#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every suite, even if one fails, and ends with a table of the results.

usage: run.py NAME COMMAND [-- NAME COMMAND]...

Each COMMAND is one argument that a shell runs. The output of a suite is passed on immediately; the
table shows the time of each suite and which of its tests failed. The exit status is 1 if any suite
failed. A suite that prints "skipped: WHY" and exits with 0 is shown with that line.
"""

import re
import subprocess
import sys
import time

# The lines with which runners report a failed test: ctest, cargo, rustfmt, Autobahn's table.
FAILURES = re.compile(
    r"^\s*(?:\d+/\d+ Test\s+#\d+: (?P<ctest>\S+) .*\*\*\*.*"
    r"|test (?P<cargo>\S+) \.\.\. FAILED"
    r"|Diff in (?P<fmt>\S+?):\d+:?"
    r"|(?P<clang>\S+?):\d+:\d+: error: code should be clang-formatted.*"
    r"|(?P<autobahn>\d+(?:\.\d+)+): behavior .*)$"
)
MOST_NAMES = 40


def main():
    suites = [(name, *run(name, command)) for name, command in pairs(sys.argv[1:])]
    print("\n==== suites ====")
    width = max(len(name) for name, *_ in suites)
    for name, status, seconds, details in suites:
        verdict = "ok" if status == 0 else f"FAILED ({status})"
        print(f"{name:{width}}  {seconds:6.0f} s  {verdict}  {', '.join(details)}".rstrip())
    failed = sum(status != 0 for _, status, *_ in suites)
    print(f"{len(suites) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def pairs(words):
    words = [word for word in words if word != "--"]
    if not words or len(words) % 2:
        sys.exit(__doc__)
    return zip(words[::2], words[1::2])


def run(name, command):
    """Returns the exit status, the seconds, and the names of failed tests or the line of a skip."""
    print(f"\n==== {name}: {command}", flush=True)
    began = time.monotonic()
    details = []
    with subprocess.Popen(
        ["sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith("skipped:"):
                details.append(line.strip())
            elif match := FAILURES.match(line):
                details.append(next(filter(None, match.groups())))
    unique = list(dict.fromkeys(details))
    if len(unique) > MOST_NAMES:
        unique = [*unique[:MOST_NAMES], f"and {len(unique) - MOST_NAMES} more"]
    return process.returncode, time.monotonic() - began, unique


if __name__ == "__main__":
    sys.exit(main())
