# SPDX-License-Identifier: Apache-2.0
"""client.py compress|inflate URL MESSAGES SIZE COUNT LEVEL: see run.py."""

import os
import pathlib
import sys

from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.client import connect

MESSAGES = 16


def main():
    work, url, path, size, count, level = sys.argv[1:]
    size, count = int(size), int(count)
    text = pathlib.Path(path).read_text(encoding="ascii")
    messages = [text[i * size : (i + 1) * size] for i in range(MESSAGES)]
    # zlib's window and memory; the package's defaults are smaller.
    deflate = ClientPerMessageDeflateFactory(compress_settings={"level": int(level), "memLevel": 8})
    settings = {"compression": None, "ping_interval": None, "proxy": None}
    with connect(url, extensions=[deflate], **settings) as connection:
        if work == "compress":
            for i in range(count):
                connection.send(messages[i % MESSAGES])
            count = 1
        for _ in range(count):
            connection.recv()
        os._exit(0)  # without a closing handshake, which the server does not support


main()
