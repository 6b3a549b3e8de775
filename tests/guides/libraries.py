# SPDX-License-Identifier: Apache-2.0
"""Where the other libraries come from: Debian's packages, or registries, cached in target/guides."""

import glob
import os
import pathlib
import shutil
import sys

from build import ROOT, TARGET, Failure, compile_program, run

CURL_CRATE = "0.4.91+curl-8.22.0"  # its headers
PYCURL = "7.49.0"  # its wheel contains libcurl with WebSockets, which that of Debian 12 lacks
WEBSOCKET_CLIENT = "1.9.2"
TUNGSTENITE = "0.30.0"


class Missing(Exception):
    """The library cannot be had here; the message says why."""


def need(condition, text):
    if not condition:
        raise Missing(text)


def need_header(name, package):
    need(pathlib.Path("/usr/include", name).exists(), f"{package} is not installed")


def install(text, command, **options):
    """Runs a command that needs a registry."""
    try:
        run(command, **options)
    except (Failure, OSError) as error:
        raise Missing(f"{text}: {str(error).strip().splitlines()[-1]}") from error


def websocketpp(program, source):
    need_header("websocketpp/client.hpp", "libwebsocketpp-dev")
    need_header("boost/asio.hpp", "libboost-dev")
    return [compile_program(source, program, libraries=["-lpthread"])]


def beast(program, source):
    need_header("boost/beast.hpp", "libboost-dev")
    return [compile_program(source, program, libraries=["-lpthread"])]


def libwebsockets(program, source):
    need_header("libwebsockets.h", "libwebsockets-dev")
    return [compile_program(source, program, ["-Wall", "-Wextra"], ["-lwebsockets"])]


def ixwebsocket(program, source):
    """No registry has it. With the headers of wsline the program is tested in any case."""
    if not pathlib.Path("/usr/include/ixwebsocket/IXWebSocket.h").exists():
        return None
    return [compile_program(source, program, libraries=["-lixwebsocket", "-lz", "-lssl", "-lcrypto", "-lpthread"])]


def python(name, packages):
    """A virtual environment with these packages."""
    environment = TARGET / name
    marker = environment / "packages"
    if not marker.exists() or marker.read_text() != repr(packages):
        shutil.rmtree(environment, ignore_errors=True)
        install("cannot create a virtual environment", [sys.executable, "-m", "venv", environment])
        install(f"pip cannot install {packages}",
                [environment / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *packages])
        marker.write_text(repr(packages))
    return environment


def websocket_client(program, source):
    environment = python("websocket-client", [f"websocket-client=={WEBSOCKET_CLIENT}"])
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(source)
    return [environment / "bin" / "python", program]


def libcurl(program, source):
    environment = python("pycurl", ["--only-binary", ":all:", f"pycurl=={PYCURL}"])
    libraries = glob.glob(str(environment / "lib*" / "python*" / "site-packages" / "pycurl.libs" / "libcurl-*"))
    need(libraries, "the wheel of pycurl contains no libcurl for this system")
    folder = pathlib.Path(libraries[0]).parent
    flags = ["-Wall", "-Wextra", f"-I{curl_headers()}"]
    return [compile_program(source, program, flags, [libraries[0], f"-Wl,-rpath,{folder}"])]


def curl_headers():
    home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    crates = str(home / "registry" / "src" / "*" / f"curl-sys-{CURL_CRATE}" / "curl" / "include")
    if not glob.glob(crates):
        fetch = TARGET / "curl-headers"
        project(fetch, f'curl-sys = "={CURL_CRATE}"', "")
        install("cargo cannot fetch curl-sys", ["cargo", "fetch", "--quiet"], cwd=fetch)
    return glob.glob(crates)[0]


def tungstenite(program, source):
    folder = TARGET / "tungstenite"
    project(folder, f'tungstenite = "={TUNGSTENITE}"', source)
    install("cargo cannot fetch tungstenite", ["cargo", "fetch", "--quiet"], cwd=folder)
    run(["cargo", "build", "--quiet", "--offline"], cwd=folder)
    program.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(folder / "target" / "debug" / "before", program)
    return [program]


def project(folder, dependency, source):
    """A Cargo project; with the versions that the benchmarks use, which are known to work with this Rust."""
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "before"\nedition = "2021"\n[dependencies]\n{dependency}\n[workspace]\n')
    if not (folder / "Cargo.lock").exists():
        shutil.copy(ROOT / "benches" / "compare" / "rust" / "Cargo.lock", folder)
    file = folder / "src" / ("main.rs" if source else "lib.rs")
    if not file.exists() or file.read_text() != source:
        file.write_text(source)


BEFORE = {
    "websocketpp": websocketpp,
    "beast": beast,
    "ixwebsocket": ixwebsocket,
    "libwebsockets": libwebsockets,
    "libcurl": libcurl,
    "websocket-client": websocket_client,
    "tungstenite": tungstenite,
}
