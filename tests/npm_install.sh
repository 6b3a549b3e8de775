#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# npm_install.sh FROM TO: installs the packages of FROM's package.json and package-lock.json in
# TO/node_modules. Needs no root; quiet when done. Does not run scripts of packages.
set -eu
from=$1 to=$2

if ! command -v npm > /dev/null; then
    echo "$0: npm is missing: on Debian, apt-get install npm" >&2
    exit 1
fi
mkdir -p "$to"

# Several test runs may reach this point at once.
if command -v flock > /dev/null; then
    exec 9> "$to/npm.lock"
    flock 9
fi

stamp=$to/node_modules/stamp
key="$(node --version) $(cat "$from/package.json" "$from/package-lock.json" | cksum)"
[ "$(cat "$stamp" 2> /dev/null || true)" != "$key" ] || exit 0
cp "$from/package.json" "$from/package-lock.json" "$to"
(cd "$to" && npm ci --loglevel=error --ignore-scripts --no-audit --no-fund \
    --no-update-notifier > /dev/null)
echo "$key" > "$stamp"
