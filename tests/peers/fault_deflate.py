# SPDX-License-Identifier: Apache-2.0
"""Compressed messages that require too much: path -> function, as in fault_conversations.py.

Errors of a few bytes need no function: /frame?extensions=permessage-deflate&hex=BYTES.
"""

import contextlib
import select
import zlib

from deflated import repeated_deflated, without_tail
from fault_connection import BINARY, CONTINUATION, RSV1, encode, encode_header
from fault_conversations import echo
from payloads import noise

ZEROS = bytes(1 << 20)
MAX_SEND = 1 << 16


def bomb(connection, request):
    """?size=N&frame=F: one message that inflates to N zeros, in frames of F bytes (0: in one).

    Stops when the client sends something.
    """
    source = repeated_deflated(ZEROS, request.number("size", 1 << 30))
    pieces = (
        piece[at : at + MAX_SEND]
        for piece in frames(source, request.number("frame", 0) or source.length)
        for at in range(0, len(piece), MAX_SEND)
    )
    # A client that has closed its socket may have sent data before.
    with contextlib.suppress(OSError):
        for piece in pieces:
            if select.select([connection.socket], [], [], 0)[0]:
                break
            connection.send(piece)
    echo(connection, request)


def frames(source, size):
    opcode, rsv, left = BINARY, RSV1, source.length
    while left > 0:
        taken = min(size, left)
        left -= taken
        yield encode_header(opcode, taken, left == 0, rsv)
        yield from source.take(taken)
        opcode, rsv = CONTINUATION, 0


def far_reference(connection, request):
    """?distance=D: D bytes of noise twice: the second message refers to the first."""
    data = noise(request.number("distance", 1000))
    compressor = zlib.compressobj(wbits=-15)
    for _ in range(2):
        payload = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
        connection.send(encode(BINARY, without_tail(payload), rsv=RSV1))
    echo(connection, request)


BOMBS = {"/bomb": bomb, "/far-reference": far_reference}
