#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A feed for examples-c/feed.c. Prints its URL, then serves until its input ends.

usage: feed_server.py TOKEN_FILE

The first connection needs the token "first", and misses message 4. Later ones need "second", which
is in TOKEN_FILE only after "first" was rejected once.
"""

import contextlib
import pathlib
import sys
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

TOKEN_FILE = pathlib.Path(sys.argv[1])
TOKENS = ["first", "second"]
connections = 0


def check_token(connection, request):
    want = TOKENS[min(connections, 1)]
    if request.headers.get("Authorization") == f"Bearer {want}":
        return None
    TOKEN_FILE.write_text(f"{want}\n")
    return connection.respond(401, "the token has expired\n")


def feed(connection):
    global connections
    connections += 1
    skipped = 4 if connections == 1 else None
    word, first = connection.recv().split()
    assert word == "subscribe"
    with contextlib.suppress(ConnectionClosed):
        for number in range(int(first), int(first) + 100):
            if number != skipped:
                connection.send(f"{number} tick")
        for _ in connection:
            pass


def main():
    TOKEN_FILE.write_text(f"{TOKENS[0]}\n")
    with serve(feed, "127.0.0.1", 0, process_request=check_token) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"ws://127.0.0.1:{server.socket.getsockname()[1]}/", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
