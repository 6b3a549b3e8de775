/* SPDX-License-Identifier: Apache-2.0 */
/* After the first messages, exchanging messages allocates no memory. Allocations of OpenSSL, which
 * makes some with every record, are not counted. */
#define _DEFAULT_SOURCE
#include "failing_malloc.h"

#include "app.h"
#include "deflate.h"

#include <openssl/crypto.h>

enum { WARM_UP = 20, COUNTED = 100, LONGEST = 64 * 1024 };

static const struct row {
    const char *peer;
    bool deflate;
} rows[] = {
    {"WEBSOCKETS", false},
    {"WEBSOCKETS_TLS", false},
    {"DEFLATE_WEBSOCKETS", true},
    {"DEFLATE_WEBSOCKETS_TLS", true},
};
static const size_t lengths[] = {16, 1024, LONGEST};

static const char *payload(void) {
    static char text[LONGEST];

    for (size_t i = 0; i < LONGEST; i++) text[i] = (char)('a' + i % 23);
    return text;
}

/* A long message arrives in pieces. The buffer for it grows once more if they are split differently
 * than before. */
static void check_none(const char *who, const struct row *row, size_t len) {
    size_t most = len == LONGEST ? 4 : 0;
    char name[128];

    snprintf(name, sizeof name, "%s, %s, %zu bytes", who, row->peer, len);
    check_row(name);
    CHECK_RANGE(0, most, failing_malloc_requests());
}

static wsline_options *options_for(const struct row *row) {
    return row->deflate ? deflate_options() : peer_options();
}

static void exchange(wsline_conn *conn, bool text, size_t len) {
    wsline_message message;

    if (text)
        REQUIRE_OK(wsline_conn_send_text(conn, payload(), len));
    else
        REQUIRE_OK(wsline_conn_send_binary(conn, payload(), len));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    REQUIRE(message.len == len);
}

static void a_blocking_exchange_allocates_no_memory(void) {
    if (!failing_malloc_works()) return;
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(lengths) * 2; i++) {
        const struct row *row = &rows[i / 2 / COUNT_OF(lengths)];
        size_t len = lengths[i / 2 % COUNT_OF(lengths)];
        bool text = i % 2 == 0;
        wsline_options *options = options_for(row);
        wsline_conn *conn = peer_connect(row->peer, "/", options);

        wsline_options_free(options);
        for (int k = 0; k < WARM_UP; k++) exchange(conn, text, len);
        failing_malloc_arm(0);
        failing_malloc_on();
        for (int k = 0; k < COUNTED; k++) exchange(conn, text, len);
        failing_malloc_off();
        check_none(text ? "text" : "binary", row, len);
        peer_hang_up(conn);
    }
}

/* The message that the app sends, and how often. */
struct exchanges {
    size_t len;
    bool text;
};

static void send_again(struct record *record, wsline_app *app, char letter) {
    const struct exchanges *plan = record->more;
    unsigned count = record_count(record, 'm');

    if (letter == 'm' && count == WARM_UP) {
        failing_malloc_arm(0);
        failing_malloc_on();
    }
    if (letter == 'm' && count == WARM_UP + COUNTED) {
        failing_malloc_off();
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    } else if (letter == 'm' || letter == 'o') {
        CHECK_OK(plan->text ? wsline_app_send_text(app, payload(), plan->len)
                            : wsline_app_send_binary(app, payload(), plan->len));
    }
}

static void an_exchange_of_an_app_allocates_no_memory(void) {
    if (!failing_malloc_works()) return;
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(lengths) * 2; i++) {
        const struct row *row = &rows[i / 2 / COUNT_OF(lengths)];
        struct exchanges plan = {lengths[i / 2 % COUNT_OF(lengths)], i % 2 == 0};
        wsline_options *options = options_for(row);
        struct record record;
        wsline_app *app = app_make(row->peer, "/", options, &record);

        wsline_options_free(options);
        record.then = send_again;
        record.more = &plan;
        CHECK_OK(wsline_app_run(app));
        CHECK_INT(WARM_UP + COUNTED, record_count(&record, 'm'));
        check_none(plan.text ? "app, text" : "app, binary", row, plan.len);
        wsline_app_free(app);
    }
}

#if defined(__GLIBC__)
static void *openssl_malloc(size_t size, const char *file, int line) {
    (void)file, (void)line;
    return __libc_malloc(size);
}

static void *openssl_realloc(void *block, size_t size, const char *file, int line) {
    (void)file, (void)line;
    return __libc_realloc(block, size);
}

static void openssl_free(void *block, const char *file, int line) {
    (void)file, (void)line;
    __libc_free(block);
}
#endif

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_blocking_exchange_allocates_no_memory),
        TEST(an_exchange_of_an_app_allocates_no_memory),
    };

#if defined(__GLIBC__)
    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1) return 1;
#endif
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
