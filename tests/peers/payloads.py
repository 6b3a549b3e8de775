# SPDX-License-Identifier: Apache-2.0
"""Payloads that servers and tests share: the same bytes as in tests/c/payload.h and deflate_ws.js.
"""

import functools

CHARACTERS = "aä€😀".encode()
NOISE_BYTES = 65521  # farther apart than any window
LINES = 65521


def payload(kind, size):
    """zeros, text (characters of one to four bytes) or noise (incompressible by deflate)."""
    return KINDS[kind](size)


def zeros(size):
    return bytes(size)


def text(size):
    """A character that does not fit at the end is replaced with as many "a"."""
    whole = CHARACTERS * (size // len(CHARACTERS) + 1)
    return whole[:size].decode(errors="ignore").encode().ljust(size, b"a")


def noise(size):
    block = noise_block()
    return (block * (size // len(block) + 1))[:size]


@functools.cache
def lines_block():
    """Text in lines of 15 bytes that are all different."""
    return b"".join(f"{i:05x}".encode() + CHARACTERS for i in range(LINES))


@functools.cache
def noise_block():
    state, block = 1, bytearray(NOISE_BYTES)
    for i in range(NOISE_BYTES):
        state = (state * 1103515245 + 12345) & 0xFFFFFFFF
        block[i] = state >> 24
    return bytes(block)


KINDS = {"zeros": zeros, "text": text, "noise": noise}
