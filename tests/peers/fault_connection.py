# SPDX-License-Identifier: Apache-2.0
"""One connection of the misbehaving server: bytes out, requests and frames in, a journal entry.

Reading is unbuffered on purpose: data that a fault does not read stays in the kernel, so that a
server that "does not read" really does not.
"""

import select
import socket
import struct
import time
import urllib.parse
from typing import NamedTuple, Optional

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
RSV1 = 4
NO_STATUS = 1005
MAX_READ = 1 << 16


class ClientLeft(Exception):
    """The client ended its side with a FIN."""


class ServerReset(Exception):
    """The server sent an RST, so the client's further actions cannot be observed."""


class Request(NamedTuple):
    head: str
    target: str
    headers: dict

    @property
    def path(self):
        return urllib.parse.urlsplit(self.target).path

    @property
    def query(self):
        return dict(self.parameters())

    def parameters(self):
        return urllib.parse.parse_qsl(urllib.parse.urlsplit(self.target).query)

    def all(self, name):
        """The values of a parameter that may occur several times."""
        return [value for key, value in self.parameters() if key == name]

    def number(self, name, default):
        return int(self.query.get(name, default))


class Frame(NamedTuple):
    fin: bool
    opcode: int
    payload: bytes
    rsv: int  # RSV1 and the others, as bits
    key: Optional[bytes]  # None if the frame was unmasked


def encode(opcode, payload=b"", fin=True, length=None, rsv=0):
    """A frame as servers send it; its header may announce a length that differs from the payload.
    """
    length = len(payload) if length is None else length
    return encode_header(opcode, length, fin, rsv) + payload


def encode_header(opcode, length, fin=True, rsv=0):
    first = fin << 7 | rsv << 4 | opcode
    if length < 126:
        return struct.pack("!BB", first, length)
    if length < 1 << 16:
        return struct.pack("!BBH", first, 126, length)
    return struct.pack("!BBQ", first, 127, length)


def encode_close(code, reason=""):
    return encode(CLOSE, struct.pack("!H", code) + reason.encode() if code else b"")


class Connection:
    def __init__(self, accepted):
        self.socket = accepted
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pause_after_read = 0
        self.mask_keys = set()
        self.entry = {
            "path": None,
            "masked": None,  # whether every frame was masked
            "mask_keys": 0,  # the number of different keys
            "frames": 0,
            "compressed": 0,  # of these, those with RSV1
            "pongs": 0,
            "close": None,  # the code; NO_STATUS when there was none
            "after_close": 0,  # frames received after the close frame
            "end": None,  # fin, rst, or server when the server reset the connection
        }

    def read_request(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._read(1)
        request_line, *lines = head.decode("latin-1").split("\r\n")
        fields = (line.split(":", 1) for line in lines if line)
        request = Request(
            head.decode("latin-1"),
            request_line.split()[1],
            {name.lower(): value.strip() for name, value in fields},
        )
        self.entry["path"] = request.path
        return request

    def send(self, data):
        self.socket.sendall(data)

    def drip(self, data, milliseconds):
        drip(self.socket, data, milliseconds)

    def read_frame(self):
        first, second = self._read(2)
        length = second & 127
        if length == 126:
            (length,) = struct.unpack("!H", self._read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._read(8))
        key = self._read(4) if second & 128 else None
        payload = self._read(length)
        if key:
            payload = self.unmask(key, payload)
        frame = Frame(bool(first & 128), first & 15, payload, first >> 4 & 7, key)
        self._record(frame)
        return frame

    def read_to_end(self):
        """Reads and records frames; returns by raising an exception for the client's end."""
        while True:
            self.read_frame()

    def finish(self):
        """Sends a FIN, and waits for the client to end."""
        self.socket.shutdown(socket.SHUT_WR)
        self.read_to_end()

    def reset(self):
        reset(self.socket)
        raise ServerReset

    def limit_receive_buffer(self):
        """Keeps the kernel from buffering megabytes for a server that reads little."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MAX_READ)

    def wait_without_reading(self):
        poll = select.poll()
        poll.register(self.socket, getattr(select, "POLLRDHUP", 0))
        poll.poll()
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise ConnectionResetError
        raise ClientLeft

    @staticmethod
    def unmask(key, payload):
        size = len(payload)
        stream = (key * (size // 4 + 1))[:size]
        whole = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
        return whole.to_bytes(size, "big")

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.socket.recv(min(size - len(data), MAX_READ))
            if not part:
                raise ClientLeft
            data += part
            if self.pause_after_read:
                time.sleep(self.pause_after_read * len(part))
        return bytes(data)

    def _record(self, frame):
        entry = self.entry
        self.mask_keys.add(frame.key)
        entry["masked"] = None not in self.mask_keys
        entry["mask_keys"] = len(self.mask_keys) - (None in self.mask_keys)
        entry["frames"] += 1
        entry["compressed"] += frame.rsv == RSV1
        entry["pongs"] += frame.opcode == PONG
        entry["after_close"] += entry["close"] is not None
        if frame.opcode == CLOSE and entry["close"] is None:
            has_code = len(frame.payload) >= 2
            entry["close"] = int.from_bytes(frame.payload[:2], "big") if has_code else NO_STATUS


def drip(stream, data, milliseconds):
    """Sends each byte in its own segment if the socket has TCP_NODELAY."""
    for i in range(len(data)):
        stream.sendall(data[i : i + 1])
        time.sleep(milliseconds / 1000)


def reset(stream):
    """Ends the connection with an RST."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()
