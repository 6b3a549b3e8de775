# SPDX-License-Identifier: Apache-2.0
"""A real terminal: a pane of tmux, with keys to type and a screen to look at."""

import os
import pathlib
import shlex
import subprocess
import tempfile
import time

from harness import ENVIRONMENT, PROGRAM, WAIT_S

POLL_S = 0.02
COLUMNS, ROWS = 60, 20


class Screen:
    """Runs the program, then prints its exit status."""

    def __init__(self, test, *arguments, environment=None, columns=COLUMNS, script=None):
        self._test = test
        self._directory = tempfile.TemporaryDirectory(prefix="wsdump-")
        self._settings = pathlib.Path(self._directory.name, "stty")
        program = shlex.join([PROGRAM, *arguments])
        script = (script or "{program}; echo status $?").format(program=program)
        # Only the program handles Ctrl+C. The terminal settings are recorded before and after.
        script = f"trap : INT; stty -g > {self._settings}; {script}; stty -g >> {self._settings}"
        script += "; exec cat"
        inside = [f"{name}={value}" for name, value in (environment or {}).items()]
        size = ["-x", str(columns), "-y", str(ROWS)]
        self._tmux("new-session", "-d", *size, shlex.join(["env", *inside, "sh", "-c", script]))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._tmux("kill-server")
        self._directory.cleanup()

    def _tmux(self, *command):
        socket = pathlib.Path(self._directory.name, "socket")
        done = subprocess.run(
            ["tmux", "-u", "-S", socket, "-f", "/dev/null", *command],
            capture_output=True,
            env=ENVIRONMENT,
            timeout=WAIT_S,
            text=True,
        )
        self._test.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def type(self, text):
        self._tmux("send-keys", "-l", text)

    def press(self, *keys):
        """Keys by their names: Enter, Left, C-c."""
        self._tmux("send-keys", *keys)

    def resize(self, columns):
        self._tmux("resize-window", "-x", str(columns))

    def ask(self, variable):
        return self._tmux("display-message", "-p", f"#{{{variable}}}").strip()

    def signal_program(self, number):
        shell = self.ask("pane_pid")
        (program,) = pathlib.Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        os.kill(int(program), number)

    def lines(self, *options):
        return self._tmux("capture-pane", "-p", *options).rstrip("\n").split("\n")

    def expect(self, *last, cursor=None):
        """Waits until these are the last lines and the cursor is in that column."""
        deadline = time.monotonic() + WAIT_S
        while True:
            lines = [line.rstrip() for line in self.lines()]
            are_there = lines[-len(last) :] == list(last)
            if are_there and (cursor is None or self.ask("cursor_x") == str(cursor)):
                return
            if time.monotonic() > deadline:
                self._test.fail(f"{last} did not appear: {lines}, {self.ask('cursor_x')}")
            time.sleep(POLL_S)

    def expect_end(self, *last, status=0):
        self.expect(*last, f"status {status}")
        deadline = time.monotonic() + WAIT_S
        while len(settings := self._settings.read_text().split()) < 2:
            self._test.assertLess(time.monotonic(), deadline)
            time.sleep(POLL_S)
        self._test.assertEqual(settings[0], settings[1], "the terminal settings were not restored")
