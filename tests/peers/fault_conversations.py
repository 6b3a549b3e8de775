# SPDX-License-Identifier: Apache-2.0
"""Faults after a good handshake: path -> function.

When a function returns, the connection is ended with a FIN.
"""

from fault_connection import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, encode, encode_close
from gates import GATES

DATA = (CONTINUATION, TEXT, BINARY)


def echo(connection, request):
    """No fault: echoes every data frame unchanged, answers pings and finally the close frame."""
    connection.send(echo_until_close(connection, connection.send))


def echo_until_close(connection, send):
    """Returns the reply to the client's close frame, not yet sent."""
    while (frame := connection.read_frame()).opcode != CLOSE:
        if frame.opcode in DATA:
            send(encode(frame.opcode, frame.payload, frame.fin, rsv=frame.rsv))
        elif frame.opcode == PING:
            send(encode(PONG, frame.payload))
    return encode(CLOSE, frame.payload)


def send_head(connection, request):
    """Sends the headers of the upgrade request unchanged as one text message; then echoes."""
    connection.send(encode(TEXT, request.head.encode()))
    echo(connection, request)


def describe(connection, request):
    """Replies to every frame except a close frame with a text that lists its fields, such as
    fin=1 rsv=4 opcode=1 key=01020304 len=5 payload=68656c6c6f (key=none: unmasked).
    """
    while (frame := connection.read_frame()).opcode != CLOSE:
        key = "none" if frame.key is None else frame.key.hex()
        fields = f"fin={frame.fin:d} rsv={frame.rsv} opcode={frame.opcode} key={key}"
        text = f"{fields} len={len(frame.payload)} payload={frame.payload.hex()}"
        connection.send(encode(TEXT, text.encode()))
    connection.send(encode(CLOSE, frame.payload))


def drip_echo(connection, request):
    """?ms=N: echoes, each byte in its own segment."""
    milliseconds = request.number("ms", 1)
    close_frame = echo_until_close(connection, lambda data: connection.drip(data, milliseconds))
    connection.send(close_frame)


def slow_read(connection, request):
    """?bps=N: echoes, reading N bytes per second."""
    connection.limit_receive_buffer()
    connection.pause_after_read = 1 / request.number("bps", 100_000)
    echo(connection, request)


def stall(connection, request):
    """Neither reads nor writes."""
    connection.limit_receive_buffer()
    connection.wait_without_reading()


def stall_then_echo(connection, request):
    """?id=X: starts reading after /go, and echoes."""
    connection.limit_receive_buffer()
    GATES.wait(request)
    echo(connection, request)


def stall_once(connection, request):
    """?id=X: the first connection with this id reads nothing, and is reset after /go; later ones
    echo.
    """
    if GATES.is_first(request):
        connection.limit_receive_buffer()
        GATES.wait(request)
        connection.reset()
    echo(connection, request)


def swallow(connection, request):
    """Reads, and sends nothing but the reply to the close frame."""
    connection.send(echo_until_close(connection, lambda data: None))


def empty_pongs(connection, request):
    """Answers each ping with an empty pong, and sends nothing else but the close frame."""
    while (frame := connection.read_frame()).opcode != CLOSE:
        if frame.opcode == PING:
            connection.send(encode(PONG, b""))
    connection.send(encode(CLOSE, frame.payload))


def read_by_gates(connection, request):
    """?id=X&n=N&frames=F: reads F frames after each of N requests for /go, or fewer and a close
    frame; then like /swallow.
    """
    connection.limit_receive_buffer()
    for _ in range(request.number("n", 1)):
        GATES.wait(request)
        for _ in range(request.number("frames", 1)):
            if (frame := connection.read_frame()).opcode == CLOSE:
                connection.send(encode(CLOSE, frame.payload))
                return
    swallow(connection, request)


def ping_and_swallow(connection, request):
    """Reads, sends a ping, and when its pong has come the text "pong" and the next ping.

    ?id=X: reads nothing before /go.
    """
    connection.send(encode(PING, b"?"))
    if "id" in request.query:
        connection.limit_receive_buffer()
        GATES.wait(request)
    while (frame := connection.read_frame()).opcode != CLOSE:
        if frame.opcode == PONG:
            connection.send(encode(TEXT, b"pong") + encode(PING, b"?"))
    connection.send(encode(CLOSE, frame.payload))


def close_when_read(connection, request):
    """?code=N&reason=R: sends a close frame after the first frame; then like /close."""
    connection.read_frame()
    close(connection, request)


def flood(connection, request):
    """?n=N&size=S: sends N messages of S bytes before it starts reading; then echoes."""
    message = encode(BINARY, bytes(request.number("size", 65536)))
    for _ in range(request.number("n", 1000)):
        connection.send(message)
    echo(connection, request)


def ping_flood(connection, request):
    """?n=N: sends N pings and the text "done" before it starts reading; then echoes."""
    connection.limit_receive_buffer()
    for _ in range(request.number("n", 10_000)):
        connection.send(encode(PING, b"flood"))
    connection.send(encode(TEXT, b"done"))
    echo(connection, request)


def ping_without_reading(connection, request):
    """?id=X: sends a ping after the first /go, reads after the second; sends the text "pong" for
    the pong.
    """
    connection.limit_receive_buffer()
    GATES.wait(request)
    connection.send(encode(PING, b"late"))
    GATES.wait(request)
    while connection.read_frame().opcode != PONG:
        pass
    connection.send(encode(TEXT, b"pong"))
    echo(connection, request)


def close_without_reading(connection, request):
    """?id=X: sends a ping and a close frame after the first /go, reads after the second."""
    connection.limit_receive_buffer()
    GATES.wait(request)
    connection.send(encode(PING, b"late") + encode_close(1000))
    GATES.wait(request)
    connection.read_to_end()


def any_bytes(connection, request):
    """?hex=BYTES&n=N&then=echo|fin|rst|stall: sends the bytes N times, which need not be frames.

    With &first=BYTES, these before.
    """
    repeated = bytes.fromhex(request.query["hex"]) * request.number("n", 1)
    connection.send(bytes.fromhex(request.query.get("first", "")) + repeated)
    {"echo": echo, "fin": end, "rst": reset, "stall": stall}[request.query.get("then", "echo")](
        connection, request
    )


def claim(connection, request):
    """?len=N: announces a frame of N bytes, and sends 100 of them."""
    connection.send(encode(BINARY, bytes(100), length=request.number("len", 1 << 62)))
    echo(connection, request)


def end(connection, request):
    pass


def reset(connection, request):
    connection.reset()


def end_in_message(connection, request):
    connection.send(encode(BINARY, bytes(100), length=1000))


def reset_in_message(connection, request):
    connection.send(encode(BINARY, bytes(100), length=1000))
    connection.reset()


def close(connection, request):
    """?code=N&reason=R: sends a close frame (empty for code 0), and waits for the client's."""
    send_close(connection, request)
    wait_for_close(connection)


def close_and_hold(connection, request):
    """Like /close, but never closes the TCP connection."""
    send_close(connection, request)
    connection.read_to_end()


def close_then_data(connection, request):
    """Like /close, with three messages right after the close frame."""
    connection.send(close_frame(request) + encode(TEXT, b"late") * 3)
    wait_for_close(connection)


def close_then_reset(connection, request):
    send_close(connection, request)
    connection.reset()


def send_close(connection, request):
    connection.send(close_frame(request))


def close_frame(request):
    return encode_close(request.number("code", 1000), request.query.get("reason", ""))


def wait_for_close(connection):
    while connection.read_frame().opcode != CLOSE:
        pass


def answer_close_and_hold(connection, request):
    """Echoes, including the client's close frame, but never closes the TCP connection."""
    echo(connection, request)
    connection.read_to_end()


def no_close_reply(connection, request):
    """Echoes, but does not answer a close frame."""
    echo_until_close(connection, connection.send)
    connection.read_to_end()


CONVERSATIONS = {
    "/echo": echo,
    "/head": send_head,
    "/describe": describe,
    "/drip-echo": drip_echo,
    "/slow-read": slow_read,
    "/stall": stall,
    "/stall-then-echo": stall_then_echo,
    "/stall-once": stall_once,
    "/swallow": swallow,
    "/empty-pongs": empty_pongs,
    "/read-by-gates": read_by_gates,
    "/ping-and-swallow": ping_and_swallow,
    "/close-when-read": close_when_read,
    "/flood": flood,
    "/ping-flood": ping_flood,
    "/ping-without-reading": ping_without_reading,
    "/close-without-reading": close_without_reading,
    "/frame": any_bytes,
    "/claim": claim,
    "/eof-after-101": end,
    "/rst-after-101": reset,
    "/fin-mid": end_in_message,
    "/rst-mid": reset_in_message,
    "/close": close,
    "/close-hold": close_and_hold,
    "/close-data": close_then_data,
    "/close-rst": close_then_reset,
    "/answer-close-hold": answer_close_and_hold,
    "/no-close-reply": no_close_reply,
}
