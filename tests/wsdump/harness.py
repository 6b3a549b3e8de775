# SPDX-License-Identifier: Apache-2.0
"""Shared by the wsdump tests: a deadline, the servers, and the program with pipes."""

import contextlib
import faulthandler
import json
import os
import socket
import subprocess
import unittest
from typing import NamedTuple

from fault_connection import TEXT, Connection, encode, encode_close
from fault_handshakes import Head

PROGRAM = os.environ["WSDUMP"]
PKI = os.environ.get("WSLINE_TEST_PKI")
CA = os.environ.get("WSLINE_TEST_CA")
WAIT_S = 30
DEADLINE_S = 60

# Settings of this machine must not affect the tests.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.lower().endswith("_proxy") and name != "NO_COLOR" and not name.startswith("SSL_")
} | {"LC_ALL": "C.UTF-8", "TERM": "xterm"}


def url(peer, path="/"):
    """The address of a server that tests/peers/run.py has started."""
    return os.environ[f"WSLINE_TEST_{peer}_URL"] + path


class Result(NamedTuple):
    status: int
    out: bytes
    err: str

    @property
    def lines(self):
        return self.out.decode().splitlines()

    @property
    def events(self):
        return [json.loads(line) for line in self.lines]


class Test(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        faulthandler.dump_traceback_later(DEADLINE_S, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)

    def run_program(self, *arguments, stdin=b"", status=0, environment=None):
        """Runs the program to its end, with all input at once."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=ENVIRONMENT | (environment or {}),
            timeout=WAIT_S,
        )
        result = Result(done.returncode, done.stdout, done.stderr.decode())
        self.assertEqual(result.status, status, result)
        return result

    def start_program(self, *arguments, environment=None):
        return self.enterContext(Running(self, arguments, environment))

    def start_puppet(self):
        return self.enterContext(Puppet())


class Running:
    """The running program, with pipes for input and output."""

    def __init__(self, test, arguments, environment):
        self._test = test
        self._process = subprocess.Popen(
            [PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT | (environment or {}),
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.kill()
        self._process.communicate()

    def type(self, text):
        self._process.stdin.write(text.encode() if isinstance(text, str) else text)
        self._process.stdin.flush()

    def expect(self, pattern):
        """Checks the next line of output against a pattern, or an event against a dict."""
        line = self._process.stdout.readline().decode()
        if isinstance(pattern, dict):
            event = json.loads(line)
            self._test.assertLessEqual(pattern.items(), event.items())
            return event
        self._test.assertRegex(line, f"^(?:{pattern})\n$")
        return line

    def expect_notice(self, pattern):
        line = self._process.stderr.readline().decode()
        self._test.assertRegex(line, f"^wsdump: (?:{pattern})\n$")

    def expect_some_output(self):
        self._test.assertNotEqual(self._process.stdout.peek(1), b"")

    def signal(self, number):
        self._process.send_signal(number)

    def expect_log(self, part):
        """Skips lines of standard error until one contains this."""
        while part not in (line := self._process.stderr.readline().decode()):
            self._test.assertNotEqual(line, "", f"{part!r} did not appear")

    def is_running(self):
        return self._process.poll() is None

    def close_output(self):
        """Stops reading the output."""
        self._process.stdout.close()
        self._process.stdout = None

    def end_input(self):
        self._process.stdin.close()
        self._process.stdin = None

    def end(self, status=0):
        """Ends the input and waits for the program to end."""
        out, err = self._process.communicate(timeout=WAIT_S)
        result = Result(self._process.returncode, out or b"", err.decode())
        self._test.assertEqual(result.status, status, result)
        return result

    def wait(self, status=0):
        """Waits for the program to end by itself, before ending its input."""
        self._process.wait(WAIT_S)
        return self.end(status)


class Puppet:
    """A server with one connection that the test controls step by step."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(WAIT_S)
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}/"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._listener.close()
        with contextlib.suppress(AttributeError):
            self._accepted.close()

    def accept(self):
        self._accepted, _ = self._listener.accept()
        self._accepted.settimeout(WAIT_S)
        self._connection = Connection(self._accepted)
        request = self._connection.read_request()
        self._connection.send(bytes(Head(request)))

    def send(self, payload, opcode=TEXT, fin=True):
        data = payload.encode() if isinstance(payload, str) else payload
        self._connection.send(encode(opcode, data, fin))

    def close(self, code=1000, reason=""):
        self._connection.send(encode_close(code, reason))
        self._accepted.shutdown(socket.SHUT_WR)

    def read_frame(self):
        """Returns the opcode and payload of the next frame."""
        frame = self._connection.read_frame()
        return frame.opcode, frame.payload
