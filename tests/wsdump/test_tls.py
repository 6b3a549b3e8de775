#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Verification of server certificates, and client certificates."""

import pathlib
import tempfile
import unittest

from harness import CA, PKI, Test, url

SERVER = url("WEBSOCKETS_TLS")
WRONG_HOST = url("TLS_WRONGHOST")
ASKS_FOR_CERTIFICATE = url("TLS_CLIENTCERT")


class Tls(Test):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def assert_echoes(self, *words):
        result = self.run_program("-c1", "-t", "hello", *words)
        self.assertEqual(result.lines, ["hello"])

    def test_certificate_authorities(self):
        self.assert_echoes("--cacert", CA, SERVER)
        result = self.run_program("--cacert", f"{PKI}/ca2.pem", SERVER, status=6)
        self.assertRegex(result.err, "^wsdump: certificate of localhost rejected: ")
        result = self.run_program("--cacert", "/none", SERVER, status=2)
        self.assertIn("/none", result.err)

    def test_https_means_wss(self):
        server = SERVER.replace("wss://", "https://")
        result = self.run_program("--cacert", CA, server)
        self.assertEqual(result.err, "wsdump: https:// in the URL: assuming wss://\n")

    def test_no_verification(self):
        for option in ("-n", "--nocert", "-k", "--insecure"):
            self.assert_echoes(option, SERVER)
            self.assert_echoes(option, WRONG_HOST)

    def test_server_name(self):
        self.run_program("--cacert", CA, WRONG_HOST, status=6)
        self.assert_echoes("--cacert", CA, "--server-name", "wrong.invalid", WRONG_HOST)

    def test_client_certificate(self):
        words = ["--cacert", CA, ASKS_FOR_CERTIFICATE]
        self.run_program(*words, status=3)  # this server rejects by closing the connection
        words += ["--cert", f"{PKI}/client.pem"]
        self.assert_echoes(*words, "--key", f"{PKI}/client.key")
        both = self.directory / "both.pem"
        parts = [pathlib.Path(PKI, f"client.{end}").read_text() for end in ("pem", "key")]
        both.write_text("".join(parts))
        self.assert_echoes("--cacert", CA, "--cert", str(both), ASKS_FOR_CERTIFICATE)

    def test_encrypted_key(self):
        words = ["--cacert", CA, "--cert", f"{PKI}/client.pem", ASKS_FOR_CERTIFICATE]
        words += ["--key", f"{PKI}/client-encrypted.key"]
        self.run_program(*words, status=2)
        self.run_program(*words, "--key-password", "wrong", status=2)
        self.assert_echoes(*words, "--key-password", "secret")
        (self.directory / "password").write_text("secret\n")
        self.assert_echoes(*words, f"--key-password=@{self.directory}/password")

    def test_key_log(self):
        log = self.directory / "keys"
        self.assert_echoes("--cacert", CA, "--keylog", str(log), SERVER)
        self.assertIn("CLIENT_TRAFFIC_SECRET_0 ", log.read_text())


if __name__ == "__main__":
    unittest.main()
