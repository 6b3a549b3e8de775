"""Counts the cost of a message: user-space instructions with callgrind, or system calls with strace.

usage: run.py [--build BUILD] [--system-calls] [--no-limits] [--only TITLE]

Fails above the limits, which are in the tables Instructions.ROWS and SystemCalls.ROWS next to the
goals, most of which are not reached yet. Each row runs the client twice, for few and for many
messages, and divides the difference, which excludes start-up. The counts include the library, libc,
OpenSSL and the few instructions of the client itself. They do not depend on how fast or how busy
the machine is.
"""

import argparse
import contextlib
import pathlib
import re
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
    limit: typing.Optional[float]  # the current value, with a small margin
    goal: typing.Optional[int] = None
    tls: bool = False
    only: tuple = ()  # system calls; default: all
    client: str = "client.c"


SERVER_KINDS = {"receive": "source", "send": "sink"}  # default: echo


class Instructions:
    """Counts in the client's functions measured_*() and in the functions they call."""

    ROWS = [
        Row("receive 16 B", "receive", 16, 4096, (4, 12), 299, 300),
        Row("receive 1 KiB", "receive", 1024, 128, (8, 32), 315, 350),
        Row("corked send 16 B", "send", 16, 1024, (8, 32), 327, 250),
        Row("corked send 1 KiB", "send", 1024, 128, (8, 32), 666, 550),
        Row("pipelined echo 16 B", "echo", 16, 64, (20, 100), 666, 600),
        Row("pipelined echo 1 KiB", "echo", 1024, 64, (20, 100), 1000, 950),
        Row("echo 16 B", "echo", 16, 1, (500, 2500), 1551, 900),
        Row("app echo 16 B", "app", 16, 1, (500, 2500), 1874, 1400),
        Row("connect and close", "connect", 16, 1, (20, 100), 28700, 22000),
        Row("TLS echo 1 KiB", "echo", 1024, 1, (500, 2500), None, tls=True),
        # At most 3 % above the limits of the same work in C.
        Row("C++ receive 16 B", "receive", 16, 4096, (4, 12), 307, client="client.cpp"),
        Row("C++ echo 16 B", "echo", 16, 1, (500, 2500), 1597, client="client.cpp"),
        Row("C++ app echo 16 B", "app", 16, 1, (500, 2500), 1930, client="client.cpp"),
    ]
    HEAD = ("instructions", "limit", "goal", "wsline", "OpenSSL", "other")
    # The column of each object file; all others are "other".
    OBJECTS = {"libwsline": "wsline", "libssl": "OpenSSL", "libcrypto": "OpenSSL"}

    def command(self, _row, out):
        options = ["--toggle-collect=measured_*", "--compress-strings=no", "--compress-pos=no"]
        return ["valgrind", "--tool=callgrind", *options, f"--callgrind-out-file={out}"]

    def read(self, out):
        """The instructions in the code of each object file, excluding its callees."""
        counts = {"wsline": 0, "OpenSSL": 0, "other": 0}
        column, follows_call = "other", False
        for line in out.splitlines():
            if line.startswith("ob="):
                name = pathlib.PurePath(line.removeprefix("ob=")).name
                column = self.OBJECTS.get(name.split(".")[0], "other")
            elif line.startswith("calls="):
                follows_call = True
            elif line[:1].isdigit():
                # "LINE COUNT"; after "calls=" the count is that of the callee.
                if not follows_call:
                    counts[column] += int(line.split()[1])
                follows_call = False
        return counts

    def cells(self, counts):
        total = f"{sum(counts.values()):.0f}"
        return total, [f"{counts[name]:.0f}" for name in self.HEAD[3:]]


class SystemCalls:
    """Counts in the whole client, so its rows do only what their names say."""

    SENDING = ("sendto", "sendmsg", "write", "writev")
    ROWS = [
        Row("echo 16 B", "echo", 16, 1, (100, 500), 2, 2),
        Row("app echo 16 B", "app", 16, 1, (100, 500), 3, 3),
        Row("echo 1 MiB, sending", "echo", 1 << 20, 1, (10, 30), 1, 1, only=SENDING),
        # A reply may arrive in two segments.
        Row("connect and close", "connect", 16, 1, (20, 100), 12.5, 12),
        Row("TLS echo 1 KiB", "echo", 1024, 1, (100, 500), 2, 2, tls=True),
        Row("TLS connect and close", "connect", 16, 1, (20, 100), 22.5, tls=True),
    ]
    HEAD = ("system calls", "limit", "goal", "which")
    LINE = re.compile(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)")

    def command(self, row, out):
        names = ",".join(row.only) or "all"
        return ["strace", "-f", "-c", "-e", f"trace={names}", "-o", str(out)]

    def read(self, out):
        lines = (self.LINE.fullmatch(line) for line in out.splitlines())
        return {line[2]: int(line[1]) for line in lines if line and line[2] != "total"}

    def cells(self, counts):
        counts = {name: count for name, count in counts.items() if count >= 0.01}
        total = f"{sum(counts.values()):.2f}"
        return total, [", ".join(f"{name} {counts[name]:.2f}" for name in sorted(counts))]


def main():
    arguments = parse_arguments()
    counter = SystemCalls() if arguments.system_calls else Instructions()
    exceeded = []
    print_row(["work, per message", *counter.HEAD])
    print_row(["---"] + ["---:"] * len(counter.HEAD))
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as servers:
        bench = Bench(counter, arguments.build, pathlib.Path(directory), servers)
        for row in counter.ROWS:
            if arguments.only not in row.title:
                continue
            counts = bench.per_message(row)
            total = round(sum(counts.values()), 2)
            if row.limit is not None and total > row.limit:
                exceeded.append(f"{row.title}: {total:g}, at most {row.limit}")
            shown, cells = counter.cells(counts)
            print_row([row.title, shown, row.limit or "–", row.goal or "–", *cells])
    if exceeded and not arguments.no_limits:
        sys.exit("\n".join(["above the limit:", *exceeded]))


def parse_arguments():
    _, usage, details = __doc__.split("\n\n", 2)
    parser = argparse.ArgumentParser(usage=usage.removeprefix("usage: "), description=details)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--system-calls", action="store_true", help="not instructions")
    parser.add_argument("--no-limits", action="store_true", help="print only")
    parser.add_argument("--only", default="", help="the rows whose title contains this")
    return parser.parse_args()


def print_row(cells):
    print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)


class Bench:
    def __init__(self, counter, build, directory, servers):
        self._counter = counter
        self._directory = directory
        self._library = build.resolve() / "lib"
        self._server = directory / "server"
        self._certificate = directory / "certificate.pem"
        self._servers = servers
        self._ports = {}
        self._clients = {}
        compile_program("server.c", self._server, "-lssl", "-lcrypto", "-pthread")

    def per_message(self, row):
        """The difference between two runs, for each counted item."""
        few, many = (self._count(row, batches) for batches in row.batches)
        messages = (row.batches[1] - row.batches[0]) * row.batch
        return {name: (many[name] - few.get(name, 0)) / messages for name in many}

    def _count(self, row, batches):
        out = self._directory / "counts"
        run(self._counter.command(row, out) + self._client_command(row, batches))
        return self._counter.read(out.read_text())

    def _client_command(self, row, batches):
        scheme = "wss" if row.tls else "ws"
        kind = SERVER_KINDS.get(row.work, "echo")
        url = f"{scheme}://127.0.0.1:{self._port(row.tls)}/{kind}/{row.size}/{row.batch}"
        words = [self._client(row.client), row.work, url, row.size, row.batch, batches]
        return [str(word) for word in words + ([self._certificate] if row.tls else [])]

    def _client(self, source):
        if source not in self._clients:
            program = self._directory / source.replace(".", "_")
            compile_program(source, program, f"-I{ROOT}/include", f"-L{self._library}", "-lwsline",
                            f"-Wl,-rpath,{self._library}")  # fmt: skip
            self._clients[source] = program
        return self._clients[source]

    def _port(self, tls):
        if tls not in self._ports:
            command = [self._server]
            if tls:
                key = self._directory / "key.pem"
                make_certificate(self._certificate, key)
                command += [self._certificate, key]
            self._ports[tls] = start_server(self._servers, command)
        return self._ports[tls]


def compile_program(source, program, *words):
    compiler = ["c++", "-std=c++17"] if source.endswith(".cpp") else ["cc", "-std=c99"]
    subprocess.check_call([*compiler, "-O2", HERE / source, "-o", program, *words])


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
    """The command's output matters only if it fails."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S
    )
    if done.returncode != 0:
        sys.exit(f"{done.stdout}run.py: {command[0]} failed")


if __name__ == "__main__":
    main()
