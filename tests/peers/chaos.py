#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy in front of an echo server that breaks connections as requested in the query of the URL.

Before contacting the server:
  drop=N                 the connection is closed without a response
  refuse=N               it is rejected with 503, or with code=CODE; retry-after=S adds that field
After the response to the upgrade; BYTES may end within a frame:
  cut-after=BYTES        after this many bytes from the server, both directions are closed
  reset-after=BYTES      then an RST is sent
  stall-after=BYTES      then nothing is sent, and the client's data is discarded
  half-close-after=BYTES then a FIN is sent, and the client's data still reaches the server
  drip=BYTES             the server's data is sent this many bytes at a time

drop=N and refuse=N affect the first N connections whose URL has the same key=KEY; the others affect
all connections, or the first N with times=N. The paths are those of echo_websockets.py.
"""

import asyncio
import collections
import contextlib
import socket
import struct
from typing import NamedTuple

from websockets.asyncio.server import serve

from echo_websockets import BEHAVIOUR, address, reason_phrase, split_target
from serving import announce, exit_at_end_of_input

HOST = "127.0.0.1"
BACKLOG = 1024
END_OF_HEAD = b"\r\n\r\n"
MAX_READ = 1 << 16
DRIP_SECONDS = 0.001


async def main():
    async with serve(host=HOST, port=0, **BEHAVIOUR) as echo:
        chaos = Chaos(address(echo))
        proxy = await asyncio.start_server(chaos.meet, HOST, 0, backlog=BACKLOG)
        exit_at_end_of_input()
        announce({"url": f"ws://{HOST}:{address(proxy)}"})
        await proxy.serve_forever()


class Stream(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Chaos:
    def __init__(self, echo_port):
        self._echo_port = echo_port
        self._met = collections.Counter()  # by key

    async def meet(self, reader, writer):
        # Either side may end in any way.
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._serve(Stream(reader, writer))

    async def _serve(self, client):
        head = await client.reader.readuntil(END_OF_HEAD)
        _, query = split_target(head.split()[1].decode())
        earlier = self._met[query.get("key")]
        self._met[query.get("key")] += 1
        if earlier < int(query.get("drop", 0)):
            return
        if earlier < int(query.get("refuse", 0)):
            client.writer.write(refusal(query))
            return
        server = Stream(*await asyncio.open_connection(HOST, self._echo_port))
        with contextlib.closing(server.writer):
            server.writer.write(head)
            client.writer.write(await server.reader.readuntil(END_OF_HEAD))
            is_spared = "times" in query and earlier >= int(query["times"])
            await relay(client, server, {} if is_spared else query)


def refusal(query):
    code = int(query.get("code", 503))
    lines = [f"HTTP/1.1 {code} {reason_phrase(code)}", "Content-Length: 0", "Connection: close"]
    if "retry-after" in query:
        lines.append(f"Retry-After: {query['retry-after']}")
    return "\r\n".join(lines).encode() + END_OF_HEAD


async def relay(client, server, query):
    """Copies in both directions until the server ends or the fault occurs."""
    name = next((name for name in FAULTS if name in query), None)
    budget = None if name is None else int(query[name])
    step = int(query.get("drip", MAX_READ))
    pause = DRIP_SECONDS if "drip" in query else 0
    upward = asyncio.create_task(forward_to_server(client, server))
    try:
        if await forward(server.reader, client.writer, budget, step, pause):
            await FAULTS[name](client, upward)
    finally:
        upward.cancel()


async def forward_to_server(client, server):
    with contextlib.suppress(OSError):
        await forward(client.reader, server.writer)
    server.writer.write_eof()


async def forward(reader, writer, budget=None, step=MAX_READ, pause=0):
    """True when this many bytes have passed, false at the end of the stream."""
    while budget is None or budget > 0:
        data = await reader.read(step if budget is None else min(step, budget))
        if not data:
            return False
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(pause)
        budget = None if budget is None else budget - len(data)
    return True


async def cut(client, upward):
    pass


async def reset(client, upward):
    linger = struct.pack("ii", 1, 0)
    client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    client.writer.transport.abort()


async def stall(client, upward):
    upward.cancel()
    await asyncio.wait([upward])  # otherwise there would be two readers
    while await client.reader.read(MAX_READ):
        pass


async def half_close(client, upward):
    client.writer.write_eof()
    await upward


FAULTS = {
    "cut-after": cut,
    "reset-after": reset,
    "stall-after": stall,
    "half-close-after": half_close,
}

if __name__ == "__main__":
    asyncio.run(main())
