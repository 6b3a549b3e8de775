#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command with test servers.

usage: run.py --need NAME,... -- COMMAND [ARGUMENT...]

Starts the servers named in --need, puts their addresses into the environment, runs COMMAND, stops
the servers and exits with the status of COMMAND. If that is not 0, the output of the servers
follows on stderr. Run setup.sh once before.

The address of NAME is in WSLINE_TEST_<NAME>_URL, in upper case and with _ for -:
  websockets, -tls, ws, -tls            echo servers
  deflate-websockets, -tls, deflate-ws, -tls, deflate-aiohttp, -tls
                                        echo servers with permessage-deflate as the URL requests
  nginx, -tls, -tls12, -tls13, -clientcert
                                        nginx in front of an echo server
  mosquitto                             an MQTT broker
  tls-chain, -no-chain, -rsa, -clientcert, -expired, -future, -wronghost, -selfsigned, -untrusted,
  -noname, -eku                         an echo server with this certificate
  faults, -tls                          a server that misbehaves on request
  streams                               messages larger than memory, and a sink for them
  blackhole                             an address where connect() hangs
  chaos                                 an echo server whose connections break as the URL requests
  unsteady                              an echo server that is stopped, started and frozen through
                                        WSLINE_TEST_UNSTEADY_CONTROL (HOST:PORT)
  tinyproxy, -auth, squid, -auth        HTTP proxies; -auth: user "user", password "secret", for
                                        squid "p:w@d"; squid does not connect to denied.test
  squid-tls, tls-proxy-auth             HTTPS proxies; the latter requires "user" and "secret"
  microsocks, -auth, dante, -auth       SOCKS5 proxies; dante also supports SOCKS4
  ssh-socks                             a SOCKS4a proxy
In WSLINE_TEST_<NAME>_PATH, the path of a socket:
  websockets-unix, nginx-unix-tls
In WSLINE_TEST_<NAME>_<LISTENER>_URL, for each fault with its own listener:
  proxy-faults                          see HTTP_FAULTS and SOCKS_FAULTS in proxy_fault_*.py
  tcp-faults                            see FAULTS in tcp_faults.py
In WSLINE_TEST_EYEBALLS_URL, or the reason for skipping in WSLINE_TEST_EYEBALLS_SKIP:
  eyeballs                              a name with two addresses; connect() hangs for the first

Only the proxies can resolve proxy-only.test. Always set: WSLINE_TEST_PKI (the directory that
certs.sh fills), WSLINE_TEST_CA (its ca.pem).
"""

import argparse
import collections
import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import sys

from server_names import NAMES, Address, variables
from server_process import HERE, PKI, Server


PR_SET_PDEATHSIG = 1  # prctl(2)
KILL_WITH_US = None
if sys.platform == "linux":
    KILL_WITH_US = functools.partial(ctypes.CDLL(None).prctl, PR_SET_PDEATHSIG, signal.SIGKILL)


def main():
    arguments = parse_arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, frame: sys.exit(128 + received))
    with contextlib.ExitStack() as stack:
        servers = start_servers(stack, arguments.need)
        status = run(arguments.command, environment_for(arguments.need, servers))
        if status != 0:
            for server in servers.values():
                server.report()
    return status


def parse_arguments():
    _, usage, details = __doc__.split("\n\n", 2)
    parser = argparse.ArgumentParser(
        usage=usage.removeprefix("usage: "),
        description=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--need", type=names, required=True)
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def names(text):
    chosen = text.split(",")
    if unknown := set(chosen) - set(NAMES):
        raise argparse.ArgumentTypeError(f"unknown server: {', '.join(sorted(unknown))}")
    return chosen


def start_servers(stack, needed):
    """Starts all programs before it waits for any, so that they start in parallel."""
    if not (PKI / "version").exists():
        sys.exit(f"run.py: the test servers are not installed: run {HERE / 'setup.sh'}")
    listeners = collections.defaultdict(list)
    for name in needed:
        entry = NAMES[name]
        listeners[entry.program] += [entry.listener] if isinstance(entry, Address) else []
    servers = {
        program: stack.enter_context(Server(program, wanted))
        for program, wanted in listeners.items()
    }
    for server in servers.values():
        server.wait_until_ready()
    return servers


def environment_for(needed, servers):
    environment = os.environ | {
        "WSLINE_TEST_PKI": str(PKI),
        "WSLINE_TEST_CA": str(PKI / "ca.pem"),
    }
    for name in needed:
        server = servers[NAMES[name].program]
        environment |= variables(name, server.addresses) | server.environment
    return environment


def run(command, environment):
    try:
        process = subprocess.Popen(command, env=environment, preexec_fn=KILL_WITH_US)
    except OSError as error:
        sys.exit(f"run.py: {error}")
    try:
        status = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
