# SPDX-License-Identifier: Apache-2.0
"""Faults of SOCKS5 (RFC 1928, RFC 1929) and SOCKS4 proxies: listener -> function."""

import socket
import struct

NO_AUTHENTICATION, USER_PASSWORD, NO_METHOD = 0, 2, 255
IPV4, NAME, IPV6 = 1, 3, 4
BOUND_PORT = struct.pack("!H", 4660)
BOUND_IPV4 = bytes([IPV4, 127, 0, 0, 1]) + BOUND_PORT
BOUND_NAME = bytes([NAME, 9]) + b"localhost" + BOUND_PORT
BOUND_IPV6 = bytes([IPV6]) + socket.inet_pton(socket.AF_INET6, "::1") + BOUND_PORT


def reply5(code, bound=BOUND_IPV4):
    return bytes([5, code, 0]) + bound


def socks5_tunnel(bound=BOUND_IPV4):
    def fault(client):
        if authenticate(client):
            client.tunnel(*read_request5(client), reply5(0, bound), reply5(4))

    return fault


def socks5_answer(reply):
    def fault(client):
        if authenticate(client):
            read_request5(client)
            end_with(client, reply)

    return fault


def authenticate(client):
    """Requests user name and password if the client offers that, and accepts any."""
    methods = read_greeting(client)
    if USER_PASSWORD in methods:
        client.send(bytes([5, USER_PASSWORD]))
        read_credentials(client)
        client.send(bytes([1, 0]))
    elif NO_AUTHENTICATION in methods:
        client.send(bytes([5, NO_AUTHENTICATION]))
    else:
        end_with(client, bytes([5, NO_METHOD]))
        return False
    return True


def read_greeting(client):
    client.begin_request()
    version, count = client.read(2)
    methods = client.read(count)
    client.note(version=version, methods=list(methods))
    return methods


def read_credentials(client):
    _, length = client.read(2)
    user = client.read(length)
    password = client.read(*client.read(1))
    client.note(user=user.decode("latin-1"), password=password.decode("latin-1"))


def read_request5(client):
    _, _, _, kind = client.read(4)
    if kind == IPV4:
        host = socket.inet_ntop(socket.AF_INET, client.read(4))
    elif kind == IPV6:
        host = socket.inet_ntop(socket.AF_INET6, client.read(16))
    else:
        host = client.read(*client.read(1)).decode("latin-1")
    (port,) = struct.unpack("!H", client.read(2))
    client.note(type=kind, host=host, port=port)
    return host, port


def socks5_hang(client):
    read_greeting(client)
    client.read_to_end()


def socks5_close(client):
    read_greeting(client)


def socks5_no_method(client):
    read_greeting(client)
    end_with(client, bytes([5, NO_METHOD]))


def socks5_bad_version(client):
    read_greeting(client)
    end_with(client, bytes([4, NO_AUTHENTICATION]))


def socks5_auth_fail(client):
    if USER_PASSWORD in read_greeting(client):
        client.send(bytes([5, USER_PASSWORD]))
        read_credentials(client)
        end_with(client, bytes([1, 1]))
    else:
        end_with(client, bytes([5, NO_METHOD]))


def socks5_drip(client):
    client.dripping = True
    socks5_tunnel()(client)


def reply4(code, version=0):
    return bytes([version, code]) + bytes(6)


def socks4_tunnel(client):
    client.tunnel(*read_request4(client), reply4(90), reply4(91))


def socks4_answer(reply):
    def fault(client):
        read_request4(client)
        end_with(client, reply)

    return fault


def socks4_hang(client):
    read_request4(client)
    client.read_to_end()


def read_request4(client):
    """Also SOCKS4a: an address 0.0.0.x means that a name follows."""
    client.begin_request()
    version, _, port = struct.unpack("!BBH", client.read(4))
    address = client.read(4)
    user = client.read_through(b"\0")[:-1].decode("latin-1")
    host = socket.inet_ntoa(address)
    has_name = address[:3] == bytes(3) and address[3] != 0
    if has_name:
        host = client.read_through(b"\0")[:-1].decode("latin-1")
    client.note(version=version, user=user, host=host, port=port, has_name=has_name)
    return host, port


def end_with(client, answer):
    """Sends it and a FIN, and reads what the client still sends, so that no RST follows."""
    client.send(answer)
    client.socket.shutdown(socket.SHUT_WR)
    client.read_to_end()


SOCKS_FAULTS = {
    "socks5-record": socks5_tunnel(),  # no fault
    "socks5-domain": socks5_tunnel(BOUND_NAME),
    "socks5-ipv6": socks5_tunnel(BOUND_IPV6),
    "socks5-drip": socks5_drip,
    "socks5-hang": socks5_hang,
    "socks5-close": socks5_close,
    "socks5-no-method": socks5_no_method,
    "socks5-bad-version": socks5_bad_version,
    "socks5-auth-fail": socks5_auth_fail,
    "socks5-rep-2": socks5_answer(reply5(2)),
    "socks5-rep-5": socks5_answer(reply5(5)),
    "socks5-truncated": socks5_answer(reply5(0)[:5]),
    "socks4-record": socks4_tunnel,  # no fault
    "socks4-hang": socks4_hang,
    "socks4-rep-91": socks4_answer(reply4(91)),
    "socks4-bad-version": socks4_answer(reply4(90, version=5)),
    "socks4-truncated": socks4_answer(reply4(90)[:3]),
}
