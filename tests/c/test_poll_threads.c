/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor while other threads send, receive and close: no watcher misses anything. */
#include "clock.h"
#include "peer.h"
#include "readable.h"
#include "wire.h"

#include <sys/epoll.h>

/* What a server sends until the test says so. */
struct flood {
    struct wire wire;
    const char *frame;
    size_t len;
    pthread_mutex_t lock;
    bool is_over;
};

static bool flood_is_over(struct flood *flood) {
    bool is_over;

    pthread_mutex_lock(&flood->lock);
    is_over = flood->is_over;
    pthread_mutex_unlock(&flood->lock);
    return is_over;
}

static void *send_flood(void *userdata) {
    struct flood *flood = userdata;
    char bytes[4096];

    for (size_t at = 0; at < sizeof bytes; at += flood->len)
        memcpy(bytes + at, flood->frame, flood->len);
    while (!flood_is_over(flood)) {
        if (send(flood->wire.server, bytes, sizeof bytes, MSG_NOSIGNAL) != sizeof bytes)
            return NULL;
        while (recv(flood->wire.server, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
        }
        for (size_t at = 0; at < sizeof bytes; at += flood->len)
            memcpy(bytes + at, flood->frame, flood->len);
    }
    /* Fails if the connection has ended. */
    (void)!send(flood->wire.server,
                "\x81\x01"
                "a",
                3, MSG_NOSIGNAL);
    return NULL;
}

static struct flood flood_begin(const char *frame, size_t len) {
    struct flood flood = {.wire = wire_open(), .frame = frame, .len = len};

    pthread_mutex_init(&flood.lock, NULL);
    return flood;
}

static void flood_end(struct flood *flood) {
    pthread_mutex_lock(&flood->lock);
    flood->is_over = true;
    pthread_mutex_unlock(&flood->lock);
}

/* A receive that does not wait returns, and a watcher that waits for edges still learns of the
 * message at the end. */
static void a_flood_of_pings_does_not_hold_a_receive_up(void) {
    struct flood flood = flood_begin("\x89\x00", 2);
    int watcher = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    wsline_message message;
    wsline_status status = WSLINE_ERR_TIMEOUT;
    pthread_t server;

    REQUIRE(epoll_ctl(watcher, EPOLL_CTL_ADD, poll_fd(flood.wire.conn), &event) == 0);
    REQUIRE(pthread_create(&server, NULL, send_flood, &flood) == 0);
    for (unsigned i = 0; status == WSLINE_ERR_TIMEOUT; i++) {
        REQUIRE(epoll_wait(watcher, &event, 1, WAIT_MS) == 1);
        status = wsline_conn_recv(flood.wire.conn, 0, &message);
        if (i == 100) flood_end(&flood);
    }
    CHECK_OK(status);
    CHECK_BYTES("a", 1, message.data, message.len);
    REQUIRE(pthread_join(server, NULL) == 0);
    close(watcher);
    wire_close(&flood.wire);
}

static void a_flood_of_messages_does_not_hold_a_close_up(void) {
    struct flood flood = flood_begin("\x82\x00", 2);
    pthread_t server;

    REQUIRE(pthread_create(&server, NULL, send_flood, &flood) == 0);
    CHECK_STATUS(WSLINE_ERR_TIMEOUT,
                 wsline_conn_close(flood.wire.conn, WSLINE_CLOSE_NORMAL, NULL, 0));
    flood_end(&flood);
    REQUIRE(pthread_join(server, NULL) == 0);
    wire_close(&flood.wire);
}

static void *close_in_vain(void *conn) {
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, 300));
    return NULL;
}

/* The server does not answer: while another thread closes, nothing can be received. */
static void a_watcher_rests_while_another_thread_closes(void) {
    struct wire wire = wire_open();
    int fd = poll_fd(wire.conn);
    wsline_message message;
    unsigned receives = 0;
    pthread_t closer;

    wire_send_hex(&wire, "810161810162");
    REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &message));
    REQUIRE(pthread_create(&closer, NULL, close_in_vain, wire.conn) == 0);
    while (wsline_conn_is_open(wire.conn)) {
        REQUIRE(is_readable(fd, WAIT_MS));
        if (wsline_conn_recv(wire.conn, 0, &message) == WSLINE_ERR_TIMEOUT) receives++;
    }
    REQUIRE(pthread_join(closer, NULL) == 0);
    /* A few while the thread begins, and thousands if they do not rest. */
    CHECK_RANGE(0, 500, receives);
    CHECK(is_readable(fd, 0));
    wire_close(&wire);
}

/* Messages of all sizes, which a server sends in pieces of all sizes. */
enum { MESSAGES = 400 };

static size_t message_len(unsigned number) {
    static const size_t lens[] = {0, 1, 5, 125, 126, 1000, 20000, 65535, 65536, 150000};

    return lens[number * 7 % COUNT_OF(lens)];
}

static void *send_messages(void *wire) {
    int server = ((struct wire *)wire)->server;
    size_t size = 0, at = 0;
    unsigned char *bytes = malloc(MESSAGES * 160000);

    for (unsigned i = 0; i < MESSAGES; i++) {
        size_t len = message_len(i);

        bytes[size++] = 0x82;
        bytes[size++] = (unsigned char)(len < 126 ? len : len < 65536 ? 126 : 127);
        for (int shift = len < 126 ? -8 : len < 65536 ? 8 : 56; shift >= 0; shift -= 8)
            bytes[size++] = (unsigned char)((uint64_t)len >> shift);
        memset(bytes + size, (int)(i & 0xff), len);
        size += len;
    }
    for (unsigned i = 0; at < size; i++) {
        size_t piece = (size_t)1 << (i * 5 % 17);

        if (piece > size - at) piece = size - at;
        if (send(server, bytes + at, piece, MSG_NOSIGNAL) != (ssize_t)piece) break;
        at += piece;
        if (i % 4 == 0) clock_pause();
    }
    CHECK_INT(size, at);
    free(bytes);
    return NULL;
}

static void check_message_number(const wsline_message *message, unsigned number) {
    CHECK_INT(message_len(number), message->len);
    if (message->len > 0) CHECK_INT(number & 0xff, message->data[message->len - 1]);
}

/* With `trigger` EPOLLET each edge is reported once. */
static void receive_when_readable(uint32_t trigger) {
    struct wire wire = wire_open();
    int watcher = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | trigger};
    wsline_message message;
    unsigned count = 0;
    pthread_t server;

    REQUIRE(epoll_ctl(watcher, EPOLL_CTL_ADD, poll_fd(wire.conn), &event) == 0);
    REQUIRE(pthread_create(&server, NULL, send_messages, &wire) == 0);
    while (count < MESSAGES) {
        wsline_status status = WSLINE_OK;

        REQUIRE(epoll_wait(watcher, &event, 1, WAIT_MS) == 1);
        while (status == WSLINE_OK && count < MESSAGES) {
            status = wsline_conn_recv(wire.conn, 0, &message);
            if (status == WSLINE_OK) check_message_number(&message, count++);
            /* One message for each report is enough for a level-triggered watcher. */
            if (trigger == 0) break;
        }
        if (status != WSLINE_OK) CHECK_STATUS(WSLINE_ERR_TIMEOUT, status);
    }
    CHECK(!is_readable(poll_fd(wire.conn), 0));
    REQUIRE(pthread_join(server, NULL) == 0);
    close(watcher);
    wire_close(&wire);
}

static void level_triggered_watchers_miss_nothing(void) { receive_when_readable(0); }

static void edge_triggered_watchers_miss_nothing(void) { receive_when_readable(EPOLLET); }

/* Another thread sends, pings and asks for the descriptor all the time. */
static void *use_the_connection(void *wire) {
    wsline_conn *conn = ((struct wire *)wire)->conn;
    char read[65536];

    for (unsigned i = 0; i < 300; i++) {
        int32_t fd;

        CHECK_OK(wsline_conn_poll_fd(conn, &fd));
        for (unsigned k = 0; k < 100; k++) wsline_conn_pending(conn);
        CHECK_OK(wsline_conn_send_text(conn, "hello", 5));
        CHECK_OK(wsline_conn_ping(conn, NULL, 0));
        CHECK(recv(((struct wire *)wire)->server, read, sizeof read, 0) > 0);
    }
    return NULL;
}

/* Watched for edges: none may be lost when a receive finds the other thread looking. */
static void other_threads_may_use_the_connection(void) {
    struct wire wire = wire_open();
    int watcher = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    pthread_t server, user;
    wsline_message message;
    unsigned count = 0;

    REQUIRE(epoll_ctl(watcher, EPOLL_CTL_ADD, poll_fd(wire.conn), &event) == 0);
    REQUIRE(pthread_create(&server, NULL, send_messages, &wire) == 0);
    REQUIRE(pthread_create(&user, NULL, use_the_connection, &wire) == 0);
    while (count < MESSAGES) {
        wsline_status status;

        REQUIRE(epoll_wait(watcher, &event, 1, WAIT_MS) == 1);
        while ((status = wsline_conn_recv(wire.conn, 0, &message)) == WSLINE_OK)
            check_message_number(&message, count++);
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, status);
    }
    REQUIRE(pthread_join(user, NULL) == 0);
    REQUIRE(pthread_join(server, NULL) == 0);
    close(watcher);
    wire_close(&wire);
}

static void *close_it(void *conn) {
    CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
    return NULL;
}

/* A closing thread reads and discards; the watcher learns of the end. */
static void it_becomes_readable_when_another_thread_closes(void) {
    static const char *const peers[] = {"FAULTS", "FAULTS_TLS"};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_conn *conn = peer_connect(peers[i], "/echo", NULL);
        int fd = poll_fd(conn);
        wsline_message message;
        pthread_t closer;

        check_row(peers[i]);
        CHECK(!is_readable(fd, 0));
        REQUIRE(pthread_create(&closer, NULL, close_it, conn) == 0);
        REQUIRE(is_readable(fd, WAIT_MS));
        REQUIRE(pthread_join(closer, NULL) == 0);
        CHECK(is_readable(fd, 0));
        CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, 0, &message));
        CHECK(is_readable(fd, 0));
        wsline_conn_free(conn);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_flood_of_pings_does_not_hold_a_receive_up),
        TEST(a_flood_of_messages_does_not_hold_a_close_up),
        TEST(a_watcher_rests_while_another_thread_closes),
        TEST(level_triggered_watchers_miss_nothing),
        TEST(edge_triggered_watchers_miss_nothing),
        TEST(other_threads_may_use_the_connection),
        TEST(it_becomes_readable_when_another_thread_closes),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
