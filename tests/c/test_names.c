/* SPDX-License-Identifier: Apache-2.0 */
/* Names whose addresses the caller supplies, and connecting elsewhere. The program's getaddrinfo()
 * replaces that of libc and knows no name, so nothing here is looked up by chance. */
#include "app.h"
#include "drivers.h"
#include "proxy.h"
#include "resolver.h"
#include "upgrade.h"

#include <stddef.h>
#include <sys/un.h>

static unsigned system_calls;

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result) {
    (void)hints;
    __atomic_add_fetch(&system_calls, 1, __ATOMIC_SEQ_CST);
    if (strcmp(node, "system.example") != 0) return EAI_NONAME;
    *result = resolver_entry(INADDR_LOOPBACK, resolver_port(service), NULL);
    return 0;
}

void freeaddrinfo(struct addrinfo *result) { resolver_free(result); }

static unsigned port_of(const char *peer) { return proxy_place(peer).port; }

/* Where "%u" stands, the port of the peer. */
static const char *with_port(const char *format, const char *peer) {
    static char text[4][256];
    static unsigned next;
    char *place = text[next++ % 4];
    const char *at = strstr(format, "%u");

    if (at == NULL) return format;
    snprintf(place, 256, "%.*s%u%s", (int)(at - format), format, port_of(peer), at + 2);
    return place;
}

/* Connects to /headers, checks the Host header, and hangs up. */
static void check_reached(const char *url, const char *host, const wsline_options *options) {
    wsline_conn *conn = NULL;
    wsline_message request;
    char field[128];

    REQUIRE_OK(wsline_connect(url, options, &conn));
    CHECK_HAS("127.0.0.1:", wsline_conn_peer_address(conn));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &request));
    snprintf(field, sizeof field, "[\"Host\", \"%s\"]", host);
    CHECK_HAS(field, (const char *)request.data);
    peer_hang_up(conn);
}

static void check_fails(const char *url, wsline_status status, const char *part,
                        const wsline_options *options) {
    wsline_conn *conn = NULL;

    CHECK_STATUS(status, wsline_connect(url, options, &conn));
    CHECK_HAS(part, wsline_last_error_message());
}

static void a_given_name_is_not_looked_up(void) {
    static const struct {
        const char *entry, *url, *host;
    } rows[] = {
        {"echo.example:%u:127.0.0.1", "ws://echo.example:%u/headers", "echo.example:%u"},
        /* Nobody listens at the first address. */
        {"echo.example:%u:127.0.0.9,127.0.0.1", "ws://echo.example:%u/headers", "echo.example:%u"},
        {"echo.example:%u:[::ffff:127.0.0.9],127.0.0.1", "ws://echo.example:%u/headers",
         "echo.example:%u"},
        {"ECHO.Example:%u:127.0.0.1", "ws://echo.EXAMPLE:%u/headers", "echo.example:%u"},
        {"b\xc3\xbc"
         "cher.example:%u:127.0.0.1",
         "ws://xn--bcher-kva.example:%u/headers", "xn--bcher-kva.example:%u"},
        {"localhost:%u:127.0.0.1", "ws://localhost:%u/headers", "localhost:%u"},
    };

    system_calls = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();

        check_row(rows[i].entry);
        CHECK_OK(wsline_options_add_resolve(options, with_port(rows[i].entry, "WEBSOCKETS")));
        check_reached(with_port(rows[i].url, "WEBSOCKETS"), with_port(rows[i].host, "WEBSOCKETS"),
                      options);
        wsline_options_free(options);
    }
    CHECK_INT(0, system_calls);
}

static void only_the_given_host_and_port_are_affected(void) {
    wsline_options *options = peer_options();

    CHECK_OK(wsline_options_add_resolve(options, "echo.example:1:127.0.0.1"));
    system_calls = 0;
    check_fails("ws://echo.example:2/", WSLINE_ERR_RESOLVE, "look up echo.example", options);
    check_fails("ws://other.example:1/", WSLINE_ERR_RESOLVE, "look up other.example", options);
    CHECK_INT(2, system_calls);
    check_fails("ws://echo.example:1/", WSLINE_ERR_CONNECT, "127.0.0.1:1: connection refused",
                options);
    CHECK_INT(2, system_calls);
    wsline_options_free(options);
}

static void a_later_entry_replaces_an_earlier_one(void) {
    wsline_options *options = peer_options();
    const char *url = with_port("ws://echo.example:%u/headers", "WEBSOCKETS");

    CHECK_OK(
        wsline_options_add_resolve(options, with_port("echo.example:%u:127.0.0.9", "WEBSOCKETS")));
    check_fails(url, WSLINE_ERR_CONNECT, "127.0.0.9", options);
    CHECK_OK(
        wsline_options_add_resolve(options, with_port("echo.example:%u:127.0.0.1", "WEBSOCKETS")));
    check_reached(url, with_port("echo.example:%u", "WEBSOCKETS"), options);
    CHECK_OK(wsline_options_clear_resolve(options));
    check_fails(url, WSLINE_ERR_RESOLVE, "look up echo.example", options);
    wsline_options_free(options);
}

static void the_certificate_must_be_that_of_the_url(void) {
    wsline_options *options = peer_options();

    CHECK_OK(wsline_options_add_resolve(options,
                                        with_port("echo.example:%u:127.0.0.1", "WEBSOCKETS_TLS")));
    check_fails(with_port("wss://echo.example:%u/", "WEBSOCKETS_TLS"), WSLINE_ERR_TLS_VERIFY,
                "hostname mismatch", options);
    CHECK_OK(wsline_options_set_connect_to(options, with_port("127.0.0.1:%u", "WEBSOCKETS_TLS")));
    check_reached("wss://localhost/headers", "localhost", options);
    check_fails("wss://echo.example/", WSLINE_ERR_TLS_VERIFY, "hostname mismatch", options);
    wsline_options_free(options);
}

static void a_proxy_and_its_target_may_be_given_names(void) {
    wsline_options *options = peer_options();

    CHECK_OK(
        wsline_options_add_resolve(options, with_port("proxy.example:%u:127.0.0.1", "TINYPROXY")));
    CHECK_OK(wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, "proxy.example",
                                      (int32_t)port_of("TINYPROXY")));
    /* The proxy is asked for the other place. */
    CHECK_OK(wsline_options_set_connect_to(options, with_port("127.0.0.1:%u", "WEBSOCKETS")));
    system_calls = 0;
    check_reached("ws://echo.example/headers", "echo.example", options);
    CHECK_INT(0, system_calls);
    wsline_options_free(options);
}

static void connecting_elsewhere_changes_nothing_else(void) {
    wsline_options *options = peer_options();

    system_calls = 0;
    CHECK_OK(wsline_options_set_connect_to(options, with_port("127.0.0.1:%u", "WEBSOCKETS")));
    check_reached("ws://echo.example:81/headers", "echo.example:81", options);
    CHECK_INT(0, system_calls);
    CHECK_OK(wsline_options_set_connect_to(options, with_port("system.example:%u", "WEBSOCKETS")));
    check_reached("ws://echo.example/headers", "echo.example", options);
    CHECK_INT(1, system_calls);
    CHECK_OK(wsline_options_set_connect_to(options, NULL));
    check_fails("ws://echo.example/", WSLINE_ERR_RESOLVE, "look up echo.example", options);
    wsline_options_free(options);
}

static void other_forms_are_rejected(void) {
    static const char *const entries[] = {"",
                                          "a",
                                          "a:1",
                                          "a:1:",
                                          "a:1:x",
                                          "a:1:1.2.3.4,",
                                          "a:0:1.2.3.4",
                                          "a:x:1.2.3.4",
                                          ":1:1.2.3.4",
                                          "a:65536:1.2.3.4",
                                          "1.2.3.4:1:1.2.3.4",
                                          "a/b:1:1.2.3.4",
                                          "u@a:1:1.2.3.4",
                                          "a:1:1.2.3.4:5",
                                          "a:1:[1.2.3.4]",
                                          "a b:1:1.2.3.4"};
    static const char *const places[] = {"",     "a",     "a:",  ":1",    "a:0",      "a:65536",
                                         "a:1/", "a:1?x", "::1", "u@a:1", "ws://a:1", "a b:1"};
    wsline_options *options = peer_options();

    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        check_row(entries[i]);
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_add_resolve(options, entries[i]));
        CHECK_HAS("it must be \"host:port:address[,address...]\"", wsline_last_error_message());
    }
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        check_row(places[i]);
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                     wsline_options_set_connect_to(options, places[i]));
        CHECK_HAS("it must be \"host:port\"", wsline_last_error_message());
    }
    CHECK_OK(wsline_options_set_connect_to(options, "[::1]:1"));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_add_resolve(options, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_add_resolve(NULL, "a:1:1.2.3.4"));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_clear_resolve(NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_connect_to(NULL, NULL));
    wsline_options_free(options);
}

/* A resolver of the caller's ------------------------------------------------------------------- */

struct asked {
    char host[64];
    int32_t port;
    unsigned calls, released;
    wsline_lookup *pending;
    pthread_t thread;
};

static void note_call(struct asked *asked, const char *host, int32_t port) {
    snprintf(asked->host, sizeof asked->host, "%s", host);
    asked->port = port;
    asked->calls++;
}

static void release(void *userdata) { ((struct asked *)userdata)->released++; }

static void answer_at_once(wsline_lookup *lookup, const char *host, int32_t port, void *userdata) {
    note_call(userdata, host, port);
    CHECK(!wsline_lookup_is_cancelled(lookup));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_lookup_finish(lookup, ""));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_lookup_finish(lookup, "127.0.0.1 127.0.0.2"));
    CHECK_HAS("is not a list of IP addresses", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_lookup_finish(lookup, NULL));
    CHECK_OK(wsline_lookup_finish(lookup, "127.0.0.1"));
}

static void *answer_on_a_thread(void *lookup) {
    clock_sleep_ms(30);
    CHECK_OK(wsline_lookup_finish(lookup, "127.0.0.1"));
    return NULL;
}

static void answer_later(wsline_lookup *lookup, const char *host, int32_t port, void *userdata) {
    struct asked *asked = userdata;

    note_call(asked, host, port);
    asked->thread = thread_start(answer_on_a_thread, lookup);
}

static void ask_the_system(wsline_lookup *lookup, const char *host, int32_t port, void *userdata) {
    note_call(userdata, host, port);
    CHECK_OK(wsline_lookup_by_system(lookup));
}

static void fail(wsline_lookup *lookup, const char *host, int32_t port, void *userdata) {
    struct asked *asked = userdata;

    note_call(asked, host, port);
    CHECK_OK(wsline_lookup_fail(lookup, asked->calls == 1 ? "no such plan" : NULL));
}

static void keep(wsline_lookup *lookup, const char *host, int32_t port, void *userdata) {
    struct asked *asked = userdata;

    note_call(asked, host, port);
    asked->pending = lookup;
}

static wsline_options *asking(wsline_resolver_fn fn, struct asked *asked) {
    wsline_options *options = peer_options();

    memset(asked, 0, sizeof *asked);
    REQUIRE_OK(wsline_options_set_resolver(options, fn, asked, release));
    return options;
}

static void a_resolver_answers_at_once_or_later(void) {
    static const wsline_resolver_fn resolvers[] = {answer_at_once, answer_later};

    for (size_t i = 0; i < COUNT_OF(resolvers); i++) {
        struct asked asked;
        wsline_options *options = asking(resolvers[i], &asked);

        system_calls = 0;
        check_reached(with_port("ws://echo.example:%u/headers", "WEBSOCKETS"),
                      with_port("echo.example:%u", "WEBSOCKETS"), options);
        if (resolvers[i] == answer_later) thread_join(asked.thread);
        CHECK_TEXT("echo.example", asked.host);
        CHECK_INT(port_of("WEBSOCKETS"), asked.port);
        CHECK_INT(1, asked.calls);
        CHECK_INT(0, system_calls);
        /* Known names and addresses need no resolver. */
        check_reached(with_port("ws://localhost:%u/headers", "WEBSOCKETS"),
                      with_port("localhost:%u", "WEBSOCKETS"), options);
        check_reached(with_port("ws://127.0.0.1:%u/headers", "WEBSOCKETS"),
                      with_port("127.0.0.1:%u", "WEBSOCKETS"), options);
        CHECK_INT(1, asked.calls);
        CHECK_INT(0, asked.released);
        wsline_options_free(options);
        CHECK_INT(1, asked.released);
    }
}

static void a_resolver_may_leave_a_name_to_the_system(void) {
    struct asked asked;
    wsline_options *options = asking(ask_the_system, &asked);

    system_calls = 0;
    check_reached(with_port("ws://system.example:%u/headers", "WEBSOCKETS"),
                  with_port("system.example:%u", "WEBSOCKETS"), options);
    CHECK_INT(1, system_calls);
    check_fails("ws://unknown.example/", WSLINE_ERR_RESOLVE, "look up unknown.example", options);
    CHECK_INT(2, asked.calls);
    wsline_options_free(options);
}

static void a_resolver_may_fail(void) {
    struct asked asked;
    wsline_options *options = asking(fail, &asked);

    check_fails("ws://echo.example/", WSLINE_ERR_RESOLVE, "look up echo.example: no such plan",
                options);
    check_fails("ws://echo.example/", WSLINE_ERR_RESOLVE,
                "look up echo.example: the resolver has no address", options);
    wsline_options_free(options);
}

static void a_lookup_outlives_its_connect(void) {
    static wsline_status (*const ends[])(wsline_lookup *) = {NULL, wsline_lookup_by_system};

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct asked asked;
        wsline_options *options = asking(keep, &asked);

        REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, 30));
        check_fails("ws://echo.example/", WSLINE_ERR_TIMEOUT,
                    "connect timed out while looking up echo.example", options);
        REQUIRE(asked.pending != NULL);
        CHECK(wsline_lookup_is_cancelled(asked.pending));
        wsline_options_free(options);
        CHECK_INT(1, asked.released);
        if (ends[i] == NULL)
            CHECK_OK(wsline_lookup_finish(asked.pending, "127.0.0.1"));
        else
            CHECK_OK(ends[i](asked.pending));
    }
    CHECK(wsline_lookup_is_cancelled(NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_lookup_by_system(NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_lookup_fail(NULL, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_lookup_finish(NULL, "127.0.0.1"));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_resolver(NULL, keep, NULL, NULL));
}

static void close_when_open(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'o') CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void a_resolver_wakes_every_driver(void) {
    for (size_t i = 0; i < COUNT_OF(drivers); i++) {
        struct asked asked;
        struct record record;
        wsline_options *options = asking(answer_later, &asked);
        wsline_app *app = NULL;

        check_row(drivers[i].name);
        record_init(&record);
        REQUIRE_OK(wsline_app_new(with_port("ws://echo.example:%u/", "WEBSOCKETS"), options, &app));
        wsline_options_free(options);
        app_listen(app, "o", &record);
        record.then = close_when_open;
        drivers[i].drive(app);
        thread_join(asked.thread);
        CHECK_INT(1, record_count(&record, 'o'));
        wsline_app_free(app);
        CHECK_INT(1, asked.released);
    }
}

/* Interfaces and abstract sockets -------------------------------------------------------------- */

static void an_interface_is_chosen_by_name(void) {
    wsline_options *options = peer_options();
    const char *url = with_port("ws://127.0.0.1:%u/headers", "WEBSOCKETS");

    CHECK_OK(wsline_options_set_bind_interface(options, "lo"));
    check_reached(url, with_port("127.0.0.1:%u", "WEBSOCKETS"), options);
    CHECK_OK(wsline_options_set_bind_interface(options, "nosuch0"));
    check_fails(url, WSLINE_ERR_CONNECT, "bind to the interface nosuch0: no such device", options);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_bind_interface(options, ""));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_options_set_bind_interface(options, "sixteen-bytes-xx"));
    CHECK_HAS("`interface` has 16 bytes; it must have 1 to 15", wsline_last_error_message());
    CHECK_OK(wsline_options_set_bind_interface(options, NULL));
    check_reached(url, with_port("127.0.0.1:%u", "WEBSOCKETS"), options);
    wsline_options_free(options);
}

static void *serve_once(void *listener) {
    int fd = accept(*(int *)listener, NULL, NULL);

    upgrade(fd);
    close(fd);
    return NULL;
}

static void an_abstract_socket_is_named_with_an_at_sign(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;
    char name[64];
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    socklen_t len;
    pthread_t server;

    snprintf(name, sizeof name, "@wsline-test-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    REQUIRE(bind(listener, (struct sockaddr *)&address, len) == 0);
    REQUIRE(listen(listener, 1) == 0);
    server = thread_start(serve_once, &listener);
    CHECK_OK(wsline_options_set_unix_path(options, name));
    CHECK_OK(wsline_connect("ws://localhost/", options, &conn));
    CHECK_TEXT(name, wsline_conn_peer_address(conn));
    thread_join(server);
    wsline_conn_free(conn);
    close(listener);
    check_fails("ws://localhost/", WSLINE_ERR_CONNECT, name, options);
    wsline_options_free(options);
}

static const struct test tests[] = {
    TEST(a_given_name_is_not_looked_up),
    TEST(only_the_given_host_and_port_are_affected),
    TEST(a_later_entry_replaces_an_earlier_one),
    TEST(the_certificate_must_be_that_of_the_url),
    TEST(a_proxy_and_its_target_may_be_given_names),
    TEST(connecting_elsewhere_changes_nothing_else),
    TEST(other_forms_are_rejected),
    TEST(a_resolver_answers_at_once_or_later),
    TEST(a_resolver_may_leave_a_name_to_the_system),
    TEST(a_resolver_may_fail),
    TEST(a_lookup_outlives_its_connect),
    TEST(a_resolver_wakes_every_driver),
    TEST(an_interface_is_chosen_by_name),
    TEST(an_abstract_socket_is_named_with_an_at_sign),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
