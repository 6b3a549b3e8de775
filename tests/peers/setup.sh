#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# setup.sh: installs the requirements of the test peers under target/peers. Needs no root; quiet when done.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
target=$(cd "$here/../.." && pwd)/target/peers

need() {
    command -v "$1" > /dev/null && return
    echo "$0: $1 is missing: on Debian, apt-get install $2" >&2
    exit 1
}

# fresh STAMP KEY: true if STAMP was written for this KEY.
fresh() {
    [ "$(cat "$1" 2> /dev/null || true)" = "$2" ]
}

# pip_install PYTHON [OPTIONS]
pip_install() {
    python=$1
    shift
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
        "$python" -m pip install -q "$@" -r "$here/requirements.txt"
}

install_python_packages() {
    key="$(python3 --version) $(cksum < "$here/requirements.txt")"
    fresh "$target/venv/stamp" "$key" && return
    rm -rf "$target/venv"
    if python3 -c 'import ensurepip, venv' 2> /dev/null; then
        python3 -m venv "$target/venv"
        pip_install "$target/venv/bin/python"
    elif python3 -m pip --version > /dev/null 2>&1; then
        imitate_venv
    else
        echo "$0: Python has neither venv nor pip: on Debian, apt-get install python3-venv" >&2
        exit 1
    fi
    echo "$key" > "$target/venv/stamp"
}

# For a Python without venv: an interpreter with the same name that finds the packages.
imitate_venv() {
    pip_install python3 --target "$target/venv/packages"
    mkdir -p "$target/venv/bin"
    cat > "$target/venv/bin/python" << 'WRAPPER'
#!/bin/sh
export PYTHONPATH="$(dirname "$0")/../packages"
exec python3 "$@"
WRAPPER
    chmod +x "$target/venv/bin/python"
}

need python3 python3
need node nodejs
need openssl openssl
mkdir -p "$target"

# Several test runs may reach this point at once.
if command -v flock > /dev/null; then
    exec 9> "$target/lock"
    flock 9
fi

install_python_packages
sh "$here/../npm_install.sh" "$here" "$target"
"$here/certs.sh" "$target/pki"
