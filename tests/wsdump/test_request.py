#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The contents of the request."""

import base64
import pathlib
import tempfile
import unittest
import urllib.parse

from harness import Test, url

HEAD = url("FAULTS", "/head")


class Request(Test):
    def head(self, *words, server=HEAD):
        """The request lines that the server received."""
        result = self.run_program("-rc1", *words, server)
        return result.out.decode().splitlines()

    def file(self, content):
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (directory / "secret").write_text(content)
        return f"@{directory / 'secret'}"

    def test_headers(self):
        words = ["-H", "X-One: a, b", "--header", "X-One:c", "--headers", "X-Two: d ,X-Three:e"]
        head = self.head(*words)
        for line in ("X-One: a, b", "X-One: c", "X-Two: d", "X-Three: e"):
            self.assertIn(line, head)

    def test_headers_that_have_their_own_options(self):
        lines = ["Host: example.com", "origin: https://example.com", "Cookie: a=b"]
        lines += ["Connection: keep-alive, Upgrade", "Sec-WebSocket-Protocol: one,two"]
        head = self.head(*(word for line in lines for word in ("-H", line)))
        for line in lines:
            name, _, value = line.lower().partition(": ")
            matching = [each for each in head if each.lower().startswith(f"{name}: ")]
            self.assertEqual(len(matching), 1, head)
            self.assertEqual(
                matching[0].partition(": ")[2].lower().replace(", ", ","), value.replace(", ", ",")
            )

    def test_user_agent(self):
        def agents(*words):
            return [line for line in self.head(*words) if line.lower().startswith("user-agent:")]

        version = self.run_program("--version").out.decode().split()[1].rstrip(",")
        self.assertEqual(agents(), [f"User-Agent: wsdump/{version}"])
        self.assertEqual(agents("-H", "user-agent: me/1"), ["user-agent: me/1"])
        self.assertEqual(agents("--headers", "User-Agent:me/1,A:b"), ["User-Agent: me/1"])
        self.assertEqual(agents("-H", "User-Agent:"), [])

    def test_origin_and_host(self):
        for option in ("-o", "--origin"):
            self.assertIn("Origin: https://a.example", self.head(option, "https://a.example"))
        self.assertEqual([line for line in self.head("--no-origin") if "Origin" in line], [])
        self.assertIn("Host: a.example", self.head("--host", "a.example"))

    def test_subprotocols(self):
        words = ["-jc1", "-t", "hello", "-s", "other", "chat.v2,chat.v1", url("WEBSOCKETS")]
        self.assertEqual(self.run_program(*words).events[0]["subprotocol"], "chat.v2")
        words = ["-vc1", "-t", "hello", "--subprotocols=chat.v1", url("WEBSOCKETS")]
        result = self.run_program(*words)
        self.assertRegex(result.lines[0], r"^open: .*, chat\.v1$")
        self.assertEqual(result.err, "")

    def test_no_subprotocol_is_selected(self):
        message = "wsdump: the server selected none of the offered subprotocols\n"
        for words in (["-s", "other"], ["-j", "-H", "Sec-WebSocket-Protocol: other"]):
            self.assertEqual(self.run_program(*words, url("WEBSOCKETS")).err, message)
        self.assertEqual(self.run_program("-s", "-v", url("WEBSOCKETS")).err, "")

    def test_authentication(self):
        basic = "Authorization: Basic " + base64.b64encode(b"me:a:b").decode()
        for value in ("me:a:b", self.file("me:a:b\r\nmore")):
            self.assertIn(basic, self.head("-u", value))
            self.assertIn(basic, self.head("--user", value))
        self.assertIn(basic, self.head(server=HEAD.replace("://", "://me:a%3Ab@")))
        alone = "Authorization: Basic " + base64.b64encode(b"me:").decode()
        self.assertIn(alone, self.head("--user", "me"))
        for value in ("abc.def", self.file("abc.def\n")):
            self.assertIn("Authorization: Bearer abc.def", self.head("--bearer", value))

    def test_cookies(self):
        self.assertIn("Cookie: a=b; c=d", self.head("--cookie", "a=b; c=d"))

    def test_cookies_that_a_redirect_sets(self):
        to = urllib.parse.urlencode({"to": "/head", "cookie": "a=b"})
        server = url("FAULTS", f"/redirect?{to}")
        self.assertIn("Cookie: a=b", self.head("--keep-cookies", server=server))
        self.assertEqual([line for line in self.head(server=server) if "Cookie" in line], [])

    def test_redirects(self):
        server = url("FAULTS", "/redirect?to=/head&n=4")
        self.run_program(server, status=7)
        self.assertIn("GET /head HTTP/1.1", self.head("--max-redirects", "4", server=server))
        self.run_program("--max-redirects=0", url("FAULTS", "/redirect?to=/head"), status=7)

    def test_compression(self):
        offers = [line for line in self.head("--deflate") if "permessage-deflate" in line]
        self.assertEqual(len(offers), 1)
        self.assertEqual([line for line in self.head() if "permessage-deflate" in line], [])
        agreeing = url("FAULTS", "/unasked-extension")
        self.run_program(agreeing, status=7)
        words = ["-jc1", "-t", "short", "--deflate", agreeing]
        opened, text, _ = self.run_program(*words).events
        self.assertEqual((opened["extensions"], text["text"]), ("permessage-deflate", "short"))

    def test_address_families(self):
        self.assertIn("GET /head HTTP/1.1", self.head("-4"))
        self.assertIn("GET /head HTTP/1.1", self.head("--ipv4"))
        for option in ("-6", "--ipv6"):
            self.run_program(option, HEAD, status=3)


if __name__ == "__main__":
    unittest.main()
