#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# wsline.h compiles on its own, included twice, as C and as C++, with every warning an error.
#   header_alone.sh INCLUDE_DIR
set -eu
include=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/alone.c" <<'C'
#include <wsline.h>
#include <wsline.h>

int uses_the_header(void);
int uses_the_header(void) { return (int)sizeof(wsline_message) + (WSLINE_VERSION_NUMBER > 0); }
C

# compile COMPILER LANGUAGE STANDARD...
compile() {
    compiler=$1 language=$2
    shift 2
    if ! command -v "$compiler" > /dev/null; then
        echo "skipped: $compiler is not installed"
        return
    fi
    for standard in "$@"; do
        "$compiler" -x "$language" "-std=$standard" -Wall -Wextra -Wpedantic -Wconversion -Werror \
            -I "$include" -c "$work/alone.c" -o "$work/alone.o"
        echo "passed: $compiler -std=$standard"
    done
}

compile gcc c c99 c11 c17
compile clang c c99 c11 c17
compile g++ c++ c++11 c++14 c++17 c++20
compile clang++ c++ c++11 c++14 c++17 c++20
