# SPDX-License-Identifier: Apache-2.0
"""Runs the fuzzing server of the suite on a free port of the loopback interface. Python 2.7.

usage: server27.py SPEC   (JSON with outdir, cases and exclude-cases, as the suite defines them)

Prints "READY port=P cases=N". Ends when its stdin ends. The suite's own command listens on every
interface on a fixed port, and also serves a web page.
"""

from __future__ import print_function

import json
import os
import sys
import threading

from autobahntestsuite import choosereactor  # noqa: F401: must be first: installs the reactor
from autobahntestsuite.fuzzing import FuzzingServerFactory
from twisted.internet import reactor
from twisted.python import log


def main():
    log.startLogging(sys.stderr, setStdout=False)  # otherwise tracebacks of the suite are lost
    factory = FuzzingServerFactory(read_spec(sys.argv[1]), False)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port
    factory.externalPort = port  # the name that the Host header must contain
    print("READY port=%d cases=%d" % (port, len(factory.specCases)))
    sys.stdout.flush()
    waiter = threading.Thread(target=exit_at_end_of_input)
    waiter.daemon = True
    waiter.start()
    reactor.run()


def read_spec(text):
    spec = json.loads(text)
    return {
        "url": "ws://127.0.0.1",
        "outdir": str(spec["outdir"]),  # the suite requires byte strings
        "cases": [str(case) for case in spec["cases"]],
        "exclude-cases": [str(case) for case in spec["exclude-cases"]],
        "exclude-agent-cases": {},
    }


def exit_at_end_of_input():
    sys.stdin.read()
    os._exit(0)


main()
