# SPDX-License-Identifier: Apache-2.0
"""Checks that the C++ layer offers everything that wsline.h does.

    cpp_cover.py INCLUDE_DIR

Every function of wsline.h must be called by wsline.hpp or one of its parts, and be named in the
documentation of a member; every enumerator and flag must be used, and every field of a struct,
except those that are reserved, must be read or written. Comments do not count as use.
"""

import re
import sys
from pathlib import Path

from c_header import functions

COMMENT = re.compile(r"/\*.*?\*/", re.S)
# What C++ has other means for: the macros of the version, and of attributes and lengths.
NOT_NEEDED = re.compile(r"WSLINE_(VERSION_\w+|API|NODISCARD|NUL_TERMINATED|H)$")
# stats is wsline_stats as it is.
UNCHANGED = {"wsline_stats"}
STRUCT = re.compile(r"typedef struct (\w+) \{(.*?)\} \w+;", re.S)


def parts(include: Path) -> list[Path]:
    """wsline.hpp and the files that it includes, directly or not."""
    found, open_files = [], [include / "wsline.hpp"]
    while open_files:
        file = open_files.pop()
        if file not in found:
            found.append(file)
            names = re.findall(r"^#include <(wsline/[\w/]+\.hpp)>", file.read_text(), re.M)
            open_files += [include / name for name in names]
    return found


def missing(what: str, names: list[str], pattern: str, text: str) -> list[str]:
    absent = [name for name in names if not re.search(pattern.format(re.escape(name)), text)]
    print(f"{what}: {len(names) - len(absent)} of {len(names)}")
    return [f"{what}: {name}" for name in absent]


def main() -> int:
    include = Path(sys.argv[1])
    header = include / "wsline.h"
    documented = "\n".join(file.read_text() for file in parts(include))
    code = COMMENT.sub("", documented)
    plain = COMMENT.sub("", header.read_text())
    names = sorted(function.name for function in functions(header))
    enumerators = re.findall(r"^    (WSLINE_\w+) =", plain, re.M)
    macros = re.findall(r"^# *define (WSLINE_\w+)", plain, re.M)
    fields = [
        field
        for struct, body in STRUCT.findall(plain)
        if struct not in UNCHANGED
        for field in re.findall(r"(\w+)(?:\[\d+\])?;", body)
        if not field.startswith("reserved")
    ]
    absent = [
        *missing("function called", names, r"\b{}\b", code),
        *missing("function documented", [n for n in names if not n.endswith("_free")],
                 r"\b{}\(\)", documented),
        *missing("enumerator", enumerators, r"= {}\b", code),
        *missing("macro", [m for m in macros if not NOT_NEEDED.match(m)], r"\b{}\b", code),
        *missing("field", sorted(set(fields)), r"(?:\.|->){}\b", code),
    ]
    print(*absent, sep="\n")
    return 1 if absent or not names else 0


if __name__ == "__main__":
    sys.exit(main())
