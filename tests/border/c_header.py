# SPDX-License-Identifier: Apache-2.0
"""Reads wsline.h: its functions with their doc comments, and its statuses.

The header is generated, so its form is known: a doc comment, then WSLINE_API and a declaration.
"""

import re
from dataclasses import dataclass
from pathlib import Path

FUNCTION = re.compile(
    r"(?:/\*\*(?P<doc>(?:(?!\*/).)*)\*/\n)?^WSLINE_API (?P<declaration>[^;]*);", re.S | re.M
)
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

    def since(self) -> str:
        """The version in its `Since:` line, or "?"."""
        versions = [line.split()[1] for line in self.doc if re.match(r"Since: +\S", line)]
        return versions[0] if versions else "?"


def functions(header: Path) -> list[Function]:
    return [_function(match) for match in FUNCTION.finditer(header.read_text())]


def statuses(header: Path) -> set[str]:
    body = re.search(r"typedef enum wsline_status \{(.*?)\}", header.read_text(), re.S)
    return set(re.findall(r"^ *(WSLINE_\w+) =", body[1], re.M))


def uncommented(line: str) -> str:
    """The text of a comment line, without ` * `."""
    return re.sub(r"^ \* ?", "", line)


def _function(match: re.Match) -> Function:
    text = " ".join(match["declaration"].split()).removeprefix("WSLINE_NODISCARD ")
    declaration = DECLARATION.fullmatch(text)
    parameters = []
    if declaration["parameters"] != "void":
        for parameter in declaration["parameters"].split(", "):
            parts = PARAMETER.fullmatch(parameter)
            parameters.append(Parameter(parts["type"].strip(), parts["name"]))
    lines = (match["doc"] or "").strip("\n").splitlines()
    doc = tuple(uncommented(line).strip() for line in lines)
    return Function(declaration["name"], declaration["returns"].strip(), tuple(parameters), doc)
