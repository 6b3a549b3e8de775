#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server with an IPv6 and an IPv4 address, where connect() hangs for the first (RFC 8305).

two.test is [::1], a black hole, and 127.0.0.1, an echo server, on the same port. It exists for a
process that runs with the announced environment. Announces the reason under "skip" if that is
not possible.
"""

import asyncio
import ctypes
import pathlib
import shutil
import socket
import sys
import tempfile

from websockets.asyncio.server import serve

from black_hole import fill
from echo_websockets import BEHAVIOUR
from serving import announce, exit_at_end_of_input

NSS_WRAPPER = "libnss_wrapper.so"


async def main():
    try:
        ctypes.CDLL(NSS_WRAPPER)
        good, hole = same_port()
    except OSError as error:
        announce({"skip": str(error)})
        sys.stdin.read()
        return
    held = fill(hole)
    with tempfile.TemporaryDirectory(prefix="wsline-") as directory:
        hosts = pathlib.Path(directory, "hosts")
        hosts.write_text("::1 two.test\n127.0.0.1 two.test\n127.0.0.1 localhost\n")
        port = good.getsockname()[1]
        async with serve(sock=good, **BEHAVIOUR):
            exit_at_end_of_input(lambda: shutil.rmtree(directory))
            announce(
                {"url": f"ws://two.test:{port}"},
                LD_PRELOAD=NSS_WRAPPER,
                NSS_WRAPPER_HOSTS=str(hosts),
            )
            while held:
                await asyncio.sleep(3600)


def same_port():
    """Listeners on 127.0.0.1 and on [::1] with the same port."""
    for _ in range(100):
        good = socket.create_server(("127.0.0.1", 0))
        try:
            port = good.getsockname()[1]
            return good, socket.create_server(("::1", port), family=socket.AF_INET6)
        except OSError as error:
            good.close()
            reason = error
    raise reason


if __name__ == "__main__":
    asyncio.run(main())
