#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults before a server has received any HTTP, each on its own port.

usage: tcp_faults.py PKI   (PKI: see certs.sh)

The addresses are announced as ws://; those of faults in TLS are for wss://. Those that start with
"proxy-" are HTTPS proxies that respond in place of the server.
"""

import contextlib
import functools
import pathlib
import socket
import ssl
import sys
import threading

from fault_connection import TEXT, ClientLeft, Connection, encode, reset
from fault_conversations import echo
from fault_handshakes import Head
from fault_tls import TlsSocket
from serving import announce, exit_at_end_of_input

GARBAGE = bytes(range(256)) + b"\r\n\r\n"  # the end of the headers, so that nobody waits for it
LAST = encode(TEXT, b"last")
BUSY = b"HTTP/1.1 503 busy\r\nContent-Length: 0\r\n\r\n"
WANTS_USER = b"HTTP/1.1 407 who?\r\nContent-Length: 0\r\n\r\n"
TUNNEL = b"HTTP/1.1 200 tunnel\r\n\r\n"


def main(pki):
    faults = FAULTS | {name: functools.partial(fault, pki=pki) for name, fault in TLS_FAULTS.items()}
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
    # The client may end in any way.
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
    """An echo server that sends each byte, including the handshake, in its own segment."""
    connection = Connection(TlsSocket(accepted, pki, drip_milliseconds=1))
    connection.send(bytes(Head(connection.read_request())))
    echo(connection, None)


def end_tls(answer, accepted, pki):
    """The response and a close_notify in one segment; TCP stays open."""
    end_of_tls(Connection(TlsSocket(accepted, pki)), accepted, answer)


def end_tls_in_tls(answer, accepted, pki):
    outer = open_tunnel(accepted, pki)
    end_of_tls(Connection(TlsSocket(outer, pki)), accepted, answer)


def end_of_tls(connection, accepted, answer):
    connection.socket.send_and_end(answer(connection.read_request()))
    read_to_end(accepted)


def end_tls_with_close(accepted, pki):
    """The reply to the client's close frame and a close_notify in one segment; TCP stays open."""
    close_and_end(TlsSocket(accepted, pki), accepted)


def end_tls_with_close_in_tls(accepted, pki):
    close_and_end(TlsSocket(open_tunnel(accepted, pki), pki), accepted)


def close_and_end(tls, accepted):
    connection = Connection(tls)
    connection.send(bytes(Head(connection.read_request())))
    frame = connection.read_frame()
    tls.send_and_end(encode(frame.opcode, frame.payload))
    read_to_end(accepted)


def half_head(request):
    return b"HTTP/1.1 101 Sw"


def whole_head(request):
    return bytes(Head(request))


def head_and_message(request):
    return bytes(Head(request)) + LAST


def tunnel(request):
    return TUNNEL


def open_tunnel(accepted, pki):
    outer = TlsSocket(accepted, pki)
    connection = Connection(outer)
    connection.read_request()
    connection.send(TUNNEL)
    return outer


def say_with_finished(answer, accepted, pki):
    TlsSocket(accepted, pki, version=ssl.TLSVersion.TLSv1_2).send_with_finished(answer)
    read_to_end(accepted)


def say_with_finished_in_tls(answer, accepted, pki):
    outer = open_tunnel(accepted, pki)
    TlsSocket(outer, pki, version=ssl.TLSVersion.TLSv1_2).send_with_finished(answer)
    read_to_end(accepted)


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
TLS_FAULTS = {
    "drip-in-tls": drip_in_tls,
    "end-in-head": functools.partial(end_tls, half_head),
    "end-after-head": functools.partial(end_tls, whole_head),
    "end-after-message": functools.partial(end_tls, head_and_message),
    "end-with-close": end_tls_with_close,
    "busy-in-finished": functools.partial(say_with_finished, BUSY),
    "proxy-end": functools.partial(end_tls, tunnel),
    "proxy-end-in-head": functools.partial(end_tls_in_tls, half_head),
    "proxy-end-after-head": functools.partial(end_tls_in_tls, whole_head),
    "proxy-end-after-message": functools.partial(end_tls_in_tls, head_and_message),
    "proxy-end-with-close": end_tls_with_close_in_tls,
    "proxy-asks-in-finished": functools.partial(say_with_finished, WANTS_USER),
    "proxy-busy-in-finished": functools.partial(say_with_finished_in_tls, BUSY),
}

if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
