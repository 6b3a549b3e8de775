/* SPDX-License-Identifier: Apache-2.0 */
/* Apps and a server that restarts: all reconnect, nothing leaks, and waits end. */
/* mallinfo2() */
#define _DEFAULT_SOURCE
#include "app.h"
#include "descriptors.h"
#include "listen.h"

#include <malloc.h>

/* The server ---------------------------------------------------------------------------------- */

/* Returns when the command has been executed. */
static void server_do(const char *command) {
    const char *control = peer_variable("UNSTEADY", "_CONTROL");
    int fd = listen_connect((uint16_t)strtoul(strchr(control, ':') + 1, NULL, 10));
    char line[16], answer[3];
    int len = snprintf(line, sizeof line, "%s\n", command);

    REQUIRE(write(fd, line, (size_t)len) == len);
    REQUIRE(recv(fd, answer, sizeof answer, MSG_WAITALL) == sizeof answer);
    CHECK_BYTES("ok\n", 3, answer, sizeof answer);
    close(fd);
}

/* Resets the state that a failed test may have left. */
static void server_renew(void) {
    server_do("stop");
    server_do("start");
}

static void greet(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'o' || letter == 'r')
        CHECK_OK(wsline_app_send_text(app, "hello", WSLINE_NUL_TERMINATED));
}

/* Restarts ------------------------------------------------------------------------------------ */

enum { CROWD = 100, RESTARTS = 3 };

struct crowd {
    wsline_loop *loop;
    size_t count;
    wsline_app *apps[CROWD];
    struct record records[CROWD];
    pthread_t thread;
};

static void *run_loop(void *loop) {
    CHECK_OK(wsline_loop_run(loop));
    return NULL;
}

static void crowd_start(struct crowd *crowd) {
    wsline_options *options = peer_options();

    app_reconnect(options, 10, 100, 2, 0.5, 0);
    crowd->count = check_scaled(CROWD, 20);
    REQUIRE_OK(wsline_loop_new(&crowd->loop));
    for (size_t i = 0; i < crowd->count; i++) {
        crowd->apps[i] = app_make("UNSTEADY", "", options, &crowd->records[i]);
        crowd->records[i].then = greet;
        CHECK_OK(wsline_loop_add(crowd->loop, crowd->apps[i]));
    }
    wsline_options_free(options);
    crowd->thread = thread_start(run_loop, crowd->loop);
}

static void crowd_wait(struct crowd *crowd, char letter, unsigned count) {
    for (size_t i = 0; i < crowd->count; i++)
        REQUIRE(record_wait(&crowd->records[i], letter, count));
}

/* Each app makes one attempt while the server is down. */
static void crowd_try(struct crowd *crowd) {
    for (size_t i = 0; i < crowd->count; i++) {
        struct record *record = &crowd->records[i];

        REQUIRE(record_wait(record, 'e', record_count(record, 'e') + 1));
    }
}

static void crowd_end(struct crowd *crowd) {
    for (size_t i = 0; i < crowd->count; i++)
        CHECK_OK(wsline_app_close(crowd->apps[i], WSLINE_CLOSE_NORMAL, NULL));
    thread_join(crowd->thread);
}

static void check_comeback(wsline_app *app, struct record *record) {
    CHECK_OK(wsline_app_join(app, 0));
    CHECK_INT('o', record->order[0]);
    CHECK_INT(1, record_count(record, 'o'));
    CHECK_INT(RESTARTS, record_count(record, 'r'));
    CHECK_INT(RESTARTS + 1, record_count(record, 'm'));
    CHECK_INT(RESTARTS + 1, record_count(record, 'c'));
    CHECK(record->close.clean);
    /* The delay of the last attempt before the server was up again. */
    CHECK_STATUS(WSLINE_ERR_CONNECT, record->error.status);
    CHECK_INT(WSLINE_PHASE_CONNECT, record->error.phase);
}

static void many_apps_reconnect_after_each_restart(void) {
    static struct crowd crowd;
    int descriptors;

    server_renew();
    crowd_start(&crowd);
    crowd_wait(&crowd, 'm', 1);
    descriptors = open_descriptors();
    for (unsigned i = 1; i <= RESTARTS; i++) {
        server_do("stop");
        crowd_wait(&crowd, 'c', i);
        crowd_try(&crowd);
        server_do("start");
        crowd_wait(&crowd, 'm', i + 1);
        CHECK_INT(descriptors, open_descriptors());
    }
    crowd_end(&crowd);
    for (size_t i = 0; i < crowd.count; i++) {
        check_comeback(crowd.apps[i], &crowd.records[i]);
        wsline_app_free(crowd.apps[i]);
    }
    wsline_loop_free(crowd.loop);
}

/* Individual errors ---------------------------------------------------------------------------- */

enum { ERRORS_MAX = 16 };

struct errors {
    wsline_error_info infos[ERRORS_MAX];
    int64_t at_ms[ERRORS_MAX];
};

static void greet_and_keep_errors(struct record *record, wsline_app *app, char letter) {
    struct errors *errors = record->more;
    unsigned number = record_count(record, 'e');

    greet(record, app, letter);
    if (letter == 'e' && number <= ERRORS_MAX) {
        errors->infos[number - 1] = record->error;
        errors->at_ms[number - 1] = record->at_ms;
    }
}

static void a_frozen_server_is_detected_and_reconnected_when_it_thaws(void) {
    int64_t interval_ms = 50, timeout_ms = check_slow() ? 3000 : 300, frozen_ms;
    struct stopwatch frozen;
    struct record record;
    struct errors errors;
    unsigned messages;
    wsline_app *app;
    wsline_options *options = app_reconnecting();

    REQUIRE_OK(wsline_options_set_ping(options, interval_ms, timeout_ms));
    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, timeout_ms));
    memset(&errors, 0, sizeof errors);
    server_renew();
    app = app_make("UNSTEADY", "", options, &record);
    wsline_options_free(options);
    record.then = greet_and_keep_errors;
    record.more = &errors;
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'p', 3));
    server_do("freeze");
    frozen = stopwatch_start();
    frozen_ms = clock_ms();
    /* The second error is a futile attempt: the kernel accepts the connection, but the server sends
     * nothing. */
    REQUIRE(record_wait(&record, 'e', 2));
    messages = record_count(&record, 'm');
    server_do("thaw");
    REQUIRE(record_wait(&record, 'm', messages + 1));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));

    CHECK_STATUS(WSLINE_ERR_PONG_TIMEOUT, errors.infos[0].status);
    CHECK_INT(WSLINE_PHASE_OPEN, errors.infos[0].phase);
    /* The timeout starts with the first unanswered ping. */
    CHECK_RANGE(timeout_ms - stopwatch_slack_ms(frozen),
                interval_ms + timeout_ms + stopwatch_slack_ms(frozen), errors.at_ms[0] - frozen_ms);
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, errors.infos[1].status);
    CHECK_INT(WSLINE_PHASE_UPGRADE, errors.infos[1].phase);
    CHECK_INT(1, messages);
    CHECK_INT(1, record_count(&record, 'r'));
    CHECK_INT(2, record_count(&record, 'c'));
    CHECK(record.close.clean);
    wsline_app_free(app);
}

/* Leaks ---------------------------------------------------------------------------------------- */

/* An object leaked per connection takes at least 32 bytes, which is 25600 between two samples. The
 * read buffer of 16 KiB may exist in one sample and not in the other. */
enum { FIRST_LOOK = 200, LAST_LOOK = 1000, MAX_GROWTH_BYTES = 20480 };

struct held {
    size_t bytes;
    int descriptors;
};

struct churn {
    char letter; /* sampled before each round */
    unsigned first, last;
    struct held before, after;
};

static struct held held_now(void) {
    struct mallinfo2 info = mallinfo2();

    return (struct held){info.uordblks + info.hblkhd, open_descriptors()};
}

/* Always at the same point of a connection's life cycle. */
static void look(struct record *record, wsline_app *app, char letter) {
    struct churn *churn = record->more;
    unsigned count = record_count(record, letter);

    if (letter == churn->letter && count == churn->first) churn->before = held_now();
    if (letter == churn->letter && count == churn->last) {
        churn->after = held_now();
        CHECK_OK(wsline_app_abort(app));
    }
    /* The server may have closed already. */
    if (letter == 'o' || letter == 'r')
        (void)wsline_app_send_text(app, "hello", WSLINE_NUL_TERMINATED);
}

static void check_churn(const char *peer, const char *path, char letter) {
    struct record record;
    struct churn churn = {.letter = letter};
    wsline_options *options = peer_options();
    wsline_app *app;

    churn.first = (unsigned)check_scaled(FIRST_LOOK, 10);
    churn.last = (unsigned)check_scaled(LAST_LOOK, 60);
    app_reconnect(options, 0, 0, 1, 0, 0);
    app = app_make(peer, path, options, &record);
    wsline_options_free(options);
    record.then = look;
    record.more = &churn;
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_run(app));
    CHECK_INT(churn.last, record_count(&record, letter));
    CHECK_INT(churn.before.descriptors, churn.after.descriptors);
    if (!check_slow()) CHECK_RANGE(0, churn.before.bytes + MAX_GROWTH_BYTES, churn.after.bytes);
    wsline_app_free(app);
}

static void a_thousand_connections_leak_nothing(void) {
    static const char *const rows[][2] = {
        {"CHAOS", "/?reset-after=7"},
        {"WEBSOCKETS", "/close?code=1001&reason=bye"},
        {"WEBSOCKETS_TLS", "/close?code=1001"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(rows[i][0]);
        check_churn(rows[i][0], rows[i][1], 'r');
    }
}

static void a_thousand_failed_attempts_leak_nothing(void) {
    static const char *const rows[][2] = {
        {"CHAOS", "/?drop=1000000"},
        {"WEBSOCKETS", "/status?code=503&body=busy"},
        {"WEBSOCKETS_TLS", "/status?code=503&body=busy"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(rows[i][0]);
        check_churn(rows[i][0], rows[i][1], 'e');
    }
}

/* Waiting ------------------------------------------------------------------------------------- */

static wsline_app *app_in_vain(const wsline_options *options, struct record *record) {
    char url[PEER_URL_MAX];
    wsline_app *app = NULL;

    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)listen_nowhere());
    record_init(record);
    REQUIRE_OK(wsline_app_new(url, options, &app));
    app_listen(app, "ormec", record);
    return app;
}

static wsline_status close_normally(wsline_app *app) {
    return wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL);
}

/* The program ends it on a different thread from the one that waits. */
static void a_wait_between_attempts_ends_at_once(void) {
    static const struct {
        const char *name;
        wsline_status (*end)(wsline_app *app);
        wsline_status status;
    } rows[] = {
        {"close", close_normally, WSLINE_OK},
        {"abort", wsline_app_abort, WSLINE_ERR_ABORTED},
        {"free", NULL, WSLINE_OK},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct record record;
        wsline_options *options = peer_options();
        wsline_app *app;
        struct stopwatch start;

        check_row(rows[i].name);
        app_reconnect(options, 60000, 60000, 1, 0, 0);
        app = app_in_vain(options, &record);
        wsline_options_free(options);
        CHECK_OK(wsline_app_start(app));
        REQUIRE(record_wait(&record, 'e', 1));
        start = stopwatch_start();
        if (rows[i].end != NULL) {
            CHECK_OK(rows[i].end(app));
            CHECK_STATUS(rows[i].status, wsline_app_join(app, WAIT_MS));
            CHECK_TOOK(0, start);
        }
        wsline_app_free(app);
        CHECK_TOOK(0, start);
        CHECK_INT(60000, record.error.retry_in_ms);
        CHECK_TEXT("exxxxx", record.order);
    }
}

static void delays_grow_to_the_maximum_and_the_last_attempt_ends_the_app(void) {
    static const int64_t delays[] = {20, 40, 80, 100, 100};
    static const double jitters[] = {0, 0.5};

    for (size_t i = 0; i < COUNT_OF(jitters); i++) {
        struct record record;
        struct errors errors;
        wsline_options *options = peer_options();
        int64_t start_ms, delays_ms = 0;
        struct stopwatch start;
        wsline_app *app;

        check_row(jitters[i] > 0 ? "with jitter" : "without jitter");
        memset(&errors, 0, sizeof errors);
        app_reconnect(options, 20, 100, 2, jitters[i], COUNT_OF(delays));
        app = app_in_vain(options, &record);
        wsline_options_free(options);
        record.then = greet_and_keep_errors;
        record.more = &errors;
        start = stopwatch_start();
        start_ms = clock_ms();
        CHECK_STATUS(WSLINE_ERR_CONNECT, wsline_app_run(app));
        CHECK_TEXT("eeeeee", record.order);
        for (size_t k = 0; k < COUNT_OF(delays); k++) {
            int64_t delay_ms = errors.infos[k].retry_in_ms;

            delays_ms += delay_ms;
            CHECK_RANGE((double)delays[k] * (1 - jitters[i]), delays[k], delay_ms);
            /* Measured from the start, because a callback may be slightly late. */
            CHECK(errors.at_ms[k + 1] - start_ms >= delays_ms);
            CHECK(errors.at_ms[k + 1] - errors.at_ms[k] <= delay_ms + stopwatch_slack_ms(start));
        }
        CHECK_INT(-1, errors.infos[COUNT_OF(delays)].retry_in_ms);
        wsline_app_free(app);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(many_apps_reconnect_after_each_restart),
        TEST(a_frozen_server_is_detected_and_reconnected_when_it_thaws),
        TEST(a_thousand_connections_leak_nothing),
        TEST(a_thousand_failed_attempts_leak_nothing),
        TEST(a_wait_between_attempts_ends_at_once),
        TEST(delays_grow_to_the_maximum_and_the_last_attempt_ends_the_app),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
