#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every kind of proxy, set by an option or by the environment."""

import unittest

from harness import CA, Test, url

ECHO = url("WEBSOCKETS")
ECHO_TLS = url("WEBSOCKETS_TLS")
NOBODY = "http://127.0.0.1:1"


def proxy(name, scheme=None, user=None):
    """The URL of a proxy, optionally with another scheme, user and password."""
    own_scheme, _, rest = url(name, "").partition("://")
    return f"{scheme or own_scheme}://{user + '@' if user else ''}{rest}"


class Proxy(Test):
    def assert_echoes(self, *words, server=ECHO, environment=None):
        words = ["-c1", "-t", "hello", "--cacert", CA, *words, server]
        result = self.run_program(*words, environment=environment)
        self.assertEqual(result.lines, ["hello"])

    def test_kinds(self):
        for server in (ECHO, ECHO_TLS):
            for each in (
                proxy("TINYPROXY"),
                proxy("TINYPROXY").removeprefix("http://"),
                proxy("TINYPROXY_AUTH", user="user:secret"),
                proxy("SQUID_TLS"),
                proxy("TLS_PROXY_AUTH", user="user:secret"),
                proxy("MICROSOCKS"),
                proxy("MICROSOCKS", "socks5h"),
                proxy("MICROSOCKS_AUTH", user="user:secret"),
                proxy("DANTE", "socks4"),
                proxy("SSH_SOCKS"),
            ):
                with self.subTest(each, server=server):
                    self.assert_echoes("--proxy", each, server=server)

    def test_the_proxy_resolves_names_if_its_type_does(self):
        server = ECHO.replace("127.0.0.1", "proxy-only.test")
        for name, scheme in (("TINYPROXY", "http"), ("MICROSOCKS", "socks5h")):
            self.assert_echoes("-p", proxy(name, scheme), server=server)
        self.run_program("-p", proxy("MICROSOCKS", "socks5"), server, status=3)

    def test_rejected_credentials(self):
        for each in (
            proxy("TINYPROXY_AUTH"),
            proxy("TINYPROXY_AUTH", user="user:wrong"),
            proxy("MICROSOCKS_AUTH", user="user:wrong"),
        ):
            with self.subTest(each):
                result = self.run_program("-jp", each, ECHO, status=4)
                self.assertEqual(result.events[0]["phase"], "proxy")
                self.assertNotIn("wrong", result.err)

    def test_environment(self):
        self.run_program(ECHO, environment={"http_proxy": NOBODY}, status=3)
        self.assert_echoes("--no-proxy", environment={"http_proxy": NOBODY})
        self.assert_echoes("-p", proxy("TINYPROXY"), environment={"http_proxy": NOBODY})
        self.assert_echoes(environment={"http_proxy": NOBODY, "no_proxy": "127.0.0.1"})
        self.assert_echoes(environment={"all_proxy": proxy("MICROSOCKS")})


if __name__ == "__main__":
    unittest.main()
