/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to send, and messages to expect. */
#ifndef WSLINE_TESTS_MESSAGE_H
#define WSLINE_TESTS_MESSAGE_H

#include "check.h"

/* Text of `len` bytes that cycles through characters of one to four bytes. */
static inline char *text_of(size_t len) {
    static const char *const characters[] = {"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    char *text = malloc(len + 1);
    size_t at = 0;

    REQUIRE(text != NULL);
    for (size_t i = 0; at < len; i++) {
        const char *character = characters[i % COUNT_OF(characters)];
        size_t size = strlen(character);

        if (at + size > len) {
            character = "a";
            size = 1;
        }
        memcpy(text + at, character, size);
        at += size;
    }
    text[len] = '\0';
    return text;
}

/* Checks that the next message is this one. */
static inline void expect_message(wsline_conn *conn, int32_t opcode, const void *data, size_t len) {
    wsline_message message;

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_INT(opcode, message.opcode);
    CHECK_INT(WSLINE_MESSAGE_FIRST | WSLINE_MESSAGE_LAST,
              message.flags & ~(uint32_t)WSLINE_MESSAGE_MORE);
    CHECK_BYTES(data, len, message.data, message.len);
    CHECK_INT(0, message.data[message.len]);
}

#endif
