/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses where nobody answers: the next one is tried, and a deadline or an abort ends the wait.
 */
#include "clock.h"
#include "reach.h"

#include <sys/socket.h>
#include <sys/un.h>

static void a_dead_first_address_does_not_stop_the_second(void) {
    const char *skip = getenv("WSLINE_TEST_EYEBALLS_SKIP");
    wsline_conn *conn;
    struct stopwatch start;

    if (skip != NULL) {
        printf("skipped: %s\n", skip);
        return;
    }
    start = stopwatch_start();
    conn = peer_connect("EYEBALLS", "/", NULL);
    /* RFC 8305: the second attempt starts 250 ms after the first. */
    CHECK_TOOK(250, start);
    CHECK_HAS("127.0.0.1:", wsline_conn_peer_address(conn));
    check_echo(conn);
    peer_hang_up(conn);
}

static void a_dead_address_ends_at_the_deadline(void) {
    wsline_options *options = peer_options();
    char url[PEER_URL_MAX];
    struct stopwatch start;

    peer_url(url, "BLACKHOLE", "/");
    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, 300));
    start = stopwatch_start();
    check_unreached(WSLINE_ERR_TIMEOUT, WSLINE_PHASE_CONNECT, "connecting to 127.0.0.1:", url,
                    options);
    CHECK_TOOK(300, start);
    wsline_options_free(options);
}

static wsline_status abort_it(wsline_conn *conn) { return wsline_conn_abort(conn); }

static void abort_ends_the_wait_for_a_dead_address(void) {
    struct later later = {.call = abort_it, .after_ms = 100};
    char url[PEER_URL_MAX];
    struct stopwatch start = stopwatch_start();

    peer_url(url, "BLACKHOLE", "/");
    REQUIRE_OK(wsline_conn_new(NULL, &later.conn));
    later_start(&later);
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_connect(later.conn, url));
    CHECK_TOOK(100, start);
    later_end(&later);
    wsline_conn_free(later.conn);
}

/* A Unix domain server that accepts nobody and has a full queue: connect(2) fails with EAGAIN. */
struct full_server {
    char folder[32];
    char url[PEER_URL_MAX];
    struct sockaddr_un address;
    int listener;
    int filler;
    pthread_t thread;
};

static void full_server_open(struct full_server *server) {
    const struct sockaddr *address = (const struct sockaddr *)&server->address;
    socklen_t len = sizeof server->address;

    memset(server, 0, sizeof *server);
    strcpy(server->folder, "/tmp/wsline-test-XXXXXX");
    REQUIRE(mkdtemp(server->folder) != NULL);
    server->address.sun_family = AF_UNIX;
    snprintf(server->address.sun_path, sizeof server->address.sun_path, "%s/full", server->folder);
    snprintf(server->url, sizeof server->url, "ws+unix://%s:/", server->address.sun_path);
    server->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(bind(server->listener, address, len) == 0);
    REQUIRE(listen(server->listener, 0) == 0);
    server->filler = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(connect(server->filler, address, len) == 0);
}

static void full_server_close(struct full_server *server) {
    close(server->filler);
    close(server->listener);
    unlink(server->address.sun_path);
    rmdir(server->folder);
}

/* Accepts the connection that fills the queue, then the next one, and closes both at once. */
static void *full_server_accept(void *argument) {
    struct full_server *server = argument;

    clock_sleep_ms(200);
    close(accept(server->listener, NULL, NULL));
    close(accept(server->listener, NULL, NULL));
    return NULL;
}

static void connecting_to_a_full_unix_server_is_retried_until_the_deadline(void) {
    wsline_options *options = peer_options();
    struct full_server server;
    struct stopwatch start;

    full_server_open(&server);
    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, 300));
    start = stopwatch_start();
    check_unreached(WSLINE_ERR_TIMEOUT, WSLINE_PHASE_CONNECT, "connecting to", server.url, options);
    CHECK_TOOK(300, start);
    full_server_close(&server);
    wsline_options_free(options);
}

static void a_full_unix_server_is_connected_when_it_has_room(void) {
    wsline_options *options = peer_options();
    struct full_server server;
    struct stopwatch start = stopwatch_start();

    full_server_open(&server);
    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, WAIT_MS));
    server.thread = thread_start(full_server_accept, &server);
    check_unreached(WSLINE_ERR_CONNECTION_LOST, WSLINE_PHASE_UPGRADE, "", server.url, options);
    CHECK_TOOK(200, start);
    thread_join(server.thread);
    full_server_close(&server);
    wsline_options_free(options);
}

static void abort_ends_the_wait_for_a_full_queue(void) {
    struct later later = {.call = abort_it, .after_ms = 100};
    struct full_server server;
    struct stopwatch start = stopwatch_start();

    full_server_open(&server);
    REQUIRE_OK(wsline_conn_new(NULL, &later.conn));
    later_start(&later);
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_connect(later.conn, server.url));
    CHECK_TOOK(100, start);
    later_end(&later);
    wsline_conn_free(later.conn);
    full_server_close(&server);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_dead_first_address_does_not_stop_the_second),
        TEST(a_dead_address_ends_at_the_deadline),
        TEST(abort_ends_the_wait_for_a_dead_address),
        TEST(connecting_to_a_full_unix_server_is_retried_until_the_deadline),
        TEST(a_full_unix_server_is_connected_when_it_has_room),
        TEST(abort_ends_the_wait_for_a_full_queue),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
