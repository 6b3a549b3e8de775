/* SPDX-License-Identifier: Apache-2.0 */
/* Transports of the caller's: a socket with functions of the test, and TLS of the test. */
#include "carrier.h"
#include "clock.h"
#include "drivers.h"
#include "fork.h"
#include "listen.h"
#include "message.h"

static int peer_socket(const char *peer) {
    char url[PEER_URL_MAX];

    peer_url(url, peer, "");
    return listen_connect((uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10));
}

static SSL *own_tls(int fd) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl;

    REQUIRE(SSL_CTX_load_verify_locations(context, getenv("WSLINE_TEST_CA"), NULL) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    ssl = SSL_new(context);
    SSL_CTX_free(context);
    REQUIRE(SSL_set1_host(ssl, "localhost") == 1);
    REQUIRE(SSL_set_fd(ssl, fd) == 1);
    REQUIRE(SSL_connect(ssl) == 1);
    return ssl;
}

/* Which servers, over what, and how threads wait. */
static const struct line {
    const char *name, *peer, *url;
    bool own_tls, wait;
    size_t at_a_time;
} table[] = {
    {"plain", "WEBSOCKETS", "ws://localhost/echo", false, true, 0},
    {"plain, watched", "WEBSOCKETS", "ws://localhost/echo", false, false, 0},
    {"plain, seven bytes at a time", "FAULTS", "ws://localhost/echo", false, true, 7},
    {"TLS of the library", "WEBSOCKETS_TLS", "wss://localhost/echo", false, true, 0},
    {"TLS of the library, watched", "FAULTS_TLS", "wss://localhost/echo", false, false, 1000},
    {"TLS of the test", "WEBSOCKETS_TLS", "ws://localhost/echo", true, true, 0},
    {"TLS of the test, watched", "FAULTS_TLS", "ws://localhost/echo", true, false, 0},
};

static void line_begin(const struct line *line, struct carrier *carrier) {
    int fd = peer_socket(line->peer);

    check_row(line->name);
    carrier_begin(carrier, fd, line->own_tls ? own_tls(fd) : NULL, line->wait);
    carrier->at_a_time = line->at_a_time;
}

static wsline_conn *line_connect(const struct line *line, struct carrier *carrier) {
    wsline_options *options;
    wsline_conn *conn = NULL;

    line_begin(line, carrier);
    options = options_for(carrier);
    REQUIRE_OK(wsline_connect(line->url, options, &conn));
    wsline_options_free(options);
    return conn;
}

static void blocking_calls_use_it(void) {
    static const size_t lens[] = {0, 5, 126, 70000, 300000};

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct carrier carrier;
        wsline_conn *conn = line_connect(&table[i], &carrier);
        wsline_tls_info info;
        wsline_message message;

        CHECK_TEXT("", wsline_conn_peer_address(conn));
        CHECK_INT(101, wsline_conn_http_status(conn));
        CHECK_STATUS(strncmp(table[i].url, "wss", 3) == 0 ? WSLINE_OK : WSLINE_ERR_WRONG_STATE,
                     wsline_conn_tls_info(conn, &info));
        for (size_t k = 0; k < COUNT_OF(lens); k++) {
            char *text = text_of(lens[k]);

            REQUIRE_OK(wsline_conn_send_text(conn, text, lens[k]));
            expect_message(conn, WSLINE_OPCODE_TEXT, text, lens[k]);
            free(text);
        }
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 0, &message));
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 20, &message));
        peer_hang_up(conn);
        CHECK(table[i].wait == (carrier.waits > 0));
        carrier_end(&carrier);
    }
}

static void greet(wsline_app *app, void *userdata) {
    char *text = text_of(200000);

    (void)userdata;
    CHECK_OK(wsline_app_send_text(app, text, 200000));
    CHECK_OK(wsline_app_send_text(app, "hello", 5));
    free(text);
}

static void count_echo(wsline_app *app, const wsline_message *message, void *userdata) {
    unsigned *echoes = userdata;

    CHECK_INT(*echoes == 0 ? 200000 : 5, message->len);
    if (++*echoes == 2) CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void apps_use_it(void) {
    for (size_t i = 0; i < COUNT_OF(table) * COUNT_OF(drivers); i++) {
        const struct line *line = &table[i % COUNT_OF(table)];
        struct carrier carrier;
        wsline_options *options;
        wsline_app *app = NULL;
        unsigned echoes = 0;

        if (line->wait) continue;
        line_begin(line, &carrier);
        options = options_for(&carrier);
        REQUIRE_OK(wsline_options_set_reconnect(options, true));
        REQUIRE_OK(wsline_app_new(line->url, options, &app));
        wsline_options_free(options);
        CHECK_OK(wsline_app_on_open(app, greet, NULL, NULL));
        CHECK_OK(wsline_app_on_message(app, count_echo, &echoes, NULL));
        drivers[i / COUNT_OF(table)].drive(app);
        CHECK_INT(2, echoes);
        CHECK_INT(0, carrier.waits);
        wsline_app_free(app);
        carrier_end(&carrier);
    }
}

/* An app that gets a new transport for each of three attempts. */
struct attempts {
    struct carrier carriers[3];
    unsigned begun, closed;
};

static int32_t supply(wsline_app *app, const wsline_attempt *attempt, wsline_options *options,
                      void *userdata) {
    struct attempts *attempts = userdata;
    struct carrier *carrier = &attempts->carriers[attempts->begun];

    (void)app;
    (void)attempt;
    if (attempts->begun == COUNT_OF(attempts->carriers)) return WSLINE_CONNECT_GIVE_UP;
    attempts->begun++;
    carrier_begin(carrier, peer_socket("FAULTS"), NULL, false);
    CHECK_OK(wsline_options_set_transport(options, carrier->transport));
    return WSLINE_CONNECT_NOW;
}

static void count_close(wsline_app *app, const wsline_close_info *info, void *userdata) {
    (void)app;
    (void)info;
    ((struct attempts *)userdata)->closed++;
}

static void an_app_reconnects_with_new_transports(void) {
    static struct attempts attempts;
    wsline_options *options = peer_options();
    wsline_app *app = NULL;

    REQUIRE_OK(wsline_options_set_reconnect(options, true));
    REQUIRE_OK(wsline_options_set_reconnect_delay_ms(options, 1, 1));
    REQUIRE_OK(wsline_app_new("ws://localhost/frame?hex=810161&then=fin", options, &app));
    wsline_options_free(options);
    CHECK_OK(wsline_app_on_connecting(app, supply, &attempts, NULL));
    CHECK_OK(wsline_app_on_close(app, count_close, &attempts, NULL));
    CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_app_run(app));
    wsline_app_free(app);
    CHECK_INT(3, attempts.begun);
    CHECK_INT(3, attempts.closed);
    for (size_t i = 0; i < COUNT_OF(attempts.carriers); i++) carrier_end(&attempts.carriers[i]);
}

static void *abort_soon(void *conn) {
    clock_sleep_ms(50);
    CHECK_OK(wsline_conn_abort(conn));
    return NULL;
}

static void an_abort_ends_a_wait(void) {
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct carrier carrier;
        wsline_conn *conn = line_connect(&table[i], &carrier);
        wsline_message message;
        pthread_t aborter;

        REQUIRE(pthread_create(&aborter, NULL, abort_soon, conn) == 0);
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_recv(conn, WSLINE_FOREVER, &message));
        REQUIRE(pthread_join(aborter, NULL) == 0);
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_send_text(conn, "hello", 5));
        wsline_conn_free(conn);
        carrier_end(&carrier);
    }
}

/* Nobody is at the other end. */
static void an_abort_ends_a_connect(void) {
    for (unsigned wait = 0; wait < 2; wait++) {
        struct carrier carrier;
        wsline_options *options;
        wsline_conn *conn = NULL;
        pthread_t aborter;
        int pair[2];

        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        carrier_begin(&carrier, pair[0], NULL, wait);
        options = options_for(&carrier);
        REQUIRE_OK(wsline_conn_new(options, &conn));
        wsline_options_free(options);
        REQUIRE(pthread_create(&aborter, NULL, abort_soon, conn) == 0);
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_connect(conn, "ws://localhost/"));
        REQUIRE(pthread_join(aborter, NULL) == 0);
        wsline_conn_free(conn);
        carrier_end(&carrier);
        close(pair[1]);
    }
}

static void a_connect_has_a_deadline(void) {
    for (unsigned wait = 0; wait < 2; wait++) {
        struct carrier carrier;
        wsline_options *options;
        wsline_conn *conn = NULL;
        int pair[2];

        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        carrier_begin(&carrier, pair[0], NULL, wait);
        options = options_for(&carrier);
        REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, 150));
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_connect("ws://localhost/", options, &conn));
        /* It serves one connect. */
        CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_connect("ws://localhost/", options, &conn));
        CHECK_HAS("the transport has already been used", wsline_last_error_message());
        wsline_options_free(options);
        carrier_end(&carrier);
        close(pair[1]);
    }
}

static void use_inherited(void *options) {
    wsline_conn *conn = NULL;

    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_connect("ws://localhost/", options, &conn));
    CHECK_HAS("belongs to the parent process", wsline_last_error_message());
}

/* It would share, and shut down, what the transport of the parent process waits with. */
static void a_child_process_cannot_use_it(void) {
    struct carrier carrier;
    wsline_options *options;
    wsline_conn *conn = NULL;
    wsline_message message;
    int pair[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    carrier_begin(&carrier, pair[0], NULL, true);
    options = options_for(&carrier);
    REQUIRE_OK(wsline_options_set_upgraded(options, true));
    child_run(&(struct child){.run = use_inherited, .argument = options});
    REQUIRE_OK(wsline_connect("ws://localhost/", options, &conn));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 20, &message));
    wsline_conn_free(conn);
    wsline_options_free(options);
    close(pair[1]);
    carrier_end(&carrier);
}

static void arguments_are_checked(void) {
    struct carrier carrier = {.frees = 0};
    wsline_transport *transport = (wsline_transport *)&carrier;
    wsline_options *options = peer_options();

    CHECK_STATUS(
        WSLINE_ERR_INVALID_ARGUMENT,
        wsline_transport_new(NULL, carrier_write, NULL, &carrier, carrier_free, &transport));
    CHECK(transport == NULL);
    CHECK_HAS("`read` is NULL", wsline_last_error_message());
    CHECK_STATUS(
        WSLINE_ERR_INVALID_ARGUMENT,
        wsline_transport_new(carrier_read, NULL, NULL, &carrier, carrier_free, &transport));
    CHECK_STATUS(
        WSLINE_ERR_INVALID_ARGUMENT,
        wsline_transport_new(carrier_read, carrier_write, NULL, &carrier, carrier_free, NULL));
    CHECK_INT(3, carrier.frees);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_transport_ready(NULL));
    CHECK_OK(wsline_options_set_transport(options, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_transport(NULL, NULL));
    wsline_transport_free(NULL);
    wsline_options_free(options);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(blocking_calls_use_it),
        TEST(apps_use_it),
        TEST(an_app_reconnects_with_new_transports),
        TEST(an_abort_ends_a_wait),
        TEST(an_abort_ends_a_connect),
        TEST(a_connect_has_a_deadline),
        TEST(a_child_process_cannot_use_it),
        TEST(arguments_are_checked),
    };

    return check_main(argc, argv, tests, COUNT_OF(tests));
}
