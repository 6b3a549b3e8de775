/* SPDX-License-Identifier: Apache-2.0 */
/* Loops: many apps on one thread, work from other threads, and a loop inside another event loop. */
#include "app.h"

#include <poll.h>
#include <sys/epoll.h>

static wsline_loop *loop_make(void) {
    wsline_loop *loop = NULL;

    REQUIRE_OK(wsline_loop_new(&loop));
    REQUIRE(loop != NULL);
    return loop;
}

static void echo_three_times(struct record *record, wsline_app *app, char letter) {
    if (letter == 'o' || (letter == 'm' && record_count(record, 'm') < 3))
        CHECK_OK(wsline_app_send_text(app, "again", WSLINE_NUL_TERMINATED));
    else if (letter == 'm')
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

enum { MANY = 50 };

static void make_many(wsline_loop *loop, wsline_app *apps[MANY], struct record records[MANY]) {
    for (size_t i = 0; i < MANY; i++) {
        apps[i] =
            app_make(peer_echo_servers[i % COUNT_OF(peer_echo_servers)], "", NULL, &records[i]);
        records[i].then = echo_three_times;
        CHECK(!wsline_app_is_running(apps[i]));
        CHECK_OK(wsline_loop_add(loop, apps[i]));
        CHECK(wsline_app_is_running(apps[i]));
    }
}

static void check_many(wsline_app *apps[MANY], struct record records[MANY]) {
    for (size_t i = 0; i < MANY; i++) {
        CHECK_OK(wsline_app_join(apps[i], 0));
        CHECK_TEXT("ommmc", records[i].order);
        CHECK(records[i].close.clean);
        wsline_app_free(apps[i]);
    }
}

static void many_apps_share_a_thread(void) {
    static struct record records[MANY];
    wsline_app *apps[MANY];
    wsline_loop *loop = loop_make();

    make_many(loop, apps, records);
    CHECK_OK(wsline_loop_run(loop));
    check_many(apps, records);
    /* No app is left. */
    CHECK_OK(wsline_loop_run(loop));
    wsline_loop_free(loop);
}

enum { LARGE = 4 * 1024 * 1024 };

static void send_something_large(struct record *record, wsline_app *app, char letter) {
    if (letter == 'o')
        CHECK_OK(wsline_app_send_binary(app, record->more, LARGE));
    else if (letter == 'm')
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

/* Apps share the read buffer of their loop, which has grown when the second one reads first. */
static void an_app_reads_after_a_large_message_of_another(void) {
    static struct record records[2];
    wsline_app *apps[2];

    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        wsline_loop *loop = loop_make();

        check_row(peer_echo_servers[i]);
        for (size_t k = 0; k < 2; k++) {
            apps[k] = app_make(peer_echo_servers[i], "", NULL, &records[k]);
            records[k].then = k == 0 ? send_something_large : echo_three_times;
        }
        records[0].more = calloc(1, LARGE);
        REQUIRE(records[0].more != NULL);
        for (size_t k = 0; k < 2; k++) {
            CHECK_OK(wsline_loop_add(loop, apps[k]));
            CHECK_OK(wsline_loop_run(loop));
            CHECK_TEXT(k == 0 ? "omc" : "ommmc", records[k].order);
        }
        CHECK(records[0].bytes == LARGE);
        free(records[0].more);
        wsline_app_free(apps[0]);
        wsline_app_free(apps[1]);
        wsline_loop_free(loop);
    }
}

/* A foreign event loop: poll(2) with only our descriptor and a timeout. */
static void turn_by_hand(wsline_loop *loop) {
    struct pollfd entry = {.fd = wsline_loop_fd(loop), .events = POLLIN};
    int64_t timeout_ms = wsline_loop_next_timeout_ms(loop);

    REQUIRE(poll(&entry, 1, timeout_ms < 0 ? WAIT_MS : (int)timeout_ms) >= 0);
    CHECK_OK(wsline_loop_run_once(loop, 0));
}

static void a_loop_runs_inside_another_loop(void) {
    static struct record records[MANY];
    wsline_app *apps[MANY];
    wsline_loop *loop = loop_make();
    unsigned running = MANY;

    make_many(loop, apps, records);
    while (running > 0) {
        turn_by_hand(loop);
        running = 0;
        for (size_t i = 0; i < MANY; i++) running += wsline_app_is_running(apps[i]);
    }
    CHECK(!wsline_app_is_running(NULL));
    check_many(apps, records);
    wsline_loop_free(loop);
}

/* An edge-triggered loop is notified only when the descriptor becomes readable: all messages must
 * arrive although the server sends nothing more once they are in flight. */
static void an_edge_triggered_loop_misses_nothing(void) {
    static const char *const peers[] = {"FAULTS", "FAULTS_TLS"};
    const unsigned count = (unsigned)check_scaled(300000, 20000);

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct record record;
        wsline_loop *loop = loop_make();
        struct epoll_event event = {.events = EPOLLIN | EPOLLET};
        char path[64];
        wsline_app *app;
        int epoll = epoll_create1(EPOLL_CLOEXEC);

        check_row(peers[i]);
        snprintf(path, sizeof path, "/frame?hex=810161&n=%u&then=echo", count);
        app = app_make(peers[i], path, NULL, &record);
        REQUIRE(epoll >= 0);
        REQUIRE(epoll_ctl(epoll, EPOLL_CTL_ADD, wsline_loop_fd(loop), &event) == 0);
        CHECK_OK(wsline_loop_add(loop, app));
        while (record_count(&record, 'm') < count) {
            int64_t timeout_ms = wsline_loop_next_timeout_ms(loop);
            int wait_ms = timeout_ms == WSLINE_FOREVER ? WAIT_MS : (int)timeout_ms;
            int ready = epoll_wait(epoll, &event, 1, wait_ms);

            REQUIRE(ready == 1 || timeout_ms != WSLINE_FOREVER);
            CHECK_OK(wsline_loop_run_once(loop, 0));
        }
        CHECK_INT(count, record_count(&record, 'm'));
        wsline_app_free(app);
        wsline_loop_free(loop);
        close(epoll);
    }
}

static void its_descriptor_is_not_readable_while_there_is_nothing_to_do(void) {
    struct record record;
    wsline_loop *loop = loop_make();
    struct pollfd entry = {.fd = wsline_loop_fd(loop), .events = POLLIN};
    wsline_app *app = app_make("FAULTS", "/stall", NULL, &record);

    CHECK(poll(&entry, 1, 0) == 0);
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(loop));
    CHECK_OK(wsline_loop_add(loop, app));
    CHECK(poll(&entry, 1, 0) == 1);
    while (record_count(&record, 'o') == 0) turn_by_hand(loop);
    /* Remaining events from connecting. */
    CHECK_OK(wsline_loop_run_once(loop, 0));
    CHECK(poll(&entry, 1, 50) == 0);
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(loop));
    /* A post from another thread makes it readable, and the close frame sets a deadline. */
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK(poll(&entry, 1, 0) == 1);
    CHECK_OK(wsline_loop_run_once(loop, 0));
    CHECK_RANGE(1, WAIT_MS, wsline_loop_next_timeout_ms(loop));
    CHECK_OK(wsline_loop_remove(loop, app));
    CHECK_OK(wsline_loop_run_once(loop, 0));
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, 0));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_loop_remove(loop, app));
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(loop));
    wsline_app_free(app);
    wsline_loop_free(loop);
}

static void run_once_waits_no_longer_than_requested(void) {
    struct record record;
    wsline_loop *loop = loop_make();
    wsline_app *app = app_make("FAULTS", "/stall", NULL, &record);
    struct stopwatch start;

    CHECK_OK(wsline_loop_add(loop, app));
    while (record_count(&record, 'o') == 0) CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
    CHECK_OK(wsline_loop_run_once(loop, 0));
    start = stopwatch_start();
    CHECK_OK(wsline_loop_run_once(loop, 100));
    CHECK_TOOK(100, start);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_loop_run_once(loop, -3));
    wsline_app_free(app);
    wsline_loop_free(loop);
}

struct posted {
    wsline_loop *loop;
    pthread_t driver;
    unsigned next[4];
    unsigned total, freed;
};

struct post {
    struct posted *posted;
    unsigned thread, number;
};

enum { POSTS = 1000 };

static void take_post(wsline_loop *loop, void *userdata) {
    struct post *post = userdata;
    struct posted *posted = post->posted;

    CHECK(loop == posted->loop);
    CHECK(pthread_equal(pthread_self(), posted->driver));
    /* The order of posts from one thread is kept. */
    CHECK_INT(posted->next[post->thread]++, post->number);
    if (++posted->total == POSTS * COUNT_OF(posted->next)) CHECK_OK(wsline_loop_stop(loop));
}

static void free_post(void *userdata) {
    struct post *post = userdata;

    post->posted->freed++;
    free(post);
}

struct poster {
    struct posted *posted;
    unsigned thread;
    pthread_t handle;
};

static void *post_many(void *argument) {
    struct poster *poster = argument;

    for (unsigned i = 0; i < POSTS; i++) {
        struct post *post = malloc(sizeof *post);

        REQUIRE(post != NULL);
        *post = (struct post){poster->posted, poster->thread, i};
        CHECK_OK(wsline_loop_post(poster->posted->loop, take_post, post, free_post));
    }
    return NULL;
}

static void posts_from_other_threads_are_called_by_the_driver(void) {
    struct record record;
    struct posted posted = {.loop = loop_make(), .driver = pthread_self()};
    struct poster posters[4];
    wsline_app *app = app_make("FAULTS", "/stall", NULL, &record);

    /* It keeps the loop running. */
    CHECK_OK(wsline_loop_add(posted.loop, app));
    for (unsigned i = 0; i < COUNT_OF(posters); i++) {
        posters[i] = (struct poster){.posted = &posted, .thread = i};
        posters[i].handle = thread_start(post_many, &posters[i]);
    }
    CHECK_OK(wsline_loop_run(posted.loop));
    for (unsigned i = 0; i < COUNT_OF(posters); i++) thread_join(posters[i].handle);
    CHECK_INT(POSTS * COUNT_OF(posters), posted.total);
    CHECK_INT(POSTS * COUNT_OF(posters), posted.freed);
    wsline_loop_free(posted.loop);
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, 0));
    wsline_app_free(app);
}

static void drive_it_again(struct record *record, wsline_app *app, char letter) {
    wsline_loop *loop = record->more;

    if (letter != 'o') return;
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_loop_run(loop));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_loop_run_once(loop, 0));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_loop_add(loop, app));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void *drive(void *loop) {
    CHECK_OK(wsline_loop_run(loop));
    return NULL;
}

static void one_thread_at_a_time_drives(void) {
    struct record first, second;
    wsline_loop *loop = loop_make();
    wsline_app *app = app_make("WEBSOCKETS", "", NULL, &first);
    pthread_t driver;

    first.then = drive_it_again;
    first.more = loop;
    CHECK_OK(wsline_loop_add(loop, app));
    CHECK_OK(wsline_loop_run(loop));
    CHECK_TEXT("oc", first.order);
    wsline_app_free(app);

    app = app_make("FAULTS", "/stall", NULL, &second);
    CHECK_OK(wsline_loop_add(loop, app));
    driver = thread_start(drive, loop);
    REQUIRE(record_wait(&second, 'o', 1));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_loop_run(loop));
    CHECK_OK(wsline_loop_stop(loop));
    thread_join(driver);
    /* Stopped, not ended: it continues. */
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_join(app, 0));
    CHECK(wsline_app_is_open(app));
    CHECK_OK(wsline_app_abort(app));
    CHECK_OK(wsline_loop_run(loop));
    CHECK_TEXT("oc", second.order);
    wsline_app_free(app);
    wsline_loop_free(loop);
}

/* Apps of one loop, each of which adds the next when it has closed. */
struct chain {
    wsline_loop *loop;
    wsline_app *next;
};

static void add_the_next(struct record *record, wsline_app *app, char letter) {
    struct chain *chain = record->more;

    if (letter == 'o') CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    if (letter == 'c' && chain->next != NULL) CHECK_OK(wsline_loop_add(chain->loop, chain->next));
}

static void an_app_is_added_in_a_callback_of_another(void) {
    struct record first, second;
    wsline_loop *loop = loop_make();
    wsline_app *apps[] = {app_make("WEBSOCKETS", "", NULL, &first),
                          app_make("WEBSOCKETS_TLS", "", NULL, &second)};
    struct chain chains[] = {{loop, apps[1]}, {loop, NULL}};

    first.then = second.then = add_the_next;
    first.more = &chains[0];
    second.more = &chains[1];
    CHECK_OK(wsline_loop_add(loop, apps[0]));
    CHECK_OK(wsline_loop_run(loop));
    CHECK_TEXT("oc", first.order);
    CHECK_TEXT("oc", second.order);
    wsline_loop_free(loop);
    wsline_app_free(apps[0]);
    wsline_app_free(apps[1]);
}

static void NULL_is_answered(void) {
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_loop_new(NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_loop_run(NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_loop_add(NULL, NULL));
    CHECK_INT(-1, wsline_loop_fd(NULL));
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(NULL));
}

static const struct test tests[] = {
    TEST(many_apps_share_a_thread),
    TEST(an_app_reads_after_a_large_message_of_another),
    TEST(a_loop_runs_inside_another_loop),
    TEST(an_edge_triggered_loop_misses_nothing),
    TEST(its_descriptor_is_not_readable_while_there_is_nothing_to_do),
    TEST(run_once_waits_no_longer_than_requested),
    TEST(posts_from_other_threads_are_called_by_the_driver),
    TEST(one_thread_at_a_time_drives),
    TEST(an_app_is_added_in_a_callback_of_another),
    TEST(NULL_is_answered),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
