#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Echo server on the Python package `aiohttp`, with permessage-deflate as the client requests.

usage: deflate_aiohttp.py PKI LISTENER...   (LISTENER: plain or tls; PKI: see certs.sh)

The paths are those of deflate_websockets.py, except /fragment; the query cannot set
parameters. Its responses never contain parameters of the client.
"""

import asyncio
import pathlib
import sys

from aiohttp import WSMsgType, web

from echo_websockets import tls_context
from frame_counter import FrameCounter
from payloads import payload
from serving import announce, exit_at_end_of_input

EXTENSIONS = "Sec-WebSocket-Extensions"


async def main(pki, listeners):
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", converse)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    for name in listeners:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls_context(pki, name)).start()
    exit_at_end_of_input()
    announce({name: host[1] for name, host in zip(listeners, runner.addresses)})
    await asyncio.get_running_loop().create_future()


async def converse(request):
    connection = web.WebSocketResponse(max_msg_size=0)
    await connection.prepare(request)
    counter = count_frames(request)
    try:
        if request.path == "/push":
            await push(connection, request.query)
        async for message in connection:
            if message.data == "report":
                agreed = connection.headers.get(EXTENSIONS)
                await connection.send_str(counter.report(request.headers.get(EXTENSIONS), agreed))
            elif message.type == WSMsgType.TEXT:
                await connection.send_str(message.data)
            elif message.type == WSMsgType.BINARY:
                await connection.send_bytes(message.data)
    except ConnectionError:
        pass  # Some tests disconnect without a close frame.
    return connection


def count_frames(request):
    """Inserted between the transport and the reader, which does not report what was compressed."""
    counter = FrameCounter()
    request.protocol._payload_parser = CountingReader(request.protocol._payload_parser, counter)
    return counter


class CountingReader:
    def __init__(self, reader, counter):
        self._reader = reader
        self._counter = counter

    def feed_data(self, data):
        self._counter.feed(data)
        return self._reader.feed_data(data)

    def __getattr__(self, name):
        return getattr(self._reader, name)


async def push(connection, query):
    data = payload(query["kind"], int(query["size"]))
    for _ in range(int(query["n"])):
        if query["kind"] == "text":
            await connection.send_str(data.decode())
        else:
            await connection.send_bytes(data)


if __name__ == "__main__":
    asyncio.run(main(pathlib.Path(sys.argv[1]), sys.argv[2:]))
