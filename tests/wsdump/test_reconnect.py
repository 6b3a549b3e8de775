#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--reconnect and pings, with servers that stop, restart, freeze and reject."""

import os
import socket
import unittest
import uuid

from harness import WAIT_S, Test, url

UNSTEADY = url("UNSTEADY")
CHAOS = url("CHAOS", "/?refuse=1&key=")
CONTROL = os.environ["WSLINE_TEST_UNSTEADY_CONTROL"].rsplit(":", 1)


def control(command):
    with socket.create_connection(CONTROL, WAIT_S) as connection:
        connection.sendall(command.encode() + b"\n")
        assert connection.makefile().readline() == "ok\n", command


class Reconnect(Test):
    def setUp(self):
        super().setUp()
        control("start")
        control("thaw")

    def test_a_restarted_server_is_reconnected(self):
        program = self.start_program("-j", "--reconnect", "-t", "hello", UNSTEADY)
        program.expect({"event": "open"})
        program.expect({"event": "text", "text": "hello"})
        control("stop")
        lost = program.expect({"event": "error", "phase": "open"})
        self.assertGreaterEqual(lost["retry_in_ms"], 0)
        program.expect({"event": "close", "code": 1006, "clean": False, "closed_by": "server"})
        refused = program.expect({"event": "error", "status": -302, "phase": "connect"})
        self.assertGreaterEqual(refused["retry_in_ms"], 0)
        control("start")
        event = program.expect({})
        while event["event"] == "error":  # it may have retried in between
            event = program.expect({})
        self.assertEqual(event["event"], "open")
        program.expect({"event": "text", "text": "hello"})
        program.type("more\n")
        program.expect({"event": "text", "text": "more"})
        self.assertIn("; next attempt in ", program.end().err)

    def test_the_number_of_attempts_is_limited(self):
        control("stop")
        result = self.run_program("-j", "--reconnect=1", UNSTEADY, status=3)
        first, last = result.events
        self.assertIn("retry_in_ms", first)
        self.assertNotIn("retry_in_ms", last)

    def test_a_temporary_rejection_is_retried(self):
        words = ["-vc1", "-t", "hello", CHAOS + uuid.uuid4().hex]
        self.run_program(*words, status=7)
        words[-1] = CHAOS + uuid.uuid4().hex
        self.assertIn("text: hello", self.run_program("--reconnect", *words).lines)

    def test_without_reconnect_a_lost_connection_ends_the_program(self):
        program = self.start_program("-v", UNSTEADY)
        program.expect("open: .*")
        control("stop")
        program.expect("close: 1006, by the server")
        program.wait(9)

    def test_a_server_that_does_not_answer_pings(self):
        words = ["-j", "--ping-interval", "0.2", "--ping-timeout", "0.3", UNSTEADY]
        program = self.start_program(*words)
        program.expect({"event": "open"})
        program.expect({"event": "pong"})
        control("freeze")
        event = program.expect({})
        while event["event"] == "pong":
            event = program.expect({})
        self.assertEqual((event["event"], event["status"]), ("error", -201))
        program.wait(8)


if __name__ == "__main__":
    unittest.main()
