/* SPDX-License-Identifier: Apache-2.0 */
/* Calls without a connection: frames, masks, UTF-8. */
#include "check.h"

#define BYTES(literal) literal, sizeof(literal) - 1

struct frame_row {
    const char *name;
    const char *wire;
    size_t wire_len;
    uint8_t fin;
    int32_t opcode;
    const char *payload;
    size_t payload_len;
    const uint8_t *mask_key; /* NULL: unmasked */
};

static const uint8_t rfc_key[4] = {0x37, 0xfa, 0x21, 0x3d};

/* The examples of RFC 6455 section 5.7, and the shortest frames. */
static const struct frame_row frame_rows[] = {
    {"unmasked text", BYTES("\x81\x05Hello"), 1, WSLINE_OPCODE_TEXT, BYTES("Hello"), NULL},
    {"masked text", BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), 1, WSLINE_OPCODE_TEXT,
     BYTES("Hello"), rfc_key},
    {"first fragment", BYTES("\x01\x03Hel"), 0, WSLINE_OPCODE_TEXT, BYTES("Hel"), NULL},
    {"last fragment", BYTES("\x80\x02lo"), 1, WSLINE_OPCODE_CONTINUATION, BYTES("lo"), NULL},
    {"ping", BYTES("\x89\x05Hello"), 1, WSLINE_OPCODE_PING, BYTES("Hello"), NULL},
    {"masked pong", BYTES("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), 1, WSLINE_OPCODE_PONG,
     BYTES("Hello"), rfc_key},
    {"empty binary", BYTES("\x82\x00"), 1, WSLINE_OPCODE_BINARY, BYTES(""), NULL},
    {"empty masked text", BYTES("\x81\x80\x37\xfa\x21\x3d"), 1, WSLINE_OPCODE_TEXT, BYTES(""),
     rfc_key},
    {"close 1000", BYTES("\x88\x02\x03\xe8"), 1, WSLINE_OPCODE_CLOSE, BYTES("\x03\xe8"), NULL},
};

static wsline_frame frame_of(const struct frame_row *row) {
    wsline_frame frame;

    memset(&frame, 0, sizeof frame);
    frame.fin = row->fin;
    frame.opcode = row->opcode;
    frame.data = (const uint8_t *)row->payload;
    frame.len = row->payload_len;
    if (row->mask_key != NULL) {
        frame.masked = 1;
        memcpy(frame.mask_key, row->mask_key, sizeof frame.mask_key);
    }
    return frame;
}

static void encode_writes_the_bytes_of_the_rfc(void) {
    for (size_t i = 0; i < COUNT_OF(frame_rows); i++) {
        const struct frame_row *row = &frame_rows[i];
        wsline_frame frame = frame_of(row);
        uint8_t buffer[64];
        size_t len = 0;

        check_row(row->name);
        CHECK_OK(wsline_frame_encode(&frame, buffer, sizeof buffer, &len));
        CHECK_BYTES(row->wire, row->wire_len, buffer, len);
    }
}

static void decode_reads_the_bytes_of_the_rfc(void) {
    for (size_t i = 0; i < COUNT_OF(frame_rows); i++) {
        const struct frame_row *row = &frame_rows[i];
        wsline_frame frame;
        uint8_t payload[64];
        size_t consumed = 0;

        check_row(row->name);
        REQUIRE_OK(wsline_frame_decode(row->wire, row->wire_len, &frame, &consumed));
        CHECK_INT(row->wire_len, consumed);
        CHECK_INT(row->fin, frame.fin);
        CHECK_INT(row->opcode, frame.opcode);
        CHECK_INT(row->mask_key != NULL, frame.masked);
        REQUIRE(frame.len <= sizeof payload);
        memcpy(payload, frame.data, frame.len);
        if (frame.masked) CHECK_OK(wsline_mask(frame.mask_key, payload, frame.len));
        CHECK_BYTES(row->payload, row->payload_len, payload, frame.len);
    }
}

static void decode_asks_for_more_of_every_incomplete_frame(void) {
    for (size_t i = 0; i < COUNT_OF(frame_rows); i++) {
        const struct frame_row *row = &frame_rows[i];

        check_row(row->name);
        for (size_t len = 0; len < row->wire_len; len++) {
            wsline_frame frame;
            size_t least = 0, header_len = row->wire_len - row->payload_len;

            CHECK_STATUS(WSLINE_ERR_WOULD_BLOCK,
                         wsline_frame_decode(row->wire, len, &frame, &least));
            CHECK(frame.data == NULL);
            /* Never more than exists; exact once the header is complete. */
            CHECK_RANGE(len + 1, row->wire_len, least);
            if (len >= header_len) CHECK_INT(row->wire_len, least);
        }
    }
}

static void decode_reports_how_many_bytes_are_missing(void) {
    static const struct {
        const char *wire;
        size_t len, least;
    } rows[] = {
        {BYTES(""), 2},
        {BYTES("\x82"), 2},
        {BYTES("\x82\x05"), 7},
        {BYTES("\x82\x85"), 11},
        {BYTES("\x82\x85key"), 11},
        {BYTES("\x82\x7e"), 4 + 126},
        {BYTES("\x82\x7e\x01"), 4 + 126},
        {BYTES("\x82\x7e\x01\x00"), 4 + 256},
        {BYTES("\x82\xfe\x01\x00key"), 8 + 126},
        {BYTES("\x82\xfe\x01\x00keys"), 8 + 256},
        {BYTES("\x82\x7f\x00"), 10 + 65536},
        {BYTES("\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x00xyz"), 10 + (1 << 20)},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_frame frame;
        size_t least = 0;
        char missing[32];

        snprintf(missing, sizeof missing, "%zu bytes", rows[i].least - rows[i].len);
        check_row(missing);
        CHECK_STATUS(WSLINE_ERR_WOULD_BLOCK,
                     wsline_frame_decode(rows[i].wire, rows[i].len, &frame, &least));
        CHECK_INT(rows[i].least, least);
        CHECK_HAS(missing, wsline_last_error_message());
    }
}

static void decode_consumes_one_frame_and_leaves_the_next(void) {
    static const char wire[] = "\x81\x01"
                               "a"
                               "\x81\x01"
                               "b";
    wsline_frame frame;
    size_t consumed = 0;

    REQUIRE_OK(wsline_frame_decode(BYTES(wire), &frame, &consumed));
    CHECK_INT(3, consumed);
    CHECK_BYTES("a", 1, frame.data, frame.len);
    REQUIRE_OK(wsline_frame_decode(wire + 3, sizeof wire - 4, &frame, &consumed));
    CHECK_INT(3, consumed);
    CHECK_BYTES("b", 1, frame.data, frame.len);
}

static void the_shortest_length_form_is_used(void) {
    static const struct {
        size_t len;
        size_t header_len;
        const char *header;
    } rows[] = {
        {0, 2, "\x82\x00"},
        {125, 2, "\x82\x7d"},
        {126, 4, "\x82\x7e\x00\x7e"},
        {256, 4, "\x82\x7e\x01\x00"},
        {65535, 4, "\x82\x7e\xff\xff"},
        {65536, 10, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"},
    };
    uint8_t *payload = calloc(1, 65536);
    uint8_t *wire = malloc(65536 + 14);

    REQUIRE(payload != NULL && wire != NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_frame frame = {.fin = 1, .opcode = WSLINE_OPCODE_BINARY};
        size_t len = 0, consumed = 0;

        frame.data = payload;
        frame.len = rows[i].len;
        CHECK_OK(wsline_frame_encode(&frame, wire, 65536 + 14, &len));
        CHECK_INT(rows[i].header_len + rows[i].len, len);
        CHECK_BYTES(rows[i].header, rows[i].header_len, wire, rows[i].header_len);
        CHECK_OK(wsline_frame_decode(wire, len, &frame, &consumed));
        CHECK_INT(rows[i].len, frame.len);
        CHECK_INT(len, consumed);
    }
    free(wire);
    free(payload);
}

static void a_buffer_that_is_too_small_is_rejected_with_the_required_size(void) {
    wsline_frame frame = frame_of(&frame_rows[1]);
    uint8_t buffer[16];
    size_t len = 0;

    memset(buffer, 0xee, sizeof buffer);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_frame_encode(&frame, buffer, 10, &len));
    CHECK_HAS("capacity", wsline_last_error_message());
    CHECK_INT(11, len);
    CHECK_INT(0xee, buffer[0]);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_frame_encode(&frame, NULL, 0, &len));
    CHECK_INT(11, len);
    CHECK_OK(wsline_frame_encode(&frame, buffer, 11, &len));
    CHECK_INT(0xee, buffer[11]);
}

static void reserved_bits_are_encoded_and_decoded(void) {
    static const char wire[] = "\xf1\x01x";
    wsline_frame frame;
    uint8_t buffer[8];
    size_t len = 0, consumed = 0;

    REQUIRE_OK(wsline_frame_decode(BYTES(wire), &frame, &consumed));
    CHECK(frame.rsv1 == 1 && frame.rsv2 == 1 && frame.rsv3 == 1);
    CHECK_OK(wsline_frame_encode(&frame, buffer, sizeof buffer, &len));
    CHECK_BYTES(wire, sizeof wire - 1, buffer, len);
}

static void decode_rejects_frames_that_no_peer_may_send(void) {
    static const struct {
        const char *name;
        const char *wire;
        size_t len;
    } rows[] = {
        {"126 in 16 bits for 125", BYTES("\x82\x7e\x00\x7d")},
        {"127 in 64 bits for 65535", BYTES("\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff")},
        {"length with the top bit", BYTES("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00")},
        {"opcode 3", BYTES("\x83\x00")},
        {"opcode 7", BYTES("\x87\x00")},
        {"opcode 11", BYTES("\x8b\x00")},
        {"opcode 15", BYTES("\x8f\x00")},
        {"ping of 126 bytes", BYTES("\x89\x7e\x00\x7e")},
        {"fragmented ping", BYTES("\x09\x00")},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_frame frame;
        size_t consumed = 99;

        check_row(rows[i].name);
        CHECK_STATUS(WSLINE_ERR_PROTOCOL,
                     wsline_frame_decode(rows[i].wire, rows[i].len, &frame, &consumed));
        CHECK_INT(0, consumed);
    }
}

static void encode_rejects_invalid_frames(void) {
    uint8_t buffer[256] = {0};
    size_t len = 0;
    wsline_frame frame = {.fin = 1, .opcode = WSLINE_OPCODE_TEXT};

    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_frame_encode(NULL, buffer, sizeof buffer, &len));
    CHECK_HAS("frame", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_frame_encode(&frame, buffer, sizeof buffer, NULL));
    CHECK_HAS("len_out", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_frame_encode(&frame, NULL, 16, &len));
    CHECK_HAS("buffer", wsline_last_error_message());

    frame.len = 1;
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_frame_encode(&frame, buffer, sizeof buffer, &len));
    CHECK_HAS("data", wsline_last_error_message());

    frame.len = 0;
    frame.reserved[1] = 1;
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_frame_encode(&frame, buffer, sizeof buffer, &len));
    CHECK_HAS("reserved", wsline_last_error_message());
    frame.reserved[1] = 0;
    frame.reserved0[0] = 1;
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_frame_encode(&frame, buffer, sizeof buffer, &len));
    frame.reserved0[0] = 0;
    frame.opcode = 16;
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_frame_encode(&frame, buffer, sizeof buffer, &len));
    CHECK_HAS("opcode", wsline_last_error_message());
    frame.opcode = -1;
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_frame_encode(&frame, buffer, sizeof buffer, &len));
}

static void encode_breaks_rules_only_if_the_frame_is_raw(void) {
    static const uint8_t payload[126] = {0};
    const struct {
        const char *name;
        wsline_frame frame;
        uint8_t first;
    } rows[] = {
        {"reserved opcode", {.fin = 1, .opcode = 3}, 0x83},
        {"reserved control opcode", {.fin = 1, .opcode = 15}, 0x8f},
        {"fragmented ping", {.fin = 0, .opcode = WSLINE_OPCODE_PING}, 0x09},
        {"long pong", {.fin = 1, .opcode = WSLINE_OPCODE_PONG, .data = payload, .len = 126}, 0x8a},
    };
    uint8_t buffer[256];
    size_t len = 0;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_frame frame = rows[i].frame;

        check_row(rows[i].name);
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                     wsline_frame_encode(&frame, buffer, sizeof buffer, &len));
        CHECK_HAS("frame", wsline_last_error_message());
        frame.raw = 1;
        CHECK_OK(wsline_frame_encode(&frame, buffer, sizeof buffer, &len));
        CHECK_INT(rows[i].first, buffer[0]);
        frame.raw = 2;
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                     wsline_frame_encode(&frame, buffer, sizeof buffer, &len));
        CHECK_HAS("raw", wsline_last_error_message());
    }
}

static void decode_rejects_missing_arguments(void) {
    wsline_frame frame;
    size_t consumed = 99;

    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_frame_decode(NULL, 2, &frame, &consumed));
    CHECK_HAS("data", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_frame_decode("\x81", 1, NULL, &consumed));
    CHECK_HAS("frame_out", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_frame_decode("\x81", 1, &frame, NULL));
    CHECK_HAS("len_out", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_WOULD_BLOCK, wsline_frame_decode(NULL, 0, &frame, &consumed));
}

static void the_payload_of_a_frame_may_be_nul_terminated(void) {
    wsline_frame frame = {.fin = 1, .opcode = WSLINE_OPCODE_TEXT, .len = WSLINE_NUL_TERMINATED};
    uint8_t buffer[64];
    size_t len = 0;

    frame.data = (const uint8_t *)"Hello";
    CHECK_OK(wsline_frame_encode(&frame, buffer, sizeof buffer, &len));
    CHECK_BYTES("\x81\x05Hello", 7, buffer, len);
}

static void mask_xors_with_the_key_at_every_length_and_alignment(void) {
    static const uint8_t key[4] = {0x01, 0x80, 0xff, 0x5a};

    for (size_t offset = 0; offset < 8; offset++) {
        for (size_t len = 0; len <= 80; len++) {
            uint8_t data[96], want[96];

            memset(data, 0, sizeof data);
            for (size_t i = 0; i < len; i++) data[offset + i] = (uint8_t)(i * 7 + 1);
            memcpy(want, data, sizeof want);
            for (size_t i = 0; i < len; i++)
                want[offset + i] = (uint8_t)(want[offset + i] ^ key[i % 4]);
            CHECK_OK(wsline_mask(key, data + offset, len));
            REQUIRE(memcmp(want, data, sizeof data) == 0);
        }
    }
    CHECK_OK(wsline_mask(key, NULL, 0));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_mask(key, NULL, 1));
    CHECK_HAS("data", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_mask(NULL, NULL, 0));
    CHECK_HAS("key", wsline_last_error_message());
}

static void utf8_is_validated_by_rfc_3629(void) {
    static const struct {
        const char *name;
        const char *text;
        size_t len;
        bool valid;
    } rows[] = {
        {"empty", BYTES(""), true},
        {"ascii", BYTES("Hello"), true},
        {"a NUL", BYTES("a\0b"), true},
        {"two bytes", BYTES("\xc2\x80\xdf\xbf"), true},
        {"three bytes", BYTES("\xe0\xa0\x80\xef\xbf\xbf"), true},
        {"around the surrogates", BYTES("\xed\x9f\xbf\xee\x80\x80"), true},
        {"four bytes", BYTES("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), true},
        {"lone continuation", BYTES("\x80"), false},
        {"overlong slash", BYTES("\xc0\xaf"), false},
        {"overlong in three", BYTES("\xe0\x9f\xbf"), false},
        {"overlong in four", BYTES("\xf0\x8f\xbf\xbf"), false},
        {"high surrogate", BYTES("\xed\xa0\x80"), false},
        {"low surrogate", BYTES("\xed\xbf\xbf"), false},
        {"above U+10FFFF", BYTES("\xf4\x90\x80\x80"), false},
        {"five bytes", BYTES("\xf8\x88\x80\x80\x80"), false},
        {"0xfe", BYTES("\xfe"), false},
        {"0xff", BYTES("\xff"), false},
        {"cut after one of two", BYTES("a\xc3"), false},
        {"cut after two of three", BYTES("a\xe2\x82"), false},
        {"cut after three of four", BYTES("a\xf0\x9f\x98"), false},
        {"bad byte far in",
         BYTES("0123456789012345678901234567890123456789012345678901234567890123"
               "0123456789\xc3("),
         false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(rows[i].name);
        CHECK_INT(rows[i].valid, wsline_utf8_is_valid(rows[i].text, rows[i].len));
    }
    check_row("");
    CHECK(wsline_utf8_is_valid(NULL, 0));
    CHECK(!wsline_utf8_is_valid(NULL, 1));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(encode_writes_the_bytes_of_the_rfc),
        TEST(decode_reads_the_bytes_of_the_rfc),
        TEST(decode_asks_for_more_of_every_incomplete_frame),
        TEST(decode_reports_how_many_bytes_are_missing),
        TEST(decode_consumes_one_frame_and_leaves_the_next),
        TEST(the_shortest_length_form_is_used),
        TEST(a_buffer_that_is_too_small_is_rejected_with_the_required_size),
        TEST(reserved_bits_are_encoded_and_decoded),
        TEST(decode_rejects_frames_that_no_peer_may_send),
        TEST(encode_rejects_invalid_frames),
        TEST(encode_breaks_rules_only_if_the_frame_is_raw),
        TEST(decode_rejects_missing_arguments),
        TEST(the_payload_of_a_frame_may_be_nul_terminated),
        TEST(mask_xors_with_the_key_at_every_length_and_alignment),
        TEST(utf8_is_validated_by_rfc_3629),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
