# SPDX-License-Identifier: Apache-2.0
"""Servers that wait until the test says so: no test needs to guess how long something takes.

A conversation waits at the gate that ?id=X names; a request for /go?id=X lets it pass, once.
"""

import collections
import threading

from fault_connection import encode_close

GO_PATH = "/go"


class Gates:
    def __init__(self):
        self._lock = threading.Lock()
        self._gates = collections.defaultdict(lambda: threading.Semaphore(0))

    def wait(self, request):
        self._gate(request).acquire()

    def go(self, request):
        """Before the answer to the request, so that the test knows that it has happened."""
        self._gate(request).release()

    def _gate(self, request):
        with self._lock:
            return self._gates[request.query["id"]]


GATES = Gates()


def end_after_go(connection):
    connection.send(encode_close(1000))
    connection.read_to_end()
