/* SPDX-License-Identifier: Apache-2.0 */
/* One connection, many threads. */
#include "clock.h"
#include "peer.h"

enum { SENDERS = 4, CLOSERS = 10, HEAD = 8 };

/* Many senders -------------------------------------------------------------------------------- */

struct sender {
    wsline_conn *conn;
    uint8_t number;
    uint32_t messages;
    pthread_t thread;
};

/* Sizes on both sides of every length form, different for each message. */
static size_t size_of_message(uint8_t sender, uint32_t sequence) {
    static const size_t sizes[] = {8, 125, 126, 1000, 65535, 20, 65536, 130, 40000, 9, 100000};

    return sizes[(sequence + sender * 3u) % COUNT_OF(sizes)];
}

/* Sender and sequence number, followed by bytes that are unique to this message. */
static void fill_message(uint8_t *data, size_t size, uint8_t sender, uint32_t sequence) {
    memset(data, (int)(sender * 61u + sequence) & 0xff, size);
    data[0] = sender;
    memcpy(data + 1, &sequence, sizeof sequence);
}

static void *send_all(void *argument) {
    struct sender *sender = argument;
    static const size_t largest = 100000;
    uint8_t *data = malloc(largest);

    REQUIRE(data != NULL);
    for (uint32_t i = 0; i < sender->messages; i++) {
        size_t size = size_of_message(sender->number, i);

        fill_message(data, size, sender->number, i);
        if (!CHECK_OK(wsline_conn_send_binary(sender->conn, data, size))) break;
    }
    free(data);
    return NULL;
}

static void receive_from_all(wsline_conn *conn, uint32_t messages_each) {
    uint32_t next[SENDERS] = {0};
    uint8_t *want = malloc(100000);

    REQUIRE(want != NULL);
    for (uint32_t i = 0; i < SENDERS * messages_each; i++) {
        wsline_message message;
        uint8_t sender;

        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        REQUIRE(message.len >= HEAD);
        sender = message.data[0];
        REQUIRE(sender < SENDERS);
        REQUIRE(message.len == size_of_message(sender, next[sender]));
        fill_message(want, message.len, sender, next[sender]);
        REQUIRE(memcmp(want, message.data, message.len) == 0);
        next[sender]++;
    }
    free(want);
}

static void many_threads_send_while_one_receives(void) {
    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        struct sender senders[SENDERS];
        wsline_conn *conn;
        uint32_t messages = (uint32_t)check_scaled(300, 12);

        check_row(peer_echo_servers[i]);
        conn = peer_connect(peer_echo_servers[i], "/", NULL);
        for (size_t k = 0; k < SENDERS; k++) {
            senders[k].conn = conn;
            senders[k].number = (uint8_t)k;
            senders[k].messages = messages;
            senders[k].thread = thread_start(send_all, &senders[k]);
        }
        receive_from_all(conn, messages);
        for (size_t k = 0; k < SENDERS; k++) thread_join(senders[k].thread);
        peer_hang_up(conn);
    }
}

/* Uses pongs, because no server answers them, and no more than a slow server reads. */
static void *pong_until_closed(void *argument) {
    wsline_status status;

    while ((status = wsline_conn_pong(argument, "p", 1)) == WSLINE_OK) clock_pause();
    CHECK_STATUS(WSLINE_ERR_CLOSED, status);
    return NULL;
}

static void pongs_pass_between_the_fragments_of_another_thread(void) {
    wsline_conn *conn = peer_connect("WS", "/", NULL);
    pthread_t ponger = thread_start(pong_until_closed, conn);
    size_t pieces = check_scaled(200, 20);
    wsline_message message;

    for (size_t i = 1; i <= pieces; i++)
        CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "piece ", 6, i == pieces));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_INT(6 * pieces, message.len);
    CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
    thread_join(ponger);
    wsline_conn_free(conn);
}

struct stuck_sender {
    wsline_conn *conn;
    size_t len;
};

static void *send_much(void *argument) {
    struct stuck_sender *sender = argument;
    uint8_t *data = calloc(1, sender->len);

    REQUIRE(data != NULL);
    CHECK_OK(wsline_conn_send_binary(sender->conn, data, sender->len));
    free(data);
    return NULL;
}

static void pings_are_received_while_a_sender_is_stuck(void) {
    struct stuck_sender stuck = {.len = check_scaled(8 << 20, 1 << 20)};
    char path[64];
    wsline_message message;
    wsline_conn *conn;
    pthread_t sender;

    /* The server reads nothing until it has sent all its pings, which wait to be received. */
    snprintf(path, sizeof path, "/ping-flood?n=%zu", check_scaled(20000, 2000));
    stuck.conn = conn = peer_connect("FAULTS", path, NULL);
    sender = thread_start(send_much, &stuck);

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES("done", 4, message.data, message.len);
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_INT(stuck.len, message.len);
    thread_join(sender);
    peer_hang_up(conn);
}

/* Two receivers ------------------------------------------------------------------------------- */

struct receiver {
    wsline_conn *conn;
    wsline_status status;
};

static void *receive_once(void *argument) {
    struct receiver *receiver = argument;
    wsline_message message;

    /* The other thread's receive may not have ended yet. */
    do receiver->status = wsline_conn_recv(receiver->conn, WAIT_MS, &message);
    while (receiver->status == WSLINE_ERR_BUSY);
    return NULL;
}

static void a_second_receiver_gets_busy(void) {
    struct receiver receiver = {.conn = peer_connect("WEBSOCKETS", "/", NULL)};
    pthread_t thread = thread_start(receive_once, &receiver);
    wsline_message message;
    wsline_frame frame;
    wsline_status status;

    while ((status = wsline_conn_recv(receiver.conn, 0, &message)) == WSLINE_ERR_TIMEOUT)
        clock_pause();
    CHECK_STATUS(WSLINE_ERR_BUSY, status);
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_conn_recv_event(receiver.conn, WAIT_MS, &message));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_conn_recv_frame(receiver.conn, WAIT_MS, &frame));
    CHECK_OK(wsline_conn_send_text(receiver.conn, "x", 1));
    thread_join(thread);
    CHECK_OK(receiver.status);
    peer_hang_up(receiver.conn);
}

static void *receive_too_long(void *argument) {
    wsline_message message;

    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(argument, 20, &message));
    return NULL;
}

static void every_thread_can_read_a_connections_last_failure(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    wsline_error_info info;

    CHECK_OK(wsline_conn_last_error(conn, &info));
    CHECK_INT(WSLINE_OK, info.status);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_set_default_timeout_ms(-7));
    thread_join(thread_start(receive_too_long, conn));
    CHECK_HAS("`timeout_ms`", wsline_last_error_message());
    CHECK_OK(wsline_conn_last_error(conn, &info));
    CHECK_INT(WSLINE_ERR_TIMEOUT, info.status);
    CHECK_INT(WSLINE_PHASE_OPEN, info.phase);
    CHECK(info.message[0] != '\0');
    peer_hang_up(conn);
}

/* Both directions at once ---------------------------------------------------------------------- */

struct stream {
    wsline_conn *conn;
    size_t messages;
    size_t size;
};

static void *send_stream(void *argument) {
    struct stream *stream = argument;
    uint8_t *data = malloc(stream->size);

    REQUIRE(data != NULL);
    for (size_t i = 0; i < stream->messages; i++) {
        memset(data, (int)(i & 0xff), stream->size);
        if (!CHECK_OK(wsline_conn_send_binary(stream->conn, data, stream->size))) break;
    }
    free(data);
    return NULL;
}

static void much_data_is_exchanged_with_a_slow_reader(void) {
    static const char *const peers[] = {"WEBSOCKETS", "WS", "WS_TLS"};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct stream stream = {.messages = check_scaled(64, 4), .size = 1 << 20};
        wsline_stats stats;
        pthread_t sender;

        check_row(peers[i]);
        stream.conn = peer_connect(peers[i], "/", NULL);
        sender = thread_start(send_stream, &stream);
        for (size_t k = 0; k < stream.messages; k++) {
            wsline_message message;

            REQUIRE_OK(wsline_conn_recv(stream.conn, WAIT_MS, &message));
            CHECK_INT(stream.size, message.len);
            CHECK_INT(k & 0xff, message.data[0]);
            CHECK_INT(k & 0xff, message.data[message.len - 1]);
            clock_sleep_ms(
                5); /* does not wait for anything, because the slow reader is the server */
        }
        thread_join(sender);
        CHECK_OK(wsline_conn_stats(stream.conn, &stats));
        CHECK_INT(stream.messages, stats.messages_sent);
        CHECK_INT(stream.messages, stats.messages_received);
        CHECK(stats.bytes_sent > stream.messages * stream.size);
        CHECK(stats.bytes_received > stream.messages * stream.size);
        peer_hang_up(stream.conn);
    }
}

/* Ends ---------------------------------------------------------------------------------------- */

static void *close_normally(void *argument) {
    CHECK_OK(wsline_conn_close(argument, WSLINE_CLOSE_NORMAL, "all at once", WAIT_MS));
    return NULL;
}

static void many_threads_close_at_once(void) {
    static const char *const rows[] = {"FAULTS", "WEBSOCKETS_TLS"};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        pthread_t threads[CLOSERS];
        wsline_close_info info;
        wsline_conn *conn;

        check_row(rows[i]);
        conn = peer_connect(rows[i], "/echo?id=closers", NULL);
        for (size_t k = 0; k < CLOSERS; k++) threads[k] = thread_start(close_normally, conn);
        for (size_t k = 0; k < CLOSERS; k++) thread_join(threads[k]);
        CHECK_OK(wsline_conn_close_info(conn, &info));
        CHECK(info.clean);
        CHECK_INT(WSLINE_CLOSE_NORMAL, info.code);
        wsline_conn_free(conn);
    }
}

static void only_one_close_frame_is_sent_however_many_threads_close(void) {
    pthread_t threads[CLOSERS];
    wsline_conn *conn = peer_connect("FAULTS", "/echo?id=one-frame", NULL);
    char line[512];

    for (size_t i = 0; i < CLOSERS; i++) threads[i] = thread_start(close_normally, conn);
    for (size_t i = 0; i < CLOSERS; i++) thread_join(threads[i]);
    wsline_conn_free(conn);
    peer_journal("one-frame", line, sizeof line);
    CHECK_HAS("\"frames\": 1,", line);
    CHECK_HAS("\"after_close\": 0", line);
}

static void senders_get_closed_when_the_connection_closes(void) {
    pthread_t threads[SENDERS];
    wsline_conn *conn = peer_connect("FAULTS", "/echo?id=senders", NULL);
    char line[512];

    for (size_t i = 0; i < SENDERS; i++) threads[i] = thread_start(pong_until_closed, conn);
    CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
    for (size_t i = 0; i < SENDERS; i++) thread_join(threads[i]);
    wsline_conn_free(conn);
    peer_journal("senders", line, sizeof line);
    CHECK_HAS("\"close\": 1000,", line);
    CHECK_HAS("\"after_close\": 0", line);
}

/* Many connections ---------------------------------------------------------------------------- */

static void *use_a_connection(void *options) {
    static const size_t rounds = 5;
    wsline_message message;

    for (size_t i = 0; i < rounds; i++) {
        wsline_conn *conn = NULL;

        if (!CHECK_OK(peer_try("WEBSOCKETS_TLS", "/", options, &conn))) continue;
        CHECK_OK(wsline_conn_send_text(conn, "x", 1));
        CHECK_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        peer_hang_up(conn);
    }
    return NULL;
}

static void threads_share_options_for_their_own_connections(void) {
    wsline_options *options = peer_options();
    pthread_t threads[SENDERS];

    for (size_t i = 0; i < SENDERS; i++) threads[i] = thread_start(use_a_connection, options);
    for (size_t i = 0; i < SENDERS; i++) thread_join(threads[i]);
    wsline_options_free(options);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(many_threads_send_while_one_receives),
        TEST(pongs_pass_between_the_fragments_of_another_thread),
        TEST(pings_are_received_while_a_sender_is_stuck),
        TEST(a_second_receiver_gets_busy),
        TEST(every_thread_can_read_a_connections_last_failure),
        TEST(much_data_is_exchanged_with_a_slow_reader),
        TEST(many_threads_close_at_once),
        TEST(only_one_close_frame_is_sent_however_many_threads_close),
        TEST(senders_get_closed_when_the_connection_closes),
        TEST(threads_share_options_for_their_own_connections),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
