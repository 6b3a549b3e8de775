/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the results of a transport: an end, a failure, not ready, ready too early. */
#include "carrier.h"
#include "wire.h"

/* A connection whose other end is the test. */
static struct wire wire_over(struct carrier *carrier, bool wait) {
    struct wire wire = {-1, -1, NULL};
    wsline_options *options;
    int pair[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    wire.server = pair[1];
    carrier_begin(carrier, pair[0], NULL, wait);
    options = options_for(carrier);
    REQUIRE_OK(wsline_options_set_upgraded(options, true));
    REQUIRE_OK(wsline_options_set_send_timeout_ms(options, 100));
    REQUIRE_OK(wsline_connect("ws://localhost/", options, &wire.conn));
    wsline_options_free(options);
    return wire;
}

static void wire_over_end(struct wire *wire, struct carrier *carrier) {
    wsline_conn_free(wire->conn);
    if (wire->server >= 0) close(wire->server);
    carrier_end(carrier);
}

static struct pollfd pollable(wsline_conn *conn) {
    int32_t number = -1;

    REQUIRE_OK(wsline_conn_poll_fd(conn, &number));
    return (struct pollfd){.fd = number, .events = POLLIN};
}

static void a_failure_is_reported(void) {
    static const struct {
        int64_t result;
        wsline_status status;
        const char *words;
    } cases[] = {
        {WSLINE_TRANSPORT_FAILED, WSLINE_ERR_IO, "the read function of the transport failed"},
        {-77, WSLINE_ERR_IO, "the read function of the transport failed"},
        {INT64_MAX, WSLINE_ERR_IO, "bytes"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct carrier carrier;
        struct wire wire = wire_over(&carrier, true);
        wsline_message message;

        check_row(cases[i].words);
        carrier.misbehave = cases[i].result;
        CHECK_STATUS(cases[i].status, wsline_conn_recv(wire.conn, WAIT_MS, &message));
        CHECK_HAS(cases[i].words, wsline_last_error_message());
        CHECK_STATUS(cases[i].status, wsline_conn_recv(wire.conn, WAIT_MS, &message));
        wire_over_end(&wire, &carrier);
    }
}

/* After an end or a failure nothing else is asked of the transport. */
static void an_end_stays(void) {
    static const int64_t ends[] = {0, WSLINE_TRANSPORT_FAILED};

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct carrier carrier;
        struct wire wire = wire_over(&carrier, true);
        wsline_status status = ends[i] == 0 ? WSLINE_ERR_CONNECTION_LOST : WSLINE_ERR_IO;
        struct pollfd fd = pollable(wire.conn);
        wsline_message message;

        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
        carrier.misbehave = ends[i];
        if (ends[i] == 0) {
            close(wire.server);
            wire.server = -1;
        }
        CHECK_STATUS(status, wsline_conn_recv(wire.conn, WAIT_MS, &message));
        CHECK_INT(1, poll(&fd, 1, 0));
        carrier.misbehave = WSLINE_TRANSPORT_NOT_READY;
        CHECK_STATUS(status, wsline_conn_recv(wire.conn, WAIT_MS, &message));
        CHECK_INT(1, poll(&fd, 1, 0));
        wire_over_end(&wire, &carrier);
    }
}

/* A wait function may say "ready" too often; deadlines hold nevertheless. */
static void a_deadline_holds_whatever_wait_says(void) {
    static char bytes[1 << 20];
    struct carrier carrier;
    struct wire wire = wire_over(&carrier, true);
    wsline_status status = WSLINE_OK;
    wsline_message message;

    carrier.claim = 1;
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 50, &message));
    wire_send_hex(&wire, "810161");
    REQUIRE_OK(wsline_conn_recv(wire.conn, 50, &message));
    while (status == WSLINE_OK) status = wsline_conn_send_binary(wire.conn, bytes, sizeof bytes);
    CHECK(status == WSLINE_ERR_TIMEOUT || status == WSLINE_ERR_CONNECTION_LOST);
    wire_over_end(&wire, &carrier);
}

/* Three messages arrive, and are reported once, while the library looks; it reads one at a time. */
static void a_report_between_two_looks_counts(void) {
    struct carrier carrier;
    struct wire wire = wire_over(&carrier, false);
    struct pollfd fd = pollable(wire.conn);
    wsline_message message;

    carrier.server = wire.server;
    carrier.at_a_time = 3;
    carrier.late = "\x81\x01"
                   "a\x81\x01"
                   "b\x81\x01"
                   "c";
    for (char want = 'a'; want <= 'c'; want++) {
        REQUIRE(poll(&fd, 1, WAIT_MS) == 1);
        REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &message));
        CHECK_BYTES(&want, 1, message.data, message.len);
    }
    wire_over_end(&wire, &carrier);
}

static void the_end_is_reported(void) {
    for (unsigned wait = 0; wait < 2; wait++) {
        struct carrier carrier;
        struct wire wire = wire_over(&carrier, wait);
        wsline_message message;

        wire_send_hex(&wire, "810161");
        close(wire.server);
        REQUIRE_OK(wsline_conn_recv(wire.conn, WAIT_MS, &message));
        CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_recv(wire.conn, WAIT_MS, &message));
        CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_recv(wire.conn, WAIT_MS, &message));
        wsline_conn_free(wire.conn);
        carrier_end(&carrier);
    }
}

/* The server reads nothing: a send waits for room, up to its timeout. */
static void a_send_waits_for_room(void) {
    static char bytes[65536];

    for (unsigned wait = 0; wait < 2; wait++) {
        struct carrier carrier;
        struct wire wire = wire_over(&carrier, wait);
        wsline_status status = WSLINE_OK;
        unsigned sent = 0;

        while (status == WSLINE_OK) {
            status = wsline_conn_send_binary(wire.conn, bytes, sizeof bytes);
            REQUIRE(++sent < 100);
        }
        CHECK(status == WSLINE_ERR_TIMEOUT || status == WSLINE_ERR_CONNECTION_LOST);
        wire_over_end(&wire, &carrier);
    }
}

static void it_can_be_polled(void) {
    struct carrier carrier;
    struct wire wire = wire_over(&carrier, false);
    struct pollfd fd = pollable(wire.conn);
    wsline_message message;

    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
    /* The watcher may report the writable socket once more. */
    while (poll(&fd, 1, 20) == 1)
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
    wire_send_hex(&wire, "810161810162");
    CHECK_INT(1, poll(&fd, 1, WAIT_MS));
    REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &message));
    CHECK_INT(1, poll(&fd, 1, 0));
    REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &message));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
    CHECK_INT(0, poll(&fd, 1, 0));
    wire_over_end(&wire, &carrier);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_failure_is_reported),
        TEST(an_end_stays),
        TEST(a_deadline_holds_whatever_wait_says),
        TEST(a_report_between_two_looks_counts),
        TEST(the_end_is_reported),
        TEST(a_send_waits_for_room),
        TEST(it_can_be_polled),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
