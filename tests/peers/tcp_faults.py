#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults before a server has heard any HTTP, each at a port of its own.

usage: tcp_faults.py PKI   (PKI: see certs.sh)

The addresses are announced as ws://; those of faults in TLS are for wss://.
"""

import contextlib
import functools
import pathlib
import socket
import sys
import threading

from fault_connection import ClientLeft, Connection, reset
from fault_conversations import echo
from fault_handshakes import Head
from fault_tls import TlsSocket
from serving import announce, exit_at_end_of_input

GARBAGE = bytes(range(256)) + b"\r\n\r\n"  # the end of a head, so that nobody waits for that


def main(pki):
    faults = FAULTS | {"drip-in-tls": functools.partial(drip_in_tls, pki=pki)}
    announce({name: f"ws://127.0.0.1:{listen(fault)}" for name, fault in faults.items()})
    exit_at_end_of_input()
    threading.Event().wait()


def listen(fault):
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept_all, args=(listener, fault), daemon=True).start()
    return listener.getsockname()[1]


def accept_all(listener, fault):
    while True:
        accepted, _ = listener.accept()
        threading.Thread(target=serve, args=(accepted, fault), daemon=True).start()


def serve(accepted, fault):
    # The client may end as it likes.
    with accepted, contextlib.suppress(OSError, ClientLeft):
        fault(accepted)


def close(accepted):
    pass


def half_close(accepted):
    accepted.shutdown(socket.SHUT_WR)
    read_to_end(accepted)


def read_to_end(accepted):
    while accepted.recv(65536):
        pass


def garbage(accepted):
    accepted.sendall(GARBAGE)
    read_to_end(accepted)


def after_client_hello(fault):
    def wait_and_do(accepted):
        header = accepted.recv(5, socket.MSG_WAITALL)
        accepted.recv(int.from_bytes(header[3:], "big"), socket.MSG_WAITALL)
        fault(accepted)

    return wait_and_do


def drip_in_tls(accepted, pki):
    """An echo server of which each byte, those of the handshake too, comes in its own segment."""
    connection = Connection(TlsSocket(accepted, pki, drip_milliseconds=1))
    connection.send(bytes(Head(connection.read_request())))
    echo(connection, None)


FAULTS = {
    "close-on-accept": close,
    "rst-on-accept": reset,
    "silent": read_to_end,
    "garbage": garbage,
    "half-close": half_close,
    "fin-in-tls": after_client_hello(half_close),
    "rst-in-tls": after_client_hello(reset),
    "garbage-in-tls": after_client_hello(garbage),
}

if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
