# SPDX-License-Identifier: Apache-2.0
"""Common code of test servers: announce their addresses, and end with the process that started
them.
"""

import json
import os
import stat
import threading


def announce(addresses, **environment):
    """Prints the line that run.py waits for.

    It contains the address of each listener, and additional environment variables for the tests.
    """
    message = {"addresses": addresses, "environment": environment}
    print("READY", json.dumps(message), flush=True)


def exit_at_end_of_input(clean_up=lambda: None):
    """Ends the process when its stdin ends: a pipe ends even if run.py is killed."""
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_wait_for_end_of_input, args=(clean_up,), daemon=True).start()


def _wait_for_end_of_input(clean_up):
    try:
        while os.read(0, 4096):
            pass
        clean_up()
    finally:
        os._exit(0)
