/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that never stop or never read, while several threads use the connection. */
#include "gate.h"

#include <sys/socket.h>

/* Longer than any deadline here, at the rate at which a client can read. */
#define ENDLESS_PINGS    "/frame?hex=8900&n=5000000"
#define ENDLESS_MESSAGES "/frame?hex=8200&n=20000000"

static void a_flood_of_pings_does_not_extend_the_deadline(void) {
    wsline_conn *conn = peer_connect("FAULTS", ENDLESS_PINGS, NULL);
    wsline_message message;
    struct stopwatch start = stopwatch_start();

    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 200, &message));
    CHECK_TOOK(200, start);
    wsline_conn_free(conn);
}

static void a_flood_of_messages_does_not_delay_a_close(void) {
    wsline_conn *conn = peer_connect("FAULTS", ENDLESS_MESSAGES, NULL);
    struct stopwatch start = stopwatch_start();

    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, 300));
    CHECK_TOOK(300, start);
    wsline_conn_free(conn);
}

/* A connection whose socket buffers are full, because the server does not read. Frames have eight
 * bytes: the kernel hardly ever accepts half of one, which would end the connection; then it is
 * repeated. */
static wsline_conn *connect_and_fill(const char *base, struct gate *gate) {
    static const int small = 8192;
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;
    wsline_status status = WSLINE_ERR_CONNECTION_LOST;
    char path[256];

    CHECK_OK(wsline_options_set_send_timeout_ms(options, 100));
    CHECK_OK(
        wsline_options_add_socket_option(options, SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
    for (int attempt = 0; attempt < 5 && status == WSLINE_ERR_CONNECTION_LOST; attempt++) {
        wsline_conn_free(conn);
        *gate = gate_new("FAULTS");
        conn = peer_connect("FAULTS", gate_path(gate, base, path), options);
        do {
            status = wsline_conn_send_binary(conn, "xx", 2);
        } while (status == WSLINE_OK);
    }
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, status);
    wsline_options_free(options);
    return conn;
}

static wsline_status send_something(wsline_conn *conn) {
    wsline_status status = wsline_conn_send_text(conn, "no room for this", WSLINE_NUL_TERMINATED);

    return status == WSLINE_ERR_TIMEOUT ? WSLINE_OK : status;
}

static void a_pong_that_could_not_be_sent_is_sent_without_another_call(void) {
    struct later stuck = {.call = send_something};
    struct gate gate;
    wsline_conn *conn = connect_and_fill("/ping-without-reading?", &gate);
    wsline_message message;

    stuck.conn = conn;
    later_start(&stuck);
    gate_open_twice_later(&gate);
    /* The server sends it after receiving the pong, which this call must send. */
    CHECK_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES("pong", 4, message.data, message.len);
    gate_join(&gate);
    later_end(&stuck);
    wsline_conn_free(conn);
}

static wsline_status close_in_vain(wsline_conn *conn) {
    return wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, "mine", WAIT_MS);
}

static void nothing_follows_our_close_frame(void) {
    struct later close_it = {.call = close_in_vain, .after_ms = 0};
    struct gate gate;
    wsline_conn *conn = connect_and_fill("/close-without-reading?", &gate);
    wsline_message message;
    char line[512];

    close_it.conn = conn;
    later_start(&close_it);
    gate_open_twice_later(&gate);
    /* A ping and a close frame arrive while the close frame of the other thread waits for buffer
     * space. */
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
    gate_join(&gate);
    later_end(&close_it);
    wsline_conn_free(conn);
    peer_journal(gate.id, line, sizeof line);
    CHECK_HAS("\"close\": 1000", line);
    CHECK_HAS("\"after_close\": 0", line);
}

/* ---- lent data stays valid while another thread reads on ---- */

static wsline_status close_quickly(wsline_conn *conn) {
    wsline_status status = wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, 300);

    return status == WSLINE_ERR_TIMEOUT ? WSLINE_OK : status;
}

static void check_lent(const char *path, size_t len) {
    wsline_conn *conn = peer_connect("FAULTS", path, NULL);
    struct later close_it = {.call = close_quickly, .conn = conn};
    wsline_message message;
    wsline_status status;
    size_t changed = 0;

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK(message.len == len);
    later_start(&close_it);
    later_end(&close_it);
    for (size_t i = 0; i < message.len; i++) changed += message.data[i] != 'A';
    CHECK(changed == 0);
    CHECK_INT(0, message.data[message.len]);
    /* Data received by then may still be delivered if the close timed out. */
    do {
        status = wsline_conn_recv(conn, 0, &message);
    } while (status == WSLINE_OK);
    CHECK_STATUS(WSLINE_ERR_CLOSED, status);
    wsline_conn_free(conn);
}

static void a_message_outlives_a_close_by_another_thread(void) {
    /* AAAA, then increasing sizes; then AA + AA in fragments, then increasing sizes. */
    check_lent("/frame?hex=820441414141&n=200000", 4);
    check_lent("/frame?hex=0202414180024141&n=200000", 4);
}

static void a_receive_during_a_close_waits_for_the_end(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/no-close-reply", NULL);
    struct later close_it = {.call = close_quickly, .conn = conn};
    wsline_message message;
    wsline_status status;

    later_start(&close_it);
    while (wsline_conn_is_open(conn)) clock_pause();
    do {
        status = wsline_conn_recv(conn, 10, &message);
    } while (status == WSLINE_ERR_TIMEOUT);
    CHECK_STATUS(WSLINE_ERR_CLOSED, status);
    later_end(&close_it);
    wsline_conn_free(conn);
}

/* Generates as many keys as `userdata` counts. */
static int32_t few_keys(uint8_t *key_out, void *userdata) {
    int *keys_left = userdata;

    memset(key_out, 0, 4);
    return (*keys_left)-- > 0 ? WSLINE_OK : WSLINE_ERR_INTERNAL;
}

static void a_masking_key_that_fails_ends_the_close(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn;
    int keys_left = 1;
    struct gate gate = gate_new("FAULTS");
    char path[256];
    clock_t cpu = clock();

    CHECK_OK(wsline_options_set_mask_key_fn(options, few_keys, &keys_left, NULL));
    conn = peer_connect("FAULTS", gate_path(&gate, "/ping-without-reading?", path), options);
    gate_open(&gate);
    gate_open(&gate);
    CHECK_STATUS(WSLINE_ERR_INTERNAL, wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
    CHECK((clock() - cpu) / CLOCKS_PER_SEC < (check_slow() ? 30 : 1));
    wsline_conn_free(conn);
    wsline_options_free(options);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_flood_of_pings_does_not_extend_the_deadline),
        TEST(a_flood_of_messages_does_not_delay_a_close),
        TEST(a_pong_that_could_not_be_sent_is_sent_without_another_call),
        TEST(nothing_follows_our_close_frame),
        TEST(a_message_outlives_a_close_by_another_thread),
        TEST(a_receive_during_a_close_waits_for_the_end),
        TEST(a_masking_key_that_fails_ends_the_close),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
