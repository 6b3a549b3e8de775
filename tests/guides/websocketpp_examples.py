#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs the client examples of websocketpp with include/wsline/compat.

usage: websocketpp_examples.py --build DIRECTORY --work DIRECTORY

The examples come from Debian's package libwebsocketpp-doc; only their #include lines are changed. Run it with
tests/peers/run.py and the Python of tests/peers/setup.sh.
"""

import argparse
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

from build import Failure, compile_program, wsline_flags
from server import CASES, Server

EXAMPLES = pathlib.Path("/usr/share/doc/libwebsocketpp-dev/examples")
SECONDS = 60
INCLUDE = re.compile(r"#include <websocketpp/.*>\n")
# These use boost::asio::ssl; the others get a header that does not need Boost.
WITH_ASIO = {"debug_client": ["-lssl", "-lcrypto"], "print_client_tls": ["-lssl", "-lcrypto"]}
LIBRARIES = {"sip_client": ["-lboost_thread"], **WITH_ASIO}


class Examples:
    def __init__(self, build, work):
        self._build, self._work = build, work / "websocketpp_examples"
        self.server = Server(pathlib.Path(os.environ["WSLINE_TEST_PKI"]))
        self.url = f"ws://127.0.0.1:{self.server.port}"

    def program(self, name):
        header = "websocketpp_asio" if name in WITH_ASIO else "websocketpp_client"
        text = (EXAMPLES / name / f"{name}.cpp").read_text()
        changed, count = INCLUDE.subn(f"#include <wsline/compat/{header}.hpp>\n", text)
        if count == 0:
            raise Failure(f"{name} includes nothing of websocketpp")
        flags, libraries = wsline_flags(self._build)
        return compile_program(changed, self._work / f"{name}.cpp.out", flags, libraries + LIBRARIES.get(name, []))

    def run(self, name, *arguments):
        """What the example prints, with logs and without."""
        done = subprocess.run([self.program(name), *arguments], capture_output=True, text=True, timeout=SECONDS,
                              check=False, cwd=self._work)
        if done.returncode != 0:
            raise Failure(f"{name} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        lines = done.stdout.splitlines()
        return done.stdout, [line for line in lines if not line.startswith("[")]

    def received(self, path):
        return self.server.received.get(path)


def expect(what, found, wanted):
    if found != wanted:
        raise Failure(f"{what}: {found!r}, not {wanted!r}")


def expect_in(what, text, *parts):
    for part in parts:
        if part not in text:
            raise Failure(f"{what} lacks {part!r}:\n{text}")


def print_client(examples):
    output, lines = examples.run("print_client", examples.url)
    expect("messages", lines, ["first", "second"])
    expect_in("the log", output, "] [connect] WebSocket Connection 127.0.0.1:", " 101",
              "] [disconnect] Disconnect close local:[1000,bye] remote:[1000,bye]")


def print_client_fails(examples):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        output, lines = examples.run("print_client", f"ws://127.0.0.1:{unused.getsockname()[1]}")
    expect("messages", lines, [])
    expect_in("the log", output, "] [fail] ", "connection refused")
    _, lines = examples.run("print_client", "wss://localhost")
    expect("the refusal of wss", lines,
           ["could not create connection because: a wss URI needs an endpoint with TLS"])


def print_client_tls(examples):
    shutil.copy(os.environ["WSLINE_TEST_CA"], examples.program("print_client_tls").parent / "ca-chain.cert.pem")
    output, lines = examples.run("print_client_tls", "localhost", str(examples.server.tls_port))
    expect("messages", lines, ["first", "second"])
    expect_in("the log", output, "] [application] Connecting to wss://localhost:")
    # The certificate's name is checked by the callback of the example.
    output, lines = examples.run("print_client_tls", "127.0.0.1", str(examples.server.tls_port))
    expect("messages from another name", lines, [])
    expect_in("the log", output, "] [fail] ", "certificate")


def echo_client(examples):
    output, _ = examples.run("echo_client", examples.url + "/repeat/3")
    expect("replies", examples.received("/repeat/3"), ["message 0", "message 1", "message 2"])
    expect_in("the output", output, "on_message called with hdl: 0x", "and message: message 2")


def debug_client(examples):
    output, lines = examples.run("debug_client", examples.url + "/echo/9")
    expect("what was sent", examples.received("/echo/9"), [""])
    expect("times", [line.split(":")[0] for line in lines],
           ["Socket Init", "TLS Init", "Open", "Message", "Close"])
    expect_in("the log", output, "Disconnect close local:[1001,] remote:[1001,]")


def sip_client(examples):
    _, lines = examples.run("sip_client", examples.url + "/echo/1")
    expect_in("the output", "\n".join(lines), "connection ready", "OPTIONS sip:carol@chicago.com", "done")
    expect_in("the request", examples.received("/echo/1")[0], "Accept: application/sdp")


def telemetry_client(examples):
    output, _ = examples.run("telemetry_client", examples.url + "/echo/2")
    expect("what was sent", examples.received("/echo/2"), ["count is 0", "count is 1"])
    expect_in("the log", output, "] [application] Connection opened, starting telemetry!", "] [application] count is 1",
              "] [application] Connection closed, stopping telemetry!")


def testee_client(examples):
    _, lines = examples.run("testee_client", examples.url)
    expect("output", lines, [f"Detected {CASES} test cases.", f"case count: {CASES}", "done"])
    for case in range(1, CASES + 1):
        agent = "WebSocket++/0.8.2 (wsline)"
        expect(f"case {case}", examples.received(f"/runCase?case={case}&agent={agent.replace(' ', '%20')}"),
               ["case " * 1000])
    expect("extensions", examples.server.extensions, {"permessage-deflate"})


def utility_client(examples):
    program = subprocess.Popen([examples.program("utility_client")], text=True, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)

    def ask(command):
        """Runs a command, and returns its output."""
        program.stdin.write(f"{command}\nend of {command}\n")
        program.stdin.flush()
        output = ""
        while "Unrecognized Command" not in output:
            output += program.stdout.readline()
        return output

    def wait_for(command, *parts):
        deadline = time.monotonic() + 10
        while any(part not in (output := ask(command)) for part in parts):
            if time.monotonic() > deadline:
                expect_in(command, output, *parts)
            time.sleep(0.05)

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        refused = f"ws://127.0.0.1:{unused.getsockname()[1]}"
        expect_in("connect", ask(f"connect {examples.url}/echo/5"), "Created connection with id 0")
        wait_for("show 0", "> Status: Open", "> Remote Server: Python/")
        ask("send 0 hello")
        wait_for("show 0", ">>  hello", "<<  hello")
        ask("close 0 1000 enough")
        wait_for("show 0", "> Status: Closed", "close code: 1000 (Normal close), close reason:")
        expect_in("send", ask("send 0 late"), "> Error sending message: ")
        ask(f"connect {refused}")
        wait_for("show 1", "> Status: Failed", "> Error/close reason: Connection refused")
        expect_in("connect", ask("connect http://"), "> Connect initialization error: invalid URI")
        ask(f"connect {examples.url}/echo/6")
        wait_for("show 2", "> Status: Open")
    output, _ = program.communicate("quit\n", timeout=SECONDS)
    expect("exit status", program.returncode, 0)
    expect_in("the end", output, "> Closing connection 2")


TESTS = [print_client, print_client_fails, print_client_tls, echo_client, debug_client, sip_client, telemetry_client,
         testee_client, utility_client]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    options = parser.parse_args()
    if not EXAMPLES.exists():
        print("skipped: libwebsocketpp-doc is not installed")
        return 0
    examples, failed = Examples(options.build, options.work), 0
    for test in TESTS:
        try:
            test(examples)
            print(f"{test.__name__}: ok")
        except (Failure, subprocess.TimeoutExpired) as failure:
            print(f"{test.__name__}: {failure}", file=sys.stderr)
            failed += 1
    print(f"{len(TESTS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
