#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Echo server on the Python package `websockets`: no compression, no limit on message size.

usage: echo_websockets.py PKI LISTENER...

LISTENER is "unix" for a Unix domain socket, or a key of CERTIFICATES; for PKI see certs.sh.

Each listener serves the same paths:
  /                          echoes every message
  /subprotocol               the same; any path selects the first offered of chat.v1 and chat.v2
  /close?code=N&reason=R     closes immediately
  /push?n=N&size=S           sends N binary messages of S bytes, then echoes
  /headers                   sends the received request as JSON text, then echoes
  /ping                      sends a ping, and echoes nothing until the pong has arrived
  /status?code=N&body=TEXT   rejects the upgrade
"""

import asyncio
import http
import json
import pathlib
import shutil
import ssl
import sys
import tempfile
import urllib.parse

from websockets.asyncio.server import serve, unix_serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response

from serving import announce, exit_at_end_of_input

CERTIFICATES = {
    "plain": None,
    "tls": "server",
    "clientcert": "server",
    "expired": "expired",
    "future": "future",
    "wronghost": "wronghost",
    "selfsigned": "selfsigned",
    "untrusted": "untrusted",
    "noname": "noname",
    "eku": "eku",
    "rsa": "rsa",
    "chain": "chain",
    "no-chain": "no-chain",
}
SUBPROTOCOLS = ("chat.v1", "chat.v2")


async def main(pki, listeners):
    with tempfile.TemporaryDirectory(prefix="wsline-") as directory:
        servers = {name: await listen(pki, name, directory) for name in listeners}
        exit_at_end_of_input(lambda: shutil.rmtree(directory))
        announce({name: address(server) for name, server in servers.items()})
        await asyncio.get_running_loop().create_future()


async def listen(pki, name, directory):
    if name == "unix":
        return await unix_serve(path=f"{directory}/echo", **BEHAVIOUR)
    return await serve(host="127.0.0.1", port=0, ssl=tls_context(pki, name), **BEHAVIOUR)


def address(server):
    """A port, or the path of a Unix domain socket."""
    name = server.sockets[0].getsockname()
    return name if isinstance(name, str) else name[1]


def tls_context(pki, name):
    certificate = CERTIFICATES[name]
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / f"{certificate}.pem", pki / f"{certificate}.key")
    if name == "clientcert":
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pki / "ca.pem")
    return context


def refuse_if_asked(connection, request):
    path, query = split_target(request.path)
    if path != "/status":
        return None
    code = int(query["code"])
    body = query.get("body", "").encode()
    headers = Headers({"Content-Type": "text/plain", "Content-Length": str(len(body))})
    return Response(code, reason_phrase(code), headers, body)


def reason_phrase(code):
    try:
        return http.HTTPStatus(code).phrase
    except ValueError:
        return "Unknown"


def select_subprotocol(connection, offered):
    return next((name for name in offered if name in SUBPROTOCOLS), None)


async def converse(connection):
    path, query = split_target(connection.request.path)
    try:
        if opening := OPENINGS.get(path):
            await opening(connection, query)
        async for message in connection:
            await connection.send(message)
    except ConnectionClosed:
        pass  # Some tests disconnect without a close frame.


def split_target(target):
    url = urllib.parse.urlsplit(target)
    return url.path, dict(urllib.parse.parse_qsl(url.query))


async def close(connection, query):
    await connection.close(int(query.get("code", 1000)), query.get("reason", ""))


async def push(connection, query):
    message = bytes(int(query["size"]))
    for _ in range(int(query["n"])):
        await connection.send(message)


async def send_request(connection, query):
    request = connection.request
    await connection.send(
        json.dumps({"path": request.path, "headers": list(request.headers.raw_items())})
    )


async def ping(connection, query):
    await (await connection.ping(b"are you there?"))


OPENINGS = {"/close": close, "/push": push, "/headers": send_request, "/ping": ping}
BEHAVIOUR = {
    "handler": converse,
    "process_request": refuse_if_asked,
    "select_subprotocol": select_subprotocol,
    "compression": None,
    "max_size": None,
    "ping_interval": None,
    # A client under valgrind on a busy machine takes longer than the default ten seconds.
    "open_timeout": None,
}

if __name__ == "__main__":
    asyncio.run(main(pathlib.Path(sys.argv[1]), sys.argv[2:]))
