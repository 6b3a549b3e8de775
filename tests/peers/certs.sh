#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# certs.sh DIRECTORY: creates the test certificates unless they exist.
#
#   ca.pem                 root of all certificates below that name no other signer
#   ca2.pem                a second root
#   server.{pem,key}       good for localhost, 127.0.0.1 and ::1
#   wronghost.{pem,key}    good for wrong.invalid only
#   expired, future        expired, and not yet valid
#   selfsigned             for localhost, self-signed
#   untrusted              for localhost, signed by ca2
#   noname                 for localhost in its subject only, without subjectAltName
#   eku                    for localhost, but valid only for clients
#   rsa                    good, with an RSA key
#   chain                  good, signed by intermediate.pem, which follows in chain.pem
#   no-chain               the same without the intermediate certificate
#   client.{pem,key}       client certificate; client-encrypted.key is its key, password "secret"
#   client-rsa             client certificate with an RSA key
#   client-untrusted       client certificate signed by ca2
set -eu

script=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
mkdir -p "$1"
cd "$1"

version=$(cksum < "$script")
[ "$(cat version 2> /dev/null || true)" = "$version" ] && exit 0

: > index.txt
cat > openssl.cnf << 'CONFIG'
[ca]
default_ca = issue
[issue]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
default_days = 3650
policy = policy
unique_subject = no
[policy]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost,IP:127.0.0.1,IP:::1
[wronghost]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:wrong.invalid
[noname]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[eku]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost,IP:127.0.0.1,IP:::1
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
CONFIG

# openssl prints its progress to standard error, which matters only if it fails.
quiet_openssl() {
    openssl "$@" 2> openssl.log || { cat openssl.log >&2; exit 1; }
}

key_type='ec -pkeyopt ec_paramgen_curve:P-256'

# self_signed NAME EXTENSIONS SUBJECT
self_signed() {
    # shellcheck disable=SC2086 # several words
    quiet_openssl req -new -x509 -config openssl.cnf -newkey $key_type \
        -nodes -keyout "$1.key" -out "$1.pem" -days 3650 -extensions "$2" -subj "/CN=$3"
}

# issue NAME SIGNER EXTENSIONS SUBJECT [-startdate TIME] [-enddate TIME]
issue() {
    name=$1 signer=$2 extensions=$3 subject=$4
    shift 4
    # shellcheck disable=SC2086 # several words
    quiet_openssl req -new -config openssl.cnf -newkey $key_type \
        -nodes -keyout "$name.key" -out "$name.csr" -subj "/CN=$subject"
    quiet_openssl ca -batch -notext -config openssl.cnf -cert "$signer.pem" -keyfile "$signer.key" \
        -extensions "$extensions" -in "$name.csr" -out "$name.pem" "$@"
}

self_signed ca root 'wsline test root'
self_signed ca2 root 'wsline other test root'
self_signed selfsigned server localhost
issue server ca server localhost
issue wronghost ca wronghost wrong.invalid
issue expired ca server localhost -startdate 20200101000000Z -enddate 20210101000000Z
issue future ca server localhost -startdate 20900101000000Z -enddate 20910101000000Z
issue untrusted ca2 server localhost
issue noname ca noname localhost
issue eku ca eku localhost
issue intermediate ca intermediate 'wsline test intermediate'
issue no-chain intermediate server localhost
cat no-chain.pem intermediate.pem > chain.pem
cp no-chain.key chain.key
issue client ca client 'wsline test client'
issue client-untrusted ca2 client 'wsline other test client'
quiet_openssl pkcs8 -topk8 -v2 aes-256-cbc -in client.key -out client-encrypted.key \
    -passout pass:secret
key_type=rsa:2048
issue rsa ca server localhost
issue client-rsa ca client 'wsline RSA test client'

# Files that `openssl ca` leaves behind: requests, its database, and a copy of each certificate by
# serial number.
cut -f 4 index.txt | while read -r serial; do rm "$serial.pem"; done
rm -f ./*.csr ./index.txt* openssl.cnf openssl.log
echo "$version" > version
