# SPDX-License-Identifier: Apache-2.0
"""Servers that wait for the test, so that no test depends on how long something takes.

A conversation waits at the gate that ?id=X names; a request for /go?id=X lets it continue once.
"""

import collections
import threading

from fault_connection import encode_close

GO_PATH = "/go"


class Gates:
    def __init__(self):
        self._lock = threading.Lock()
        self._gates = collections.defaultdict(lambda: threading.Semaphore(0))
        self._begun = set()

    def is_first(self, request):
        """Whether this is the first conversation with its id that asks."""
        with self._lock:
            identity = request.query["id"]
            is_first = identity not in self._begun
            self._begun.add(identity)
            return is_first

    def wait(self, request):
        self._gate(request).acquire()

    def go(self, request):
        """Sent before the response, so that the test knows that it has happened."""
        self._gate(request).release()

    def _gate(self, request):
        with self._lock:
            return self._gates[request.query["id"]]


GATES = Gates()


def end_after_go(connection):
    connection.send(encode_close(1000))
    connection.read_to_end()
