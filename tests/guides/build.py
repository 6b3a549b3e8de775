# SPDX-License-Identifier: Apache-2.0
"""Compiles programs with wsline. A program is compiled again only if something of it has changed."""

import hashlib
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target" / "guides"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
STRICT_CPP = [*STRICT, "-Wold-style-cast", "-Wzero-as-null-pointer-constant"]
LANGUAGES = {".c": ("CC", "cc", "-std=gnu11"), ".cpp": ("CXX", "c++", "-std=c++17")}


class Failure(Exception):
    """A test has failed; the message says why."""


def wsline_flags(build):
    """The compiler's flags for a program that uses wsline, and the linker's."""
    includes = [f"-I{ROOT / 'include'}"]
    build = build.resolve()
    return includes, [f"-L{build / 'lib'}", f"-Wl,-rpath,{build / 'lib'}", "-lwsline"]


def run(command, **options):
    """Runs a command that must succeed, and returns what it has printed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}\nexit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def compile_program(source, program, flags=(), libraries=()):
    """Compiles the text `source` to the file `program`, whose suffix without .out is that of its language."""
    file = program.with_suffix("")
    variable, compiler, standard = LANGUAGES[file.suffix]
    command = [os.environ.get(variable, compiler), standard, *flags, "-o", program, file, *libraries]
    key = program.with_suffix(".key")
    wanted = fingerprint(source, command)
    if program.exists() and key.exists() and key.read_text() == wanted:
        return program
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    run(command)
    key.write_text(wanted)
    return program


def fingerprint(source, command):
    """Changes with the program, its command, and every header of wsline."""
    digest = hashlib.sha256(repr((source, [str(word) for word in command])).encode())
    for header in sorted((ROOT / "include").rglob("*.h*")):
        digest.update(header.read_bytes())
    return digest.hexdigest()
