#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that include/wsline.h is up to date with its sources.
#   header_drift.sh SOURCE_DIR BUILD_DIR
set -eu
cd "$1"

# build.rs writes one there on each run.
fresh=$(find "$2/cargo" -path '*/build/wsline-*/out/wsline.h' -printf '%T@ %p\n' |
    sort -n | tail -n 1 | cut -d ' ' -f 2-)
diff -u include/wsline.h "$fresh"
echo "the generated header is up to date"

# The committed header belongs to the committed sources; while these are being edited it may be
# outdated.
sources='src/ffi cbindgen.toml tools/header Cargo.toml'
# shellcheck disable=SC2086 # a list
if git diff --quiet HEAD -- $sources 2> /dev/null; then
    git show HEAD:./include/wsline.h | diff -u - "$fresh"
    echo "so is the committed header"
fi
