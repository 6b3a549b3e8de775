#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command with test servers around it.

usage: run.py [--need NAME,...] -- COMMAND [ARGUMENT...]

Starts the servers that are named in --need (all of them by default), puts their addresses into
the environment, runs COMMAND, stops the servers and exits with COMMAND's status. If that is not
0, what the servers said follows on stderr. setup.sh must have been run once.

NAME                      environment variable
  websockets, -tls          WSLINE_TEST_WEBSOCKETS_URL, WSLINE_TEST_WEBSOCKETS_TLS_URL
  ws, ws-tls                WSLINE_TEST_WS_URL, WSLINE_TEST_WS_TLS_URL
  faults                    WSLINE_TEST_FAULTS_URL
  tls-expired, -future, -wronghost, -selfsigned, -untrusted, -clientcert
                            WSLINE_TEST_TLS_EXPIRED_URL, ...
Always set: WSLINE_TEST_PKI (the directory that certs.sh fills), WSLINE_TEST_CA (its ca.pem).
"""

import argparse
import collections
import contextlib
import os
import pathlib
import queue
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "target" / "peers"
PKI = TARGET / "pki"
PYTHON = TARGET / "venv" / "bin" / "python"

READY_SECONDS = 60
STOP_SECONDS = 5

Address = collections.namedtuple("Address", "program listener scheme_and_host")

PROGRAMS = {
    "echo_websockets": [PYTHON, HERE / "echo_websockets.py", PKI],
    "echo_ws": ["node", HERE / "echo_ws.js", PKI],
    "faults": [sys.executable, HERE / "faults.py"],
}
PLAIN = "ws://127.0.0.1"
TLS = "wss://localhost"
ADDRESSES = {
    "websockets": Address("echo_websockets", "plain", PLAIN),
    "websockets-tls": Address("echo_websockets", "tls", TLS),
    "ws": Address("echo_ws", "plain", PLAIN),
    "ws-tls": Address("echo_ws", "tls", TLS),
    "faults": Address("faults", "plain", PLAIN),
} | {
    f"tls-{case}": Address("echo_websockets", case, TLS)
    for case in ("expired", "future", "wronghost", "selfsigned", "untrusted", "clientcert")
}
SERVER_ENVIRONMENT = os.environ | {
    "NODE_PATH": str(TARGET / "node_modules"),
    "PYTHONPYCACHEPREFIX": str(TARGET / "pycache"),  # keeps the source tree clean
    "WEBSOCKETS_MAX_FRAGMENTS": str(1 << 30),
}


def main():
    arguments = parse_arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, frame: sys.exit(128 + received))
    with contextlib.ExitStack() as stack:
        servers = start_servers(stack, arguments.need)
        status = run(arguments.command, environment_for(arguments.need, servers))
        if status != 0:
            for server in servers.values():
                server.report()
    return status


def parse_arguments():
    _, usage, details = __doc__.split("\n\n", 2)
    parser = argparse.ArgumentParser(
        usage=usage.removeprefix("usage: "),
        description=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--need", type=names, default=list(ADDRESSES))
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def names(text):
    chosen = text.split(",")
    if unknown := set(chosen) - set(ADDRESSES):
        raise argparse.ArgumentTypeError(f"unknown server: {', '.join(sorted(unknown))}")
    return chosen


def start_servers(stack, needed):
    """Starts all programs before it waits for any: they take their time side by side."""
    if not (PKI / "version").exists():
        sys.exit(f"run.py: the test servers are not installed: run {HERE / 'setup.sh'}")
    listeners = collections.defaultdict(list)
    for name in needed:
        listeners[ADDRESSES[name].program].append(ADDRESSES[name].listener)
    servers = {
        program: stack.enter_context(Server(program, wanted))
        for program, wanted in listeners.items()
    }
    for server in servers.values():
        server.wait_until_ready()
    return servers


class Server:
    """One server process. Its stdin is a pipe whose end tells it to go, should we be killed."""

    def __init__(self, program, listeners):
        self.program = program
        self.lines = queue.SimpleQueue()
        self.errors = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(
            [*PROGRAMS[program], *listeners],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=SERVER_ENVIRONMENT,
            start_new_session=True,
            text=True,
        )
        threading.Thread(target=self._collect_lines, daemon=True).start()

    def _collect_lines(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def wait_until_ready(self):
        try:
            line = self.lines.get(timeout=READY_SECONDS)
        except queue.Empty:
            line = ""
        if not line.startswith("READY "):
            self.report()
            sys.exit(f"run.py: {self.program} did not start")
        self.ports = dict(word.split("=") for word in line.split()[1:])

    def report(self):
        said = ""
        while not self.lines.empty():
            said += self.lines.get()
        self.errors.seek(0)
        said += self.errors.read()
        if said:
            print(f"--- {self.program} said:\n{said}", end="", file=sys.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def environment_for(needed, servers):
    environment = os.environ | {
        "WSLINE_TEST_PKI": str(PKI),
        "WSLINE_TEST_CA": str(PKI / "ca.pem"),
    }
    for name in needed:
        program, listener, scheme_and_host = ADDRESSES[name]
        variable = f"WSLINE_TEST_{name.upper().replace('-', '_')}_URL"
        environment[variable] = f"{scheme_and_host}:{servers[program].ports[listener]}"
    return environment


def run(command, environment):
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        sys.exit(f"run.py: {error}")
    try:
        status = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
