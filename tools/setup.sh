#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes sure that the required tools are installed; prints nothing if they are.
#   setup.sh [--check] [peers] [checks] [counts] [bench] [aarch64] [i686] [aws-lc]
#       always  tools that build the library
#       peers   requirements of the servers used by examples and tests
#       checks  tools used only by tests
#       counts  tools that count instructions and system calls
#       bench   tools that build other clients
#       aarch64, i686
#               tools that compile for this architecture, and run the result
#       aws-lc  tools that build AWS-LC and read its headers
# Missing tools are installed with apt-get, as root or through sudo. If that is not possible, or with
# --check, the script names them and the command that installs them, and fails.
set -eu
cd "$(dirname "$0")/.."
check=false
[ "${1:-}" != --check ] || { check=true && shift; }
groups=$*
PATH=$PATH:/usr/sbin:${CARGO_HOME:-$HOME/.cargo}/bin

have() { command -v "$1" > /dev/null 2>&1; }

# at_least VERSION MINIMUM
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

rust_minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
have_rust() {
    have cargo && have rustc && at_least "$(rustc --version | cut -d ' ' -f 2)" "$rust_minimum"
}

# Where bindgen looks for it.
have_libclang() {
    [ -z "${LIBCLANG_PATH:-}" ] || return 0
    for file in /usr/lib/llvm*/lib/libclang*.so* /usr/lib*/libclang*.so* /usr/lib/*/libclang*.so*; do
        [ ! -e "$file" ] || return 0
    done
    return 1
}

# ---- missing tools ----

packages='' missing='' services=''
# need PACKAGES NAME [SERVICE]: Debian would start SERVICE when the packages are installed.
need() {
    packages="$packages $1"
    missing="$missing${missing:+, }$2"
    services="$services${3:+ $3}"
}

have cc || need 'gcc libc6-dev' 'a C compiler'
have make || need make make
have cmake || need cmake cmake
have pkg-config || need pkg-config pkg-config
[ -e /usr/include/openssl/ssl.h ] || pkg-config --exists openssl 2> /dev/null ||
    need libssl-dev "OpenSSL's headers"
[ -e /etc/ssl/certs/ca-certificates.crt ] || need ca-certificates 'CA certificates'
for group in "$@"; do
    case $group in
        peers)
            have python3 || need python3 python3
            python3 -c 'import ensurepip, venv' 2> /dev/null ||
                python3 -m pip --version > /dev/null 2>&1 ||
                need python3-venv "Python's venv"
            have npm || need 'nodejs npm' 'Node and npm'
            have openssl || need openssl openssl
            ;;
        checks)
            have c++ || need g++ 'a C++ compiler'
            have clang || need clang clang
            have luajit || need luajit luajit
            have ruby || need ruby ruby
            have valgrind || need valgrind valgrind
            have tmux || need tmux tmux
            # Its only test is skipped if it is missing.
            $check || have zsh || need zsh zsh
            have nginx || need nginx nginx nginx
            have mosquitto || need mosquitto mosquitto mosquitto
            have tinyproxy || need tinyproxy-bin tinyproxy
            have squid || need squid-openssl squid squid
            have microsocks || need microsocks microsocks
            have danted || need dante-server danted danted
            have ssh || need openssh-client ssh
            have sshd || need openssh-server sshd ssh
            pkg-config --exists libuv 2> /dev/null || need libuv1-dev libuv
            pkg-config --exists glib-2.0 2> /dev/null || need libglib2.0-dev GLib
            pkg-config --exists Qt6Core 2> /dev/null || pkg-config --exists Qt5Core 2> /dev/null ||
                need qt6-base-dev Qt
            [ -e /usr/include/asio.hpp ] || need libasio-dev Asio
            [ -e /usr/include/boost/asio.hpp ] || need libboost-dev Boost.Asio
            # The tests of a second, newer version are skipped if it is missing.
            $check || ! have dpkg || sh tests/cpp_async/boost.sh 2> /dev/null || true
            pkg-config --exists libedit 2> /dev/null || need libedit-dev libedit
            # The clients of docs/coming-from; a test of one that is missing is skipped.
            $check || [ -e /usr/include/boost/beast.hpp ] || need libboost-dev 'Boost.Beast'
            $check || [ -e /usr/include/boost/thread.hpp ] || need libboost-thread-dev Boost.Thread
            $check || [ -e /usr/include/websocketpp/client.hpp ] ||
                need 'libwebsocketpp-dev libwebsocketpp-doc' websocketpp
            $check || pkg-config --exists libwebsockets 2> /dev/null ||
                need libwebsockets-dev libwebsockets
            # The dynamic linker reports a library that it cannot find.
            [ -z "$(LD_PRELOAD=libnss_wrapper.so cat /dev/null 2>&1)" ] ||
                need libnss-wrapper libnss_wrapper
            ;;
        counts)
            have c++ || need g++ 'a C++ compiler'
            have python3 || need python3 python3
            have openssl || need openssl openssl
            have valgrind || need valgrind valgrind
            have strace || need strace strace
            ;;
        bench)
            have c++ || need g++ 'a C++ compiler'
            [ -e /usr/include/zlib.h ] || need zlib1g-dev "zlib's headers"
            [ -e /usr/include/boost/beast.hpp ] || need 'libboost-dev libboost-system-dev' 'Boost.Beast'
            pkg-config --exists libwebsockets 2> /dev/null || need libwebsockets-dev libwebsockets
            ;;
        aarch64)
            have aarch64-linux-gnu-gcc ||
                need 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross' 'a C compiler for aarch64'
            have qemu-aarch64-static || need qemu-user-static QEMU
            ;;
        i686)
            have i686-linux-gnu-gcc ||
                need 'gcc-i686-linux-gnu libc6-dev-i386-cross' 'a C compiler for i686'
            ;;
        aws-lc)
            have c++ || need g++ 'a C++ compiler'
            have_libclang || need libclang-dev libclang
            ;;
        *) echo "setup.sh: unknown group: $group" >&2 && exit 2 ;;
    esac
done
rust=true
have_rust || { rust=false && missing="$missing${missing:+, }Rust $rust_minimum"; }
[ -n "$missing" ] || exit 0

# ---- who installs them ----

sudo=''
[ "$(id -u)" = 0 ] || sudo='sudo '

# What `make setup` installs by default.
setup_command() {
    for group in $groups; do
        case $group in
            peers | checks | counts) ;;
            *) echo "make setup SETUP='$groups'" && return ;;
        esac
    done
    echo 'make setup'
}

by_hand() {
    echo "wsline needs $missing. Please run" >&2
    if $check; then
        echo "    $(setup_command)" >&2
        echo "or install it yourself:" >&2
    fi
    if [ -n "$packages" ]; then
        echo "    ${sudo}apt-get update && ${sudo}apt-get install -y$packages" >&2
        have apt-get || echo "or the equivalent for your system" >&2
    fi
    $rust || echo "    curl -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal" >&2
    exit 1
}

may_install() {
    ! $check || return 1
    have apt-get || return 1
    [ -n "$sudo" ] || return 0
    have sudo || return 1
    # In a terminal, a password prompt is fine; elsewhere it would hang.
    [ -t 0 ] || sudo -n true 2> /dev/null
}

may_install || by_hand

# ---- installing ----

apt() {
    # shellcheck disable=SC2086 # empty or one word
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" > /dev/null
}

# The first of Debian's two Rust packages that is new enough. (rustc-web follows the browsers.)
debian_rust() {
    for package in rustc rustc-web; do
        version=$(apt-cache policy "$package" | sed -n 's/ *Candidate: \([0-9.]*\).*/\1/p')
        if [ -n "$version" ] && at_least "$version" "$rust_minimum"; then
            echo "$package cargo${package#rustc}"
            return
        fi
    done
    return 1
}

# Debian starts a service when it is installed, unless policy-rc.d forbids it, and at every boot.
policy=/usr/sbin/policy-rc.d
keep_services_from_running() {
    [ -n "$services" ] && [ ! -e "$policy" ] || return 0
    trap '$sudo rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    # shellcheck disable=SC2086 # empty or one word
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" > /dev/null
    # shellcheck disable=SC2086
    $sudo chmod 755 "$policy"
}

keep_services_from_booting() {
    for service in $services; do
        # shellcheck disable=SC2086 # empty or one word
        $sudo update-rc.d "$service" disable > /dev/null 2>&1 || true
    done
}

echo "wsline: installing $missing"
apt update || by_hand
if ! $rust; then
    packages="$packages $(debian_rust)" || by_hand
fi
keep_services_from_running
# shellcheck disable=SC2086 # a list
apt install -y --no-install-recommends $packages || by_hand
keep_services_from_booting
