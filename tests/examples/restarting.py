# SPDX-License-Identifier: Apache-2.0
"""A server that can be restarted on the same port; it forwards to one that keeps running."""

import contextlib
import socket
import threading
import urllib.parse


class Restarting:
    def __init__(self, url):
        target = urllib.parse.urlsplit(url)
        self._target = (target.hostname, target.port)
        self._address = ("127.0.0.1", 0)
        self.start()
        self.url = target._replace(netloc=f"127.0.0.1:{self._address[1]}").geturl()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()

    def start(self):
        self._listener = socket.create_server(self._address)
        self._address = self._listener.getsockname()
        self._connections = []
        self._pumps = []
        self._acceptor = run(self._accept_all)

    def stop(self):
        """Drops all connections. After it returns, new ones are refused."""
        end([self._listener], [self._acceptor])
        end(self._connections, self._pumps)

    def _accept_all(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._connections += [client, server]
                self._pumps += [run(pump, client, server), run(pump, server, client)]


def run(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def end(sockets, threads):
    """Shuts the sockets down, which wakes the threads that wait for them; closing would not."""
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()
    for each in sockets:
        each.close()
