# SPDX-License-Identifier: Apache-2.0
"""picows on uvloop (aiofastnet transport when installed)"""
import asyncio, os
import uvloop
from picows import WSCloseCode, WSListener, WSMsgType, ws_connect
from bench import Bench

b = Bench("picows")
if b.deflate:
    b.unsupported("picows: no permessage-deflate in its core API")
pl = b.payloads()[0]
T = WSMsgType.TEXT if b.is_text else WSMsgType.BINARY
LEN = len(pl.decode()) if b.is_text else len(pl)
is_text, W, N, kind, CLOSE = b.is_text, b.window, b.count, b.kind, WSMsgType.CLOSE
MAX = 64 << 20


class L(WSListener):
    def __init__(self):
        self.got = self.batch = self.sent = 0
        self.can_write = True
        self.fut = asyncio.get_running_loop().create_future()

    def send_batch(self, t):
        self.batch = min(W, N - self.got)
        for _ in range(self.batch):
            t.send(T, pl)

    def sink(self, t):
        while self.can_write and self.sent < N:
            t.send(T, pl)
            self.sent += 1

    def on_ws_connected(self, t):
        self.t = t

    def pause_writing(self):
        self.can_write = False

    def resume_writing(self):
        self.can_write = True
        self.sink(self.t)

    def on_ws_frame(self, t, f):
        if f.msg_type == CLOSE:
            if not t.is_close_frame_sent:
                t.send_close(WSCloseCode.OK)
            t.disconnect()
            return
        if kind == "sink":
            self.fut.set_result(None)
            return
        n = len(f.get_payload_as_utf8_text()) if is_text else len(f.get_payload_as_memoryview())
        if n != LEN or f.msg_type != T or not f.fin:
            os._exit(9)
        self.got += 1
        if kind == "echo":
            self.batch -= 1
            if not self.batch:
                if self.got == N:
                    self.fut.set_result(None)
                else:
                    self.send_batch(t)
        elif kind == "idle":
            self.fut.set_result(None)

    def on_ws_disconnected(self, t):
        if not self.fut.done():
            self.fut.set_result(None)


async def open_():
    return await ws_connect(L, b.url, ssl_context=b.ssl_context(), max_frame_size=MAX)


async def close(t):
    t.send_close(WSCloseCode.OK)
    await t.wait_disconnected()


async def main():
    if kind == "connect":
        # One-time costs of a process are not part of a connect.
        t, _l = await open_()
        await close(t)
    if kind in ("source", "connect"):
        b.start()
    if kind == "connect":
        for _ in range(N):
            t, _l = await open_()
            await close(t)
        b.stop()
        return
    t, l = await open_()
    if kind == "source":
        await l.fut
        if l.got != N:
            raise SystemExit("source: %d" % l.got)
        b.stop()
        return
    if kind == "idle":
        b.rss[0] = b.rss_kb()
        b.start()
        v = [await open_() for _ in range(N)]
        b.rss[1] = b.rss_kb()
        for t, l in v:
            t.send(T, pl)
            await l.fut
        b.rss[2] = b.rss_kb()
        b.stop()
        os._exit(0)
    b.start()
    l.send_batch(t) if kind == "echo" else l.sink(t)
    await l.fut
    b.stop()
    await close(t)


uvloop.install()
asyncio.run(main())
