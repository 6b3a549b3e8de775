# SPDX-License-Identifier: Apache-2.0
"""Every ```c block of the given files compiles.

    code_blocks.py INCLUDE_DIR FILE...

A block with an #include is a whole file. Any other block is the inside of a function that has
the variables of PARAMETERS.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from c_header import uncommented

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
PARAMETERS = """const char *url, wsline_options *options, wsline_conn *conn,
             wsline_message message, wsline_status status"""
FRAGMENT = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsline.h>
int fragment({parameters});
int fragment({parameters}) {{ {{
#line {line} "{file}"
{code}
}} return 0; }}
"""


def blocks(file: Path) -> list[tuple[int, str]]:
    """Number of the first line, and text, of each ```c block."""
    lines = [uncommented(line) for line in file.read_text().splitlines()]
    found, start = [], None
    for number, line in enumerate(lines, 1):
        if start is None and line.strip() == "```c":
            start = number
        elif start is not None and line.strip() == "```":
            found.append((start + 1, "\n".join(lines[start:number - 1])))
            start = None
    return found


def compiles(file: Path, line: int, code: str, include_dir: str) -> bool:
    if re.search(r"^#include", code, re.M):
        text, extra = f'#line {line} "{file}"\n{code}\n', []
    else:
        text = FRAGMENT.format(parameters=PARAMETERS, line=line, file=file, code=code)
        extra = ["-Wno-unused"]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "block.c")
        source.write_text(text)
        command = [os.environ.get("CC", "cc"), *WARNINGS, *extra, "-I", include_dir, "-c", source]
        return subprocess.run([*command, "-o", Path(folder, "block.o")]).returncode == 0


def main() -> int:
    include_dir, *files = sys.argv[1:]
    results = [
        compiles(Path(file), line, code, include_dir)
        for file in files
        for line, code in blocks(Path(file))
    ]
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
