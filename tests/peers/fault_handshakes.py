# SPDX-License-Identifier: Apache-2.0
"""Faults in the response to the upgrade request.

HEADS: path -> function that modifies good headers; a client that accepts them gets an echo server.
ANSWERS: path -> function that sends the whole response.
"""

import base64
import hashlib
import urllib.parse

from fault_connection import BINARY, PING, TEXT, encode
from fault_conversations import echo

EARLY_FRAMES = encode(TEXT, b"early text") + encode(BINARY, b"early data") + encode(PING, b"early")
ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Head:
    """The headers of a 101 response, which faults can modify."""

    def __init__(self, request):
        key = request.headers.get("sec-websocket-key", "")
        digest = hashlib.sha1((key + ACCEPT_GUID).encode()).digest()
        self.accept = base64.b64encode(digest).decode()
        self.before = ""
        self.status = "HTTP/1.1 101 Switching Protocols"
        self.fields = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Accept": self.accept,
        }
        self.more_lines = []
        self.newline = "\r\n"

    def __bytes__(self):
        fields = [f"{name}: {value}" for name, value in self.fields.items()]
        lines = [self.status, *fields, *self.more_lines, "", ""]
        return (self.before + self.newline.join(lines)).encode("latin-1")


def bad_accept(head, request):
    head.fields["Sec-WebSocket-Accept"] = wrong(head.accept)


def no_accept(head, request):
    del head.fields["Sec-WebSocket-Accept"]


def duplicate_accept(head, request):
    head.more_lines = [f"Sec-WebSocket-Accept: {wrong(head.accept)}"]


def lower_accept(head, request):
    head.fields["Sec-WebSocket-Accept"] = head.accept.lower()


def no_fields(head, request):
    head.fields = {}


def wrong(accept):
    return ("B" if accept[0] == "A" else "A") + accept[1:]


def no_upgrade(head, request):
    del head.fields["Upgrade"]


def wrong_upgrade(head, request):
    head.fields["Upgrade"] = "h2c"


def no_connection(head, request):
    del head.fields["Connection"]


def wrong_connection(head, request):
    head.fields["Connection"] = "keep-alive"


def http_1_0(head, request):
    head.status = "HTTP/1.0 101 Switching Protocols"


def early_hints(head, request):
    head.before = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"


def continue_first(head, request):
    head.before = "HTTP/1.1 100 Continue\r\n\r\n"


def odd_but_valid(head, request):
    head.status = "HTTP/1.1 101 "
    head.fields = {
        "uPGRADE": "WebSocket",
        "CONNECTION": "keep-alive,   Upgrade",
        "sec-websocket-ACCEPT": f"  {head.accept}\t ",
        "X-Empty": "",
    }
    head.more_lines = ["Set-Cookie: a=b", "Set-Cookie: c=d"]


def line_feeds_only(head, request):
    head.newline = "\n"


def folded_line(head, request):
    head.more_lines = ["X-Folded: a,", "\tb", " c"]


def folded_connection(head, request):
    head.fields["Connection"] = "keep-alive,\r\n\tUpgrade"


def ignored_lines(head, request):
    head.more_lines = ["Upgrade : h2c", " websocket", "X Y: z", ": x", "X(a): b"]


def ignored_upgrade(head, request):
    head.fields["Upgrade "] = head.fields.pop("Upgrade")


def continued_upgrade(head, request):
    """Only in the continuation of an ignored line."""
    head.fields = {"X Y": "z\r\n Upgrade: websocket", **head.fields}
    del head.fields["Upgrade"]


def empty_lines_first(head, request):
    head.before = "\r\n\n"


def nul(head, request):
    head.more_lines = ["X-Nul: a\0b"]


def no_colon(head, request):
    head.more_lines = ["a line without its mark"]


def big_head(head, request):
    """?size=N: the headers have N bytes in total."""
    head.more_lines = ["X-Filler: "]
    missing = request.number("size", 65537) - len(bytes(head))
    head.more_lines[0] += "x" * missing


def long_list(head, request):
    """?field=NAME&n=N: N members of two bytes that are not UTF-8."""
    members = ",".join(["\xfc\xfc"] * request.number("n", 20000))
    head.more_lines = [f"{request.query['field']}: {members}"]


def many_headers(head, request):
    """?n=N"""
    head.more_lines = [f"X-Header-{i}: v" for i in range(request.number("n", 1000))]


def unasked_subprotocol(head, request):
    """?name=N: chooses this subprotocol."""
    head.fields["Sec-WebSocket-Protocol"] = request.query.get("name", "unasked")


def two_subprotocols(head, request):
    """Both in one line or, with ?lines=2, in two; the requested ones, if two were requested."""
    offered = request.headers.get("sec-websocket-protocol", "one, two")
    names = [name.strip() for name in offered.split(",")][:2]
    values = names if request.number("lines", 1) == 2 else [", ".join(names)]
    head.more_lines = [f"Sec-WebSocket-Protocol: {value}" for value in values]


def unasked_extension(head, request):
    head.fields["Sec-WebSocket-Extensions"] = "permessage-deflate"


def empty_extensions(head, request):
    head.fields["Sec-WebSocket-Extensions"] = ""


def set_cookie(head, request):
    """?cookie=TEXT&cookie=TEXT..."""
    head.more_lines = cookie_lines(request)


def cookie_lines(request):
    return [f"Set-Cookie: {cookie}" for cookie in request.all("cookie")]


HEADS = {
    "/bad-accept": bad_accept,
    "/no-accept": no_accept,
    "/no-fields": no_fields,
    "/duplicate-accept": duplicate_accept,
    "/lower-accept": lower_accept,
    "/no-upgrade": no_upgrade,
    "/wrong-upgrade": wrong_upgrade,
    "/no-connection": no_connection,
    "/wrong-connection": wrong_connection,
    "/http-1.0": http_1_0,
    "/early-hints": early_hints,
    "/continue": continue_first,
    "/odd-but-valid": odd_but_valid,
    "/line-feeds-only": line_feeds_only,
    "/folded-line": folded_line,
    "/folded-connection": folded_connection,
    "/ignored-lines": ignored_lines,
    "/ignored-upgrade": ignored_upgrade,
    "/continued-upgrade": continued_upgrade,
    "/empty-lines-first": empty_lines_first,
    "/nul": nul,
    "/no-colon": no_colon,
    "/big-head": big_head,
    "/long-list": long_list,
    "/many-headers": many_headers,
    "/unasked-subprotocol": unasked_subprotocol,
    "/two-subprotocols": two_subprotocols,
    "/unasked-extension": unasked_extension,
    "/empty-extensions": empty_extensions,
    "/set-cookie": set_cookie,
}


def hang(connection, request):
    """Never responds."""
    connection.read_to_end()


def hang_half(connection, request):
    """Stops within the headers."""
    head = bytes(Head(request))
    connection.send(head[: len(head) // 2])
    connection.read_to_end()


def drip(connection, request):
    """?ms=N: each byte of good headers in its own segment; then echoes."""
    connection.drip(bytes(Head(request)), request.number("ms", 1))
    echo(connection, request)


def early_frames(connection, request):
    """A text, a binary message and a ping in the same segment as good headers; then echoes."""
    connection.send(bytes(Head(request)) + EARLY_FRAMES)
    echo(connection, request)


def status(connection, request):
    """?code=N&body=TEXT&how=length|chunked|close|reset: how the end of the body is indicated.

    Each &cookie=TEXT adds a Set-Cookie header, and each &line=TEXT a line before the others.
    &fields=N adds N more. &cut=1 omits everything from Content-Type on.
    """
    body = request.query.get("body", "").encode()
    how = request.query.get("how", "length")
    framing, sent_body = {
        "length": (f"Content-Length: {len(body)}", body),
        "chunked": ("Transfer-Encoding: chunked", chunked(body)),
        "close": ("Connection: close", body),
        "reset": (f"Content-Length: {len(body) + 1}", body),
    }[how]
    first = [*request.all("line"), *(f"X-{i}: v" for i in range(request.number("fields", 0)))]
    if request.number("cut", 0):
        head = "\r\n".join([f"HTTP/1.1 {request.number('code', 503)} No", *first, ""])
        connection.send(head.encode("latin-1"))
        return
    lines = [*first, "Content-Type: text/plain", framing, *cookie_lines(request)]
    refuse(connection, request.number("code", 503), lines, sent_body)
    if how == "reset":
        connection.reset()
    elif how != "close":
        connection.read_to_end()


def redirect(connection, request):
    """?code=N&to=URL&cookie=TEXT: without "to" there is no target; cookies as in /status.

    With &n=N, N redirects in a row: all but the last are to this path.
    """
    target = request.query.get("to")
    left = request.number("n", 1) - 1
    if left > 0:
        others = [(name, value) for name, value in request.parameters() if name != "n"]
        target = f"{request.path}?{urllib.parse.urlencode([*others, ('n', left)])}"
    send_redirect(connection, request, target)


def redirect_loop(connection, request):
    """Redirects to itself."""
    send_redirect(connection, request, request.target)


def send_redirect(connection, request, target):
    lines = [] if target is None else [f"Location: {target}"]
    lines += ["Content-Length: 0", *cookie_lines(request)]
    refuse(connection, request.number("code", 302), lines)
    connection.read_to_end()


def refuse(connection, code, lines, body=b""):
    head = "\r\n".join([f"HTTP/1.1 {code} No", *lines, "", ""])
    connection.send(head.encode("latin-1") + body)


def chunked(body):
    middle = len(body) // 2
    halves = [half for half in (body[:middle], body[middle:]) if half]
    return b"".join(b"%x\r\n%s\r\n" % (len(half), half) for half in halves) + b"0\r\n\r\n"


def not_found(connection, request):
    """Reports a request for a fault that does not exist."""
    connection.send(b"HTTP/1.1 404 No such fault\r\nContent-Length: 0\r\n\r\n")


ANSWERS = {
    "/hang": hang,
    "/hang-half": hang_half,
    "/drip": drip,
    "/early": early_frames,
    "/status": status,
    "/redirect": redirect,
    "/redirect-loop": redirect_loop,
}
