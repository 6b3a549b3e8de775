# SPDX-License-Identifier: Apache-2.0
"""The scenarios. Each row is one run of a client: `client URL KIND SIZE COUNT WINDOW`."""

import typing


class Scenario(typing.NamedTuple):
    name: str
    group: str
    what: str
    kind: str  # echo, source, sink, connect, idle, busy; then -text, -z
    size: int
    window: int = 1
    path: str = "/echo"
    tls: bool = False
    most: int = 200_000  # maximum number of messages of a run
    least: int = 1000  # messages of the run that estimates the count
    only: tuple = ()  # clients; by default all that do not name their scenarios

    def url(self, ports, count):
        base = f"wss://localhost:{ports[1]}" if self.tls else f"ws://127.0.0.1:{ports[0]}"
        return base + self.path.format(size=self.size, count=count)


SOURCE = "/source?size={size}&count={count}"
SINK = "/sink?count={count}"
APP = ("wsline-app",)
ECHO, PIPE, STREAM = "Ping-pong echo", "Pipelined echo", "Streams"
CONNECT, TLS, DEFLATE = "Connections", "TLS", "permessage-deflate"
MEMORY, APPS = "Memory", "Apps: the callback client, one loop, one thread"


def echoes():
    sizes = [(16, "16 B", 200_000, 1000), (1024, "1 KiB", 200_000, 1000), (65536, "64 KiB", 20_000, 100),
             (262144, "256 KiB", 5000, 30), (1 << 20, "1 MiB", 1500, 10)]
    for suffix, kind in (("", "binary"), ("-text", "text")):
        for size, label, most, least in sizes:
            name = f"echo{suffix}-{label.replace(' ', '').removesuffix('B').removesuffix('i').lower()}"
            yield Scenario(name, ECHO, f"{label}, {kind}", "echo" + suffix, size, most=most, least=least)


def streams():
    sizes = [(16, "16 B", 16_000_000, 20_000), (1024, "1 KiB", 2_000_000, 5000), (65536, "64 KiB", 32_000, 200),
             (262144, "256 KiB", 8000, 50)]
    for kind, path, verb in (("source", SOURCE, "receive"), ("sink", SINK, "send")):
        for size, label, most, least in sizes:
            name = f"{kind}-{label.replace(' ', '').removesuffix('B').removesuffix('i').lower()}"
            yield Scenario(name, STREAM, f"{verb} {label}", kind, size, path=path, most=most, least=least)
    yield Scenario("source-text-1k", STREAM, "receive 1 KiB of text", "source-text", 1024, path=SOURCE + "&text=1",
                   most=1_500_000, least=5000)


SCENARIOS = [
    *echoes(),
    Scenario("pipe-16", PIPE, "64 of 16 B", "echo", 16, window=64, most=4_000_000, least=6400),
    Scenario("pipe-1k", PIPE, "64 of 1 KiB", "echo", 1024, window=64, most=1_500_000, least=6400),
    *streams(),
    Scenario("connect", CONNECT, "connect and close", "connect", 16, most=4000, least=50),
    Scenario("connect-tls", TLS, "connect and close, TLS 1.3", "connect", 16, tls=True, most=2000, least=50),
    Scenario("tls-echo-1k", TLS, "echo of 1 KiB", "echo", 1024, tls=True, most=100_000, least=500),
    Scenario("tls-source-64k", TLS, "receive 64 KiB", "source", 65536, path=SOURCE, tls=True, most=16_000, least=100),
    Scenario("echo-z-4k", DEFLATE, "echo of 4 KiB", "echo-z", 4096, path="/echo?deflate=1", most=50_000, least=100),
    Scenario("source-z-4k", DEFLATE, "receive 4 KiB", "source-z", 4096, path=SOURCE + "&deflate=1", most=200_000,
             least=500),
    Scenario("idle-1000", MEMORY, "1,000 connections", "idle", 1024, most=1000),
    Scenario("idle-tls-500", MEMORY, "500 connections under TLS", "idle", 1024, tls=True, most=500),
    Scenario("app-echo-16", APPS, "echo of 16 B", "echo", 16, only=APP),
    Scenario("app-source-16", APPS, "receive 16 B", "source", 16, path=SOURCE, most=16_000_000, least=20_000, only=APP),
    Scenario("app-idle-1000", APPS, "1,000 quiet apps", "idle", 1024, most=1000, only=APP),
    Scenario("app-idle-tls-500", APPS, "500 quiet apps under TLS", "idle", 1024, tls=True, most=500, only=APP),
    Scenario("app-idle-10000", APPS, "10,000 quiet apps", "idle", 1024, most=10_000, only=APP),
    Scenario("app-busy-100", APPS, "echo of 16 B, 100 busy among 10,000", "busy", 16, window=100, most=100_000,
             least=50_000, only=APP),
]

# The scenarios of make bench-quick.
QUICK = ["echo-16", "echo-1k", "echo-1m", "pipe-16", "source-16", "source-1k", "sink-16", "connect", "tls-echo-1k"]
