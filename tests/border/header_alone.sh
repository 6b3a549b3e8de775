#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that wsline.h compiles on its own, included twice, as C and as C++, with warnings as errors, and that none of
# its macros causes a warning where it is used.
#   header_alone.sh INCLUDE_DIR
set -eu
include=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Uses each macro that has a value.
{
    cat << 'C'
#include <wsline.h>
#include <wsline.h>

#ifdef __cplusplus
template <typename T> static void use(const T &) {}
#else
#define use(value) ((void)(value))
#endif

void use_the_header(void);
void use_the_header(void) {
    use(sizeof(wsline_message));
C
    sed -n 's/^#define \(WSLINE_[A-Z0-9_]*\) .*/    use(\1);/p' "$include/wsline.h"
    echo '}'
} > "$work/alone.c"
grep -q 'use(WSLINE_FOREVER)' "$work/alone.c"

# compile COMPILER LANGUAGE STANDARD...
compile() {
    compiler=$1 language=$2
    shift 2
    case $compiler in
        g++) more='-Wold-style-cast -Wzero-as-null-pointer-constant -Wuseless-cast' ;;
        clang++) more='-Wold-style-cast -Wzero-as-null-pointer-constant' ;;
        *) more= ;;
    esac
    if ! command -v "$compiler" > /dev/null; then
        echo "skipped: $compiler is not installed"
        return
    fi
    for standard in "$@"; do
        # shellcheck disable=SC2086 # a list
        "$compiler" -x "$language" "-std=$standard" -Wall -Wextra -Wpedantic -Wconversion $more -Werror \
            -I "$include" -c "$work/alone.c" -o "$work/alone.o"
        echo "passed: $compiler -std=$standard"
    done
}

compile gcc c c99 c11 c17
compile clang c c99 c11 c17
compile g++ c++ c++11 c++14 c++17 c++20
compile clang++ c++ c++11 c++14 c++17 c++20
