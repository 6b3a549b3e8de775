/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping unsent messages for the next connection: none is sent twice, and the order stays. */
#include "drivers.h"
#include "gate.h"
#include "keep.h"

static const char *const stalling[] = {"FAULTS", "FAULTS_TLS"};

static uint64_t bytes_sent(wsline_app *app) {
    wsline_stats stats;

    CHECK_OK(wsline_app_stats(app, &stats));
    return stats.bytes_sent;
}

/* The first connection stalls with a queue, and is reset; the second one echoes. */
struct stalled {
    struct gate gate;
    bool keeps;
    uint64_t bytes_at_open, bytes_at_close;
    unsigned sent, expected;
    uint64_t queued_bytes;
};

static void stall_and_count(struct record *record, wsline_app *app, char letter) {
    struct stalled *stalled = record->more;

    if (letter == 'o') {
        stalled->bytes_at_open = bytes_sent(app);
        while (wsline_app_send_queue_bytes(app) < 100 * MESSAGE_BYTES)
            REQUIRE_OK(send_number(app, stalled->sent++));
        stalled->queued_bytes = wsline_app_send_queue_bytes(app);
        gate_open(&stalled->gate);
    } else if (letter == 'c' && record_count(record, 'c') == 1) {
        stalled->bytes_at_close = bytes_sent(app);
        CHECK(!wsline_app_is_open(app));
        if (stalled->keeps) {
            /* At most the one that was partly sent. */
            CHECK(record->close.unsent_messages <= 1);
            CHECK(record->close.unsent_bytes <= FRAME_BYTES + 100);
            CHECK_OK(send_number(app, stalled->sent++));
            CHECK_STATUS(WSLINE_ERR_WRONG_STATE,
                         wsline_app_ping(app, "no message", WSLINE_NUL_TERMINATED));
            CHECK_STATUS(WSLINE_ERR_WRONG_STATE,
                         wsline_app_send_fragment(app, WSLINE_OPCODE_TEXT, "part", 4, false));
        } else {
            CHECK_RANGE(100, 110, record->close.unsent_messages);
            CHECK_RANGE(stalled->queued_bytes, stalled->queued_bytes + 1000,
                        record->close.unsent_bytes);
            CHECK_INT(0, wsline_app_send_queue_bytes(app));
            CHECK_STATUS(WSLINE_ERR_WRONG_STATE, send_number(app, stalled->sent));
        }
    } else if (letter == 'r') {
        /* What on_reconnect sends overtakes what was kept. */
        CHECK_OK(wsline_app_send_text(app, "login", WSLINE_NUL_TERMINATED));
        CHECK_OK(wsline_app_send_text(app, "subscribe", WSLINE_NUL_TERMINATED));
        if (!stalled->keeps) CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    } else if (letter == 'm') {
        unsigned count = record_count(record, 'm'), number;

        if (count <= 2) {
            CHECK_TEXT(count == 1 ? "login" : "subscribe", record->text);
            return;
        }
        REQUIRE(sscanf(record->text, "%u", &number) == 1);
        if (count == 3) stalled->expected = number;
        CHECK_INT(stalled->expected, number);
        stalled->expected++;
        if (stalled->expected == stalled->sent)
            CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    }
}

static void run_stalled(size_t row, struct stalled *stalled, struct record *record,
                        wsline_options *options) {
    char path[256];
    wsline_app *app;

    check_row(drivers[row / COUNT_OF(stalling)].name);
    stalled->gate = gate_new(stalling[row % COUNT_OF(stalling)]);
    app = app_make(stalled->gate.peer, gate_path(&stalled->gate, "/stall-once?", path), options,
                   record);
    wsline_options_free(options);
    record->then = stall_and_count;
    record->more = stalled;
    drivers[row / COUNT_OF(stalling)].drive(app);
    CHECK_INT(0, record->close.unsent_messages);
    CHECK(record->close.clean);
    wsline_app_free(app);
}

static void unsent_messages_are_sent_on_the_next_connection(void) {
    for (size_t row = 0; row < COUNT_OF(drivers) * COUNT_OF(stalling); row++) {
        struct stalled stalled = {.keeps = true};
        struct record record;
        uint64_t accepted;
        unsigned begun, kept;

        run_stalled(row, &stalled, &record, keeping(WSLINE_FOREVER));
        CHECK_INT(stalled.sent, stalled.expected);
        /* Exactly those of which the system had accepted nothing. TLS adds bytes of its own. */
        accepted = stalled.bytes_at_close - stalled.bytes_at_open;
        begun = (unsigned)((accepted + FRAME_BYTES - 1) / FRAME_BYTES);
        kept = record_count(&record, 'm') - 2;
        if (row % COUNT_OF(stalling) == 0) {
            CHECK_INT(begun, stalled.sent - kept);
        } else {
            CHECK_RANGE(begun * 9 / 10, begun, stalled.sent - kept);
        }
    }
}

static void by_default_unsent_messages_are_dropped_and_reported(void) {
    for (size_t row = 0; row < COUNT_OF(stalling); row++) {
        struct stalled stalled = {.keeps = false};
        struct record record;

        run_stalled(row, &stalled, &record, app_reconnecting());
        CHECK(record_count(&record, 'm') <= 2);
    }
}

/* The socket has failed, and nothing has noticed yet: a message of any size is kept. */
static void send_after_the_reset(struct record *record, wsline_app *app, char letter) {
    static const size_t sizes[] = {16, 70000, 300000};

    if (letter == 'o') {
        gate_open(record->more);
        clock_sleep_ms(50);
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            char *data = calloc(1, sizes[i]);

            REQUIRE(data != NULL);
            CHECK_OK(wsline_app_send_binary(app, data, sizes[i]));
            free(data);
        }
    } else if (letter == 'c' && record_count(record, 'c') == 1) {
        CHECK_INT(0, record->close.unsent_messages);
    } else if (letter == 'm' && record_count(record, 'm') == COUNT_OF(sizes)) {
        CHECK_INT(16 + 70000 + 300000, record->bytes);
        CHECK_INT(300000, record->message.len);
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    }
}

static void what_a_broken_socket_rejects_is_kept(void) {
    struct gate gate = gate_new("FAULTS");
    struct record record;
    char path[256];
    wsline_options *options = keeping(WSLINE_FOREVER);
    wsline_app *app = app_make("FAULTS", gate_path(&gate, "/stall-once?", path), options, &record);

    wsline_options_free(options);
    record.then = send_after_the_reset;
    record.more = &gate;
    CHECK_OK(wsline_app_start(app));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    CHECK_INT(3, record_count(&record, 'm'));
    wsline_app_free(app);
}

/* Threads that send while connections come and go --------------------------------------------- */

enum { THREADS = 4 };

struct crew {
    struct record record;
    wsline_app *app;
    unsigned each, received, expected[THREADS];
};

struct hand {
    struct crew *crew;
    unsigned number;
};

static void *send_numbers(void *argument) {
    struct hand *hand = argument;
    static const size_t sizes[] = {16, 100, 2000, 70000};

    for (unsigned i = 0; i < hand->crew->each; i++) {
        size_t len = sizes[(i + hand->number) % COUNT_OF(sizes)];
        char *data = malloc(len);
        wsline_status status;

        REQUIRE(data != NULL);
        memset(data, '.', len);
        data[sprintf(data, "%u %u ", hand->number, i)] = '.';
        while ((status = wsline_app_send_text(hand->crew->app, data, len)) ==
               WSLINE_ERR_WOULD_BLOCK)
            clock_pause();
        CHECK_OK(status);
        free(data);
        if (i % 20 == 0) clock_sleep_ms(10);
        if (i == hand->crew->each / 2) REQUIRE(record_wait(&hand->crew->record, 'r', 1));
    }
    return NULL;
}

static void count_numbers(struct record *record, wsline_app *app, char letter) {
    struct crew *crew = record->more;
    unsigned thread, number;

    if (letter != 'm') return;
    REQUIRE(sscanf(record->text, "%u %u", &thread, &number) == 2 && thread < THREADS);
    CHECK_INT(crew->expected[thread], number);
    crew->expected[thread]++;
    if (++crew->received == THREADS * crew->each)
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    else if (crew->received % (crew->each / 3) == 0)
        CHECK_OK(wsline_app_reconnect(app, WSLINE_CLOSE_NORMAL, NULL));
}

/* The servers read everything before they answer a close frame. So nothing at all may be lost, and
 * no thread notices anything. */
static void nothing_is_lost_or_sent_twice_over_many_reconnects(void) {
    static const char *const peers[] = {"FAULTS", "FAULTS_TLS", "DEFLATE_AIOHTTP",
                                        "DEFLATE_AIOHTTP_TLS"};

    for (size_t row = 0; row < COUNT_OF(peers); row++) {
        struct crew crew = {.each = (unsigned)check_scaled(150, 30)};
        struct hand hands[THREADS];
        pthread_t threads[THREADS];
        wsline_options *options = keeping(WSLINE_FOREVER);

        check_row(peers[row]);
        REQUIRE_OK(wsline_options_set_max_send_queue_bytes(options, 200000));
        REQUIRE_OK(wsline_options_set_deflate(options, true));
        crew.app = app_make(peers[row], row < 2 ? "/echo" : "/", options, &crew.record);
        wsline_options_free(options);
        crew.record.then = count_numbers;
        crew.record.more = &crew;
        CHECK_OK(wsline_app_start(crew.app));
        REQUIRE(record_wait(&crew.record, 'o', 1));
        for (unsigned i = 0; i < THREADS; i++) {
            hands[i] = (struct hand){&crew, i};
            threads[i] = thread_start(send_numbers, &hands[i]);
        }
        for (unsigned i = 0; i < THREADS; i++) thread_join(threads[i]);
        CHECK_OK(wsline_app_join(crew.app, 10 * WAIT_MS));
        CHECK_INT(THREADS * crew.each, crew.received);
        wsline_app_free(crew.app);
    }
}

/* Corked ------------------------------------------------------------------------------------ */

static void corked_messages_wait_until_they_are_uncorked(void) {
    struct record record;
    wsline_app *app = app_open("FAULTS", "/echo", keeping(WSLINE_FOREVER), &record);

    CHECK_OK(wsline_app_cork(app));
    for (unsigned i = 0; i < 5; i++) CHECK_OK(send_number(app, i));
    CHECK_INT(5 * COST, wsline_app_send_queue_bytes(app));
    CHECK_OK(wsline_app_flush(app, WAIT_MS));
    REQUIRE(record_wait(&record, 'm', 5));
    CHECK_OK(send_number(app, 5));
    CHECK_INT(COST, wsline_app_send_queue_bytes(app));
    CHECK_OK(wsline_app_uncork(app));
    CHECK_INT(0, wsline_app_send_queue_bytes(app));
    REQUIRE(record_wait(&record, 'm', 6));
    CHECK_OK(wsline_app_cork(app));
    CHECK_OK(send_number(app, 6));
    /* A close sends it first. */
    end_app(app);
    CHECK_INT(7, record_count(&record, 'm'));
    CHECK_INT(0, record.close.unsent_messages);
}

static void what_is_corked_is_kept(void) {
    struct record record;
    wsline_app *app = app_open("WEBSOCKETS", "/", keeping(WSLINE_FOREVER), &record);

    CHECK_OK(wsline_app_cork(app));
    CHECK_OK(send_number(app, 0));
    CHECK_OK(wsline_app_reconnect(app, WSLINE_CLOSE_NORMAL, NULL));
    REQUIRE(record_wait(&record, 'r', 1));
    REQUIRE(record_wait(&record, 'm', 1));
    /* The new connection is not corked. */
    CHECK_OK(send_number(app, 1));
    REQUIRE(record_wait(&record, 'm', 2));
    end_app(app);
}

static void the_age_is_checked(void) {
    wsline_options *options = peer_options();

    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_keep_unsent_ms(options, -2));
    CHECK_HAS("`max_age_ms` is -2", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_keep_unsent_ms(NULL, 0));
    CHECK_OK(wsline_options_set_keep_unsent_ms(options, INT64_MAX));
    CHECK_OK(wsline_options_set_keep_unsent_ms(options, 0));
    wsline_options_free(options);
}

static const struct test tests[] = {
    TEST(unsent_messages_are_sent_on_the_next_connection),
    TEST(by_default_unsent_messages_are_dropped_and_reported),
    TEST(what_a_broken_socket_rejects_is_kept),
    TEST(nothing_is_lost_or_sent_twice_over_many_reconnects),
    TEST(corked_messages_wait_until_they_are_uncorked),
    TEST(what_is_corked_is_kept),
    TEST(the_age_is_checked),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
