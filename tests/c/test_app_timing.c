/* SPDX-License-Identifier: Apache-2.0 */
/* Callbacks that take long, threads that meet at the wrong moment, and servers that read or answer late. */
#include "app.h"

enum { MIB = 1024 * 1024 };

static void sleep_ms(long ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&span, NULL);
}

/* A callback that takes as long as the deadlines which begin in it. */
static void take_long_then_close(struct record *record, wsline_app *app, char letter)
{
    (void)record;
    if (letter == 'o') {
        sleep_ms(400);
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    }
}

static void a_deadline_begins_when_it_is_set(void)
{
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, 300));
    app = app_make("WEBSOCKETS", "", options, &record);
    wsline_options_free(options);
    record.then = take_long_then_close;
    CHECK_OK(wsline_app_run(app));
    CHECK_TEXT("oc", record.order);
    wsline_app_free(app);
}

static void take_long(struct record *record, wsline_app *app, char letter)
{
    (void)record;
    if (app != NULL && (letter == 'o' || letter == 'p'))
        sleep_ms(300);
}

static void a_driver_that_is_late_kills_nobody(void)
{
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;

    /* Each callback takes longer than a pong may. */
    REQUIRE_OK(wsline_options_set_ping(options, 50, 200, NULL, 0));
    app = app_make("WEBSOCKETS", "", options, &record);
    wsline_options_free(options);
    record.then = take_long;
    CHECK_OK(wsline_app_start(app));
    CHECK(record_wait(&record, 'p', 5));
    CHECK_INT(0, record_count(&record, 'e'));
    CHECK_OK(wsline_app_abort(app));
    wsline_app_free(app);
}

/* More connections than one wait tells about, and a host that was busy for longer than a pong may take. */
static void many_unread_pongs_kill_nobody(void)
{
    enum { APPS = 600 };
    static struct record records[APPS];
    wsline_app **apps = calloc(APPS, sizeof *apps);
    wsline_loop *loop = NULL;
    wsline_options *options = peer_options();
    size_t count = check_scaled(APPS, 20), opened = 0, failed = 0;

    REQUIRE(apps != NULL);
    REQUIRE_OK(wsline_loop_new(&loop));
    REQUIRE_OK(wsline_options_set_ping(options, 500, 500, NULL, 0));
    for (size_t i = 0; i < count; i++) {
        apps[i] = app_make("WS", "", options, &records[i]);
        CHECK_OK(wsline_loop_add(loop, apps[i]));
    }
    wsline_options_free(options);
    while (opened < count) {
        CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
        opened = 0;
        for (size_t i = 0; i < count; i++)
            opened += record_count(&records[i], 'o');
    }
    for (int round = 0; round < 3; round++) {
        int64_t start = clock_ms();

        sleep_ms(1200);
        while (clock_ms() - start < 1300)
            CHECK_OK(wsline_loop_run_once(loop, 1));
    }
    for (size_t i = 0; i < count; i++) {
        failed += record_count(&records[i], 'e');
        wsline_app_free(apps[i]);
    }
    CHECK_INT(0, failed);
    wsline_loop_free(loop);
    free(apps);
}

/* Threads that send into a queue which the server empties all the time: it must never lie still. */
struct pump {
    wsline_app *app;
    volatile bool stop;
};

static void *pump(void *argument)
{
    struct pump *pump = argument;
    static char data[20000];

    while (!pump->stop)
        if (wsline_app_send_binary(pump->app, data, sizeof data) == WSLINE_ERR_WOULD_BLOCK)
            clock_pause();
    return NULL;
}

static void a_queue_never_lies_still(void)
{
    struct record record;
    wsline_options *options = peer_options();
    struct pump state = {0};
    pthread_t threads[3];
    int64_t end;

    REQUIRE_OK(wsline_options_set_send_queue_limit_bytes(options, MIB));
    state.app = app_make("FAULTS", "/swallow", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(state.app));
    REQUIRE(record_wait(&record, 'o', 1));
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        threads[i] = thread_start(pump, &state);
    sleep_ms((long)check_scaled(5000, 500));
    state.stop = true;
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        thread_join(threads[i]);
    end = clock_ms() + WAIT_MS;
    while (wsline_app_buffered_bytes(state.app) > 0 && clock_ms() < end)
        clock_pause();
    CHECK_INT(0, wsline_app_buffered_bytes(state.app));
    wsline_app_free(state.app);
}

/* A server that pings gets its pong, however full the queue is kept. */
static void keep_it_full(struct record *record, wsline_app *app, char letter)
{
    static char data[MIB / 4];

    (void)record;
    if (letter == 'o' || letter == 'w')
        while (wsline_app_send_binary(app, data, sizeof data) == WSLINE_OK)
            continue;
}

static void a_full_queue_does_not_keep_pongs_back(void)
{
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_send_queue_limit_bytes(options, 2 * MIB));
    /* It sends a ping, reads on, and says "pong" when the answer has come. */
    app = app_make("FAULTS", "/ping-and-swallow", options, &record);
    wsline_options_free(options);
    record.then = keep_it_full;
    CHECK_OK(wsline_app_start(app));
    CHECK(record_wait(&record, 'm', 3));
    wsline_app_free(app);
}

/* The answer to a close frame goes out behind what is queued, over TLS too. */
static void fill_the_queue(struct record *record, wsline_app *app, char letter)
{
    static char data[8 * MIB];

    (void)record;
    if (letter == 'o')
        CHECK_OK(wsline_app_send_binary(app, data, sizeof data));
}

static void a_close_is_answered_behind_a_queue(void)
{
    static const char *const servers[] = {"FAULTS", "FAULTS_TLS"};

    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        struct record record;
        char path[128], journal[512], id[32];
        wsline_app *app;

        check_row(servers[i]);
        snprintf(id, sizeof id, "behind-%zu-%d", i, (int)getpid());
        snprintf(path, sizeof path, "/close-when-read?id=%s", id);
        app = app_make(servers[i], path, NULL, &record);
        record.then = fill_the_queue;
        CHECK_OK(wsline_app_run(app));
        CHECK_TEXT("oc", record.order);
        CHECK(record.close.clean);
        wsline_app_free(app);
        peer_journal(id, journal, sizeof journal);
        CHECK_HAS("\"close\": 1000", journal);
    }
}

/* Something else than a flush empties the queue: a pong on its way. */
static void room_is_told_however_it_came(void)
{
    struct record record;
    wsline_options *options = peer_options();
    char *data = calloc(1, MIB);
    wsline_app *app;

    REQUIRE(data != NULL);
    REQUIRE_OK(wsline_options_set_send_queue_limit_bytes(options, MIB));
    app = app_make("FAULTS", "/ping-and-swallow", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    for (unsigned round = 1; round <= 20; round++) {
        while (wsline_app_send_binary(app, data, MIB / 3) == WSLINE_OK)
            continue;
        REQUIRE(record_wait(&record, 'w', round));
    }
    wsline_app_free(app);
    free(data);
}

/* A peer that reads no more, but does not end the stream: nothing can be sent, and nothing comes. */
static void a_close_that_cannot_be_sent_ends_all_the_same(void)
{
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;
    int64_t start;

    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, 300));
    app = app_make("FAULTS", "/stall", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    /* Far more than the system takes: the close frame lies behind it. */
    fill_the_queue(&record, app, 'o');
    start = clock_ms();
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_join(app, WAIT_MS));
    CHECK_TOOK(300, start);
    CHECK_INT(1, record.close.unsent_messages);
    wsline_app_free(app);
}

/* Its close frame has come, but it reads nothing: ours, behind the queue, never leaves. */
static void a_close_that_the_server_does_not_read_is_not_clean(void)
{
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;
    int64_t start;

    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, 500));
    /* It sends its close frame after 800 ms, and reads after 800 more. */
    app = app_make("FAULTS", "/close-without-reading?ms=800", options, &record);
    wsline_options_free(options);
    record.then = fill_the_queue;
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    start = clock_ms();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_join(app, WAIT_MS));
    CHECK_RANGE(1200, 1300 + clock_tolerance_ms(), clock_ms() - start);
    CHECK_TEXT("oiec", record.order);
    CHECK_INT(WSLINE_CLOSE_NORMAL, record.close.code);
    CHECK_INT(WSLINE_SIDE_SERVER, record.close.closed_by);
    CHECK(!record.close.clean);
    CHECK_INT(1, record.close.unsent_messages);
    wsline_app_free(app);
}

/* One ping in the queue is enough. */
static void pings_do_not_fill_the_queue(void)
{
    struct record record;
    wsline_options *options = peer_options();
    uint64_t before;
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_ping(options, 1, 0, NULL, 0));
    app = app_make("FAULTS", "/stall", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    fill_the_queue(&record, app, 'o');
    sleep_ms(100);
    before = wsline_app_buffered_bytes(app);
    sleep_ms(300);
    CHECK(before > 0);
    CHECK_RANGE(0, before + 20, wsline_app_buffered_bytes(app));
    wsline_app_free(app);
}

static int32_t no_key(uint8_t *key_out, void *userdata)
{
    (void)key_out;
    return *(bool *)userdata ? WSLINE_ERR_INTERNAL : WSLINE_OK;
}

static void a_key_that_cannot_be_had_is_told(void)
{
    struct record record;
    wsline_options *options = peer_options();
    bool fails = false;
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_mask_key_fn(options, no_key, &fails, NULL));
    app = app_make("WEBSOCKETS", "", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    fails = true;
    CHECK_STATUS(WSLINE_ERR_INTERNAL, wsline_app_send_text(app, "x", 1));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_STATUS(WSLINE_ERR_INTERNAL, wsline_app_join(app, WAIT_MS));
    CHECK_TEXT("oec", record.order);
    CHECK(!record.close.clean);
    wsline_app_free(app);
}

static void *abort_it(void *app)
{
    CHECK_OK(wsline_app_abort(app));
    return NULL;
}

/* An abort that comes as the app ends concerns this run alone. */
static void an_abort_does_not_silence_the_next_run(void)
{
    size_t rounds = check_scaled(300, 20);

    for (size_t i = 0; i < rounds; i++) {
        struct record record;
        wsline_app *app = app_make("WEBSOCKETS", "/close?code=1000&reason=", NULL, &record);
        pthread_t thread;
        unsigned before;

        CHECK_OK(wsline_app_start(app));
        if (i % 2 == 0)
            REQUIRE(record_wait(&record, 'c', 1));
        thread = thread_start(abort_it, app);
        wsline_app_join(app, WAIT_MS);
        thread_join(thread);
        wsline_app_join(app, WAIT_MS);
        before = record_count(&record, 'c');
        /* Whether the abort came too late is open; at the latest the run after the next hears all. */
        wsline_app_run(app);
        CHECK_OK(wsline_app_run(app));
        CHECK(record_count(&record, 'c') > before);
        wsline_app_free(app);
    }
}

static void join_here(struct record *record, wsline_app *app, char letter)
{
    (void)app;
    if (letter == 'o')
        CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_join(record->more, WSLINE_FOREVER));
}

static void join_posted(wsline_loop *loop, void *userdata)
{
    (void)loop;
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_join(userdata, WSLINE_FOREVER));
}

static void nobody_waits_for_itself(void)
{
    struct record first, second;
    wsline_loop *loop = NULL;
    wsline_app *apps[2];

    REQUIRE_OK(wsline_loop_new(&loop));
    apps[0] = app_make("WEBSOCKETS", "", NULL, &first);
    apps[1] = app_make("WEBSOCKETS", "", NULL, &second);
    first.then = join_here;
    first.more = apps[1];
    CHECK_OK(wsline_loop_add(loop, apps[0]));
    CHECK_OK(wsline_loop_add(loop, apps[1]));
    CHECK_OK(wsline_loop_post(loop, join_posted, apps[1], NULL));
    while (record_count(&first, 'o') == 0 || record_count(&second, 'o') == 0)
        CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
    wsline_loop_free(loop);
    wsline_app_free(apps[0]);
    wsline_app_free(apps[1]);
}

static void *stop_soon(void *loop)
{
    sleep_ms(50);
    CHECK_OK(wsline_loop_stop(loop));
    return NULL;
}

static void a_stop_ends_one_wait(void)
{
    wsline_loop *loop = NULL;
    pthread_t thread;
    int64_t start;

    REQUIRE_OK(wsline_loop_new(&loop));
    thread = thread_start(stop_soon, loop);
    CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
    thread_join(thread);
    start = clock_ms();
    CHECK_OK(wsline_loop_run_once(loop, 100));
    CHECK_TOOK(100, start);
    /* One that comes before ends the next. */
    CHECK_OK(wsline_loop_stop(loop));
    start = clock_ms();
    CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
    CHECK_TOOK(0, start);
    wsline_loop_free(loop);
}

/* Two posts and two apps; the first post frees the loop. */
static unsigned calls_after_free;

static void free_loop(wsline_loop *loop, void *userdata)
{
    (void)userdata;
    wsline_loop_free(loop);
}

static void count_call(wsline_loop *loop, void *userdata)
{
    (void)loop;
    (void)userdata;
    calls_after_free++;
}

static void nothing_is_called_by_a_loop_that_was_freed(void)
{
    struct record records[2], released;
    wsline_loop *loop = NULL;
    wsline_app *apps[2];

    calls_after_free = 0;
    record_init(&released);
    REQUIRE_OK(wsline_loop_new(&loop));
    for (size_t i = 0; i < COUNT_OF(apps); i++) {
        apps[i] = app_make("WEBSOCKETS", "/push?n=3&size=10", NULL, &records[i]);
        CHECK_OK(wsline_loop_add(loop, apps[i]));
    }
    while (record_count(&records[0], 'o') == 0 || record_count(&records[1], 'o') == 0)
        CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
    CHECK_OK(wsline_loop_post(loop, free_loop, &released, record_release));
    CHECK_OK(wsline_loop_post(loop, count_call, &released, record_release));
    /* Messages lie there as well. */
    sleep_ms(50);
    CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
    CHECK_INT(0, calls_after_free);
    CHECK_INT(2, record_count(&released, 'x'));
    for (size_t i = 0; i < COUNT_OF(apps); i++) {
        CHECK_INT(0, record_count(&records[i], 'c'));
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(apps[i], 0));
        wsline_app_free(apps[i]);
    }
}

static const struct test tests[] = {
    TEST(a_deadline_begins_when_it_is_set),
    TEST(a_driver_that_is_late_kills_nobody),
    TEST(many_unread_pongs_kill_nobody),
    TEST(a_queue_never_lies_still),
    TEST(a_full_queue_does_not_keep_pongs_back),
    TEST(a_close_is_answered_behind_a_queue),
    TEST(room_is_told_however_it_came),
    TEST(a_close_that_cannot_be_sent_ends_all_the_same),
    TEST(a_close_that_the_server_does_not_read_is_not_clean),
    TEST(pings_do_not_fill_the_queue),
    TEST(a_key_that_cannot_be_had_is_told),
    TEST(an_abort_does_not_silence_the_next_run),
    TEST(nobody_waits_for_itself),
    TEST(a_stop_ends_one_wait),
    TEST(nothing_is_called_by_a_loop_that_was_freed),
};

int main(int argc, char **argv)
{
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
