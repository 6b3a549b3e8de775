#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs quickstart against the echo server of tests/peers, over ws and over wss.
#   demo.sh PATH-OF-QUICKSTART
set -eu
quickstart=$1
export WSLINE_TRACE=1
# OpenSSL reads this variable, so the program needs no option to trust the demo's certificate authority.
export SSL_CERT_FILE="$WSLINE_TEST_CA"

for url in "$WSLINE_TEST_WEBSOCKETS_URL/" "$WSLINE_TEST_WEBSOCKETS_TLS_URL/"; do
    echo
    echo "\$ quickstart $url"
    "$quickstart" "$url" 2>&1
done
