/* SPDX-License-Identifier: Apache-2.0 */
/* When a message arrived, by the system's clock. */
#include "descriptors.h"
#include "drivers.h"
#include "wire.h"

#include <time.h>

#define A    "810161"
#define B    "810162"
#define HALF "8102"

static uint64_t now_ns(void) {
    struct timespec now;

    REQUIRE(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static wsline_options *stamped_options(void) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_receive_timestamps(options, true));
    return options;
}

/* The system stamps only while some socket wants it, and begins a moment after the first one does.
 * This one stays open until the last test has ended. */
static struct wire stamping;

static void begin_stamping(void) {
    wsline_message message = {.received_ns = 0};

    if (stamping.conn == NULL) stamping = wire_open_tcp(stamped_options());
    while (message.received_ns == 0) {
        wire_send_hex(&stamping, A);
        REQUIRE_OK(wsline_conn_recv(stamping.conn, WAIT_MS, &message));
    }
}

/* Waits until the socket is readable; returns the time. What has arrived then is read later. */
static uint64_t await_bytes(wsline_conn *conn) {
    struct pollfd fd = {.fd = wsline_conn_fd(conn), .events = POLLIN};
    struct timespec pause = {.tv_nsec = 5000000};
    uint64_t arrived;

    REQUIRE(poll(&fd, 1, WAIT_MS) == 1);
    arrived = now_ns();
    nanosleep(&pause, NULL);
    return arrived;
}

static void check_between(uint64_t from, uint64_t time, uint64_t to) {
    CHECK_RANGE((intmax_t)from, (intmax_t)to, (intmax_t)time);
}

static void it_is_when_the_message_arrived(void) {
    static const char *const peers[] = {"WEBSOCKETS", "WEBSOCKETS_TLS", "FAULTS", "FAULTS_TLS"};

    begin_stamping();
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_options *options = stamped_options();
        wsline_conn *conn = peer_connect(peers[i], "/echo", options);
        wsline_message message;

        check_row(peers[i]);
        for (unsigned round = 0; round < 3; round++) {
            uint64_t sent = now_ns(), arrived = 0;

            CHECK_OK(wsline_conn_send_text(conn, "hello", 5));
            /* In the first round the socket may be readable for TLS. */
            if (round > 0) arrived = await_bytes(conn);
            REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
            check_between(sent, message.received_ns, round == 0 ? now_ns() : arrived);
            CHECK_INT(0, message.reserved[0]);
        }
        peer_hang_up(conn);
        wsline_options_free(options);
    }
}

static void messages_of_one_read_have_its_time(void) {
    struct wire wire;
    wsline_message messages[2];
    uint64_t sent, arrived;
    size_t count;

    begin_stamping();
    wire = wire_open_tcp(stamped_options());
    sent = now_ns();
    wire_send_hex(&wire, A B);
    arrived = await_bytes(wire.conn);
    REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &messages[0]));
    REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &messages[1]));
    check_between(sent, messages[0].received_ns, arrived);
    CHECK(messages[0].received_ns == messages[1].received_ns);

    sent = now_ns();
    wire_send_hex(&wire, A B);
    await_bytes(wire.conn);
    REQUIRE_OK(wsline_conn_recv_many(wire.conn, 0, messages, 2, &count));
    CHECK_INT(2, count);
    CHECK(messages[0].received_ns >= sent);
    CHECK(messages[0].received_ns == messages[1].received_ns);
    wire_close(&wire);
}

/* Each part has its own time, and a message that of its last byte. */
static void it_is_the_time_of_the_last_byte(void) {
    struct wire wire;
    wsline_message message;
    uint64_t second;

    begin_stamping();
    wire = wire_open_tcp(stamped_options());
    wire_send_hex(&wire, HALF "61");
    await_bytes(wire.conn);
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
    second = now_ns();
    wire_send_hex(&wire, "62");
    REQUIRE_OK(wsline_conn_recv(wire.conn, WAIT_MS, &message));
    check_between(second, message.received_ns, now_ns());

    wire_send_hex(&wire, HALF "61");
    REQUIRE_OK(wsline_conn_recv_part(wire.conn, WAIT_MS, &message));
    check_between(second, message.received_ns, now_ns());
    second = now_ns();
    CHECK(message.received_ns <= second);
    wire_send_hex(&wire, "62");
    REQUIRE_OK(wsline_conn_recv_part(wire.conn, WAIT_MS, &message));
    check_between(second, message.received_ns, now_ns());

    second = now_ns();
    wire_send_hex(&wire, "8900");
    REQUIRE_OK(wsline_conn_recv_event(wire.conn, WAIT_MS, &message));
    CHECK_INT(WSLINE_OPCODE_PING, message.opcode);
    check_between(second, message.received_ns, now_ns());
    wire_close(&wire);
}

static void it_is_0_without_the_option_and_for_unix_sockets(void) {
    wsline_message message;
    struct wire wires[2];

    begin_stamping();
    wires[0] = wire_open_tcp(peer_options());
    wires[1] = wire_open_with(stamped_options());
    for (size_t i = 0; i < COUNT_OF(wires); i++) {
        wire_send_hex(&wires[i], A);
        REQUIRE_OK(wsline_conn_recv(wires[i].conn, WAIT_MS, &message));
        CHECK_INT(0, message.received_ns);
        wire_close(&wires[i]);
    }
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_receive_timestamps(NULL, true));
}

/* recvmsg(2) would accept what the server passes. */
static void no_descriptor_is_accepted(void) {
    struct wire wire = wire_open_with(stamped_options());
    char frame[] = "\x81\x01"
                   "a";
    struct iovec part = {.iov_base = frame, .iov_len = 3};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct msghdr passed = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof control};
    int before = open_descriptors();
    wsline_message message;

    memcpy(CMSG_DATA(&control.header), &wire.server, sizeof(int));
    REQUIRE(sendmsg(wire.server, &passed, 0) == 3);
    REQUIRE_OK(wsline_conn_recv(wire.conn, WAIT_MS, &message));
    CHECK_INT(before, open_descriptors());
    wire_close(&wire);
}

struct seen {
    uint64_t sent;
    unsigned messages;
};

static void send_now(wsline_app *app, void *userdata) {
    ((struct seen *)userdata)->sent = now_ns();
    CHECK_OK(wsline_app_send_text(app, "hello", 5));
}

static void note_message(wsline_app *app, const wsline_message *message, void *userdata) {
    struct seen *seen = userdata;

    seen->messages++;
    check_between(seen->sent, message->received_ns, now_ns());
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void note_messages(wsline_app *app, const wsline_message *messages, size_t count,
                          void *userdata) {
    for (size_t i = 0; i < count; i++) note_message(app, &messages[i], userdata);
}

static void apps_report_it(void) {
    static const char *const peers[] = {"WEBSOCKETS", "WEBSOCKETS_TLS"};

    begin_stamping();
    for (size_t i = 0; i < COUNT_OF(peers) * COUNT_OF(drivers) * 3; i++) {
        wsline_options *options = stamped_options();
        struct seen seen = {0, 0};
        wsline_app *app = NULL;
        char url[PEER_URL_MAX];

        peer_url(url, peers[i % 2], "/echo");
        REQUIRE_OK(wsline_app_new(url, options, &app));
        wsline_options_free(options);
        CHECK_OK(wsline_app_on_open(app, send_now, &seen, NULL));
        if (i / 2 % 3 == 0) CHECK_OK(wsline_app_on_message(app, note_message, &seen, NULL));
        if (i / 2 % 3 == 1) CHECK_OK(wsline_app_on_messages(app, note_messages, &seen, NULL));
        if (i / 2 % 3 == 2) CHECK_OK(wsline_app_on_part(app, note_message, &seen, NULL));
        check_row(drivers[i / 6].name);
        drivers[i / 6].drive(app);
        CHECK_INT(1, seen.messages);
        wsline_app_free(app);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(it_is_when_the_message_arrived),
        TEST(messages_of_one_read_have_its_time),
        TEST(it_is_the_time_of_the_last_byte),
        TEST(it_is_0_without_the_option_and_for_unix_sockets),
        TEST(no_descriptor_is_accepted),
        TEST(apps_report_it),
    };

    int result = check_main(argc, argv, tests, COUNT_OF(tests));

    if (stamping.conn != NULL) wire_close(&stamping);
    return result;
}
