/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each request of a connection for a large block fails in turn: the call returns a status, leaks
 * nothing, and succeeds when repeated.
 */
#define _DEFAULT_SOURCE
#include "fail_each.h"

#include "app.h"
#include "deflate.h"

/* Connecting. */

struct route {
    const char *name, *peer, *path;
    const wsline_options *options;
    wsline_status want; /* if memory does not run out */
};

static wsline_status go(void *argument) {
    const struct route *route = argument;
    char url[PEER_URL_MAX];
    wsline_conn *conn = NULL;
    wsline_status status;

    peer_url(url, route->peer, route->path);
    status = FAILING(wsline_connect(url, route->options, &conn));
    CHECK((status == WSLINE_OK) == (conn != NULL));
    wsline_conn_free(conn);
    return status == route->want ? WSLINE_OK : status;
}

static void connecting_survives_failed_allocations(void) {
    wsline_options *plain = peer_options(), *full = peer_options();
    wsline_cookie_jar *jar = NULL;
    char *value = letters(20 * KIB);
    const struct route routes[] = {
        {"ws", "WEBSOCKETS", "/", plain, WSLINE_OK},
        {"wss", "WEBSOCKETS_TLS", "/", plain, WSLINE_OK},
        {"a long request", "FAULTS", "/echo", full, WSLINE_OK},
        {"a long Upgrade", "FAULTS", "/long-list?field=Upgrade", plain, WSLINE_ERR_BAD_UPGRADE},
        {"a long Connection", "FAULTS", "/long-list?field=Connection", plain, WSLINE_OK},
        {"a long extension", "FAULTS", "/long-list?field=Sec-WebSocket-Extensions", plain,
         WSLINE_ERR_BAD_UPGRADE},
        {"a long subprotocol", "FAULTS", "/long-list?field=Sec-WebSocket-Protocol", plain,
         WSLINE_ERR_BAD_UPGRADE},
        {"a refusal", "FAULTS", "/status?code=403&body=no", full, WSLINE_ERR_HTTP_STATUS},
    };

    REQUIRE_OK(wsline_cookie_jar_new(&jar));
    CHECK_OK(wsline_options_set_cookie_jar(full, jar));
    for (unsigned i = 0; i < 4; i++) {
        char cookie[4000];
        char url[PEER_URL_MAX];

        peer_url(url, "FAULTS", "/");
        snprintf(cookie, sizeof cookie, "%u=%03900u", i, i);
        CHECK_OK(wsline_cookie_jar_add(jar, url, cookie));
    }
    CHECK_OK(wsline_options_add_header(full, "X-Long", value));
    CHECK_OK(wsline_options_set_cookie_header(full, value));
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        struct route route = routes[i];

        fail_each_or(strstr(route.peer, "TLS") == NULL ? WSLINE_ERR_NO_MEMORY : WSLINE_ERR_TLS,
                     route.name, go, &route);
    }
    free(value);
    wsline_cookie_jar_free(jar);
    wsline_options_free(full);
    wsline_options_free(plain);
}

/* Receiving. */

enum { RECEIVED = 300 * KIB };

typedef wsline_status receive_fn(wsline_conn *conn, int64_t timeout_ms, wsline_message *message);

struct source {
    const char *name, *path;
    receive_fn *receive;
};

static wsline_status receive(void *argument) {
    const struct source *source = argument;
    wsline_options *options = peer_options();
    wsline_conn *conn;
    wsline_status status;
    uint64_t len = 0;
    bool is_last = false;

    REQUIRE_OK(wsline_options_set_deflate(options, strstr(source->path, "deflate") != NULL));
    conn = peer_connect("STREAMS", source->path, options);
    wsline_options_free(options);
    do {
        wsline_message message;

        status = FAILING(source->receive(conn, WAIT_MS, &message));
        if (status != WSLINE_OK) {
            CHECK(message.data == NULL && message.len == 0);
            /* Running out of memory ends the connection. */
            CHECK_STATUS(status, source->receive(conn, WAIT_MS, &message));
            CHECK(!wsline_conn_is_open(conn));
        }
        len += message.len;
        is_last = message.flags & WSLINE_MESSAGE_LAST;
    } while (status == WSLINE_OK && !is_last);
    CHECK(status != WSLINE_OK || len == RECEIVED);
    wsline_conn_free(conn);
    return status;
}

static void receiving_survives_failed_allocations(void) {
    static const struct source sources[] = {
        {"one frame", "/stream?kind=noise&size=307200", wsline_conn_recv},
        {"fragments", "/stream?kind=noise&size=307200&frame=30000", wsline_conn_recv},
        {"parts", "/stream?kind=noise&size=307200&frame=100000", wsline_conn_recv_part},
        {"compressed", "/stream?kind=lines&size=307200&deflate=1&extensions=permessage-deflate",
         wsline_conn_recv},
        {"compressed parts",
         "/stream?kind=lines&size=307200&frame=9000&deflate=1&extensions=permessage-deflate",
         wsline_conn_recv_part},
    };

    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        struct source source = sources[i];

        fail_each(source.name, receive, &source);
    }
}

/* A fragment is lent and more have arrived, so that a close continues to read into other memory. */
static wsline_status close_early(void *argument) {
    wsline_conn *conn =
        peer_connect("STREAMS", "/stream?kind=noise&size=60000&frame=6000", argument);
    wsline_message message;
    wsline_status status;

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    status = FAILING(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
    CHECK_BYTES(payload_noise().block, 6000, message.data, message.len);
    CHECK_INT(0, message.data[message.len]);
    CHECK(!wsline_conn_is_open(conn));
    wsline_conn_free(conn);
    return status;
}

static void closing_survives_failed_allocations(void) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_deliver_fragments(options, true));
    fail_each("", close_early, options);
    wsline_options_free(options);
}

/* Prepared messages. */

static wsline_status prepare(void *argument) {
    wsline_conn *conn = argument;
    wsline_prepared *prepared = NULL;
    wsline_status status = FAILING(
        wsline_prepared_new(WSLINE_OPCODE_BINARY, payload_lines().block, 100 * KIB, &prepared));

    CHECK((status == WSLINE_OK) == (prepared != NULL));
    if (status == WSLINE_OK) {
        status = FAILING(wsline_conn_send_prepared(conn, prepared));
        if (status != WSLINE_OK) CHECK_OK(wsline_conn_send_prepared(conn, prepared));
        expect_message(conn, WSLINE_OPCODE_BINARY, payload_lines().block, 100 * KIB);
    }
    wsline_prepared_free(prepared);
    return status;
}

static void preparing_a_message_survives_failed_allocations(void) {
    wsline_conn *conn = deflate_connect("DEFLATE_WEBSOCKETS", "/", deflate_options());

    fail_each("", prepare, conn);
    peer_hang_up(conn);
}

/* Sending. */

static wsline_status send_one(void *argument) {
    wsline_conn *conn = argument;
    wsline_status status = FAILING(wsline_conn_send_binary(conn, payload_lines().block, 100 * KIB));

    if (status != WSLINE_OK)
        CHECK_OK(wsline_conn_send_binary(conn, payload_lines().block, 100 * KIB));
    expect_message(conn, WSLINE_OPCODE_BINARY, payload_lines().block, 100 * KIB);
    return status;
}

static void sending_survives_failed_allocations(void) {
    static const char *const servers[] = {"DEFLATE_WEBSOCKETS", "WEBSOCKETS", "WEBSOCKETS_TLS"};

    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        wsline_conn *conn = deflate_connect(servers[i], "/", deflate_options());

        fail_each(servers[i], send_one, conn);
        peer_hang_up(conn);
    }
}

/* To a server that reads nothing: the message is queued whole, or not at all. */
static wsline_status queue_one(void *argument) {
    static uint8_t data[4 * MIB];
    const char *server = argument;
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;
    wsline_status status;
    uint64_t before, after;

    REQUIRE_OK(wsline_options_set_max_send_queue_bytes(options, 0));
    app = app_make(server, "/stall", options, &record);
    wsline_options_free(options);
    REQUIRE_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    /* More than the socket buffers hold. */
    CHECK_OK(wsline_app_send_binary(app, data, sizeof data));
    CHECK_OK(wsline_app_send_binary(app, data, sizeof data));
    before = wsline_app_send_queue_bytes(app);
    status = FAILING(wsline_app_send_binary(app, data, sizeof data));
    after = wsline_app_send_queue_bytes(app);
    if (status == WSLINE_OK) CHECK(after > before);
    /* TLS that runs out of memory cannot continue its stream. */
    else if (strstr(server, "TLS") == NULL)
        CHECK(after <= before && wsline_app_is_open(app));
    CHECK_OK(wsline_app_abort(app));
    wsline_app_join(app, WAIT_MS);
    wsline_app_free(app);
    return status;
}

static void queueing_survives_failed_allocations(void) {
    static char plain[] = "FAULTS", tls[] = "FAULTS_TLS";

    fail_each("ws", queue_one, plain);
    fail_each_or(WSLINE_ERR_TLS, "wss", queue_one, tls);
}

/* Apps. */

static wsline_status live(void *argument) {
    struct record record;
    wsline_app *app = NULL;
    wsline_options *options = peer_options();
    wsline_status status;
    char url[PEER_URL_MAX];

    peer_url(url, argument, "/push?n=1&size=100000");
    record_init(&record);
    CHECK_OK(wsline_app_new(url, options, &app));
    app_listen(app, "omec", &record);
    failing_malloc_on();
    status = wsline_app_start(app);
    if (status == WSLINE_OK)
        while (record_count(&record, 'm') + record_count(&record, 'e') == 0) clock_pause();
    failing_malloc_off();
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    if (status == WSLINE_OK) status = wsline_app_join(app, WAIT_MS);
    wsline_app_free(app);
    wsline_options_free(options);
    return status;
}

static void an_app_survives_failed_allocations(void) {
    static char plain[] = "WEBSOCKETS", tls[] = "WEBSOCKETS_TLS";

    fail_each("ws", live, plain);
    fail_each_or(WSLINE_ERR_TLS, "wss", live, tls);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(connecting_survives_failed_allocations),
        TEST(receiving_survives_failed_allocations),
        TEST(closing_survives_failed_allocations),
        TEST(preparing_a_message_survives_failed_allocations),
        TEST(an_app_survives_failed_allocations),
        TEST(sending_survives_failed_allocations),
        TEST(queueing_survives_failed_allocations),
    };
    /* A panic inside a crate that is caught; collecting its backtrace would keep memory. */
    setenv("RUST_BACKTRACE", "0", 1);
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
