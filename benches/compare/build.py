# SPDX-License-Identifier: Apache-2.0
"""Builds the server and the clients under target/bench. Each client is a command to which its arguments are appended."""

import glob
import os
import pathlib
import shutil
import subprocess
import sys
import typing

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "target" / "bench"
CURL_CRATE = "0.4.91+curl-8.22.0"
PYTHON_PACKAGES = ["websocket-client==1.9.2", "wsaccel==0.6.7", "websockets==17.4", "picows==2.3.1", "uvloop==0.23.0",
                   "aiohttp==3.14.2"]
NODE_PACKAGES = ["ws@8.23.0", "bufferutil@4.1.0", "utf-8-validate@6.0.6"]
OPENSSL = ["-lssl", "-lcrypto"]
FLAGS = ["-Wall", "-Wextra", "-D_GNU_SOURCE"]


def run(command, **options):
    print("+", " ".join(str(word) for word in command), file=sys.stderr)
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr, **options)


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def compile_c(name, source, flags=(), libraries=(), compiler="cc", standard="-std=gnu99"):
    """Builds only what has changed; a changed header counts for all."""
    program, source = BUILD / name, HERE / source
    inputs = [source, *source.parent.glob("*.h"), *(HERE / "c").glob("*.h")]
    if not program.exists() or any(program.stat().st_mtime < path.stat().st_mtime for path in inputs):
        BUILD.mkdir(parents=True, exist_ok=True)
        run([compiler, standard, "-O3", "-DNDEBUG", *FLAGS, "-o", program, source, *flags, *libraries])
    return [str(program)]


def build_server():
    """The commands of the server without and with TLS; they take a port."""
    plain = compile_c("server", "server/server.c", [], ["-lz", "-lcrypto"])
    secure = compile_c("server_tls", "server/server.c", ["-DTLS"], ["-lz", *OPENSSL])
    if not (BUILD / "pki" / "certificate.pem").exists():
        make_certificate(BUILD / "pki")
    return plain, secure


def make_certificate(directory):
    directory.mkdir(parents=True, exist_ok=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    quiet = {"stderr": subprocess.DEVNULL, "cwd": directory}
    (directory / "extensions").write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
    run(["openssl", "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=bench ca", "-days", "3650",
         "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"], **quiet)
    run(["openssl", "req", *key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost"], **quiet)
    run(["openssl", "x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
         "-out", "certificate.pem", "-days", "3650", "-extfile", "extensions"], **quiet)


def wsline(build, name, source):
    flags = [f"-I{ROOT / 'include'}", f"-L{build / 'lib'}", f"-Wl,-rpath,{build / 'lib'}"]
    return compile_c(name, source, flags, ["-lwsline"])


def wsline_on_aws_lc():
    """The same client with a library that is built here, which takes minutes the first time."""
    build = BUILD / "wsline-aws-lc"
    run(["cmake", "-S", ROOT, "-B", build, "-DCMAKE_BUILD_TYPE=Release", "-DWSLINE_TLS=aws-lc",
         "-DWSLINE_BUILD_EXAMPLES=OFF", "-DWSLINE_BUILD_TESTS=OFF"])
    run(["cmake", "--build", build, "-j2"])
    return wsline(build, "wsline_aws_lc_client", "c/wsline.c")


def rust(name):
    """All Rust peers at once, in their own project."""
    target = BUILD / "rust"
    run(["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", HERE / "rust" / "Cargo.toml",
         "--target-dir", target])
    return [str(target / "release" / name)]


def curl():
    """Debian's libcurl may lack WebSockets, so it is built from the source inside a crate."""
    library, source = BUILD / "curl" / "lib" / "libcurl.a", BUILD / "curl-source"
    if not library.exists():
        home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
        crates = str(home / "registry" / "src" / "*" / f"curl-sys-{CURL_CRATE}" / "curl")
        if not glob.glob(crates):
            probe = BUILD / "curl-probe"
            (probe / "src").mkdir(parents=True, exist_ok=True)
            (probe / "src" / "lib.rs").write_text("")
            (probe / "Cargo.toml").write_text(
                f'[package]\nname = "probe"\nedition = "2021"\n[dependencies]\ncurl-sys = "={CURL_CRATE}"\n[workspace]\n')
            run(["cargo", "fetch", "--quiet"], cwd=probe)
        shutil.copytree(glob.glob(crates)[0], source, dirs_exist_ok=True)
        for directory in ("tests", "docs", "docs/examples"):  # not in the crate, but required by CMake
            (source / directory).mkdir(parents=True, exist_ok=True)
            (source / directory / "CMakeLists.txt").touch()
        off = ("CURL_USE_LIBPSL CURL_USE_LIBSSH2 USE_LIBIDN2 CURL_ZLIB CURL_BROTLI CURL_ZSTD USE_NGHTTP2 ENABLE_ARES "
               "BUILD_LIBCURL_DOCS BUILD_MISC_DOCS ENABLE_CURL_MANUAL BUILD_CURL_EXE BUILD_TESTING BUILD_SHARED_LIBS "
               "CURL_DISABLE_WEBSOCKETS")
        run(["cmake", "-S", source, "-B", BUILD / "curl", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_FLAGS=-O3",
             "-DBUILD_STATIC_LIBS=ON", "-DCURL_USE_OPENSSL=ON", *(f"-D{name}=OFF" for name in off.split())])
        run(["cmake", "--build", BUILD / "curl", "-j2"])
    return compile_c("curl_client", "c/curl.c", [f"-I{source / 'include'}"], [library, *OPENSSL, "-lpthread"])


def python(script):
    environment = BUILD / "venv"
    marker = environment / "packages"
    wanted = "\n".join(PYTHON_PACKAGES)
    if not marker.exists() or marker.read_text() != wanted:
        run([sys.executable, "-m", "venv", environment])
        run([environment / "bin" / "pip", "install", "--quiet", *PYTHON_PACKAGES])
        marker.write_text(wanted)
    return [str(environment / "bin" / "python"), str(HERE / "python" / script)]


def node(script):
    directory = BUILD / "node"
    if not (directory / "node_modules" / "ws").exists():
        directory.mkdir(parents=True, exist_ok=True)
        run(["npm", "install", "--silent", "--no-save", "--prefix", directory, *NODE_PACKAGES])
    return ["node", str(HERE / "node" / script)]


class Client(typing.NamedTuple):
    build: typing.Callable  # its argument is wsline's build directory
    is_native: bool = True  # whether instructions are counted
    environment: dict = {}
    is_quick: bool = False
    is_wsline: bool = False


CLIENTS = {
    "raw": Client(lambda _: compile_c("raw", "c/raw.c", [], OPENSSL), is_quick=True),
    "mini": Client(lambda _: compile_c("mini", "c/mini.c", [], OPENSSL), is_quick=True),
    "wsline": Client(lambda build: wsline(build, "wsline_client", "c/wsline.c"), is_quick=True, is_wsline=True),
    # The same program, receiving with wsline_conn_recv_many().
    "wsline+many": Client(lambda build: wsline(build, "wsline_client", "c/wsline.c"), environment={"BENCH_MANY": "1"},
                          is_wsline=True),
    # With wsline_options_set_spin_us(), for client and server on separate processors.
    "wsline+spin": Client(lambda build: wsline(build, "wsline_client", "c/wsline.c"),
                          environment={"BENCH_SPIN_US": "200"}, is_wsline=True),
    # With AWS-LC instead of OpenSSL; only with TLS. is_wsline is not set, because --smoke, a test
    # for every change, builds those clients, and this one takes minutes. By default it would offer
    # ML-KEM, which neither OpenSSL 3.0 nor ring does.
    "wsline+aws-lc": Client(lambda _: wsline_on_aws_lc(), environment={"BENCH_GROUPS": "X25519"}),
    "wsline-app": Client(lambda build: wsline(build, "wsline_app_client", "c/wsline_app.c"), is_wsline=True),
    "tungstenite": Client(lambda _: rust("tungstenite"), is_quick=True),
    # The same program with a read buffer of 4 KiB, which is better for small messages.
    "tungstenite+rb4k": Client(lambda _: rust("tungstenite"), environment={"BENCH_READBUF": "4096"}, is_quick=True),
    "fastwebsockets": Client(lambda _: rust("fastwebsockets")),
    "tokio-websockets": Client(lambda _: rust("tokio-websockets")),
    "sockudo-ws": Client(lambda _: rust("sockudo-ws")),
    "yawc": Client(lambda _: rust("yawc")),
    "web-socket": Client(lambda _: rust("web-socket")),
    "beast": Client(lambda _: compile_c("beast", "c/beast.cpp", [], [*OPENSSL, "-lpthread"], "c++", "-std=c++17"),
                    is_quick=True),
    "lws": Client(lambda _: compile_c("lws", "c/lws.c", [], ["-lwebsockets"])),
    "curl": Client(lambda _: curl()),
    "picows": Client(lambda _: python("picows_client.py"), is_native=False),
    "websocket-client": Client(lambda _: python("websocket_client.py"), is_native=False),
    "websockets": Client(lambda _: python("websockets_client.py"), is_native=False),
    "aiohttp": Client(lambda _: python("aiohttp_client.py"), is_native=False),
    "ws": Client(lambda _: node("ws.js"), is_native=False),
}


def locked(path):
    """The packages in a Cargo.lock: name to version."""
    found = {}
    for package in path.read_text().split("[[package]]"):
        fields = dict(line.split(" = ", 1) for line in package.splitlines() if " = " in line)
        if "name" in fields:
            found[fields["name"].strip('"')] = fields["version"].strip('"')
    return found


def versions():
    """The versions built here: name to version."""
    crates = locked(HERE / "rust" / "Cargo.lock")
    found = {name: version for name, version in crates.items() if name in CLIENTS or name in ("rustls", "ring", "tokio")}
    found["aws-lc-sys"] = locked(ROOT / "Cargo.lock")["aws-lc-sys"]
    found["curl"] = CURL_CRATE.split("curl-")[1]
    for package in PYTHON_PACKAGES:
        name, _, version = package.partition("==")
        found[name] = version
    found["ws"] = NODE_PACKAGES[0].split("@")[1]
    for name, command in {"lws": ("pkg-config", "--modversion", "libwebsockets"),
                          "beast": ("dpkg-query", "-W", "-f", "${Version}", "libboost-dev"),
                          "OpenSSL": ("openssl", "version"), "cc": ("cc", "-dumpfullversion"),
                          "rustc": ("rustc", "--version"), "node": ("node", "--version")}.items():
        try:
            found[name] = output(*command).rstrip("-")
        except (OSError, subprocess.CalledProcessError):
            found[name] = "?"
    return found
