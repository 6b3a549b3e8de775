/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thousands of connections on one thread: the memory of an idle one, and that idle connections do
 * not make the messages of others slower.
 *
 *   WSLINE_TEST_MANY=10 ./test_app_many     with this many idle connections
 */
/* mallinfo2() */
#define _DEFAULT_SOURCE
#include "clock.h"
#include "peer.h"

#include <malloc.h>
#include <sys/resource.h>

/* The memory that the library may use for an idle connection, including its app and its entry in
 * the loop. */
enum { MAX_QUIET_BYTES = 2304, AT_ONCE = 100, ACTIVE = 10 };

struct crowd {
    wsline_loop *loop;
    wsline_options *options;
    wsline_app **apps;
    size_t count, added, open, echoes, wanted;
};

static size_t heap_bytes(void) { return mallinfo2().uordblks; }

static int64_t cpu_us(void) {
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void add_one(struct crowd *crowd) {
    if (crowd->added < crowd->count)
        CHECK_OK(wsline_loop_add(crowd->loop, crowd->apps[crowd->added++]));
}

static void count_open(wsline_app *app, void *userdata) {
    struct crowd *crowd = userdata;

    (void)app;
    crowd->open++;
    add_one(crowd);
}

static void send_again(wsline_app *app, const wsline_message *message, void *userdata) {
    struct crowd *crowd = userdata;

    (void)message;
    if (++crowd->echoes + ACTIVE <= crowd->wanted)
        CHECK_OK(wsline_app_send_text(app, "sixteen bytes ..", 16));
}

static void crowd_open(struct crowd *crowd, const char *peer, size_t count) {
    char url[PEER_URL_MAX];

    memset(crowd, 0, sizeof *crowd);
    peer_url(url, peer, "");
    crowd->count = count;
    crowd->options = peer_options();
    crowd->apps = calloc(count, sizeof *crowd->apps);
    REQUIRE(crowd->apps != NULL);
    REQUIRE_OK(wsline_loop_new(&crowd->loop));
    for (size_t i = 0; i < count; i++) {
        REQUIRE_OK(wsline_app_new(url, crowd->options, &crowd->apps[i]));
        REQUIRE_OK(wsline_app_on_open(crowd->apps[i], count_open, crowd, NULL));
        REQUIRE_OK(wsline_app_on_message(crowd->apps[i], send_again, crowd, NULL));
    }
    for (size_t i = 0; i < AT_ONCE; i++) add_one(crowd);
    while (crowd->open < count) REQUIRE_OK(wsline_loop_run_once(crowd->loop, WAIT_MS));
}

/* Echoes on a few of the connections; returns the CPU microseconds of this process per message. */
static double crowd_echo(struct crowd *crowd, size_t echoes) {
    int64_t start = cpu_us();

    crowd->echoes = 0;
    crowd->wanted = echoes;
    for (size_t i = 0; i < ACTIVE && i < crowd->count; i++)
        CHECK_OK(wsline_app_send_text(crowd->apps[i], "sixteen bytes ..", 16));
    while (crowd->echoes < echoes) REQUIRE_OK(wsline_loop_run_once(crowd->loop, WAIT_MS));
    return (double)(cpu_us() - start) / (double)echoes;
}

static void crowd_close(struct crowd *crowd) {
    wsline_loop_free(crowd->loop);
    for (size_t i = 0; i < crowd->count; i++) wsline_app_free(crowd->apps[i]);
    free(crowd->apps);
    wsline_options_free(crowd->options);
}

static size_t crowd_size(void) {
    const char *many = getenv("WSLINE_TEST_MANY");

    return many == NULL ? check_scaled(10000, 100) : strtoul(many, NULL, 10);
}

static void idle_connections_use_little_memory(void) {
    struct crowd crowd;
    size_t before, held, count = crowd_size();
    double us;

    /* Memory that the process needs once. */
    crowd_open(&crowd, "WS", ACTIVE);
    crowd_echo(&crowd, 1000);
    crowd_close(&crowd);

    before = heap_bytes();
    crowd_open(&crowd, "WS", count);
    us = crowd_echo(&crowd, check_scaled(20000, 100));
    held = (heap_bytes() - before) / count;
    printf("     %zu connections: %zu bytes each, %.2f us of CPU for an echo\n", count, held, us);
    if (!check_slow() && count >= 100) CHECK_RANGE(0, MAX_QUIET_BYTES, held);
    crowd_close(&crowd);
}

static const struct test tests[] = {
    TEST(idle_connections_use_little_memory),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
