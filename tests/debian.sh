# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
#
# To be sourced by a script (". tests/debian.sh") that sets $target: unpacks packages of Debian in $target/root without
# installing them. Needs no root. apt-get keeps its lists and archives separate from the system's.

fail() {
    echo "$0: $1" >&2
    exit 1
}

# begin KEY ARCHITECTURE: exits if $target was filled for this KEY, and empties it otherwise. ARCHITECTURE is Debian's
# name for the architecture of the packages.
begin() {
    key=$1 apt=$target/apt
    fresh && exit 0
    mkdir -p "$target"
    exec 9> "$target/lock"
    flock 9
    fresh && exit 0
    for tool in apt-get apt-cache dpkg-deb; do
        command -v "$tool" > /dev/null || fail "$tool is missing: this needs Debian 12"
    done
    architecture=$2
    rm -rf "$apt" "$target/root"
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$target/root"
    # Lists that fail to download are missed below, unless another list has the package.
    apt apt-get update > /dev/null 2>&1 || true
}

fresh() { [ "$(cat "$target/stamp" 2> /dev/null || true)" = "$key" ]; }

# apt TOOL ARGUMENT...
apt() {
    tool=$1
    shift
    "$tool" -qq -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt" -o Dir::Cache::Archives="$apt/archives" \
        -o APT::Architectures::="$architecture" -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Languages=none "$@"
}

# download PACKAGE...: without their dependencies.
download() { (cd "$apt/archives" && apt apt-get download "$@" > /dev/null); }

unpack() {
    for archive in "$apt"/archives/*.deb; do
        dpkg-deb -x "$archive" "$target/root"
    done
    rm -rf "$apt"
}

end() { echo "$key" > "$target/stamp"; }
