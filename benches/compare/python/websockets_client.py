# SPDX-License-Identifier: Apache-2.0
"""websockets, threading ("sync") client"""
from bench import Bench, drive
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

b = Bench("websockets")
if b.kind == "idle":
    b.unsupported("websockets: one thread per connection")
ctx = b.ssl_context()


def open_():
    return connect(b.url, ssl=ctx, compression="deflate" if b.deflate else None, max_size=None, ping_interval=None, legacy=True)


def recv(c):
    try:
        return c.recv()
    except ConnectionClosed:
        return None


if b.is_text:
    drive(b, open_, lambda c, p: c.send(p, text=True), recv, lambda c: c.close())
else:
    drive(b, open_, lambda c, p: c.send(p), recv, lambda c: c.close())
