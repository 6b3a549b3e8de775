# SPDX-License-Identifier: Apache-2.0
"""Runs one client with the server and measures its cost."""

import contextlib
import json
import os
import platform
import re
import signal
import subprocess
import sys

import build

SERVER_CPU, *OTHER_CPUS = sorted(os.sched_getaffinity(0), reverse=True)
# The exit status of a client that does not support a scenario.
UNSUPPORTED = 3
TIMEOUT_S = 120


class Servers:
    """The server without and with TLS, as a context."""

    def __init__(self, pin):
        self.pin = pin
        self.ports = []
        self._processes = []

    def __enter__(self):
        plain, secure = build.build_server()
        pki = build.BUILD / "pki"
        for command in ([*plain, "0"], [*secure, "0", str(pki / "certificate.pem"), str(pki / "key.pem")]):
            command = [*self._pinned(SERVER_CPU), *command]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self._processes.append(process)
            said = process.stdout.readline().split()
            if said[:1] != ["listening"]:
                self.__exit__()
                sys.exit("the server did not start")
            self.ports.append(int(said[1]))
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
            process.wait()

    def cpu_s(self):
        def of(process):
            with open(f"/proc/{process.pid}/schedstat", encoding="ascii") as file:
                return int(file.read().split()[0]) / 1e9

        return sum(map(of, self._processes))

    def client_pin(self):
        """On the server's processor by default, because a wake-up across processors costs ten times
        the library.
        """
        return self._pinned(OTHER_CPUS[0] if self.pin == "split" else SERVER_CPU)

    def _pinned(self, cpu):
        return [] if self.pin == "none" else ["taskset", "-c", str(cpu)]


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    release = ".".join(platform.release().split(".")[:2])
    return f"{os.cpu_count()} × {model}, {platform.system()} {release}"


class Failed(Exception):
    pass


class Unsupported(Exception):
    pass


def environment_of(client):
    pki = build.BUILD / "pki"
    return dict(os.environ, BENCH_CA=str(pki / "ca.pem"), NODE_PATH=str(build.BUILD / "node" / "node_modules"),
                PYTHONDONTWRITEBYTECODE="1", **client.environment)


def run_client(servers, client, command, scenario, count, prefix=()):
    """The output of the client, with the server's time, and the output of `prefix`."""
    words = [scenario.url(servers.ports, count), scenario.kind, scenario.size, count, scenario.window]
    before = servers.cpu_s()
    try:
        done = subprocess.run([*servers.client_pin(), *prefix, *command, *map(str, words)], capture_output=True,
                              text=True, timeout=TIMEOUT_S, env=environment_of(client), check=False)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"not done in {TIMEOUT_S} s") from error
    if done.returncode == UNSUPPORTED:
        raise Unsupported(done.stderr.strip())
    if done.returncode != 0 or not done.stdout.strip():
        raise Failed(f"exit status {done.returncode}: {done.stderr.strip()[-300:]}")
    result = json.loads(done.stdout.strip().splitlines()[-1])
    result["server_s"] = servers.cpu_s() - before
    return result, done.stderr


def whole_windows(scenario, count):
    return max(scenario.window, count // scenario.window * scenario.window)


def calibrate(servers, client, command, scenario, target_s):
    """The number of messages that take about `target_s`."""
    if scenario.kind == "idle":
        return scenario.most
    count = scenario.least
    # The first estimate for a fast client is too small.
    for _ in range(4):
        result, _ = run_client(servers, client, command, scenario, count)
        # On a busy machine wall-clock time is unreliable: twice the processor time bounds it.
        busy = result["user_s"] + result["sys_s"] + result["server_s"]
        took = max(min(result["wall_s"], 2 * busy), 1e-6)
        wanted = max(scenario.least, min(scenario.most, int(target_s / took * count)))
        if wanted < count * 4 or wanted == scenario.most:
            return whole_windows(scenario, wanted)
        count = max(count * 4, wanted // 2)
    return whole_windows(scenario, count)


def system_calls(text):
    line = re.compile(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z_0-9]+)")
    found = filter(None, map(line.fullmatch, text.splitlines()))
    return sum(int(match[1]) for match in found if match[2] != "total")


def instructions(text):
    found = re.search(r"Collected : (\d+)", text)
    return int(found[1]) if found else 0


# Counts the cost of a message as the difference between two runs, which excludes start-up.
COUNTERS = {
    "system_calls": (["strace", "-f", "-c"], system_calls),
    "instructions": (["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"], instructions),
}


def count_per_message(servers, client, command, scenario, counter):
    prefix, parse = COUNTERS[counter]
    few = {"echo": 500, "source": 4000, "sink": 4000, "connect": 20}.get(scenario.kind.split("-")[0], 500)
    few = whole_windows(scenario, few if scenario.size < 60_000 else max(4, few // 50))
    counts = []
    for count in (few, 5 * few):
        _, said = run_client(servers, client, command, scenario, count, prefix)
        counts.append(parse(said))
    return (counts[1] - counts[0]) / (4 * few)


@contextlib.contextmanager
def reported(name, scenario, failures):
    """A failing client of another library is skipped with a message. A failure of ours fails the
    whole run.
    """
    try:
        yield
    except Unsupported:
        pass
    except Failed as error:
        print(f"{scenario.name} {name}: {error}", file=sys.stderr)
        if build.CLIENTS[name].is_wsline:
            failures.append(f"{scenario.name} {name}")
