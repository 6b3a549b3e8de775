# SPDX-License-Identifier: Apache-2.0
"""The test servers as processes: starting, waiting, stopping."""

import json
import os
import pathlib
import queue
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

# The command that starts them, without the names of the listeners.
PROGRAMS = {
    "echo_websockets": [PYTHON, HERE / "echo_websockets.py", PKI],
    "echo_ws": ["node", HERE / "echo_ws.js", PKI],
    "deflate_websockets": [PYTHON, HERE / "deflate_websockets.py", PKI],
    "deflate_ws": ["node", HERE / "deflate_ws.js", PKI],
    "deflate_aiohttp": [PYTHON, HERE / "deflate_aiohttp.py", PKI],
    "eyeballs": [PYTHON, HERE / "eyeballs.py"],
    "faults": [sys.executable, HERE / "faults.py", PKI],
    "streams": [PYTHON, HERE / "streams.py"],
    "tcp_faults": [sys.executable, HERE / "tcp_faults.py", PKI],
    "proxy_faults": [sys.executable, HERE / "proxy_faults.py"],
    "chaos": [PYTHON, HERE / "chaos.py"],
    "unsteady": [PYTHON, HERE / "unsteady.py"],
    "black_hole": [sys.executable, HERE / "black_hole.py"],
    "proxies": [sys.executable, HERE / "proxies.py", PKI],
    "nginx": [PYTHON, HERE / "nginx.py", PKI],
    "mosquitto": [sys.executable, HERE / "mosquitto.py"],
}
ENVIRONMENT = os.environ | {
    "NODE_PATH": str(TARGET / "node_modules"),
    "PYTHONPYCACHEPREFIX": str(TARGET / "pycache"),  # keeps the source tree clean
    "WEBSOCKETS_MAX_FRAGMENTS": str(1 << 30),
}


class Server:
    """One of our processes. Its stdin is a pipe, whose end stops it if this process is killed."""

    def __init__(self, program, listeners):
        self.program = program
        self.addresses = {}
        self.environment = {}
        self._lines = queue.SimpleQueue()
        self._errors = tempfile.TemporaryFile("w+", errors="replace")
        self._process = subprocess.Popen(
            [*PROGRAMS[program], *listeners],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=ENVIRONMENT,
            start_new_session=True,
            text=True,
        )
        threading.Thread(target=self._collect_lines, daemon=True).start()

    def _collect_lines(self):
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def wait_until_ready(self):
        """Returns what serving.announce() printed; ends the run if it does not arrive."""
        try:
            line = self._lines.get(timeout=READY_SECONDS)
        except queue.Empty:
            line = ""
        if not line.startswith("READY "):
            self.report()
            sys.exit(f"run.py: {self.program} did not start")
        message = json.loads(line.removeprefix("READY "))
        self.addresses = message["addresses"]
        self.environment = message["environment"]

    def report(self):
        said = ""
        while not self._lines.empty():
            said += self._lines.get()
        self._errors.seek(0)
        said += self._errors.read()
        if said:
            print(f"--- {self.program} said:\n{said}", end="", file=sys.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
