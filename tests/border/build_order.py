#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every target which needs the library or its header waits for cargo.

  build_order.py SOURCE_DIR

cargo fails here, and nothing is compiled. make goes on with all targets that do not depend on
cargo, so that one which uses its results without depending on it fails, too. A build in which
these results are there from before, or cargo is faster, would hide that.
"""
import os
import re
import subprocess
import sys
import tempfile

# Takes the place of the compiler and the linker, and writes an empty output.
TOOL = """#!/usr/bin/env python3
import sys
output = sys.argv[sys.argv.index("-o") + 1]
if any("{include}" in word or "libwsline" in word for word in sys.argv):
    sys.exit("*** " + output + " does not wait for cargo")
open(output, "w").close()
"""


def executable(path, text):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o755)
    return path


def main():
    source = sys.argv[1]
    with tempfile.TemporaryDirectory() as work:
        build = f"{work}/build"
        cargo = executable(f"{work}/cargo", "#!/bin/sh\nexit 1\n")
        tool = executable(f"{work}/tool", TOOL.format(include=f"{build}/include"))
        options = [f"-D{language}_{kind}_LAUNCHER={tool}" for language in ("CMAKE_C", "CMAKE_CXX")
                   for kind in ("COMPILER", "LINKER")]
        subprocess.run(["cmake", "-S", source, "-B", build, "-G", "Unix Makefiles",
                        f"-DCARGO_EXECUTABLE={cargo}", "-DWSLINE_BUILD_TESTS=ON", *options],
                       check=True, stdout=subprocess.DEVNULL)
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        made = subprocess.run(["cmake", "--build", build, "--parallel", "2", "--", "--keep-going"],
                              env=environment, capture_output=True, text=True)
    failures = [line for line in made.stderr.splitlines() if "***" in line]
    by_cargo = [line for line in failures if "/wsline_cargo.dir/" in line]
    others = [line for line in failures
              if line not in by_cargo and not re.search(r"\[Makefile:\d+: all\]", line)]
    if not by_cargo:
        sys.exit("cargo has not run:\n" + made.stdout + made.stderr)
    if others:
        sys.exit("\n".join(others[:20]))


if __name__ == "__main__":
    main()
