# SPDX-License-Identifier: Apache-2.0
"""The server that the examples of websocketpp need, in a thread; it remembers what it has received.

Its paths:
  /            sends two messages, and closes
  /repeat/N    sends N messages, each after the reply to the one before, and closes
  /echo/N      echoes N messages, and closes
  /getCaseCount, /runCase
               three cases of an Autobahn test suite
"""

import asyncio
import contextlib
import ssl
import threading

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

CASES = 3


class Server:
    def __init__(self, pki):
        self._pki = pki
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self.received = {}  # from path to messages
        self.extensions = set()
        threading.Thread(target=self._loop.run_until_complete, args=(self._main(),), daemon=True).start()
        self._ready.wait()

    async def _main(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._pki / "server.pem", self._pki / "server.key")
        plain = await serve(self._handle, "127.0.0.1", 0)
        secure = await serve(self._handle, "localhost", 0, ssl=context)
        self.port = plain.sockets[0].getsockname()[1]
        self.tls_port = secure.sockets[0].getsockname()[1]
        self._ready.set()
        await self._loop.create_future()

    async def _handle(self, connection):
        path = connection.request.path
        kind, _, count = path[1:].partition("/")
        received = self.received.setdefault(path, [])
        self.extensions.update(extension.name for extension in connection.protocol.extensions)
        with contextlib.suppress(ConnectionClosed):
            await self._converse(connection, kind, count, received)
            await connection.close(1000, "bye")

    async def _converse(self, connection, kind, count, received):
        if kind == "repeat":
            for number in range(int(count)):
                await connection.send(f"message {number}")
                received.append(await connection.recv())
        elif kind == "echo":
            for _ in range(int(count)):
                received.append(await connection.recv())
                await connection.send(received[-1])
        elif kind == "getCaseCount":
            await connection.send(str(CASES))
        elif kind.startswith("runCase"):
            await connection.send("case " * 1000)
            received.append(await connection.recv())
        else:
            await connection.send("first")
            await connection.send("second")
