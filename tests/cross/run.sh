#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh PROCESSOR BUILD: the C tests on aarch64 (under QEMU) or i686 (the kernel runs it).
#
# The standard library is built from source, the library with overflow checks. The servers run natively.
# `make setup SETUP=PROCESSOR` must have installed the compiler, and tests/peers/setup.sh the servers.
set -eu

cd "$(dirname "$0")/../.."
processor=$1 build=$2
sh tests/rust/setup.sh source
sh tests/cross/setup.sh "$processor"

gnu=$processor-linux-gnu
multiarch=$("$gnu-gcc" -print-multiarch)
root=$PWD/target/cross/$processor/root
libraries=$root/usr/lib/$multiarch
case $processor in
    aarch64) emulator="qemu-aarch64-static;-L;/usr/$gnu;-E;LD_LIBRARY_PATH=$libraries" ;;
    i686) emulator="/usr/$gnu/lib/ld-linux.so.2;--library-path;$libraries:/usr/$gnu/lib" ;;
esac

# For the openssl crate. Debian installs the headers in two directories.
export OPENSSL_LIB_DIR="$libraries" OPENSSL_INCLUDE_DIR="$root/usr/include" C_INCLUDE_PATH="$root/usr/include/$multiarch"
export "CARGO_TARGET_$(echo "$processor" | tr a-z A-Z)_UNKNOWN_LINUX_GNU_LINKER=$gnu-gcc"
export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=line-tables-only

cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$processor" -DCMAKE_PREFIX_PATH="$root/usr" \
    -DCMAKE_C_COMPILER="$gnu-gcc" -DWSLINE_LD="$(command -v "$gnu-ld")" -DCMAKE_CROSSCOMPILING_EMULATOR="$emulator" \
    -DCMAKE_EXE_LINKER_FLAGS="-Wl,-rpath-link,$libraries" \
    -DCARGO_EXECUTABLE="$PWD/target/rust/source/cargo" -DWSLINE_RUST_TARGET="$processor-unknown-linux-gnu" \
    -DWSLINE_BUILD_EXAMPLES=OFF -DWSLINE_BUILD_WSDUMP=OFF -DWSLINE_BUILD_TESTS=ON > /dev/null
env -u MAKELEVEL cmake --build "$build" --parallel 2
WSLINE_TEST_SLOW=1 python3 tests/ctest.py "$build" -L '^c$' --output-on-failure
