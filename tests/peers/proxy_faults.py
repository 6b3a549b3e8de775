#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proxies that misbehave, each on its own port (proxy_fault_http.py, proxy_fault_socks.py).

Those that make tunnels connect to any requested target, and resolve a name that nobody else can:
proxy-only.test. Through a tunnel to journal.test, the response to any HTTP request is 200 with all
requests of clients so far as a JSON list; /LISTENER returns the requests to that listener.
"""

import contextlib
import socket
import threading

from fault_connection import ClientLeft
from proxy_fault_client import Client
from proxy_fault_http import HTTP_FAULTS, serve_http
from proxy_fault_socks import SOCKS_FAULTS
from serving import announce, exit_at_end_of_input


def main():
    faults = {name: serve_http(fault) for name, fault in HTTP_FAULTS.items()} | SOCKS_FAULTS
    announce({name: listen(name, serve) for name, serve in faults.items()})
    exit_at_end_of_input()
    threading.Event().wait()


def listen(name, serve):
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept_all, args=(listener, name, serve), daemon=True).start()
    scheme = name.partition("-")[0]
    return f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"


def accept_all(listener, name, serve):
    while True:
        accepted, _ = listener.accept()
        threading.Thread(target=meet, args=(accepted, name, serve), daemon=True).start()


def meet(accepted, name, serve):
    # The client may end in any way.
    with accepted, contextlib.suppress(OSError, ClientLeft):
        serve(Client(accepted, name))


if __name__ == "__main__":
    main()
