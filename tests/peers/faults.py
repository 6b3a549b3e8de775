#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A WebSocket server that misbehaves on request: path and query select the fault.

usage: faults.py PKI LISTENER...   (LISTENER: plain or tls; PKI: see certs.sh)

The paths are the keys of HEADS and ANSWERS (fault_handshakes.py), of CONVERSATIONS
(fault_conversations.py), BOMBS (fault_deflate.py) and PACKED (fault_inflate.py); 404 is returned for
an unknown one. When a connection has ended, a line of JSON describes what the client did: see
Connection.entry (fault_connection.py).

?extensions=TEXT adds a Sec-WebSocket-Extensions field to the response, regardless of the offer, and
may be repeated. It works with all paths except those of ANSWERS. Nothing is inflated or compressed.

?bearer=X rejects a request without "Authorization: Bearer X" with 401, on every path.

/go?id=X opens the gate at which the conversation with that id waits (gates.py).

/journal?id=X sends the line of the connection whose query had id=X as a text message. It waits
for the end of that connection, so a test can request it immediately.
"""

import json
import pathlib
import socket
import sys
import threading

from fault_connection import TEXT, ClientLeft, Connection, ServerReset, encode
from fault_conversations import CONVERSATIONS, close, echo
from fault_deflate import BOMBS
from fault_handshakes import ANSWERS, HEADS, Head, not_found, refuse
from fault_inflate import PACKED
from fault_tls import TlsSocket
from gates import GATES, GO_PATH, end_after_go
from serving import announce, exit_at_end_of_input


JOURNAL_PATH = "/journal"
AFTER_A_GOOD_HEAD = CONVERSATIONS | BOMBS | PACKED


class Journal:
    """The records of clients, by the id in their query."""

    def __init__(self):
        self._lines = {}
        self._changed = threading.Condition()

    def add(self, identity, line):
        with self._changed:
            print(line, flush=True)
            self._lines[identity] = line
            self._changed.notify_all()

    def wait_for(self, identity):
        with self._changed:
            self._changed.wait_for(lambda: identity in self._lines)
            return self._lines[identity]


JOURNAL = Journal()


def main(pki, names):
    listeners = {name: socket.create_server(("127.0.0.1", 0), backlog=128) for name in names}
    for name, listener in listeners.items():
        wrap = (lambda accepted: TlsSocket(accepted, pki)) if name == "tls" else None
        threading.Thread(target=accept_all, args=(listener, wrap), daemon=True).start()
    exit_at_end_of_input()
    announce({name: listener.getsockname()[1] for name, listener in listeners.items()})
    threading.Event().wait()


def accept_all(listener, wrap):
    while True:
        accepted, _ = listener.accept()
        threading.Thread(target=serve, args=(accepted, wrap), daemon=True).start()


def serve(accepted, wrap):
    with accepted:
        connection = Connection(wrap(accepted) if wrap else accepted)
        identity, end = converse(connection)
        if connection.entry["path"] not in (GO_PATH, JOURNAL_PATH):
            JOURNAL.add(identity, json.dumps(connection.entry | {"end": end}))


def converse(connection):
    """Returns the client's id, and how the connection ended."""
    identity = None
    try:
        request = connection.read_request()
        identity = request.query.get("id")
        answer(connection, request)
        connection.finish()
    except ServerReset:
        end = "server"
    except (ClientLeft, BrokenPipeError):  # EPIPE: data after the client's FIN was reset
        end = "fin"
    except OSError:
        end = "rst"
    return identity, end


def answer(connection, request):
    path = request.path
    want = request.query.get("bearer")
    if want and request.headers.get("authorization") != f"Bearer {want}":
        refuse(connection, 401, ["Content-Length: 0"])
    elif path in ANSWERS:
        ANSWERS[path](connection, request)
    elif path in HEADS:
        accept(connection, request, HEADS[path])
        echo(connection, request)
    elif path == GO_PATH:
        GATES.go(request)
        accept(connection, request)
        end_after_go(connection)
    elif path == JOURNAL_PATH:
        accept(connection, request)
        connection.send(encode(TEXT, JOURNAL.wait_for(request.query["id"]).encode()))
        close(connection, request)
    elif path in AFTER_A_GOOD_HEAD:
        accept(connection, request)
        AFTER_A_GOOD_HEAD[path](connection, request)
    else:
        not_found(connection, request)


def accept(connection, request, spoil=None):
    head = Head(request)
    if spoil:
        spoil(head, request)
    head.more_lines += [f"Sec-WebSocket-Extensions: {value}" for value in request.all("extensions")]
    connection.send(bytes(head))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
