/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that collide at bad moments, full queues, and servers that read or respond late. */
#include "app.h"
#include "gate.h"

enum { MIB = 1024 * 1024 };

/* One array: gcc merges two arrays with the same content, which AddressSanitizer reports. */
static const char *const servers[] = {"FAULTS", "FAULTS_TLS"};

/* Threads that send into a queue that the server keeps draining: it must never stall. */
struct pump {
    wsline_app *app;
    size_t messages;
};

static void *pump(void *argument) {
    struct pump *pump = argument;
    static const char data[20000];

    for (size_t sent = 0; sent < pump->messages;) {
        if (wsline_app_send_binary(pump->app, data, sizeof data) == WSLINE_OK)
            sent++;
        else
            clock_pause();
    }
    return NULL;
}

static void a_queue_never_stalls(void) {
    struct record record;
    wsline_options *options = peer_options();
    struct pump state = {.messages = check_scaled(5000, 100)};
    pthread_t threads[3];
    int64_t end;

    REQUIRE_OK(wsline_options_set_max_send_queue_bytes(options, MIB));
    state.app = app_make("FAULTS", "/swallow", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(state.app));
    REQUIRE(record_wait(&record, 'o', 1));
    for (size_t i = 0; i < COUNT_OF(threads); i++) threads[i] = thread_start(pump, &state);
    for (size_t i = 0; i < COUNT_OF(threads); i++) thread_join(threads[i]);
    end = clock_ms() + WAIT_MS;
    while (wsline_app_send_queue_bytes(state.app) > 0 && clock_ms() < end) clock_pause();
    CHECK_INT(0, wsline_app_send_queue_bytes(state.app));
    wsline_app_free(state.app);
}

/* A thread that never pauses must not keep the driver from acquiring the lock. */
struct hog {
    wsline_app *app;
    pthread_mutex_t done; /* held until the thread may end */
};

static void *hog(void *argument) {
    struct hog *hog = argument;

    while (pthread_mutex_trylock(&hog->done) != 0) (void)wsline_app_send_binary(hog->app, "x", 1);
    pthread_mutex_unlock(&hog->done);
    return NULL;
}

static void a_tight_loop_of_sends_does_not_delay_pongs(void) {
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        struct record record;
        struct hog state = {.done = PTHREAD_MUTEX_INITIALIZER};
        pthread_t threads[2];

        check_row(servers[i]);
        /* The server sends a ping, reads on, and sends "pong" when the pong has arrived. */
        state.app = app_make(servers[i], "/ping-and-swallow", NULL, &record);
        pthread_mutex_lock(&state.done);
        CHECK_OK(wsline_app_start(state.app));
        REQUIRE(record_wait(&record, 'o', 1));
        for (size_t k = 0; k < COUNT_OF(threads); k++) threads[k] = thread_start(hog, &state);
        CHECK(record_wait(&record, 'm', 3));
        /* Nor must it keep another thread from closing. */
        CHECK_OK(wsline_app_abort(state.app));
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(state.app, WAIT_MS));
        pthread_mutex_unlock(&state.done);
        for (size_t k = 0; k < COUNT_OF(threads); k++) thread_join(threads[k]);
        wsline_app_free(state.app);
    }
}

/* A server that sends a ping gets its pong, however full the queue is. */
struct filler {
    struct gate gate;
    unsigned refused;
};

static void keep_it_full(struct record *record, wsline_app *app, char letter) {
    /* A server that reads faster than this program sends must not block this loop forever. */
    enum { MOST = 64 };
    static const char data[MIB / 4];
    struct filler *filler = record->more;
    wsline_status status = WSLINE_OK;

    if (letter != 'o' && letter != 'w') return;
    for (int i = 0; i < MOST && status == WSLINE_OK; i++)
        status = wsline_app_send_binary(app, data, sizeof data);
    filler->refused += status == WSLINE_ERR_WOULD_BLOCK;
}

static void a_full_queue_does_not_delay_pongs(void) {
    struct record record;
    struct filler filler = {.gate = gate_new("FAULTS")};
    wsline_options *options = peer_options();
    char path[256];
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_max_send_queue_bytes(options, 2 * MIB));
    app = app_make("FAULTS", gate_path(&filler.gate, "/ping-and-swallow?", path), options, &record);
    wsline_options_free(options);
    record.then = keep_it_full;
    record.more = &filler;
    CHECK_OK(wsline_app_start(app));
    /* The queue was full before the ping arrived; only then does the server read. */
    REQUIRE(record_wait(&record, 'i', 1));
    gate_open(&filler.gate);
    CHECK(record_wait(&record, 'm', 3));
    wsline_app_free(app);
    CHECK(filler.refused > 0);
}

/* The reply to a close frame is sent after the queued messages, also over TLS. */
static void fill_the_queue(struct record *record, wsline_app *app, char letter) {
    static char data[8 * MIB];

    (void)record;
    if (letter == 'o') CHECK_OK(wsline_app_send_binary(app, data, sizeof data));
}

static void a_close_is_answered_after_the_queue(void) {
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

/* Something other than a flush empties the queue: sending a pong. */
static void on_drain_is_called_whatever_emptied_the_queue(void) {
    enum { ROUNDS = 20, MOST = 64 };
    struct record record;
    struct gate gate = gate_new("FAULTS");
    wsline_options *options = peer_options();
    char path[256], *data = calloc(1, MIB);
    unsigned refused = 0;
    wsline_app *app;

    REQUIRE(data != NULL);
    REQUIRE_OK(wsline_options_set_max_send_queue_bytes(options, MIB));
    app = app_make("FAULTS", gate_path(&gate, "/ping-and-swallow?", path), options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    for (unsigned round = 1; round <= ROUNDS; round++) {
        wsline_status status = WSLINE_OK;

        /* In later rounds the server may read faster than this program sends. */
        for (int i = 0; i < MOST && status == WSLINE_OK; i++)
            status = wsline_app_send_binary(app, data, MIB / 3);
        if (round == 1) gate_open(&gate);
        if (status == WSLINE_ERR_WOULD_BLOCK) REQUIRE(record_wait(&record, 'w', ++refused));
    }
    CHECK(refused > 0);
    wsline_app_free(app);
    free(data);
}

/* A peer that stops reading but keeps the stream open: nothing can be sent, and nothing arrives. */
static void a_close_that_cannot_be_sent_still_ends(void) {
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;
    struct stopwatch start;

    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, 300));
    app = app_make("FAULTS", "/stall", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    /* Far more than the socket buffers hold: the close frame is queued behind it. */
    fill_the_queue(&record, app, 'o');
    start = stopwatch_start();
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_join(app, WAIT_MS));
    /* Longer if the system still moved bytes of the queue. */
    CHECK(stopwatch_ms(start) >= 298);
    CHECK_INT(1, record.close.unsent_messages);
    wsline_app_free(app);
}

/* Its close frame has arrived, but it reads nothing: our close frame, behind the queue, is never
 * sent. */
static void a_close_that_the_server_does_not_read_is_not_clean(void) {
    struct record record;
    struct gate gate = gate_new("FAULTS");
    wsline_options *options = peer_options();
    struct stopwatch start;
    char path[256];
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, 500));
    app = app_make("FAULTS", gate_path(&gate, "/close-without-reading?", path), options, &record);
    wsline_options_free(options);
    record.then = fill_the_queue;
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    start = stopwatch_start();
    gate_open(&gate);
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_join(app, WAIT_MS));
    /* Longer if the system still moved bytes of the queue. */
    CHECK(stopwatch_ms(start) >= 498);
    gate_open(&gate);
    CHECK_TEXT("oiec", record.order);
    CHECK_INT(WSLINE_CLOSE_NORMAL, record.close.code);
    CHECK_INT(WSLINE_SIDE_SERVER, record.close.closed_by);
    CHECK(!record.close.clean);
    CHECK_INT(1, record.close.unsent_messages);
    wsline_app_free(app);
}

/* One ping in the queue is enough. */
static void pings_do_not_fill_the_queue(void) {
    struct record record;
    wsline_options *options = peer_options();
    uint64_t before;
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_ping(options, 1, 0));
    app = app_make("FAULTS", "/stall", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    fill_the_queue(&record, app, 'o');
    clock_sleep_ms(100);
    before = wsline_app_send_queue_bytes(app);
    clock_sleep_ms(300);
    CHECK(before > 0);
    CHECK_RANGE(0, before + 20, wsline_app_send_queue_bytes(app));
    wsline_app_free(app);
}

/* A key generator that fails on request. */
struct keys {
    pthread_mutex_t lock;
    bool fail;
};

static int32_t make_key(uint8_t *key_out, void *userdata) {
    struct keys *keys = userdata;
    bool fail;

    (void)key_out;
    pthread_mutex_lock(&keys->lock);
    fail = keys->fail;
    pthread_mutex_unlock(&keys->lock);
    return fail ? WSLINE_ERR_INTERNAL : WSLINE_OK;
}

static void a_failing_key_generator_is_reported(void) {
    struct record record;
    wsline_options *options = peer_options();
    struct keys keys = {.lock = PTHREAD_MUTEX_INITIALIZER};
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_mask_key_fn(options, make_key, &keys, NULL));
    app = app_make("WEBSOCKETS", "", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    pthread_mutex_lock(&keys.lock);
    keys.fail = true;
    pthread_mutex_unlock(&keys.lock);
    CHECK_STATUS(WSLINE_ERR_INTERNAL, wsline_app_send_text(app, "x", 1));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_STATUS(WSLINE_ERR_INTERNAL, wsline_app_join(app, WAIT_MS));
    CHECK_TEXT("oec", record.order);
    CHECK(!record.close.clean);
    wsline_app_free(app);
}

static void *abort_it(void *app) {
    CHECK_OK(wsline_app_abort(app));
    return NULL;
}

/* An abort that arrives as the app ends affects only this run. */
static void an_abort_does_not_silence_the_next_run(void) {
    size_t rounds = check_scaled(300, 20);

    for (size_t i = 0; i < rounds; i++) {
        struct record record;
        wsline_app *app = app_make("WEBSOCKETS", "/close?code=1000&reason=", NULL, &record);
        pthread_t thread;
        unsigned before;

        CHECK_OK(wsline_app_start(app));
        if (i % 2 == 0) REQUIRE(record_wait(&record, 'c', 1));
        thread = thread_start(abort_it, app);
        wsline_app_join(app, WAIT_MS);
        thread_join(thread);
        wsline_app_join(app, WAIT_MS);
        before = record_count(&record, 'c');
        /* Whether the abort arrived too late is undetermined; the next run at the latest delivers
         * everything. */
        wsline_app_run(app);
        CHECK_OK(wsline_app_run(app));
        CHECK(record_count(&record, 'c') > before);
        wsline_app_free(app);
    }
}

static void join_here(struct record *record, wsline_app *app, char letter) {
    (void)app;
    if (letter == 'o')
        CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_join(record->more, WSLINE_FOREVER));
}

static void join_posted(wsline_loop *loop, void *userdata) {
    (void)loop;
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_join(userdata, WSLINE_FOREVER));
}

static void waiting_for_oneself_is_rejected(void) {
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

static void *stop_soon(void *loop) {
    clock_sleep_ms(50);
    CHECK_OK(wsline_loop_stop(loop));
    return NULL;
}

static void a_stop_ends_one_wait(void) {
    wsline_loop *loop = NULL;
    pthread_t thread;
    struct stopwatch start;

    REQUIRE_OK(wsline_loop_new(&loop));
    thread = thread_start(stop_soon, loop);
    CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
    thread_join(thread);
    /* The signal may arrive after its cause has been handled; then one more wait is short. */
    CHECK_OK(wsline_loop_run_once(loop, 0));
    start = stopwatch_start();
    CHECK_OK(wsline_loop_run_once(loop, 100));
    CHECK_TOOK(100, start);
    /* A signal that arrives before a wait ends that wait. */
    CHECK_OK(wsline_loop_stop(loop));
    start = stopwatch_start();
    CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
    CHECK_TOOK(0, start);
    wsline_loop_free(loop);
}

/* Two posts and two apps; the first post frees the loop. */
static unsigned calls_after_free;

static void free_loop(wsline_loop *loop, void *userdata) {
    (void)userdata;
    wsline_loop_free(loop);
}

static void count_call(wsline_loop *loop, void *userdata) {
    (void)loop;
    (void)userdata;
    calls_after_free++;
}

static void a_freed_loop_calls_nothing(void) {
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
    /* Messages are available there as well. */
    clock_sleep_ms(50);
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
    TEST(a_queue_never_stalls),
    TEST(a_tight_loop_of_sends_does_not_delay_pongs),
    TEST(a_full_queue_does_not_delay_pongs),
    TEST(a_close_is_answered_after_the_queue),
    TEST(on_drain_is_called_whatever_emptied_the_queue),
    TEST(a_close_that_cannot_be_sent_still_ends),
    TEST(a_close_that_the_server_does_not_read_is_not_clean),
    TEST(pings_do_not_fill_the_queue),
    TEST(a_failing_key_generator_is_reported),
    TEST(an_abort_does_not_silence_the_next_run),
    TEST(waiting_for_oneself_is_rejected),
    TEST(a_stop_ends_one_wait),
    TEST(a_freed_loop_calls_nothing),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
