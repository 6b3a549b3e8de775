/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name lookup with the test's own resolver: the program's getaddrinfo() replaces that of libc, so
 * that lookups can hang, fail, or return several addresses.
 */
#include "app.h"
#include "clock.h"
#include "descriptors.h"
#include "fork.h"
#include "peer.h"
#include "resolver.h"

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool released; /* lookups of names that start with "hang" may continue */
    unsigned calls;
    unsigned given; /* lists returned and not yet freed, and calls that have not returned */
} resolver = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void resolver_done(void) {
    pthread_mutex_lock(&resolver.lock);
    resolver.given--;
    pthread_cond_broadcast(&resolver.changed);
    pthread_mutex_unlock(&resolver.lock);
}

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result) {
    uint16_t port = resolver_port(service);

    (void)hints;
    pthread_mutex_lock(&resolver.lock);
    resolver.calls++;
    resolver.given++;
    while (strncmp(node, "hang", 4) == 0 && !resolver.released)
        pthread_cond_wait(&resolver.changed, &resolver.lock);
    pthread_mutex_unlock(&resolver.lock);
    if (strcmp(node, "echo.test") == 0) {
        *result = resolver_entry(INADDR_LOOPBACK, port, NULL);
    } else if (strcmp(node, "second.test") == 0) {
        /* Nobody listens at the first address. */
        *result = resolver_entry(INADDR_LOOPBACK, port, NULL);
        *result = resolver_entry(INADDR_LOOPBACK + 1, port, *result);
    } else {
        resolver_done();
        return strncmp(node, "hang", 4) == 0 ? EAI_AGAIN : EAI_NONAME;
    }
    return 0;
}

void freeaddrinfo(struct addrinfo *result) {
    resolver_free(result);
    resolver_done();
}

static void resolver_hang(void) {
    pthread_mutex_lock(&resolver.lock);
    resolver.released = false;
    resolver.calls = 0;
    pthread_mutex_unlock(&resolver.lock);
}

static unsigned resolver_calls(void) {
    unsigned calls;

    pthread_mutex_lock(&resolver.lock);
    calls = resolver.calls;
    pthread_mutex_unlock(&resolver.lock);
    return calls;
}

/* Lets hanging lookups finish, and waits for them. */
static void resolver_release(void) {
    pthread_mutex_lock(&resolver.lock);
    resolver.released = true;
    pthread_cond_broadcast(&resolver.changed);
    while (resolver.given > 0) pthread_cond_wait(&resolver.changed, &resolver.lock);
    pthread_mutex_unlock(&resolver.lock);
}

/* `host` with the port of the echo server. */
static void url_of(char url[PEER_URL_MAX], const char *host) {
    snprintf(url, PEER_URL_MAX, "ws://%s%s/", host,
             strrchr(peer_variable("WEBSOCKETS", "_URL"), ':'));
}

static void an_address_is_not_looked_up(void) {
    resolver_hang();
    peer_hang_up(peer_connect("WEBSOCKETS", "/", NULL));
    CHECK_INT(0, resolver_calls());
}

/* RFC 6761 section 6.3. */
static void localhost_is_not_looked_up(void) {
    static const char *const names[] = {"localhost", "LOCALHOST.", "any.localhost"};
    char url[PEER_URL_MAX];

    resolver_hang();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        wsline_conn *conn = NULL;

        check_row(names[i]);
        url_of(url, names[i]);
        REQUIRE_OK(wsline_connect(url, NULL, &conn));
        CHECK_HAS("127.0.0.1:", wsline_conn_peer_address(conn));
        peer_hang_up(conn);
    }
    CHECK_INT(0, resolver_calls());
}

static void a_name_is_looked_up(void) {
    char url[PEER_URL_MAX];
    wsline_conn *conn = NULL;

    resolver_hang();
    url_of(url, "echo.test");
    REQUIRE_OK(wsline_connect(url, NULL, &conn));
    CHECK_INT(1, resolver_calls());
    CHECK_HAS("127.0.0.1:", wsline_conn_peer_address(conn));
    peer_hang_up(conn);
}

static void the_next_address_is_tried_when_one_refuses(void) {
    char url[PEER_URL_MAX];
    wsline_conn *conn = NULL;

    url_of(url, "second.test");
    REQUIRE_OK(wsline_connect(url, NULL, &conn));
    CHECK_HAS("127.0.0.1:", wsline_conn_peer_address(conn));
    peer_hang_up(conn);
}

static void the_message_contains_the_resolvers_reason(void) {
    wsline_conn *conn = NULL;
    wsline_error_info info;

    CHECK_STATUS(WSLINE_ERR_RESOLVE, wsline_connect("ws://none.test/", NULL, &conn));
    CHECK_TEXT("look up none.test: name or service not known", wsline_last_error_message());
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_PHASE_RESOLVE, info.phase);
}

static void a_hanging_lookup_ends_at_the_deadline(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;
    wsline_error_info info;
    struct stopwatch start;

    resolver_hang();
    CHECK_OK(wsline_options_set_connect_timeout_ms(options, 300));
    start = stopwatch_start();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_connect("ws://hang.test/", options, &conn));
    CHECK_TOOK(300, start);
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_PHASE_RESOLVE, info.phase);
    CHECK_INT(1, resolver_calls());
    wsline_options_free(options);
    resolver_release();
}

static void abort_ends_a_hanging_lookup(void) {
    struct later abort_it = {.call = wsline_conn_abort, .after_ms = 150};
    wsline_conn *conn = NULL;
    wsline_error_info info;
    struct stopwatch start;

    resolver_hang();
    REQUIRE_OK(wsline_conn_new(NULL, &conn));
    abort_it.conn = conn;
    start = stopwatch_start();
    later_start(&abort_it);
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_connect(conn, "ws://hang-and-abort.test/"));
    CHECK_TOOK(150, start);
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_PHASE_RESOLVE, info.phase);
    later_end(&abort_it);
    wsline_conn_free(conn);
    resolver_release();
}

static void other_names_are_looked_up_while_one_hangs(void) {
    wsline_options *options = peer_options();
    char url[PEER_URL_MAX];
    wsline_conn *conn = NULL;

    resolver_hang();
    CHECK_OK(wsline_options_set_connect_timeout_ms(options, 100));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_connect("ws://hang.test/", options, &conn));
    url_of(url, "echo.test");
    if (CHECK_OK(wsline_connect(url, NULL, &conn))) peer_hang_up(conn);
    wsline_options_free(options);
    resolver_release();
}

/* An app that resolves a name, in a loop. */
static wsline_app *app_of(const char *host, wsline_loop *loop, struct record *record) {
    char url[PEER_URL_MAX];
    wsline_app *app = NULL;

    record_init(record);
    url_of(url, host);
    REQUIRE_OK(wsline_app_new(url, NULL, &app));
    app_listen(app, "omec", record);
    REQUIRE_OK(wsline_loop_add(loop, app));
    return app;
}

static void a_loop_does_not_wait_for_a_name(void) {
    struct record hanging, quick;
    wsline_loop *loop = NULL;
    wsline_app *apps[2];
    struct stopwatch start;

    resolver_hang();
    REQUIRE_OK(wsline_loop_new(&loop));
    apps[0] = app_of("hang.test", loop, &hanging);
    start = stopwatch_start();
    CHECK_OK(wsline_loop_run_once(loop, 0));
    CHECK_TOOK(0, start);
    apps[1] = app_of("echo.test", loop, &quick);
    while (record_count(&quick, 'o') == 0) REQUIRE_OK(wsline_loop_run_once(loop, WAIT_MS));
    CHECK_TEXT("", hanging.order);
    /* The result wakes the loop. */
    resolver_release();
    while (record_count(&hanging, 'e') == 0) REQUIRE_OK(wsline_loop_run_once(loop, WAIT_MS));
    CHECK_STATUS(WSLINE_ERR_RESOLVE, hanging.error.status);
    CHECK_INT(WSLINE_PHASE_RESOLVE, hanging.error.phase);
    wsline_app_free(apps[0]);
    wsline_app_free(apps[1]);
    wsline_loop_free(loop);
}

enum { APPS = 100, AT_ONCE = 64 };

/* Apps that resolve hanging names: each its own, or all the same one. */
static wsline_loop *hanging_apps(wsline_app *apps[APPS], struct record records[APPS],
                                 bool is_one_name) {
    wsline_loop *loop = NULL;

    resolver_hang();
    REQUIRE_OK(wsline_loop_new(&loop));
    for (unsigned i = 0; i < APPS; i++) {
        char host[32];

        snprintf(host, sizeof host, "hang-%u.test", is_one_name ? 0 : i);
        apps[i] = app_of(host, loop, &records[i]);
    }
    CHECK_OK(wsline_loop_run_once(loop, 0));
    return loop;
}

static void expect_failures(wsline_loop *loop, struct record records[], size_t begin) {
    unsigned failed = 0;

    while (failed < APPS - begin) {
        REQUIRE_OK(wsline_loop_run_once(loop, WAIT_MS));
        failed = 0;
        for (size_t i = begin; i < APPS; i++) failed += record_count(&records[i], 'e');
    }
}

static void expect_calls(unsigned count) {
    struct stopwatch start = stopwatch_start();

    while (resolver_calls() < count && stopwatch_ms(start) < WAIT_MS) clock_pause();
    CHECK_INT(count, resolver_calls());
}

static void lookups_of_the_same_name_are_shared(void) {
    static struct record records[APPS];
    wsline_app *apps[APPS];
    wsline_loop *loop = hanging_apps(apps, records, true);

    expect_calls(1);
    resolver_release();
    expect_failures(loop, records, 0);
    CHECK_INT(1, resolver_calls());
    for (unsigned i = 0; i < APPS; i++) wsline_app_free(apps[i]);
    wsline_loop_free(loop);
}

static void lookups_beyond_the_limit_are_queued(void) {
    static struct record records[APPS];
    wsline_app *apps[APPS];
    wsline_loop *loop = hanging_apps(apps, records, false);

    expect_calls(AT_ONCE);
    /* Lookups that nobody waits for are not started. */
    for (unsigned i = APPS; i > AT_ONCE + 10; i--) wsline_app_free(apps[i - 1]);
    CHECK_OK(wsline_loop_run_once(loop, 0));
    CHECK_INT(AT_ONCE, resolver_calls());
    resolver_release();
    while (record_count(&records[AT_ONCE + 9], 'e') == 0)
        REQUIRE_OK(wsline_loop_run_once(loop, WAIT_MS));
    CHECK_INT(AT_ONCE + 10, resolver_calls());
    for (unsigned i = 0; i < AT_ONCE + 10; i++) wsline_app_free(apps[i]);
    wsline_loop_free(loop);
}

/* A name is resolved while `hanging` lookups hang, the first of which is abandoned or not. The call
 * for it begins at once or later. */
static void check_quick_name(unsigned hanging, bool leaves_first, bool at_once) {
    static struct record records[AT_ONCE];
    struct record quick;
    wsline_app *apps[AT_ONCE], *app;
    wsline_loop *loop = NULL;

    resolver_hang();
    REQUIRE_OK(wsline_loop_new(&loop));
    for (unsigned i = 0; i < hanging; i++) {
        char host[32];

        snprintf(host, sizeof host, "hang-of-%u-%u.test", hanging, i);
        apps[i] = app_of(host, loop, &records[i]);
    }
    app = app_of("echo.test", loop, &quick);
    CHECK_OK(wsline_loop_run_once(loop, 0));
    expect_calls(at_once ? hanging + 1 : hanging);
    if (leaves_first) wsline_app_free(apps[0]);
    while (record_count(&quick, 'o') == 0) REQUIRE_OK(wsline_loop_run_once(loop, WAIT_MS));
    resolver_release();
    for (unsigned i = leaves_first; i < hanging; i++) wsline_app_free(apps[i]);
    wsline_app_free(app);
    wsline_loop_free(loop);
}

static void hanging_lookups_do_not_block_others(void) { check_quick_name(40, false, true); }

/* It starts when another lookup is abandoned, not when that lookup ends. */
static void a_queued_lookup_starts_when_another_is_abandoned(void) {
    check_quick_name(AT_ONCE, true, false);
}

/* Those that have taken long count no longer. */
static void any_number_of_hanging_lookups_does_not_block_others(void) {
    check_quick_name(AT_ONCE, false, false);
}

/* Lookups that nobody waits for any more. */
static void leave_behind(wsline_options *options, unsigned count) {
    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, 2));
    for (unsigned i = 0; i < count; i++) {
        wsline_conn *conn = NULL;
        char url[64];

        snprintf(url, sizeof url, "ws://hang-left-%u.test/", i);
        while (resolver_calls() == i)
            CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_connect(url, options, &conn));
    }
}

static void abandoned_lookups_do_not_block_others(void) {
    wsline_options *options = peer_options();
    char url[PEER_URL_MAX];
    wsline_conn *conn = NULL;

    resolver_hang();
    leave_behind(options, AT_ONCE);
    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, WAIT_MS));
    url_of(url, "echo.test");
    if (CHECK_OK(wsline_connect(url, options, &conn))) peer_hang_up(conn);
    wsline_options_free(options);
    resolver_release();
}

static void too_many_abandoned_lookups_are_an_error(void) {
    enum { MOST = 1024 };
    wsline_options *options = peer_options();
    char url[PEER_URL_MAX];
    wsline_conn *conn = NULL;
    wsline_error_info info;
    wsline_status status;
    struct stopwatch start;

    if (check_slow()) {
        puts("skipped: valgrind knows 500 threads");
        wsline_options_free(options);
        return;
    }
    resolver_hang();
    leave_behind(options, MOST);
    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, WSLINE_FOREVER));
    url_of(url, "echo.test");
    CHECK_STATUS(WSLINE_ERR_RESOLVE, wsline_connect(url, options, &conn));
    CHECK_TEXT("look up echo.test: 1024 lookups are still in progress",
               wsline_last_error_message());
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_PHASE_RESOLVE, info.phase);
    resolver_release();
    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, WAIT_MS));
    /* The resolver has returned from all of them; their threads may need a moment. */
    start = stopwatch_start();
    do status = wsline_connect(url, options, &conn);
    while (status == WSLINE_ERR_RESOLVE && stopwatch_ms(start) < WAIT_MS);
    if (CHECK_OK(status)) peer_hang_up(conn);
    wsline_options_free(options);
}

/* In the child nothing hangs, and the lookup threads of its parent do not exist. */
static void look_up_in_child(void *host) {
    wsline_options *options = peer_options();
    char url[PEER_URL_MAX];
    wsline_conn *conn = NULL;

    resolver.released = true;
    CHECK_OK(wsline_options_set_connect_timeout_ms(options, WAIT_MS));
    url_of(url, host);
    CHECK_STATUS(WSLINE_ERR_RESOLVE, wsline_connect(url, options, &conn));
    CHECK_HAS("temporary failure", wsline_last_error_message());
    url_of(url, "echo.test");
    if (CHECK_OK(wsline_connect(url, options, &conn))) peer_hang_up(conn);
    wsline_options_free(options);
}

static void a_forked_child_resolves_names_itself(void) {
    static char host[] = "hang-1.test";
    static struct record records[APPS];
    wsline_app *apps[APPS];
    wsline_loop *loop = hanging_apps(apps, records, false);

    expect_calls(AT_ONCE);
    in_child_of_threads(look_up_in_child, host);
    resolver_release();
    for (unsigned i = 0; i < APPS; i++) wsline_app_free(apps[i]);
    wsline_loop_free(loop);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(an_address_is_not_looked_up),
        TEST(localhost_is_not_looked_up),
        TEST(a_name_is_looked_up),
        TEST(the_next_address_is_tried_when_one_refuses),
        TEST(the_message_contains_the_resolvers_reason),
        TEST(a_hanging_lookup_ends_at_the_deadline),
        TEST(abort_ends_a_hanging_lookup),
        TEST(other_names_are_looked_up_while_one_hangs),
        TEST(a_loop_does_not_wait_for_a_name),
        TEST(lookups_of_the_same_name_are_shared),
        TEST(lookups_beyond_the_limit_are_queued),
        TEST(hanging_lookups_do_not_block_others),
        TEST(abandoned_lookups_do_not_block_others),
        TEST(too_many_abandoned_lookups_are_an_error),
        TEST(a_queued_lookup_starts_when_another_is_abandoned),
        TEST(any_number_of_hanging_lookups_does_not_block_others),
        TEST(a_forked_child_resolves_names_itself),
    };
    int result = check_main(argc, argv, tests, COUNT_OF(tests));

    /* Threads whose lookups are over end by themselves; those that hang may not. To valgrind, the
     * memory of a thread that has not ended yet is a leak. */
    for (int i = 0; i < 100 && running_threads() > 1; i++) clock_sleep_ms(10);
    return result;
}
