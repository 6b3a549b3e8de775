/* SPDX-License-Identifier: Apache-2.0 */
/* wsline_conn_recv_many(): which messages it returns together, and that all of them stay valid
 * until the next receive. */
#include "clock.h"
#include "deflate.h"
#include "listen.h"
#include "message.h"
#include "upgrade.h"

enum { ROOM = 8, LONG_LEN = 200 };

/* Texts of one letter. */
#define A     "810161"
#define B     "810162"
#define C     "810163"
#define PING  "8900"
#define CLOSE "880203e8"
/* "Hello" compressed. */
#define HELLO "c107f248cdc9c90700"

/* The bytes of one segment, and what each call returns: its messages, each followed by "|". */
static const struct batch {
    const char *name, *hex;
    size_t capacity;
    const char *calls[5];
    wsline_status end; /* of the call after them; WSLINE_OK: there is none */
} batches[] = {
    {"one", A, ROOM, {"a|"}, WSLINE_OK},
    {"three", A B C, ROOM, {"a|b|c|"}, WSLINE_OK},
    {"room for one", A B C, 1, {"a|", "b|", "c|"}, WSLINE_OK},
    {"room for two", A B C, 2, {"a|b|", "c|"}, WSLINE_OK},
    {"room for just those", A B C, 3, {"a|b|c|"}, WSLINE_OK},
    {"an empty one between", A "8100" B, ROOM, {"a||b|"}, WSLINE_OK},
    {"a ping between", A B PING C, ROOM, {"a|b|", "c|"}, WSLINE_OK},
    {"a ping first", PING A B, ROOM, {"a|b|"}, WSLINE_OK},
    {"fragments between",
     A "010162"
       "800163" A B,
     ROOM,
     {"a|", "bc|", "a|b|"},
     WSLINE_OK},
    {"compressed ones between", A HELLO HELLO B, ROOM, {"a|", "Hello|", "Hello|", "b|"}, WSLINE_OK},
    {"an incomplete one last", A B "810563", ROOM, {"a|b|"}, WSLINE_OK},
    {"a close frame last", A B CLOSE, ROOM, {"a|b|"}, WSLINE_ERR_CLOSED},
    {"a close frame between", A CLOSE B, ROOM, {"a|"}, WSLINE_ERR_CLOSED},
    {"what is not UTF-8 last", A B "8101ff", ROOM, {"a|b|"}, WSLINE_ERR_INVALID_PAYLOAD},
    {"a masked one last",
     A B "818100000000"
         "61",
     ROOM,
     {"a|b|"},
     WSLINE_ERR_PROTOCOL},
    {"a reserved opcode last", A B "8300", ROOM, {"a|b|"}, WSLINE_ERR_PROTOCOL},
};

/* Concatenates the payloads of one call, each of which must be followed by a NUL. */
static void join(const wsline_message *messages, size_t count, char text[256]) {
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        CHECK_INT('\0', messages[i].data[messages[i].len]);
        CHECK_INT(WSLINE_OPCODE_TEXT, messages[i].opcode);
        strncat(text, (const char *)messages[i].data, 200);
        strncat(text, "|", 2);
    }
}

static void messages_that_have_arrived_come_together(const char *peer) {
    for (size_t i = 0; i < COUNT_OF(batches); i++) {
        const struct batch *batch = &batches[i];
        wsline_message messages[ROOM];
        wsline_conn *conn;
        char path[256], text[256];
        size_t count = 99;
        bool is_more;

        check_row(batch->name);
        snprintf(path, sizeof path, "/frame?extensions=permessage-deflate&then=echo&hex=%s",
                 batch->hex);
        conn = deflate_connect(peer, path, deflate_options());
        for (size_t call = 0; call < 4 && batch->calls[call] != NULL; call++) {
            REQUIRE_OK(wsline_conn_recv_many(conn, WAIT_MS, messages, batch->capacity, &count));
            join(messages, count, text);
            CHECK_TEXT(batch->calls[call], text);
            /* A message that is not UTF-8 is delivered whole. */
            is_more = batch->calls[call + 1] != NULL || batch->end == WSLINE_ERR_INVALID_PAYLOAD;
            CHECK_INT(is_more, (messages[count - 1].flags & WSLINE_MESSAGE_MORE) != 0);
        }
        if (batch->end != WSLINE_OK) {
            CHECK_STATUS(batch->end, wsline_conn_recv_many(conn, WAIT_MS, messages, ROOM, &count));
            CHECK_INT(0, (intmax_t)count);
        } else {
            CHECK_STATUS(WSLINE_ERR_TIMEOUT,
                         wsline_conn_recv_many(conn, 0, messages, ROOM, &count));
            CHECK_INT(0, (intmax_t)count);
        }
        wsline_conn_free(conn);
    }
    check_row(NULL);
}

/* Ten messages with one-byte and two-byte lengths, including a ping and fragments. */
static unsigned char stream[4096];
static size_t stream_len;
static char expected[4096];

static void put_frame(unsigned char first, const char *payload, size_t len) {
    stream[stream_len++] = first;
    if (len >= 126) {
        stream[stream_len++] = 126;
        stream[stream_len++] = (unsigned char)(len >> 8);
    }
    stream[stream_len++] = (unsigned char)len;
    memcpy(stream + stream_len, payload, len);
    stream_len += len;
}

static void fill_stream(void) {
    static char letters[LONG_LEN + 1];

    memset(letters, 'x', LONG_LEN);
    for (unsigned i = 0; i < 3; i++) {
        put_frame(0x81, "one", 3);
        put_frame(0x81, letters, LONG_LEN);
        put_frame(0x89, "ping", 4);
        put_frame(0x81, "", 0);
        put_frame(0x01, "fragm", 5);
        put_frame(0x80, "ents", 4);
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
                 "one|%s||fragments|", letters);
    }
}

struct server {
    struct listener listener;
    int gate[2];
    size_t cut;
};

/* Sends the stream in two parts, the second on request. */
static void *serve(void *argument) {
    const struct server *server = argument;
    int fd = accept(server->listener.fd, NULL, NULL);
    char rest[4096], byte;

    upgrade(fd);
    REQUIRE(send(fd, stream, server->cut, MSG_NOSIGNAL) == (ssize_t)server->cut);
    REQUIRE(read(server->gate[0], &byte, 1) == 1);
    REQUIRE(send(fd, stream + server->cut, stream_len - server->cut, MSG_NOSIGNAL) ==
            (ssize_t)(stream_len - server->cut));
    while (recv(fd, rest, sizeof rest, 0) > 0) continue;
    close(fd);
    return NULL;
}

/* However the stream is split and however large the array is, nothing is lost or moved. */
static void every_cut_brings_the_same_messages(size_t capacity, size_t step) {
    for (size_t cut = 1; cut < stream_len; cut += step) {
        struct server server = {.listener = listen_silent(), .cut = cut};
        wsline_message messages[ROOM];
        wsline_conn *conn = NULL;
        wsline_status status;
        pthread_t thread;
        char url[64], got[4096] = "";
        size_t count;
        bool is_open = false;

        REQUIRE(pipe(server.gate) == 0);
        thread = thread_start(serve, &server);
        snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)server.listener.port);
        REQUIRE_OK(wsline_connect(url, NULL, &conn));
        while (strlen(got) < strlen(expected)) {
            status = wsline_conn_recv_many(conn, is_open ? WAIT_MS : 0, messages, capacity, &count);
            if (status == WSLINE_ERR_TIMEOUT && !is_open) {
                REQUIRE(write(server.gate[1], "", 1) == 1);
                is_open = true;
                continue;
            }
            REQUIRE_OK(status);
            CHECK_RANGE(1, (intmax_t)capacity, (intmax_t)count);
            for (size_t i = 0; i < count; i++) {
                CHECK_INT('\0', messages[i].data[messages[i].len]);
                strncat(got, (const char *)messages[i].data, sizeof got - strlen(got) - 1);
                strncat(got, "|", sizeof got - strlen(got) - 1);
            }
        }
        CHECK_TEXT(expected, got);
        wsline_conn_free(conn);
        thread_join(thread);
        listen_close(&server.listener);
        close(server.gate[0]);
        close(server.gate[1]);
    }
}

static void invalid_arguments_are_rejected(void) {
    wsline_conn *conn = deflate_connect("FAULTS", "/frame?then=echo&hex=" A, deflate_options());
    wsline_message messages[ROOM];
    size_t count = 99;

    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_conn_recv_many(NULL, 0, messages, ROOM, &count));
    CHECK_INT(0, (intmax_t)count);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_recv_many(conn, 0, NULL, ROOM, &count));
    CHECK_HAS("messages_out", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_recv_many(conn, 0, messages, 0, &count));
    CHECK_HAS("capacity", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_conn_recv_many(conn, 0, messages, SIZE_MAX, &count));
    CHECK_HAS("capacity", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_recv_many(conn, 0, messages, ROOM, NULL));
    CHECK_HAS("count_out", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_conn_recv_many(conn, -3, messages, ROOM, &count));
    CHECK_HAS("timeout_ms", wsline_last_error_message());
    REQUIRE_OK(wsline_conn_recv_many(conn, WAIT_MS, messages, ROOM, &count));
    CHECK_INT(1, (intmax_t)count);
    wsline_conn_free(conn);
}

/* ---- apps ---- */

/* The messages passed to on_messages: as in the table, with "/" after each call. */
struct told {
    char text[256];
    size_t len, calls;
    bool sees_each;
};

static void tell(wsline_app *app, const wsline_message *messages, size_t count, void *userdata) {
    struct told *told = userdata;
    char text[256];

    (void)app;
    REQUIRE(count > 0);
    join(messages, count, text);
    told->calls++;
    snprintf(told->text + strlen(told->text), sizeof told->text - strlen(told->text), "%s/", text);
    if (strlen(told->text) - told->calls >= told->len) CHECK_OK(wsline_app_abort(app));
}

static void see(wsline_app *app, const wsline_message *message, void *userdata) {
    struct told *told = userdata;

    (void)app;
    CHECK_INT('\0', message->data[message->len]);
    told->sees_each = true;
}

static void expect_no_single_message(wsline_app *app, const wsline_message *message,
                                     void *userdata) {
    (void)app;
    (void)message;
    (void)userdata;
    CHECK(false && "on_message is called in spite of on_messages");
}

static void an_app_is_given(const char *peer, bool sees_each) {
    for (size_t i = 0; i < COUNT_OF(batches); i++) {
        const struct batch *batch = &batches[i];
        struct told told = {.len = 0};
        wsline_options *options;
        char path[256], url[PEER_URL_MAX], want[256] = "";
        wsline_app *app = NULL;

        if (batch->capacity != ROOM) continue;
        check_row(batch->name);
        for (size_t call = 0; batch->calls[call] != NULL; call++) {
            told.len += strlen(batch->calls[call]);
            for (const char *c = batch->calls[call]; *c != '\0'; c++) {
                snprintf(want + strlen(want), sizeof want - strlen(want), "%c", *c);
                if (*c == '|' && (sees_each || c[1] == '\0')) strcat(want, "/");
            }
        }
        snprintf(path, sizeof path, "/frame?extensions=permessage-deflate&then=echo&hex=%s",
                 batch->hex);
        peer_url(url, peer, path);
        options = deflate_options();
        REQUIRE_OK(wsline_app_new(url, options, &app));
        REQUIRE_OK(wsline_app_on_message(app, expect_no_single_message, NULL, NULL));
        REQUIRE_OK(wsline_app_on_messages(app, tell, &told, NULL));
        if (sees_each) REQUIRE_OK(wsline_app_on_data(app, see, &told, NULL));
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_run(app));
        CHECK_TEXT(want, told.text);
        CHECK(told.sees_each == sees_each);
        wsline_app_free(app);
        wsline_options_free(options);
    }
    check_row(NULL);
}

static void an_app_receives_all_messages_that_have_arrived(void) {
    an_app_is_given("FAULTS", false);
    an_app_is_given("FAULTS_TLS", false);
}

static void observers_receive_every_message(void) { an_app_is_given("FAULTS", true); }

static void messages_arrive_together_without_tls(void) {
    messages_that_have_arrived_come_together("FAULTS");
}

static void messages_arrive_together_over_tls(void) {
    messages_that_have_arrived_come_together("FAULTS_TLS");
}

static void every_split_of_the_stream(void) {
    fill_stream();
    every_cut_brings_the_same_messages(ROOM, check_scaled(1, 37));
    every_cut_brings_the_same_messages(1, check_scaled(13, 101));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(messages_arrive_together_without_tls),
        TEST(messages_arrive_together_over_tls),
        TEST(every_split_of_the_stream),
        TEST(invalid_arguments_are_rejected),
        TEST(an_app_receives_all_messages_that_have_arrived),
        TEST(observers_receive_every_message),
    };

    return check_main(argc, argv, tests, COUNT_OF(tests));
}
