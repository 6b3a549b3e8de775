#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Output: text, bytes, names, JSON, and escaping for terminals."""

import base64
import time
import unittest
import urllib.parse

from fault_connection import BINARY, CONTINUATION, PING, PONG
from harness import Test, url

ECHO = url("WEBSOCKETS")
ALL_BYTES = bytes(range(256))
EVIL = "\x1b]0;title\x07\x1b[2J\x9b31m\x7f\u202etxt.exe\u2028\r\0"
ESCAPED = r"\x1b]0;title\x07\x1b[2J\u009b31m\x7f\u202etxt.exe\u2028\r\x00"


class Text(Test):
    def test_a_message_is_a_line(self):
        result = self.run_program("-t", "grüße", "-t", "", "-c", "2", ECHO)
        self.assertEqual((result.out, result.err), ("grüße\n\n".encode(), ""))

    def test_raw_messages_are_byte_for_byte(self):
        for option in ("-r", "--raw"):
            result = self.run_program(option, "-c1", "--hex", ALL_BYTES.hex(), ECHO)
            self.assertEqual(result.out, ALL_BYTES + b"\n")
        words = ["-rN", "-c3", "--hex", ALL_BYTES.hex(), "--hex", "", "--hex", ALL_BYTES.hex()]
        self.assertEqual(self.run_program(*words, ECHO).out, ALL_BYTES * 2)
        self.assertEqual(self.run_program("-rNc1", ECHO, stdin=EVIL).out, EVIL.encode())

    def test_raw_messages_stay_raw_with_names(self):
        result = self.run_program("-rvc1", "--hex", ALL_BYTES.hex(), ECHO)
        self.assertIn(b"\nbinary: " + ALL_BYTES + b"\n", result.out)

    def test_text_in_a_pipe_is_unchanged(self):
        self.assertEqual(self.run_program("-c1", ECHO, stdin=EVIL).out, EVIL.encode() + b"\n")

    def test_text_after_a_prefix_is_escaped(self):
        for option, prefix in {"-v": r"text: ", "--timings": r"\d+\.\d{6}: "}.items():
            result = self.run_program("-c1", option, ECHO, stdin=EVIL)
            line = next(line for line in result.lines if "title" in line)
            self.assertRegex(line, f"^{prefix}")
            self.assertTrue(line.endswith(ESCAPED), line)

    def test_a_message_cannot_forge_another(self):
        puppet = self.start_puppet()
        program = self.start_program("-v", puppet.url)
        puppet.accept()
        puppet.send("one\ntext: two\n\tthree \\x1b €")
        puppet.close()
        program.expect("open: .*")
        for line in ("text: one", "  text: two", "  \tthree \\\\x1b €"):
            program.expect(line)
        program.expect("close: 1000, by the server")
        program.wait()

    def test_bytes(self):
        payload = b"AB\\\x00\xff " + bytes(12)
        for form, expected in {
            "escaped": r"AB\\\x00\xff " + r"\x00" * 12,
            "base64": base64.b64encode(payload).decode(),
            "hex": "18 bytes\n"
            "00000000  41 42 5c 00 ff 20 00 00  00 00 00 00 00 00 00 00  |AB\\.. ..........|\n"
            "00000010  00 00" + " " * 45 + "|..|",
        }.items():
            with self.subTest(form):
                result = self.run_program("--bytes", form, "-c1", "--hex", payload.hex(), ECHO)
                self.assertEqual(result.out.decode(), expected + "\n")
        self.assertEqual(self.run_program("-c1", "--hex", "5c", ECHO).out, b"\\\\\n")
        for size in range(5):
            data = ALL_BYTES[-size:] if size else b""
            result = self.run_program("--bytes=base64", "-c1", "--hex", data.hex(), ECHO)
            self.assertEqual(result.out, base64.b64encode(data) + b"\n")

    def test_fragments_are_joined(self):
        puppet = self.start_puppet()
        program = self.start_program(puppet.url)
        puppet.accept()
        puppet.send("one, ", fin=False)
        puppet.send("between", opcode=PING)
        puppet.send(b"z\xc3", opcode=CONTINUATION, fin=False)
        puppet.send(b"\xbcge", opcode=CONTINUATION)
        program.expect("one, züge")
        self.assertEqual(puppet.read_frame(), (PONG, b"between"))
        puppet.close()
        program.wait()

    def test_gzip_data_is_not_decompressed(self):
        gzip = "1f8b0800000000000003cb48cdc9c9070086a6103605000000"
        self.assertRegex(self.run_program("-c1", "--hex", gzip, ECHO).lines[0], r"^\\x1f\\x8b\\x08")

    def test_names(self):
        puppet = self.start_puppet()
        program = self.start_program("--verbose", puppet.url)
        puppet.accept()
        program.expect(r"open: 127\.0\.0\.1:\d+")
        for opcode, payload, line in (
            (BINARY, b"\0", r"binary: \\x00"),
            (PING, b"you\x1b", r"ping: you\\x1b"),
            (PONG, b"", "pong: "),
        ):
            puppet.send(payload, opcode=opcode)
            program.expect(line)
        puppet.close(4001, "\x1b[2J")
        program.expect(r'close: 4001 "\\u001b\[2J", by the server')
        program.wait(11)

    def test_without_names_control_frames_are_not_shown(self):
        puppet = self.start_puppet()
        program = self.start_program(puppet.url)
        puppet.accept()
        puppet.send("x", opcode=PING)
        puppet.send("x", opcode=PONG)
        puppet.close(1000, "done\x9b")
        result = program.wait()
        self.assertEqual(result.out, b"")
        self.assertEqual(result.err, 'wsdump: closed by the server: 1000 "done\\u009b"\n')

    def test_pongs_are_shown_with_the_round_trip_time(self):
        result = self.run_program("--ping", "--ping=x\n", "-t", "hello", "-c1", ECHO)
        self.assertRegex(result.lines[0], r"^pong: (x\\x0a, )?\d+\.\d{3} ms$")
        words = ["--ping-interval", "0.1", "--max-time", "0.5", "--eof-wait", "forever"]
        result = self.run_program("-j", *words, ECHO, status=8)
        pongs = [event for event in result.events if event["event"] == "pong"]
        self.assertGreater(len(pongs), 1)
        for pong in pongs:
            self.assertTrue(0 < pong["rtt_ms"] < 1000, pong)
            self.assertEqual(pong["base64"], "")

    def test_unsolicited_pongs_keep_their_payload(self):
        puppet = self.start_puppet()
        # With a timeout only one ping is outstanding, however slow this machine is.
        words = ["-v", "--ping-interval", "0.1", "--ping-timeout", "30", puppet.url]
        program = self.start_program(*words)
        puppet.accept()
        program.expect("open: .*")
        opcode, payload = puppet.read_frame()
        self.assertEqual((opcode, payload[:6], len(payload)), (PING, b"wsdump", 14))
        puppet.send(payload, opcode=PONG)
        program.expect(r"pong: \d+\.\d{3} ms")
        for unasked in (b"unasked!", b"wsdump", b"WSDUMP12345678"):
            puppet.send(unasked, opcode=PONG)
            program.expect("pong: " + unasked.decode())

    def test_timings(self):
        result = self.run_program("--timings", "-c1", "-vt", "hello", ECHO)
        times = [float(line.partition(":")[0]) for line in result.lines]
        self.assertEqual(sorted(times), times)
        self.assertTrue(0 < times[0] < 30)

    def test_quiet(self):
        for option in ("-q", "--quiet"):
            result = self.run_program(option, "ws://127.0.0.1:1/", status=3)
            self.assertEqual((result.out, result.err), (b"", ""))
        self.assertEqual(self.run_program("-q", url("FAULTS", "/close?code=1000")).err, "")

    def test_no_colours_in_a_pipe(self):
        result = self.run_program("-vt", "hello", "-c1", ECHO)
        self.assertNotIn(b"\x1b", result.out)
        self.assertNotIn("\x1b", self.run_program("ws://127.0.0.1:1/", status=3).err)

    def test_the_log_has_no_secrets_and_no_escapes(self):
        words = ["-vvc1", "--user", "me:SECRET", "-H", "X-Title: über", ECHO]
        result = self.run_program(*words, stdin=EVIL)
        self.assertIn("Sec-WebSocket-Accept", result.err)
        self.assertNotIn("SECRET", result.err)
        self.assertNotIn("\x1b", result.err)


class Json(Test):
    def test_every_event(self):
        began = time.time()
        puppet = self.start_puppet()
        program = self.start_program("-j", "--ping=p", puppet.url)
        puppet.accept()
        opened = program.expect({"event": "open", "subprotocol": None, "extensions": None})
        self.assertRegex(opened["peer"], r"^127\.0\.0\.1:\d+$")
        self.assertTrue(began <= opened["time"] <= time.time())
        puppet.send('"\\\n\t' + EVIL)
        program.expect({"event": "text", "text": '"\\\n\t' + EVIL})
        puppet.send(ALL_BYTES, opcode=BINARY)
        program.expect({"event": "binary", "base64": base64.b64encode(ALL_BYTES).decode()})
        puppet.send(b"\xff", opcode=PING)
        program.expect({"event": "ping", "base64": "/w=="})
        puppet.send(b"p", opcode=PONG)
        pong = program.expect({"event": "pong", "base64": "cA=="})
        self.assertGreater(pong["rtt_ms"], 0)
        puppet.send(b"unasked", opcode=PONG)
        self.assertNotIn("rtt_ms", program.expect({"event": "pong"}))
        puppet.close(3001, '"bye"')
        program.expect(
            {
                "event": "close",
                "code": 3001,
                "reason": '"bye"',
                "clean": True,
                "closed_by": "server",
            }
        )
        program.wait(11)

    def test_lines_contain_no_control_characters(self):
        result = self.run_program("--json", "-c1", ECHO, stdin=EVIL)
        self.assertTrue(result.out.isascii())
        self.assertTrue(all(byte >= 0x20 or byte == 0x0A for byte in result.out))

    def test_failures(self):
        result = self.run_program("-j", url("WEBSOCKETS", "/status?code=403"), status=7)
        (event,) = result.events
        self.assertEqual(
            (event["event"], event["status"], event["phase"], event["http_status"]),
            ("error", -600, "upgrade", 403),
        )
        self.assertIn("403", event["message"])
        self.assertIn(event["message"], result.err)
        result = self.run_program("-jq", "ftp://localhost", status=2)
        self.assertEqual((result.events[0]["status"], result.err), (-300, ""))

    def test_the_body_of_a_rejection_is_shown(self):
        body = "Rejected\x1b[2J origin ä\r\nUse --origin\n"
        refusal = url("FAULTS", f"/status?code=403&body={urllib.parse.quote(body)}")
        result = self.run_program(refusal, status=7)
        _, *lines = result.err.splitlines()
        self.assertEqual(lines, ["  Rejected\\x1b[2J origin ä", "  Use --origin"])
        self.assertEqual(self.run_program("-q", refusal, status=7).err, "")
        result = self.run_program("-j", refusal, status=7)
        self.assertEqual(result.events[0]["body"], body)
        self.assertEqual(len(result.err.splitlines()), 1)

    def test_only_the_first_lines_of_a_long_rejection_are_shown(self):
        for body, shown in (
            ("x\n" * 100, ["  x"] * 10 + ["  (180 more bytes)"]),
            ("ä" * 1000 + "\n", ["  " + "ä" * 512, "  (977 more bytes)"]),
            ("x" + "ä" * 1000, ["  x" + "ä" * 511, "  (978 more bytes)"]),
        ):
            refusal = url("FAULTS", f"/status?code=500&body={urllib.parse.quote(body)}")
            _, *lines = self.run_program(refusal, status=7).err.splitlines()
            self.assertEqual(lines, shown)

    def test_elapsed(self):
        for event in self.run_program("-j", "--timings", ECHO).events:
            self.assertTrue(0 <= event["elapsed"] < 30)


if __name__ == "__main__":
    unittest.main()
