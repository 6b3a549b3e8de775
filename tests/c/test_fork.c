/* SPDX-License-Identifier: Apache-2.0 */
/* fork(): a child's use of inherited objects does not affect its parent, and objects that it
 * creates work. */
#include "app.h"
#include "clock.h"
#include "descriptors.h"
#include "fork.h"
#include "lines.h"
#include "peer.h"
#include "resolver.h"

/* Every name resolves to this machine. In a child, locks of libc's own resolver may be held. */
int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result) {
    (void)node, (void)hints;
    *result = resolver_entry(INADDR_LOOPBACK, resolver_port(service), NULL);
    return 0;
}

void freeaddrinfo(struct addrinfo *result) { resolver_free(result); }

static const char *const peers[] = {"WEBSOCKETS", "WEBSOCKETS_TLS"};

/* Everything that a child can inherit. */
struct objects {
    wsline_options *options;
    wsline_cookie_jar *jar;
    wsline_prepared *prepared;
    wsline_conn *conn;
    wsline_app *started; /* open, on its own thread */
    wsline_app *looped;  /* open, in the loop, which the test drives */
    wsline_loop *loop;
    struct record started_record, looped_record;
};

static void check_echo(wsline_conn *conn) {
    wsline_message message;

    CHECK_OK(wsline_conn_send_text(conn, "hello", WSLINE_NUL_TERMINATED));
    if (CHECK_OK(wsline_conn_recv(conn, WAIT_MS, &message)))
        CHECK_BYTES("hello", 5, message.data, message.len);
}

static void drive(struct objects *objects, char letter, unsigned count) {
    while (record_count(&objects->looped_record, letter) < count)
        REQUIRE_OK(wsline_loop_run_once(objects->loop, WAIT_MS));
}

static void objects_make(struct objects *objects, const char *peer) {
    check_row(peer);
    REQUIRE_OK(wsline_cookie_jar_new(&objects->jar));
    objects->options = peer_options();
    REQUIRE_OK(wsline_prepared_new(WSLINE_OPCODE_TEXT, "prepared", 8, &objects->prepared));
    objects->conn = peer_connect(peer, "/", NULL);
    objects->started = app_make(peer, "/", NULL, &objects->started_record);
    objects->looped = app_make(peer, "/", NULL, &objects->looped_record);
    REQUIRE_OK(wsline_loop_new(&objects->loop));
    REQUIRE_OK(wsline_loop_add(objects->loop, objects->looped));
    REQUIRE_OK(wsline_app_start(objects->started));
    REQUIRE(record_wait(&objects->started_record, 'o', 1));
    drive(objects, 'o', 1);
}

/* All connections work as before: a reply arrives, and no callback was called in between. */
static void objects_check(struct objects *objects) {
    unsigned answers = record_count(&objects->started_record, 'm') + 1;

    check_echo(objects->conn);
    CHECK_OK(wsline_app_send_text(objects->started, "one", 3));
    CHECK(record_wait(&objects->started_record, 'm', answers));
    CHECK_OK(wsline_app_send_text(objects->looped, "two", 3));
    drive(objects, 'm', answers);
    CHECK_INT(1 + answers, strlen(objects->started_record.order));
    CHECK_INT(1 + answers, strlen(objects->looped_record.order));
}

static void objects_free(void *argument) {
    struct objects *objects = argument;

    wsline_conn_free(objects->conn);
    wsline_app_free(objects->started);
    wsline_app_free(objects->looped);
    wsline_loop_free(objects->loop);
    wsline_prepared_free(objects->prepared);
    wsline_cookie_jar_free(objects->jar);
    wsline_options_free(objects->options);
}

/* The child's descriptors of the three connections and the two of the loop are closed. */
static void free_inherited(void *objects) {
    int before = open_descriptors();

    objects_free(objects);
    CHECK_INT(before - 5, open_descriptors());
}

static void nothing(void *argument) { (void)argument; }

static void a_child_that_frees_or_exits_does_not_affect_its_parent(void) {
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct objects objects;

        objects_make(&objects, peers[i]);
        for (int exits = 0; exits < 2; exits++) {
            child_run(&(struct child){nothing, NULL, exits == 1, true});
            objects_check(&objects);
            child_run(&(struct child){free_inherited, &objects, exits == 1, true});
            objects_check(&objects);
        }
        CHECK_OK(wsline_conn_close(objects.conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
        objects_free(&objects);
    }
}

/* The message is about this call. */
#define CHECK_INHERITED(name, call)                                                                \
    do {                                                                                           \
        char want[128];                                                                            \
                                                                                                   \
        CHECK_STATUS(WSLINE_ERR_WRONG_STATE, call);                                                \
        snprintf(want, sizeof want, "%.*s: argument `%s` was made before fork()",                  \
                 (int)strcspn(#call, "("), #call, name);                                           \
        CHECK_TEXT(want, wsline_last_error_message());                                             \
    } while (0)

static void use_inherited_connection(struct objects *objects) {
    wsline_conn *conn = objects->conn;
    wsline_message message;
    wsline_stats stats;
    wsline_error_info info;

    CHECK_INHERITED("conn", wsline_conn_send_text(conn, "x", 1));
    CHECK_INHERITED("conn", wsline_conn_send_prepared(conn, objects->prepared));
    CHECK_INHERITED("conn", wsline_conn_ping(conn, NULL, 0));
    CHECK_INHERITED("conn", wsline_conn_cork(conn));
    CHECK_INHERITED("conn", wsline_conn_recv(conn, 0, &message));
    CHECK_INHERITED("conn", wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, 0));
    CHECK_INHERITED("conn", wsline_conn_shutdown(conn));
    CHECK_INHERITED("conn", wsline_conn_abort(conn));
    CHECK_INHERITED("conn", wsline_conn_connect(conn, "ws://localhost/"));
    CHECK_INHERITED("conn", wsline_conn_stats(conn, &stats));
    CHECK_INHERITED("conn", wsline_conn_last_error(conn, &info));
    CHECK(!wsline_conn_is_open(conn));
    CHECK_INT(-1, wsline_conn_fd(conn));
}

static void use_inherited_app(struct objects *objects, wsline_app *app) {
    wsline_error_info info;

    CHECK_INHERITED("app", wsline_app_send_text(app, "x", 1));
    CHECK_INHERITED("app", wsline_app_send_prepared(app, objects->prepared));
    CHECK_INHERITED("app", wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_INHERITED("app", wsline_app_abort(app));
    CHECK_INHERITED("app", wsline_app_start(app));
    CHECK_INHERITED("app", wsline_app_run(app));
    CHECK_INHERITED("app", wsline_app_join(app, WSLINE_FOREVER));
    CHECK_INHERITED("app", wsline_app_on_open(app, NULL, NULL, NULL));
    CHECK_INHERITED("app", wsline_app_last_error(app, &info));
    CHECK(!wsline_app_is_open(app));
    CHECK(!wsline_app_is_running(app));
}

static void post_nothing(wsline_loop *loop, void *userdata) { (void)loop, (void)userdata; }

static void use_inherited(void *argument) {
    struct objects *objects = argument;
    wsline_loop *loop = objects->loop;
    wsline_app *own = NULL;
    wsline_conn *conn = NULL;
    char *cookies = NULL;

    use_inherited_connection(objects);
    use_inherited_app(objects, objects->started);
    use_inherited_app(objects, objects->looped);
    REQUIRE_OK(wsline_app_new("ws://localhost/", NULL, &own));
    CHECK_INHERITED("loop", wsline_loop_add(loop, own));
    CHECK_INHERITED("loop", wsline_loop_remove(loop, own));
    CHECK_INHERITED("loop", wsline_loop_run(loop));
    CHECK_INHERITED("loop", wsline_loop_run_once(loop, WSLINE_FOREVER));
    CHECK_INHERITED("loop", wsline_loop_stop(loop));
    CHECK_INHERITED("loop", wsline_loop_post(loop, post_nothing, NULL, NULL));
    CHECK_INT(-1, wsline_loop_fd(loop));
    CHECK_INHERITED("prepared", wsline_app_send_prepared(own, objects->prepared));
    wsline_app_free(own);
    CHECK_INHERITED("jar", wsline_cookie_jar_get(objects->jar, "ws://localhost/", &cookies));
    CHECK_INHERITED("jar", wsline_options_set_cookie_jar(objects->options, objects->jar));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE,
                 wsline_connect("ws://localhost/", objects->options, &conn));
    CHECK_TEXT("wsline_connect: the cookie jar of argument `options` was made before fork()",
               wsline_last_error_message());
    CHECK_OK(wsline_options_set_cookie_jar(objects->options, NULL));
    objects_free(objects);
}

static void inherited_objects_are_rejected(void) {
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct objects objects;

        objects_make(&objects, peers[i]);
        CHECK_OK(wsline_options_set_cookie_jar(objects.options, objects.jar));
        in_child_of_threads(use_inherited, &objects);
        objects_check(&objects);
        objects_free(&objects);
    }
}

static void connect_and_drive(const char *peer, const wsline_options *options) {
    struct record record;
    wsline_app *app;

    check_row(peer);
    for (int i = 0; i < 2; i++) {
        wsline_conn *conn = peer_connect(peer, "/", options);

        check_echo(conn);
        peer_hang_up(conn);
    }
    app = app_make(peer, "/", options, &record);
    REQUIRE_OK(wsline_app_start(app));
    CHECK(record_wait(&record, 'o', 1));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    wsline_app_free(app);
}

/* With options inherited from the parent, which has also connected with them. */
static void make_own(void *options) {
    for (size_t i = 0; i < COUNT_OF(peers); i++) connect_and_drive(peers[i], options);
}

static void objects_created_by_a_child_work(void) {
    wsline_options *options = peer_options();

    make_own(options);
    in_child(make_own, options);
    make_own(options);
    wsline_options_free(options);
}

static void free_connection(void *conn) { wsline_conn_free(conn); }

static void fork_again(void *inherited) {
    wsline_conn *conn = peer_connect("WEBSOCKETS_TLS", "/", NULL);

    in_child(free_connection, inherited);
    child_run(
        &(struct child){.run = free_connection, .argument = conn, .runs_exit_handlers = true});
    check_echo(conn);
    peer_hang_up(conn);
    wsline_conn_free(inherited);
}

static void a_grandchild_affects_neither(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);

    in_child(fork_again, conn);
    check_echo(conn);
    peer_hang_up(conn);
}

/* The Sec-WebSocket-Key of a connect. The same generator creates masking keys. */
static void connect_for_key(char key[25]) {
    const char *line;

    lines_begin();
    peer_hang_up(peer_connect("WEBSOCKETS", "/", NULL));
    line = strstr(lines_end(), "Sec-WebSocket-Key: ");
    REQUIRE(line != NULL);
    snprintf(key, 25, "%.24s", line + strlen("Sec-WebSocket-Key: "));
}

static void write_key(void *pipe_end) {
    char key[25];

    connect_for_key(key);
    REQUIRE(write(*(int *)pipe_end, key, sizeof key) == sizeof key);
}

/* Each process generates its own keys, although its parent may have connected before. */
static void no_key_repeats_across_forks(void) {
    char keys[4][25];
    int ends[2];

    REQUIRE(pipe(ends) == 0);
    connect_for_key(keys[0]);
    for (int i = 1; i < 3; i++) {
        in_child(write_key, &ends[1]);
        REQUIRE(read(ends[0], keys[i], sizeof keys[i]) == sizeof keys[i]);
    }
    connect_for_key(keys[3]);
    for (int i = 0; i < 4; i++)
        for (int other = 0; other < i; other++) CHECK(strcmp(keys[i], keys[other]) != 0);
    close(ends[0]);
    close(ends[1]);
}

static void count_line(int32_t level, const char *line, void *count) {
    (void)level, (void)line;
    ++*(unsigned *)count;
}

static void expect_lines(void *count) {
    *(unsigned *)count = 0;
    peer_hang_up(peer_connect("WEBSOCKETS", "/", NULL));
    CHECK(*(unsigned *)count > 0);
    CHECK_OK(wsline_set_log(WSLINE_LOG_OFF, NULL, NULL, NULL));
}

static void a_child_inherits_the_log(void) {
    unsigned count = 0;

    REQUIRE_OK(wsline_set_log(WSLINE_LOG_INFO, count_line, &count, NULL));
    in_child(expect_lines, &count);
    expect_lines(&count);
}

struct in_callback {
    int its_stderr;
    pid_t child;
};

/* Both processes return from the callback. */
static void fork_in_callback(struct record *record, wsline_app *app, char letter) {
    struct in_callback *fork_of = record->more;

    if (letter == 'o') {
        int ends[2];

        REQUIRE(pipe(ends) == 0);
        fflush(NULL);
        fork_of->its_stderr = ends[0];
        fork_of->child = fork();
        REQUIRE(fork_of->child >= 0);
        if (fork_of->child == 0) dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
        if (fork_of->child > 0) CHECK_OK(wsline_app_send_text(app, "hello", 5));
    } else if (letter == 'm') {
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    }
}

static void a_child_that_returns_from_a_callback_does_not_touch_the_connection(void) {
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct in_callback fork_of = {-1, -1};
        struct record record;
        wsline_app *app;
        wsline_status status;

        check_row(peers[i]);
        app = app_make(peers[i], "/", NULL, &record);
        record.then = fork_in_callback;
        record.more = &fork_of;
        status = wsline_app_run(app);
        if (fork_of.child == 0) {
            CHECK_STATUS(WSLINE_ERR_WRONG_STATE, status);
            CHECK_TEXT("o", record.order);
            wsline_app_free(app);
            _exit(check_state.failures == 0 ? 0 : 1);
        }
        CHECK_OK(status);
        CHECK_TEXT("omc", record.order);
        child_expect_end(fork_of.child, fork_of.its_stderr);
        wsline_app_free(app);
    }
}

/* Threads that repeatedly acquire every lock. */
struct traffic {
    pthread_t threads[3];
    wsline_conn *conn;
    wsline_options *options;
    struct record record;
    wsline_app *app;
    pthread_mutex_t lock;
    bool has_ended;
};

static bool traffic_goes_on(struct traffic *traffic) {
    bool has_ended;

    pthread_mutex_lock(&traffic->lock);
    has_ended = traffic->has_ended;
    pthread_mutex_unlock(&traffic->lock);
    return !has_ended;
}

static void *traffic_send(void *argument) {
    struct traffic *traffic = argument;
    wsline_message message;

    while (traffic_goes_on(traffic)) {
        CHECK_OK(wsline_conn_send_text(traffic->conn, "x", 1));
        CHECK_OK(wsline_conn_recv(traffic->conn, WAIT_MS, &message));
    }
    return NULL;
}

static void *traffic_send_with_app(void *argument) {
    struct traffic *traffic = argument;

    while (traffic_goes_on(traffic)) {
        CHECK_OK(wsline_app_send_text(traffic->app, "x", 1));
        clock_pause();
    }
    return NULL;
}

/* Nobody listens there; the name is looked up each time. */
static void *traffic_look_up(void *argument) {
    struct traffic *traffic = argument;
    wsline_conn *conn = NULL;

    while (traffic_goes_on(traffic))
        CHECK_STATUS(WSLINE_ERR_CONNECT,
                     wsline_connect("ws://localhost:1/", traffic->options, &conn));
    return NULL;
}

static void drop_line(int32_t level, const char *line, void *userdata) {
    (void)level, (void)line, (void)userdata;
}

static void begin_anew(void *argument) {
    struct traffic *traffic = argument;
    wsline_conn *conn = NULL;

    wsline_conn_free(traffic->conn);
    wsline_app_free(traffic->app);
    CHECK_STATUS(WSLINE_ERR_CONNECT, wsline_connect("ws://localhost:1/", traffic->options, &conn));
    conn = peer_connect("WEBSOCKETS", "/", traffic->options);
    check_echo(conn);
    peer_hang_up(conn);
}

static void locks_held_by_threads_of_the_parent_do_not_block_the_child(void) {
    struct traffic traffic = {.options = peer_options(), .lock = PTHREAD_MUTEX_INITIALIZER};

    REQUIRE_OK(wsline_set_log(WSLINE_LOG_ERROR, drop_line, NULL, NULL));
    traffic.conn = peer_connect("WEBSOCKETS", "/", NULL);
    traffic.app = app_make("WEBSOCKETS", "/", NULL, &traffic.record);
    REQUIRE_OK(wsline_app_start(traffic.app));
    REQUIRE(record_wait(&traffic.record, 'o', 1));
    traffic.threads[0] = thread_start(traffic_send, &traffic);
    traffic.threads[1] = thread_start(traffic_send_with_app, &traffic);
    traffic.threads[2] = thread_start(traffic_look_up, &traffic);
    for (size_t i = 0; i < check_scaled(40, 2); i++) in_child_of_threads(begin_anew, &traffic);
    pthread_mutex_lock(&traffic.lock);
    traffic.has_ended = true;
    pthread_mutex_unlock(&traffic.lock);
    for (size_t i = 0; i < COUNT_OF(traffic.threads); i++) thread_join(traffic.threads[i]);
    check_echo(traffic.conn);
    CHECK(wsline_app_is_open(traffic.app));
    peer_hang_up(traffic.conn);
    wsline_app_free(traffic.app);
    wsline_options_free(traffic.options);
    CHECK_OK(wsline_set_log(WSLINE_LOG_OFF, NULL, NULL, NULL));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_child_that_frees_or_exits_does_not_affect_its_parent),
        TEST(inherited_objects_are_rejected),
        TEST(objects_created_by_a_child_work),
        TEST(a_grandchild_affects_neither),
        TEST(no_key_repeats_across_forks),
        TEST(a_child_inherits_the_log),
        TEST(a_child_that_returns_from_a_callback_does_not_touch_the_connection),
        TEST(locks_held_by_threads_of_the_parent_do_not_block_the_child),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
