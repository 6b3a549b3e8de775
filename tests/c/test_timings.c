/* SPDX-License-Identifier: Apache-2.0 */
/* How long the parts of a connect took, and where it failed. */
#include "clock.h"
#include "listen.h"
#include "proxy.h"
#include "timings.h"

#include <poll.h>

enum { DELAY_MS = 120, NS_PER_MS = 1000000 };

static wsline_timings timings_of(const wsline_conn *conn) {
    wsline_timings timings;

    memset(&timings, 0xff, sizeof timings);
    CHECK_OK(wsline_conn_timings(conn, &timings));
    check_sum(&timings);
    return timings;
}

static wsline_conn *new_conn(const wsline_options *options) {
    wsline_conn *conn = NULL;

    REQUIRE_OK(wsline_conn_new(options, &conn));
    return conn;
}

/* Connects, which fails with `status`, and returns the timings. */
static wsline_timings fail(const char *url, const wsline_options *options, wsline_status status) {
    wsline_conn *conn = new_conn(options);
    wsline_timings timings;

    CHECK_STATUS(status, wsline_conn_connect(conn, url));
    timings = timings_of(conn);
    CHECK(timings.finished);
    wsline_conn_free(conn);
    return timings;
}

static void the_parts_of_an_open_connection_add_up(void) {
    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        bool is_tls = strstr(peer_echo_servers[i], "TLS") != NULL;
        wsline_conn *conn = peer_connect(peer_echo_servers[i], "", NULL);
        wsline_timings timings = timings_of(conn);

        check_row(peer_echo_servers[i]);
        check_end(&timings, WSLINE_PHASE_OPEN);
        CHECK(timings.upgrade_ns > 0);
        CHECK_INT(is_tls, timings.tls_ns > 0);
        CHECK(timings.proxy_ns == 0 && timings.redirects_ns == 0);
        CHECK(timings.first_byte_ns > timings.total_ns - timings.upgrade_ns);
        CHECK_INT(1, timings.addresses_tried);
        CHECK_INT(0, timings.redirects);
        clock_sleep_ms(2);
        wsline_timings later = timings_of(conn);
        CHECK(later.finished && later.total_ns == timings.total_ns);
        for (enum part part = REDIRECTS; part < PARTS; part++)
            CHECK(part_of(&later, part) == part_of(&timings, part));
        peer_hang_up(conn);
    }
}

/* Relays one connection to a peer, and delays the first bytes of the client. */
struct relay {
    struct listener listener;
    uint16_t to;
    pthread_t thread;
};

static bool relay_once(int from, int to) {
    char bytes[4096];
    ssize_t got = recv(from, bytes, sizeof bytes, 0);

    return got > 0 && send(to, bytes, (size_t)got, MSG_NOSIGNAL) == got;
}

static void *relay_run(void *argument) {
    struct relay *relay = argument;
    int client = accept(relay->listener.fd, NULL, NULL), server = listen_connect(relay->to);
    struct pollfd fds[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};

    poll(fds, 1, WAIT_MS);
    clock_sleep_ms(DELAY_MS);
    while (poll(fds, 2, WAIT_MS) > 0) {
        if (fds[0].revents != 0 && !relay_once(client, server)) break;
        if (fds[1].revents != 0 && !relay_once(server, client)) break;
    }
    close(client);
    close(server);
    return NULL;
}

static struct relay *relay_start(struct relay *relay, uint16_t to) {
    *relay = (struct relay){.listener = listen_silent(), .to = to};
    relay->thread = thread_start(relay_run, relay);
    return relay;
}

static void relay_end(struct relay *relay) {
    thread_join(relay->thread);
    listen_close(&relay->listener);
}

static void *finish_later(void *lookup) {
    clock_sleep_ms(DELAY_MS);
    CHECK_OK(wsline_lookup_finish(lookup, "127.0.0.1"));
    return NULL;
}

static pthread_t lookup_thread;

static void resolve_slowly(wsline_lookup *lookup, const char *host, int32_t port, void *userdata) {
    (void)host, (void)port, (void)userdata;
    lookup_thread = thread_start(finish_later, lookup);
}

static void fail_to_resolve(wsline_lookup *lookup, const char *host, int32_t port, void *userdata) {
    (void)host, (void)port, (void)userdata;
    clock_sleep_ms(DELAY_MS);
    CHECK_OK(wsline_lookup_fail(lookup, NULL));
}

/* A delay is in the part that it delays, and another part does without. */
static void check_delayed(const char *url, const wsline_options *options, enum part part) {
    wsline_conn *conn = new_conn(options);
    wsline_timings timings;

    REQUIRE_OK(wsline_conn_connect(conn, url));
    timings = timings_of(conn);
    check_end(&timings, WSLINE_PHASE_OPEN);
    CHECK(part_of(&timings, part) >= (uint64_t)DELAY_MS * NS_PER_MS);
    CHECK_INT(part == PROXY, timings.proxy_ns > 0);
    CHECK_INT(part == TLS, timings.tls_ns > 0);
    CHECK_INT(part == LOOKUP, timings.lookup_ns > 0);
    peer_hang_up(conn);
}

static void each_delay_is_in_its_part(void) {
    char url[PEER_URL_MAX];
    struct relay relay;
    wsline_options *options = proxy_options();

    check_row("lookup");
    CHECK_OK(wsline_options_set_resolver(options, resolve_slowly, NULL, NULL));
    snprintf(url, sizeof url, "ws://slow.example:%u/", (unsigned)proxy_port("WEBSOCKETS"));
    check_delayed(url, options, LOOKUP);
    thread_join(lookup_thread);
    CHECK_OK(wsline_options_set_resolver(options, NULL, NULL, NULL));

    check_row("upgrade");
    relay_start(&relay, proxy_port("WEBSOCKETS"));
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)relay.listener.port);
    check_delayed(url, options, UPGRADE);
    relay_end(&relay);

    check_row("TLS");
    relay_start(&relay, proxy_port("WEBSOCKETS_TLS"));
    snprintf(url, sizeof url, "wss://127.0.0.1:%u/", (unsigned)relay.listener.port);
    check_delayed(url, options, TLS);
    relay_end(&relay);

    check_row("proxy");
    relay_start(&relay, proxy_port("TINYPROXY"));
    CHECK_OK(
        wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, "127.0.0.1", relay.listener.port));
    peer_url(url, "WEBSOCKETS", "/");
    check_delayed(url, options, PROXY);
    relay_end(&relay);

    check_row("TLS with the proxy");
    relay_start(&relay, proxy_port("SQUID_TLS"));
    CHECK_OK(
        wsline_options_set_proxy(options, WSLINE_PROXY_HTTPS, "127.0.0.1", relay.listener.port));
    check_delayed(url, options, PROXY);
    relay_end(&relay);
    wsline_options_free(options);
}

static void the_first_byte_precedes_the_end_of_the_response(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/drip?ms=1", NULL);
    wsline_timings timings = timings_of(conn);

    /* More than a hundred bytes, one at a time. */
    CHECK(timings.total_ns - timings.first_byte_ns >= (uint64_t)100 * NS_PER_MS);
    CHECK(timings.first_byte_ns >= timings.connect_ns);
    wsline_conn_free(conn);
}

static wsline_status see_the_first_byte(wsline_conn *conn) {
    wsline_timings timings = {0};

    while (timings.first_byte_ns == 0 && !timings.finished) {
        clock_pause();
        if (wsline_conn_timings(conn, &timings) != WSLINE_OK) timings.finished = false;
    }
    CHECK(timings.first_byte_ns > 0 && !timings.finished);
    return WSLINE_OK;
}

static void the_first_byte_is_seen_while_connecting(void) {
    struct later later = {.call = see_the_first_byte};
    char url[PEER_URL_MAX];

    later.conn = new_conn(NULL);
    peer_url(url, "FAULTS", "/drip?ms=2");
    later_start(&later);
    CHECK_OK(wsline_conn_connect(later.conn, url));
    later_end(&later);
    wsline_conn_free(later.conn);
}

static void a_redirect_is_a_part(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/redirect?to=/redirect%3Fto=/echo", NULL);
    wsline_timings timings = timings_of(conn);

    check_end(&timings, WSLINE_PHASE_OPEN);
    CHECK_INT(2, timings.redirects);
    CHECK_INT(1, timings.addresses_tried);
    CHECK(timings.redirects_ns > 0 && timings.upgrade_ns > 0);
    CHECK(timings.first_byte_ns > timings.redirects_ns);
    peer_hang_up(conn);
}

static void every_address_counts(void) {
    wsline_options *options = peer_options();
    char text[128];
    unsigned port = proxy_port("WEBSOCKETS");
    wsline_timings timings;

    snprintf(text, sizeof text, "two.example:%u:127.0.0.9,127.0.0.1", port);
    CHECK_OK(wsline_options_add_resolve(options, text));
    snprintf(text, sizeof text, "none.example:%u:127.0.0.7,127.0.0.8,127.0.0.9", port);
    CHECK_OK(wsline_options_add_resolve(options, text));
    wsline_conn *conn = new_conn(options);
    snprintf(text, sizeof text, "ws://two.example:%u/", port);
    REQUIRE_OK(wsline_conn_connect(conn, text));
    timings = timings_of(conn);
    CHECK_INT(2, timings.addresses_tried);
    CHECK(timings.lookup_ns == 0);
    peer_hang_up(conn);
    snprintf(text, sizeof text, "ws://none.example:%u/", port);
    timings = fail(text, options, WSLINE_ERR_CONNECT);
    check_end(&timings, WSLINE_PHASE_CONNECT);
    CHECK_INT(3, timings.addresses_tried);
    CHECK(timings.first_byte_ns == 0);
    wsline_options_free(options);
}

/* Fails at the deadline in this phase, in which it has spent the time until then. */
static void check_timeout(const char *row, const char *url, wsline_options *options, int phase,
                          enum part part) {
    check_row(row);
    /* On a busy machine the deadline may pass before the phase is reached. */
    for (int64_t deadline_ms = 2 * DELAY_MS; deadline_ms <= WAIT_MS; deadline_ms *= 2) {
        wsline_timings timings;

        REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, deadline_ms));
        timings = fail(url, options, WSLINE_ERR_TIMEOUT);
        if (timings.phase != phase) continue;
        CHECK(timings.total_ns >= (uint64_t)deadline_ms * NS_PER_MS);
        CHECK(part_of(&timings, part) > 0);
        for (enum part later = part + 1; later < PARTS; later++)
            CHECK(part_of(&timings, later) == 0);
        CHECK(timings.first_byte_ns == 0);
        return;
    }
    CHECK(false && "the phase is reached");
}

static void a_timeout_names_its_phase(void) {
    struct listener silent = listen_silent(), full = listen_full();
    wsline_options *options = proxy_options();
    char url[64];

    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)full.port);
    check_timeout("connect", url, options, WSLINE_PHASE_CONNECT, CONNECT);
    snprintf(url, sizeof url, "wss://127.0.0.1:%u/", (unsigned)silent.port);
    check_timeout("TLS", url, options, WSLINE_PHASE_TLS, TLS);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)silent.port);
    check_timeout("upgrade", url, options, WSLINE_PHASE_UPGRADE, UPGRADE);
    CHECK_OK(wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, "127.0.0.1", silent.port));
    check_timeout("proxy", "ws://192.0.2.1/", options, WSLINE_PHASE_PROXY, PROXY);
    CHECK_OK(wsline_options_set_proxy(options, WSLINE_PROXY_HTTPS, "127.0.0.1", silent.port));
    check_timeout("TLS with the proxy", "ws://192.0.2.1/", options, WSLINE_PHASE_TLS, PROXY);
    wsline_options_free(options);
    listen_close(&silent);
    listen_close(&full);
}

static void other_failures_name_their_phase(void) {
    wsline_options *options = peer_options();
    wsline_timings timings;
    char url[PEER_URL_MAX];

    check_row("lookup");
    CHECK_OK(wsline_options_set_resolver(options, fail_to_resolve, NULL, NULL));
    timings = fail("ws://none.example/", options, WSLINE_ERR_RESOLVE);
    check_end(&timings, WSLINE_PHASE_RESOLVE);
    CHECK(timings.total_ns >= (uint64_t)DELAY_MS * NS_PER_MS);
    CHECK(timings.total_ns == timings.lookup_ns);
    CHECK_INT(0, timings.addresses_tried);
    check_row("401");
    peer_url(url, "FAULTS", "/status?code=401");
    timings = fail(url, options, WSLINE_ERR_HTTP_STATUS);
    check_end(&timings, WSLINE_PHASE_UPGRADE);
    CHECK(timings.first_byte_ns > 0);
    wsline_options_free(options);
}

static wsline_status abort_it(wsline_conn *conn) {
    wsline_timings first = {.phase = -1}, second;

    while (first.phase != WSLINE_PHASE_UPGRADE) {
        clock_pause();
        first = timings_of(conn);
        CHECK(!first.finished);
    }
    CHECK_INT(1, first.addresses_tried);
    clock_sleep_ms(5);
    second = timings_of(conn);
    CHECK(second.total_ns >= first.total_ns + 5 * NS_PER_MS);
    CHECK(second.upgrade_ns >= first.upgrade_ns + 5 * NS_PER_MS);
    return wsline_conn_abort(conn);
}

static void a_connect_can_be_watched_and_aborted(void) {
    struct later later = {.call = abort_it, .after_ms = 1};
    wsline_timings timings;
    char url[PEER_URL_MAX];

    later.conn = new_conn(NULL);
    peer_url(url, "FAULTS", "/hang");
    later_start(&later);
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_connect(later.conn, url));
    later_end(&later);
    timings = timings_of(later.conn);
    check_end(&timings, WSLINE_PHASE_UPGRADE);
    wsline_conn_free(later.conn);
}

static void sockets_of_the_caller_need_no_connecting(void) {
    int fd = listen_connect(proxy_port("WEBSOCKETS"));
    wsline_options *options = peer_options();
    wsline_conn *conn;
    wsline_timings timings;

    CHECK_OK(wsline_options_set_fd(options, fd));
    conn = peer_connect("WEBSOCKETS", "/", options);
    timings = timings_of(conn);
    CHECK(timings.lookup_ns == 0 && timings.connect_ns == 0 && timings.upgrade_ns > 0);
    CHECK_INT(0, timings.addresses_tried);
    peer_hang_up(conn);
    close(fd);
    fd = listen_connect(proxy_port("WEBSOCKETS"));
    CHECK_OK(wsline_options_set_fd(options, fd));
    CHECK_OK(wsline_options_set_upgraded(options, true));
    conn = peer_connect("WEBSOCKETS", "/", options);
    timings = timings_of(conn);
    check_end(&timings, WSLINE_PHASE_OPEN);
    CHECK(timings.total_ns == 0 && timings.first_byte_ns == 0);
    wsline_conn_free(conn);
    wsline_options_free(options);
    close(fd);
}

static void a_unix_socket_is_one_address(void) {
    wsline_options *options = peer_options();
    const char *path = peer_variable("WEBSOCKETS_UNIX", "_PATH");
    wsline_conn *conn;
    wsline_timings timings;

    CHECK_OK(wsline_options_set_unix_path(options, path));
    conn = new_conn(options);
    wsline_options_free(options);
    REQUIRE_OK(wsline_conn_connect(conn, "ws://localhost/"));
    timings = timings_of(conn);
    check_end(&timings, WSLINE_PHASE_OPEN);
    CHECK_INT(1, timings.addresses_tried);
    CHECK(timings.lookup_ns == 0 && timings.upgrade_ns > 0);
    peer_hang_up(conn);
}

static void timings_need_a_connect_and_a_place(void) {
    wsline_conn *conn = new_conn(NULL);
    wsline_app *app = NULL;
    wsline_timings timings;

    REQUIRE_OK(wsline_app_new("ws://localhost/", NULL, &app));
    memset(&timings, 0xff, sizeof timings);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_timings(conn, &timings));
    CHECK(timings.total_ns == 0 && !timings.finished);
    memset(&timings, 0xff, sizeof timings);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_timings(app, &timings));
    CHECK(timings.total_ns == 0 && !timings.finished);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_timings(conn, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_timings(NULL, &timings));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_timings(app, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_timings(NULL, &timings));
    wsline_app_free(app);
    wsline_conn_free(conn);
}

static const struct test tests[] = {
    TEST(the_parts_of_an_open_connection_add_up),
    TEST(each_delay_is_in_its_part),
    TEST(the_first_byte_precedes_the_end_of_the_response),
    TEST(the_first_byte_is_seen_while_connecting),
    TEST(a_redirect_is_a_part),
    TEST(every_address_counts),
    TEST(a_timeout_names_its_phase),
    TEST(other_failures_name_their_phase),
    TEST(a_connect_can_be_watched_and_aborted),
    TEST(sockets_of_the_caller_need_no_connecting),
    TEST(a_unix_socket_is_one_address),
    TEST(timings_need_a_connect_and_a_place),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
