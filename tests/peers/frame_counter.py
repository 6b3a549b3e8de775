# SPDX-License-Identifier: Apache-2.0
"""Counts a client's frames in the bytes that it sends, independently of any library."""

import json

CLOSE = 8
TEXT, BINARY = 1, 2


class FrameCounter:
    def __init__(self):
        self._header = bytearray()
        self._payload_left = 0
        self.counts = {
            "messages": 0,
            "compressed": 0,  # of these, those with RSV1
            "frames": 0,  # of messages
            "pings_and_pongs": 0,
            "wire_bytes": 0,  # payloads of messages, as received
        }

    def feed(self, data):
        at = 0
        while at < len(data):
            if self._payload_left > 0:
                skipped = min(self._payload_left, len(data) - at)
                self._payload_left -= skipped
            else:
                skipped = 1
                self._header += data[at : at + 1]
                self._end_header()
            at += skipped

    def report(self, offered, agreed):
        """The line of JSON that answers the text "report", which is counted, too."""
        return json.dumps({"offered": offered, "agreed": agreed} | self.counts)

    def _end_header(self):
        header = self._header
        if len(header) < 2:
            return
        short = header[1] & 127
        extended = {126: 2, 127: 8}.get(short, 0)
        if len(header) < 2 + extended + 4:  # clients mask
            return
        length = int.from_bytes(header[2 : 2 + extended], "big") if extended else short
        self._count(header[0] & 15, bool(header[0] & 64), length)
        self._payload_left = length
        header.clear()

    def _count(self, opcode, rsv1, length):
        if opcode >= CLOSE:
            self.counts["pings_and_pongs"] += opcode > CLOSE
            return
        self.counts["messages"] += opcode in (TEXT, BINARY)
        self.counts["compressed"] += rsv1
        self.counts["frames"] += 1
        self.counts["wire_bytes"] += length
