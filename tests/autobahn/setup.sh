#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# setup.sh: installs the Autobahn|TestSuite under target/autobahn. Needs no root; quiet when done.
#
# The suite runs on Python 2.7 only. Debian 11 is the last release that has it: its packages are
# unpacked, not installed. On systems other than Debian (amd64), set one of
#   PY27     a Python 2.7 interpreter to use
#   MIRROR   a Debian mirror, if apt is not configured with one
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
target=$(cd "$here/../.." && pwd)/target/autobahn
site=$target/site27

key="${PY27:-debian} $(cat "$0" "$here/requirements27.txt" | cksum)"
[ "$(cat "$target/stamp" 2> /dev/null || true)" = "$key" ] && exit 0
mkdir -p "$target"
exec 9> "$target/lock"
flock 9
[ "$(cat "$target/stamp" 2> /dev/null || true)" = "$key" ] && exit 0

need() {
    command -v "$1" > /dev/null && return
    echo "$0: $1 is missing: on Debian, apt-get install $2" >&2
    exit 1
}

unpack_python27() {
    need apt-get apt
    need dpkg-deb dpkg
    local apt=$target/apt mirror packages
    packages=(python2.7{,-minimal,-dev} libpython2.7{,-minimal,-stdlib,-dev} libssl1.1 libffi7)
    mirror=${MIRROR:-$(system_mirror)}
    if [ -z "$mirror" ]; then
        echo "$0: apt has no mirror configured: set MIRROR" >&2
        exit 1
    fi
    rm -rf "$apt" "$target/python27"
    mkdir -p "$apt"/{lists,archives}/partial "$apt/debs" "$target/python27"
    : > "$apt/status"
    echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
        "$mirror bullseye main" > "$apt/sources.list"
    private_apt_get "$apt" update
    (cd "$apt/debs" && private_apt_get "$apt" download "${packages[@]}")
    for deb in "$apt"/debs/*.deb; do
        dpkg-deb -x "$deb" "$target/python27"
    done
    rm -rf "$apt"
    cat > "$target/python" << 'WRAPPER'
#!/bin/sh
root=$(dirname "$0")/python27
export LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu"
exec "$root/usr/bin/python2.7" "$@"
WRAPPER
    chmod +x "$target/python"
}

system_mirror() {
    # shellcheck disable=SC2016  # apt expands it
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
        awk '!/security/ { print; exit }'
}

# private_apt_get STATE ARGUMENT...: apt-get with its sources, lists and downloads under STATE
private_apt_get() {
    local state=$1
    shift
    apt-get -qq \
        -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State="$state" -o Dir::State::lists="$state/lists" \
        -o Dir::State::status="$state/status" \
        -o Dir::Cache="$state" -o Dir::Cache::archives="$state/archives" \
        -o APT::Sandbox::User="$(id -un)" -o APT::Update::Error-Mode=any \
        -o Acquire::Languages=none \
        "$@"
}

# pip 20.3.4 is the last version for Python 2.7; it runs directly from its wheel.
fetch_pip27() {
    local python
    python=$(python_with_pip)
    rm -rf "$target/pip"
    "$python" -m pip download -q --disable-pip-version-check --no-deps \
        --only-binary :all: --python-version 2.7 -d "$target/pip" pip==20.3.4
}

python_with_pip() {
    if python3 -m pip --version > /dev/null 2>&1; then
        echo python3
    elif python3 -m venv "$target/venv" > /dev/null 2>&1; then
        echo "$target/venv/bin/python"
    else
        echo "$0: Python has neither pip nor venv: on Debian, apt-get install python3-venv" >&2
        exit 1
    fi
}

pip27() {
    local wheel=("$target"/pip/pip-*.whl)
    PYTHONPATH=$site PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_PYTHON_VERSION_WARNING=1 \
        "$target/python" "${wheel[0]}/pip" install -q --no-deps --target "$site" "$@"
}

install_suite() {
    rm -rf "$site"
    pip27 setuptools==44.0.0 wheel==0.37.1
    pip27 --upgrade --no-build-isolation --prefer-binary -r "$here/requirements27.txt"
    # zope is a namespace package that needs a .pth file, which Python does not read from
    # PYTHONPATH.
    touch "$site/zope/__init__.py"
}

# A UTF-8 validator and masker in C: the suite works without it, but takes much longer for 9.*.
install_accelerator() {
    local include=$target/python27/usr/include
    CFLAGS="-O2 -I$include/python2.7 -I$include" pip27 --no-build-isolation wsaccel==0.6.2 ||
        echo "$0: continuing without wsaccel, which failed to build" >&2
}

need python3 python3
rm -f "$target/stamp" "$target/python"
if [ -n "${PY27:-}" ]; then
    ln -s "$(command -v "$PY27")" "$target/python"
else
    unpack_python27
fi
fetch_pip27
install_suite
install_accelerator
echo "$key" > "$target/stamp"
