#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares WebSocket clients doing the same work with the same server in one run. See README.md.

    run.py                                    all clients, all scenarios, seven rounds
    run.py --quick                            a few of each, in about two minutes
    run.py --only 'wsline*,beast' --scenarios 'echo-*'
    run.py --counts                           instructions and system calls per message
    run.py --smoke                            wsline's own clients, few messages: checks that everything works
    run.py --report FILE                      prints the tables of an earlier run
"""

import argparse
import fnmatch
import json
import os
import pathlib
import subprocess
import sys
import time

import build
import chart
import measure
import report
from scenarios import QUICK, SCENARIOS


ROUNDS = 7


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=build.ROOT / "build", help="where wsline was built")
    parser.add_argument("--only", help="clients: names or patterns, with commas between them")
    parser.add_argument("--scenarios", help="likewise")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--target", type=float, help="seconds that a run of a client should take")
    parser.add_argument("--pin", choices=["same", "split", "none"], default="same",
                        help="client and server on one processor, on two, or anywhere")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--counts", action="store_true")
    parser.add_argument("--json", type=pathlib.Path, default=build.BUILD / "results.json", help="where results go")
    parser.add_argument("--add-to", type=pathlib.Path, help="an earlier run: its results are kept, and added to")
    parser.add_argument("--report", type=pathlib.Path)
    parser.add_argument("--svg", type=pathlib.Path, help="where the chart goes")
    return parser.parse_args()


def chosen(names, patterns):
    if patterns is None:
        return list(names)
    return [name for name in names if any(fnmatch.fnmatch(name, one) for one in patterns.split(","))]


def takes_part(name, scenario, pin):
    if scenario.only:
        return name in scenario.only
    if name == "wsline+spin":
        return pin == "split"
    if name == "wsline+many":
        return scenario.kind.startswith("source") or scenario.window > 1
    if name == "wsline+aws-lc":
        return scenario.tls
    return name != "wsline-app"


def build_all(names, directory):
    """A client that cannot be built is skipped with a message."""
    commands = {}
    for name in names:
        try:
            commands[name] = build.CLIENTS[name].build(directory)
        except (subprocess.CalledProcessError, OSError, IndexError) as error:
            if build.CLIENTS[name].is_wsline:
                raise
            print(f"{name} was not built: {error}", file=sys.stderr)
    return commands


def measure_times(servers, commands, scenarios, arguments, results):
    """The failures of wsline's clients."""
    failures = []
    rounds, target = arguments.rounds or ROUNDS, arguments.target or 0.3
    for scenario in scenarios:
        runs, counts = results["times"].setdefault(scenario.name, {}), {}
        clients = [name for name in commands if takes_part(name, scenario, arguments.pin)]
        for name in clients:
            with measure.reported(name, scenario, failures):
                known = [one["count"] for one in runs.get(name, [])]
                client, command = build.CLIENTS[name], commands[name]
                counts[name] = known[0] if known else measure.calibrate(servers, client, command, scenario, target)
        for number in range(rounds):
            # Interleaved, with every other round in reverse order.
            for name in list(counts)[:: -1 if number % 2 else 1]:
                with measure.reported(name, scenario, failures):
                    one, _ = measure.run_client(servers, build.CLIENTS[name], commands[name], scenario, counts[name])
                    runs.setdefault(name, []).append(one)
            results["loads"].append(os.getloadavg()[0])
        print(f"{scenario.name} (load {os.getloadavg()[0]:.1f})", file=sys.stderr, flush=True)
        save(results, arguments.json)
    return failures


def measure_counts(servers, commands, scenarios, arguments, results):
    """Likewise."""
    failures = []
    for scenario in scenarios:
        if scenario.kind in ("idle", "busy"):
            continue
        for name in commands:
            for counter in measure.COUNTERS:
                is_counted = counter == "system_calls" or build.CLIENTS[name].is_native
                if not takes_part(name, scenario, arguments.pin) or not is_counted:
                    continue
                with measure.reported(name, scenario, failures):
                    count = measure.count_per_message(servers, build.CLIENTS[name], commands[name], scenario, counter)
                    results[counter].setdefault(scenario.name, {})[name] = count
        print(f"{scenario.name} counted", file=sys.stderr, flush=True)
        save(results, arguments.json)
    return failures


def smoke(servers, commands, scenarios):
    """Checks that each scenario works, without measuring it."""
    failed = 0
    for scenario in scenarios:
        count = measure.whole_windows(scenario, 200 if scenario.size <= 65536 else 4)
        for name in commands:
            if not takes_part(name, scenario, "split") or scenario.name in ("app-idle-10000", "app-busy-100"):
                continue
            try:
                measure.run_client(servers, build.CLIENTS[name], commands[name], scenario, count)
                print(f"ok {scenario.name} {name}")
            except (measure.Failed, measure.Unsupported) as error:
                failed += 1
                print(f"not ok {scenario.name} {name}: {error}")
    return failed


def save(results, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results))


def main():
    arguments, failures = parse_arguments(), []
    if arguments.report:
        results = json.loads(arguments.report.read_text())
    else:
        names = chosen(build.CLIENTS, arguments.only)
        scenarios = [one for one in SCENARIOS if one.name in chosen([one.name for one in SCENARIOS], arguments.scenarios)]
        if arguments.quick:
            names = [name for name in names if build.CLIENTS[name].is_quick]
            scenarios = [one for one in scenarios if one.name in QUICK]
            arguments.rounds, arguments.target = arguments.rounds or 3, arguments.target or 0.15
        if arguments.smoke:
            names = [name for name in names if build.CLIENTS[name].is_wsline]
        results = {"times": {}, "instructions": {}, "system_calls": {}, "loads": []}
        if arguments.add_to:
            results.update(json.loads(arguments.add_to.read_text()))
        commands = build_all(names, arguments.build.resolve())
        with measure.Servers(arguments.pin) as servers:
            if arguments.smoke:
                sys.exit(smoke(servers, commands, scenarios) > 0)
            results["versions"], results["when"] = build.versions(), time.strftime("%Y-%m-%d")
            results["machine"], results["rounds"] = measure.machine(), arguments.rounds or ROUNDS
            work = measure_counts if arguments.counts else measure_times
            failures = work(servers, commands, scenarios, arguments, results)
        save(results, arguments.json)
    report.write(results, sys.stdout)
    if arguments.svg:
        arguments.svg.write_text(chart.draw(report.summaries(results)))
    if failures:
        sys.exit("failed: " + ", ".join(failures))


if __name__ == "__main__":
    main()
