#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""When the program ends, how it closes, and its exit status."""

import json
import os
import signal
import subprocess
import threading
import time
import unittest
import uuid

from fault_connection import CLOSE, TEXT
from harness import ENVIRONMENT, PROGRAM, WAIT_S, Test, url

ECHO = url("WEBSOCKETS")
NOBODY = "ws://127.0.0.1:1/"
NORMAL = b"\x03\xe8"
GOING_AWAY = b"\x03\xe9"


class Conditions(Test):
    def test_end_of_input(self):
        identity = uuid.uuid4().hex
        result = self.run_program("-v", url("FAULTS", f"/echo?id={identity}"), stdin="one\n")
        # Messages still in flight when the close frame is sent are shown.
        self.assertEqual(result.lines[1:], ["text: one", "close: 1000, by the client"])
        (line,) = self.run_program("-c1", url("FAULTS", f"/journal?id={identity}")).lines
        did = json.loads(line)
        self.assertEqual((did["close"], did["end"], did["after_close"]), (1000, "fin", 0))

    def test_replies_after_the_end_of_input(self):
        for server in (ECHO, url("WS")):
            result = self.run_program(server, stdin="one\ntwo\n")
            self.assertEqual(result.lines, ["one", "two"])

    def test_each_message_extends_the_wait(self):
        puppet = self.start_puppet()
        program = self.start_program(puppet.url)
        program.type("one\n")
        program.end_input()
        puppet.accept()
        self.assertEqual(puppet.read_frame(), (TEXT, b"one"))
        for _ in range(3):
            time.sleep(0.4)
            began = time.monotonic()
            puppet.send("reply")
            program.expect("reply")
        self.assertEqual(puppet.read_frame(), (CLOSE, NORMAL))
        self.assertGreater(time.monotonic() - began, 0.99)
        puppet.close()
        program.wait()

    def test_a_server_that_never_stops_sending(self):
        puppet = self.start_puppet()
        program = self.start_program("-t", "one", puppet.url)
        program.end_input()
        puppet.accept()
        self.assertEqual(puppet.read_frame(), (TEXT, b"one"))
        has_closed = threading.Event()

        def send():
            while not has_closed.wait(0.2):
                puppet.send("more")

        sender = threading.Thread(target=send)
        sender.start()
        try:
            self.assertEqual(puppet.read_frame(), (CLOSE, NORMAL))
        finally:
            has_closed.set()
            sender.join()
        puppet.close()
        program.wait()

    def test_without_input_there_is_no_wait(self):
        # A wait would be longer than the timeout, which ends the program with another status.
        self.run_program("--timeout", "0.9", url("FAULTS", "/swallow"))

    def test_closed_standard_input_counts_as_ended(self):
        subprocess.run([PROGRAM, ECHO], preexec_fn=lambda: os.close(0), timeout=WAIT_S, check=True)

    def test_eof_wait(self):
        began = time.monotonic()
        self.run_program("--eof-wait", "0.4", ECHO)
        self.assertGreater(time.monotonic() - began, 0.4)

        puppet = self.start_puppet()
        program = self.start_program("--eof-wait", "forever", puppet.url)
        puppet.accept()
        program.end_input()
        puppet.send("one")
        program.expect("one")
        puppet.close()
        program.wait()

    def test_count(self):
        puppet = self.start_puppet()
        program = self.start_program("--count", "2", puppet.url)
        puppet.accept()
        program.end_input()  # it keeps waiting
        for text in ("one", "two", "three"):
            puppet.send(text)
        program.expect("one")
        program.expect("two")
        self.assertEqual(puppet.read_frame(), (CLOSE, NORMAL))
        puppet.close()
        self.assertEqual(program.wait().out, b"")

    def test_count_and_eof_wait(self):
        self.run_program("-c1", "--eof-wait", "0", url("FAULTS", "/swallow"))

    def test_timeout(self):
        puppet = self.start_puppet()
        program = self.start_program("--timeout", "0.3", puppet.url)
        puppet.accept()
        puppet.send("one")
        program.expect("one")
        self.assertEqual(puppet.read_frame(), (CLOSE, NORMAL))
        puppet.close()
        program.expect_notice(r"no message arrived in time \(--timeout\)")
        program.wait(8)

    def test_max_time(self):
        for path in ("/hang", "/swallow"):
            words = ["-jm", "0.3", "--eof-wait=forever", url("FAULTS", path)]
            result = self.run_program(*words, status=8)
            error = next(event for event in result.events if event["event"] == "error")
            self.assertEqual(error["status"], -200)
            self.assertEqual(error["phase"], "connect" if path == "/hang" else "open")
        self.run_program("--max-time=30", ECHO)

    def test_connect_timeout(self):
        words = ["-j", "--connect-timeout", "0.3", url("FAULTS", "/hang")]
        (error,) = self.run_program(*words, status=8).events
        self.assertEqual((error["status"], error["phase"]), (-200, "upgrade"))

    def test_server_closes(self):
        for query, message in {
            "code=1000": "1000",
            "code=1001&reason=bye": '1001 "bye"',
            "code=0": "1005",
        }.items():
            program = self.start_program(url("FAULTS", f"/close?{query}"))
            self.assertEqual(program.wait().err, f"wsdump: closed by the server: {message}\n")

    def test_both_sides_close_at_once(self):
        for words, lines, message in (
            ([], [], 'wsdump: closed by the server: 4406 "what"\n'),
            (["-v"], ["open: .*", 'close: 4406 "what", by the server'], ""),
            (["-j"], [{"event": "open"}, {"code": 4406, "closed_by": "server"}], ""),
        ):
            with self.subTest(words):
                puppet = self.start_puppet()
                program = self.start_program(*words, puppet.url)
                program.end_input()
                puppet.accept()
                self.assertEqual(puppet.read_frame(), (CLOSE, NORMAL))
                puppet.close(4406, "what")
                for line in lines:
                    program.expect(line)
                self.assertEqual(program.wait(11).err, message)

    def test_nobody_reads_the_output(self):
        puppet = self.start_puppet()
        program = self.start_program(puppet.url)
        puppet.accept()
        program.close_output()
        puppet.send("one")
        self.assertEqual(puppet.read_frame(), (CLOSE, NORMAL))
        puppet.close()
        self.assertEqual(program.wait(1).err, "")


class Signals(Test):
    def test_the_first_signal_closes(self):
        for number, payload in {
            signal.SIGINT: NORMAL,
            signal.SIGTERM: GOING_AWAY,
            signal.SIGHUP: GOING_AWAY,
        }.items():
            with self.subTest(number):
                puppet = self.start_puppet()
                program = self.start_program("-v", puppet.url)
                puppet.accept()
                program.expect("open: .*")
                program.signal(number)
                self.assertEqual(puppet.read_frame(), (CLOSE, payload))
                puppet.close()
                program.expect("close: 1000, by the client")
                program.wait()

    def test_a_later_signal_does_not_wait(self):
        puppet = self.start_puppet()
        program = self.start_program("-v", "--close-timeout", "60", puppet.url)
        puppet.accept()
        program.expect("open: .*")
        began = time.monotonic()
        program.signal(signal.SIGINT)
        self.assertEqual(puppet.read_frame(), (CLOSE, NORMAL))
        while program.is_running():
            program.signal(signal.SIGINT)
            time.sleep(0.1)
        self.assertGreater(time.monotonic() - began, 1)
        program.wait(128 + signal.SIGINT)

    def test_two_signals_at_once_count_as_one(self):
        puppet = self.start_puppet()
        program = self.start_program("-v", puppet.url)
        puppet.accept()
        program.expect("open: .*")
        # Both are pending before the program continues.
        for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGHUP, signal.SIGCONT):
            program.signal(number)
        self.assertEqual(puppet.read_frame(), (CLOSE, GOING_AWAY))
        puppet.close(1001)
        program.expect("close: 1001, by the client")
        program.wait()

    def test_timeout_1_ends_the_program_cleanly(self):
        command = ["timeout", "1", PROGRAM, "-v", "--eof-wait=forever", ECHO]
        done = subprocess.run(command, input=b"", stdout=subprocess.PIPE, env=ENVIRONMENT)
        # On a slow machine the signals may arrive before the connection opens.
        if b"open: " in done.stdout:
            self.assertIn(b"close: 1001, by the client\n", done.stdout)

    def test_a_signal_before_the_connection_opens(self):
        program = self.start_program("-vv", url("FAULTS", "/hang"))
        program.expect_log("GET /hang")
        program.signal(signal.SIGTERM)
        program.wait(128 + signal.SIGTERM)

    def test_a_signal_while_nobody_reads_the_output(self):
        puppet = self.start_puppet()
        program = self.start_program(puppet.url)
        puppet.accept()
        puppet.send("x" * 1_000_000)
        program.expect_some_output()  # then it blocks until more is read
        while program.is_running():
            program.signal(signal.SIGTERM)
            time.sleep(0.02)
        program.wait(-signal.SIGTERM)

    def test_an_ignored_signal_stays_ignored(self):
        command = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", PROGRAM, "-t", "hello", ECHO]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT
        )
        with process:
            process.stdout.readline()
            process.send_signal(signal.SIGHUP)
            process.communicate(b"more\n", timeout=WAIT_S)
        self.assertEqual(process.returncode, 0)


class Statuses(Test):
    def test_failures(self):
        def faults(path):
            return url("FAULTS", path)

        for words, status, message in (
            ([NOBODY], 3, "connect to 127.0.0.1:1: connection refused"),
            (["ws://nobody.invalid/"], 3, ".*nobody.invalid.*"),
            ([ECHO, "-p", url("TINYPROXY_AUTH", "")], 4, ".*proxy.*"),
            ([ECHO.replace("ws:", "wss:")], 5, ".*"),
            ([url("WEBSOCKETS_TLS")], 6, "certificate of localhost rejected: .*"),
            ([faults("/status?code=403")], 7, ".* refused the upgrade: 403 .*"),
            ([faults("/bad-accept")], 7, ".*Sec-WebSocket-Accept.*"),
            ([faults("/redirect-loop")], 7, ".*redirect.*"),
            ([faults("/rst-after-101")], 9, ".*"),
            ([faults("/fin-mid")], 9, ".*"),
            ([faults("/frame?hex=8f00")], 10, ".*"),
            ([faults("/frame?hex=8101ff")], 10, ".*UTF-8.*"),
            ([faults("/flood?n=1&size=1001"), "--max-size", "1000"], 10, ".*1000.*"),
            ([faults("/close?code=1011&reason=oh")], 11, 'closed by the server: 1011 "oh"'),
        ):
            with self.subTest(words):
                words += ["--eof-wait", "forever", "--bytes", "base64"]
                result = self.run_program(*words, status=status)
                # Indented lines quote the response of the server or proxy.
                self.assertRegex(result.err, f"^wsdump: {message}\n(  .*\n)*$")
                self.assertEqual(result.out, b"")

    def test_sizes(self):
        for size in ("1001", "1k", "1M", "1g", "0"):
            words = ["--max-size", size, "-rNc1", url("FAULTS", "/flood?n=1&size=1001")]
            self.assertEqual(self.run_program(*words).out, bytes(1001))

    def test_the_close_frame_is_not_answered(self):
        result = self.run_program("-v", url("FAULTS", "/no-close-reply"), status=8)
        self.assertEqual(result.lines[-1], "close: 1006, by the client")

    def test_close_timeout(self):
        began = time.monotonic()
        words = ["--close-timeout", "0.3", url("FAULTS", "/no-close-reply")]
        self.assertIn("did not answer the close frame", self.run_program(*words, status=8).err)
        self.assertGreater(time.monotonic() - began, 0.3)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [PROGRAM, "-t", "hello", "-c1", ECHO],
                stdin=subprocess.DEVNULL,
                stdout=full,
                stderr=subprocess.PIPE,
                env=ENVIRONMENT,
                timeout=WAIT_S,
            )
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, b"wsdump: standard output: No space left on device\n")

    def test_lost_messages_are_reported(self):
        puppet = self.start_puppet()
        program = self.start_program("--file", "/dev/stdin", puppet.url)
        program.type(bytes(8_000_000))
        program.end_input()
        puppet.accept()
        puppet.close(1000)
        self.assertIn("wsdump: messages not sent: 1\n", program.wait(9).err)


if __name__ == "__main__":
    unittest.main()
