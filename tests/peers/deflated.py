# SPDX-License-Identifier: Apache-2.0
"""Compressed messages of any length at low cost: one block is compressed once and repeated."""

import zlib

TAIL = b"\x00\x00\xff\xff"  # omitted at the end of a message, RFC 7692 section 7.2.1


def deflate(data):
    """Refers to nothing before it, and ends on a byte boundary."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)


def without_tail(data):
    return data[: -len(TAIL)]


class Repeated:
    """`count` times `block`, then `end`: delivered piece by piece without copying everything."""

    BLOCK_BYTES = 1 << 20

    def __init__(self, block, count, end=b""):
        self.length = len(block) * count + len(end)
        self._end = end
        self._block_size = len(block)
        self._body = len(block) * count
        self._blocks = memoryview(block * (self.BLOCK_BYTES // len(block) + 1))
        self._at = 0

    def take(self, size):
        """The next `size` bytes, or the rest of them, in as many pieces as necessary."""
        size = min(size, self.length - self._at)
        while size > 0:
            piece = self._next(size)
            self._at += len(piece)
            size -= len(piece)
            yield piece

    def _next(self, size):
        left = self._body - self._at
        if left <= 0:
            return memoryview(self._end)[-left:][:size]
        phase = self._at % self._block_size
        return self._blocks[phase : phase + min(size, left)]


def repeated(block, size):
    """`size` bytes of a repeated block."""
    count, rest = divmod(size, len(block))
    return Repeated(block, count, block[:rest])


def repeated_deflated(block, size):
    """The payload of a compressed message that inflates to `size` bytes of a repeated block."""
    count, rest = divmod(size, len(block))
    return Repeated(deflate(block), count, without_tail(deflate(block[:rest])))
