#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that completion works in bash and zsh and knows every option."""

import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from harness import ENVIRONMENT, WAIT_S, Test

COMPLETION = pathlib.Path(os.environ["WSDUMP_COMPLETION"])
BASH_FILE = COMPLETION / "wsdump.bash"
ZSH_FILE = COMPLETION / "_wsdump"
# Colours and cursor movement.
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Shell:
    """A shell on a terminal of its own."""

    def __init__(self, test, command, set_up):
        self._test = test
        self._seen = b""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execvpe(command[0], command, ENVIRONMENT | {"INPUTRC": "/dev/null"})
        test.addCleanup(self._end)
        # The quotes keep the echo of this line from matching.
        self.type(f"{set_up}; echo re''ady\r")
        self.expect("ready")

    def _end(self):
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def type(self, text):
        os.write(self._terminal, text.encode())

    def expect(self, text):
        deadline = time.monotonic() + WAIT_S
        while text.encode() not in self._seen:
            ready, _, _ = select.select([self._terminal], [], [], deadline - time.monotonic())
            self._test.assertTrue(ready, f"{text!r} did not appear: {self._seen}")
            self._seen = ESCAPES.sub(b"", self._seen + os.read(self._terminal, 4096))
        self._seen = b""

    def assert_completes(self, typed, rest):
        """Checks the completion, then deletes the line with Ctrl+U."""
        self.type(f"wsdump {typed}\t")
        self.expect(rest)
        self.type("\x15")


class Options(Test):
    """Reads the options from --help."""

    def setUp(self):
        super().setUp()
        options = self.run_program("--help").out.decode()
        self.letters = re.findall(r"(?m)^  -(.), --([a-z0-9-]+)", options)
        self.names = set(re.findall(r"(?m)^  (?:-., |    )--([a-z0-9-]+)", options))
        self.assertGreater(len(self.names), 40)
        self.values = set(re.findall(r"(?m)^  (?:-., |    )--([a-z0-9-]+) [A-Z]", options))


class Bash(Options):
    def replies(self, *words):
        """The completions of the last word, given the words as bash splits them."""
        script = '. "$0"; COMP_WORDS=(wsdump "$@"); COMP_CWORD=$#; _wsdump'
        script += r'; printf "%s\n" "${COMPREPLY[@]}"'
        command = ["bash", "--norc", "-c", script, BASH_FILE, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_all_options_are_offered_and_no_others(self):
        self.assertEqual({reply[2:] for reply in self.replies("--")}, self.names)
        self.assertEqual(self.replies("--close"), ["--close-timeout"])

    def test_values(self):
        for words, replies in {
            ("--bytes", ""): ["escaped", "hex", "base64"],
            ("--bytes", "=", "h"): ["hex"],
            ("--bytes", "="): ["escaped", "hex", "base64"],
            ("--eof-wait", "f"): ["forever"],
            ("-p", "socks5"): ["socks5://", "socks5h://"],
            ("--json", "ws"): ["ws://", "wss://", "ws+unix://"],
            ("--cacert", f"{COMPLETION}/_ws"): [str(ZSH_FILE)],
        }.items():
            with self.subTest(words):
                self.assertEqual(self.replies(*words), replies)

    def test_no_option_is_offered_for_a_value(self):
        letters = [letter for letter, name in self.letters if name in self.values]
        for word in [f"--{name}" for name in self.values] + [f"-{letter}" for letter in letters]:
            with self.subTest(word):
                self.assertEqual(self.replies(word, "--"), [])

    def test_on_a_terminal(self):
        shell = Shell(self, ["bash", "--norc", "--noprofile", "-i"], f". {BASH_FILE}")
        shell.assert_completes("--close-t", "imeout ")
        shell.assert_completes("--bytes b", "ase64 ")
        shell.assert_completes("--bytes=b", "ase64 ")
        shell.assert_completes("wss", "://")


class Files(Options):
    def test_zsh_offers_all_options_and_no_others(self):
        text = ZSH_FILE.read_text()
        self.assertEqual(set(re.findall(r"--([a-z0-9-]+)", text)), self.names)
        for letter, name in self.letters:
            self.assertRegex(text, rf"{{-{letter},--{name}\b")


class Zsh(Test):
    def test_on_a_terminal(self):
        set_up = f"fpath=({COMPLETION} $fpath); autoload -Uz compinit; compinit -u -D"
        shell = Shell(self, ["zsh", "-f", "-i"], set_up)
        shell.assert_completes("--close-t", "imeout=")
        shell.assert_completes("--bytes=b", "ase64")
        shell.assert_completes("--bytes b", "ase64")
        shell.assert_completes("-rjc 1 --eof", "-wait=")
        shell.assert_completes("wss", "://")


if __name__ == "__main__":
    unittest.main()
