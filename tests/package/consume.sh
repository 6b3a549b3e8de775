#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the program in consumer/ with wsline in one of several ways, and runs it.
#   consume.sh WAY SOURCE_DIR BUILD_DIR WORK_DIR
set -eu
way=$1 source=$2 build=$3 work=$4
consumer=$source/tests/package/consumer
mkdir -p "$work"
cd "$work"

install_to() { cmake --install "$build" --prefix "$work/$1" > install.log; }

# with_cmake ARGUMENT...: builds the program with the shared and with the static library
with_cmake() {
    cmake -S "$consumer" -B build "$@"
    cmake --build build
    run build/consumer shared
    run build/consumer_static static
    run build/consumer_cpp shared
}

# Makes pkg-config find the installation of install_to; $libdir is the directory of the libraries.
use_pkg_config() {
    PKG_CONFIG_PATH=$(dirname "$(find "$work/$1" -name wsline.pc)")
    export PKG_CONFIG_PATH
    libdir=$(pkg-config --variable=libdir wsline)
}

# static_flags: flags that link libwsline.a although libwsline.so is next to it
static_flags() {
    echo -Wl,-Bstatic "$(pkg-config --cflags --libs wsline)" -Wl,-Bdynamic
    pkg-config --libs-only-l --static wsline | sed 's/-lwsline//'
}

# run PROGRAM shared|static [ARGUMENT...]: checks that it uses exactly this libwsline, and runs it
run() {
    program=$1 kind=$2
    shift 2
    case $kind:$(objdump -p "$program" | grep NEEDED) in
        shared:*libwsline.so.*) ;;
        shared:* | static:*libwsline*) echo "$program is not linked to the $kind library" && return 1 ;;
    esac
    "./$program" "$@"
}

# shellcheck disable=SC2046 # flags are several words
case $way in
    find_package)
        install_to prefix
        with_cmake -DCMAKE_PREFIX_PATH="$work/prefix"
        ;;
    moved)
        rm -rf first second
        install_to first
        mv first second
        with_cmake -DCMAKE_PREFIX_PATH="$work/second"
        ;;
    subdirectory)
        with_cmake -DWSLINE_SOURCE="$source" -DCMAKE_BUILD_TYPE=Debug
        ;;
    pkg_config)
        install_to prefix
        use_pkg_config prefix
        cc "$consumer/consumer.c" -o program $(pkg-config --cflags --libs wsline) -Wl,-rpath,"$libdir"
        run program shared
        c++ -std=c++17 "$consumer/consumer.cpp" -o program_cpp $(pkg-config --cflags --libs wsline) \
            -Wl,-rpath,"$libdir"
        run program_cpp shared
        ;;
    static)
        install_to prefix
        use_pkg_config prefix
        cc "$consumer/consumer.c" -o program $(static_flags)
        run program static
        ;;
    beside_rust)
        install_to prefix
        use_pkg_config prefix
        rustc --crate-type staticlib -o libneighbour.a "$consumer/neighbour.rs"
        cc -DWITH_NEIGHBOUR "$consumer/consumer.c" -o program \
            $(static_flags) -L. -lneighbour
        run program static
        ;;
    make_install)
        # Without a cargo, as for sudo; `built` says that the build is current.
        rm -rf bin current root called
        mkdir -p bin current
        printf '#!/bin/sh\ntouch "%s/called"\nexit 1\n' "$work" | tee bin/cargo > bin/rustc
        chmod +x bin/cargo bin/rustc
        cp "$build/CMakeCache.txt" "$build/cmake_install.cmake" current
        prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=//p' current/CMakeCache.txt)
        make_install() {
            env -u MAKEFLAGS -u MAKELEVEL PATH="$work/bin:$PATH" \
                make -C "$source" install BUILD="$work/current" PREFIX="$prefix" DESTDIR="$work/root"
        }
        touch current/built
        make_install
        test ! -e called
        test -e "root$prefix/include/wsline.h"
        # A build that is not current is built first.
        touch -d 2000-01-01 current/built
        make_install || true
        test -e called
        ;;
    wsdump)
        install_to prefix
        run prefix/bin/wsdump shared --version
        ls prefix/share/man/man1/wsdump.1 prefix/share/bash-completion/completions/wsdump \
            prefix/share/zsh/site-functions/_wsdump
        cmake -S "$source/wsdump" -B alone -DCMAKE_PREFIX_PATH="$work/prefix"
        cmake --build alone
        run alone/wsdump shared --version
        ;;
    *)
        echo "consume.sh: unknown way: $way" >&2
        exit 2
        ;;
esac
