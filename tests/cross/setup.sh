#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# setup.sh PROCESSOR: unpacks Debian's libraries for aarch64 or i686 in target/cross/PROCESSOR/root. Needs no root; quiet
# when done.
#
# The packages are not installed, because apt-get requires the same version for all architectures, which Debian does not
# always have.
set -eu

cd "$(dirname "$0")/../.."
target=$PWD/target/cross/$1
case $1 in
    aarch64) architecture=arm64 ;;
    i686) architecture=i386 ;;
    *) echo "$0: unknown processor: $1" >&2 && exit 2 ;;
esac
. tests/debian.sh
begin "$(cat tests/debian.sh tests/cross/setup.sh | cksum)" "$architecture"
download "libssl3:$architecture" "libssl-dev:$architecture" "libnss-wrapper:$architecture"
unpack
end
