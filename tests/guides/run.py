#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs the programs of one guide, and compares what they print.

usage: run.py GUIDE --build DIRECTORY --work DIRECTORY

A guide has these fenced blocks, whose first lines end with file=NAME:
  before.*    the program for the other library
  after.*     the program for wsline
  output      what both print
If there are headers for the other library in include/wsline/compat, before.* is built with them too.
Run it with tests/peers/run.py --need websockets,chaos.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

from build import STRICT, STRICT_CPP, Failure, compile_program, wsline_flags
from libraries import BEFORE, Missing

SECONDS = 60
BLOCK = re.compile(r"^```\w+ file=(\S+)\n(.*?)^```$", re.M | re.S)
# The server drops the first connection with the same key after the bytes of one reply, and those of a pong if the
# program sends a ping when it is connected: the server may answer that first.
DROPS = "/echo?cut-after={}&times=1&key="
REPLY_BYTES = 11
PONG_BYTES = {("ixwebsocket", "before.cpp"): 32, ("ixwebsocket", "compat.cpp"): 3}
# The includes of the other library become one.
COMPAT = {
    "websocketpp": (r"#include <websocketpp/.*>\n", "#include <wsline/compat/websocketpp_client.hpp>\n"),
    "ixwebsocket": (r"#include <ixwebsocket/.*>\n", "#include <wsline/compat/ixwebsocket.hpp>\n"),
}


def arguments(guide, program):
    """What the programs of a guide are called with."""
    echo, chaos = (os.environ[f"WSLINE_TEST_{name}_URL"].rstrip("/") for name in ("WEBSOCKETS", "CHAOS"))
    if guide == "beast":  # it does not parse URLs
        address = urllib.parse.urlsplit(echo)
        return [address.hostname, str(address.port)]
    if guide in ("websocketpp", "tungstenite"):
        return [echo + "/subprotocol"]
    if guide == "libcurl":
        return [echo]
    drops = DROPS.format(REPLY_BYTES + PONG_BYTES.get((guide, program), 0))
    return [f"{chaos}{drops}{guide}-{program}-{os.getpid()}"]


def blocks(guide):
    found = dict(BLOCK.findall(guide.read_text()))
    names = sorted({name.split(".")[0] for name in found})
    if names != ["after", "before", "output"]:
        raise Failure(f"{guide} has the blocks {list(found)}, not before.*, after.* and output")
    return found


def builders(guide, texts, build, work):
    """For each program, what builds it and returns its command; None if it cannot be had without a reason."""
    flags, libraries = wsline_flags(build)
    for name, text in texts.items():
        program = work / guide / f"{name}.out"
        if name.startswith("before."):
            yield name, lambda text=text, program=program: BEFORE[guide](program, text)
            if guide in COMPAT:
                replaced = re.sub(*COMPAT[guide], text)
                compat = work / guide / f"compat.{name.split('.')[1]}.out"
                yield compat.stem, lambda: [compile_program(replaced, compat, flags + STRICT_CPP, libraries)]
        elif name.startswith("after."):
            strict = STRICT_CPP if name.endswith(".cpp") else STRICT
            yield name, lambda text=text, program=program, strict=strict: [
                compile_program(text, program, flags + strict, libraries)]


def check(name, command, wanted):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=SECONDS,
                          check=False)
    if done.returncode != 0 or done.stdout != wanted:
        raise Failure(f"{name}: exit status {done.returncode}, printed\n{done.stdout}instead of\n{wanted}"
                      f"and to standard error\n{done.stderr}")
    print(f"{name}: as in the guide")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("guide", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    options = parser.parse_args()
    guide, skipped, failed = options.guide.stem, [], False
    texts = blocks(options.guide)
    for name, builder in builders(guide, texts, options.build, options.work):
        try:
            command = builder()
            if command:
                check(name, command + arguments(guide, name), texts["output"])
        except Missing as reason:
            skipped.append(f"skipped: {guide}, {name}: {reason}")
        except (Failure, subprocess.TimeoutExpired) as failure:
            print(f"{guide}: {failure}", file=sys.stderr)
            failed = True
    # Not after a failure, which ctest would count as skipped.
    for reason in skipped if not failed else ():
        print(reason)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
