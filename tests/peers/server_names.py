# SPDX-License-Identifier: Apache-2.0
"""The names that tests may request: the program of each, and the variables with its address."""

from typing import NamedTuple


class Address(NamedTuple):
    """An environment variable whose value is derived from the program's announcement."""

    program: str
    listener: str
    form: str
    key: str = "URL"


class Family(NamedTuple):
    """One variable for each announced item, with the item as its value."""

    program: str
    suffix: str = "_URL"


PLAIN = "ws://127.0.0.1:{}"
TLS = "wss://localhost:{}"
BAD_CERTIFICATES = ("expired", "future", "wronghost", "selfsigned", "untrusted", "noname", "eku")
MORE_TLS = ("clientcert", "chain", "no-chain", "rsa")

NAMES = {
    "websockets": Address("echo_websockets", "plain", PLAIN),
    "websockets-tls": Address("echo_websockets", "tls", TLS),
    "websockets-unix": Address("echo_websockets", "unix", "{}", "PATH"),
    "ws": Address("echo_ws", "plain", PLAIN),
    "ws-tls": Address("echo_ws", "tls", TLS),
    "deflate-websockets": Address("deflate_websockets", "plain", PLAIN),
    "deflate-websockets-tls": Address("deflate_websockets", "tls", TLS),
    "deflate-ws": Address("deflate_ws", "plain", PLAIN),
    "deflate-ws-tls": Address("deflate_ws", "tls", TLS),
    "deflate-aiohttp": Address("deflate_aiohttp", "plain", PLAIN),
    "deflate-aiohttp-tls": Address("deflate_aiohttp", "tls", TLS),
    "nginx": Address("nginx", "plain", PLAIN),
    "nginx-tls": Address("nginx", "tls", TLS),
    "nginx-tls12": Address("nginx", "tls12", TLS),
    "nginx-tls13": Address("nginx", "tls13", TLS),
    "nginx-clientcert": Address("nginx", "clientcert", TLS),
    "nginx-unix-tls": Address("nginx", "unix", "{}", "PATH"),
    "mosquitto": Address("mosquitto", "websockets", PLAIN),
    "faults": Address("faults", "plain", PLAIN),
    "faults-tls": Address("faults", "tls", TLS),
    "streams": Address("streams", "plain", PLAIN),
    "tcp-faults": Family("tcp_faults"),
    "proxy-faults": Family("proxy_faults"),
    "blackhole": Family("black_hole", ""),
    "eyeballs": Family("eyeballs", ""),
    "chaos": Family("chaos", ""),
    "unsteady": Family("unsteady", ""),
} | {f"tls-{case}": Address("echo_websockets", case, TLS) for case in BAD_CERTIFICATES + MORE_TLS}
NAMES |= {
    name: Address("proxies", name, form)
    for name, form in {
        "tinyproxy": "http://127.0.0.1:{}",
        "tinyproxy-auth": "http://127.0.0.1:{}",
        "squid": "http://127.0.0.1:{}",
        "squid-auth": "http://127.0.0.1:{}",
        "squid-tls": "https://localhost:{}",
        "tls-proxy-auth": "https://localhost:{}",
        "microsocks": "socks5://127.0.0.1:{}",
        "microsocks-auth": "socks5://127.0.0.1:{}",
        "dante": "socks5://127.0.0.1:{}",
        "dante-auth": "socks5://127.0.0.1:{}",
        "ssh-socks": "socks4a://127.0.0.1:{}",
    }.items()
}


def variables(name, addresses):
    """The variables for this name, given the announcement of its program."""
    entry = NAMES[name]
    prefix = f"WSLINE_TEST_{upper(name)}"
    if isinstance(entry, Address):
        return {f"{prefix}_{entry.key}": entry.form.format(addresses[entry.listener])}
    return {f"{prefix}_{upper(key)}{entry.suffix}": value for key, value in addresses.items()}


def upper(name):
    return name.upper().replace("-", "_").replace(".", "_")
