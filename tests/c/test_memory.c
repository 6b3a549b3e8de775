/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each request for a large block fails in turn: the call returns a status, leaks nothing, and
 * succeeds when repeated.
 */
#define _DEFAULT_SOURCE
#include "failing_malloc.h"

#include "app.h"
#include "deflate.h"

enum { KIB = 1024, MIB = 1024 * 1024, LONG = 5 * KIB, HUGE = 20 * MIB };

/* The part of an action in which allocations may fail. */
#define FAILING(call) (failing_malloc_on(), failing_malloc_kept(call))

static wsline_status failing_malloc_kept(wsline_status status) {
    failing_malloc_off();
    return status;
}

/* Calls `act` with each of its large requests failing in turn. It returns the status of the call
 * that needed memory, and has freed everything it created. OpenSSL does not always report that
 * memory ran out: `also` is another acceptable status. */
static void fail_each_or(wsline_status also, const char *row, wsline_status (*act)(void *),
                         void *argument) {
    bool works = failing_malloc_works();
    bool reached = works;
    long blocks;

    check_row(row);
    failing_malloc_arm(0);
    /* Run twice, because buffers that a thread caches exist in the second run. */
    CHECK_OK(act(argument));
    CHECK_OK(act(argument));
    blocks = failing_malloc_blocks();
    for (unsigned long nth = 1; reached; nth++) {
        wsline_status status;

        failing_malloc_arm(nth);
        status = act(argument);
        reached = failing_malloc_reached();
        CHECK_STATUS(!reached || status == WSLINE_OK ? WSLINE_OK
                     : status == also                ? also
                                                     : WSLINE_ERR_NO_MEMORY,
                     status);
        failing_malloc_arm(0);
        CHECK_OK(act(argument));
        REQUIRE(nth < 1000);
    }
    CHECK(failing_malloc_blocks() <= blocks);
    check_row("");
}

static void fail_each(const char *row, wsline_status (*act)(void *), void *argument) {
    fail_each_or(WSLINE_ERR_NO_MEMORY, row, act, argument);
}

static char *letters(size_t len) {
    char *text = malloc(len + 1);

    REQUIRE(text != NULL);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

/* Setters. */

static wsline_status add_header(wsline_options *options, const char *value) {
    return wsline_options_add_header(options, "X-Long", value);
}

static wsline_status add_header_name(wsline_options *options, const char *value) {
    return wsline_options_add_header(options, value, "x");
}

static wsline_status set_basic_auth(wsline_options *options, const char *value) {
    return wsline_options_set_basic_auth(options, value, value);
}

static wsline_status set_proxy(wsline_options *options, const char *value) {
    return wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, value, 80);
}

static wsline_status set_proxy_auth(wsline_options *options, const char *value) {
    return wsline_options_set_proxy_auth(options, value, value);
}

static wsline_status add_socket_option(wsline_options *options, const char *value) {
    return wsline_options_add_socket_option(options, 0, 0, value, strlen(value));
}

static wsline_status set_certificate_pem(wsline_options *options, const char *value) {
    return wsline_options_set_tls_certificate_pem(options, value, strlen(value));
}

static wsline_status set_key_pem(wsline_options *options, const char *value) {
    return wsline_options_set_tls_key_pem(options, value, strlen(value));
}

static wsline_status set_ca_pem(wsline_options *options, const char *value) {
    return wsline_options_set_tls_ca_pem(options, value, strlen(value));
}

typedef wsline_status set_fn(wsline_options *options, const char *value);

/* With values of any length that start like this. */
static const struct setter {
    const char *name;
    set_fn *set;
    const char *begin;
} long_setters[] = {
    {"add_header", add_header, ""},
    {"set_header_line", wsline_options_set_header_line, "X-Long: "},
    {"set_cookie", wsline_options_set_cookie_header, ""},
    {"set_bearer_token", wsline_options_set_bearer_token, ""},
    {"set_origin", wsline_options_set_origin_header, ""},
    {"set_host", wsline_options_set_host_header, ""},
    {"set_connection_header", wsline_options_set_connection_header, "Upgrade, "},
    {"add_subprotocol", wsline_options_add_subprotocol, ""},
    {"add_socket_option", add_socket_option, ""},
    {"set_tls_certificate_pem", set_certificate_pem, ""},
    {"set_tls_key_pem", set_key_pem, ""},
    {"set_tls_ca_pem", set_ca_pem, ""},
};

/* With values that are rejected if longer than 64 KiB. */
static const struct setter bounded_setters[] = {
    {"add_header's name", add_header_name, ""},
    {"set_basic_auth", set_basic_auth, ""},
    {"set_proxy", set_proxy, ""},
    {"set_proxy_url", wsline_options_set_proxy_url, ""},
    {"set_proxy_auth", set_proxy_auth, ""},
    {"add_no_proxy", wsline_options_add_no_proxy, ""},
    {"set_unix_path", wsline_options_set_unix_path, ""},
    {"set_bind_address", wsline_options_set_bind_address, ""},
    {"set_tls_certificate_file", wsline_options_set_tls_certificate_file, ""},
    {"set_tls_key_file", wsline_options_set_tls_key_file, ""},
    {"set_tls_key_password", wsline_options_set_tls_key_password, ""},
    {"set_tls_ciphers", wsline_options_set_tls_ciphers, ""},
    {"set_tls_ciphersuites", wsline_options_set_tls_ciphersuites, ""},
    {"set_tls_groups", wsline_options_set_tls_groups, ""},
    {"set_tls_alpn", wsline_options_set_tls_alpn, ""},
    {"set_tls_keylog_file", wsline_options_set_tls_keylog_file, ""},
    {"set_tls_server_name", wsline_options_set_tls_server_name, ""},
    {"set_tls_ca_file", wsline_options_set_tls_ca_file, ""},
    {"set_tls_ca_path", wsline_options_set_tls_ca_path, ""},
    {"add_tls_pin_sha256", wsline_options_add_tls_pin_sha256, ""},
};

struct setting {
    set_fn *set;
    char *value;
};

/* Applied to options that share their contents with another object, so that everything must be
 * copied. */
static wsline_status set_one(void *argument) {
    const struct setting *setting = argument;
    char *end = setting->value + strlen(setting->value) - 1;
    wsline_options *options = NULL, *copy = NULL;
    wsline_status status;

    REQUIRE_OK(wsline_options_new(&options));
    REQUIRE_OK(setting->set(options, setting->value));
    REQUIRE_OK(wsline_options_clone(options, &copy));
    /* One that is not in the list yet. */
    *end = 'y';
    status = FAILING(setting->set(copy, setting->value));
    if (status != WSLINE_OK) CHECK_OK(setting->set(copy, setting->value));
    *end = 'x';
    wsline_options_free(copy);
    wsline_options_free(options);
    return status;
}

static void setting_a_long_option_survives_failed_allocations(void) {
    const size_t lengths[] = {LONG, check_scaled(HUGE, MIB)};

    for (size_t k = 0; k < COUNT_OF(lengths); k++) {
        for (size_t i = 0; i < COUNT_OF(long_setters); i++) {
            const struct setter *setter = &long_setters[i];
            struct setting setting = {setter->set, letters(lengths[k])};

            memcpy(setting.value, setter->begin, strlen(setter->begin));
            fail_each(setter->name, set_one, &setting);
            free(setting.value);
        }
    }
}

static void a_bounded_option_is_rejected_before_it_allocates(void) {
    char *huge = letters(check_scaled(HUGE, MIB));
    bool works = failing_malloc_works();

    for (size_t i = 0; i < COUNT_OF(bounded_setters); i++) {
        wsline_options *options = NULL;

        check_row(bounded_setters[i].name);
        REQUIRE_OK(wsline_options_new(&options));
        failing_malloc_arm(1);
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, FAILING(bounded_setters[i].set(options, huge)));
        CHECK(!works || !failing_malloc_reached());
        CHECK_HAS("bytes", wsline_last_error_message());
        CHECK(strlen(wsline_last_error_message()) < 1100);
        wsline_options_free(options);
    }
    free(huge);
}

/* Enough entries to make their list large. */
static wsline_status add_many(void *argument) {
    wsline_options *options = NULL, *copy = NULL;
    wsline_status status = WSLINE_OK;

    (void)argument;
    REQUIRE_OK(wsline_options_new(&options));
    for (unsigned i = 0; i < 1000 && status == WSLINE_OK; i++) {
        char name[32];

        snprintf(name, sizeof name, "x-%u", i);
        status = FAILING(wsline_options_add_header(options, name, "x"));
        if (status == WSLINE_OK) status = FAILING(wsline_options_add_subprotocol(options, name));
        if (status == WSLINE_OK) status = FAILING(wsline_options_add_no_proxy(options, name));
        if (status == WSLINE_OK)
            status = FAILING(wsline_options_add_socket_option(options, 0, 0, name, 4));
    }
    REQUIRE_OK(wsline_options_clone(options, &copy));
    if (status == WSLINE_OK) status = FAILING(wsline_options_add_header(copy, "x", "x"));
    if (status == WSLINE_OK) status = FAILING(wsline_options_set_header_line(copy, "x-7: x"));
    wsline_options_free(copy);
    wsline_options_free(options);
    return status;
}

static void setting_many_options_survives_failed_allocations(void) {
    fail_each("", add_many, NULL);
}

/* URLs. */

static void a_url_longer_than_the_limit_is_invalid(void) {
    char *url = letters(check_scaled(HUGE, MIB));
    bool works = failing_malloc_works();
    wsline_options *options = peer_options();
    wsline_url *parts = (wsline_url *)url;
    wsline_conn *conn = (wsline_conn *)url;
    wsline_app *app = (wsline_app *)url;
    wsline_cookie_jar *jar = NULL;
    char *text = url;

    memcpy(url, "ws://h/", 7);
    REQUIRE_OK(wsline_cookie_jar_new(&jar));
    failing_malloc_arm(1);
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, FAILING(wsline_url_parse(url, &parts)));
    CHECK_HAS("bytes", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, FAILING(wsline_connect(url, options, &conn)));
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, FAILING(wsline_app_new(url, options, &app)));
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, FAILING(wsline_proxy_for_url(url, options, &text)));
    CHECK(parts == NULL && conn == NULL && app == NULL && text == NULL);
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, FAILING(wsline_cookie_jar_get(jar, url, &text)));
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, FAILING(wsline_cookie_jar_add(jar, url, "a=b")));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, FAILING(wsline_cookie_jar_add(jar, "ws://h/", url)));
    CHECK(!works || !failing_malloc_reached());
    url[64 * KIB] = '\0';
    CHECK_OK(wsline_url_parse(url, &parts));
    wsline_url_free(parts);
    wsline_cookie_jar_free(jar);
    wsline_options_free(options);
    free(url);
}

/* Cookies. */

static wsline_status fill_jar(void *argument) {
    wsline_cookie_jar *jar = NULL;
    char *cookies = NULL;
    wsline_status status = WSLINE_OK;

    (void)argument;
    REQUIRE_OK(wsline_cookie_jar_new(&jar));
    for (unsigned i = 0; i < 50 && status == WSLINE_OK; i++) {
        char cookie[4096 + 32];

        snprintf(cookie, sizeof cookie, "%04u=%0*u", i, 4092, i);
        status = FAILING(wsline_cookie_jar_add(jar, "ws://h/", cookie));
    }
    if (status == WSLINE_OK) status = FAILING(wsline_cookie_jar_get(jar, "ws://h/", &cookies));
    CHECK((status == WSLINE_OK) == (cookies != NULL));
    wsline_string_free(cookies);
    wsline_cookie_jar_free(jar);
    return status;
}

static void storing_cookies_survives_failed_allocations(void) { fail_each("", fill_jar, NULL); }

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
        TEST(setting_a_long_option_survives_failed_allocations),
        TEST(a_bounded_option_is_rejected_before_it_allocates),
        TEST(setting_many_options_survives_failed_allocations),
        TEST(a_url_longer_than_the_limit_is_invalid),
        TEST(storing_cookies_survives_failed_allocations),
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
