#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nginx in front of an echo server, with all its listeners (conf/nginx.conf).

usage: nginx.py PKI   (PKI: see certs.sh)

Its responses report the TLS parameters in X-TLS-Protocol, -Cipher, -Curve, -Reused ("r" or "."),
-SNI, -ALPN and -Client (the subject of the client's certificate).
"""

import asyncio
import pathlib
import sys

from websockets.asyncio.server import unix_serve

from echo_websockets import BEHAVIOUR
from foreign import Programs
from serving import announce, exit_at_end_of_input


async def main(pki):
    with Programs(pki) as programs:
        exit_at_end_of_input(programs.stop)
        upstream = str(programs.directory / "echo")
        async with unix_serve(path=upstream, **BEHAVIOUR):
            announce(programs.start([lambda place: nginx(place, upstream)]))
            await asyncio.get_running_loop().create_future()


def nginx(place, upstream):
    kinds = ("plain", "tls", "tls12", "tls13", "clientcert")
    ports = {kind: place.claim_port() for kind in kinds}
    socket = str(place.directory / "tls")
    conf = place.render("nginx.conf", upstream=upstream, socket=socket, **ports)
    return ["nginx", "-e", "stderr", "-c", conf, "-p", place.directory], ports | {"unix": socket}


if __name__ == "__main__":
    asyncio.run(main(pathlib.Path(sys.argv[1])))
