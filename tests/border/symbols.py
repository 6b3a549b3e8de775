# SPDX-License-Identifier: Apache-2.0
"""Checks that the library exports exactly what wsline.h declares and the symbol list contains.

    symbols.py HEADER SHARED_LIBRARY ARCHIVE LIST

LIST has a line `name version` for each function, sorted, with the version of its `Since:` line.
"""

import difflib
import subprocess
import sys
from pathlib import Path

from c_header import functions


def exported(*nm_arguments: str) -> list[str]:
    """The names of the global symbols defined in a library."""
    output = subprocess.run(
        ["nm", "--defined-only", "--format=posix", *nm_arguments],
        check=True, capture_output=True, text=True,
    ).stdout
    lines = (line.split() for line in output.splitlines())
    return sorted(fields[0] for fields in lines if len(fields) > 1 and fields[1].isupper())


def same(what: str, found: list[str], promised: list[str]) -> bool:
    difference = [
        line
        for line in difflib.unified_diff(promised, found, lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]
    if difference:
        print(f"{what} (-: missing, +: too much)", *difference, sep="\n  ")
    return not difference


def main() -> int:
    header, library, archive, symbols = sys.argv[1:]
    lines = Path(symbols).read_text().splitlines()
    promised = [line for line in lines if line and not line.startswith("#")]
    names = sorted(line.split()[0] for line in promised)
    declared = functions(Path(header))
    checks = [
        same(f"order of {symbols}", promised, sorted(promised)),
        same("functions in wsline.h", sorted(f"{f.name} {f.since()}" for f in declared), promised),
        same("symbols of the shared library", exported("--dynamic", library), names),
        same("symbols of the archive", exported("--extern-only", archive), names),
    ]
    print(f"{len(names)} symbols")
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
