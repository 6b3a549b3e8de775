/* SPDX-License-Identifier: Apache-2.0 */
/* Transports of the caller's: a socket with functions of the test, and TLS of the test. */
#include "clock.h"
#include "drivers.h"
#include "fork.h"
#include "message.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/epoll.h>

struct carrier {
    int fd;
    SSL *ssl; /* NULL without TLS of the test's own */
    pthread_mutex_t lock;
    size_t at_a_time;  /* the most bytes of one call; 0 for any number */
    int64_t misbehave; /* what read returns instead, unless it is 0 */
    int32_t claim;     /* what wait returns instead, unless it is 0 */
    const char *late;  /* arrives, and is reported, while read returns that it is not ready */
    int server;
    unsigned waits;
    unsigned frees;
    wsline_transport *transport;
    pthread_t watcher;
    int epoll, stop[2];
};

static size_t limited(const struct carrier *carrier, size_t len) {
    return carrier->at_a_time != 0 && len > carrier->at_a_time ? carrier->at_a_time : len;
}

static int64_t tls_result(SSL *ssl, int result) {
    int error = SSL_get_error(ssl, result);

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return WSLINE_TRANSPORT_NOT_READY;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : WSLINE_TRANSPORT_FAILED;
}

static int64_t carrier_read(void *data, size_t len, void *userdata) {
    struct carrier *carrier = userdata;
    int64_t result;

    if (carrier->misbehave != 0)
        return carrier->misbehave == INT64_MAX ? (int64_t)len + 1 : carrier->misbehave;
    len = limited(carrier, len);
    if (carrier->ssl != NULL) {
        pthread_mutex_lock(&carrier->lock);
        result = SSL_read(carrier->ssl, data, (int)len);
        if (result <= 0) result = tls_result(carrier->ssl, (int)result);
        pthread_mutex_unlock(&carrier->lock);
        return result;
    }
    result = recv(carrier->fd, data, len, 0);
    if (result >= 0) return result;
    if (carrier->late != NULL) {
        const char *late = carrier->late;

        carrier->late = NULL;
        REQUIRE(send(carrier->server, late, strlen(late), 0) == (ssize_t)strlen(late));
        CHECK_OK(wsline_transport_ready(carrier->transport));
        return WSLINE_TRANSPORT_NOT_READY;
    }
    return errno == EAGAIN ? WSLINE_TRANSPORT_NOT_READY : WSLINE_TRANSPORT_FAILED;
}

static int64_t carrier_write(const void *data, size_t len, void *userdata) {
    struct carrier *carrier = userdata;
    int64_t result;

    len = limited(carrier, len);
    if (carrier->ssl != NULL) {
        pthread_mutex_lock(&carrier->lock);
        result = SSL_write(carrier->ssl, data, (int)len);
        if (result <= 0) result = tls_result(carrier->ssl, (int)result);
        pthread_mutex_unlock(&carrier->lock);
        return result;
    }
    result = send(carrier->fd, data, len, MSG_NOSIGNAL);
    if (result >= 0) return result;
    return errno == EAGAIN ? WSLINE_TRANSPORT_NOT_READY : WSLINE_TRANSPORT_FAILED;
}

static int32_t carrier_wait(uint32_t events, int64_t timeout_ms, void *userdata) {
    struct carrier *carrier = userdata;
    struct pollfd fd = {.fd = carrier->fd};

    carrier->waits++;
    CHECK_RANGE(0, 100, timeout_ms);
    if (carrier->claim != 0) {
        poll(NULL, 0, (int)timeout_ms);
        return carrier->claim;
    }
    CHECK(events != 0 && (events & ~3U) == 0);
    if (events & WSLINE_TRANSPORT_READABLE) fd.events |= POLLIN;
    if (events & WSLINE_TRANSPORT_WRITABLE) fd.events |= POLLOUT;
    return poll(&fd, 1, (int)timeout_ms) < 0 ? WSLINE_TRANSPORT_FAILED : fd.revents != 0;
}

static void carrier_free(void *userdata) { ((struct carrier *)userdata)->frees++; }

/* Reports each edge of the socket. */
static void *watch(void *userdata) {
    struct carrier *carrier = userdata;
    struct epoll_event event;

    while (epoll_wait(carrier->epoll, &event, 1, -1) == 1 && event.data.u32 == 0)
        CHECK_OK(wsline_transport_ready(carrier->transport));
    return NULL;
}

static void carrier_watch(struct carrier *carrier) {
    struct epoll_event socket = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u32 = 0}};
    struct epoll_event stop = {.events = EPOLLIN, .data = {.u32 = 1}};

    carrier->epoll = epoll_create1(0);
    REQUIRE(pipe(carrier->stop) == 0);
    REQUIRE(epoll_ctl(carrier->epoll, EPOLL_CTL_ADD, carrier->fd, &socket) == 0);
    REQUIRE(epoll_ctl(carrier->epoll, EPOLL_CTL_ADD, carrier->stop[0], &stop) == 0);
    REQUIRE(pthread_create(&carrier->watcher, NULL, watch, carrier) == 0);
}

/* With `wait`, or else with a thread that reports. The descriptor is connected and blocking. */
static void carrier_begin(struct carrier *carrier, int fd, SSL *ssl, bool wait) {
    memset(carrier, 0, sizeof *carrier);
    pthread_mutex_init(&carrier->lock, NULL);
    carrier->fd = fd;
    carrier->ssl = ssl;
    carrier->epoll = -1;
    REQUIRE(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    REQUIRE_OK(wsline_transport_new(carrier_read, carrier_write, wait ? carrier_wait : NULL,
                                    carrier, carrier_free, &carrier->transport));
    if (!wait) carrier_watch(carrier);
}

/* After the connection was freed. */
static void carrier_end(struct carrier *carrier) {
    if (carrier->epoll >= 0) {
        REQUIRE(write(carrier->stop[1], "", 1) == 1);
        REQUIRE(pthread_join(carrier->watcher, NULL) == 0);
        close(carrier->stop[0]);
        close(carrier->stop[1]);
        close(carrier->epoll);
    }
    CHECK_INT(0, carrier->frees);
    wsline_transport_free(carrier->transport);
    CHECK_INT(1, carrier->frees);
    if (carrier->ssl != NULL) SSL_free(carrier->ssl);
    close(carrier->fd);
    pthread_mutex_destroy(&carrier->lock);
}

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

static wsline_options *options_for(struct carrier *carrier) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_transport(options, carrier->transport));
    return options;
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

/* A connection whose other end is the test. */
static struct wire wire_over(struct carrier *carrier, bool wait) {
    struct wire wire = {-1, -1, NULL};
    wsline_options *options;
    int pair[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    wire.server = pair[1];
    carrier_begin(carrier, pair[0], NULL, wait);
    options = options_for(carrier);
    REQUIRE_OK(wsline_options_set_upgraded(options, true));
    REQUIRE_OK(wsline_options_set_send_timeout_ms(options, 100));
    REQUIRE_OK(wsline_connect("ws://localhost/", options, &wire.conn));
    wsline_options_free(options);
    return wire;
}

static void wire_over_end(struct wire *wire, struct carrier *carrier) {
    wsline_conn_free(wire->conn);
    if (wire->server >= 0) close(wire->server);
    carrier_end(carrier);
}

static struct pollfd pollable(wsline_conn *conn) {
    int32_t number = -1;

    REQUIRE_OK(wsline_conn_poll_fd(conn, &number));
    return (struct pollfd){.fd = number, .events = POLLIN};
}

static void a_failure_is_reported(void) {
    static const struct {
        int64_t result;
        wsline_status status;
        const char *words;
    } cases[] = {
        {WSLINE_TRANSPORT_FAILED, WSLINE_ERR_IO, "the read function of the transport failed"},
        {-77, WSLINE_ERR_IO, "the read function of the transport failed"},
        {INT64_MAX, WSLINE_ERR_IO, "bytes"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct carrier carrier;
        struct wire wire = wire_over(&carrier, true);
        wsline_message message;

        check_row(cases[i].words);
        carrier.misbehave = cases[i].result;
        CHECK_STATUS(cases[i].status, wsline_conn_recv(wire.conn, WAIT_MS, &message));
        CHECK_HAS(cases[i].words, wsline_last_error_message());
        CHECK_STATUS(cases[i].status, wsline_conn_recv(wire.conn, WAIT_MS, &message));
        wire_over_end(&wire, &carrier);
    }
}

/* After an end or a failure nothing else is asked of the transport. */
static void an_end_stays(void) {
    static const int64_t ends[] = {0, WSLINE_TRANSPORT_FAILED};

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct carrier carrier;
        struct wire wire = wire_over(&carrier, true);
        wsline_status status = ends[i] == 0 ? WSLINE_ERR_CONNECTION_LOST : WSLINE_ERR_IO;
        struct pollfd fd = pollable(wire.conn);
        wsline_message message;

        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
        carrier.misbehave = ends[i];
        if (ends[i] == 0) {
            close(wire.server);
            wire.server = -1;
        }
        CHECK_STATUS(status, wsline_conn_recv(wire.conn, WAIT_MS, &message));
        CHECK_INT(1, poll(&fd, 1, 0));
        carrier.misbehave = WSLINE_TRANSPORT_NOT_READY;
        CHECK_STATUS(status, wsline_conn_recv(wire.conn, WAIT_MS, &message));
        CHECK_INT(1, poll(&fd, 1, 0));
        wire_over_end(&wire, &carrier);
    }
}

/* A wait function may say "ready" too often; deadlines hold nevertheless. */
static void a_deadline_holds_whatever_wait_says(void) {
    static char bytes[1 << 20];
    struct carrier carrier;
    struct wire wire = wire_over(&carrier, true);
    wsline_status status = WSLINE_OK;
    wsline_message message;

    carrier.claim = 1;
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 50, &message));
    wire_send_hex(&wire, "810161");
    REQUIRE_OK(wsline_conn_recv(wire.conn, 50, &message));
    while (status == WSLINE_OK) status = wsline_conn_send_binary(wire.conn, bytes, sizeof bytes);
    CHECK(status == WSLINE_ERR_TIMEOUT || status == WSLINE_ERR_CONNECTION_LOST);
    wire_over_end(&wire, &carrier);
}

/* Three messages arrive, and are reported once, while the library looks; it reads one at a time. */
static void a_report_between_two_looks_counts(void) {
    struct carrier carrier;
    struct wire wire = wire_over(&carrier, false);
    struct pollfd fd = pollable(wire.conn);
    wsline_message message;

    carrier.server = wire.server;
    carrier.at_a_time = 3;
    carrier.late = "\x81\x01"
                   "a\x81\x01"
                   "b\x81\x01"
                   "c";
    for (char want = 'a'; want <= 'c'; want++) {
        REQUIRE(poll(&fd, 1, WAIT_MS) == 1);
        REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &message));
        CHECK_BYTES(&want, 1, message.data, message.len);
    }
    wire_over_end(&wire, &carrier);
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

static void the_end_is_reported(void) {
    for (unsigned wait = 0; wait < 2; wait++) {
        struct carrier carrier;
        struct wire wire = wire_over(&carrier, wait);
        wsline_message message;

        wire_send_hex(&wire, "810161");
        close(wire.server);
        REQUIRE_OK(wsline_conn_recv(wire.conn, WAIT_MS, &message));
        CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_recv(wire.conn, WAIT_MS, &message));
        CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_recv(wire.conn, WAIT_MS, &message));
        wsline_conn_free(wire.conn);
        carrier_end(&carrier);
    }
}

/* The server reads nothing: a send waits for room, up to its timeout. */
static void a_send_waits_for_room(void) {
    static char bytes[65536];

    for (unsigned wait = 0; wait < 2; wait++) {
        struct carrier carrier;
        struct wire wire = wire_over(&carrier, wait);
        wsline_status status = WSLINE_OK;
        unsigned sent = 0;

        while (status == WSLINE_OK) {
            status = wsline_conn_send_binary(wire.conn, bytes, sizeof bytes);
            REQUIRE(++sent < 100);
        }
        CHECK(status == WSLINE_ERR_TIMEOUT || status == WSLINE_ERR_CONNECTION_LOST);
        wire_over_end(&wire, &carrier);
    }
}

static void it_can_be_polled(void) {
    struct carrier carrier;
    struct wire wire = wire_over(&carrier, false);
    struct pollfd fd = pollable(wire.conn);
    wsline_message message;

    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
    /* The watcher may report the writable socket once more. */
    while (poll(&fd, 1, 20) == 1)
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
    wire_send_hex(&wire, "810161810162");
    CHECK_INT(1, poll(&fd, 1, WAIT_MS));
    REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &message));
    CHECK_INT(1, poll(&fd, 1, 0));
    REQUIRE_OK(wsline_conn_recv(wire.conn, 0, &message));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(wire.conn, 0, &message));
    CHECK_INT(0, poll(&fd, 1, 0));
    wire_over_end(&wire, &carrier);
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
        TEST(a_failure_is_reported),
        TEST(an_end_stays),
        TEST(a_deadline_holds_whatever_wait_says),
        TEST(a_report_between_two_looks_counts),
        TEST(a_child_process_cannot_use_it),
        TEST(the_end_is_reported),
        TEST(a_send_waits_for_room),
        TEST(it_can_be_polled),
        TEST(arguments_are_checked),
    };

    return check_main(argc, argv, tests, COUNT_OF(tests));
}
