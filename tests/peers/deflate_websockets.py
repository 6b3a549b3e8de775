#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Echo server on the Python package `websockets`, with permessage-deflate as the query requests.

usage: deflate_websockets.py PKI LISTENER...   (LISTENER: plain or tls; PKI: see certs.sh)

  /                              echoes every message
  /fragment?n=N                  in N fragments and an empty last one, with pings between them
  /push?n=N&size=S&kind=KIND     sends N messages (see payloads.py), then echoes

The query of any path also sets the parameters of RFC 7692:
  server_no_context_takeover=1, client_no_context_takeover=1, server_max_window_bits=N,
  client_max_window_bits=N, level=N

The text "report" is answered with a line of JSON: see FrameCounter.report().
"""

import asyncio
import pathlib
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from echo_websockets import address, split_target, tls_context
from frame_counter import FrameCounter
from payloads import payload
from serving import announce, exit_at_end_of_input


async def main(pki, listeners):
    servers = {name: await listen(pki, name) for name in listeners}
    exit_at_end_of_input()
    announce({name: address(server) for name, server in servers.items()})
    await asyncio.get_running_loop().create_future()


async def listen(pki, name):
    return await serve(
        converse,
        host="127.0.0.1",
        port=0,
        ssl=tls_context(pki, name),
        create_connection=CountedConnection,
        process_request=configure,
        max_size=None,
        ping_interval=None,
        open_timeout=None,
    )


class CountedConnection(ServerConnection):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.counter = FrameCounter()

    def data_received(self, data):
        if self.response is not None:
            self.counter.feed(data)
        super().data_received(data)

    def report(self):
        name = "Sec-WebSocket-Extensions"
        return self.counter.report(self.request.headers.get(name), self.response.headers.get(name))


def configure(connection, request):
    _, query = split_target(request.path)

    def number(name):
        return int(query[name]) if name in query else None

    connection.protocol.available_extensions = [
        ServerPerMessageDeflateFactory(
            server_no_context_takeover="server_no_context_takeover" in query,
            client_no_context_takeover="client_no_context_takeover" in query,
            server_max_window_bits=number("server_max_window_bits"),
            client_max_window_bits=number("client_max_window_bits"),
            compress_settings={"level": number("level") or 6},
        )
    ]


async def converse(connection):
    path, query = split_target(connection.request.path)
    try:
        if path == "/push":
            await push(connection, query)
        async for message in connection:
            if message == "report":
                await connection.send(connection.report())
            elif path == "/fragment":
                await connection.send(pieces(connection, message, int(query.get("n", 3))))
            else:
                await connection.send(message)
    except ConnectionClosed:
        pass  # Some tests disconnect without a close frame.


async def push(connection, query):
    data = payload(query["kind"], int(query["size"]))
    message = data.decode() if query["kind"] == "text" else data
    for _ in range(int(query["n"])):
        await connection.send(message)


async def pieces(connection, message, count):
    size = -(-len(message) // count) or 1
    for at in range(0, size * count, size):
        yield message[at : at + size]
        await connection.ping()


if __name__ == "__main__":
    asyncio.run(main(pathlib.Path(sys.argv[1]), sys.argv[2:]))
