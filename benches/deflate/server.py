#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The other end of the benchmark. Prints its port; at the end of its input, the payload bytes that went over the wire.

usage: server.py compress|inflate LEVEL MESSAGES SIZE

compress: counts as many messages as the path says without decoding them, then reports it.
inflate: sends as many precompressed messages as the path says.
"""

import base64
import hashlib
import itertools
import pathlib
import socket
import sys
import threading
import zlib

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FIN_TEXT = 0x81
RSV1 = 0x40


def main():
    work, level, messages, size = sys.argv[1:]
    payloads = compressed(pathlib.Path(messages).read_bytes(), int(size), int(level))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    wire = []
    threading.Thread(target=serve, args=(listener, work, payloads, wire), daemon=True).start()
    sys.stdin.read()
    print(sum(wire))


def compressed(text, size, level):
    """Each message on its own (RFC 7692 section 7.2.1)."""
    payloads = []
    for start in range(0, len(text), size):
        context = zlib.compressobj(level, wbits=-15)
        payload = context.compress(text[start : start + size]) + context.flush(zlib.Z_SYNC_FLUSH)
        payloads.append(payload[:-4])
    return payloads


def serve(listener, work, payloads, wire):
    while True:
        connection, _ = listener.accept()
        with connection:
            stream = connection.makefile("rb", buffering=1 << 20)
            count = shake_hands(connection, stream)
            if work == "compress":
                wire.append(count_messages(stream, count))
                connection.sendall(frame(FIN_TEXT, b"done"))
            else:
                wire.append(send_messages(connection, payloads, count))
            stream.read()


def shake_hands(connection, stream):
    """Returns the number in the path."""
    request = stream.readline()
    fields = {}
    for line in iter(stream.readline, b"\r\n"):
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip()
    accept = base64.b64encode(hashlib.sha1(fields[b"sec-websocket-key"] + GUID).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    return int(request.split()[1].strip(b"/"))


def count_messages(stream, count):
    total = 0
    while count > 0:
        first, second = stream.read(2)
        length = second & 0x7F
        if length >= 126:
            length = int.from_bytes(stream.read(2 if length == 126 else 8), "big")
        stream.read(4 + length)
        total += length
        # Fragments are parts of one message; control frames are not.
        count -= first >> 7 if first & 0x0F < 8 else 0
    return total


def send_messages(connection, payloads, count):
    frames = [frame(FIN_TEXT | RSV1, payload) for payload in payloads]
    batch = b"".join(frames)
    for _ in range(count // len(frames)):
        connection.sendall(batch)
    for rest in itertools.islice(frames, count % len(frames)):
        connection.sendall(rest)
    return sum(len(payload) for payload in payloads) * count // len(payloads)


def frame(first, payload):
    length = len(payload)
    if length < 126:
        return bytes([first, length]) + payload
    if length < 65536:
        return bytes([first, 126]) + length.to_bytes(2, "big") + payload
    return bytes([first, 127]) + length.to_bytes(8, "big") + payload


if __name__ == "__main__":
    main()
