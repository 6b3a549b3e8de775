# SPDX-License-Identifier: Apache-2.0
"""Compiles the headers for coroutines and Asio, each alone and all in a program, with each compiler
that is installed, in each version of C++ that can use them, without a warning. Some mistakes must
not compile.

    compilers.py INCLUDE_DIR
"""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cpp"))
from compilers import COMPILERS, OF_ONE_COMPILER, WARNINGS, run

COROUTINES = ("c++20", "c++2b")
ANY = ("c++17", *COROUTINES)
# gcc warns about code of its own in coroutines.
QUIET = {"g++": ["-Wno-zero-as-null-pointer-constant"], "clang++": []}
# A header, the versions of C++ in which it can be used, and the library that it needs.
HEADERS = [
    ("wsline/coroutine.hpp", COROUTINES, None),
    ("wsline/asio.hpp", ANY, "asio.hpp"),
    ("wsline/boost_asio.hpp", ANY, "boost/asio.hpp"),
]
# A test that uses everything, its versions of C++, its library, and what it defines.
PROGRAMS = [
    ("test_coroutine_flow.cpp", COROUTINES, None, []),
    # Asio 1.22 does not know that clang has coroutines.
    ("test_asio_flow.cpp", ANY, "asio.hpp", ["-DASIO_HAS_CO_AWAIT", "-DASIO_HAS_STD_COROUTINE"]),
    ("test_asio_flow.cpp", ANY, "boost/asio.hpp", ["-DWSLINE_TEST_BOOST"]),
]
# The parts of these headers compile alone in the oldest version of C++ that can use them.
PARTS = [("async", "c++17"), ("asio", "c++17"), ("coroutine", "c++20")]

# Lines in a coroutine that must not compile, and what the compiler must say.
MISTAKES = {
    "wsline::task<> work = again(loop); co_await work;": "deleted",
    "const wsline::task<> work = again(loop); co_await work;": "await_ready",
}


def is_installed(library) -> bool:
    return library is None or any(Path(folder, library).exists()
                                  for folder in ("/usr/include", "/usr/local/include"))


def jobs(include: Path):
    """As the other compilers.py makes them: a name, a command, its input, and the error."""
    compilers = [name for name in COMPILERS if shutil.which(name)]
    for compiler in compilers:
        base = [compiler, *WARNINGS, *OF_ONE_COMPILER[compiler], *QUIET[compiler], f"-I{include}",
                "-fsyntax-only"]
        for header, standards, library in HEADERS:
            # What is new in C++20 is also in the last one.
            for standard in {standards[0], standards[-1]} if is_installed(library) else []:
                command = [*base, f"-std={standard}", "-xc++", "-"]
                yield f"{compiler} {standard} {header}", command, f"#include <{header}>\n" * 2, ""
        # The tests themselves are built by CMake's compiler.
        for program, standards, library, defines in PROGRAMS if compiler != "g++" else []:
            if is_installed(library):
                command = [*base, f"-std={standards[-1]}", *defines, HERE / program]
                yield f"{compiler} {program} {defines}", command, "", ""
    if "g++" in compilers:
        command = ["g++", f"-I{include}", "-std=c++20", "-fsyntax-only", "-xc++", "-"]
        for line, error in MISTAKES.items():
            text = ("#include <wsline/coroutine.hpp>\n"
                    f"wsline::task<> again(wsline::loop_ref loop) {{ {line} }}\n")
            yield line, command, text, error
    for folder, standard in PARTS if compilers else []:
        for part in sorted((include / "wsline" / folder).glob("*.hpp")):
            name = part.relative_to(include)
            command = [compilers[0], *WARNINGS, *QUIET[compilers[0]], f"-I{include}",
                       f"-std={standard}", "-fsyntax-only", "-xc++", "-"]
            yield f"{name} alone", command, f"#include <{name}>\n", ""


if __name__ == "__main__":
    sys.exit(run(list(jobs(Path(sys.argv[1])))))
