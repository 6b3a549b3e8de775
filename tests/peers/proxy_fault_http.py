# SPDX-License-Identifier: Apache-2.0
"""Faults of HTTP proxies: listener -> function that responds to one CONNECT request.

A function that returns is called again for the next request on the connection.
"""

from fault_connection import ClientLeft, reset

OK = b"HTTP/1.1 200 Connection established\r\n\r\n"
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
DENIED = b"denied by proxy\n"


def serve_http(fault):
    def serve(client):
        while True:
            fault(client, *read_connect(client))

    return serve


def read_connect(client):
    """Returns host and port. Records them, and the headers unchanged."""
    head = client.read_through(b"\r\n\r\n").decode("latin-1")
    host, _, port = head.split()[1].rpartition(":")
    host = host.strip("[]")
    client.begin_request()
    client.note(head=head, host=host, port=int(port))
    return host, int(port)


def tunnel_after(answer):
    def fault(client, host, port):
        client.tunnel(host, port, answer, BAD_GATEWAY)
        raise ClientLeft

    return fault


def drip(client, host, port):
    client.dripping = True
    tunnel_after(OK)(client, host, port)


def refuse(status, *lines):
    head = [f"HTTP/1.1 {status}", *lines, f"Content-Length: {len(DENIED)}", "", ""]
    answer = "\r\n".join(head).encode() + DENIED
    return lambda client, host, port: client.send(answer)


def hang(client, host, port):
    client.read_to_end()
    raise ClientLeft


def close(client, host, port):
    raise ClientLeft


def reset_connection(client, host, port):
    reset(client.socket)
    raise ClientLeft


def garbage(client, host, port):
    client.send(bytes(range(256)) + b"\r\n\r\n")
    hang(client, host, port)


HTTP_FAULTS = {
    "http-record": tunnel_after(OK),  # no fault
    "http-hang": hang,
    "http-close": close,
    "http-rst": reset_connection,
    "http-drip": drip,
    "http-status-403": refuse("403 Forbidden"),
    "http-status-407": refuse(
        "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="faults"'
    ),
    "http-407-digest": refuse(
        "407 Proxy Authentication Required",
        'Proxy-Authenticate: Digest realm="faults", qop="auth", nonce="cmFuZG9t"',
    ),
    "http-huge-head": tunnel_after(OK[:-2] + b"X-Filler: " + b"x" * 1_000_000 + b"\r\n\r\n"),
    "http-garbage": garbage,
    "http-early": tunnel_after(OK + b"early"),
    "http-204": tunnel_after(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "http-1.0": tunnel_after(OK.replace(b"/1.1", b"/1.0")),
    "http-malformed": tunnel_after(OK[:-2] + b"Via: x,\r\n\ty\r\nA : b\r\nno colon\r\n\r\n"),
    # A length that clients must ignore (RFC 9110 section 9.3.6).
    "http-200-length": tunnel_after(OK[:-2] + b"Content-Length: 10\r\n\r\n"),
}
