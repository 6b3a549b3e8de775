#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# setup.sh minimum|source: unpacks a Rust compiler from Debian's packages under target/rust. Needs no root; quiet when
# done. Call target/rust/minimum/cargo or target/rust/source/cargo afterwards.
#   minimum  the version that Cargo.toml names
#   source   the newest, which builds the standard library from source, for a sanitizer or another architecture
#
# The packages are not installed, because apt-get would remove any other version of Rust.
set -eu

cd "$(dirname "$0")/../.."
kind=$1
target=$PWD/target/rust/$kind
minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
. tests/debian.sh
begin "$minimum $(cat tests/debian.sh tests/rust/setup.sh | cksum)" "$(dpkg --print-architecture)"

versions=$(apt apt-cache madison rustc-web | cut -d '|' -f 2 | tr -d ' ' | sort -V)
if [ "$kind" = minimum ]; then
    versions=$(echo "$versions" | grep "^$minimum\.") || fail "Debian has no package rustc-web $minimum"
fi
version=$(echo "$versions" | tail -n 1)
series=$(echo "$version" | cut -d . -f 1,2)

# Includes dependencies that the system lacks.
apt apt-get install --download-only -y --no-install-recommends --reinstall --allow-downgrades \
    "rustc-web=$version" "cargo-web=$version" "libstd-rust-web-dev=$version" "libstd-rust-web-$series=$version" \
    > /dev/null
if [ "$kind" = source ]; then
    llvm=$(apt apt-cache depends "libstd-rust-web-$series=$version" | sed -n 's/.*Depends: libllvm\([0-9]*\).*/\1/p')
    download "rust-web-src=$version" "libclang-rt-$llvm-dev"
fi
unpack

libraries=$(find "$target/root/lib" "$target/root/usr/lib" -maxdepth 1 -name '*-linux-gnu' 2> /dev/null | tr '\n' :)
{
    echo '#!/bin/sh'
    echo "export LD_LIBRARY_PATH='${libraries%:}' RUSTC='$target/root/usr/bin/rustc'"
    [ "$kind" != source ] || echo 'export RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_unwind'
    echo "exec '$target/root/usr/bin/cargo' \"\$@\""
} > "$target/cargo"
chmod +x "$target/cargo"
[ "$kind" != source ] ||
    find "$target/root" -name 'libclang_rt.tsan-*.a' -exec ln -sf {} "$target/libclang_rt.tsan.a" ';'
end
