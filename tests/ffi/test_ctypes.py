#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Python with ctypes: blocking connections, and apps that run callbacks on their own thread."""

import queue
import threading
import unittest
import weakref

import wsline
from harness import WAIT_MS, WAIT_S, Test, options, url
from wsline import Status

REPLACEMENTS = 200


class Connection(Test):
    def test_messages_are_echoed(self):
        for peer in ("WEBSOCKETS", "WS_TLS"):
            with self.subTest(peer), options() as trusted, wsline.Conn(url(peer), trusted) as conn:
                for payload in ("grüße", b"\0\xff", "", b"", "x" * 100_000):
                    conn.send(payload)
                    self.assertEqual(conn.recv(WAIT_MS), payload)
                conn.close(1000, "done", WAIT_MS)

    def test_errors_describe_what_happened(self):
        error = self.assert_fails(Status.INVALID_URL, wsline.Conn, "http://localhost/")
        self.assertIn("http", str(error))
        self.assertEqual(wsline.lib.wsline_last_error_message().decode(), str(error))

        refusing = url("WEBSOCKETS", "/status?code=403")
        error = self.assert_fails(Status.HTTP_STATUS, wsline.Conn, refusing)
        self.assertEqual((error.http_status, error.phase), (403, 5))  # WSLINE_PHASE_UPGRADE
        self.assertIn("403", str(error))

        self.assert_fails(Status.TLS_VERIFY, wsline.Conn, url("WS_TLS"))

        with wsline.Conn(url("WEBSOCKETS")) as conn:
            self.assert_fails(Status.TIMEOUT, conn.recv, 0)
        self.assert_fails(Status.INVALID_ARGUMENT, conn.send, "after free")

    def test_statuses_have_the_names_of_the_header(self):
        for status in Status:
            name = "WSLINE_OK" if status == Status.OK else "WSLINE_ERR_" + status.name
            self.assertEqual(wsline.lib.wsline_status_name(status).decode(), name)

    def test_errors_are_per_thread(self):
        self.assert_fails(Status.INVALID_URL, wsline.Conn, "")
        messages = queue.Queue()
        other = threading.Thread(
            target=lambda: messages.put(wsline.lib.wsline_last_error_message())
        )
        other.start()
        self.assertEqual(messages.get(timeout=WAIT_S), b"")
        other.join()

    def test_close_info_has_the_code_and_reason_of_the_server(self):
        with wsline.Conn(url("WEBSOCKETS", "/close?code=3001&reason=bye")) as conn:
            self.assert_fails(Status.CLOSED, conn.recv, WAIT_MS)
            info = conn.close_info()
            self.assertEqual((info.code, info.reason, info.clean), (3001, b"bye", True))

    def test_a_waiting_call_lets_other_threads_run(self):
        with wsline.Conn(url("WEBSOCKETS")) as conn:
            about_to_wait = threading.Event()
            aborting = threading.Thread(target=lambda: [about_to_wait.wait(WAIT_S), conn.abort()])
            aborting.start()
            about_to_wait.set()
            self.assert_fails(Status.ABORTED, conn.recv, wsline.FOREVER)
            aborting.join()


class AppOnItsOwnThread(Test):
    def test_callbacks_are_called(self):
        told = queue.Queue()
        with wsline.App(url("WEBSOCKETS")) as app:
            app.on_open(lambda: told.put(("open", threading.get_ident())))
            app.on_message(lambda payload: told.put(("message", payload)))
            app.on_close(lambda code, reason: told.put(("close", code, reason)))
            app.start()
            event, thread = told.get(timeout=WAIT_S)
            self.assertEqual(event, "open")
            self.assertNotEqual(thread, threading.get_ident())
            for payload in ("one", b"two"):
                app.send(payload)
                self.assertEqual(told.get(timeout=WAIT_S), ("message", payload))
            app.close(1000, "done")
            app.join(WAIT_MS)
            self.assertEqual(told.get_nowait(), ("close", 1000, "done"))

    def test_callbacks_are_replaced_while_the_app_runs(self):
        told = queue.Queue()
        with wsline.App(url("WEBSOCKETS")) as app:

            def first(payload):
                told.put(("first", payload))
                app.on_message(second)

            def second(payload):
                told.put(("second", payload))

            app.on_message(first)
            app.on_open(lambda: [app.send("a"), app.send("b")])
            app.start()
            self.assertEqual(told.get(timeout=WAIT_S), ("first", "a"))
            self.assertEqual(told.get(timeout=WAIT_S), ("second", "b"))

            app.on_message(lambda payload: told.put(("third", payload)))
            app.send("c")
            self.assertEqual(told.get(timeout=WAIT_S), ("third", "c"))

            app.on_message(None)
            app.on_close(lambda *_: told.put("closed"))
            app.send("d")
            app.close()
            app.join(WAIT_MS)
            self.assertEqual(told.get_nowait(), "closed")

    def test_callbacks_are_replaced_while_messages_arrive(self):
        called = []
        first_called, last_called = threading.Event(), threading.Event()
        with wsline.App(url("WEBSOCKETS", "/push?n=1000000&size=10")) as app:

            app.on_message(lambda _: first_called.set())
            app.start()
            self.assertTrue(first_called.wait(WAIT_S))
            for number in range(REPLACEMENTS):
                app.on_message(lambda _, number=number: called.append(number))
            app.on_message(lambda _: last_called.set())
            self.assertTrue(last_called.wait(WAIT_S))
        # The later one was never called before the earlier one.
        self.assertEqual(called, sorted(called))

    def test_exceptions_in_callbacks_do_not_break_the_app(self):
        told = queue.Queue()
        with wsline.App(url("WEBSOCKETS")) as app:

            def on_message(payload):
                told.put(payload)
                raise ValueError(payload)

            app.on_message(on_message)
            app.on_open(lambda: [app.send("a"), app.send("b")])
            app.start()
            self.assertEqual(told.get(timeout=WAIT_S), "a")
            self.assertEqual(told.get(timeout=WAIT_S), "b")
            app.close()
            app.join(WAIT_MS)
        self.assertEqual([str(error) for error in self.raised_in_callbacks], ["a", "b"])
        self.raised_in_callbacks.clear()

    def test_failures_are_reported_by_on_error_and_join(self):
        errors = []
        with wsline.App(url("WEBSOCKETS", "/status?code=403")) as app:
            app.on_error(errors.append)
            app.start()
            joined = self.assert_fails(Status.HTTP_STATUS, app.join, WAIT_MS)
        self.assertEqual(len(errors), 1)
        self.assertEqual((errors[0].status, errors[0].http_status), (Status.HTTP_STATUS, 403))
        self.assertEqual(errors[0].retry_in_ms, -1)
        self.assertEqual((str(joined), joined.http_status), (str(errors[0]), 403))

    def test_the_app_is_freed_while_a_callback_runs(self):
        running, proceed, ended = threading.Event(), threading.Event(), []
        app = wsline.App(url("WEBSOCKETS"))

        def on_open():
            running.set()
            proceed.wait(WAIT_S)
            ended.append(True)

        app.on_open(on_open)
        app.start()
        self.assertTrue(running.wait(WAIT_S))
        proceeding = threading.Thread(target=proceed.set)
        proceeding.start()
        app.free()  # waits for on_open, which needs the GIL
        proceeding.join()
        self.assertEqual(ended, [True])

    def test_the_app_frees_itself(self):
        released = threading.Event()
        app = wsline.App(url("WEBSOCKETS"))

        def on_open():
            app.free()

        weakref.finalize(on_open, released.set)
        app.on_open(on_open)
        del on_open
        app.start()
        self.assertTrue(released.wait(WAIT_S))

    def test_the_app_runs_on_the_thread_of_the_caller(self):
        received = []
        with wsline.App(url("WEBSOCKETS")) as app:
            app.on_open(lambda: app.send(str(threading.get_ident())))
            app.on_message(lambda payload: [received.append(payload), app.close()])
            app.run()
        self.assertEqual(received, [str(threading.get_ident())])


if __name__ == "__main__":
    unittest.main()
