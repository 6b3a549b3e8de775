#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An echo server that is stopped, started and frozen through its control port.

usage: unsteady.py         the control port and the server
       unsteady.py PORT    only the server, which is a separate process

The control port accepts lines over TCP, and replies to each with "ok" when it is done:
  stop     kills the server: its connections end, and its port refuses new ones
  start    restarts it on the same port unless it is running
  freeze   stops the server's process: its connections stay, and the kernel accepts new ones
  thaw     lets it continue
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys

from websockets.asyncio.server import serve

from echo_websockets import BEHAVIOUR
from serving import announce, exit_at_end_of_input

HOST = "127.0.0.1"
BACKLOG = 1024


def main():
    server = Server()
    server.start()
    control = socket.create_server((HOST, 0))
    exit_at_end_of_input(server.stop)
    announce(
        {
            "url": f"ws://{HOST}:{server.port}",
            "control": f"{HOST}:{control.getsockname()[1]}",
        }
    )
    while True:
        accepted, _ = control.accept()
        with accepted, contextlib.suppress(OSError):  # the requester may leave
            obey(accepted, server)


def obey(accepted, server):
    for line in accepted.makefile():
        COMMANDS[line.strip()](server)
        accepted.sendall(b"ok\n")


class Server:
    def __init__(self):
        # Bound but not listening: it reserves the port for the server, and refuses connections.
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._place.bind((HOST, 0))
        self.port = self._place.getsockname()[1]
        self._process = None

    def start(self):
        if self._process is not None:
            return
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(self.port)],
            stdin=subprocess.PIPE,  # its end ends the server
            stdout=subprocess.PIPE,
        )
        if not self._process.stdout.readline():
            raise RuntimeError("the server did not start")

    def stop(self):
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)


COMMANDS = {
    "stop": Server.stop,
    "start": Server.start,
    "freeze": Server.freeze,
    "thaw": Server.thaw,
}


async def echo(port):
    async with serve(host=HOST, port=port, reuse_port=True, backlog=BACKLOG, **BEHAVIOUR):
        exit_at_end_of_input()
        announce({})
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        asyncio.run(echo(int(sys.argv[1])))
