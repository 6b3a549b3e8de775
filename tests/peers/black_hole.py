#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An address where connect() hangs: a listener that never accepts, its queue filled.

Linux drops a SYN when the queue is full, so neither a firewall nor root is needed.
"""

import signal
import socket

from serving import announce, exit_at_end_of_input

DROPPED_AFTER_SECONDS = 0.5  # replies on the loopback interface take microseconds


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    held = fill(listener)
    exit_at_end_of_input()
    announce({"url": f"ws://127.0.0.1:{listener.getsockname()[1]}"})
    while held:
        signal.pause()


def fill(listener):
    """Returns the connections that fill the queue: it stays full while they are open."""
    listener.listen(0)
    held = []
    while True:
        connection = socket.socket(listener.family)
        connection.settimeout(DROPPED_AFTER_SECONDS)
        try:
            connection.connect(listener.getsockname())
        except TimeoutError:
            return held
        held.append(connection)


if __name__ == "__main__":
    main()
