# SPDX-License-Identifier: Apache-2.0
"""Reads wsline.h: its functions with their doc comments, and its statuses.

The header is generated, so its form is known: a doc comment, then WSLINE_API and a declaration.
The banner of a section may be followed by a comment about all of its functions.
"""

import re
from dataclasses import dataclass
from pathlib import Path

FUNCTION = re.compile(
    r"(?:/\*\*(?P<doc>(?:(?!\*/).)*)\*/\n)?^WSLINE_API (?P<declaration>[^;]*);", re.S | re.M
)
SECTION = re.compile(r"^/\* --- [^\n]* -+ \*/\n\n(?:/\*\n(?P<doc>(?:(?!\*/).)*)\*/\n)?", re.S | re.M)
DECLARATION = re.compile(r"(?P<returns>[^(]*[ *])(?P<name>\w+)\((?P<parameters>.*)\)")
PARAMETER = re.compile(r"(?P<type>.*[ *])(?P<name>\w+)(?:\[\d*\])?")


@dataclass(frozen=True)
class Parameter:
    type: str
    name: str


@dataclass(frozen=True)
class Function:
    name: str
    returns: str
    parameters: tuple[Parameter, ...]
    doc: tuple[str, ...]  # lines, without comment marks
    section: tuple[str, ...]  # those of its section

    def line(self, name: str) -> str | None:
        """The text after `name: ` in its doc comment or, failing that, in that of its section."""
        for line in (*self.doc, *self.section):
            if line.startswith(f"{name}: "):
                return line.removeprefix(f"{name}: ").strip()
        return None

    def since(self) -> str:
        """The version in its `Since:` line, or "?"."""
        return self.line("Since") or "?"


def functions(header: Path) -> list[Function]:
    text, found = header.read_text(), []
    starts = [*SECTION.finditer(text)]
    for start, end in zip(starts, [*starts[1:], None]):
        section = _lines(start["doc"])
        body = text[start.end() : end.start() if end else None]
        found += [_function(match, section) for match in FUNCTION.finditer(body)]
    return found


def statuses(header: Path) -> set[str]:
    body = re.search(r"typedef enum wsline_status \{(.*?)\}", header.read_text(), re.S)
    return set(re.findall(r"^ *(WSLINE_\w+) =", body[1], re.M))


def uncommented(line: str) -> str:
    """The text of a comment line, without ` * `."""
    return re.sub(r"^ \* ?", "", line)


def _lines(comment: str | None) -> tuple[str, ...]:
    return tuple(uncommented(line).strip() for line in (comment or "").strip("\n").splitlines())


def _function(match: re.Match, section: tuple[str, ...]) -> Function:
    text = " ".join(match["declaration"].split()).removeprefix("WSLINE_NODISCARD ")
    declaration = DECLARATION.fullmatch(text)
    parameters = []
    if declaration["parameters"] != "void":
        for parameter in declaration["parameters"].split(", "):
            parts = PARAMETER.fullmatch(parameter)
            parameters.append(Parameter(parts["type"].strip(), parts["name"]))
    returns, doc = declaration["returns"].strip(), _lines(match["doc"])
    return Function(declaration["name"], returns, tuple(parameters), doc, section)
