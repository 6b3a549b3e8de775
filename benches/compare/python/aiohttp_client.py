# SPDX-License-Identifier: Apache-2.0
"""aiohttp on asyncio, with its C extension"""
import asyncio
import os

import aiohttp
from bench import Bench

b = Bench("aiohttp")
payloads = b.payloads()
expected = [len(payload.decode()) if b.is_text else len(payload) for payload in payloads]
texts = [payload.decode() for payload in payloads] if b.is_text else []
TYPE = aiohttp.WSMsgType.TEXT if b.is_text else aiohttp.WSMsgType.BINARY


async def connect(session):
    return await session.ws_connect(
        b.url, ssl=b.ssl_context() or True, max_msg_size=0, compress=15 if b.deflate else 0
    )


async def send(ws, index):
    if b.is_text:
        await ws.send_str(texts[index & 63])
    else:
        await ws.send_bytes(payloads[index & 63])


async def receive(ws, index):
    message = await ws.receive()
    if message.type is not TYPE or len(message.data) != expected[index & 63]:
        raise SystemExit(f"message {index}: {message.type}")


async def echo(ws, count):
    done = 0
    while done < count:
        batch = range(done, done + min(b.window, count - done))
        for index in batch:
            await send(ws, index)
        for index in batch:
            await receive(ws, index)
        done = batch.stop


async def idle(session):
    await connect(session)
    b.rss[0] = b.rss_kb()
    b.start()
    opened = [await connect(session) for _ in range(b.count)]
    b.rss[1] = b.rss_kb()
    for ws in opened:
        await echo(ws, 1)
    b.rss[2] = b.rss_kb()
    b.stop()
    os._exit(0)


async def run(session):
    if b.kind == "idle":
        await idle(session)
    if b.kind == "connect":
        # One-time costs of a process are not part of a connect.
        await (await connect(session)).close()
    if b.kind in ("source", "connect"):
        b.start()
    if b.kind == "connect":
        for _ in range(b.count):
            await (await connect(session)).close()
        b.stop()
        return
    ws = await connect(session)
    if b.kind == "source":
        for index in range(b.count):
            await receive(ws, index)
        await ws.close()
        b.stop()
        return
    b.start()
    if b.kind == "echo":
        await echo(ws, b.count)
    else:
        for index in range(b.count):
            await send(ws, index)
        if len((await ws.receive()).data) != 4:
            raise SystemExit("sink")
    b.stop()
    await ws.close()


async def main():
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        await run(session)


asyncio.run(main())
