#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Third-party proxies.

usage: proxies.py PKI NAME...   (NAME: a key of RECIPES; PKI: see certs.sh)

They share a hosts file with a name that nobody else can resolve: proxy-only.test. A test that
reaches it has not resolved it itself.
"""

import functools
import getpass
import os
import pathlib
import subprocess
import sys
import threading

from foreign import Programs
from serving import announce, exit_at_end_of_input

HOSTS = "127.0.0.1 localhost\n127.0.0.1 proxy-only.test\n"


def main(pki, names):
    with Programs(pki) as programs:
        exit_at_end_of_input(programs.stop)
        hosts = programs.directory / "hosts"
        hosts.write_text(HOSTS)
        programs.set_environment(LD_PRELOAD="libnss_wrapper.so", NSS_WRAPPER_HOSTS=str(hosts))
        announce(programs.start([functools.partial(RECIPES[name], name) for name in names]))
        threading.Event().wait()


def tinyproxy(name, place, login=""):
    port = place.claim_port()
    conf = place.render("tinyproxy.conf", port=port, login=login)
    return ["tinyproxy", "-d", "-c", conf], {name: port}


def squid(name, place, password=None, tls=False):
    port = place.claim_port()
    hosts = place.write("hosts", HOSTS)
    listen = f"http_port 127.0.0.1:{port}"
    if tls:
        pair = f"tls-cert={place.pki}/server.pem tls-key={place.pki}/server.key"
        listen = f"https_port 127.0.0.1:{port} {pair}"
    access = "http_access allow all"
    if password:
        passwords = place.write("passwords", f"user:{openssl_hash('-apr1', password)}\n")
        access = place.render("squid_auth.conf", passwords=passwords).read_text()
    conf = place.render("squid.conf", listen=listen, access=access, hosts=hosts)
    # -n: the prefix of its files in /dev/shm.
    return ["squid", "-N", "-d", "1", "-n", place.name, "-f", conf], {name: port}


def microsocks(name, place, login=()):
    port = place.claim_port()
    return ["microsocks", "-i", "127.0.0.1", "-p", str(port), *login], {name: port}


def dante(name, place, environment=(), method="none"):
    port = place.claim_port()
    conf = place.render("danted.conf", port=port, method=method, user=getpass.getuser())
    command = ["danted", "-f", conf, "-p", place.directory / "pid", "-N", "1"]
    return ["env", *environment, *command], {name: port}


def dante_auth(name, place):
    """With an account that exists only in this process."""
    account = f"user:x:{os.getuid()}:{os.getgid()}::/:/bin/false\n"
    passwd = place.write("passwd", pathlib.Path("/etc/passwd").read_text() + account)
    shadow = place.write("shadow", f"user:{openssl_hash('-6', 'secret')}:19000:0:99999:7:::\n")
    environment = [
        f"NSS_WRAPPER_PASSWD={passwd}",
        "NSS_WRAPPER_GROUP=/etc/group",
        f"NSS_WRAPPER_SHADOW={shadow}",
    ]
    return dante(name, place, environment, method="username")


def ssh_socks(name, place):
    """ssh -D with its own sshd, connected by a pipe."""
    port = place.claim_port()
    for key in ("host_key", "user_key"):
        file = place.directory / key
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    if os.getuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)  # the directory in which sshd confines itself
    sshd_config = place.render("sshd_config")
    ssh_config = place.render("ssh_config", sshd_config=sshd_config, port=port)
    return ["ssh", "-N", "-F", ssh_config, f"{getpass.getuser()}@sshd"], {name: port}


def openssl_hash(kind, password):
    command = ["openssl", "passwd", kind, password]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


RECIPES = {
    "tinyproxy": tinyproxy,
    "tinyproxy-auth": functools.partial(tinyproxy, login="BasicAuth user secret"),
    "squid": squid,
    "squid-auth": functools.partial(squid, password="p:w@d"),
    "squid-tls": functools.partial(squid, tls=True),
    "tls-proxy-auth": functools.partial(squid, password="secret", tls=True),
    "microsocks": microsocks,
    "microsocks-auth": functools.partial(microsocks, login=("-u", "user", "-P", "secret")),
    "dante": dante,
    "dante-auth": dante_auth,
    "ssh-socks": ssh_socks,
}

if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
