/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of the request: names, values, lines, and those for which there is another option. */
#include "options.h"

static void header_names_are_tokens(void) {
    static const char *const bad[] = {
        "",        " ",       "X Test",  "X-Test:",  "X-Test\r\nX-Evil",
        "X\tTest", "X-Test ", " X-Test", "\xc3\xa4", "X\x01",
        "X(",      "X/Y"};
    wsline_options *options = new_options();

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        check_row(bad[i]);
        CHECK_REFUSED("name", wsline_options_add_header(options, bad[i], "value"));
    }
    check_row("");
    CHECK_REFUSED("name", wsline_options_add_header(options, NULL, "value"));
    CHECK_REFUSED("options", wsline_options_add_header(NULL, "X-Test", "value"));
    wsline_options_free(options);
}

static void header_values_are_one_line(void) {
    static const char *const bad[] = {"a\r\nb", "a\rb", "a\nb", "a\x01", "a\x7f", "\n", "a\r\n b"};
    static const char *const good[] = {"", "a", "a b", "a\tb", "\xc3\xa4", "a: b, c; d=\"e\""};
    wsline_options *options = new_options();

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        check_row(bad[i]);
        CHECK_REFUSED("value", wsline_options_add_header(options, "X-Test", bad[i]));
    }
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        check_row(good[i]);
        CHECK_OK(wsline_options_add_header(options, "X-Test", good[i]));
    }
    check_row("");
    CHECK_REFUSED("value", wsline_options_add_header(options, "X-Test", NULL));
    wsline_options_free(options);
}

static void header_lines_are_a_name_and_a_value(void) {
    static const char *const bad[] = {
        "",    "X-Test", ": value", "X Test: value", "X-Test : value", "X-Test: a\r\nX-Evil: b",
        "\r\n"};
    static const char *const good[] = {"X-Test: value", "X-Test:value",
                                       "X-Test:", "X-Test:  a : b "};
    wsline_options *options = new_options();

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        check_row(bad[i]);
        CHECK_REFUSED("line", wsline_options_set_header_line(options, bad[i]));
    }
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        check_row(good[i]);
        CHECK_OK(wsline_options_set_header_line(options, good[i]));
    }
    check_row("");
    CHECK_REFUSED("line", wsline_options_set_header_line(options, NULL));
    wsline_options_free(options);
}

static void headers_of_the_handshake_are_rejected_with_the_option_to_use(void) {
    static const struct {
        const char *name;
        const char *use;  /* a part of the message */
        const char *line; /* a value that a line may have, if any */
    } rows[] = {
        {"Host", "wsline_options_set_host_header", "Host: h"},
        {"host", "wsline_options_set_host_header", "host:h"},
        {"Origin", "wsline_options_set_origin_header", "Origin: null"},
        {"Cookie", "wsline_options_set_cookie_header", "COOKIE: a=b"},
        {"Connection", "wsline_options_set_connection_header", "Connection: upgrade"},
        {"Sec-WebSocket-Protocol", "wsline_options_add_subprotocol",
         "Sec-WebSocket-Protocol: a , b/c="},
        {"Proxy-Authorization", "wsline_options_set_proxy_auth", NULL},
        {"Upgrade", "Upgrade", NULL},
        {"Sec-WebSocket-Key", "Sec-WebSocket-Key", NULL},
        {"sec-websocket-version", "Sec-WebSocket-Version", NULL},
        {"Sec-WebSocket-Extensions", "Sec-WebSocket-Extensions", NULL},
        {"Sec-WebSocket-Accept", "Sec-WebSocket-Accept", NULL},
        {"Content-Length", "Content-Length", NULL},
        {"Transfer-Encoding", "Transfer-Encoding", NULL},
    };
    wsline_options *options = new_options();

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char line[128];

        check_row(rows[i].name);
        CHECK_REFUSED("name", wsline_options_add_header(options, rows[i].name, "x"));
        CHECK_HAS(rows[i].use, wsline_last_error_message());
        snprintf(line, sizeof line, "%s: x", rows[i].name);
        if (rows[i].line != NULL) {
            CHECK_OK(wsline_options_set_header_line(options, rows[i].line));
        } else {
            CHECK_REFUSED("line", wsline_options_set_header_line(options, line));
            CHECK_HAS(rows[i].use, wsline_last_error_message());
        }
    }
    wsline_options_free(options);
}

static void header_lines_are_checked_as_by_their_own_setters(void) {
    static const char *const bad[] = {"Host:",
                                      "Host: a b",
                                      "Connection: close",
                                      "Cookie: a\x01",
                                      "Origin: \x7f",
                                      "Sec-WebSocket-Protocol:",
                                      "Sec-WebSocket-Protocol: a,,b",
                                      "Sec-WebSocket-Protocol: a,a",
                                      "Sec-WebSocket-Protocol: a b"};
    wsline_options *options = new_options();

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        check_row(bad[i]);
        CHECK_REFUSED("line", wsline_options_set_header_line(options, bad[i]));
    }
    wsline_options_free(options);
}

static void host_headers_and_connection_headers_are_validated(void) {
    wsline_options *options = new_options();

    CHECK_REFUSED("host", wsline_options_set_host_header(options, "exa mple.com"));
    CHECK_REFUSED("host", wsline_options_set_host_header(options, "example.com\t"));
    CHECK_OK(wsline_options_set_connection_header(options, "UPGRADE"));
    CHECK_OK(wsline_options_set_connection_header(options, "close , upgrade"));
    CHECK_REFUSED("value", wsline_options_set_connection_header(options, "keep-alive"));
    CHECK_REFUSED("value", wsline_options_set_connection_header(options, "Upgraded"));
    wsline_options_free(options);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(header_names_are_tokens),
        TEST(header_lines_are_checked_as_by_their_own_setters),
        TEST(header_values_are_one_line),
        TEST(header_lines_are_a_name_and_a_value),
        TEST(headers_of_the_handshake_are_rejected_with_the_option_to_use),
        TEST(host_headers_and_connection_headers_are_validated),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
