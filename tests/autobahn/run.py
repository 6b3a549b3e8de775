#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a client through the Autobahn|TestSuite and evaluates the results.

usage: run.py [--cases PATTERNS] [--exclude PATTERNS] [--reports DIRECTORY] -- DRIVER [ARGUMENT...]

Starts the fuzzing server with the selected cases, runs DRIVER with the server's URL as its last
argument (see driver.c), and exits with 0 only if every case passed (see summarise.py). Run
setup.sh once before.

PATTERNS are case names in one argument: "1.* 7.9.*". A star matches any rest of a name.
"""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "target" / "autobahn"


def main():
    arguments = parse_arguments()
    if not (TARGET / "stamp").exists():
        sys.exit(f"run.py: the suite is not installed: run {HERE / 'setup.sh'}")
    arguments.reports.mkdir(parents=True, exist_ok=True)
    (arguments.reports / "index.json").unlink(missing_ok=True)  # of an earlier run
    with fuzzing_server(arguments) as (url, cases):
        driver_status = subprocess.call([*arguments.driver, url])
    if driver_status != 0:
        print(f"run.py: the driver failed with status {driver_status}", file=sys.stderr)
    judge = [sys.executable, HERE / "summarise.py", arguments.reports, str(cases)]
    verdict = subprocess.call(judge)
    return 1 if driver_status != 0 else verdict


def parse_arguments():
    _, usage, details = __doc__.split("\n\n", 2)
    parser = argparse.ArgumentParser(
        usage=usage.removeprefix("usage: "),
        description=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cases", type=str.split, default=["*"])
    parser.add_argument("--exclude", type=str.split, default=[])
    parser.add_argument("--reports", type=pathlib.Path, default=TARGET / "reports")
    parser.add_argument("driver", nargs="+")
    return parser.parse_args()


@contextlib.contextmanager
def fuzzing_server(arguments):
    """Yields the server's URL and its number of cases."""
    spec = {
        "outdir": str(arguments.reports.resolve()),
        "cases": arguments.cases,
        "exclude-cases": arguments.exclude,
    }
    log = arguments.reports / "server.log"
    with open(log, "w") as errors:
        server = subprocess.Popen(
            [TARGET / "python", "-u", HERE / "server27.py", json.dumps(spec)],
            stdin=subprocess.PIPE,  # its end stops the server if this process is killed
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | {"PYTHONPATH": str(TARGET / "site27"), "PYTHONWARNINGS": "ignore"},
            text=True,
        )
    try:
        yield wait_until_ready(server, log)
    finally:
        server.kill()
        server.communicate()


def wait_until_ready(server, log):
    for line in server.stdout:
        if line.startswith("READY "):
            answer = dict(word.split("=") for word in line.split()[1:])
            return f"ws://127.0.0.1:{answer['port']}", int(answer["cases"])
    sys.exit(f"run.py: the fuzzing server did not start:\n{log.read_text()}")


if __name__ == "__main__":
    sys.exit(main())
