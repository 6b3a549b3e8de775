# SPDX-License-Identifier: Apache-2.0
"""One client of a misbehaving proxy: bytes in and out, the tunnel, and the journal."""

import contextlib
import json
import socket
import threading

from fault_connection import ClientLeft, drip

JOURNAL_HOST = "journal.test"
NAMES = {"proxy-only.test": "127.0.0.1"}  # which nobody else can resolve
CONNECT_SECONDS = 10


class Journal:
    """The requests of clients, as dictionaries, oldest first."""

    def __init__(self):
        self._entries = []
        self._lock = threading.Lock()

    def open(self, listener):
        entry = {"listener": listener}
        with self._lock:
            self._entries.append(entry)
        return entry

    def note(self, entry, facts):
        with self._lock:
            entry.update(facts)

    def dump(self, listener):
        """As JSON; of one listener unless empty. Excludes requests for the journal."""
        with self._lock:
            return json.dumps(
                [
                    entry
                    for entry in self._entries
                    if entry.get("host") != JOURNAL_HOST and listener in ("", entry["listener"])
                ]
            )


JOURNAL = Journal()


class Client:
    def __init__(self, accepted, listener):
        self.socket = accepted
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.dripping = False
        self._listener = listener
        self._entry = None

    def begin_request(self):
        self._entry = JOURNAL.open(self._listener)

    def note(self, **facts):
        JOURNAL.note(self._entry, facts)

    def read(self, size):
        data = self.socket.recv(size, socket.MSG_WAITALL)
        if len(data) < size:
            raise ClientLeft
        return data

    def read_through(self, mark):
        data = b""
        while not data.endswith(mark):
            data += self.read(1)
        return data

    def read_to_end(self):
        while self.socket.recv(65536):
            pass

    def send(self, data):
        if self.dripping:
            drip(self.socket, data, milliseconds=1)
        else:
            self.socket.sendall(data)

    def tunnel(self, host, port, accepted, refused):
        """Connects, sends the reply that reports it, and joins the two connections."""
        if host == JOURNAL_HOST:
            self.send(accepted)
            self._serve_journal()
            return
        try:
            address = (NAMES.get(host, host), port)
            server = socket.create_connection(address, CONNECT_SECONDS)
        except OSError:
            self.send(refused)
            return
        with server:
            server.settimeout(None)
            self.send(accepted)
            back = threading.Thread(target=pump, args=(server, self.socket), daemon=True)
            back.start()
            pump(self.socket, server)
            back.join()

    def _serve_journal(self):
        head = self.read_through(b"\r\n\r\n").decode("latin-1")
        listener = head.split()[1].strip("/")
        body = JOURNAL.dump(listener)
        self.send(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        self.read_to_end()


def pump(source, sink):
    """Forwards bytes and the end of the stream."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
