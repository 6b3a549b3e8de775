#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that CMake uses the cargo that a shell would use: the first in PATH.
#   first_cargo.sh SOURCE_DIR
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '#!/bin/sh\n' > "$work/cargo"
chmod +x "$work/cargo"
PATH=$work:$PATH cmake -S "$1" -B "$work/build" -DWSLINE_BUILD_TESTS=OFF > "$work/log"
grep "^CARGO_EXECUTABLE:FILEPATH=$work/cargo$" "$work/build/CMakeCache.txt"
