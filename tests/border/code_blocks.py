# SPDX-License-Identifier: Apache-2.0
"""Every ```c and ```cpp block of the given files compiles.

    code_blocks.py INCLUDE_DIR FILE...

A block with an #include is a whole file. Any other block is the inside of a function with the
parameters in LANGUAGES.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from c_header import uncommented

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]


class Language(NamedTuple):
    compiler: list[str]
    extension: str
    fragment: str  # the file around the inside of a function


LANGUAGES = {
    "c": Language(
        [os.environ.get("CC", "cc"), "-std=c99"],
        "c",
        """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsline.h>
int fragment(const char *url, wsline_options *options, wsline_conn *conn,
             wsline_message message, wsline_status status);
int fragment(const char *url, wsline_options *options, wsline_conn *conn,
             wsline_message message, wsline_status status) {{ {{
#line {line} "{file}"
{code}
}} return 0; }}
""",
    ),
    "cpp": Language(
        [os.environ.get("CXX", "c++"), "-std=c++2b", "-Wold-style-cast"],
        "cpp",
        """\
#include <iostream>
#include <thread>
#include <vector>
#include <wsline.hpp>
using namespace std::chrono_literals;
void fragment(const char *url, wsline::options &options, wsline::connection &conn,
              wsline::app &app, wsline::loop &loop);
void fragment(const char *url, wsline::options &options, wsline::connection &conn,
              wsline::app &app, wsline::loop &loop) {{ {{
#line {line} "{file}"
{code}
}} }}
""",
    ),
}


# The pkg-config packages of headers that include those of another library.
PACKAGES = {"wsline/glib.hpp": "glib-2.0", "wsline/libuv.hpp": "libuv"}


def flags_of_packages(code: str) -> list[str]:
    """What the block needs besides wsline."""
    names = [package for header, package in PACKAGES.items() if f"<{header}>" in code]
    if not names:
        return []
    command = ["pkg-config", "--cflags", *names]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return output.replace("-I", "-isystem").split()


def blocks(file: Path) -> list[tuple[int, str, str]]:
    """Number of the first line, text and language of each block in one of LANGUAGES."""
    lines = [uncommented(line) for line in file.read_text().splitlines()]
    found, start = [], None
    for number, line in enumerate(lines, 1):
        mark = line.strip()
        if start is None and mark.removeprefix("```") in LANGUAGES and mark.startswith("```"):
            start, language = number, mark.removeprefix("```")
        elif start is not None and mark == "```":
            found.append((start + 1, "\n".join(lines[start : number - 1]), language))
            start = None
    return found


def compiles(file: Path, line: int, code: str, language: Language, include_dir: str) -> bool:
    if re.search(r"^#include", code, re.M):
        text, extra = f'#line {line} "{file}"\n{code}\n', flags_of_packages(code)
    else:
        text, extra = language.fragment.format(line=line, file=file, code=code), ["-Wno-unused"]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, f"block.{language.extension}")
        source.write_text(text)
        command = [*language.compiler, *WARNINGS, *extra, "-I", include_dir, "-fsyntax-only"]
        done = subprocess.run([*command, source], stderr=subprocess.PIPE, text=True)
    sys.stderr.write(done.stderr)
    return done.returncode == 0


def main() -> int:
    include_dir, *files = sys.argv[1:]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        started = [
            pool.submit(compiles, Path(file), line, code, LANGUAGES[language], include_dir)
            for file in files
            for line, code, language in blocks(Path(file))
        ]
    results = [each.result() for each in started]
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
