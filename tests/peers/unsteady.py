#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An echo server that is stopped, started and frozen by whoever asks its control port.

usage: unsteady.py         the control port and the server
       unsteady.py PORT    the server alone, which is a process of its own

The control port takes lines over TCP, and answers each with "ok" when it is done:
  stop     kills the server: its connections end, its port refuses others
  start    starts it again at the same port, unless it is running
  freeze   stops the server's process: its connections stay, and the kernel takes more of them
  thaw     lets it run again
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
        with accepted, contextlib.suppress(OSError):  # whoever asks may leave
            obey(accepted, server)


def obey(accepted, server):
    for line in accepted.makefile():
        COMMANDS[line.strip()](server)
        accepted.sendall(b"ok\n")


class Server:
    def __init__(self):
        # Bound and not listening: it keeps the port for the server, and refuses by itself.
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
