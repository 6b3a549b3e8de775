# SPDX-License-Identifier: Apache-2.0
"""TLS for servers that misbehave: like a socket, but with control over the TLS records.

Python's SSLSocket sends no close_notify before a FIN, and cannot read after it.
"""

import contextlib
import ssl

from fault_connection import drip

MAX_READ = 1 << 16


class TlsSocket:
    """The methods of a socket that a Connection uses. Drips on request: one byte in each segment.
    """

    def __init__(self, accepted, pki, drip_milliseconds=None, version=ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = version
        context.load_cert_chain(pki / "server.pem", pki / "server.key")
        self._socket = accepted
        self._drip_milliseconds = drip_milliseconds
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.setsockopt = accepted.setsockopt
        self.getsockopt = accepted.getsockopt
        self.fileno = accepted.fileno
        self.close = accepted.close

    def recv(self, size):
        """Also empty when the client ends without close_notify."""
        try:
            return self._do(self._tls.read, size)
        except ssl.SSLEOFError:
            return b""

    def sendall(self, data):
        if data:
            self._do(self._tls.write, data)

    def send_with_finished(self, data):
        """Sends the end of the handshake of TLS 1.2 and the data in one segment."""
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._feed()
        self.sendall(data)

    def send_and_end(self, data):
        """Sends the data and a close_notify in one segment, but no FIN."""
        self._tls.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()

    def shutdown(self, how):
        """Sends a close_notify and a FIN."""
        # For the client's close_notify, which is read later.
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()
        self._socket.shutdown(how)

    def _do(self, step, *arguments):
        """Performs the handshake first if necessary."""
        while True:
            try:
                return step(*arguments)
            except ssl.SSLWantReadError:
                self._flush()
                self._feed()
            finally:
                self._flush()

    def _feed(self):
        data = self._socket.recv(MAX_READ)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _flush(self):
        data = self._outgoing.read()
        if self._drip_milliseconds is None:
            self._socket.sendall(data)
        else:
            drip(self._socket, data, self._drip_milliseconds)
