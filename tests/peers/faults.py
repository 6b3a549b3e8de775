#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A WebSocket server that misbehaves on request: the path says how, the query how much.

usage: faults.py PKI LISTENER...   (LISTENER: plain or tls; PKI: see certs.sh)

The paths are the keys of HEADS and ANSWERS (fault_handshakes.py), of CONVERSATIONS
(fault_conversations.py) and BOMBS (fault_deflate.py); an unknown one is answered with 404. When a
connection has ended, a line of JSON says what the client did: see Connection.entry
(fault_connection.py).

?extensions=TEXT is a Sec-WebSocket-Extensions field of the answer, whatever was offered and as
often as wanted. It goes with all paths but those of ANSWERS. Nothing is inflated or compressed.

/go?id=X lets the conversation with that id pass the gate at which it waits (gates.py).

/journal?id=X sends that line of the connection whose query had id=X as a text message. It waits
for that connection's end, so a test can ask at once.
"""

import json
import pathlib
import socket
import sys
import threading

from fault_connection import TEXT, ClientLeft, Connection, ServerReset, encode
from fault_conversations import CONVERSATIONS, close, echo
from fault_deflate import BOMBS
from fault_handshakes import ANSWERS, HEADS, Head, not_found
from fault_tls import TlsSocket
from gates import GATES, GO_PATH, end_after_go
from serving import announce, exit_at_end_of_input


JOURNAL_PATH = "/journal"
AFTER_A_GOOD_HEAD = CONVERSATIONS | BOMBS


class Journal:
    """What clients did, by the id that they gave in the query."""

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
    """Returns the id that the client gave, and how the connection ended."""
    identity = None
    try:
        request = connection.read_request()
        identity = request.query.get("id")
        answer(connection, request)
        connection.finish()
    except ServerReset:
        end = "server"
    except (ClientLeft, BrokenPipeError):  # EPIPE: a reset of what came after the client's FIN
        end = "fin"
    except OSError:
        end = "rst"
    return identity, end


def answer(connection, request):
    path = request.path
    if path in ANSWERS:
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
