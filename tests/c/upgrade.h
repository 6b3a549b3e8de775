/* SPDX-License-Identifier: Apache-2.0 */
/* The upgrade response of a server inside the test. Its program is linked with OpenSSL. */
#ifndef WSLINE_TESTS_UPGRADE_H
#define WSLINE_TESTS_UPGRADE_H

#include "check.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/socket.h>

/* The headers of a 101 response to this request. */
static inline void answer_upgrade(const char *request, char answer[512]) {
    static const char field[] = "Sec-WebSocket-Key: ",
                      guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    const char *key = strstr(request, field);
    unsigned char digest[SHA_DIGEST_LENGTH], accept[64];
    char text[128];
    int len;

    REQUIRE(key != NULL);
    len = snprintf(text, sizeof text, "%.24s%s", key + strlen(field), guid);
    SHA1((unsigned char *)text, (size_t)len, digest);
    EVP_EncodeBlock(accept, digest, sizeof digest);
    snprintf(answer, 512,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             (char *)accept);
}

/* Reads a request from an accepted connection and responds to it. */
static inline void upgrade(int fd) {
    char request[4096] = "", answer[512];
    size_t len = 0;

    REQUIRE(fd >= 0);
    while (strstr(request, "\r\n\r\n") == NULL) {
        ssize_t got = recv(fd, request + len, sizeof request - 1 - len, 0);

        REQUIRE(got > 0);
        len += (size_t)got;
        request[len] = '\0';
    }
    answer_upgrade(request, answer);
    REQUIRE(send(fd, answer, strlen(answer), MSG_NOSIGNAL) == (ssize_t)strlen(answer));
}

#endif
