#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line, --help, and whether the manual, --help and the tests cover the same options."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

from harness import Test, url

HERE = pathlib.Path(__file__).parent
MANUAL = pathlib.Path(os.environ["WSDUMP_MANUAL"])
SERVER = url("WEBSOCKETS")
STATUSES = [str(number) for number in range(13)] + ["128+N"]


class Words(Test):
    def test_invalid_arguments_are_reported_in_one_line(self):
        for words, message in {
            (): "no URL; see wsdump --help",
            (SERVER, SERVER): "more than one URL",
            ("ftp://localhost/",): r'URL "ftp://localhost/" .*',
            ("http://",): r'URL "http://" .*',
            ("8080",): r'URL "8080" has no scheme',
            ("wss:localhost",): r'URL "wss:localhost" lacks .*; did you mean wss://localhost/\?',
            ("::1",): r'URL "::1" has no scheme; did you mean ws://\[::1\]/\?',
            (SERVER, "--nonsense"): "unknown option --nonsense; see wsdump --help",
            (SERVER, "--" + "x" * 99): "unknown option --x+; see wsdump --help",
            (SERVER, "-x"): "unknown option -x; see wsdump --help",
            (SERVER, "-ö"): r"unknown option -\\xc3; see wsdump --help",
            (SERVER, "--no"): "ambiguous option --no",
            (SERVER, "--text"): "--text needs a value: TEXT",
            (SERVER, "--binary=yes"): "--binary takes no value",
            (SERVER, "--count", "0"): "--count: not a number of messages",
            (SERVER, "--count", "-1"): "--count: not a number of messages",
            (SERVER, "--timeout", "soon"): "--timeout: not a number of seconds",
            (SERVER, "--delay", "soon"): "--delay: not a number of seconds",
            (SERVER, "--close-timeout", "soon"): "--close-timeout: not a number of seconds",
            (SERVER, "--max-time", "1.2.3"): "--max-time: not a number of seconds",
            (SERVER, "--eof-wait", "never"): "--eof-wait: neither a number of seconds nor forever",
            (SERVER, "--max-size", "1T"): "--max-size: not a number of bytes",
            (SERVER, "--max-redirects", "x"): "--max-redirects: not a number of redirects",
            (SERVER, "--reconnect=x"): "--reconnect: not a number of attempts",
            (SERVER, "--verbose=x"): r"--verbose: not a level \(0, 1 or 2\)",
            (SERVER, "--bytes", "octal"): "--bytes: not one of escaped, hex, base64",
            (SERVER, "--hex", "0"): "--hex: not pairs of hexadecimal digits",
            (SERVER, "--text", b"\xff"): "--text: not UTF-8",
            (SERVER, "--ping=" + "x" * 126): "--ping: a ping has at most 125 bytes",
            (SERVER, "--file", "/none"): "--file: /none: No such file or directory",
            (SERVER, "--header", "no colon"): "--header: not a header line .*",
            (SERVER, "--header", "Upgrade: x"): "--header: argument `name` .*",
            (SERVER, "--headers", "A: 1,B"): "--headers: not a header line .*",
            (SERVER, "--subprotocols=a,a"): "--subprotocols: argument `name` .*",
            (SERVER, "--proxy", "ftp://x"): "--proxy: .*",
            (SERVER, "--user", "@/none"): "--user: /none: No such file or directory",
            (SERVER, "--bearer", "a b"): "--bearer: argument `token` .*",
            (SERVER, "--chunks=0"): "--chunks: not a number of bytes from 1 to 1G",
            (SERVER, "--chunks=2G"): "--chunks: not a number of bytes from 1 to 1G",
            (SERVER, "--chunks", "--slash"): "--chunks and --slash cannot be combined",
            (SERVER, "--raw", "--json"): "--raw and --json cannot be combined",
            (SERVER, "--no-newline"): "--no-newline needs --raw",
            (SERVER, "--proxy", "http://x", "--no-proxy"): "--proxy and --no-proxy cannot .*",
            (SERVER, "--ipv4", "--ipv6"): "--ipv4 and --ipv6 cannot be combined",
            (SERVER, "--ping-timeout", "1"): "argument `timeout_ms` .*",
        }.items():
            with self.subTest(words):
                result = self.run_program(*words, status=2)
                self.assertRegex(result.err, f"^wsdump: (?:{message})\n$")
                self.assertEqual(result.out, b"")

    def test_the_nearest_option_is_suggested(self):
        for word, message in {
            "--tmeout=1": "--tmeout: did you mean --timeout?",
            "--Binary": "--Binary: did you mean --binary?",
            "--closetimeout": "--closetimeout: did you mean --close-timeout?",
            "--rwa": "--rwa: did you mean --raw?",
            "--timestamps": "--timestamps; see wsdump --help",
            "--header-s": "--header-s: did you mean --headers?",
            "-C": "-C: did you mean -c?",
            "-rT": "-T: did you mean -t?",
            "-help": "-help: did you mean --help?",
            "-verison": "-verison: did you mean --version?",
        }.items():
            with self.subTest(word):
                result = self.run_program(word, SERVER, status=2)
                self.assertEqual(result.err, f"wsdump: unknown option {message}\n")

    def test_secrets_are_not_repeated(self):
        for words in (
            ("--user", "a\rSECRET"),
            ("--bearer", "SECRET "),
            ("--bearr=SECRET",),
            ("-bearer=SECRET",),
            ("--key-password", "@/x"),
        ):
            with self.subTest(words):
                self.assertNotIn("SECRET", self.run_program(*words, SERVER, status=2).err)

    def test_assumptions_about_the_url_are_reported(self):
        address = SERVER.removeprefix("ws://")
        no_scheme = "wsdump: no scheme in the URL: assuming ws://, without TLS\n"
        http = "wsdump: http:// in the URL: assuming ws://\n"
        for word, message in {
            address: no_scheme,
            address.removesuffix("/"): no_scheme,
            "me:SECRET@" + address + "?next=ws://host/": no_scheme,
            "http://" + address: http,
            "HTTP://" + address: http,
            SERVER: "",
        }.items():
            with self.subTest(word):
                self.assertEqual(self.run_program(word).err, message)
        self.assertEqual(self.run_program("--quiet", address).err, "")
        result = self.run_program("--json", address)
        self.assertEqual([event["event"] for event in result.events], ["open", "close"])

    def test_options_with_an_optional_value_do_not_take_the_url(self):
        for words in (
            ["-v", SERVER],
            ["-vv", SERVER],
            ["-v", "1", SERVER],
            ["-v", "vv", SERVER],
            ["--verbose=1", SERVER],
            ["-s", SERVER],
            ["-s", "chat.v1", SERVER],
            ["-s", "chat.v1", "chat.v2", SERVER],
            ["-schat.v1", SERVER],
            ["-rvs", "chat.v1,chat.v2", "-n", SERVER],
            ["--ping", SERVER],
            ["--reconnect", SERVER],
            ["--chunks", SERVER],
            [SERVER, "-s", "a", "b"],
            ["-b", "--", SERVER],
        ):
            with self.subTest(words):
                self.run_program(*words)

    def test_verbosity_levels_add_up(self):
        for words, level in {
            ("-v",): 1,
            ("--verbose",): 1,
            ("-v1",): 1,
            ("-v", "0"): 0,
            ("-vv",): 2,
            ("-v", "v"): 2,
            ("-v", "-v"): 2,
            ("-v", "2"): 2,
        }.items():
            with self.subTest(words):
                result = self.run_program("-t", "hello", "-c", "1", SERVER, *words)
                self.assertEqual("text: hello" in result.lines, level > 0)
                self.assertEqual("Sec-WebSocket-Key" in result.err, level > 1)

    def test_long_names_may_be_abbreviated(self):
        result = self.run_program("--te", "hello", "--cou=1", "--verb", SERVER)
        self.assertIn("text: hello", result.lines)

    def test_version_names_the_library_and_the_editor(self):
        for word in ("-V", "--version"):
            line = self.run_program(word).out.decode()
            self.assertRegex(line, r"^wsdump \S+, libwsline \S+ with TLS, line editing: \w+\n$")


class Documentation(Test):
    def setUp(self):
        super().setUp()
        self.help = self.run_program("--help").out.decode()
        self.assertEqual(self.run_program("-h").out.decode(), self.help)
        self.names = set(re.findall(r"(?m)^  (?:-., |    )--([a-z0-9-]+)", self.help))
        self.assertGreater(len(self.names), 40)
        self.manual = MANUAL.read_text().replace("\\-", "-")

    def test_the_manual_has_all_options_and_no_others(self):
        in_manual = set(re.findall(r"Fl -([a-z0-9-]+)", self.manual))
        self.assertEqual(in_manual, self.names)

    def test_the_manual_has_the_same_letters(self):
        for letter, name in re.findall(r"(?m)^  -(.), --([a-z0-9-]+)", self.help):
            entry = rf"(?m)^\.It Fl {letter}[^\n]*(?:, )?Fl -{name}\b"
            self.assertRegex(self.manual, entry)

    def test_the_manual_has_all_exit_statuses(self):
        section = self.manual.partition(".Sh EXIT STATUS")[2].partition(".Sh ")[0]
        self.assertEqual(re.findall(r"(?m)^\.It (\S+)$", section), STATUSES)

    def test_every_option_is_tested(self):
        tests = "".join(file.read_text() for file in HERE.glob("test_*.py"))
        untested = {name for name in self.names if not re.search(rf'"--{name}["=]', tests)}
        self.assertEqual(untested, set())

    def test_the_manual_is_well_formed(self):
        for command in (["mandoc", "-T", "lint"], ["groff", "-ww", "-mandoc", "-T", "utf8", "-z"]):
            if not shutil.which(command[0]):
                continue
            with self.subTest(command):
                done = subprocess.run([*command, MANUAL], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
