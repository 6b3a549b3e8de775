#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server of messages larger than memory, and a sink for them.

usage: streams.py plain

/stream sends one message as fast as the client reads it:
  size=N      of N bytes
  kind=K      lines (text) or noise: the repeated blocks of payloads.py
  opcode=N    1 or 2
  frame=N     in frames of N bytes; without it in one
  ping=N      a ping after every N frames
  stop=N      waits for a frame of the client, which is not answered, after N bytes of all this
  deflate=1   compressed; &extensions=permessage-deflate must say so
Then the reply to any text is Connection.entry (fault_connection.py).

/sink replies to every message with a line of JSON: its length, its adler32, its number of frames,
whether it was compressed, and the number of pings within it.
  id=X        reads nothing until /go?id=X is requested (gates.py)

extensions=TEXT is the Sec-WebSocket-Extensions field of the response, regardless of the offer.
"""

import contextlib
import json
import socket
import sys
import threading
import zlib

from websockets.frames import apply_mask

from deflated import TAIL, repeated, repeated_deflated
from fault_connection import (
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV1,
    TEXT,
    ClientLeft,
    Connection,
    encode,
    encode_header,
)
from fault_handshakes import Head
from gates import GATES, GO_PATH, end_after_go
from payloads import lines_block, noise_block
from serving import announce, exit_at_end_of_input

BLOCKS = {"lines": lines_block, "noise": noise_block}
BUFFER = 1 << 20
SEND_AT_ONCE = 1 << 18


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    exit_at_end_of_input()
    announce({"plain": listener.getsockname()[1]})
    while True:
        accepted, _ = listener.accept()
        threading.Thread(target=serve, args=(accepted,), daemon=True).start()


class FastConnection(Connection):
    def __init__(self, accepted):
        super().__init__(accepted)
        self._reader = accepted.makefile("rb", BUFFER)

    @staticmethod
    def unmask(key, payload):
        return apply_mask(payload, key)

    def _read(self, size):
        data = self._reader.read(size)
        if len(data) < size:
            raise ClientLeft
        return data


def serve(accepted):
    with accepted, contextlib.suppress(OSError, ClientLeft):
        connection = FastConnection(accepted)
        request = connection.read_request()
        head = Head(request)
        if request.path == GO_PATH:
            GATES.go(request)
        head.more_lines = [f"Sec-WebSocket-Extensions: {v}" for v in request.all("extensions")]
        connection.send(bytes(head))
        CONVERSATIONS[request.path](connection, request)


def stream(connection, request):
    make = repeated_deflated if "deflate" in request.query else repeated
    source = make(BLOCKS[request.query.get("kind", "noise")](), request.number("size", 0))
    outgoing, stop = bytearray(), request.number("stop", -1)
    for piece in frames(source, request):
        if 0 <= stop < len(piece):
            connection.send(outgoing + piece[:stop])
            outgoing.clear()
            connection.read_frame()
            piece, stop = piece[stop:], -1
        stop -= len(piece)
        if len(outgoing) + len(piece) < SEND_AT_ONCE:
            outgoing += piece
            continue
        connection.send(outgoing)
        connection.send(piece)
        outgoing.clear()
    connection.send(outgoing)
    while answer_one(connection):
        pass


def frames(source, request):
    """The message in pieces, none of which is large."""
    size = request.number("frame", 0) or max(source.length, 1)
    pings = request.number("ping", 0)
    opcode, count, left = request.number("opcode", 2), 0, source.length
    rsv = RSV1 if "deflate" in request.query else 0
    while True:
        taken = min(size, left)
        left -= taken
        yield encode_header(opcode, taken, left == 0, rsv)
        yield from source.take(taken)
        if left == 0:
            return
        opcode, rsv, count = CONTINUATION, 0, count + 1
        if pings and count % pings == 0:
            yield encode(PING, b"%d" % count)


def answer_one(connection):
    """Reads a frame; false if it was a close frame."""
    frame = connection.read_frame()
    if frame.opcode == CLOSE:
        connection.send(encode(CLOSE, frame.payload))
        return False
    if frame.opcode == PING:
        connection.send(encode(PONG, frame.payload))
    if frame.opcode == TEXT:
        connection.send(encode(TEXT, json.dumps(connection.entry).encode()))
    return True


def sink(connection, request):
    if "id" in request.query:
        connection.limit_receive_buffer()
        GATES.wait(request)
    inflater = zlib.decompressobj(wbits=-15)
    while swallow_message(connection, inflater):
        pass


def swallow_message(connection, inflater):
    seen = {"length": 0, "adler32": 1, "frames": 0, "compressed": False, "pings": 0}
    while (frame := connection.read_frame()).opcode != CLOSE:
        if frame.opcode == PING:
            seen["pings"] += 1
            connection.send(encode(PONG, frame.payload))
        if frame.opcode >= CLOSE:
            continue
        if frame.opcode != CONTINUATION:
            seen["compressed"] = frame.rsv == RSV1
        data = frame.payload
        if seen["compressed"]:
            data = inflater.decompress(data + TAIL if frame.fin else data)
        seen["length"] += len(data)
        seen["adler32"] = zlib.adler32(data, seen["adler32"])
        seen["frames"] += 1
        if frame.fin:
            connection.send(encode(TEXT, json.dumps(seen).encode()))
            return True
    connection.send(encode(CLOSE, frame.payload))
    return False


CONVERSATIONS = {
    "/stream": stream,
    "/sink": sink,
    GO_PATH: lambda connection, request: end_after_go(connection),
}


if __name__ == "__main__":
    main()
