#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Python with ctypes: Ctrl-C ends a waiting call, and the connection stays usable."""

import contextlib
import signal
import threading
import unittest

import wsline
from harness import WAIT_MS, Test, options, url
from wsline import Status

BETWEEN_SIGNALS_S = 0.02
# More than the sockets buffer when nobody reads.
MUCH = bytes(64 << 20)


class CtrlC(Test):
    def test_ctrl_c_ends_a_receive(self):
        for peer in ("WEBSOCKETS", "WS_TLS"):
            with self.connect(url(peer)) as conn:
                with self.ctrl_c():
                    conn.recv(wsline.FOREVER)
                conn.send("still open")
                self.assertEqual(conn.recv(WAIT_MS), "still open")
                conn.close(1000, "done", WAIT_MS)

    def test_ctrl_c_ends_a_send(self):
        for peer in ("FAULTS", "FAULTS_TLS"):
            with self.connect(url(peer, "/stall")) as conn:
                with self.ctrl_c():
                    # The first send keeps the unsent rest, so the second one is interrupted.
                    conn.send(MUCH)
                    conn.send(MUCH)
                self.assert_fails(Status.TIMEOUT, conn.recv, 0)

    def test_ctrl_c_ends_a_close(self):
        for peer in ("FAULTS", "FAULTS_TLS"):
            with self.connect(url(peer, "/no-close-reply")) as conn:
                for _ in range(2):
                    with self.ctrl_c():
                        conn.close(1000, "done", wsline.FOREVER)

    def test_ctrl_c_ends_a_connect(self):
        for peer in ("FAULTS", "FAULTS_TLS"):
            with self.subTest(peer), self.interruptible() as how:
                with self.ctrl_c():
                    wsline.Conn(url(peer, "/hang"), how)

    @staticmethod
    def interruptible():
        made = options()
        made.set_interruptible(True)
        return made

    @contextlib.contextmanager
    def connect(self, address):
        with self.subTest(address), self.interruptible() as how, wsline.Conn(address, how) as conn:
            yield conn

    @contextlib.contextmanager
    def ctrl_c(self):
        """Its body ends with KeyboardInterrupt, right after an interrupted call."""
        self.assert_fails(Status.INVALID_URL, wsline.Conn, "")  # changes the last error
        main, ended = threading.get_ident(), threading.Event()

        def handler(*_):
            info = wsline.ErrorInfo()
            wsline.lib.wsline_last_error(wsline.byref(info))
            # A signal may also arrive before the call, or be the one that ended an earlier call.
            if info.status == Status.INTERRUPTED and not ended.is_set():
                ended.set()
                raise KeyboardInterrupt

        def send_signals():
            while not ended.wait(BETWEEN_SIGNALS_S):
                signal.pthread_kill(main, signal.SIGINT)

        before = signal.signal(signal.SIGINT, handler)
        sender = threading.Thread(target=send_signals)
        sender.start()
        try:
            with self.assertRaises(KeyboardInterrupt):
                yield
        finally:
            ended.set()
            sender.join()
            signal.signal(signal.SIGINT, before)


if __name__ == "__main__":
    unittest.main()
