# SPDX-License-Identifier: Apache-2.0
"""Messages that the server compresses itself: path -> function, as in fault_conversations.py."""

import gzip
import io
import zlib

from deflated import deflate, without_tail
from fault_connection import BINARY, CONTINUATION, RSV1, encode
from fault_conversations import echo
from payloads import lines_block, zeros


def packed(connection, request):
    """?as=F&n=N&size=S: N messages of S bytes of lines_block (at most one), compressed as F: gzip,
    gzips (two members, one with a name), zlib, raw, stream, or none. Then echoes.

    kind=zeros  zeros instead, any number
    deflate=1   also compressed with permessage-deflate; &extensions=permessage-deflate must say so
    frame=N     in fragments of N bytes
    split=N     in messages of N bytes
    cut=N       without the last N bytes of the last message
    flip=N      with the byte at N inverted in the last message; negative counts from the end
    add=HEX     with these bytes after the last message
    then=fin    ends the connection instead of echoing
    """
    size = request.number("size", 100)
    data = zeros(size) if "kind" in request.query else lines_block()[:size]
    pack = FORMATS[request.query["as"]]()
    payloads = [pack(data) for _ in range(request.number("n", 1))]
    payloads[-1] = spoil(payloads[-1], request)
    connection.send(b"".join(frame for payload in payloads for frame in frames(payload, request)))
    if request.query.get("then") != "fin":
        echo(connection, request)


def spoil(payload, request):
    payload = bytearray(payload[: len(payload) - request.number("cut", 0)])
    if "flip" in request.query:
        payload[request.number("flip", 0)] ^= 0xFF
    return bytes(payload) + bytes.fromhex(request.query.get("add", ""))


def frames(payload, request):
    if "split" in request.query:
        return [encode(BINARY, piece) for piece in pieces(payload, request.number("split", 1))]
    rsv = 0
    if "deflate" in request.query:
        rsv, payload = RSV1, without_tail(deflate(payload))
    parts = pieces(payload, request.number("frame", 0) or len(payload) or 1)
    return [
        encode(CONTINUATION if i else BINARY, part, i + 1 == len(parts), rsv=0 if i else rsv)
        for i, part in enumerate(parts)
    ]


def pieces(payload, size):
    return [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]


def two_members(data):
    named = io.BytesIO()
    with gzip.GzipFile("lines.txt", "wb", fileobj=named) as file:
        file.write(data[: len(data) // 2])
    return named.getvalue() + gzip.compress(data[len(data) // 2 :])


def raw(data):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def stream():
    compressor = zlib.compressobj()
    return lambda data: compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)


# name -> function that returns what compresses the messages of a connection
FORMATS = {
    "gzip": lambda: gzip.compress,
    "gzips": lambda: two_members,
    "zlib": lambda: zlib.compress,
    "raw": lambda: raw,
    "stream": stream,
    "none": lambda: bytes,
}

PACKED = {"/packed": packed}
