/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor that is readable when a receive would return something. */
#include "deflate.h"
#include "readable.h"
#include "wire.h"

#include <sys/epoll.h>

/* Frames of a server. */
#define A          "810161"
#define B          "810162"
#define PING       "89027069"
#define CLOSE      "880203e8"
#define BEGIN      "010178"
#define CONTINUE   "000179"
#define END        "80017a"
#define HELLO      "c107f248cdc9c90700"
#define HALF_HELLO "c107f248cdc9"

static wsline_status receive_part(wsline_conn *conn, int64_t timeout_ms, wsline_message *message) {
    return wsline_conn_recv_part(conn, timeout_ms, message);
}

typedef wsline_status receive_fn(wsline_conn *, int64_t, wsline_message *);

/* A server that sends, and a client that receives without waiting. */
static const struct scene {
    const char *name;
    receive_fn *receive;
    /* One letter for each step, described in `check_scene`. */
    const char *steps;
    const char *sent[4];
} scenes[] = {
    {"one message", wsline_conn_recv, "-s+a-t-", {A}},
    {"two at once", wsline_conn_recv, "-s+a!b-t-", {A B}},
    {"a message and half of one", wsline_conn_recv, "s+a-s+b-", {A "8101", "62"}},
    {"a message and half a header", wsline_conn_recv, "s+a-s+b-", {A "81", "0162"}},
    {"half of one", wsline_conn_recv, "s+t-s+a-", {"8101", "61"}},
    {"half of a payload", wsline_conn_recv, "s+t-s+m-", {"810361", "6263"}},
    {"half of a ping", wsline_conn_recv_event, "s+t-s+i-", {"890270", "69"}},
    {"half of a ping among parts", receive_part, "s+t-s+t-", {"890270", "69"}},
    {"half of a payload after a ping",
     wsline_conn_recv_event,
     "s+i-t-s+m-",
     {PING "810361", "6263"}},
    {"a ping", wsline_conn_recv_event, "s+i-t-", {PING}},
    {"a ping that is not wanted", wsline_conn_recv, "s+t-", {PING}},
    {"a ping between", wsline_conn_recv_event, "s+a!i!b-t-", {A PING B}},
    {"half a ping behind", wsline_conn_recv_event, "s+a-s+i-", {A "890270", "69"}},
    {"a ping between that is not wanted", wsline_conn_recv, "s+a!b-", {A PING B}},
    {"fragments", wsline_conn_recv, "s+t-s+t-s+m-", {BEGIN, CONTINUE, END}},
    {"fragments behind", wsline_conn_recv, "s+a-s+m-", {A BEGIN CONTINUE, END}},
    {"all fragments behind", wsline_conn_recv, "s+a!m-", {A BEGIN CONTINUE END}},
    {"a ping in fragments", wsline_conn_recv_event, "s+i-s+m-", {BEGIN PING, CONTINUE END}},
    {"parts", receive_part, "s+m!m!m-t-", {BEGIN CONTINUE END}},
    {"parts of one frame", receive_part, "s+m-s+m-s+t-", {"8105707172", "7374", "81"}},
    {"a part behind", receive_part, "s+a!m-", {A "81057071"}},
    {"a close frame", wsline_conn_recv_event, "s+c!x!x!", {CLOSE}},
    {"a close frame behind", wsline_conn_recv, "s+a!x!x!", {A CLOSE}},
    {"the end", wsline_conn_recv, "e+l+l+", {NULL}},
    {"the end behind", wsline_conn_recv, "se+a+l+l+", {A}},
    {"a protocol error", wsline_conn_recv, "s+p!p!", {"8f00"}},
    {"a protocol error behind", wsline_conn_recv, "s+a!p!p!", {A "8f00"}},
    {"a fragment out of order behind", wsline_conn_recv, "s+a!p!", {A END}},
    {"a message out of order behind", wsline_conn_recv, "s+a!p!", {A BEGIN A}},
    {"a masked frame behind", wsline_conn_recv, "s+a!p!", {A "818001020304"}},
    {"a shutdown", wsline_conn_recv, "d+x+x+", {NULL}},
    {"an abort", wsline_conn_recv, "o!q!q!", {NULL}},
    {"an abort with messages behind", wsline_conn_recv, "s+a!o!q!", {A B}},
};

/*
 * s: the server sends the next bytes; e: it ends the stream; d: shutdown; o: abort.
 * -: the descriptor is not readable; +: it is; !: it is, and something is pending.
 * a, b: the message of that letter arrives; m: a message or part; i: a ping; c: a close frame.
 * t, x, l, p, q: the receive returns timeout, closed, lost, a protocol error, aborted.
 */
static void check_step(const struct scene *scene, struct wire *wire, int fd, char step,
                       const char *sent) {
    static const char codes[] = "txlpq";
    static const wsline_status statuses[] = {WSLINE_ERR_TIMEOUT, WSLINE_ERR_CLOSED,
                                             WSLINE_ERR_CONNECTION_LOST, WSLINE_ERR_PROTOCOL,
                                             WSLINE_ERR_ABORTED};
    const char *code = strchr(codes, step);
    wsline_message message;

    switch (step) {
    case 's':
        wire_send_hex(wire, sent);
        return;
    case 'e':
        close(wire->server);
        wire->server = -1;
        return;
    case 'd':
        CHECK_OK(wsline_conn_shutdown(wire->conn));
        return;
    case 'o':
        CHECK_OK(wsline_conn_abort(wire->conn));
        return;
    case '-':
    case '+':
    case '!':
        CHECK_INT(step != '-', is_readable(fd, 0));
        CHECK_INT(step == '!', wsline_conn_pending(wire->conn));
        return;
    default:
        break;
    }
    if (code != NULL) {
        CHECK_STATUS(statuses[code - codes], scene->receive(wire->conn, 0, &message));
        return;
    }
    REQUIRE_OK(scene->receive(wire->conn, 0, &message));
    if (step == 'a' || step == 'b') CHECK_BYTES(&step, 1, message.data, message.len);
    if (step == 'm') CHECK_INT(WSLINE_OPCODE_TEXT, message.opcode);
    if (step == 'i') CHECK_INT(WSLINE_OPCODE_PING, message.opcode);
    if (step == 'c') CHECK_INT(WSLINE_OPCODE_CLOSE, message.opcode);
}

static void it_is_readable_when_a_receive_returns_something(void) {
    for (size_t i = 0; i < COUNT_OF(scenes); i++) {
        struct wire wire = wire_open();
        const char *const *sent = scenes[i].sent;
        int fd = poll_fd(wire.conn);

        for (const char *step = scenes[i].steps; *step != '\0'; step++) {
            char row[80];

            snprintf(row, sizeof row, "%s, step %d", scenes[i].name,
                     (int)(step - scenes[i].steps) + 1);
            check_row(row);
            check_step(&scenes[i], &wire, fd, *step, *sent);
            if (*step == 's') sent++;
        }
        CHECK_INT(fd, poll_fd(wire.conn));
        wire_close(&wire);
    }
}

/* A call that does not wait returns whatever has arrived completely, however much that is. */
static void a_large_message_is_received_by_one_call(void) {
    enum { SIZE = 300000 };
    unsigned char header[10] = {0x82, 127};
    char *text = text_of(SIZE);
    struct wire wire = wire_open();
    int fd = poll_fd(wire.conn), space = 2 * SIZE;
    wsline_message message;

    REQUIRE(setsockopt(wire.server, SOL_SOCKET, SO_SNDBUF, &space, sizeof space) == 0);
    for (int i = 0; i < 8; i++) header[9 - i] = (unsigned char)((uint64_t)SIZE >> (8 * i));
    REQUIRE(send(wire.server, header, sizeof header, 0) == sizeof header);
    for (size_t at = 0, count; at < SIZE; at += count) {
        ssize_t sent = send(wire.server, text + at, SIZE - at, MSG_DONTWAIT);

        if (sent < 0) {
            /* A small limit of the system: the test receives what there is. */
            CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
            CHECK(!is_readable(fd, 0));
            sent = 0;
        }
        count = (size_t)sent;
    }
    CHECK(is_readable(fd, 0));
    REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &message));
    CHECK_BYTES(text, SIZE, message.data, message.len);
    CHECK(!is_readable(fd, 0));
    free(text);
    wire_close(&wire);
}

/* A pong that the socket did not take is sent by the next receive, so it must wake the watcher. */
static void a_pending_pong_is_sent_when_there_is_room(void) {
    struct wire wire = wire_open();
    int fd = poll_fd(wire.conn), space = 4096;
    char read[4096], last[4] = "";
    wsline_message message;

    REQUIRE(setsockopt(wire.client, SOL_SOCKET, SO_SNDBUF, &space, sizeof space) == 0);
    for (unsigned i = 0; i < 2000; i++) {
        char hex[16];

        snprintf(hex, sizeof hex, "8904%08x", 0x30303030U + i % 10);
        wire_send_hex(&wire, hex);
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
    }
    CHECK(!is_readable(fd, 0));
    for (bool is_empty = false; !is_empty;) {
        ssize_t count = recv(wire.server, read, sizeof read, MSG_DONTWAIT);

        is_empty = count <= 0;
        if (is_readable(fd, 0)) {
            is_empty = false;
            CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
        }
        for (int i = 0; count >= 10 && i < 4; i++) /* masked: 4 bytes of key, 4 of payload */
            last[i] = (char)(read[count - 8 + i] ^ read[count - 4 + i]);
    }
    CHECK_BYTES("0009", 4, last, 4);
    CHECK(!is_readable(fd, 0));
    wire_close(&wire);
}

static void it_can_be_created_at_any_time(void) {
    struct wire wire = wire_open();
    wsline_message message;
    int32_t fd = 0;

    CHECK(!wsline_conn_pending(wire.conn));
    wire_send_hex(&wire, A B "8101");
    REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &message));
    CHECK(wsline_conn_pending(wire.conn));
    CHECK(is_readable(poll_fd(wire.conn), 0));
    REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &message));
    CHECK_BYTES("b", 1, message.data, message.len);
    CHECK(!is_readable(poll_fd(wire.conn), 0));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_poll_fd(wire.conn, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_poll_fd(NULL, &fd));
    CHECK_INT(-1, fd);
    CHECK(!wsline_conn_pending(NULL));
    wire_close(&wire);

    REQUIRE_OK(wsline_conn_new(NULL, &wire.conn));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_poll_fd(wire.conn, &fd));
    CHECK_INT(-1, fd);
    CHECK(!wsline_conn_pending(wire.conn));
    wsline_conn_free(wire.conn);
}

/* The kind of the last receive decides, whatever it found. */
static void another_receive_may_follow(void) {
    struct wire wire = wire_open();
    int fd = poll_fd(wire.conn);
    wsline_message message;

    wire_send_hex(&wire, A "810361");
    REQUIRE_OK(wsline_conn_recv_part(wire.conn, 0, &message));
    CHECK(is_readable(fd, 0));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
    CHECK(!is_readable(fd, 0));
    wire_send_hex(&wire, "6263");
    REQUIRE_OK(wsline_conn_recv(wire.conn, WAIT_MS, &message));
    CHECK_BYTES("abc", 3, message.data, message.len);
    wire_close(&wire);
}

/* What was read with the messages before it counts. */
static void a_close_that_does_not_wait_finds_the_close_frame(void) {
    static const char *const before[] = {"", A, PING, A B PING BEGIN END};

    for (size_t i = 0; i < COUNT_OF(before); i++) {
        struct wire wire = wire_open();
        wsline_close_info info;

        check_row(before[i]);
        wire_send_hex(&wire, before[i]);
        wire_send_hex(&wire, CLOSE);
        CHECK_OK(wsline_conn_close(wire.conn, WSLINE_CLOSE_NORMAL, NULL, 0));
        REQUIRE_OK(wsline_conn_close_info(wire.conn, &info));
        CHECK(info.clean);
        wire_close(&wire);
    }
}

/* However many control frames precede it. */
static void a_receive_that_does_not_wait_finds_the_message(void) {
    struct wire wire = wire_open();
    char pongs[6000];
    wsline_message message;

    for (size_t i = 0; i < sizeof pongs; i += 2) memcpy(pongs + i, "\x8a", 2);
    REQUIRE(send(wire.server, pongs, sizeof pongs, 0) == sizeof pongs);
    wire_send_hex(&wire, A);
    REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &message));
    CHECK_BYTES("a", 1, message.data, message.len);
    wire_close(&wire);
}

/* Several messages in one TLS record, some compressed, and a close frame: what TLS has decrypted is
 * no longer in the socket. */
static void it_knows_what_tls_holds(void) {
    static const char *const peers[] = {"FAULTS", "FAULTS_TLS"};
    static const char path[] = "/frame?extensions=permessage-deflate&then=stall&hex=" //
        A HELLO PING BEGIN END HELLO B CLOSE;
    static const char *const want[] = {"a", "Hello", "pi", "xz", "Hello", "b", "\x03\xe8"};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_conn *conn = deflate_connect(peers[i], path, deflate_options());
        int fd = poll_fd(conn);
        wsline_message message;

        for (size_t k = 0; k < COUNT_OF(want); k++) {
            wsline_status status;

            check_row(want[k]);
            do {
                REQUIRE(is_readable(fd, WAIT_MS));
                status = wsline_conn_recv_event(conn, 0, &message);
            } while (status == WSLINE_ERR_TIMEOUT);
            CHECK_OK(status);
            CHECK_BYTES(want[k], strlen(want[k]), message.data, message.len);
        }
        CHECK(is_readable(fd, 0));
        CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv_event(conn, 0, &message));
        CHECK(is_readable(fd, 0));
        wsline_conn_free(conn);
    }
}

static void large_echoes_arrive_over_tls(void) {
    static const char *const tls_peers[] = {"WEBSOCKETS_TLS", "FAULTS_TLS"};
    enum { SIZE = 200000 };
    char *text = text_of(SIZE);

    for (size_t i = 0; i < COUNT_OF(tls_peers); i++) {
        wsline_conn *conn = peer_connect(tls_peers[i], "/echo", NULL);
        int watcher = epoll_create1(0);
        struct epoll_event event = {.events = EPOLLIN | EPOLLET};
        wsline_message message;

        check_row(tls_peers[i]);
        REQUIRE(epoll_ctl(watcher, EPOLL_CTL_ADD, poll_fd(conn), &event) == 0);
        for (unsigned round = 0; round < 5; round++) {
            wsline_status status = WSLINE_OK;
            unsigned count = 0;

            CHECK_OK(wsline_conn_send_text(conn, text, SIZE));
            CHECK_OK(wsline_conn_send_text(conn, "hello", 5));
            while (count < 2) {
                REQUIRE(epoll_wait(watcher, &event, 1, WAIT_MS) == 1);
                do {
                    status = wsline_conn_recv(conn, 0, &message);
                    if (status == WSLINE_OK) CHECK_INT(count++ == 0 ? SIZE : 5, message.len);
                } while (status == WSLINE_OK);
                CHECK_STATUS(WSLINE_ERR_TIMEOUT, status);
            }
        }
        CHECK(!is_readable(poll_fd(conn), 0));
        close(watcher);
        peer_hang_up(conn);
    }
    free(text);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(it_is_readable_when_a_receive_returns_something),
        TEST(a_large_message_is_received_by_one_call),
        TEST(a_pending_pong_is_sent_when_there_is_room),
        TEST(it_can_be_created_at_any_time),
        TEST(another_receive_may_follow),
        TEST(a_close_that_does_not_wait_finds_the_close_frame),
        TEST(a_receive_that_does_not_wait_finds_the_message),
        TEST(it_knows_what_tls_holds),
        TEST(large_echoes_arrive_over_tls),
    };

    return check_main(argc, argv, tests, COUNT_OF(tests));
}
