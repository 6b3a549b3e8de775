#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""User-space instructions per message, counted by callgrind; fails above the limits in ROWS.

usage: run.py [--build BUILD] [--no-limits] [--only TITLE]

Each row runs the client twice, for few and for many messages, and divides the difference: start-up
is out of it. Included are the library, libc, OpenSSL and the few instructions of the client itself.
The counts do not depend on how fast or how busy the machine is.
"""

import argparse
import contextlib
import pathlib
import subprocess
import sys
import tempfile
import typing

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Far more than a busy machine needs.
TIMEOUT_S = 600


class Row(typing.NamedTuple):
    title: str
    work: str
    size: int
    batch: int
    batches: tuple  # few, many
    limit: typing.Optional[int]
    tls: bool = False


ROWS = [
    Row("receive 16 B", "receive", 16, 4096, (4, 12), 300),
    Row("receive 1 KiB", "receive", 1024, 128, (8, 32), 350),
    Row("corked send 16 B", "send", 16, 1024, (8, 32), 250),
    Row("corked send 1 KiB", "send", 1024, 128, (8, 32), 550),
    Row("pipelined echo 16 B", "echo", 16, 64, (20, 100), 600),
    Row("pipelined echo 1 KiB", "echo", 1024, 64, (20, 100), 950),
    Row("echo 16 B", "echo", 16, 1, (500, 2500), 900),
    Row("app echo 16 B", "app", 16, 1, (500, 2500), 1400),
    Row("connect and close", "connect", 16, 1, (20, 100), 22000),
    Row("TLS echo 1 KiB", "echo", 1024, 1, (500, 2500), None, tls=True),
]
SERVER_KINDS = {"receive": "source", "send": "sink"}  # else echo
# Which column counts an object file; all others are "other".
COLUMNS = {"libwsline": "wsline", "libssl": "OpenSSL", "libcrypto": "OpenSSL"}


def main():
    arguments = parse_arguments()
    rows = [row for row in ROWS if arguments.only in row.title]
    exceeded = []
    print("| work | instructions per message | limit | wsline | OpenSSL | other |")
    print("|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as servers:
        bench = Bench(arguments.build, pathlib.Path(directory), servers)
        for row in rows:
            counts = bench.per_message(row)
            total = sum(counts.values())
            if row.limit is not None and total > row.limit:
                exceeded.append(f"{row.title}: {total:.0f}, at most {row.limit}")
            parts = " | ".join(f"{counts[name]:.0f}" for name in ("wsline", "OpenSSL", "other"))
            print(f"| {row.title} | {total:.0f} | {row.limit or '–'} | {parts} |", flush=True)
    if exceeded and not arguments.no_limits:
        sys.exit("\n".join(["above the limit:", *exceeded]))


def parse_arguments():
    _, usage, details = __doc__.split("\n\n", 2)
    parser = argparse.ArgumentParser(usage=usage.removeprefix("usage: "), description=details)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--no-limits", action="store_true", help="print only")
    parser.add_argument("--only", default="", help="the rows whose title contains this")
    return parser.parse_args()


class Bench:
    def __init__(self, build, directory, servers):
        self._directory = directory
        self._client = directory / "client"
        self._server = directory / "server"
        self._certificate = directory / "certificate.pem"
        self._servers = servers
        self._ports = {}
        library = build.resolve() / "lib"
        compile_c("client.c", self._client, f"-I{ROOT}/include", f"-L{library}", "-lwsline",
                  f"-Wl,-rpath,{library}")  # fmt: skip
        compile_c("server.c", self._server, "-lssl", "-lcrypto", "-pthread")

    def per_message(self, row):
        """The difference of two runs, for each column."""
        few, many = (self._instructions(row, batches) for batches in row.batches)
        messages = (row.batches[1] - row.batches[0]) * row.batch
        return {name: (many[name] - few[name]) / messages for name in many}

    def _instructions(self, row, batches):
        out = self._directory / "callgrind.out"
        callgrind = [
            "valgrind",
            "--tool=callgrind",
            "--toggle-collect=measured_*",
            "--compress-strings=no",
            "--compress-pos=no",
            f"--callgrind-out-file={out}",
        ]
        run(callgrind + self._client_command(row, batches))
        return instructions_by_column(out)

    def _client_command(self, row, batches):
        scheme = "wss" if row.tls else "ws"
        kind = SERVER_KINDS.get(row.work, "echo")
        url = f"{scheme}://127.0.0.1:{self._port(row.tls)}/{kind}/{row.size}/{row.batch}"
        words = [self._client, row.work, url, row.size, row.batch, batches]
        return [str(word) for word in words + ([self._certificate] if row.tls else [])]

    def _port(self, tls):
        if tls not in self._ports:
            command = [self._server]
            if tls:
                key = self._directory / "key.pem"
                make_certificate(self._certificate, key)
                command += [self._certificate, key]
            self._ports[tls] = start_server(self._servers, command)
        return self._ports[tls]


def compile_c(source, program, *words):
    subprocess.check_call(["cc", "-O2", "-std=c99", HERE / source, "-o", program, *words])


def make_certificate(certificate, key):
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
    command += " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    run([*command.split(), "-out", str(certificate), "-keyout", str(key)])


@contextlib.contextmanager
def process(command):
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield server
    finally:
        server.kill()
        server.wait()


def start_server(servers, command):
    return int(servers.enter_context(process(command)).stdout.readline())


def run(command):
    """What the command says matters only when it fails."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S
    )
    if done.returncode != 0:
        sys.exit(f"{done.stdout}run.py: {command[0]} failed")


def instructions_by_column(path):
    """What callgrind counted in the code of each object file, without what that code called."""
    counts = {"wsline": 0, "OpenSSL": 0, "other": 0}
    column, follows_call = "other", False
    for line in path.read_text().splitlines():
        if line.startswith("ob="):
            name = pathlib.PurePath(line.removeprefix("ob=")).name
            column = COLUMNS.get(name.split(".")[0], "other")
        elif line.startswith("calls="):
            follows_call = True
        elif line[:1].isdigit():
            # "LINE COUNT"; behind "calls=" the count is that of the callee.
            if not follows_call:
                counts[column] += int(line.split()[1])
            follows_call = False
    return counts


if __name__ == "__main__":
    main()
