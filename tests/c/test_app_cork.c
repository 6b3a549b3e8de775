/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that an app corks: when they are sent, and what counts as queued. */
/* syscall() */
#define _DEFAULT_SOURCE
#include "app.h"
#include "heap.h"

#include <sys/socket.h>
#include <sys/syscall.h>

enum {
    MANY = 1000,
    /* Each has eleven bytes; together more than 64 KiB. */
    ENOUGH = 10000,
};

/* Counts sends on any socket; the app's is the only one. */
static unsigned sends;

ssize_t send(int fd, const void *data, size_t len, int flags) {
    __atomic_add_fetch(&sends, 1, __ATOMIC_RELAXED);
    return syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
               socklen_t to_len) {
    __atomic_add_fetch(&sends, 1, __ATOMIC_RELAXED);
    return syscall(SYS_sendto, fd, data, len, flags, to, to_len);
}

static unsigned sends_so_far(void) { return __atomic_load_n(&sends, __ATOMIC_RELAXED); }

static void send_many(wsline_app *app, int count) {
    for (int i = 0; i < count; i++)
        CHECK_OK(wsline_app_send_text(app, "hello", WSLINE_NUL_TERMINATED));
}

static void send_a_batch(struct record *record, wsline_app *app, char letter) {
    if (letter == 'o') {
        unsigned before = sends_so_far();

        CHECK_OK(wsline_app_cork(app));
        send_many(app, MANY);
        CHECK_INT(before, sends_so_far());
        /* Two bytes of header, four of masking key. */
        CHECK_INT(MANY * 11, wsline_app_send_queue_bytes(app));
        CHECK_OK(wsline_app_uncork(app));
        CHECK_INT(before + 1, sends_so_far());
        CHECK_INT(0, wsline_app_send_queue_bytes(app));
        send_many(app, 1);
        CHECK_INT(before + 2, sends_so_far());
    } else if (letter == 'm' && record_count(record, 'm') == MANY + 1) {
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    }
}

static void a_batch_from_a_callback_is_sent_with_one_call(void) {
    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        struct record record;
        wsline_app *app = app_make(peer_echo_servers[i], "", NULL, &record);

        check_row(peer_echo_servers[i]);
        record.then = send_a_batch;
        CHECK_OK(wsline_app_run(app));
        CHECK_INT(MANY + 1, record_count(&record, 'm'));
        CHECK_INT(0, record.close.unsent_messages);
        wsline_app_free(app);
    }
}

static wsline_app *start(struct record *record, const char *resource) {
    wsline_app *app = app_make("WEBSOCKETS", resource, NULL, record);

    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(record, 'o', 1));
    CHECK_OK(wsline_app_cork(app));
    return app;
}

static void fill(struct record *record, wsline_app *app, char letter) {
    if (letter == 'o') {
        unsigned before = sends_so_far();
        uint64_t most = 0;
        int count = 0;

        CHECK_OK(wsline_app_cork(app));
        for (; sends_so_far() == before && count < ENOUGH; count++) {
            most = wsline_app_send_queue_bytes(app);
            send_many(app, 1);
        }
        CHECK_RANGE(60000, 65536, most);
        CHECK_INT(before + 1, sends_so_far());
        /* Messages after the flush are corked again, and uncorking sends them. */
        send_many(app, ENOUGH - count);
        CHECK_OK(wsline_app_uncork(app));
    } else if (letter == 'm' && record_count(record, 'm') == ENOUGH) {
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    }
}

static void a_full_batch_is_sent_automatically(void) {
    struct record record;
    wsline_app *app = app_make("WEBSOCKETS", "", NULL, &record);

    record.then = fill;
    CHECK_OK(wsline_app_run(app));
    CHECK_INT(ENOUGH, record_count(&record, 'm'));
    CHECK_INT(0, record.close.unsent_messages);
    wsline_app_free(app);
}

static void a_ping_or_a_close_frame_flushes_the_batch(void) {
    struct record record;
    wsline_app *app = start(&record, "");

    /* Nothing else flushes it, although the driving thread is idle. */
    for (int i = 1; i <= MANY; i++) {
        send_many(app, 1);
        CHECK_INT(11 * i, wsline_app_send_queue_bytes(app));
    }
    CHECK_OK(wsline_app_ping(app, NULL, 0));
    REQUIRE(record_wait(&record, 'm', MANY));
    send_many(app, 2);
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    CHECK(record.close.clean);
    CHECK_INT(0, record.close.unsent_messages);
    wsline_app_free(app);
}

/* A waiting batch uses only the memory that it needs, even if earlier batches of this thread were
 * large. */
static void a_waiting_batch_uses_only_the_memory_it_needs(void) {
    enum { ROUNDS = 100, LARGE = 60000, MAX_BYTES = 1 << 20 };
    struct record record;
    wsline_app *app = app_make("FAULTS", "/stall", NULL, &record);
    wsline_conn *other = peer_connect("FAULTS", "/swallow", NULL);
    char *large = calloc(1, LARGE);
    size_t heap;

    REQUIRE(large != NULL);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    /* Little enough that messages are still corked. */
    while (wsline_app_send_queue_bytes(app) == 0)
        CHECK_OK(wsline_app_send_binary(app, large, 1000));
    heap = heap_bytes();
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_OK(wsline_conn_cork(other));
        CHECK_OK(wsline_conn_send_binary(other, large, LARGE));
        CHECK_OK(wsline_conn_uncork(other));
        CHECK_OK(wsline_app_cork(app));
        CHECK_OK(wsline_app_send_binary(app, large, 10));
        CHECK_OK(wsline_app_uncork(app));
    }
    heap = heap_bytes() - heap;
    if (!check_slow()) CHECK_RANGE(0, MAX_BYTES, heap);
    CHECK_OK(wsline_app_abort(app));
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, WAIT_MS));
    wsline_app_free(app);
    peer_hang_up(other);
    free(large);
}

static void cut_off(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'o') {
        CHECK_OK(wsline_app_cork(app));
        send_many(app, 4);
        CHECK_OK(wsline_app_send_fragment(app, WSLINE_OPCODE_BINARY, "part", 4, false));
    }
}

static void messages_corked_at_the_end_are_reported(void) {
    struct record record;
    wsline_app *app = app_make("FAULTS", "/rst-mid", NULL, &record);

    record.then = cut_off;
    CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_app_run(app));
    CHECK_INT(4, record.close.unsent_messages);
    CHECK_INT(4 * 11 + 10, record.close.unsent_bytes);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_cork(app));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_uncork(app));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_cork(NULL));
    wsline_app_free(app);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_batch_from_a_callback_is_sent_with_one_call),
        TEST(a_full_batch_is_sent_automatically),
        TEST(a_ping_or_a_close_frame_flushes_the_batch),
        TEST(a_waiting_batch_uses_only_the_memory_it_needs),
        TEST(messages_corked_at_the_end_are_reported),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
