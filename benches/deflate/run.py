#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What permessage-deflate costs a client: CPU time per MiB compressed and sent, received and inflated.

usage: run.py [--build BUILD] [--size BYTES] [--rounds N]

Each client uses the same server (server.py), which neither inflates what it receives nor compresses
what it sends. A round runs every client twice, the second time with four times as many messages; the
difference excludes the cost of starting a process. Prints medians, and ratios to wsline.
"""

import argparse
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = ROOT / "target" / "peers"
PYTHON = PEERS / "venv" / "bin" / "python"

MESSAGES = 16
MIB = 1 << 20
MIB_PER_RUN = 8
LEVELS = (1, 6)


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as directory:
        clients = build_clients(arguments.build, pathlib.Path(directory))
        messages = pathlib.Path(directory) / "messages"
        messages.write_bytes(make_messages(arguments.size))
        for work in ("compress", "inflate"):
            for level in LEVELS if work == "compress" else LEVELS[1:]:
                rows = measure(clients, work, level, messages, arguments)
                show(work, level, arguments.size, rows)


def parse_arguments():
    _, usage, details = __doc__.split("\n\n", 2)
    parser = argparse.ArgumentParser(usage=usage.removeprefix("usage: "), description=details)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def build_clients(build, directory):
    wsline = directory / "client"
    library = build.resolve() / "lib"
    subprocess.check_call(
        ["cc", "-O2", "-std=c99", HERE / "client.c", "-o", wsline, f"-I{ROOT}/include"]
        + [f"-L{library}", "-lwsline", f"-Wl,-rpath,{library}"]
    )
    return {
        "wsline": [wsline],
        "websockets": [PYTHON, HERE / "client.py"],
        "ws": ["node", HERE / "client.js"],
    }


def make_messages(size):
    """Stock quotes in JSON, the same in every run."""
    source = random.Random(1)
    messages = []
    for _ in range(MESSAGES):
        quotes = ""
        while len(quotes) < size:
            symbol = source.choice(["BTC", "ETH", "SOL", "XRP", "ADA"])
            price, quantity = source.randrange(10**7) / 100, source.randrange(10**6) / 1000
            side, time = source.choice(["buy", "sell"]), 1732100000000 + source.randrange(10**8)
            quotes += f'{{"symbol":"{symbol}USDT","price":{price},"quantity":{quantity},'
            quotes += f'"side":"{side}","time":{time}}},'
        messages.append(quotes[:size])
    return "".join(messages).encode()


def measure(clients, work, level, messages, arguments):
    """For each client, the CPU milliseconds and the bytes on the wire per MiB."""
    few = MIB_PER_RUN * MIB // arguments.size
    rounds = {name: [] for name in clients}
    for _ in range(arguments.rounds):
        for name, command in clients.items():
            with Server(work, level, messages, arguments.size) as server:
                runs = [
                    run(command, work, server.url(count), messages, arguments.size, count, level)
                    for count in (few, 4 * few)
                ]
                wire = server.wire_bytes()
            seconds = runs[1] - runs[0]
            mib = 3 * few * arguments.size / MIB
            rounds[name].append((1000 * seconds / mib, wire / (5 * few * arguments.size)))
    return {name: [statistics.median(each) for each in zip(*rows)] for name, rows in rounds.items()}


def run(command, *words):
    process = subprocess.Popen([str(word) for word in [*command, *words]])
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"run.py: {command[-1]} failed")
    return usage.ru_utime + usage.ru_stime


class Server:
    def __init__(self, work, level, messages, size):
        words = [PYTHON, HERE / "server.py", work, level, messages, size]
        self._process = subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._port = int(self._process.stdout.readline())

    def url(self, count):
        return f"ws://127.0.0.1:{self._port}/{count}"

    def wire_bytes(self):
        self._process.stdin.close()
        return int(self._process.stdout.read())

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.kill()
        self._process.wait()


def show(work, level, size, rows):
    title = f"{work}, messages of {size} bytes"
    print(title + (f", level {level}" if work == "compress" else ""))
    base = rows["wsline"][0]
    for name, (milliseconds, wire) in rows.items():
        print(
            f"  {name:12} {milliseconds:8.2f} ms/MiB  {milliseconds / base:5.2f} x"
            f"  {wire:6.3f} of the bytes on the wire"
        )


if __name__ == "__main__":
    main()
