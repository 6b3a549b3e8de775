/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options, URLs and cookies that are long or many: each request for a large block fails in turn, or
 * a text above its limit is rejected before it is copied.
 */
#define _DEFAULT_SOURCE
#include "fail_each.h"

#include "peer.h"

enum { LONG = 5 * KIB, HUGE = 20 * MIB };

static wsline_status add_header(wsline_options *options, const char *value) {
    return wsline_options_add_header(options, "X-Long", value);
}

static wsline_status add_header_name(wsline_options *options, const char *value) {
    return wsline_options_add_header(options, value, "x");
}

static wsline_status set_basic_auth(wsline_options *options, const char *value) {
    return wsline_options_set_basic_auth(options, value, value);
}

static wsline_status set_proxy(wsline_options *options, const char *value) {
    return wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, value, 80);
}

static wsline_status set_proxy_auth(wsline_options *options, const char *value) {
    return wsline_options_set_proxy_auth(options, value, value);
}

static wsline_status add_socket_option(wsline_options *options, const char *value) {
    return wsline_options_add_socket_option(options, 0, 0, value, strlen(value));
}

static wsline_status set_certificate_pem(wsline_options *options, const char *value) {
    return wsline_options_set_tls_certificate_pem(options, value, strlen(value));
}

static wsline_status set_key_pem(wsline_options *options, const char *value) {
    return wsline_options_set_tls_key_pem(options, value, strlen(value));
}

static wsline_status set_ca_pem(wsline_options *options, const char *value) {
    return wsline_options_set_tls_ca_pem(options, value, strlen(value));
}

typedef wsline_status set_fn(wsline_options *options, const char *value);

/* With values of any length that start like this. */
static const struct setter {
    const char *name;
    set_fn *set;
    const char *begin;
} long_setters[] = {
    {"add_header", add_header, ""},
    {"set_header_line", wsline_options_set_header_line, "X-Long: "},
    {"set_cookie", wsline_options_set_cookie_header, ""},
    {"set_bearer_token", wsline_options_set_bearer_token, ""},
    {"set_origin", wsline_options_set_origin_header, ""},
    {"set_host", wsline_options_set_host_header, ""},
    {"set_connection_header", wsline_options_set_connection_header, "Upgrade, "},
    {"add_subprotocol", wsline_options_add_subprotocol, ""},
    {"add_socket_option", add_socket_option, ""},
    {"set_tls_certificate_pem", set_certificate_pem, ""},
    {"set_tls_key_pem", set_key_pem, ""},
    {"set_tls_ca_pem", set_ca_pem, ""},
};

/* With values that are rejected if longer than 64 KiB. */
static const struct setter bounded_setters[] = {
    {"add_header's name", add_header_name, ""},
    {"set_basic_auth", set_basic_auth, ""},
    {"set_proxy", set_proxy, ""},
    {"set_proxy_url", wsline_options_set_proxy_url, ""},
    {"set_proxy_auth", set_proxy_auth, ""},
    {"add_no_proxy", wsline_options_add_no_proxy, ""},
    {"set_unix_path", wsline_options_set_unix_path, ""},
    {"set_bind_address", wsline_options_set_bind_address, ""},
    {"set_tls_certificate_file", wsline_options_set_tls_certificate_file, ""},
    {"set_tls_key_file", wsline_options_set_tls_key_file, ""},
    {"set_tls_key_password", wsline_options_set_tls_key_password, ""},
    {"set_tls_ciphers", wsline_options_set_tls_ciphers, ""},
    {"set_tls_ciphersuites", wsline_options_set_tls_ciphersuites, ""},
    {"set_tls_groups", wsline_options_set_tls_groups, ""},
    {"set_tls_alpn", wsline_options_set_tls_alpn, ""},
    {"set_tls_keylog_file", wsline_options_set_tls_keylog_file, ""},
    {"set_tls_server_name", wsline_options_set_tls_server_name, ""},
    {"set_tls_ca_file", wsline_options_set_tls_ca_file, ""},
    {"set_tls_ca_path", wsline_options_set_tls_ca_path, ""},
    {"add_tls_pin_sha256", wsline_options_add_tls_pin_sha256, ""},
};

struct setting {
    set_fn *set;
    char *value;
};

/* Applied to options that share their contents with another object, so that everything must be
 * copied. */
static wsline_status set_one(void *argument) {
    const struct setting *setting = argument;
    char *end = setting->value + strlen(setting->value) - 1;
    wsline_options *options = NULL, *copy = NULL;
    wsline_status status;

    REQUIRE_OK(wsline_options_new(&options));
    REQUIRE_OK(setting->set(options, setting->value));
    REQUIRE_OK(wsline_options_clone(options, &copy));
    /* One that is not in the list yet. */
    *end = 'y';
    status = FAILING(setting->set(copy, setting->value));
    if (status != WSLINE_OK) CHECK_OK(setting->set(copy, setting->value));
    *end = 'x';
    wsline_options_free(copy);
    wsline_options_free(options);
    return status;
}

static void setting_a_long_option_survives_failed_allocations(void) {
    const size_t lengths[] = {LONG, check_scaled(HUGE, MIB)};

    for (size_t k = 0; k < COUNT_OF(lengths); k++) {
        for (size_t i = 0; i < COUNT_OF(long_setters); i++) {
            const struct setter *setter = &long_setters[i];
            struct setting setting = {setter->set, letters(lengths[k])};

            memcpy(setting.value, setter->begin, strlen(setter->begin));
            fail_each(setter->name, set_one, &setting);
            free(setting.value);
        }
    }
}

static void a_bounded_option_is_rejected_before_it_allocates(void) {
    char *huge = letters(check_scaled(HUGE, MIB));
    bool works = failing_malloc_works();

    for (size_t i = 0; i < COUNT_OF(bounded_setters); i++) {
        wsline_options *options = NULL;

        check_row(bounded_setters[i].name);
        REQUIRE_OK(wsline_options_new(&options));
        failing_malloc_arm(1);
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, FAILING(bounded_setters[i].set(options, huge)));
        CHECK(!works || !failing_malloc_reached());
        CHECK_HAS("bytes", wsline_last_error_message());
        CHECK(strlen(wsline_last_error_message()) < 1100);
        wsline_options_free(options);
    }
    free(huge);
}

/* Enough entries to make their list large. */
static wsline_status add_many(void *argument) {
    wsline_options *options = NULL, *copy = NULL;
    wsline_status status = WSLINE_OK;

    (void)argument;
    REQUIRE_OK(wsline_options_new(&options));
    for (unsigned i = 0; i < 1000 && status == WSLINE_OK; i++) {
        char name[32];

        snprintf(name, sizeof name, "x-%u", i);
        status = FAILING(wsline_options_add_header(options, name, "x"));
        if (status == WSLINE_OK) status = FAILING(wsline_options_add_subprotocol(options, name));
        if (status == WSLINE_OK) status = FAILING(wsline_options_add_no_proxy(options, name));
        if (status == WSLINE_OK)
            status = FAILING(wsline_options_add_socket_option(options, 0, 0, name, 4));
    }
    REQUIRE_OK(wsline_options_clone(options, &copy));
    if (status == WSLINE_OK) status = FAILING(wsline_options_add_header(copy, "x", "x"));
    if (status == WSLINE_OK) status = FAILING(wsline_options_set_header_line(copy, "x-7: x"));
    wsline_options_free(copy);
    wsline_options_free(options);
    return status;
}

static void setting_many_options_survives_failed_allocations(void) {
    fail_each("", add_many, NULL);
}

static void a_url_longer_than_the_limit_is_invalid(void) {
    char *url = letters(check_scaled(HUGE, MIB));
    bool works = failing_malloc_works();
    wsline_options *options = peer_options();
    wsline_url *parts = (wsline_url *)url;
    wsline_conn *conn = (wsline_conn *)url;
    wsline_app *app = (wsline_app *)url;
    wsline_cookie_jar *jar = NULL;
    char *text = url;

    memcpy(url, "ws://h/", 7);
    REQUIRE_OK(wsline_cookie_jar_new(&jar));
    failing_malloc_arm(1);
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, FAILING(wsline_url_parse(url, &parts)));
    CHECK_HAS("bytes", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, FAILING(wsline_connect(url, options, &conn)));
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, FAILING(wsline_app_new(url, options, &app)));
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, FAILING(wsline_proxy_for_url(url, options, &text)));
    CHECK(parts == NULL && conn == NULL && app == NULL && text == NULL);
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, FAILING(wsline_cookie_jar_get(jar, url, &text)));
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, FAILING(wsline_cookie_jar_add(jar, url, "a=b")));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, FAILING(wsline_cookie_jar_add(jar, "ws://h/", url)));
    CHECK(!works || !failing_malloc_reached());
    url[64 * KIB] = '\0';
    CHECK_OK(wsline_url_parse(url, &parts));
    wsline_url_free(parts);
    wsline_cookie_jar_free(jar);
    wsline_options_free(options);
    free(url);
}

static wsline_status fill_jar(void *argument) {
    wsline_cookie_jar *jar = NULL;
    char *cookies = NULL;
    wsline_status status = WSLINE_OK;

    (void)argument;
    REQUIRE_OK(wsline_cookie_jar_new(&jar));
    for (unsigned i = 0; i < 50 && status == WSLINE_OK; i++) {
        char cookie[4096 + 32];

        snprintf(cookie, sizeof cookie, "%04u=%0*u", i, 4092, i);
        status = FAILING(wsline_cookie_jar_add(jar, "ws://h/", cookie));
    }
    if (status == WSLINE_OK) status = FAILING(wsline_cookie_jar_get(jar, "ws://h/", &cookies));
    CHECK((status == WSLINE_OK) == (cookies != NULL));
    wsline_string_free(cookies);
    wsline_cookie_jar_free(jar);
    return status;
}

static void storing_cookies_survives_failed_allocations(void) { fail_each("", fill_jar, NULL); }

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(setting_a_long_option_survives_failed_allocations),
        TEST(a_bounded_option_is_rejected_before_it_allocates),
        TEST(setting_many_options_survives_failed_allocations),
        TEST(a_url_longer_than_the_limit_is_invalid),
        TEST(storing_cookies_survives_failed_allocations),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
