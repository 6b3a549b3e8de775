#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""On a terminal: the prompt, line editing, colours, keys, and hostile servers."""

import signal
import subprocess
import unittest

from fault_connection import CLOSE, PING, PONG, TEXT
from harness import PROGRAM, Test, url
from screen import COLUMNS, Screen

ECHO = url("WEBSOCKETS")
BLUE = "\x1b[34m"
VERSION = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout


@unittest.skipIf("line editing: none" in VERSION, "built without libedit and readline")
class Editor(Test):
    def start(self, *arguments, **settings):
        """Starts the program on a terminal, connected to a puppet."""
        puppet = self.start_puppet()
        screen = self.enterContext(Screen(self, *arguments, puppet.url, **settings))
        puppet.accept()
        return screen, puppet

    def start_at_prompt(self, *arguments, **settings):
        screen, puppet = self.start(*arguments, **settings)
        screen.expect(">", cursor=2)
        return screen, puppet

    def leave(self, screen, puppet, *last):
        screen.press("C-c")
        self.assertEqual(puppet.read_frame(), (CLOSE, b"\x03\xe8"))
        puppet.close()
        screen.expect_end(*last, "wsdump: closed by the client: 1000")

    def test_what_is_typed_is_sent_and_echoed(self):
        with Screen(self, ECHO) as screen:
            screen.expect(">", cursor=2)
            self.assertRegex(
                screen.lines()[0], r"^wsdump: connected to 127\.0\.0\.1:\d+; press Ctrl\+C to quit$"
            )
            screen.type("grüße, 世界")
            screen.press("Enter")
            screen.expect("> grüße, 世界", "< grüße, 世界", ">", cursor=2)
            self.assertIn(f"{BLUE}< grüße", "\n".join(screen.lines("-e")))
            screen.press("C-c")
            screen.expect_end("wsdump: closed by the client: 1000")

    def test_a_message_does_not_disturb_a_half_typed_line(self):
        screen, puppet = self.start_at_prompt()
        screen.type("half a line")
        screen.press("Left", "Left", "Left", "Left")
        screen.expect("> half a line", cursor=9)
        puppet.send("one")
        screen.expect("< one", "> half a line", cursor=9)
        puppet.send("two\nlines")
        screen.expect("< one", "< two", "  lines", "> half a line", cursor=9)
        screen.type("X")
        screen.expect("< one", "< two", "  lines", "> half a Xline", cursor=10)
        screen.press("Enter")
        self.assertEqual(puppet.read_frame(), (TEXT, b"half a Xline"))
        screen.expect("  lines", "> half a Xline", ">", cursor=2)
        self.leave(screen, puppet)

    def test_a_key_and_a_message_arrive_together(self):
        screen, puppet = self.start_at_prompt()
        screen.type("one")
        screen.expect("> one", cursor=5)
        screen.signal_program(signal.SIGSTOP)
        screen.press("Enter")
        puppet.send("two")
        screen.signal_program(signal.SIGCONT)
        self.assertEqual(puppet.read_frame(), (TEXT, b"one"))
        screen.expect("> one", "< two", ">", cursor=2)
        self.leave(screen, puppet)

    def test_lines_typed_quickly(self):
        screen, puppet = self.start_at_prompt()
        lines = [f"line {i}" for i in range(16)]
        screen.type("\n".join(lines) + "\nhalf")
        for line in lines:
            self.assertEqual(puppet.read_frame(), (TEXT, line.encode()))
        screen.expect(*[f"> {line}" for line in lines], "> half", cursor=6)
        self.leave(screen, puppet)

    def test_a_line_of_several_rows(self):
        screen, puppet = self.start_at_prompt()
        text = "".join(chr(ord("a") + i % 26) for i in range(150))
        rows = [("> " + text)[i : i + COLUMNS] for i in range(0, len(text) + 2, COLUMNS)]
        screen.type(text)
        screen.expect(*rows, cursor=32)
        puppet.send("one")
        screen.expect("< one", *rows, cursor=32)
        screen.press("C-a")
        screen.expect("< one", *rows, cursor=2)
        puppet.send("two")
        screen.expect("< one", "< two", *rows, cursor=2)
        screen.press("Enter")
        self.assertEqual(puppet.read_frame(), (TEXT, text.encode()))
        self.leave(screen, puppet)

    def test_a_line_that_fills_its_row(self):
        screen, puppet = self.start_at_prompt()
        screen.type("x" * (COLUMNS - 2))
        screen.expect("> " + "x" * (COLUMNS - 2))
        puppet.send("one")
        screen.expect("< one", "> " + "x" * (COLUMNS - 2))
        screen.type("界")
        screen.expect("< one", "> " + "x" * (COLUMNS - 2), "界")
        puppet.send("two")
        screen.expect("< one", "< two", "> " + "x" * (COLUMNS - 2), "界")
        self.leave(screen, puppet)

    def test_history_and_keys(self):
        screen, puppet = self.start_at_prompt()
        for line in ("first", "second"):
            screen.type(line)
            screen.press("Enter")
            self.assertEqual(puppet.read_frame(), (TEXT, line.encode()))
        screen.expect("> first", "> second", ">")
        screen.press("Up", "Up")
        screen.expect("> second", "> first", cursor=7)
        puppet.send("one")
        screen.expect("< one", "> first", cursor=7)
        screen.press("BSpace", "BSpace")
        screen.type("e\t!")
        screen.press("Home")
        screen.type("the ")
        screen.press("Enter")
        self.assertEqual(puppet.read_frame(), (TEXT, b"the fire\t!"))
        screen.press("Up", "C-u", "Enter")
        self.assertEqual(puppet.read_frame(), (TEXT, b""))
        self.leave(screen, puppet)

    def test_the_terminal_is_resized(self):
        screen, puppet = self.start_at_prompt()
        screen.type("half a line")
        screen.expect("> half a line", cursor=13)
        screen.resize(40)
        puppet.send("one")
        screen.expect("< one", "> half a line", cursor=13)
        screen.type("x" * 30)
        rows = ["> half a line" + "x" * 27, "xxx"]
        screen.expect("< one", *rows, cursor=3)
        puppet.send("two")
        screen.expect("< one", "< two", *rows, cursor=3)
        screen.press("Enter")
        self.assertEqual(puppet.read_frame(), (TEXT, b"half a line" + b"x" * 30))
        self.leave(screen, puppet)

    def test_escape_sequences_from_the_server_have_no_effect(self):
        screen, puppet = self.start_at_prompt()
        title = screen.ask("pane_title")
        screen.type("half")
        for evil, shown in {
            "\x1b]0;evil\x07": r"< \x1b]0;evil\x07",
            "\x1b[2J\x1b[H": r"< \x1b[2J\x1b[H",
            "\x9b31m": r"< \u009b31m",
            "a\rb\x08": r"< a\rb\x08",
            "a\u202eb": r"< a\u202eb",
            "a\n> half": "< a\n  > half",
        }.items():
            puppet.send(evil)
            screen.expect(*shown.split("\n"), "> half", cursor=6)
        self.assertEqual(screen.ask("pane_title"), title)
        self.assertRegex(screen.lines()[0], "^wsdump: connected ")
        puppet.close(4000, "\x1b[2J")
        screen.expect_end(r'wsdump: closed by the server: 4000 "\x1b[2J"', status=11)

    def test_names_and_the_log_do_not_disturb_the_line(self):
        screen, puppet = self.start_at_prompt("-vv", columns=200)
        screen.type("half")
        screen.expect("> half", cursor=6)
        puppet.send("you", opcode=PING)
        self.assertEqual(puppet.read_frame(), (PONG, b"you"))
        screen.expect("< ping: you", "> half", cursor=6)
        screen.press("C-c")
        puppet.read_frame()
        puppet.close()
        screen.expect_end("< close: 1000, by the client")

    def test_errors_appear_above_the_line(self):
        screen, puppet = self.start_at_prompt("--slash")
        screen.type("/nothing")
        screen.press("Enter")
        error = "wsdump: unknown command /nothing; use /ping, /pong, /hex, /f"
        screen.expect("> /nothing", error, "ile or /close", ">", cursor=2)
        screen.type("/ping")
        screen.press("Enter")
        self.assertEqual(puppet.read_frame(), (PING, b""))
        screen.type("/close 4000 enough")
        screen.press("Enter")
        self.assertEqual(puppet.read_frame(), (CLOSE, b"\x0f\xa0enough"))
        puppet.close(4000)
        screen.expect_end("wsdump: closed by the client: 4000")

    def test_ctrl_d_ends_the_program(self):
        screen, puppet = self.start_at_prompt()
        screen.press("C-d")
        self.assertEqual(puppet.read_frame(), (CLOSE, b"\x03\xe8"))
        puppet.close()
        screen.expect_end("wsdump: closed by the client: 1000")

    def test_ctrl_d_respects_eof_wait(self):
        screen, puppet = self.start_at_prompt("--eof-wait", "forever")
        screen.press("C-d")
        puppet.send("one")
        screen.expect("< one")
        puppet.close(1000, "done")
        screen.expect_end('wsdump: closed by the server: 1000 "done"')

    def test_the_line_is_removed_when_the_server_closes(self):
        screen, puppet = self.start_at_prompt()
        screen.type("half")
        screen.expect("> half")
        puppet.close(1001)
        screen.expect_end("wsdump: closed by the server: 1001")

    def test_stop_and_continue(self):
        puppet = self.start_puppet()
        words = f"P={PROGRAM} U={puppet.url} ENV= PS1='$ '"
        screen = self.enterContext(Screen(self, script=f"env {words} sh -i"))
        screen.expect("$")
        screen.type("$P $U")
        screen.press("Enter")
        puppet.accept()
        screen.expect(">", cursor=2)
        screen.type("half")
        screen.expect("> half")
        screen.press("C-z")
        screen.expect("$")
        # The terminal echoes typed text again.
        screen.type("echo still")
        screen.press("Enter")
        screen.expect("$ echo still", "still", "$")
        screen.type("fg")
        screen.press("Enter")
        screen.expect("> half", cursor=6)
        puppet.send("one")
        screen.expect("< one", "> half", cursor=6)
        screen.press("Enter")
        self.assertEqual(puppet.read_frame(), (TEXT, b"half"))


class Terminal(Test):
    def test_no_colours(self):
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            with Screen(self, "-c1", "-t", "hello", ECHO, environment=environment) as screen:
                screen.expect_end("wsdump: closed by the client: 1000")
                self.assertNotIn("\x1b", "\n".join(screen.lines("-e")))

    def test_failures_are_red(self):
        with Screen(self, "ws://127.0.0.1:1/") as screen:
            screen.expect_end("wsdump: connect to 127.0.0.1:1: connection refused", status=3)
            self.assertIn("\x1b[31mwsdump: ", "\n".join(screen.lines("-e")))

    def test_raw_and_json(self):
        with Screen(self, "--raw", "-c1", "-t", "\x1b[1mbold", ECHO) as screen:
            screen.expect_end("bold")
            self.assertIn("\x1b[1mbold", "\n".join(screen.lines("-e")))
        with Screen(self, "--json", "-c1", "-t", "\x1b[1m", ECHO, columns=200) as screen:
            screen.expect_end()
            self.assertIn(r'"text":"\u001b[1m"}', "\n".join(screen.lines()))

    def test_input_from_a_pipe(self):
        script = "printf 'a\\033[2Jb\\n' | {program}; echo status $?"
        with Screen(self, "-c1", ECHO, script=script) as screen:
            screen.expect_end(r"a\x1b[2Jb")
            self.assertIn(BLUE, "\n".join(screen.lines("-e")))

    def test_output_to_a_pipe(self):
        with Screen(self, "-c1", ECHO, script="{program} | cat; echo status $?") as screen:
            screen.type("hello\n")
            screen.expect_end("hello", "hello")


if __name__ == "__main__":
    unittest.main()
