/* SPDX-License-Identifier: Apache-2.0 */
/* TLS options: the negotiated parameters as nginx sees them, and session resumption. */
#include "check.h"
#include "peer.h"

#include <pthread.h>
#include <unistd.h>

typedef wsline_status (*string_setter)(wsline_options *options, const char *value);

/* What the server reports about the connection's TLS in its response to the upgrade. */
static const char *seen(wsline_conn *conn, const char *header) {
    const char *value = wsline_conn_response_header(conn, header);

    return value == NULL ? "(no header)" : value;
}

static void check_refused(wsline_status status, const char *peer, const wsline_options *options,
                          const char *part) {
    wsline_conn *conn = (wsline_conn *)1;

    CHECK_STATUS(status, peer_try(peer, "/", options, &conn));
    CHECK_HAS(part, wsline_last_error_message());
    CHECK(conn == NULL);
}

static void null_restores_each_default(void) {
    static const struct {
        const char *name;
        string_setter set;
        const char *useless;
    } rows[] = {
        {"server name", wsline_options_set_tls_server_name, "other.example"},
        {"CA path", wsline_options_set_tls_ca_path, "/missing"},
        {"certificate", wsline_options_set_tls_certificate_file, "/missing"},
        {"key", wsline_options_set_tls_key_file, "/missing"},
        {"ciphers", wsline_options_set_tls_ciphers, "none"},
        {"cipher suites", wsline_options_set_tls_ciphersuites, "none"},
        {"groups", wsline_options_set_tls_groups, "none"},
        {"key log", wsline_options_set_tls_keylog_file, "/missing/log"},
    };
    wsline_options *options = peer_options();

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_conn *conn = NULL;

        check_row(rows[i].name);
        CHECK_OK(rows[i].set(options, rows[i].useless));
        CHECK(peer_try("NGINX_TLS", "/", options, &conn) != WSLINE_OK);
        CHECK_OK(rows[i].set(options, NULL));
        peer_hang_up(peer_connect("NGINX_TLS", "/", options));
    }
    /* Without its CA, the server is not trusted. */
    CHECK_OK(wsline_options_set_tls_ca_file(options, NULL));
    check_refused(WSLINE_ERR_TLS_VERIFY, "NGINX_TLS", options, "certificate");
    wsline_options_free(options);
}

static void the_highest_common_version_is_used(void) {
    static const struct {
        const char *peer;
        const char *version;
    } rows[] = {
        {"NGINX_TLS", "TLSv1.3"},
        {"NGINX_TLS12", "TLSv1.2"},
        {"NGINX_TLS13", "TLSv1.3"},
    };
    wsline_tls_info info;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_conn *conn;

        check_row(rows[i].peer);
        conn = peer_connect(rows[i].peer, "/", NULL);
        CHECK_OK(wsline_conn_tls_info(conn, &info));
        CHECK_TEXT(rows[i].version, info.version);
        CHECK_TEXT(rows[i].version, seen(conn, "X-TLS-Protocol"));
        CHECK_TEXT(info.cipher, seen(conn, "X-TLS-Cipher"));
        peer_hang_up(conn);
    }
}

static void versions_have_a_minimum_and_a_maximum(void) {
    static const struct {
        const char *peer;
        int32_t min, max;
        const char *version; /* NULL: none in common */
    } rows[] = {
        {"NGINX_TLS", WSLINE_TLS_1_2, WSLINE_TLS_1_2, "TLSv1.2"},
        {"NGINX_TLS", WSLINE_TLS_1_3, WSLINE_TLS_1_3, "TLSv1.3"},
        {"NGINX_TLS12", WSLINE_TLS_1_3, WSLINE_TLS_1_3, NULL},
        {"NGINX_TLS13", WSLINE_TLS_1_0, WSLINE_TLS_1_2, NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();

        check_row(rows[i].peer);
        REQUIRE_OK(wsline_options_set_tls_min_version(options, rows[i].min));
        REQUIRE_OK(wsline_options_set_tls_max_version(options, rows[i].max));
        if (rows[i].version == NULL) {
            check_refused(WSLINE_ERR_TLS, rows[i].peer, options, "protocol version");
        } else {
            wsline_conn *conn = peer_connect(rows[i].peer, "/", options);

            CHECK_TEXT(rows[i].version, seen(conn, "X-TLS-Protocol"));
            peer_hang_up(conn);
        }
        wsline_options_free(options);
    }
}

static void ciphers_and_groups_are_those_that_were_set(void) {
    static const struct {
        const char *peer;
        string_setter set;
        const char *value;
        const char *header;
        const char *expected;
    } rows[] = {
        {"NGINX_TLS12", wsline_options_set_tls_ciphers, "ECDHE-ECDSA-AES128-GCM-SHA256",
         "X-TLS-Cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"},
        {"NGINX_TLS12", wsline_options_set_tls_ciphers, "ECDHE+CHACHA20", "X-TLS-Cipher",
         "ECDHE-ECDSA-CHACHA20-POLY1305"},
        {"NGINX_TLS13", wsline_options_set_tls_ciphersuites, "TLS_AES_128_GCM_SHA256",
         "X-TLS-Cipher", "TLS_AES_128_GCM_SHA256"},
        {"NGINX_TLS13", wsline_options_set_tls_ciphersuites, "TLS_CHACHA20_POLY1305_SHA256",
         "X-TLS-Cipher", "TLS_CHACHA20_POLY1305_SHA256"},
        {"NGINX_TLS13", wsline_options_set_tls_groups, "P-256", "X-TLS-Curve", "prime256v1"},
        {"NGINX_TLS13", wsline_options_set_tls_groups, "X25519:P-256", "X-TLS-Curve", "X25519"},
        {"NGINX_TLS12", wsline_options_set_tls_groups, "P-256", "X-TLS-Curve", "prime256v1"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();
        wsline_conn *conn;

        check_row(rows[i].value);
        REQUIRE_OK(rows[i].set(options, rows[i].value));
        conn = peer_connect(rows[i].peer, "/", options);
        CHECK_TEXT(rows[i].expected, seen(conn, rows[i].header));
        peer_hang_up(conn);
        wsline_options_free(options);
    }
}

static void lists_that_openssl_rejects_are_configuration_errors(void) {
    static const struct {
        string_setter set;
        const char *name;
    } rows[] = {
        {wsline_options_set_tls_ciphers, "ciphers"},
        {wsline_options_set_tls_ciphersuites, "cipher suites"},
        {wsline_options_set_tls_groups, "groups"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();

        check_row(rows[i].name);
        REQUIRE_OK(rows[i].set(options, "no-such-thing"));
        check_refused(WSLINE_ERR_TLS_CONFIG, "NGINX_TLS", options, rows[i].name);
        CHECK_HAS("\"no-such-thing\"", wsline_last_error_message());
        wsline_options_free(options);
    }
}

static void a_maximum_below_the_minimum_is_a_configuration_error(void) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_tls_max_version(options, WSLINE_TLS_1_1));
    check_refused(WSLINE_ERR_TLS_CONFIG, "NGINX_TLS", options, "below the minimum");
    REQUIRE_OK(wsline_options_set_tls_max_version(options, WSLINE_TLS_DEFAULT));
    peer_hang_up(peer_connect("NGINX_TLS", "/", options));
    REQUIRE_OK(wsline_options_set_tls_min_version(options, WSLINE_TLS_1_3));
    REQUIRE_OK(wsline_options_set_tls_max_version(options, WSLINE_TLS_1_2));
    check_refused(WSLINE_ERR_TLS_CONFIG, "NGINX_TLS", options, "below the minimum");
    REQUIRE_OK(wsline_options_set_tls_min_version(options, WSLINE_TLS_DEFAULT));
    peer_hang_up(peer_connect("NGINX_TLS", "/", options));
    wsline_options_free(options);
}

static void alpn_offers_http_1_1_by_default(void) {
    static const struct {
        const char *protocols; /* NULL: the default */
        const char *chosen;    /* NULL: the server rejects the connection */
    } rows[] = {
        {NULL, "http/1.1"}, {"http/1.1", "http/1.1"}, {"no-such-thing,http/1.1", "http/1.1"},
        {"", ""},           {"no-such-thing", NULL},
    };
    wsline_tls_info info;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();
        wsline_conn *conn;

        check_row(rows[i].protocols == NULL ? "default" : rows[i].protocols);
        if (rows[i].protocols != NULL)
            REQUIRE_OK(wsline_options_set_tls_alpn(options, rows[i].protocols));
        if (rows[i].chosen == NULL) {
            check_refused(WSLINE_ERR_TLS, "NGINX_TLS", options, "no application protocol");
        } else {
            conn = peer_connect("NGINX_TLS", "/", options);
            CHECK_OK(wsline_conn_tls_info(conn, &info));
            CHECK_TEXT(rows[i].chosen, info.alpn);
            peer_hang_up(conn);
        }
        wsline_options_free(options);
    }
}

static void the_server_name_is_sent(void) {
    wsline_conn *conn = peer_connect("NGINX_TLS", "/", NULL);

    CHECK_TEXT("localhost", seen(conn, "X-TLS-SNI"));
    peer_hang_up(conn);
}

static void certificates_are_verified_by_their_contents(void) {
    static const struct {
        const char *peer;
        const char *refused; /* in OpenSSL's words and in AWS-LC's; NULL: it is trusted */
    } rows[] = {
        {"TLS_RSA", NULL},
        {"TLS_CHAIN", NULL},
        {"TLS_NO_CHAIN", "unable to get local issuer certificate"},
        {"TLS_NONAME", "ostname mismatch"},
        {"TLS_EKU", "certificate purpose"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();

        check_row(rows[i].peer);
        if (rows[i].refused == NULL)
            peer_hang_up(peer_connect(rows[i].peer, "/", options));
        else
            check_refused(WSLINE_ERR_TLS_VERIFY, rows[i].peer, options, rows[i].refused);
        wsline_options_free(options);
    }
}

static void nginx_requires_a_client_certificate(void) {
    char path[PEER_URL_MAX];
    wsline_options *options = peer_options();

    check_refused(WSLINE_ERR_HTTP_STATUS, "NGINX_CLIENTCERT", options, "400");
    REQUIRE_OK(wsline_options_set_tls_certificate_file(options, peer_pki(path, "client.pem")));
    REQUIRE_OK(wsline_options_set_tls_key_file(options, peer_pki(path, "client-encrypted.key")));
    REQUIRE_OK(wsline_options_set_tls_key_password(options, "secret"));
    peer_hang_up(peer_connect("NGINX_CLIENTCERT", "/", options));
    wsline_options_free(options);
}

/* How the next connection starts, as reported by both sides. */
static bool is_resumed(const char *peer, const wsline_options *options, bool cut) {
    wsline_conn *conn = peer_connect(peer, "/", options);
    wsline_message message;
    wsline_tls_info info;

    REQUIRE_OK(wsline_conn_tls_info(conn, &info));
    CHECK_TEXT(info.resumed ? "r" : ".", seen(conn, "X-TLS-Reused"));
    /* TLS 1.3 sends its tickets after the handshake. */
    CHECK_OK(wsline_conn_send_text(conn, "x", 1));
    CHECK_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    if (cut) {
        wsline_conn_shutdown(conn);
        wsline_conn_free(conn);
    } else {
        peer_hang_up(conn);
    }
    return info.resumed;
}

static void connections_with_the_same_options_resume_sessions(void) {
    static const char *const peers[] = {"NGINX_TLS", "NGINX_TLS12", "NGINX_TLS13"};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_options *options = peer_options();
        wsline_options *copy = NULL;
        wsline_options *other = peer_options();

        check_row(peers[i]);
        CHECK(!is_resumed(peers[i], options, false));
        CHECK(is_resumed(peers[i], options, false));
        CHECK(is_resumed(peers[i], options, true));
        CHECK(is_resumed(peers[i], options, false)); /* dropping the connection costs nothing */
        REQUIRE_OK(wsline_options_clone(options, &copy));
        CHECK(is_resumed(peers[i], copy, false));
        CHECK(!is_resumed(peers[i], other, false));
        REQUIRE_OK(wsline_options_set_tls_verify_host(options, false));
        CHECK(!is_resumed(peers[i], options, false)); /* less was verified */
        wsline_options_free(options);
        wsline_options_free(copy);
        wsline_options_free(other);
    }
}

static void *connect_repeatedly(void *userdata) {
    for (int i = 0; i < 5; i++) is_resumed("NGINX_TLS", userdata, i % 2 == 0);
    return NULL;
}

static void threads_share_one_context(void) {
    wsline_options *options = peer_options();
    pthread_t threads[8];

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        REQUIRE(pthread_create(&threads[i], NULL, connect_repeatedly, options) == 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) CHECK(pthread_join(threads[i], NULL) == 0);
    wsline_options_free(options);
}

static void bad_arguments_are_named(void) {
    wsline_options *options = peer_options();
    char long_name[300];

    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_tls_min_version(options, 9));
    CHECK_HAS("`version`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_tls_max_version(options, 14));
    CHECK_HAS("wsline_tls_version", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_tls_alpn(options, "a,,b"));
    CHECK_HAS("`protocols`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_tls_alpn(options, long_name));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_add_tls_pin_sha256(options, "abc"));
    CHECK_HAS("`base64`", wsline_last_error_message());
    wsline_options_free(options);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(null_restores_each_default),
        TEST(the_highest_common_version_is_used),
        TEST(versions_have_a_minimum_and_a_maximum),
        TEST(ciphers_and_groups_are_those_that_were_set),
        TEST(lists_that_openssl_rejects_are_configuration_errors),
        TEST(a_maximum_below_the_minimum_is_a_configuration_error),
        TEST(alpn_offers_http_1_1_by_default),
        TEST(the_server_name_is_sent),
        TEST(certificates_are_verified_by_their_contents),
        TEST(nginx_requires_a_client_certificate),
        TEST(connections_with_the_same_options_resume_sessions),
        TEST(threads_share_one_context),
        TEST(bad_arguments_are_named),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
