#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs ctest, and fails also if no test has run. ctest itself succeeds if it finds no test, or
skips all of them.

usage: ctest.py BUILD_DIR ARGUMENT...
"""

import re
import subprocess
import sys
from pathlib import Path

PASSED = re.compile(r"^ *\d+/\d+ Test +#\d+: .* Passed +[\d.]+ sec$")


def main():
    build, *arguments = sys.argv[1:]
    has_passed = False
    command = ["ctest", "--test-dir", build, "--no-tests=error", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            has_passed = has_passed or bool(PASSED.match(line))
    if process.returncode != 0 or has_passed:
        return process.returncode
    log = Path(build, "Testing/Temporary/LastTest.log").read_text(errors="replace")
    for reason in sorted({line for line in log.splitlines() if line.startswith("skipped")}):
        print(reason)
    print("failed: no test has run")
    return 1


if __name__ == "__main__":
    sys.exit(main())
