/* SPDX-License-Identifier: Apache-2.0 */
/* WSLINE_MESSAGE_MORE: another message has already arrived. */
#include "app.h"
#include "deflate.h"

/* Texts of one letter. */
#define A    "810161"
#define B    "810162"
#define C    "810163"
#define PING "8900"
/* "Hello", and its first fragment. */
#define HELLO        "c107f248cdc9c90700"
#define HELLO_BEGINS "4103f248cd"
#define HELLO_ENDS   "8004c9c90700"

/* The bytes of one segment, the messages in it, and which of them are followed by another. */
static const struct segment {
    const char *name, *hex, *texts[4];
    const char *more; /* a "+" or "-" for each message */
} segments[] = {
    {"one", A, {"a"}, "-"},
    {"three", A B C, {"a", "b", "c"}, "++-"},
    {"a ping between", A PING B, {"a", "b"}, "+-"},
    {"pings only", A PING PING PING, {"a"}, "-"},
    {"pings and pongs around", PING A PING "8a00" PING B PING, {"a", "b"}, "+-"},
    {"an incomplete header", A "81", {"a"}, "-"},
    {"an incomplete payload", A "810262", {"a"}, "-"},
    {"a complete header", A "8101", {"a"}, "-"},
    {"a fragment", A "010162", {"a"}, "-"},
    {"fragments",
     A "010162"
       "000163"
       "800164",
     {"a", "bcd"},
     "+-"},
    {"fragments and a ping", A "010162" PING "000163" PING "800164", {"a", "bcd"}, "+-"},
    {"fragments that lack one", A "010162" PING "000163" PING, {"a"}, "-"},
    {"fragments first",
     "010162"
     "000163"
     "800164" A,
     {"bcd", "a"},
     "+-"},
    {"an incomplete one after two", A B "8105", {"a", "b"}, "+-"},
    {"an empty one", A "8100", {"a", ""}, "+-"},
    {"a close frame", A B "8800", {"a", "b"}, "+-"},
    {"compressed ones", HELLO HELLO A, {"Hello", "Hello", "a"}, "++-"},
    {"a compressed fragment", A HELLO_BEGINS, {"a"}, "-"},
    {"compressed fragments", A HELLO_BEGINS PING HELLO_ENDS B, {"a", "Hello", "b"}, "++-"},
    {"an empty compressed one", HELLO "c10100" A, {"Hello", "", "a"}, "++-"},
};

static const char *const peers[] = {"FAULTS", "FAULTS_TLS"};

static void segment_path(const struct segment *segment, char *path, size_t size) {
    check_row(segment->name);
    snprintf(path, size, "/frame?extensions=permessage-deflate&then=echo&hex=%s", segment->hex);
}

static void check_segment(const char *peer, const struct segment *segment,
                          wsline_status (*receive)(wsline_conn *, int64_t, wsline_message *)) {
    char path[256];
    wsline_message message;
    wsline_conn *conn;

    segment_path(segment, path, sizeof path);
    conn = deflate_connect(peer, path, deflate_options());
    for (size_t i = 0; segment->more[i] != '\0'; i++) {
        bool had_more = i > 0 && segment->more[i - 1] == '+';

        /* If there is more, nothing waits. */
        do {
            REQUIRE_OK(receive(conn, had_more ? 0 : WAIT_MS, &message));
        } while (message.opcode != WSLINE_OPCODE_TEXT);
        CHECK_TEXT(segment->texts[i], (const char *)message.data);
        CHECK_INT(segment->more[i] == '+', (message.flags & WSLINE_MESSAGE_MORE) != 0);
        CHECK_INT(WSLINE_MESSAGE_FIRST | WSLINE_MESSAGE_LAST,
                  message.flags & ~(uint32_t)WSLINE_MESSAGE_MORE);
    }
    wsline_conn_free(conn);
}

static void a_message_reports_that_another_has_arrived(void) {
    for (size_t i = 0; i < COUNT_OF(segments); i++)
        for (size_t k = 0; k < COUNT_OF(peers); k++)
            check_segment(peers[k], &segments[i], wsline_conn_recv);
}

/* For an event, a ping does not count as a message. */
static void an_event_reports_that_another_message_has_arrived(void) {
    for (size_t i = 0; i < COUNT_OF(segments); i++)
        if (strstr(segments[i].hex, "8900") == NULL)
            check_segment("FAULTS", &segments[i], wsline_conn_recv_event);
}

/* wsline_conn_recv_event() reports control frames that have arrived, without waiting. */
static void control_frames_after_a_message_are_found_without_waiting(void) {
    static const struct {
        const char *hex;
        int32_t opcode;
    } rows[] = {
        {A PING, WSLINE_OPCODE_PING},
        {A "8a00", WSLINE_OPCODE_PONG},
        {A "8800", WSLINE_OPCODE_CLOSE},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t k = 0; k < COUNT_OF(peers); k++) {
            char path[128];
            wsline_message message;
            wsline_conn *conn;

            check_row(rows[i].hex);
            snprintf(path, sizeof path, "/frame?hex=%s", rows[i].hex);
            conn = peer_connect(peers[k], path, NULL);
            REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
            CHECK_INT(0, message.flags & WSLINE_MESSAGE_MORE);
            REQUIRE_OK(wsline_conn_recv_event(conn, 0, &message));
            CHECK_INT(rows[i].opcode, message.opcode);
            wsline_conn_free(conn);
        }
}

static void the_flag_is_right_during_a_flood(void) {
    enum { COUNT = 20000 };
    wsline_conn *conn = peer_connect("FAULTS", "/frame?hex=" A "&n=20000", NULL);
    int more = 0;
    bool had_more = false;

    for (int i = 0; i < COUNT; i++) {
        wsline_message message;

        REQUIRE_OK(wsline_conn_recv(conn, had_more ? 0 : WAIT_MS, &message));
        had_more = (message.flags & WSLINE_MESSAGE_MORE) != 0;
        more += had_more;
    }
    CHECK(!had_more);
    CHECK_RANGE(COUNT / 2, COUNT - 1, more);
    peer_hang_up(conn);
}

/* ---- apps ---- */

struct told {
    char more[8];
    size_t count, wanted;
};

static void tell(struct record *record, wsline_app *app, char letter) {
    struct told *told = record->more;

    if (letter != 'm') return;
    if (told->count < sizeof told->more - 1)
        told->more[told->count] = record->message.flags & WSLINE_MESSAGE_MORE ? '+' : '-';
    if (++told->count == told->wanted) CHECK_OK(wsline_app_abort(app));
}

static void an_app_reports_it_too(void) {
    for (size_t i = 0; i < COUNT_OF(segments); i++)
        for (size_t k = 0; k < COUNT_OF(peers); k++) {
            struct record record;
            struct told told = {.wanted = strlen(segments[i].more)};
            wsline_options *options = deflate_options();
            char path[256];
            wsline_app *app;

            segment_path(&segments[i], path, sizeof path);
            app = app_make(peers[k], path, options, &record);
            wsline_options_free(options);
            record.then = tell;
            record.more = &told;
            wsline_app_run(app);
            CHECK_TEXT(segments[i].more, told.more);
            wsline_app_free(app);
        }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_message_reports_that_another_has_arrived),
        TEST(an_event_reports_that_another_message_has_arrived),
        TEST(control_frames_after_a_message_are_found_without_waiting),
        TEST(the_flag_is_right_during_a_flood),
        TEST(an_app_reports_it_too),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
