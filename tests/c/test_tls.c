/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: which servers are trusted, client certificates, and the information about both. */
#include "check.h"
#include "peer.h"

enum { FILE_MAX = 16384 };

/* The numbers of OpenSSL's verify results, which are part of its interface. */
enum {
    NOT_YET_VALID = 9,
    HAS_EXPIRED = 10,
    SELF_SIGNED = 18,
    UNKNOWN_ISSUER = 20,
    HOST_MISMATCH = 62,
    ADDRESS_MISMATCH = 64,
};

static wsline_options *bare_options(void) {
    wsline_options *options = NULL;

    REQUIRE_OK(wsline_options_new(&options));
    return options;
}

/* Connecting succeeds, and a message is echoed. */
static void check_works(const char *url, const wsline_options *options) {
    wsline_conn *conn = NULL;
    wsline_message message;

    if (!CHECK_OK(wsline_connect(url, options, &conn))) return;
    CHECK_OK(wsline_conn_send_text(conn, "secret", WSLINE_NUL_TERMINATED));
    if (CHECK_OK(wsline_conn_recv(conn, WAIT_MS, &message)))
        CHECK_BYTES("secret", 6, message.data, message.len);
    peer_hang_up(conn);
}

/* The server's certificate is rejected for this reason. */
static void check_not_believed(const char *url, const wsline_options *options, const char *reason,
                               int64_t verify_result) {
    wsline_conn *conn = (wsline_conn *)1;
    wsline_error_info info;

    CHECK_STATUS(WSLINE_ERR_TLS_VERIFY, wsline_connect(url, options, &conn));
    CHECK_HAS(reason, wsline_last_error_message());
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_PHASE_TLS, info.phase);
    CHECK_INT(verify_result, info.tls_verify_result);
    CHECK(conn == NULL);
}

static void check_fails(wsline_status status, const char *peer, const wsline_options *options) {
    wsline_conn *conn = (wsline_conn *)1;

    CHECK_STATUS(status, peer_try(peer, "/", options, &conn));
    CHECK(conn == NULL);
}

/* A whole small file, followed by a NUL. */
static size_t read_pki(const char *name, char content[FILE_MAX]) {
    char path[PEER_URL_MAX];
    FILE *file = fopen(peer_pki(path, name), "rb");
    size_t len;

    REQUIRE(file != NULL);
    len = fread(content, 1, FILE_MAX - 1, file);
    content[len] = '\0';
    fclose(file);
    REQUIRE(0 < len && len < FILE_MAX - 1);
    return len;
}

/* Servers ------------------------------------------------------------------------------------- */

static const struct bad_server {
    const char *peer;
    const char *reason;
    int64_t verify_result;
} bad_servers[] = {
    {"TLS_EXPIRED", "certificate has expired", HAS_EXPIRED},
    {"TLS_FUTURE", "certificate is not yet valid", NOT_YET_VALID},
    {"TLS_WRONGHOST", "ostname mismatch", HOST_MISMATCH},
    {"TLS_SELFSIGNED", "signed certificate", SELF_SIGNED},
    {"TLS_UNTRUSTED", "unable to get local issuer certificate", UNKNOWN_ISSUER},
};

static const struct bad_server unknown_issuer = {NULL, "unable to get local issuer certificate",
                                                 UNKNOWN_ISSUER};

static void bad_certificates_are_rejected(void) {
    wsline_options *options = peer_options();

    for (size_t i = 0; i < COUNT_OF(bad_servers); i++) {
        const struct bad_server *server = &bad_servers[i];
        char url[PEER_URL_MAX];

        /* AWS-LC reports that the issuer is missing. */
        if (server->verify_result == SELF_SIGNED && wsline_has_feature("tls-aws-lc"))
            server = &unknown_issuer;
        check_row(bad_servers[i].peer);
        peer_url(url, bad_servers[i].peer, "/");
        check_not_believed(url, options, server->reason, server->verify_result);
        CHECK_HAS("localhost", wsline_last_error_message());
    }
    wsline_options_free(options);
}

static void without_verification_every_certificate_is_accepted(void) {
    wsline_options *options = bare_options();

    CHECK_OK(wsline_options_set_tls_verify(options, false));
    for (size_t i = 0; i < COUNT_OF(bad_servers); i++) {
        char url[PEER_URL_MAX];

        check_row(bad_servers[i].peer);
        peer_url(url, bad_servers[i].peer, "/");
        check_works(url, options);
    }
    wsline_options_free(options);
}

static void without_host_verification_the_rest_is_still_verified(void) {
    wsline_options *options = peer_options();
    char url[PEER_URL_MAX];

    CHECK_OK(wsline_options_set_tls_verify_host(options, false));
    peer_url(url, "TLS_WRONGHOST", "/");
    check_works(url, options);
    peer_url(url, "TLS_EXPIRED", "/");
    check_not_believed(url, options, "expired", HAS_EXPIRED);
    peer_url(url, "TLS_UNTRUSTED", "/");
    check_not_believed(url, options, "issuer", UNKNOWN_ISSUER);
    wsline_options_free(options);
}

static void the_server_name_replaces_the_host(void) {
    wsline_options *options = peer_options();
    char url[PEER_URL_MAX];

    CHECK_OK(wsline_options_set_tls_server_name(options, "wrong.invalid"));
    peer_url(url, "TLS_WRONGHOST", "/");
    check_works(url, options);
    peer_url(url, "WEBSOCKETS_TLS", "/");
    check_not_believed(url, options, "wrong.invalid", HOST_MISMATCH);
    wsline_options_free(options);
}

/* OpenSSL would match a name that starts with a dot against every name below it. */
static void a_name_with_an_empty_label_is_rejected(void) {
    static const char *const names[] = {
        "", ".", "..", ".invalid", "wrong..invalid", "wrong.invalid.."};
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;
    char url[PEER_URL_MAX];

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        check_row(names[i]);
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                     wsline_options_set_tls_server_name(options, names[i]));
        CHECK_HAS("argument `name`", wsline_last_error_message());
        snprintf(url, sizeof url, "wss://%s:4443/", names[i]);
        CHECK_STATUS(WSLINE_ERR_INVALID_URL, wsline_connect(url, options, &conn));
        CHECK(conn == NULL);
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                     wsline_options_set_proxy(options, WSLINE_PROXY_HTTPS, names[i], 4443));
        CHECK_HAS("argument `host`", wsline_last_error_message());
        snprintf(url, sizeof url, "https://%s:4443", names[i]);
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_proxy_url(options, url));
        CHECK_HAS("argument `url`", wsline_last_error_message());
    }
    check_row("the dot of the root");
    CHECK_OK(wsline_options_set_tls_server_name(options, "wrong.invalid."));
    peer_url(url, "TLS_WRONGHOST", "/");
    check_works(url, options);
    wsline_options_free(options);
}

static void an_ip_address_is_verified_as_an_address(void) {
    wsline_options *options = peer_options();
    char url[PEER_URL_MAX];

    snprintf(url, sizeof url, "wss://127.0.0.1%s/",
             strrchr(peer_variable("WEBSOCKETS_TLS", "_URL"), ':'));
    check_works(url, options);
    snprintf(url, sizeof url, "wss://127.0.0.1%s/",
             strrchr(peer_variable("TLS_WRONGHOST", "_URL"), ':'));
    check_not_believed(url, options, "127.0.0.1", ADDRESS_MISMATCH);
    wsline_options_free(options);
}

static void a_server_without_tls_is_a_tls_error(void) {
    static const char *const peers[] = {"WEBSOCKETS", "WS"};
    wsline_options *options = peer_options();

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_conn *conn = NULL;
        wsline_error_info info;
        char url[PEER_URL_MAX];

        check_row(peers[i]);
        snprintf(url, sizeof url, "wss://127.0.0.1%s/",
                 strrchr(peer_variable(peers[i], "_URL"), ':'));
        CHECK_STATUS(WSLINE_ERR_TLS, wsline_connect(url, options, &conn));
        CHECK_OK(wsline_last_error(&info));
        CHECK_INT(WSLINE_PHASE_TLS, info.phase);
    }
    wsline_options_free(options);
}

/* Trust --------------------------------------------------------------------------------------- */

static void the_systems_store_does_not_contain_the_test_ca(void) {
    char url[PEER_URL_MAX];

    peer_url(url, "WEBSOCKETS_TLS", "/");
    check_not_believed(url, NULL, "issuer", UNKNOWN_ISSUER);
}

static void trust_comes_from_a_file(void) {
    wsline_options *options = bare_options();
    char url[PEER_URL_MAX], path[PEER_URL_MAX];

    peer_url(url, "WEBSOCKETS_TLS", "/");
    CHECK_OK(wsline_options_set_tls_ca_file(options, peer_pki(path, "ca.pem")));
    check_works(url, options);
    CHECK_OK(wsline_options_set_tls_ca_file(options, peer_pki(path, "ca2.pem")));
    check_not_believed(url, options, "issuer", UNKNOWN_ISSUER);
    wsline_options_free(options);
}

static void trust_comes_from_memory(void) {
    wsline_options *options = bare_options();
    char url[PEER_URL_MAX], pem[FILE_MAX];
    size_t len = read_pki("ca.pem", pem);

    peer_url(url, "WEBSOCKETS_TLS", "/");
    CHECK_OK(wsline_options_set_tls_ca_pem(options, pem, len));
    check_works(url, options);
    CHECK_OK(wsline_options_set_tls_ca_pem(options, pem, WSLINE_NUL_TERMINATED));
    memset(pem, 0, len); /* the library has its own copy */
    check_works(url, options);
    wsline_options_free(options);
}

static void trust_comes_from_a_directory(void) {
    wsline_options *options = bare_options();
    char url[PEER_URL_MAX], path[PEER_URL_MAX], command[2 * PEER_URL_MAX];
    char directory[] = "/tmp/wsline-test-XXXXXX";

    REQUIRE(mkdtemp(directory) != NULL);
    snprintf(command, sizeof command, "cp '%s' %s/ca.pem && openssl rehash %s",
             peer_pki(path, "ca.pem"), directory, directory);
    CHECK(system(command) == 0);
    peer_url(url, "WEBSOCKETS_TLS", "/");
    CHECK_OK(wsline_options_set_tls_ca_path(options, directory));
    check_works(url, options);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK(system(command) == 0);
    wsline_options_free(options);
}

static void trusted_certificates_need_not_be_roots(void) {
    static const struct {
        const char *peer;
        const char *authority;
    } rows[] = {
        {"TLS_NO_CHAIN", "intermediate.pem"},
        {"TLS_NO_CHAIN", "no-chain.pem"},
        {"WEBSOCKETS_TLS", "server.pem"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *by_file = bare_options(), *by_pem = bare_options();
        char url[PEER_URL_MAX], path[PEER_URL_MAX], pem[FILE_MAX];

        check_row(rows[i].authority);
        read_pki(rows[i].authority, pem);
        peer_url(url, rows[i].peer, "/");
        CHECK_OK(wsline_options_set_tls_ca_file(by_file, peer_pki(path, rows[i].authority)));
        CHECK_OK(wsline_options_set_tls_ca_pem(by_pem, pem, WSLINE_NUL_TERMINATED));
        check_works(url, by_file);
        check_works(url, by_pem);
        /* The certificate of another server is not trusted. */
        peer_url(url, "TLS_UNTRUSTED", "/");
        check_not_believed(url, by_file, "issuer", UNKNOWN_ISSUER);
        wsline_options_free(by_file);
        wsline_options_free(by_pem);
    }
}

static void trust_that_cannot_be_read_is_a_configuration_error(void) {
    wsline_options *options = bare_options();
    char path[PEER_URL_MAX];

    CHECK_OK(wsline_options_set_tls_ca_file(options, "/no/such/ca.pem"));
    check_fails(WSLINE_ERR_TLS_CONFIG, "WEBSOCKETS_TLS", options);
    CHECK_HAS("/no/such/ca.pem", wsline_last_error_message());
    CHECK_OK(wsline_options_set_tls_ca_file(options, peer_pki(path, "client.key")));
    check_fails(WSLINE_ERR_TLS_CONFIG, "WEBSOCKETS_TLS", options);
    CHECK_HAS("client.key", wsline_last_error_message());
    wsline_options_free(options);

    options = bare_options();
    CHECK_OK(wsline_options_set_tls_ca_path(options, "/no/such/directory"));
    check_fails(WSLINE_ERR_TLS_CONFIG, "WEBSOCKETS_TLS", options);
    CHECK_HAS("/no/such/directory", wsline_last_error_message());
    wsline_options_free(options);

    options = bare_options();
    CHECK_OK(wsline_options_set_tls_ca_pem(options, "no PEM", WSLINE_NUL_TERMINATED));
    check_fails(WSLINE_ERR_TLS_CONFIG, "WEBSOCKETS_TLS", options);
    wsline_options_free(options);
}

/* Client certificates ------------------------------------------------------------------------- */

/* Options with this certificate and key; the password may be NULL. */
static wsline_options *identity_of(const char *certificate, const char *key, const char *password) {
    wsline_options *options = peer_options();
    char path[PEER_URL_MAX];

    CHECK_OK(wsline_options_set_tls_certificate_file(options, peer_pki(path, certificate)));
    CHECK_OK(wsline_options_set_tls_key_file(options, peer_pki(path, key)));
    if (password != NULL) CHECK_OK(wsline_options_set_tls_key_password(options, password));
    return options;
}

static void a_client_certificate_is_accepted(void) {
    static const struct {
        const char *key;
        const char *password;
    } rows[] = {
        {"client.key", NULL},
        {"client.key", "not needed"},
        {"client-encrypted.key", "secret"},
    };
    char url[PEER_URL_MAX];

    peer_url(url, "TLS_CLIENTCERT", "/");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = identity_of("client.pem", rows[i].key, rows[i].password);

        check_row(rows[i].key);
        check_works(url, options);
        wsline_options_free(options);
    }
}

static void a_client_certificate_may_come_from_memory(void) {
    wsline_options *options = peer_options();
    char url[PEER_URL_MAX], certificate[FILE_MAX], key[FILE_MAX];
    size_t certificate_len = read_pki("client.pem", certificate);
    size_t key_len = read_pki("client-encrypted.key", key);

    CHECK_OK(wsline_options_set_tls_certificate_pem(options, certificate, certificate_len));
    CHECK_OK(wsline_options_set_tls_key_pem(options, key, key_len));
    CHECK_OK(wsline_options_set_tls_key_password(options, "secret"));
    peer_url(url, "TLS_CLIENTCERT", "/");
    check_works(url, options);
    wsline_options_free(options);
}

static void a_missing_or_wrong_client_certificate_is_rejected(void) {
    wsline_options *options = peer_options();

    /* This server rejects by closing the connection, without a TLS alert. */
    check_row("none");
    check_fails(WSLINE_ERR_CONNECTION_LOST, "TLS_CLIENTCERT", options);
    wsline_options_free(options);
    check_row("of another CA");
    options = identity_of("client-untrusted.pem", "client-untrusted.key", NULL);
    check_fails(WSLINE_ERR_CONNECTION_LOST, "TLS_CLIENTCERT", options);
    wsline_options_free(options);
}

static void an_identity_that_cannot_be_read_is_a_configuration_error(void) {
    static const struct {
        const char *name;
        const char *certificate;
        const char *key;
        const char *password;
    } rows[] = {
        {"wrong password", "client.pem", "client-encrypted.key", "guess"},
        {"no password", "client.pem", "client-encrypted.key", NULL},
        {"key of another certificate", "client.pem", "server.key", NULL},
        {"no such certificate", "absent.pem", "client.key", NULL},
        {"no such key", "client.pem", "absent.key", NULL},
        {"certificate that is a key", "client.key", "client.key", NULL},
        {"key that is a certificate", "client.pem", "client.pem", NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = identity_of(rows[i].certificate, rows[i].key, rows[i].password);

        check_row(rows[i].name);
        check_fails(WSLINE_ERR_TLS_CONFIG, "TLS_CLIENTCERT", options);
        CHECK(strstr(wsline_last_error_message(), "guess") == NULL);
        wsline_options_free(options);
    }
}

/* Information about a connection --------------------------------------------------------------- */

static void tls_info_reports_what_was_negotiated(void) {
    static const char *const peers[] = {"WEBSOCKETS_TLS", "WS_TLS"};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_tls_info info;
        wsline_conn *conn;

        check_row(peers[i]);
        conn = peer_connect(peers[i], "/", NULL);
        REQUIRE_OK(wsline_conn_tls_info(conn, &info));
        CHECK_TEXT("TLSv1.3", info.version);
        CHECK_HAS("TLS_", info.cipher);
        CHECK(strcmp(info.alpn, "") == 0 || strcmp(info.alpn, "http/1.1") == 0);
        CHECK_HAS("-----BEGIN CERTIFICATE-----", info.peer_certificate_pem);
        for (size_t k = 0; k < COUNT_OF(info.reserved); k++) CHECK_INT(0, info.reserved[k]);
        peer_hang_up(conn);
    }
}

static void the_peer_certificate_is_that_of_the_server(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS_TLS", "/", NULL);
    wsline_tls_info info;
    char pem[FILE_MAX];

    read_pki("server.pem", pem);
    REQUIRE_OK(wsline_conn_tls_info(conn, &info));
    CHECK_TEXT(pem, info.peer_certificate_pem);
    peer_hang_up(conn);
}

static void without_tls_there_is_no_tls_info(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    wsline_tls_info info;

    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_tls_info(conn, &info));
    CHECK(info.version == NULL && info.peer_certificate_pem == NULL);
    peer_hang_up(conn);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(bad_certificates_are_rejected),
        TEST(without_verification_every_certificate_is_accepted),
        TEST(without_host_verification_the_rest_is_still_verified),
        TEST(the_server_name_replaces_the_host),
        TEST(a_name_with_an_empty_label_is_rejected),
        TEST(an_ip_address_is_verified_as_an_address),
        TEST(a_server_without_tls_is_a_tls_error),
        TEST(the_systems_store_does_not_contain_the_test_ca),
        TEST(trust_comes_from_a_file),
        TEST(trust_comes_from_memory),
        TEST(trust_comes_from_a_directory),
        TEST(trusted_certificates_need_not_be_roots),
        TEST(trust_that_cannot_be_read_is_a_configuration_error),
        TEST(a_client_certificate_is_accepted),
        TEST(a_client_certificate_may_come_from_memory),
        TEST(a_missing_or_wrong_client_certificate_is_rejected),
        TEST(an_identity_that_cannot_be_read_is_a_configuration_error),
        TEST(tls_info_reports_what_was_negotiated),
        TEST(the_peer_certificate_is_that_of_the_server),
        TEST(without_tls_there_is_no_tls_info),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
