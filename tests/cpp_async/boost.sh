#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# boost.sh: unpacks the headers of Boost 1.81 in target/boost/root, if Debian has them. Needs no root; quiet when done.
#
# Boost 1.74, which Debian 12 installs, has no per-operation cancellation, and the two packages cannot both be installed.
set -eu

cd "$(dirname "$0")/../.."
target=$PWD/target/boost
. tests/debian.sh
begin "$(cat tests/debian.sh tests/cpp_async/boost.sh | cksum)" "$(dpkg --print-architecture)"
download libboost1.81-dev
unpack
end
