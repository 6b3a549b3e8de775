/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes of servers that an option tolerates, each by its own flag and by no other. */
#include "app.h"
#include "lines.h"

static const struct mistake {
    const char *name;
    uint32_t flag;
    const char *path; /* the server makes the mistake, and then sends "text" or echoes */
    const char *text; /* what it sends; NULL: the echo */
    wsline_status strict;
    const char *logged;
} mistakes[] = {
    {"masked", WSLINE_LENIENT_MASKED_FRAMES, "/frame?hex=81840102030475677b70", "text",
     WSLINE_ERR_PROTOCOL, "the server masks its frames"},
    {"HTTP/1.0", WSLINE_LENIENT_HTTP_1_0, "/http-1.0", NULL, WSLINE_ERR_BAD_UPGRADE,
     "the server responds with HTTP/1.0"},
    {"subprotocol", WSLINE_LENIENT_SUBPROTOCOL, "/unasked-subprotocol", NULL,
     WSLINE_ERR_BAD_UPGRADE, "a subprotocol that was not offered"},
    {"subprotocol in other case", WSLINE_LENIENT_SUBPROTOCOL, "/unasked-subprotocol?name=Chat",
     NULL, WSLINE_ERR_BAD_UPGRADE, "a subprotocol that was not offered"},
    {"extension", WSLINE_LENIENT_EXTENSIONS, "/echo?extensions=x-other%3B+a%3D1", NULL,
     WSLINE_ERR_BAD_UPGRADE, "an extension that was not offered, which is ignored"},
    {"length of 16 bits", WSLINE_LENIENT_LENGTHS, "/frame?hex=817e000474657874", "text",
     WSLINE_ERR_PROTOCOL, "frame lengths that are not in their shortest form"},
    {"length of 64 bits", WSLINE_LENIENT_LENGTHS, "/frame?hex=817f000000000000000474657874", "text",
     WSLINE_ERR_PROTOCOL, "frame lengths that are not in their shortest form"},
    {"fragment", WSLINE_LENIENT_URL_FRAGMENT, "/echo#part", NULL, WSLINE_ERR_INVALID_URL,
     "the URL has a fragment, which is ignored"},
};

enum { ALL = 63 };

static wsline_options *lenient(uint32_t flags) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_lenient(options, flags));
    REQUIRE_OK(wsline_options_add_subprotocol(options, "chat"));
    return options;
}

static wsline_status receive(wsline_conn *conn, const struct mistake *mistake, char text[64]) {
    wsline_message message;
    wsline_status status = WSLINE_OK;

    if (mistake->text == NULL) status = wsline_conn_send_text(conn, "echo", WSLINE_NUL_TERMINATED);
    if (status == WSLINE_OK) status = wsline_conn_recv(conn, WAIT_MS, &message);
    if (status == WSLINE_OK) snprintf(text, 64, "%s", (const char *)message.data);
    return status;
}

static wsline_status connect_and_receive(const struct mistake *mistake, uint32_t flags,
                                         char text[64]) {
    wsline_options *options = lenient(flags);
    wsline_conn *conn = NULL;
    wsline_status status = peer_try("FAULTS", mistake->path, options, &conn);

    if (status == WSLINE_OK) status = receive(conn, mistake, text);
    wsline_conn_free(conn);
    wsline_options_free(options);
    return status;
}

static void a_mistake_is_tolerated_by_its_own_flag_and_logged(void) {
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        const struct mistake *mistake = &mistakes[i];
        const char *expected = mistake->text == NULL ? "echo" : mistake->text;
        char text[64] = "";
        const char *log;

        check_row(mistake->name);
        CHECK_STATUS(mistake->strict, connect_and_receive(mistake, 0, text));
        CHECK_STATUS(mistake->strict, connect_and_receive(mistake, ALL & ~mistake->flag, text));
        CHECK_TEXT("", text);
        lines_begin();
        CHECK_OK(connect_and_receive(mistake, mistake->flag, text));
        log = strstr(lines_end(), mistake->logged);
        CHECK_TEXT(expected, text);
        if (CHECK(log != NULL)) CHECK(strstr(log + 1, mistake->logged) == NULL);
    }
}

static void a_server_without_mistakes_is_not_logged(void) {
    static const struct mistake none = {.path = "/echo"};
    char text[64];
    const char *log;

    lines_begin();
    CHECK_OK(connect_and_receive(&none, ALL, text));
    log = lines_end();
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) CHECK(strstr(log, mistakes[i].logged) == NULL);
}

static void the_server_s_choice_is_reported(void) {
    wsline_options *options = lenient(WSLINE_LENIENT_SUBPROTOCOL);
    wsline_conn *conn = peer_connect("FAULTS", "/unasked-subprotocol?name=Chat", options);

    CHECK_TEXT("Chat", wsline_conn_subprotocol(conn));
    peer_hang_up(conn);
    wsline_options_free(options);
}

static void an_app_is_lenient_too(void) {
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        struct record record;
        wsline_options *options = lenient(mistakes[i].flag);
        wsline_app *app = app_make("FAULTS", mistakes[i].path, options, &record);

        check_row(mistakes[i].name);
        wsline_options_free(options);
        CHECK_OK(wsline_app_start(app));
        REQUIRE(record_wait(&record, 'o', 1));
        if (mistakes[i].text == NULL)
            CHECK_OK(wsline_app_send_text(app, "echo", WSLINE_NUL_TERMINATED));
        REQUIRE(record_wait(&record, 'm', 1));
        CHECK_TEXT(mistakes[i].text == NULL ? "echo" : mistakes[i].text, record.text);
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
        CHECK_OK(wsline_app_join(app, WAIT_MS));
        wsline_app_free(app);
    }
}

static void flags_are_checked(void) {
    wsline_options *options = peer_options();

    CHECK_OK(wsline_options_set_lenient(options, ALL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_lenient(options, ALL + 1));
    CHECK_HAS("`mistakes` is 64, which has an unknown bit", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_lenient(NULL, 0));
    CHECK_OK(wsline_options_set_lenient(options, 0));
    wsline_options_free(options);
}

static const struct test tests[] = {
    TEST(a_mistake_is_tolerated_by_its_own_flag_and_logged),
    TEST(a_server_without_mistakes_is_not_logged),
    TEST(the_server_s_choice_is_reported),
    TEST(an_app_is_lenient_too),
    TEST(flags_are_checked),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
