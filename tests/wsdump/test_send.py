#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sending: options, lines of input, files, commands."""

import base64
import json
import pathlib
import signal
import tempfile
import time
import unittest
import uuid

from fault_connection import BINARY, CLOSE, TEXT
from harness import Test, url

ECHO = url("WEBSOCKETS")
ALL_BYTES = bytes(range(256))


class Send(Test):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def file(self, content):
        path = self.directory / "file"
        path.write_bytes(content)
        return str(path)

    def journal(self, identity):
        """The record of what the client did on the connection with this id."""
        (line,) = self.run_program("-c", "1", url("FAULTS", f"/journal?id={identity}")).lines
        return json.loads(line)

    def test_lines_of_input_are_text_messages(self):
        for peer in ("WEBSOCKETS", "WS"):
            result = self.run_program("-jc", "4", url(peer), stdin="one\n\nzwölf\r\na\0b\n")
            texts = [event["text"] for event in result.events if event["event"] == "text"]
            self.assertEqual(texts, ["one", "", "zwölf\r", "a\0b"])

    def test_the_last_line_needs_no_newline(self):
        self.assertEqual(self.run_program("-c", "2", ECHO, stdin="one\ntwo").lines, ["one", "two"])

    def test_lines_may_be_long_and_many(self):
        line = "ä" * 1_500_000
        self.assertEqual(self.run_program("-c", "1", ECHO, stdin=line + "\n").lines, [line])
        lines = [f"{i} {'x' * (i % 500)}" for i in range(10_000)]
        result = self.run_program("-c", "10000", ECHO, stdin="\n".join(lines))
        self.assertEqual(result.lines, lines)

    def test_input_waits_for_a_slow_server(self):
        lines = ["x" * 100_000] * 50
        slow = url("FAULTS", "/slow-read?bps=10000000")
        self.assertEqual(self.run_program("-c", "50", slow, stdin="\n".join(lines)).lines, lines)

    def test_a_slow_server_gets_all_of_the_input(self):
        identity = uuid.uuid4().hex
        slow = url("FAULTS", f"/slow-read?bps=1000000&id={identity}")
        self.run_program(slow, stdin="\n".join(["x" * 100_000] * 60))
        did = self.journal(identity)
        self.assertEqual((did["frames"], did["close"], did["end"]), (61, 1000, "fin"))

    def test_binary_lines(self):
        for option in ("-b", "--binary"):
            result = self.run_program("-jc", "2", option, ECHO, stdin=b"\xff\0\nabc\n")
            payloads = [base64.b64decode(e["base64"]) for e in result.events if "base64" in e]
            self.assertEqual(payloads, [b"\xff\0", b"abc"])

    def test_options_are_sent_in_order_and_before_the_input(self):
        words = ["--text", "one", "--hex", "00:fF 7", "-t", "two", "--ping=now", "--text="]
        self.run_program(*words, ECHO, status=2)
        words[3] = "00:fF 7f"
        result = self.run_program("--json", "--count", "5", *words, ECHO, stdin="three\n")
        events = [(e["event"], e.get("text", e.get("base64"))) for e in result.events[1:-1]]
        # The server may answer a ping before the messages that precede it.
        self.assertIn(("pong", "bm93"), events)
        events.remove(("pong", "bm93"))
        expected = [("text", "one"), ("binary", "AP9/"), ("text", "two"), ("text", "")]
        self.assertEqual(events, [*expected, ("text", "three")])

    def test_input_in_chunks(self):
        puppet = self.start_puppet()
        program = self.start_program("--chunks=2", puppet.url)
        puppet.accept()
        for typed, payloads in ((b"abcde", (b"ab", b"cd", b"e")), (b"\n\xff", (b"\n\xff",))):
            program.type(typed)
            for payload in payloads:
                self.assertEqual(puppet.read_frame(), (BINARY, payload))
        program.end_input()
        self.assertEqual(puppet.read_frame()[0], CLOSE)
        puppet.close()
        program.wait()

    def test_chunks_contain_all_of_the_input(self):
        puppet = self.start_puppet()
        program = self.start_program("--chunks", puppet.url)
        puppet.accept()
        data = ALL_BYTES * 1000
        program.type(data)
        program.end_input()
        received = bytearray()
        while (frame := puppet.read_frame())[0] == BINARY:
            self.assertLessEqual(len(frame[1]), 65536)
            received += frame[1]
        self.assertEqual((frame[0], received), (CLOSE, data))
        puppet.close()
        program.wait()

    def test_delay(self):
        began = time.monotonic()
        words = ["--delay", "0.2", "-t", "one", "-t", "two", "-c", "4", ECHO]
        result = self.run_program(*words, stdin="three\nfour\n")
        self.assertEqual(result.lines, ["one", "two", "three", "four"])
        self.assertGreater(time.monotonic() - began, 0.6)

    def test_nothing_is_sent_during_the_delay(self):
        puppet = self.start_puppet()
        program = self.start_program("--delay", "60", "-t", "one", puppet.url)
        program.type("two\n")
        puppet.accept()
        self.assertEqual(puppet.read_frame(), (TEXT, b"one"))
        program.signal(signal.SIGINT)
        self.assertEqual(puppet.read_frame()[0], CLOSE)
        puppet.close()
        program.wait()

    def test_the_last_message_needs_no_delay(self):
        result = self.run_program("--delay", "60", "-v", ECHO, stdin="one")
        self.assertEqual(result.lines[-1], "close: 1000, by the client")

    def test_a_file_is_one_message(self):
        text = self.file(b"zwei\nZeilen\n")
        self.assertEqual(self.run_program("-rNc1", "--file", text, ECHO).out, b"zwei\nZeilen\n")
        self.assertEqual(self.run_program("-rNc1", "--file=-", ECHO, stdin="a\nb").out, b"a\nb")
        large = ALL_BYTES * 20_000
        words = ["--file", self.file(large), "-b", "--raw", "--no-newline", "-c", "1"]
        self.assertEqual(self.run_program(*words, ECHO).out, large)
        result = self.run_program("-jc1", "--file", self.file(b""), ECHO)
        self.assertEqual(result.events[1]["text"], "")

    def test_commands(self):
        identity = uuid.uuid4().hex
        echo = url("FAULTS", f"/echo?id={identity}")
        commands = [
            "/ping",
            "/ping to you",
            "/pong unasked",
            "/hex 00 ff",
            f"/file {self.file(b'content')}",
            "no command",
            "/close 4000 that was all",
        ]
        result = self.run_program("--slash", "-v", echo, stdin="\n".join(commands))
        _, *lines, end = result.lines
        patterns = [r"pong: [\d.]+ ms", r"pong: to you, [\d.]+ ms", r"binary: \\x00\\xff"]
        patterns += ["text: content", "text: no command"]
        self.assertEqual(len(lines), len(patterns), lines)
        for line, pattern in zip(lines, patterns):
            self.assertRegex(line, f"^{pattern}$")
        self.assertEqual(end, 'close: 4000 "that was all", by the client')
        did = self.journal(identity)
        self.assertEqual((did["close"], did["pongs"], did["after_close"]), (4000, 1, 0))

    def test_commands_that_fail(self):
        for line, message in {
            "/": "unknown command /; use .*",
            "/pings": "unknown command /pings; use .*",
            "/hex 0x": "/hex: not pairs of hexadecimal digits",
            "/file /none": "/file: /none: No such file or directory",
            "/close x": "/close: not a close code",
            "/close 1005": "/close: argument `code` .*",
            "/ping " + "x" * 126: "not sent: .*125.*",
        }.items():
            with self.subTest(line):
                words = ["--slash", "-c1", ECHO]
                result = self.run_program(*words, stdin=line + "\nfine\n", status=12)
                self.assertRegex(result.err, f"^wsdump: {message}\n$")
                self.assertEqual(result.lines, ["fine"])

    def test_without_slash_there_are_no_commands(self):
        self.assertEqual(self.run_program("-c1", ECHO, stdin="/close\n").lines, ["/close"])

    def test_invalid_utf8_is_not_sent(self):
        result = self.run_program("-c1", ECHO, stdin=b"\xff\nfine\n", status=12)
        self.assertRegex(result.err, "^wsdump: not sent: .*UTF-8")
        self.assertEqual(result.lines, ["fine"])
        self.run_program("--file", self.file(b"\xff"), ECHO, status=12)


if __name__ == "__main__":
    unittest.main()
