# SPDX-License-Identifier: Apache-2.0
"""Compiles the C++ layer with each compiler that is installed, in each version of C++, without a
warning.

    compilers.py INCLUDE_DIR

Every member is instantiated, in each form in which errors are reported, by the forward_*.cpp. Each
part of wsline.hpp must also compile alone, and wsline.hpp when it is included twice. Programs
without run-time type information may include it. So may those with an adapter to another event
loop, after the headers of that loop, if pkg-config finds them. Some mistakes must not compile,
nor a program without exceptions.
"""

import concurrent.futures
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "border"))
from cpp_cover import parts
COMPILERS = ("g++", "clang++")
# The last one is C++23, under the name that clang 14 knows.
STANDARDS = ("c++17", "c++20", "c++2b")
WARNINGS = """-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
    -Wnon-virtual-dtor -Wzero-as-null-pointer-constant -Wdeprecated -Werror""".split()
OF_ONE_COMPILER = {
    "g++": ["-Wuseless-cast", "-Wduplicated-cond", "-Wlogical-op"],
    "clang++": ["-Wextra-semi", "-Wshadow-all", "-Wrange-loop-analysis"],
}
# The packages of an adapter, of which one is enough.
ADAPTERS = {
    "wsline/glib.hpp": ["glib-2.0"],
    "wsline/libuv.hpp": ["libuv"],
    "wsline/qt.hpp": ["Qt6Core", "Qt5Core"],
}
# Qt defines macros whose names are words.
AFTER = {"wsline/qt.hpp": "#include <QObject>\n"}
# A small program that uses some of everything.
TWICE = """\
#include <wsline.hpp>
#include <wsline.hpp>

int main() try {
    wsline::app app("ws://localhost/");
    app.on_message([](wsline::app_ref self, wsline::message_view m) { self.send_text(m.text()); });
    app.run();
    wsline::connection("ws://localhost/").receive();
} catch (const wsline::error &error) {
    return static_cast<int>(error.status());
}
"""

# Lines that must not compile, and what the compiler must say.
MISTAKES = {
    "a.on_message([](int) {});": "the callback must take the arguments",
    "a.on_connecting([] {});": "the callback must take the arguments",
    "struct h { void on_message(wsline::app_ref, int) {} }; a.set_callbacks(h());":
        "named like a callback",
    "struct h { void on_close(wsline::close_info &) {} }; a.set_callbacks(h());":
        "named like a callback",
    "wsline::app b = a;": "deleted",
    "wsline::connection c; auto d = c;": "deleted",
    "wsline::timeout t = 5;": "conversion from",
    "a.send_binary(std::vector<int>());": "no matching function",
    'a.ping("text");': "deleted",
    'a.send_text("x", std::error_code());': "no matching function",
}


def jobs(include: Path):
    """A name, a command, its input, and the error that it must report, for each compilation."""
    compilers = [name for name in COMPILERS if shutil.which(name)]
    sources = sorted(HERE.glob("forward_*.cpp"))
    for compiler in compilers:
        base = [compiler, *WARNINGS, *OF_ONE_COMPILER[compiler], f"-I{include}", "-fsyntax-only"]
        for standard in STANDARDS:
            # What is new in C++20 is also in the last one.
            for source in sources if standard != "c++20" else []:
                yield f"{compiler} {standard} {source.name}", [*base, f"-std={standard}", source], "", ""
            command = [*base, f"-std={standard}", "-fno-rtti", "-xc++", "-"]
            yield f"{compiler} {standard} twice, without RTTI", command, TWICE, ""
    for part in parts(include) if compilers else []:
        command = [compilers[0], *WARNINGS, f"-I{include}", "-std=c++17", "-fsyntax-only", "-xc++", "-"]
        name = part.relative_to(include)
        yield f"{name} alone", command, f"#include <{name}>\n", ""
    for adapter, packages in ADAPTERS.items():
        flags = flags_of(packages)
        if not compilers or flags is None:
            continue
        for compiler, standard in ((compilers[0], STANDARDS[-1]), (compilers[-1], STANDARDS[0])):
            command = [compiler, *WARNINGS, *OF_ONE_COMPILER[compiler], f"-I{include}", *flags,
                       "-fPIC", f"-std={standard}", "-fno-rtti", "-fsyntax-only", "-xc++", "-"]
            text = f"{AFTER.get(adapter, '')}#include <wsline.hpp>\n#include <{adapter}>\n"
            yield f"{compiler} {standard} {adapter}", command, text, ""
    if "g++" in compilers:
        command = ["g++", f"-I{include}", "-std=c++17", "-fsyntax-only", "-xc++", "-"]
        without = [*command, "-fno-exceptions"]
        yield "without exceptions", without, "#include <wsline.hpp>\n", "wsline.hpp needs exceptions"
        for line, error in MISTAKES.items():
            text = f"#include <wsline.hpp>\nint main() {{ wsline::app a; {line} }}\n"
            yield line, command, text, error


def flags_of(packages):
    """What a compiler needs for the first package that pkg-config finds; None if it finds none."""
    for package in packages if shutil.which("pkg-config") else []:
        found = subprocess.run(["pkg-config", "--cflags", package], capture_output=True, text=True)
        if found.returncode == 0:
            # Compilers do not warn in headers of the system.
            return found.stdout.replace("-I", "-isystem ").split()
    return None


def holds(job) -> bool:
    name, command, text, error = job
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    held = error in done.stderr and done.returncode != 0 if error else done.returncode == 0
    if not held:
        print(f"FAIL {name}\n{done.stderr[:4000]}")
    return held


def run(todo) -> int:
    """The exit status: whether all hold."""
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        passed = sum(pool.map(holds, todo))
    print(f"{passed} of {len(todo)} compilations")
    return 0 if todo and passed == len(todo) else 1


if __name__ == "__main__":
    sys.exit(run(list(jobs(Path(sys.argv[1])))))
