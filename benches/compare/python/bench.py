# SPDX-License-Identifier: Apache-2.0
"""Shared part of the Python peer clients: same CLI contract, payloads and JSON line as common.h."""
import json, os, resource, ssl, sys, time
from urllib.parse import urlsplit

UNIT = "Hi wörld ✓ 你好 😀, plain ascii words follow here; ".encode()


def _text(n):
    s = (UNIT * (n // len(UNIT) + 1))[:n]
    keep = s.decode("utf-8", "ignore").encode()
    return keep + b"x" * (n - len(keep))


def _json(n, idx):
    M = 0xFFFFFFFF
    x = (2463534242 + idx * 2654435761) & M
    o, r = '{"idx":%d,"items":[' % idx, 0
    while True:
        x ^= (x << 13) & M
        x ^= x >> 17
        x ^= (x << 5) & M
        k = '%s{"id":%d,"symbol":"SYM%03d","price":%d.%02d,"qty":%d,"side":"%s"}' % (
            "," if r else "", idx * 1000 + r, x % 997, x % 50000, (x >> 8) % 100, (x >> 16) % 1000, "buy" if x & 1 else "sell")
        if len(o) + len(k) + 2 > n:
            break
        o += k
        r += 1
    return (o + " " * (n - 2 - len(o)) + "]}").encode()


class Bench:
    def __init__(self, client):
        if len(sys.argv) < 5:
            sys.exit("usage: %s URL SCENARIO SIZE COUNT [WINDOW]" % sys.argv[0])
        self.client, self.url, self.scenario = client, sys.argv[1], sys.argv[2]
        self.size, self.count = int(sys.argv[3]), int(sys.argv[4])
        self.window = max(1, int(sys.argv[5])) if len(sys.argv) > 5 else 1
        self.kind = self.scenario.split("-")[0]
        self.text, self.deflate = "-text" in self.scenario, "-z" in self.scenario
        self.tls = self.url.startswith("wss:")
        self.rss = [0, 0, 0]

    def payloads(self):
        """64 payloads as bytes, all the same one unless deflate"""
        if self.deflate:
            return [_json(self.size, i) for i in range(64)]
        return [_text(self.size) if self.text else bytes((i * 31 + 7) & 255 for i in range(self.size))] * 64

    @property
    def is_text(self):
        return self.text or self.deflate

    def ssl_context(self):
        return ssl.create_default_context(cafile=os.environ["BENCH_CA"]) if self.tls else None

    def start(self):
        self.r0 = resource.getrusage(resource.RUSAGE_SELF)
        self.t0 = time.perf_counter()

    def stop(self):
        w = time.perf_counter() - self.t0
        r, q = resource.getrusage(resource.RUSAGE_SELF), self.r0
        d = dict(client=self.client, scenario=self.scenario, size=self.size, count=self.count, window=self.window, wall_s=round(w, 6),
                 user_s=round(r.ru_utime - q.ru_utime, 6), sys_s=round(r.ru_stime - q.ru_stime, 6), maxrss_kb=r.ru_maxrss,
                 msgs_per_s=round(self.count / w, 1), mb_per_s=round(self.count * self.size / w / 1e6, 3), nvcsw=r.ru_nvcsw - q.ru_nvcsw)
        if self.kind == "idle":
            d.update(rss_before_kb=self.rss[0], rss_conn_kb=self.rss[1], rss_echo_kb=self.rss[2])
        print(json.dumps(d, separators=(",", ":")), flush=True)

    @staticmethod
    def rss_kb():
        return int(open("/proc/self/statm").read().split()[1]) * 4

    @staticmethod
    def unsupported(m):
        print(m, file=sys.stderr)
        sys.exit(3)


def drive(b, open_, send, recv, close):
    """the scenarios for blocking clients: open_() -> c; send(c, payload); recv(c) -> message or None when closed; close(c).
    recv returns str for text, bytes for binary."""
    pl = b.payloads()
    if b.is_text:
        want = [len(p.decode()) for p in pl]
        typ = str
    else:
        want = [len(p) for p in pl]
        typ = bytes

    def echo(c, count):
        i = 0
        while i < count:
            w = min(b.window, count - i)
            for j in range(i, i + w):
                send(c, pl[j & 63])
            for j in range(i, i + w):
                m = recv(c)
                if type(m) is not typ or len(m) != want[j & 63]:
                    raise SystemExit("echo: %r" % (m if m is None else (type(m), len(m)),))
            i += w

    if b.kind == "echo":
        c = open_()
        b.start()
        echo(c, b.count)
        b.stop()
        close(c)
    elif b.kind == "source":
        b.start()
        c = open_()
        n = 0
        while (m := recv(c)) is not None:
            if len(m) != want[0]:
                raise SystemExit("source: %d" % len(m))
            n += 1
        if n != b.count:
            raise SystemExit("source: %d messages" % n)
        close(c)
        b.stop()
    elif b.kind == "sink":
        c = open_()
        b.start()
        for i in range(b.count):
            send(c, pl[i & 63])
        if len(recv(c)) != 4:
            raise SystemExit("sink")
        b.stop()
        close(c)
    elif b.kind == "connect":
        # One-time costs of a process are not part of a connect.
        close(open_())
        b.start()
        for _ in range(b.count):
            close(open_())
        b.stop()
    elif b.kind == "idle":
        w = open_()
        b.rss[0] = b.rss_kb()
        b.start()
        v = [open_() for _ in range(b.count)]
        b.rss[1] = b.rss_kb()
        for c in v:
            echo(c, 1)
        b.rss[2] = b.rss_kb()
        b.stop()
        os._exit(0)
