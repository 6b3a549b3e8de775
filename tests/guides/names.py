#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The names of wsline in the tables of the guides exist.

usage: names.py GUIDE...

Looks at code in the last column: each name with an underscore is in a header; a name that begins with an underscore
continues the prefix wsline_options or the like.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE = re.compile(r"`([^`]+)`")
NAME = re.compile(r"\b_?[A-Za-z]\w*_\w+|\b_[a-z]\w+")


def known_names():
    headers = [ROOT / "include" / "wsline.h", *(ROOT / "include" / "wsline").rglob("*.hpp")]
    text = "\n".join(header.read_text() for header in headers if "compat" not in header.relative_to(ROOT).parts)
    return set(re.findall(r"\w+", text))


def unknown(guide, known):
    for number, line in enumerate(guide.read_text().splitlines(), 1):
        if not line.startswith("|"):
            continue
        for code in CODE.findall(line.rstrip("| ").rsplit("|", 1)[1]):
            for name in NAME.findall(code):
                if name not in known and not (name.startswith("_") and any(k.endswith(name) for k in known)):
                    yield f"{guide}:{number}: {name}"


def main():
    known = known_names()
    wrong = [line for guide in sys.argv[1:] for line in unknown(pathlib.Path(guide), known)]
    print("\n".join(wrong))
    return 1 if wrong or len(sys.argv) == 1 else 0


if __name__ == "__main__":
    sys.exit(main())
