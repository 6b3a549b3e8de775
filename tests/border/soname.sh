#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that the shared library has the SONAME that programs are linked with.
#   soname.sh LIBRARY SONAME
set -eu
found=$(objdump -p "$1" | awk '$1 == "SONAME" { print $2 }')
echo "SONAME $found"
[ "$found" = "$2" ]
