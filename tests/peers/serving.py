# SPDX-License-Identifier: Apache-2.0
"""What every test server does: say where it listens, and end with whoever started it."""

import os
import stat
import threading


def announce(ports):
    """Prints the line that run.py waits for, such as "READY plain=40001 tls=40002"."""
    print("READY", *(f"{name}={port}" for name, port in ports.items()), flush=True)


def exit_at_end_of_input():
    """Ends the process when its stdin does: a pipe ends even when run.py is killed."""
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_wait_for_end_of_input, daemon=True).start()


def _wait_for_end_of_input():
    while os.read(0, 4096):
        pass
    os._exit(0)
