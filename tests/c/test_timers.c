/* SPDX-License-Identifier: Apache-2.0 */
/* Posts and timers of apps and loops: under every driver, from any thread, cancelled and freed. */
#include "app.h"
#include "drivers.h"

/* What a function that was posted has to note, and what freed it. */
struct posts {
    pthread_t driver;
    const char *names[16];
    unsigned called, freed;
    wsline_app *app;
    wsline_loop *loop;
    uint64_t id;
    unsigned again;
};

struct post {
    struct posts *posts;
    const char *name;
};

static struct post *post_make(struct posts *posts, const char *name) {
    struct post *post = malloc(sizeof *post);

    REQUIRE(post != NULL);
    post->posts = posts;
    post->name = name;
    return post;
}

static void note(struct posts *posts, const char *name) {
    if (posts->called < COUNT_OF(posts->names)) posts->names[posts->called] = name;
    posts->called++;
    posts->driver = pthread_self();
}

static void app_note(wsline_app *app, void *userdata) {
    struct post *post = userdata;

    CHECK(app == post->posts->app);
    note(post->posts, post->name);
}

static void loop_note(wsline_loop *loop, void *userdata) {
    struct post *post = userdata;

    CHECK(loop == post->posts->loop);
    note(post->posts, post->name);
}

static void post_free(void *userdata) {
    struct post *post = userdata;

    post->posts->freed++;
    free(post);
}

static uint64_t app_after(struct posts *posts, int64_t ms, const char *name) {
    uint64_t id = 0;

    CHECK_OK(
        wsline_app_post_after(posts->app, ms, app_note, post_make(posts, name), post_free, &id));
    CHECK(id != 0);
    return id;
}

static uint64_t loop_after(struct posts *posts, int64_t ms, const char *name) {
    uint64_t id = 0;

    CHECK_OK(
        wsline_loop_post_after(posts->loop, ms, loop_note, post_make(posts, name), post_free, &id));
    CHECK(id != 0);
    return id;
}

static void close_app(wsline_app *app, void *userdata) {
    (void)userdata;
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

/* In on_open: posts in an order other than that of their times, which differ by more than a slow
 * machine needs for posting. */
static void post_three(struct record *record, wsline_app *app, char letter) {
    struct posts *posts = record->more;

    if (letter != 'o') return;
    posts->app = app;
    app_after(posts, 240, "third");
    app_after(posts, 120, "second");
    CHECK_OK(wsline_app_post(app, app_note, post_make(posts, "first"), post_free));
    CHECK_INT(0, posts->called); /* not inside the call */
    CHECK_OK(wsline_app_post_after(app, 360, close_app, NULL, NULL, NULL));
}

static void timers_expire_in_order_under_every_driver(void) {
    static const char *const servers[] = {"WEBSOCKETS", "WEBSOCKETS_TLS"};

    for (size_t i = 0; i < COUNT_OF(drivers) * COUNT_OF(servers); i++) {
        static struct record record;
        static struct posts posts;
        wsline_app *app;

        check_row(drivers[i / COUNT_OF(servers)].name);
        memset(&posts, 0, sizeof posts);
        app = app_make(servers[i % COUNT_OF(servers)], "/", NULL, &record);
        record.then = post_three;
        record.more = &posts;
        drivers[i / COUNT_OF(servers)].drive(app);
        CHECK_INT(3, posts.called);
        CHECK_INT(3, posts.freed);
        CHECK_TEXT("first", posts.names[0]);
        CHECK_TEXT("second", posts.names[1]);
        CHECK_TEXT("third", posts.names[2]);
        CHECK_TEXT("oc", record.order);
        wsline_app_free(app);
    }
}

static void *post_from_another_thread(void *argument) {
    struct posts *posts = argument;

    for (unsigned i = 0; i < 100; i++) {
        app_after(posts, i % 7, "other");
        CHECK_OK(wsline_app_post(posts->app, app_note, post_make(posts, "other"), post_free));
    }
    CHECK_OK(wsline_app_post_after(posts->app, 50, close_app, NULL, NULL, NULL));
    return NULL;
}

static void any_thread_posts_and_the_driver_calls(void) {
    static struct record record;
    static struct posts posts;
    pthread_t thread, other;

    memset(&posts, 0, sizeof posts);
    posts.app = app_make("WEBSOCKETS", "/", NULL, &record);
    CHECK_OK(wsline_app_start(posts.app));
    REQUIRE(pthread_create(&thread, NULL, post_from_another_thread, &posts) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    other = pthread_self();
    CHECK_OK(wsline_app_join(posts.app, WAIT_MS));
    CHECK_INT(200, posts.called);
    CHECK_INT(200, posts.freed);
    CHECK(!pthread_equal(posts.driver, other) && !pthread_equal(posts.driver, thread));
    wsline_app_free(posts.app);
}

static void a_cancelled_post_is_freed_and_never_called(void) {
    static struct posts posts;
    uint64_t first, second;

    memset(&posts, 0, sizeof posts);
    REQUIRE_OK(wsline_loop_new(&posts.loop));
    first = loop_after(&posts, 0, "first");
    second = loop_after(&posts, 0, "second");
    CHECK_OK(wsline_loop_cancel_post(posts.loop, first));
    CHECK_INT(1, posts.freed);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_loop_cancel_post(posts.loop, first));
    CHECK_OK(wsline_loop_run_once(posts.loop, WAIT_MS));
    while (posts.called == 0) CHECK_OK(wsline_loop_run_once(posts.loop, WAIT_MS));
    CHECK_INT(1, posts.called);
    CHECK_INT(2, posts.freed);
    CHECK_TEXT("second", posts.names[0]);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_loop_cancel_post(posts.loop, second));
    CHECK_HAS("post 2 cannot be cancelled", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_loop_cancel_post(posts.loop, 99));
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(posts.loop));
    wsline_loop_free(posts.loop);
}

static void a_loop_says_when_its_next_timer_expires(void) {
    static struct posts posts;
    int64_t next;

    memset(&posts, 0, sizeof posts);
    REQUIRE_OK(wsline_loop_new(&posts.loop));
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(posts.loop));
    loop_after(&posts, 60000, "late");
    /* The descriptor is readable, so that the loop looks at the new timer. */
    CHECK_INT(0, wsline_loop_next_timeout_ms(posts.loop));
    CHECK_OK(wsline_loop_run_once(posts.loop, 0));
    next = wsline_loop_next_timeout_ms(posts.loop);
    CHECK(next > 50000 && next <= 60000);
    loop_after(&posts, 30000, "earlier");
    CHECK_OK(wsline_loop_run_once(posts.loop, 0));
    next = wsline_loop_next_timeout_ms(posts.loop);
    CHECK(next > 20000 && next <= 30000);
    wsline_loop_free(posts.loop);
    CHECK_INT(0, posts.called);
    CHECK_INT(2, posts.freed);
}

enum { MANY = 10000 };

static void ten_thousand_timers_share_a_loop(void) {
    static struct posts posts;
    uint64_t *ids = calloc(MANY, sizeof *ids);

    REQUIRE(ids != NULL);
    memset(&posts, 0, sizeof posts);
    REQUIRE_OK(wsline_loop_new(&posts.loop));
    for (unsigned i = 0; i < MANY; i++) ids[i] = loop_after(&posts, i * 7919 % 100, "one");
    for (unsigned i = 0; i < MANY; i += 2)
        if (wsline_loop_cancel_post(posts.loop, ids[i]) != WSLINE_OK) CHECK(false);
    CHECK_INT(MANY / 2, posts.freed);
    while (posts.called < MANY / 2) CHECK_OK(wsline_loop_run_once(posts.loop, WAIT_MS));
    CHECK_INT(MANY, posts.freed);
    wsline_loop_free(posts.loop);
    free(ids);
}

static void post_again(wsline_loop *loop, void *userdata) {
    struct posts *posts = userdata;

    posts->called++;
    if (posts->called < posts->again)
        CHECK_OK(wsline_loop_post_after(loop, 0, post_again, posts, NULL, NULL));
}

/* A timer of no time that posts itself lets the loop return and do other work. */
static void a_timer_that_repeats_itself_does_not_keep_the_loop_busy(void) {
    static struct posts posts;

    memset(&posts, 0, sizeof posts);
    posts.again = 100;
    REQUIRE_OK(wsline_loop_new(&posts.loop));
    CHECK_OK(wsline_loop_post_after(posts.loop, 0, post_again, &posts, NULL, NULL));
    for (unsigned last = 0; posts.called < posts.again; last = posts.called) {
        CHECK_OK(wsline_loop_run_once(posts.loop, WAIT_MS));
        CHECK(posts.called <= last + 1);
    }
    wsline_loop_free(posts.loop);
}

/* What another thread does, too, that the function which frees waits for. */
static void post_free_and_post(void *userdata) {
    struct post *post = userdata;
    struct posts *posts = post->posts;

    CHECK_OK(wsline_loop_post(posts->loop, loop_note, post_make(posts, "late"), post_free));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_loop_cancel_post(posts->loop, posts->id));
    post_free(userdata);
}

static void free_own_loop(wsline_loop *loop, void *userdata) {
    (void)userdata;
    wsline_loop_free(loop);
}

static void a_timer_may_use_its_loop_while_that_is_freed(void) {
    for (int in_callback = 0; in_callback < 2; in_callback++) {
        static struct posts posts;

        memset(&posts, 0, sizeof posts);
        REQUIRE_OK(wsline_loop_new(&posts.loop));
        CHECK_OK(wsline_loop_post_after(posts.loop, 60000, loop_note, post_make(&posts, "never"),
                                        post_free_and_post, &posts.id));
        if (in_callback) {
            CHECK_OK(wsline_loop_post(posts.loop, free_own_loop, NULL, NULL));
            CHECK_OK(wsline_loop_run_once(posts.loop, WAIT_MS));
        } else {
            wsline_loop_free(posts.loop);
        }
        CHECK_INT(0, posts.called);
        CHECK_INT(2, posts.freed);
    }
}

static void free_own_app(wsline_app *app, void *userdata) {
    (void)userdata;
    wsline_app_free(app);
}

static void abort_own_app(wsline_app *app, void *userdata) {
    (void)userdata;
    CHECK_OK(wsline_app_abort(app));
}

/* Whatever a timer does to its app or loop, those that wait are freed and not called. */
static void a_timer_may_free_or_abort_its_own_object(void) {
    static struct record record;
    static struct posts posts;
    wsline_loop *loop;

    memset(&posts, 0, sizeof posts);
    REQUIRE_OK(wsline_loop_new(&loop));
    posts.app = app_make("WEBSOCKETS", "/", NULL, &record);
    CHECK_OK(wsline_loop_add(loop, posts.app));
    CHECK_OK(wsline_app_post(posts.app, free_own_app, NULL, NULL));
    app_after(&posts, 0, "never");
    app_after(&posts, 60000, "never");
    CHECK_OK(wsline_loop_run(loop));
    CHECK_INT(0, posts.called);
    CHECK_INT(2, posts.freed);

    memset(&posts, 0, sizeof posts);
    posts.app = app_make("WEBSOCKETS", "/", NULL, &record);
    CHECK_OK(wsline_loop_add(loop, posts.app));
    CHECK_OK(wsline_app_post(posts.app, abort_own_app, NULL, NULL));
    app_after(&posts, 0, "never");
    CHECK_OK(wsline_loop_run(loop));
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(posts.app, 0));
    CHECK_INT(0, posts.called);
    CHECK_INT(1, posts.freed);
    wsline_app_free(posts.app);

    memset(&posts, 0, sizeof posts);
    posts.loop = loop;
    CHECK_OK(wsline_loop_post_after(loop, 0, free_own_loop, NULL, NULL, NULL));
    loop_after(&posts, 0, "never");
    CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
    CHECK_INT(0, posts.called);
    CHECK_INT(1, posts.freed);
}

static void bad_arguments_are_named_and_free_the_userdata(void) {
    static struct record record;
    static struct posts posts;
    uint64_t id = 99;

    memset(&posts, 0, sizeof posts);
    posts.app = app_make("WEBSOCKETS", "/", NULL, &record);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE,
                 wsline_app_post(posts.app, app_note, post_make(&posts, "x"), post_free));
    CHECK_HAS("not being run", wsline_last_error_message());
    CHECK_STATUS(
        WSLINE_ERR_INVALID_ARGUMENT,
        wsline_app_post_after(posts.app, -1, app_note, post_make(&posts, "x"), post_free, &id));
    CHECK_HAS("`delay_ms`", wsline_last_error_message());
    CHECK_INT(0, id);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_app_post(posts.app, NULL, post_make(&posts, "x"), post_free));
    CHECK_HAS("`fn`", wsline_last_error_message());
    CHECK_STATUS(
        WSLINE_ERR_INVALID_ARGUMENT,
        wsline_loop_post_after(NULL, 0, loop_note, post_make(&posts, "x"), post_free, NULL));
    CHECK_HAS("`loop`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_cancel_post(posts.app, 1));
    CHECK_INT(0, posts.called);
    CHECK_INT(4, posts.freed);
    wsline_app_free(posts.app);
}

static const struct test tests[] = {
    TEST(timers_expire_in_order_under_every_driver),
    TEST(any_thread_posts_and_the_driver_calls),
    TEST(a_cancelled_post_is_freed_and_never_called),
    TEST(a_loop_says_when_its_next_timer_expires),
    TEST(ten_thousand_timers_share_a_loop),
    TEST(a_timer_that_repeats_itself_does_not_keep_the_loop_busy),
    TEST(a_timer_may_use_its_loop_while_that_is_freed),
    TEST(a_timer_may_free_or_abort_its_own_object),
    TEST(bad_arguments_are_named_and_free_the_userdata),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
