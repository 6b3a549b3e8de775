#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs an example with an echo server and checks its output.

usage: check.py PROGRAM

The addresses of the servers are in WSLINE_TEST_WEBSOCKETS_URL and WSLINE_TEST_FAULTS_URL. The exit
status is 1 if a line differs, the example has the wrong exit status, or it takes longer than
DEADLINE_SECONDS.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from restarting import Restarting

PROGRAM = pathlib.Path(sys.argv[1])
SERVER = os.environ["WSLINE_TEST_WEBSOCKETS_URL"] + "/"
# 10 MB/s, slower than any client sends.
SLOW_SERVER = os.environ["WSLINE_TEST_FAULTS_URL"] + "/slow-read?bps=10000000"
# It answers everything before a close frame.
ORDERED_SERVER = os.environ["WSLINE_TEST_FAULTS_URL"] + "/echo"
BROKER = os.environ["WSLINE_TEST_MOSQUITTO_URL"] + "/mqtt"
NOBODY = "ws://127.0.0.1:1/"
REFUSED = r"connect to 127\.0\.0\.1:\d+: connection refused"
DEADLINE_SECONDS = 90


def main():
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(DEADLINE_SECONDS)
    for check in CHECKS[PROGRAM.name]:
        check()


def give_up(number, frame):
    raise TimeoutError(f"not finished after {DEADLINE_SECONDS} s")


# ---- The checks ----


def prints(*patterns, url=SERVER):
    """The example needs only the URL and prints these lines."""

    def check():
        with Example(url) as example:
            for pattern in patterns:
                example.expect(pattern)
            example.expect_end()

    return check


def reconnects_twice():
    with Example(SERVER, "3") as example:
        example.expect("message: subscribe")
        example.expect("closed: normal")
        for _ in range(2):
            example.expect("message: subscribe again")
            example.expect("closed: normal")
        example.expect_end()


def echoes_from_a_hundred_apps():
    with Example(SERVER, "100") as example:
        example.expect("100 of 100 echoes")
        example.expect_end()


def prints_what_two_clients_print():
    """In any order, except that each client has its own."""
    lines = {
        name: [*(f"{name} {i}" for i in (1, 2, 3)), f"{name}: nothing more", f"{name} closed: normal"]
        for name in ("one", "two")
    }
    with Example(SERVER) as example:
        while any(lines.values()):
            line = example.expect("|".join(left[0] for left in lines.values() if left))
            lines[line[:3]].pop(0)
        example.expect_end()


def reports_the_failure_of_each_app():
    with Example(NOBODY, "2", stderr=subprocess.STDOUT) as example:
        for _ in range(2):
            example.expect(REFUSED)
        example.expect("0 of 2 echoes")
        example.expect_end(status=1, is_silent=False)


def reports_refused_connection():
    """Nobody listens: the example reports it and fails."""
    with Example(NOBODY, stderr=subprocess.STDOUT) as example:
        example.expect(f".*{REFUSED}")
        example.expect_end(status=1, is_silent=False)


def sends_typed_lines():
    with Example(SERVER) as example:
        for line in ("one", "", "zwölf"):
            example.type(line)
            example.expect(line)
        example.expect_end()


def sends_lines_from_three_apps():
    with Example(SERVER, "3") as example:
        for line in ("one", "zwölf"):
            example.type(line)
            example.expect(line)
        example.expect_end()


def reports_a_refused_connection_of_an_app():
    with Example(NOBODY, "1", stderr=subprocess.STDOUT) as example:
        example.expect(REFUSED)
        example.expect_end(status=1, is_silent=False)


def prints_the_echo_of_its_input():
    with Example(SERVER) as example:
        for line in ("one", "zwölf"):
            example.type(line)
        example.end_input()
        example.expect("one")
        example.expect("zwölf")
        example.expect_end()


def survives_a_restart():
    retry = r"; next attempt in \d+ ms"
    with Restarting(SERVER) as server, Example(server.url, "2") as example:
        example.expect("open")
        example.expect("message: subscribe")
        server.stop()
        example.expect(f"error: .*{retry}")
        example.expect('closed: 1006 ""')
        example.expect(f"error: {REFUSED}{retry}")
        server.start()
        # The server may restart too late for the next attempt.
        example.expect("reconnected", skipping=f"error: {REFUSED}{retry}")
        example.expect("message: subscribe")
        example.expect('closed: 1000 "enough"')
        example.expect_end()


def ends_on_signals():
    for number in (signal.SIGINT, signal.SIGTERM):
        with Example(SERVER) as example:
            example.expect("open")
            example.expect("message: subscribe")
            example.signal(number)
            example.expect('closed: 1001 "the program ends"')
            example.expect_end()


def ends_on_a_signal_between_attempts():
    with Example(NOBODY) as example:
        example.expect(rf"error: {REFUSED}; next attempt in \d+ ms")
        example.signal(signal.SIGTERM)
        example.expect_end(is_silent=False)


def loses_no_message():
    """The feed has a gap, and its token expires."""
    here = pathlib.Path(__file__).parent
    python = here.parents[1] / "target" / "peers" / "venv" / "bin" / "python"
    with tempfile.TemporaryDirectory() as folder:
        token = pathlib.Path(folder, "token")
        with subprocess.Popen(
            [python, here / "feed_server.py", token],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as server, Example(server.stdout.readline().strip(), f"cat {token}", "6") as example:
            example.expect("fetching a token")
            example.expect("subscribe 1")
            for number in (1, 2, 3):
                example.expect(f"message {number} tick")
            example.expect("gap: expected 4, got 5")
            example.expect("error: .* refused the upgrade: 401 Unauthorized.*")
            example.expect("fetching a token")
            example.expect("subscribe 4")
            for number in (4, 5, 6):
                example.expect(f"message {number} tick")
            example.expect_end()
            server.stdin.close()


def gives_up_without_a_token():
    with Example(NOBODY, "false", "1") as example:
        example.expect("fetching a token")
        example.expect_end(status=1)


def tries_again_without_a_server():
    with Example(NOBODY, "echo token", "1") as example:
        example.expect("fetching a token")
        example.expect(f"error: {REFUSED}")
        example.expect(f"error: {REFUSED}")


def keeps_lines_over_a_restart():
    with Restarting(ORDERED_SERVER) as server:
        with Example(server.url, stderr=subprocess.STDOUT) as example:
            example.type("one")
            for line in ("open", "hello from sensor 7", "one"):
                example.expect(line)
            server.stop()
            example.expect(".*; 0 bytes are waiting")
            example.type("two")
            example.type("three")
            example.expect(".*; 264 bytes are waiting", skipping=r".*; (0|131) bytes are waiting")
            server.start()
            example.expect("open", skipping=".*; 264 bytes are waiting")
            for line in ("hello from sensor 7", "two", "three"):
                example.expect(line)
            example.type("four")
            example.end_input()
            example.expect("four")
            example.expect_end()


def writes_metrics_over_a_restart():
    with tempfile.TemporaryDirectory() as folder, Restarting(SERVER) as server:
        metrics = pathlib.Path(folder, "wsline.prom")

        def wait_for(*lines):
            text = ""
            while not all(re.search(rf"^wsline_{line}$", text, re.MULTILINE) for line in lines):
                time.sleep(0.02)
                text = metrics.read_text() if metrics.exists() else ""
            return text

        with Example(server.url, metrics, stderr=subprocess.STDOUT) as example:
            wait_for("open 1", "connect_seconds_count 1", "closed_total 0")
            wait_for(r"rtt_seconds \d.*[1-9].*")
            server.stop()
            wait_for("open 0", "closed_total 1", "connects_failed_total [1-9]", "waits_total [1-9]")
            server.start()
            text = wait_for("open 1", "connect_seconds_count 2", r'connect_seconds_bucket{le="\+Inf"} 2')
            assert len(re.findall("^# TYPE ", text, re.MULTILINE)) == 9, text
            example.signal(signal.SIGTERM)
            example.expect_end(is_silent=False)
            wait_for("open 0", "closed_total 2", r"sent_bytes_total [1-9]\d*")


def publishes_to_itself():
    with Example(BROKER, "plants/1", "16 °C") as example:
        example.expect("connected")
        example.expect("subscribed")
        example.expect("plants/1: 16 °C")
        example.expect_end()


def reports_that_the_broker_rejects_the_topic():
    """A wildcard must be a whole level (MQTT 3.1.1, section 4.7.1.2)."""
    with Example(BROKER, "plants/1#", "16 °C") as example:
        example.expect("connected")
        example.expect_end(status=1, is_silent=False)


def needs_a_broker():
    with Example(NOBODY, "plants/1", "16 °C", stderr=subprocess.STDOUT) as example:
        example.expect(f".*{REFUSED}")
        example.expect_end(status=1, is_silent=False)


TICKS = prints(*["message: tick"] * 3, "closed: 1000")
TICKS_IN_CPP = prints(*["message: tick"] * 3, "closed: normal")
CHECKS = {
    "quickstart": [prints("Hello, Server"), reports_refused_connection],
    "connect": [
        prints("proxy    none", r"peer     127\.0\.0\.1:\d+", "response 101"),
        reports_refused_connection,
    ],
    "callbacks": [
        prints(
            r"open: 127\.0\.0\.1:\d+",
            "message: Hello, Server",
            'closed: 1000 "done" by the client',
        ),
        reports_refused_connection,
    ],
    "reconnect": [survives_a_restart, ends_on_signals, ends_on_a_signal_between_attempts],
    "feed": [loses_no_message, gives_up_without_a_token, tries_again_without_a_server],
    "telemetry": [keeps_lines_over_a_restart],
    "prometheus": [writes_metrics_over_a_restart],
    "mqtt": [publishes_to_itself, reports_that_the_broker_rejects_the_topic, needs_a_broker],
    "stream": [prints_the_echo_of_its_input, reports_refused_connection],
    "batch": [
        prints(r"extensions  (none|permessage-deflate.*)", r"sent        1000 messages in \d+ bytes"),
        reports_refused_connection,
    ],
    "poll_loop": [sends_typed_lines, reports_refused_connection],
    "poll_conn": [sends_typed_lines, reports_refused_connection],
    "epoll_many": [
        prints("100 connections, 1000 messages sent, 1000 echoes", r"\d+\.\d us per message"),
        reports_refused_connection,
    ],
    "libuv": [TICKS, reports_refused_connection],
    "glib": [TICKS, reports_refused_connection],
    "cpp_quickstart": [
        prints("Hello, Server", "binary of 3 bytes", "nothing more", "closed: normal"),
        reports_refused_connection,
    ],
    "cpp_app": [reconnects_twice],
    "cpp_glib": [TICKS_IN_CPP, reports_refused_connection],
    "cpp_libuv": [TICKS_IN_CPP, reports_refused_connection],
    "cpp_qt": [TICKS_IN_CPP, reports_refused_connection],
    "cpp_epoll": [sends_lines_from_three_apps, reports_a_refused_connection_of_an_app],
    "cpp_poll": [sends_typed_lines, reports_refused_connection],
    "cpp_coroutine": [prints_what_two_clients_print, reports_refused_connection],
    "cpp_asio": [
        prints("tick 1", "tick 2", "tick 3", "closed: normal", "Hello, Server"),
        reports_refused_connection,
    ],
    "cpp_boost_asio": [prints("one", "two", "closed: normal"), reports_refused_connection],
    "cpp_loop": [echoes_from_a_hundred_apps, reports_the_failure_of_each_app],
    "threads": [
        prints(
            "4 threads sent 2000 messages and received 2000 echoes",
            r"they waited [1-9]\d* times for the send queue",
            url=SLOW_SERVER,
        ),
        reports_refused_connection,
    ],
}


# ---- The program ----


class Example:
    """A running example whose output is checked line by line."""

    def __init__(self, *arguments, stderr=None):
        # connect would report the proxy of this machine.
        environment = {
            name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
        }
        self._process = subprocess.Popen(
            [PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment,
            encoding="utf-8",
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.kill()
        self._process.wait()

    def expect(self, pattern, skipping=None):
        line = self._next_line()
        while skipping and re.fullmatch(skipping, line):
            line = self._next_line()
        if not re.fullmatch(pattern, line):
            sys.exit(f"{PROGRAM.name}: {line!r} does not match {pattern!r}")
        return line

    def _next_line(self):
        line = self._process.stdout.readline()
        print(line, end="", flush=True)
        return line.removesuffix("\n")

    def type(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end_input(self):
        self._process.stdin.close()
        self._process.stdin = None

    def signal(self, number):
        self._process.send_signal(number)

    def expect_end(self, status=0, is_silent=True):
        rest, _ = self._process.communicate()
        if is_silent and rest:
            sys.exit(f"{PROGRAM.name}: printed more: {rest!r}")
        if self._process.returncode != status:
            sys.exit(f"{PROGRAM.name}: exit status {self._process.returncode}, not {status}")


if __name__ == "__main__":
    main()
