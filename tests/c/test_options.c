/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every option: which values it accepts, which it rejects, and that the error names the argument.
 * The rules for headers are in test_options_headers.c.
 */
#include "options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Like CHECK_REFUSED, for an argument known only at run time. */
static void check_refused(const char *argument, wsline_status status) {
    char quoted[64];

    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, status);
    snprintf(quoted, sizeof quoted, "`%s`", argument);
    CHECK_HAS(quoted, wsline_last_error_message());
}

static void new_and_clone_require_an_output(void) {
    wsline_options *options = new_options();
    wsline_options *copy = (wsline_options *)1;

    CHECK_REFUSED("options_out", wsline_options_new(NULL));
    CHECK_REFUSED("options_out", wsline_options_clone(options, NULL));
    CHECK_REFUSED("options", wsline_options_clone(NULL, &copy));
    CHECK(copy == NULL);
    wsline_options_free(options);
    wsline_options_free(NULL);
}

/* Text setters -------------------------------------------------------------------------------- */

struct text_setter {
    const char *name;
    wsline_status (*set)(wsline_options *options, const char *text);
    const char *argument;
    const char *good;
    bool may_be_empty, null_restores;
};

static const struct text_setter header_setters[] = {
    {"header_line", wsline_options_set_header_line, "line", "X-Test: value", false, false},
    {"cookie", wsline_options_set_cookie_header, "cookie", "a=b; c=d", true, true},
    {"origin", wsline_options_set_origin_header, "origin", "https://example.com", true, true},
    {"host", wsline_options_set_host_header, "host", "example.com:8080", false, true},
    {"connection", wsline_options_set_connection_header, "value", "keep-alive, Upgrade", false,
     true},
    {"subprotocol", wsline_options_add_subprotocol, "name", "chat.v1", false, false},
};

static const struct text_setter path_setters[] = {
    {"server_name", wsline_options_set_tls_server_name, "name", "example.com", false, true},
    {"ca_file", wsline_options_set_tls_ca_file, "path", "/some/ca.pem", true, true},
    {"ca_path", wsline_options_set_tls_ca_path, "path", "/some/certs", true, true},
    {"certificate", wsline_options_set_tls_certificate_file, "path", "/my.pem", true, true},
    {"key_file", wsline_options_set_tls_key_file, "path", "/my.key", true, true},
    {"key_password", wsline_options_set_tls_key_password, "password", "secret", true, true},
};

static void check_text_setters(const struct text_setter *setters, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct text_setter *setter = &setters[i];
        wsline_options *options = new_options();

        check_row(setter->name);
        CHECK_OK(setter->set(options, setter->good));
        check_refused("options", setter->set(NULL, setter->good));
        if (setter->null_restores)
            CHECK_OK(setter->set(options, NULL));
        else
            check_refused(setter->argument, setter->set(options, NULL));
        check_refused(setter->argument, setter->set(options, "\xff\xfe"));
        if (!setter->may_be_empty) check_refused(setter->argument, setter->set(options, ""));
        wsline_options_free(options);
    }
}

static void string_options_accept_good_values_and_reject_null_options(void) {
    check_text_setters(header_setters, COUNT_OF(header_setters));
    check_text_setters(path_setters, COUNT_OF(path_setters));
}

static void no_header_contains_a_line_break_or_control_character(void) {
    static const char *const injected[] = {"\r\nX-Evil: 1", "\r", "\n", "\r\n", "\x01", "\x7f"};

    for (size_t i = 0; i < COUNT_OF(header_setters); i++) {
        const struct text_setter *setter = &header_setters[i];
        wsline_options *options = new_options();

        check_row(setter->name);
        for (size_t k = 0; k < COUNT_OF(injected); k++) {
            char text[128];

            snprintf(text, sizeof text, "%s%s", setter->good, injected[k]);
            check_refused(setter->argument, setter->set(options, text));
            snprintf(text, sizeof text, "%s%s%s", setter->good, injected[k], setter->good);
            check_refused(setter->argument, setter->set(options, text));
        }
        wsline_options_free(options);
    }
}

static void subprotocols_are_tokens(void) {
    static const char *const bad[] = {"",    "a b", "a,b", "a\tb", "(a)", "a:b", "a;b",     "\"a\"",
                                      "a@b", "[a]", "{a}", "a\\b", "<a>", "a?",  "\xc3\xa4"};
    wsline_options *options = new_options();

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        check_row(bad[i]);
        CHECK_REFUSED("name", wsline_options_add_subprotocol(options, bad[i]));
    }
    check_row("");
    CHECK_REFUSED("name", wsline_options_add_subprotocol(options, NULL));
    CHECK_OK(wsline_options_add_subprotocol(options, "!#$%&'*+-.^_`|~aZ09"));
    CHECK_OK(wsline_options_add_subprotocol(options, "v1/base64=="));
    CHECK_OK(wsline_options_add_subprotocol(options, "chat"));
    CHECK_REFUSED("name", wsline_options_add_subprotocol(options, "chat"));
    wsline_options_free(options);
}

static void the_name_of_an_unverified_certificate_is_not_checked(void) {
    static const char part[] = "the name in a certificate proves nothing";
    wsline_options *options = new_options();

    CHECK_OK(wsline_options_set_tls_verify_host(options, true));
    CHECK_REFUSED("enable", wsline_options_set_tls_verify(options, false));
    CHECK_HAS(part, wsline_last_error_message());
    CHECK_OK(wsline_options_set_tls_verify_host(options, false));
    CHECK_OK(wsline_options_set_tls_verify(options, false));
    CHECK_REFUSED("enable", wsline_options_set_tls_verify_host(options, true));
    CHECK_HAS(part, wsline_last_error_message());
    CHECK_OK(wsline_options_set_tls_verify(options, true));
    CHECK_OK(wsline_options_set_tls_verify_host(options, true));
    wsline_options_free(options);
}

/* Numbers, switches, memory ------------------------------------------------------------------- */

static void times_are_milliseconds_or_one_of_the_two_constants(void) {
    static const struct {
        const char *name;
        wsline_status (*set)(wsline_options *options, int64_t timeout_ms);
    } setters[] = {
        {"timeout", wsline_options_set_timeout_ms},
        {"connect_timeout", wsline_options_set_connect_timeout_ms},
        {"send_timeout", wsline_options_set_send_timeout_ms},
        {"close_timeout", wsline_options_set_close_timeout_ms},
    };
    static const int64_t good[] = {0, 1, 30000, INT64_MAX, WSLINE_FOREVER, WSLINE_DEFAULT_TIMEOUT};
    static const int64_t bad[] = {-3, -1000, INT64_MIN};

    for (size_t i = 0; i < COUNT_OF(setters); i++) {
        wsline_options *options = new_options();

        check_row(setters[i].name);
        for (size_t k = 0; k < COUNT_OF(good); k++) CHECK_OK(setters[i].set(options, good[k]));
        for (size_t k = 0; k < COUNT_OF(bad); k++)
            CHECK_REFUSED("timeout_ms", setters[i].set(options, bad[k]));
        CHECK_REFUSED("options", setters[i].set(NULL, 1));
        wsline_options_free(options);
    }
}

static void switches_and_limits_accept_every_value(void) {
    static const struct {
        const char *name;
        wsline_status (*set)(wsline_options *options, bool on);
    } switches[] = {
        {"suppress_origin", wsline_options_suppress_origin},
        {"suppress_host", wsline_options_suppress_host},
        {"upgraded", wsline_options_set_upgraded},
        {"ping_numbers", wsline_options_set_ping_numbers},
        {"tls_verify_host", wsline_options_set_tls_verify_host},
        {"tls_verify", wsline_options_set_tls_verify},
        {"utf8_validation", wsline_options_set_utf8_validation},
        {"deliver_fragments", wsline_options_set_deliver_fragments},
        {"auto_pong", wsline_options_set_auto_pong},
        {"reconnect", wsline_options_set_reconnect},
        {"reconnect_always", wsline_options_set_reconnect_always},
    };
    static const struct {
        const char *name;
        wsline_status (*set)(wsline_options *options, uint64_t limit);
    } limits[] = {
        {"max_message_bytes", wsline_options_set_max_message_bytes},
        {"max_frame_bytes", wsline_options_set_max_frame_bytes},
        {"max_fragments", wsline_options_set_max_fragments},
    };
    wsline_options *options = new_options();

    for (size_t i = 0; i < COUNT_OF(switches); i++) {
        check_row(switches[i].name);
        CHECK_OK(switches[i].set(options, true));
        CHECK_OK(switches[i].set(options, false));
        CHECK_REFUSED("options", switches[i].set(NULL, true));
    }
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        check_row(limits[i].name);
        CHECK_OK(limits[i].set(options, 0));
        CHECK_OK(limits[i].set(options, 1));
        CHECK_OK(limits[i].set(options, UINT64_MAX));
        CHECK_REFUSED("options", limits[i].set(NULL, 1));
    }
    wsline_options_free(options);
}

static void reconnecting_accepts_numbers_in_their_range(void) {
    wsline_options *options = new_options();

    CHECK_OK(wsline_options_set_reconnect_delay_ms(options, 0, 0));
    CHECK_REFUSED("initial_ms", wsline_options_set_reconnect_delay_ms(options, -1, 0));
    CHECK_REFUSED("max_ms", wsline_options_set_reconnect_delay_ms(options, 2, 1));
    CHECK_OK(wsline_options_set_reconnect_backoff(options, 1, 1));
    CHECK_REFUSED("multiplier", wsline_options_set_reconnect_backoff(options, 0.9, 0));
    CHECK_REFUSED("jitter", wsline_options_set_reconnect_backoff(options, 2, 1.1));
    CHECK_REFUSED("jitter", wsline_options_set_reconnect_backoff(options, 2, -0.1));
    CHECK_OK(wsline_options_set_reconnect_max_attempts(options, 0));
    CHECK_OK(wsline_options_set_reconnect_max_attempts(options, UINT64_MAX));
    wsline_options_free(options);
}

static void pem_is_a_buffer_with_a_length(void) {
    static const struct {
        const char *name;
        wsline_status (*set)(wsline_options *options, const void *pem, size_t len);
    } setters[] = {
        {"ca_pem", wsline_options_set_tls_ca_pem},
        {"certificate_pem", wsline_options_set_tls_certificate_pem},
        {"key_pem", wsline_options_set_tls_key_pem},
    };

    for (size_t i = 0; i < COUNT_OF(setters); i++) {
        wsline_options *options = new_options();

        check_row(setters[i].name);
        CHECK_OK(setters[i].set(options, "pem", 3));
        CHECK_OK(setters[i].set(options, "pem", WSLINE_NUL_TERMINATED));
        CHECK_REFUSED("pem", setters[i].set(options, NULL, 3));
        CHECK_REFUSED("pem", setters[i].set(options, NULL, WSLINE_NUL_TERMINATED));
        CHECK_REFUSED("pem", setters[i].set(options, "", 0));
        CHECK_OK(setters[i].set(options, NULL, 0));
        CHECK_REFUSED("options", setters[i].set(NULL, "pem", 3));
        wsline_options_free(options);
    }
}

static void a_socket_option_is_a_buffer_with_a_length(void) {
    wsline_options *options = new_options();
    int one = 1;

    CHECK_OK(wsline_options_add_socket_option(options, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    CHECK_REFUSED("options", wsline_options_add_socket_option(NULL, IPPROTO_TCP, TCP_NODELAY, &one,
                                                              sizeof one));
    CHECK_REFUSED("value", wsline_options_add_socket_option(options, IPPROTO_TCP, TCP_NODELAY, NULL,
                                                            sizeof one));
    CHECK_REFUSED("len", wsline_options_add_socket_option(options, IPPROTO_TCP, TCP_NODELAY, &one,
                                                          SIZE_MAX - 1));
    wsline_options_free(options);
}

static void the_only_negative_descriptor_is_minus_one(void) {
    wsline_options *options = new_options();

    CHECK_OK(wsline_options_set_fd(options, 0));
    CHECK_OK(wsline_options_set_fd(options, INT32_MAX));
    CHECK_OK(wsline_options_set_fd(options, -1));
    CHECK_REFUSED("fd", wsline_options_set_fd(options, -2));
    CHECK_REFUSED("fd", wsline_options_set_fd(options, INT32_MIN));
    CHECK_REFUSED("options", wsline_options_set_fd(NULL, 0));
    wsline_options_free(options);
}

/* Callbacks and copies ------------------------------------------------------------------------ */

static int32_t fixed_key(uint8_t *key_out, void *userdata) {
    memcpy(key_out, userdata, 4);
    return WSLINE_OK;
}

static void count_free(void *userdata) { ((int *)userdata)[0]++; }

static void a_mask_key_function_frees_its_userdata_once(void) {
    wsline_options *options = new_options();
    int first[4] = {0}, second[4] = {0}, third[4] = {0};

    CHECK_OK(wsline_options_set_mask_key_fn(options, fixed_key, first, count_free));
    CHECK_INT(0, first[0]);
    CHECK_OK(wsline_options_set_mask_key_fn(options, fixed_key, second, count_free));
    CHECK_INT(1, first[0]);
    CHECK_OK(wsline_options_set_mask_key_fn(options, NULL, NULL, NULL));
    CHECK_INT(1, second[0]);
    CHECK_OK(wsline_options_set_mask_key_fn(options, fixed_key, third, count_free));
    wsline_options_free(options);
    CHECK_INT(1, first[0]);
    CHECK_INT(1, second[0]);
    CHECK_INT(1, third[0]);
    CHECK_REFUSED("options", wsline_options_set_mask_key_fn(NULL, fixed_key, third, count_free));
    CHECK_INT(2, third[0]);
}

static void clones_and_connections_share_the_userdata_until_the_last_is_freed(void) {
    wsline_options *options = new_options(), *copy = NULL;
    wsline_conn *conn = NULL;
    int userdata[4] = {0};

    CHECK_OK(wsline_options_set_mask_key_fn(options, fixed_key, userdata, count_free));
    REQUIRE_OK(wsline_options_clone(options, &copy));
    REQUIRE_OK(wsline_conn_new(copy, &conn));
    wsline_options_free(options);
    CHECK_INT(0, userdata[0]);
    wsline_options_free(copy);
    CHECK_INT(0, userdata[0]);
    wsline_conn_free(conn);
    CHECK_INT(1, userdata[0]);
}

static void a_clone_is_independent(void) {
    wsline_options *options = new_options(), *copy = NULL;
    wsline_conn *of_options = NULL, *of_copy = NULL;

    CHECK_OK(wsline_options_set_timeout_ms(options, 111));
    REQUIRE_OK(wsline_options_clone(options, &copy));
    CHECK_OK(wsline_options_set_timeout_ms(copy, 222));
    REQUIRE_OK(wsline_conn_new(options, &of_options));
    REQUIRE_OK(wsline_conn_new(copy, &of_copy));
    wsline_options_free(options);
    wsline_options_free(copy);
    CHECK_INT(111, wsline_conn_timeout_ms(of_options));
    CHECK_INT(222, wsline_conn_timeout_ms(of_copy));
    wsline_conn_free(of_copy);
    wsline_conn_free(of_options);
}

static void setting_options_later_does_not_affect_a_connection(void) {
    wsline_options *options = new_options();
    wsline_conn *conn = NULL;

    CHECK_OK(wsline_options_set_timeout_ms(options, 111));
    REQUIRE_OK(wsline_conn_new(options, &conn));
    CHECK_OK(wsline_options_set_timeout_ms(options, 222));
    CHECK_INT(111, wsline_conn_timeout_ms(conn));
    wsline_options_free(options);
    wsline_conn_free(conn);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(new_and_clone_require_an_output),
        TEST(string_options_accept_good_values_and_reject_null_options),
        TEST(no_header_contains_a_line_break_or_control_character),
        TEST(subprotocols_are_tokens),
        TEST(the_name_of_an_unverified_certificate_is_not_checked),
        TEST(times_are_milliseconds_or_one_of_the_two_constants),
        TEST(switches_and_limits_accept_every_value),
        TEST(reconnecting_accepts_numbers_in_their_range),
        TEST(pem_is_a_buffer_with_a_length),
        TEST(a_socket_option_is_a_buffer_with_a_length),
        TEST(the_only_negative_descriptor_is_minus_one),
        TEST(a_mask_key_function_frees_its_userdata_once),
        TEST(clones_and_connections_share_the_userdata_until_the_last_is_freed),
        TEST(a_clone_is_independent),
        TEST(setting_options_later_does_not_affect_a_connection),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
