/* SPDX-License-Identifier: Apache-2.0 */
/* What a program decides about an app's attempts: tokens, other servers, another URL, when. */
#include "app.h"
#include "drivers.h"

#include <time.h>

/* What on_connecting does, and what it was told. */
struct plan {
    const char *token; /* set from the attempt with this number on */
    uint64_t token_from;
    int32_t decision;
    bool thread_proceeds; /* a thread calls wsline_app_proceed() */
    bool never_proceeds;
    const char *url; /* set in the call */
    void (*act)(wsline_app *app);
    unsigned calls;
    uint64_t numbers[8];
    wsline_status errors[8];
    int32_t http_statuses[8];
    char urls[8][PEER_URL_MAX];
    unsigned freed;
    pthread_t thread;
    bool has_thread;
};

static void *proceed(void *app) {
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    CHECK_OK(wsline_app_proceed(app));
    return NULL;
}

static int32_t connecting(wsline_app *app, const wsline_attempt *attempt, wsline_options *options,
                          void *userdata) {
    struct plan *plan = userdata;
    unsigned call = plan->calls++;

    if (call < COUNT_OF(plan->numbers)) {
        plan->numbers[call] = attempt->number;
        plan->errors[call] = attempt->error == NULL ? WSLINE_OK : attempt->error->status;
        plan->http_statuses[call] = attempt->error == NULL ? 0 : attempt->error->http_status;
        snprintf(plan->urls[call], sizeof plan->urls[call], "%s", attempt->url);
    }
    if (plan->act != NULL) plan->act(app);
    if (plan->decision == WSLINE_CONNECT_LATER && call == 0) {
        if (plan->never_proceeds) return WSLINE_CONNECT_LATER;
        if (plan->thread_proceeds) {
            plan->has_thread = true;
            REQUIRE(pthread_create(&plan->thread, NULL, proceed, app) == 0);
        } else {
            CHECK_OK(wsline_app_proceed(app)); /* before the call has returned */
        }
        return WSLINE_CONNECT_LATER;
    }
    if (plan->token != NULL && attempt->number >= plan->token_from)
        CHECK_OK(wsline_options_set_bearer_token(options, plan->token));
    if (plan->url != NULL) CHECK_OK(wsline_app_set_url(app, plan->url));
    return plan->decision == WSLINE_CONNECT_LATER ? WSLINE_CONNECT_NOW : plan->decision;
}

static void plan_free(void *userdata) {
    struct plan *plan = userdata;

    plan->freed++;
}

static void close_when_open(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'o' || letter == 'r') CHECK_OK(wsline_app_close(app, 1000, NULL));
}

static wsline_app *planned(const char *peer, const char *path, const wsline_options *options,
                           struct record *record, struct plan *plan) {
    wsline_app *app = app_make(peer, path, options, record);

    record->then = close_when_open;
    CHECK_OK(wsline_app_on_connecting(app, connecting, plan, plan_free));
    return app;
}

static void an_expired_token_is_replaced_for_the_next_attempt(void) {
    static const char *const servers[] = {"FAULTS", "FAULTS_TLS"};

    for (size_t i = 0; i < COUNT_OF(drivers) * COUNT_OF(servers); i++) {
        struct record record;
        struct plan plan = {.token = "good", .token_from = 3, .decision = WSLINE_CONNECT_NOW};
        wsline_options *options = app_reconnecting();
        wsline_app *app;

        check_row(drivers[i / COUNT_OF(servers)].name);
        app = planned(servers[i % COUNT_OF(servers)], "/echo?bearer=good", options, &record, &plan);
        drivers[i / COUNT_OF(servers)].drive(app);
        CHECK_INT(3, plan.calls);
        CHECK_INT(1, plan.numbers[0]);
        CHECK_INT(3, plan.numbers[2]);
        CHECK_INT(WSLINE_OK, plan.errors[0]);
        CHECK_INT(WSLINE_ERR_HTTP_STATUS, plan.errors[1]);
        CHECK_INT(401, plan.http_statuses[2]);
        CHECK_TEXT("eeoc", record.order);
        wsline_app_free(app);
        CHECK_INT(1, plan.freed);
        wsline_options_free(options);
    }
}

static void without_the_function_401_still_ends_the_app(void) {
    struct record record;
    wsline_options *options = app_reconnecting();
    wsline_app *app = app_make("FAULTS", "/echo?bearer=good", options, &record);

    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, wsline_app_run(app));
    CHECK_TEXT("e", record.order);
    wsline_app_free(app);
    wsline_options_free(options);
}

static void the_options_of_one_attempt_are_not_those_of_the_next(void) {
    struct record record;
    /* The token is set for the first attempt only, and refused there. */
    struct plan plan = {.token = "bad", .token_from = 1, .decision = WSLINE_CONNECT_NOW};
    wsline_options *options = app_reconnecting();
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_reconnect_max_attempts(options, 1));
    app = planned("FAULTS", "/echo?bearer=good", options, &record, &plan);
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, wsline_app_run(app));
    CHECK_INT(2, plan.calls);
    plan.token = NULL;
    REQUIRE_OK(wsline_options_set_bearer_token(options, "good"));
    CHECK_OK(wsline_app_set_options(app, options));
    CHECK_OK(wsline_app_run(app));
    wsline_app_free(app);
    wsline_options_free(options);
}

static void an_attempt_is_put_off_until_the_program_proceeds(void) {
    static const bool by_thread[] = {false, true};

    for (size_t i = 0; i < COUNT_OF(drivers) * COUNT_OF(by_thread); i++) {
        struct record record;
        struct plan plan = {.decision = WSLINE_CONNECT_LATER,
                            .thread_proceeds = by_thread[i % COUNT_OF(by_thread)]};
        wsline_app *app = planned("WEBSOCKETS", "/", NULL, &record, &plan);

        check_row(drivers[i / COUNT_OF(by_thread)].name);
        drivers[i / COUNT_OF(by_thread)].drive(app);
        CHECK_INT(2, plan.calls);
        CHECK_INT(1, plan.numbers[1]); /* no attempt was made in between */
        CHECK_TEXT("oc", record.order);
        if (plan.has_thread) REQUIRE(pthread_join(plan.thread, NULL) == 0);
        wsline_app_free(app);
    }
}

static void an_attempt_that_was_put_off_can_be_ended(void) {
    static const struct {
        const char *name;
        wsline_status (*end)(wsline_app *app);
        wsline_status status;
    } rows[] = {
        {"abort", wsline_app_abort, WSLINE_ERR_ABORTED},
        {"abort from signal", wsline_app_abort_from_signal, WSLINE_ERR_ABORTED},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct record record;
        /* Nobody proceeds after the first call. */
        struct plan plan = {.decision = WSLINE_CONNECT_LATER, .thread_proceeds = true};
        wsline_app *app = planned("WEBSOCKETS", "/", NULL, &record, &plan);

        check_row(rows[i].name);
        plan.never_proceeds = true;
        CHECK_OK(wsline_app_start(app));
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_join(app, 50));
        CHECK(wsline_app_is_running(app));
        CHECK_OK(rows[i].end(app));
        CHECK_STATUS(rows[i].status, wsline_app_join(app, WAIT_MS));
        CHECK_INT(1, plan.calls);
        CHECK_TEXT("", record.order);
        wsline_app_free(app);
    }
}

static void giving_up_ends_the_app_with_the_failure_before(void) {
    struct record record;
    struct plan plan = {.decision = WSLINE_CONNECT_GIVE_UP};
    wsline_app *app = planned("WEBSOCKETS", "/", NULL, &record, &plan);

    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_run(app));
    CHECK_TEXT("", record.order);
    wsline_app_free(app);
}

static void free_app(wsline_app *app) { wsline_app_free(app); }
static void close_app(wsline_app *app) { CHECK_OK(wsline_app_close(app, 1000, NULL)); }
static void abort_app(wsline_app *app) { CHECK_OK(wsline_app_abort(app)); }

static void the_app_may_be_freed_closed_or_aborted_inside(void) {
    static const struct {
        const char *name;
        void (*act)(wsline_app *app);
        bool is_freed;
        wsline_status status;
    } rows[] = {
        {"free", free_app, true, WSLINE_ERR_ABORTED},
        {"close", close_app, false, WSLINE_OK},
        {"abort", abort_app, false, WSLINE_ERR_ABORTED},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct record record;
        struct plan plan = {.act = rows[i].act, .decision = WSLINE_CONNECT_NOW};
        wsline_app *app = planned("WEBSOCKETS", "/", NULL, &record, &plan);

        check_row(rows[i].name);
        CHECK_STATUS(rows[i].status, wsline_app_run(app));
        CHECK_INT(1, plan.calls);
        CHECK_INT(0, record_count(&record, 'o') + record_count(&record, 'e') +
                         record_count(&record, 'c'));
        if (!rows[i].is_freed) wsline_app_free(app);
        CHECK_INT(1, plan.freed);
    }
}

static void the_url_may_be_changed_inside(void) {
    struct record record;
    struct plan plan = {.decision = WSLINE_CONNECT_NOW};
    char url[PEER_URL_MAX];
    wsline_app *app = planned("FAULTS", "/status?code=500", NULL, &record, &plan);

    peer_url(url, "WEBSOCKETS", "/");
    plan.url = url;
    CHECK_OK(wsline_app_run(app));
    CHECK_TEXT("oc", record.order);
    CHECK_HAS("/status", plan.urls[0]);
    wsline_app_free(app);
}

/* Servers ------------------------------------------------------------------------------------- */

static void add_server(wsline_options *options, const char *peer, const char *path) {
    char url[PEER_URL_MAX];

    peer_url(url, peer, path);
    REQUIRE_OK(wsline_options_add_fallback_url(options, url));
}

static void servers_are_tried_in_turn_without_delay(void) {
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;
    char address[64];

    snprintf(address, sizeof address, "%s", strstr(peer_variable("WEBSOCKETS", "_URL"), "//") + 2);
    /* 403 is final, but not while there is another server. */
    add_server(options, "FAULTS", "/status?code=503");
    add_server(options, "WEBSOCKETS", "/");
    for (size_t i = 0; i < COUNT_OF(drivers); i++) {
        check_row(drivers[i].name);
        app = app_make("FAULTS", "/status?code=403", options, &record);
        record.then = close_when_open;
        drivers[i].drive(app);
        CHECK_TEXT("eeoc", record.order);
        CHECK_INT(0, record.error.retry_in_ms);
        CHECK_TEXT(address, wsline_app_peer_address(app));
        wsline_app_free(app);
    }

    REQUIRE_OK(wsline_options_clear_fallback_urls(options));
    app = app_make("FAULTS", "/status?code=403", options, &record);
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, wsline_app_run(app));
    CHECK_TEXT("e", record.order);
    wsline_app_free(app);
    wsline_options_free(options);
}

static void backoff_counts_rounds(void) {
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;

    app_reconnect(options, 1, 1, 1, 0, 2);
    add_server(options, "FAULTS", "/status?code=502");
    app = app_make("FAULTS", "/status?code=503", options, &record);
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, wsline_app_run(app));
    /* The first round and two more, of two servers each. */
    CHECK_TEXT("eeeeee", record.order);
    CHECK_INT(-1, record.error.retry_in_ms);
    wsline_app_free(app);
    wsline_options_free(options);
}

static void close_the_second_time(struct record *record, wsline_app *app, char letter) {
    if (letter == 'o') CHECK_OK(wsline_app_reconnect(app, 1000, NULL));
    if (letter == 'r') CHECK_OK(wsline_app_close(app, 1000, NULL));
    (void)record;
}

static void the_server_of_the_last_connection_comes_first(void) {
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;

    add_server(options, "WEBSOCKETS", "/");
    REQUIRE_OK(wsline_options_set_reconnect_delay_ms(options, 1, 1));
    app = app_make("FAULTS", "/status?code=503", options, &record);
    record.then = close_the_second_time;
    CHECK_OK(wsline_app_run(app));
    CHECK_TEXT("eocrc", record.order);
    wsline_app_free(app);
    wsline_options_free(options);
}

/* Reconnecting on demand ----------------------------------------------------------------------- */

static void reconnecting_on_demand_closes_properly_and_comes_back(void) {
    static const char *const servers[] = {"WEBSOCKETS", "WEBSOCKETS_TLS", "WS"};

    for (size_t i = 0; i < COUNT_OF(drivers) * COUNT_OF(servers); i++) {
        struct record record;
        wsline_options *options = peer_options();
        wsline_app *app;

        check_row(drivers[i / COUNT_OF(servers)].name);
        /* Reconnecting is not enabled otherwise. */
        REQUIRE_OK(wsline_options_set_reconnect_delay_ms(options, 1, 1));
        app = app_make(servers[i % COUNT_OF(servers)], "/", options, &record);
        record.then = close_the_second_time;
        drivers[i / COUNT_OF(servers)].drive(app);
        CHECK_TEXT("ocrc", record.order);
        CHECK(record.close.clean);
        wsline_app_free(app);
        wsline_options_free(options);
    }
}

static void reconnect_at_once(struct record *record, wsline_app *app, char letter) {
    if (letter == 'e' && record_count(record, 'e') == 1) {
        char url[PEER_URL_MAX];

        peer_url(url, "WEBSOCKETS", "/");
        CHECK(record->error.retry_in_ms > 1000000);
        CHECK_OK(wsline_app_set_url(app, url));
        CHECK_OK(wsline_app_reconnect(app, 1000, NULL));
    }
    if (letter == 'o') CHECK_OK(wsline_app_close(app, 1000, NULL));
}

static void an_app_that_waits_reconnects_at_once_and_elsewhere(void) {
    wsline_options *options = peer_options();

    app_reconnect(options, 3600000, 3600000, 1, 0, 0);
    for (size_t i = 0; i < COUNT_OF(drivers); i++) {
        struct record record;
        wsline_app *app = app_make("FAULTS", "/status?code=503", options, &record);

        check_row(drivers[i].name);
        record.then = reconnect_at_once;
        drivers[i].drive(app);
        CHECK_TEXT("eoc", record.order);
        wsline_app_free(app);
    }
    wsline_options_free(options);
}

static void bad_arguments_are_named(void) {
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app = app_make("WEBSOCKETS", "/", NULL, &record);

    CHECK_STATUS(WSLINE_ERR_INVALID_URL, wsline_app_set_url(app, "ftp://h/"));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_set_url(app, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, wsline_options_add_fallback_url(options, "h"));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_reconnect(app, 1000, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_reconnect(app, 1005, NULL));
    CHECK_HAS("`code`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_proceed(NULL));
    CHECK_OK(wsline_app_proceed(app));
    CHECK_OK(wsline_app_set_options(app, NULL));
    wsline_app_free(app);
    wsline_options_free(options);
}

static const struct test tests[] = {
    TEST(an_expired_token_is_replaced_for_the_next_attempt),
    TEST(without_the_function_401_still_ends_the_app),
    TEST(the_options_of_one_attempt_are_not_those_of_the_next),
    TEST(an_attempt_is_put_off_until_the_program_proceeds),
    TEST(an_attempt_that_was_put_off_can_be_ended),
    TEST(giving_up_ends_the_app_with_the_failure_before),
    TEST(the_app_may_be_freed_closed_or_aborted_inside),
    TEST(the_url_may_be_changed_inside),
    TEST(servers_are_tried_in_turn_without_delay),
    TEST(backoff_counts_rounds),
    TEST(the_server_of_the_last_connection_comes_first),
    TEST(reconnecting_on_demand_closes_properly_and_comes_back),
    TEST(an_app_that_waits_reconnects_at_once_and_elsewhere),
    TEST(bad_arguments_are_named),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
