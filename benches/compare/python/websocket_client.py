# SPDX-License-Identifier: Apache-2.0
"""websocket-client (blocking), wsaccel used when installed"""
import socket, websocket
from bench import Bench, drive
from websocket import ABNF

b = Bench("websocket-client")
if b.deflate:
    b.unsupported("websocket-client: no permessage-deflate")
OP = ABNF.OPCODE_TEXT if b.is_text else ABNF.OPCODE_BINARY
SO = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]


def open_():
    kw = dict(sslopt={"context": b.ssl_context()}) if b.tls else {}
    return websocket.create_connection(b.url, sockopt=SO, enable_multithread=False, **kw)


def send(c, p):
    c.send(p, OP)


def recv(c):
    op, d = c.recv_data()
    if op == ABNF.OPCODE_BINARY:
        return d
    if op == ABNF.OPCODE_TEXT:
        return d.decode()
    if op == ABNF.OPCODE_CLOSE:
        return None


drive(b, open_, send, recv, lambda c: c.close())
