# SPDX-License-Identifier: Apache-2.0
"""Shared by the Python tests: a deadline, checks after each test, the servers."""

import faulthandler
import os
import sys
import unittest

import wsline

WAIT_S, WAIT_MS = 30, 30_000
DEADLINE_S = 60


class Test(unittest.TestCase):
    def setUp(self):
        # Also works if Python is stuck inside a call.
        faulthandler.dump_traceback_later(DEADLINE_S, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)
        self.raised_in_callbacks = []
        self.addCleanup(setattr, sys, "unraisablehook", sys.unraisablehook)
        sys.unraisablehook = lambda what: self.raised_in_callbacks.append(what.exc_value)

    def tearDown(self):
        self.assertEqual(self.raised_in_callbacks, [])
        self.assertEqual(wsline.registered, {}, "callbacks that were not released")

    def assert_fails(self, status, function, *arguments):
        with self.assertRaises(wsline.Error) as caught:
            function(*arguments)
        self.assertEqual(caught.exception.status, status, caught.exception)
        return caught.exception


def url(peer, path="/"):
    """The address of a server that tests/peers/run.py has started."""
    return os.environ[f"WSLINE_TEST_{peer}_URL"] + path


def options():
    """Options that trust the certificates of the servers."""
    made = wsline.Options()
    made.set_tls_ca_file(os.environ["WSLINE_TEST_CA"])
    return made
