/* SPDX-License-Identifier: Apache-2.0 */
/* Corked messages: when they are sent, in which order, with how many system calls. */
/* syscall() */
#define _DEFAULT_SOURCE
#include "deflate.h"
#include "gate.h"
#include "syscalls.h"

static void send_numbers(wsline_conn *conn, int from, int to) {
    for (int i = from; i < to; i++) {
        char text[32];

        snprintf(text, sizeof text, "number %d", i);
        REQUIRE_OK(wsline_conn_send_text(conn, text, WSLINE_NUL_TERMINATED));
    }
}

static void expect_numbers(wsline_conn *conn, int from, int to) {
    for (int i = from; i < to; i++) {
        char text[32];

        snprintf(text, sizeof text, "number %d", i);
        expect_message(conn, WSLINE_OPCODE_TEXT, text, strlen(text));
    }
}

static const char *const servers[] = {"WEBSOCKETS", "WS", "WEBSOCKETS_TLS", "WS_TLS", "DEFLATE_WS"};

static void corked_messages_are_sent_with_one_call(void) {
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        wsline_conn *conn = deflate_connect(servers[i], "/", deflate_options());

        check_row(servers[i]);
        syscalls_count(conn);
        send_numbers(conn, 0, 10);
        CHECK_INT(10, syscalls_made());
        CHECK_OK(wsline_conn_cork(conn));
        send_numbers(conn, 10, 110);
        CHECK_INT(10, syscalls_made());
        CHECK_OK(wsline_conn_uncork(conn));
        CHECK_INT(11, syscalls_made());
        send_numbers(conn, 110, 120);
        CHECK_INT(21, syscalls_made());
        expect_numbers(conn, 0, 120);
        syscalls_count(NULL);
        peer_hang_up(conn);
    }
}

static void corking_twice_has_no_further_effect(void) {
    wsline_conn *conn = deflate_connect("WS", "/", deflate_options());

    syscalls_count(conn);
    CHECK_OK(wsline_conn_uncork(conn));
    CHECK_OK(wsline_conn_cork(conn));
    CHECK_OK(wsline_conn_uncork(conn));
    CHECK_INT(0, syscalls_made());
    CHECK_OK(wsline_conn_cork(conn));
    send_numbers(conn, 0, 3);
    CHECK_OK(wsline_conn_cork(conn));
    send_numbers(conn, 3, 6);
    CHECK_INT(0, syscalls_made());
    CHECK_OK(wsline_conn_uncork(conn));
    CHECK_INT(1, syscalls_made());
    CHECK_OK(wsline_conn_uncork(conn));
    CHECK_INT(1, syscalls_made());
    expect_numbers(conn, 0, 6);
    syscalls_count(NULL);
    peer_hang_up(conn);
}

/* ---- what flushes them ---- */

/* The server replies to each frame with a text that lists its fields. */
static void expect_opcode(wsline_conn *conn, int32_t opcode) {
    char text[32];
    wsline_message message;

    snprintf(text, sizeof text, "opcode=%d ", (int)opcode);
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_HAS(text, (const char *)message.data);
}

static wsline_status send_a_ping(wsline_conn *conn) { return wsline_conn_ping(conn, "p", 1); }

static wsline_status send_a_pong(wsline_conn *conn) { return wsline_conn_pong(conn, "p", 1); }

static wsline_status send_a_frame(wsline_conn *conn) {
    wsline_frame frame = {.fin = 1, .opcode = WSLINE_OPCODE_BINARY};

    return wsline_conn_send_frame(conn, &frame);
}

static wsline_status send_a_raw_frame(wsline_conn *conn) {
    wsline_frame frame = {.fin = 1, .opcode = 11, .masked = 1, .raw = 1};

    return wsline_conn_send_frame(conn, &frame);
}

static wsline_status send_a_large_message(wsline_conn *conn) {
    static const uint8_t large[100000];

    return wsline_conn_send_binary(conn, large, sizeof large);
}

static void other_sends_flush_the_cork_first(void) {
    static const struct {
        const char *name;
        wsline_status (*send)(wsline_conn *conn);
        int32_t opcode;
    } rows[] = {
        {"ping", send_a_ping, WSLINE_OPCODE_PING},
        {"pong", send_a_pong, WSLINE_OPCODE_PONG},
        {"frame", send_a_frame, WSLINE_OPCODE_BINARY},
        {"raw frame", send_a_raw_frame, 11},
        {"large message", send_a_large_message, WSLINE_OPCODE_BINARY},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_conn *conn = peer_connect("FAULTS", "/describe", NULL);

        check_row(rows[i].name);
        syscalls_count(conn);
        CHECK_OK(wsline_conn_cork(conn));
        send_numbers(conn, 0, 3);
        CHECK_INT(0, syscalls_made());
        CHECK_OK(rows[i].send(conn));
        CHECK_RANGE(1, 3, syscalls_made());
        for (int k = 0; k < 3; k++) expect_opcode(conn, WSLINE_OPCODE_TEXT);
        expect_opcode(conn, rows[i].opcode);
        /* Corking continues. */
        syscalls_count(conn);
        send_numbers(conn, 3, 5);
        CHECK_INT(0, syscalls_made());
        CHECK_OK(wsline_conn_uncork(conn));
        CHECK_INT(1, syscalls_made());
        expect_opcode(conn, WSLINE_OPCODE_TEXT);
        expect_opcode(conn, WSLINE_OPCODE_TEXT);
        syscalls_count(NULL);
        peer_hang_up(conn);
    }
}

static void a_close_flushes_the_cork(void) {
    static const char *const ids[] = {"cork-close", "cork-send-close"};

    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        char path[64], line[512];
        wsline_conn *conn;

        check_row(ids[i]);
        snprintf(path, sizeof path, "/swallow?id=%s", ids[i]);
        conn = peer_connect("FAULTS", path, NULL);
        CHECK_OK(wsline_conn_cork(conn));
        send_numbers(conn, 0, 3);
        if (i == 1) CHECK_OK(wsline_conn_send_close(conn, 1000, NULL));
        CHECK_OK(wsline_conn_close(conn, 1000, NULL, WAIT_MS));
        CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_cork(conn));
        wsline_conn_free(conn);
        peer_journal(ids[i], line, sizeof line);
        CHECK_INT(4, report_number(line, "frames"));
        CHECK_INT(1000, report_number(line, "close"));
        CHECK_INT(0, report_number(line, "after_close"));
    }
}

static void a_full_cork_is_flushed(void) {
    enum { COUNT = 200, LEN = 1000 };
    wsline_conn *conn = peer_connect("WS", "/", NULL);
    char *text = text_of(LEN);

    syscalls_count(conn);
    CHECK_OK(wsline_conn_cork(conn));
    for (int i = 0; i < COUNT; i++) REQUIRE_OK(wsline_conn_send_text(conn, text, LEN));
    CHECK_RANGE(3, 4, syscalls_made());
    CHECK_RANGE(3 * 60000, COUNT * (LEN + 8), syscalls.bytes);
    CHECK_OK(wsline_conn_uncork(conn));
    CHECK_RANGE(4, 5, syscalls_made());
    CHECK_INT(COUNT * (LEN + 8), syscalls.bytes);
    CHECK_RANGE(60000, 65536 + LEN + 8, syscalls.largest);
    for (int i = 0; i < COUNT; i++) expect_message(conn, WSLINE_OPCODE_TEXT, text, LEN);
    free(text);
    syscalls_count(NULL);
    peer_hang_up(conn);
}

static void a_receive_that_waits_flushes_the_cork(void) {
    static wsline_status (*const receives[])(wsline_conn *, int64_t, wsline_message *) = {
        wsline_conn_recv, wsline_conn_recv_event, wsline_conn_recv_part};

    for (size_t i = 0; i < COUNT_OF(servers); i++)
        for (size_t k = 0; k < COUNT_OF(receives); k++) {
            wsline_conn *conn = deflate_connect(servers[i], "/", deflate_options());
            wsline_message message;

            check_row(servers[i]);
            syscalls_count(conn);
            CHECK_OK(wsline_conn_cork(conn));
            send_numbers(conn, 0, 3);
            CHECK_INT(0, syscalls_made());
            REQUIRE_OK(receives[k](conn, WAIT_MS, &message));
            CHECK_TEXT("number 0", (const char *)message.data);
            CHECK_INT(1, syscalls_made());
            expect_numbers(conn, 1, 3);
            CHECK_OK(wsline_conn_uncork(conn));
            CHECK_INT(1, syscalls_made());
            syscalls_count(NULL);
            peer_hang_up(conn);
        }
}

static void a_receive_that_does_not_wait_keeps_the_cork(void) {
    /* Three texts in one segment, then an echo. */
    wsline_conn *conn = peer_connect("FAULTS",
                                     "/frame?hex=810161"
                                     "810162"
                                     "810163",
                                     NULL);

    expect_message(conn, WSLINE_OPCODE_TEXT, "a", 1);
    syscalls_count(conn);
    CHECK_OK(wsline_conn_cork(conn));
    send_numbers(conn, 0, 1);
    expect_message(conn, WSLINE_OPCODE_TEXT, "b", 1);
    send_numbers(conn, 1, 2);
    expect_message(conn, WSLINE_OPCODE_TEXT, "c", 1);
    CHECK_INT(0, syscalls_made());
    expect_numbers(conn, 0, 2);
    CHECK_INT(1, syscalls_made());
    syscalls_count(NULL);
    peer_hang_up(conn);
}

static wsline_status send_gathered(wsline_conn *conn) {
    send_numbers(conn, 0, 3);
    CHECK_INT(0, syscalls_made());
    return wsline_conn_uncork(conn);
}

static void a_receive_that_is_already_waiting_keeps_the_cork(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/echo", NULL);
    struct later send = {.call = send_gathered, .conn = conn, .after_ms = 100};

    syscalls_count(conn);
    CHECK_OK(wsline_conn_cork(conn));
    later_start(&send);
    expect_numbers(conn, 0, 3);
    /* The call is counted when it returns, which may be after the echo has arrived. */
    later_end(&send);
    CHECK_INT(1, syscalls_made());
    syscalls_count(NULL);
    peer_hang_up(conn);
}

/* ---- what else is corked ---- */

static void compressed_and_prepared_messages_are_corked(void) {
    wsline_conn *conn = deflate_connect("DEFLATE_WEBSOCKETS", "/", deflate_options());
    const uint8_t *noise = payload_noise().block;
    wsline_prepared *prepared = NULL;
    struct report report = {.asked = 0};

    REQUIRE_OK(wsline_prepared_new(WSLINE_OPCODE_BINARY, noise, 700, &prepared));
    syscalls_count(conn);
    CHECK_OK(wsline_conn_cork(conn));
    for (int i = 0; i < 10; i++) {
        CHECK_OK(wsline_conn_send_binary(conn, noise, 500));
        CHECK_OK(wsline_conn_send_prepared(conn, prepared));
        CHECK_OK(
            wsline_conn_send(conn, WSLINE_OPCODE_BINARY | WSLINE_SEND_UNCOMPRESSED, noise, 600));
    }
    CHECK_INT(0, syscalls_made());
    CHECK_OK(wsline_conn_uncork(conn));
    CHECK_INT(1, syscalls_made());
    for (int i = 0; i < 10; i++) {
        expect_message(conn, WSLINE_OPCODE_BINARY, noise, 500);
        expect_message(conn, WSLINE_OPCODE_BINARY, noise, 700);
        expect_message(conn, WSLINE_OPCODE_BINARY, noise, 600);
    }
    report_get(conn, &report);
    CHECK_INT(20, report.compressed);
    wsline_prepared_free(prepared);
    syscalls_count(NULL);
    peer_hang_up(conn);
}

static void fragments_keep_their_order(void) {
    wsline_conn *conn = deflate_connect("DEFLATE_WS", "/", deflate_options());

    CHECK_OK(wsline_conn_cork(conn));
    send_numbers(conn, 0, 2);
    CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "number ", 7, false));
    CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "2", 1, true));
    send_numbers(conn, 3, 5);
    CHECK_OK(wsline_conn_uncork(conn));
    expect_numbers(conn, 0, 5);
    peer_hang_up(conn);
}

enum { THREADS = 4 };

struct hand {
    wsline_conn *conn;
    int from, count;
};

static void *send_from(void *argument) {
    struct hand *hand = argument;

    send_numbers(hand->conn, hand->from, hand->from + hand->count);
    return NULL;
}

static void messages_from_many_threads_are_corked(void) {
    wsline_conn *conn = deflate_connect("DEFLATE_WS", "/", deflate_options());
    int count = (int)check_scaled(500, 50), next[THREADS];
    struct hand hands[THREADS];
    pthread_t threads[THREADS];

    syscalls_count(conn);
    CHECK_OK(wsline_conn_cork(conn));
    for (int i = 0; i < THREADS; i++) {
        hands[i] = (struct hand){conn, i * 10000, count};
        next[i] = i * 10000;
        threads[i] = thread_start(send_from, &hands[i]);
    }
    for (int i = 0; i < THREADS; i++) thread_join(threads[i]);
    CHECK_OK(wsline_conn_uncork(conn));
    CHECK_RANGE(1, 5, syscalls_made());
    for (int i = 0; i < THREADS * count; i++) {
        wsline_message message;
        int number;

        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        REQUIRE(sscanf((const char *)message.data, "number %d", &number) == 1);
        REQUIRE(0 <= number && number < THREADS * 10000);
        CHECK_INT(next[number / 10000]++, number);
    }
    syscalls_count(NULL);
    peer_hang_up(conn);
}

/* Corked and uncorked at arbitrary times: nothing is lost or sent twice. */
static void *cork_and_uncork(void *argument) {
    for (size_t i = 0; i < check_scaled(2000, 100); i++) {
        CHECK_OK(wsline_conn_cork(argument));
        CHECK_OK(wsline_conn_uncork(argument));
    }
    return NULL;
}

static void corking_may_start_and_end_at_any_time(void) {
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        wsline_conn *conn = deflate_connect(servers[i], "/", deflate_options());
        int count = (int)check_scaled(2000, 100);
        struct hand hand = {conn, 0, count};
        pthread_t sender, corker;

        check_row(servers[i]);
        sender = thread_start(send_from, &hand);
        corker = thread_start(cork_and_uncork, conn);
        expect_numbers(conn, 0, count);
        thread_join(sender);
        thread_join(corker);
        peer_hang_up(conn);
    }
}

/* ---- a server that does not read ---- */

static void unsent_corked_bytes_are_sent_later(void) {
    static const int small = 8192;
    wsline_options *options = peer_options();
    wsline_conn *conn;
    uint8_t *block = payload_copy(payload_noise(), 60000);
    struct gate gate = gate_new("FAULTS");
    int sent = 0;
    wsline_status status;
    wsline_message message;
    char path[256], line[512];

    CHECK_OK(wsline_options_set_send_timeout_ms(options, 50));
    CHECK_OK(
        wsline_options_add_socket_option(options, SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
    conn = deflate_connect("FAULTS", gate_path(&gate, "/ping-without-reading?", path), options);
    /* Until the sockets are full and 60000 corked bytes wait. */
    do {
        CHECK_OK(wsline_conn_cork(conn));
        CHECK_OK(wsline_conn_send_binary(conn, block, 60000));
        sent++;
        status = wsline_conn_uncork(conn);
    } while (status == WSLINE_OK && sent < 1000);
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, status);
    CHECK(wsline_conn_is_open(conn));
    CHECK_OK(wsline_conn_set_timeout_ms(conn, WAIT_MS));
    gate_open_twice_later(&gate);
    /* A receive also sends the rest. */
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES("pong", 4, message.data, message.len);
    gate_join(&gate);
    peer_hang_up(conn);
    free(block);
    /* Those, the pong and the close frame; the server discards everything before the pong. */
    peer_journal(gate.id, line, sizeof line);
    CHECK_INT(sent + 2, report_number(line, "frames"));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(corked_messages_are_sent_with_one_call),
        TEST(corking_twice_has_no_further_effect),
        TEST(other_sends_flush_the_cork_first),
        TEST(a_close_flushes_the_cork),
        TEST(a_full_cork_is_flushed),
        TEST(a_receive_that_waits_flushes_the_cork),
        TEST(a_receive_that_does_not_wait_keeps_the_cork),
        TEST(a_receive_that_is_already_waiting_keeps_the_cork),
        TEST(compressed_and_prepared_messages_are_corked),
        TEST(fragments_keep_their_order),
        TEST(messages_from_many_threads_are_corked),
        TEST(corking_may_start_and_end_at_any_time),
        TEST(unsent_corked_bytes_are_sent_later),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
