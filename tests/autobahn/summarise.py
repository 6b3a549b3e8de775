#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Evaluates the report of the fuzzing server about one client.

usage: summarise.py REPORTS CASES   (the directory with index.json; the number of expected cases)

The exit status is 0 only if this many cases were run and each is OK, both in what the client did
(behavior) and in how it closed (behaviorClose).
"""

import collections
import json
import pathlib
import sys

FIELDS = ("behavior", "behaviorClose")
# The suite has no stricter verdict here: RFC 6455 leaves the client's behaviour open.
NO_RIGHT_ANSWER = {"7.1.6", "7.13.1", "7.13.2"}


def summarise(reports, expected):
    """Prints counts, errors, and a closing line; returns whether everything passed."""
    cases = read_index(reports)
    for field in FIELDS:
        counts = collections.Counter(case[field] for case in cases.values())
        print(f"{field + ':':15}" + ", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    bad = sorted((name for name in cases if not is_good(name, cases[name])), key=case_order)
    for name in bad:
        print(describe(reports, name, cases[name]))
    missing = expected - len(cases)
    if missing:
        print(f"{missing} of {expected} cases were not run")
    print(f"{len(cases) - len(bad)} passed, {len(bad) + missing} failed")
    return expected > 0 and not missing and not bad


def read_index(reports):
    """The cases of the only client in the index, which is written at the end of a run."""
    try:
        clients = json.loads((reports / "index.json").read_text())
    except FileNotFoundError:
        return {}
    return clients.popitem()[1] if len(clients) == 1 else {}


def is_good(name, case):
    good = {"OK", "INFORMATIONAL"} if name in NO_RIGHT_ANSWER else {"OK"}
    return all(case[field] in good for field in FIELDS)


def case_order(name):
    return [int(part) for part in name.split(".")]


def describe(reports, name, case):
    verdicts = ", ".join(f"{field} {case[field]}" for field in FIELDS)
    report = reports / case["reportfile"]
    return f"{name}: {verdicts}, close code {case['remoteCloseCode']}: see {report}"


if __name__ == "__main__":
    sys.exit(not summarise(pathlib.Path(sys.argv[1]), int(sys.argv[2])))
