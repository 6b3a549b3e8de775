/* SPDX-License-Identifier: Apache-2.0 */
/* Binary messages that the server compresses itself: in which formats, and what they contain. */
#ifndef WSLINE_TESTS_INFLATE_H
#define WSLINE_TESTS_INFLATE_H

#include "deflate.h"

enum { WHOLE = WSLINE_MESSAGE_FIRST | WSLINE_MESSAGE_LAST };

/* Both serve /packed. */
static const char *const servers[] = {"FAULTS", "FAULTS_TLS"};

static const struct format {
    const char *name; /* as the server knows it */
    int32_t mode;
} formats[] = {
    {"gzip", WSLINE_INFLATE_GZIP},     {"gzip", WSLINE_INFLATE_AUTO},
    {"gzips", WSLINE_INFLATE_GZIP},    {"zlib", WSLINE_INFLATE_ZLIB},
    {"zlib", WSLINE_INFLATE_AUTO},     {"raw", WSLINE_INFLATE_RAW},
    {"stream", WSLINE_INFLATE_STREAM},
};

static inline wsline_options *inflating(int32_t mode) {
    wsline_options *options = deflate_options();

    REQUIRE_OK(wsline_options_set_inflate_messages(options, mode));
    return options;
}

/* Where a server sends messages in this format. */
static inline void packed_path(char path[256], const char *format, const char *query) {
    const char *extension =
        strstr(query, "deflate=1") == NULL ? "" : "&extensions=permessage-deflate";

    snprintf(path, 256, "/packed?as=%s%s&%s", format, extension, query);
}

/* Checks a message of lines. */
static inline void check_lines(const wsline_message *message, uint32_t flags, size_t len) {
    CHECK_INT(WSLINE_OPCODE_BINARY, message->opcode);
    CHECK_INT(flags, message->flags & ~(uint32_t)WSLINE_MESSAGE_MORE);
    CHECK_INT(len, message->len);
    CHECK(payload_is(payload_lines(), 0, message->data, message->len));
    CHECK_INT(0, message->data[message->len]);
}

#endif
