/* SPDX-License-Identifier: Apache-2.0 */
/* TLS together with OpenSSL calls of the test: the caller's SSL_CTX, the key log, pins. */
#include "check.h"
#include "peer.h"
#include "upgrade.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOG_MAX = 16384 };

static SSL_CTX *client_context(bool trusts_ca) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    REQUIRE(context != NULL);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (trusts_ca)
        REQUIRE(SSL_CTX_load_verify_locations(context, getenv("WSLINE_TEST_CA"), NULL) == 1);
    return context;
}

static wsline_options *options_with(SSL_CTX *context) {
    wsline_options *options = NULL;

    REQUIRE_OK(wsline_options_new(&options));
    REQUIRE_OK(wsline_options_set_tls_ssl_ctx(options, context));
    return options;
}

static void the_callers_context_is_used_and_shared(void) {
    SSL_CTX *context = client_context(true);
    wsline_options *options;
    wsline_tls_info info;
    wsline_conn *conn;

    REQUIRE(SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION) == 1);
    REQUIRE(SSL_CTX_set_cipher_list(context, "ECDHE+CHACHA20") == 1);
    options = options_with(context);
    SSL_CTX_free(context); /* the options hold a reference */
    conn = peer_connect("WEBSOCKETS_TLS", "/", options);
    wsline_options_free(options); /* and so does the connection */
    REQUIRE_OK(wsline_conn_tls_info(conn, &info));
    CHECK_TEXT("TLSv1.2", info.version);
    CHECK_TEXT("ECDHE-ECDSA-CHACHA20-POLY1305", info.cipher);
    peer_hang_up(conn);
}

static void the_callers_context_decides_whom_to_trust(void) {
    SSL_CTX *context = client_context(false);
    wsline_options *options = options_with(context);
    wsline_conn *conn = NULL;

    /* Ignored if the caller supplies a context. */
    REQUIRE_OK(wsline_options_set_tls_ca_file(options, getenv("WSLINE_TEST_CA")));
    CHECK_STATUS(WSLINE_ERR_TLS_VERIFY, peer_try("WEBSOCKETS_TLS", "/", options, &conn));
    REQUIRE_OK(wsline_options_set_tls_ssl_ctx(options, NULL));
    peer_hang_up(peer_connect("WEBSOCKETS_TLS", "/", options));
    wsline_options_free(options);
    SSL_CTX_free(context);
}

static void the_host_is_verified_with_the_callers_context_too(void) {
    SSL_CTX *context = client_context(true);
    wsline_options *options = options_with(context);
    wsline_conn *conn = NULL;

    CHECK_STATUS(WSLINE_ERR_TLS_VERIFY, peer_try("TLS_WRONGHOST", "/", options, &conn));
    CHECK_HAS("hostname mismatch", wsline_last_error_message());
    REQUIRE_OK(wsline_options_set_tls_verify_host(options, false));
    peer_hang_up(peer_connect("TLS_WRONGHOST", "/", options));
    wsline_options_free(options);
    SSL_CTX_free(context);
}

/* A library built with AWS-LC could only crash with it. */
static void with_aws_lc_a_context_is_rejected(void) {
    SSL_CTX *context = client_context(true);
    wsline_options *options = peer_options();

    CHECK_STATUS(WSLINE_ERR_NOT_SUPPORTED, wsline_options_set_tls_ssl_ctx(options, context));
    CHECK_HAS("AWS-LC", wsline_last_error_message());
    REQUIRE_OK(wsline_options_set_tls_ssl_ctx(options, NULL));
    peer_hang_up(peer_connect("WEBSOCKETS_TLS", "/", options));
    wsline_options_free(options);
    SSL_CTX_free(context);
}

/* The pin of a certificate of the test PKI, computed with OpenSSL only. */
static void pin_of(const char *file, char pin[64]) {
    char path[PEER_URL_MAX];
    FILE *stream = fopen(peer_pki(path, file), "r");
    unsigned char *key = NULL;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    X509 *certificate;
    int len;

    REQUIRE(stream != NULL);
    certificate = PEM_read_X509(stream, NULL, NULL, NULL);
    fclose(stream);
    REQUIRE(certificate != NULL);
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
    REQUIRE(len > 0);
    SHA256(key, (size_t)len, digest);
    EVP_EncodeBlock((unsigned char *)pin, digest, SHA256_DIGEST_LENGTH);
    OPENSSL_free(key);
    X509_free(certificate);
}

static void the_servers_key_must_be_among_the_pins(void) {
    static const struct {
        const char *peer, *file;
    } rows[] = {{"WEBSOCKETS_TLS", "server.pem"}, {"TLS_RSA", "rsa.pem"}};
    char own[64], other[64];

    pin_of("client.pem", other);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();
        wsline_conn *conn = NULL;

        check_row(rows[i].peer);
        pin_of(rows[i].file, own);
        REQUIRE_OK(wsline_options_add_tls_pin_sha256(options, other));
        CHECK_STATUS(WSLINE_ERR_TLS_VERIFY, peer_try(rows[i].peer, "/", options, &conn));
        CHECK_HAS(own, wsline_last_error_message());
        REQUIRE_OK(wsline_options_set_tls_verify(options, false));
        CHECK_STATUS(WSLINE_ERR_TLS_VERIFY, peer_try(rows[i].peer, "/", options, &conn));
        REQUIRE_OK(wsline_options_add_tls_pin_sha256(options, own));
        peer_hang_up(peer_connect(rows[i].peer, "/", options));
        REQUIRE_OK(wsline_options_clear_tls_pins(options));
        REQUIRE_OK(wsline_options_add_tls_pin_sha256(options, other));
        CHECK_STATUS(WSLINE_ERR_TLS_VERIFY, peer_try(rows[i].peer, "/", options, &conn));
        REQUIRE_OK(wsline_options_set_tls_verify(options, true));
        REQUIRE_OK(wsline_options_clear_tls_pins(options));
        peer_hang_up(peer_connect(rows[i].peer, "/", options));
        wsline_options_free(options);
    }
}

/* A TLS server on one end of a socket pair, which writes its own key log. */
struct server {
    int fd;
    SSL_CTX *context;
    char log[LOG_MAX];
};

static void log_key(const SSL *ssl, const char *line) {
    struct server *server = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    size_t used = strlen(server->log);

    snprintf(server->log + used, LOG_MAX - used, "%s\n", line);
}

static void *serve_once(void *userdata) {
    struct server *server = userdata;
    SSL *ssl = SSL_new(server->context);
    char request[4096];

    SSL_set_fd(ssl, server->fd);
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof request) > 0) {
        static const char answer[] = "HTTP/1.1 503 later\r\nContent-Length: 0\r\n\r\n";

        SSL_write(ssl, answer, (int)sizeof answer - 1);
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    close(server->fd);
    return NULL;
}

/* Connects to the server over the pair; it returns 503, which is enough for this test. */
static void meet(struct server *server, wsline_options *options) {
    char path[PEER_URL_MAX];
    int ends[2];
    pthread_t thread;
    wsline_conn *conn = NULL;

    server->context = SSL_CTX_new(TLS_server_method());
    server->log[0] = '\0';
    SSL_CTX_set_app_data(server->context, server);
    SSL_CTX_set_keylog_callback(server->context, log_key);
    REQUIRE(SSL_CTX_use_certificate_file(server->context, peer_pki(path, "server.pem"),
                                         SSL_FILETYPE_PEM) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey_file(server->context, peer_pki(path, "server.key"),
                                        SSL_FILETYPE_PEM) == 1);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    server->fd = ends[1];
    REQUIRE(pthread_create(&thread, NULL, serve_once, server) == 0);
    REQUIRE_OK(wsline_options_set_fd(options, ends[0]));
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, wsline_connect("wss://localhost/", options, &conn));
    CHECK(pthread_join(thread, NULL) == 0);
    close(ends[0]);
    SSL_CTX_free(server->context);
}

/* Renegotiation ------------------------------------------------------------------------------- */

/* On the other end of a pair: upgrades, then requests a renegotiation; returns why it failed. */
struct asker {
    int fd;
    SSL_CTX *context;
    int reason;
};

static void *ask_for_renegotiation(void *userdata) {
    struct asker *asker = userdata;
    SSL *ssl = SSL_new(asker->context);
    char request[4096], answer[512];
    int len;

    SSL_set_fd(ssl, asker->fd);
    if (SSL_accept(ssl) == 1 && (len = SSL_read(ssl, request, sizeof request - 1)) > 0) {
        request[len] = '\0';
        answer_upgrade(request, answer);
        SSL_write(ssl, answer, (int)strlen(answer));
        SSL_renegotiate(ssl);
        ERR_clear_error();
        if (SSL_do_handshake(ssl) == 1) SSL_read(ssl, request, sizeof request);
        asker->reason = ERR_GET_REASON(ERR_peek_last_error());
    }
    SSL_free(ssl);
    close(asker->fd);
    return NULL;
}

static void check_refuses_renegotiation(wsline_options *options) {
    struct asker asker = {.context = SSL_CTX_new(TLS_server_method())};
    bool ends_it = wsline_has_feature("tls-aws-lc");
    char path[PEER_URL_MAX];
    int ends[2];
    pthread_t thread;
    wsline_conn *conn = NULL;
    wsline_message message;

    REQUIRE(SSL_CTX_set_max_proto_version(asker.context, TLS1_2_VERSION) == 1);
    REQUIRE(SSL_CTX_use_certificate_file(asker.context, peer_pki(path, "server.pem"),
                                         SSL_FILETYPE_PEM) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey_file(asker.context, peer_pki(path, "server.key"),
                                        SSL_FILETYPE_PEM) == 1);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    asker.fd = ends[1];
    REQUIRE(pthread_create(&thread, NULL, ask_for_renegotiation, &asker) == 0);
    REQUIRE_OK(wsline_options_set_fd(options, ends[0]));
    REQUIRE_OK(wsline_connect("wss://localhost/", options, &conn));
    /* After the rejection OpenSSL's server closes the connection; AWS-LC closes it itself. */
    CHECK_STATUS(WSLINE_ERR_TLS, wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_HAS(ends_it ? "no renegotiation" : "handshake failure", wsline_last_error_message());
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_INT(ends_it ? SSL_R_TLSV1_ALERT_NO_RENEGOTIATION : SSL_R_NO_RENEGOTIATION, asker.reason);
    wsline_conn_free(conn);
    close(ends[0]);
    SSL_CTX_free(asker.context);
}

static void a_renegotiation_is_rejected(void) {
    wsline_options *options = peer_options();

    check_refuses_renegotiation(options);
    wsline_options_free(options);
}

static void a_renegotiation_is_rejected_with_the_callers_context_too(void) {
    SSL_CTX *context = client_context(true);
    wsline_options *options = options_with(context);

    check_refuses_renegotiation(options);
    wsline_options_free(options);
    SSL_CTX_free(context);
}

/* Key logs ------------------------------------------------------------------------------------ */

/* An empty temporary file. */
static void temporary_file(char path[64]) {
    int fd;

    snprintf(path, 64, "/tmp/wsline-keylog-XXXXXX");
    fd = mkstemp(path);
    REQUIRE(fd >= 0);
    close(fd);
}

static void read_log(const char *path, char log[LOG_MAX]) {
    FILE *stream = fopen(path, "r");
    size_t len;

    REQUIRE(stream != NULL);
    len = fread(log, 1, LOG_MAX - 1, stream);
    log[len] = '\0';
    fclose(stream);
}

static void the_key_log_equals_the_servers(void) {
    static const int32_t versions[] = {WSLINE_TLS_1_2, WSLINE_TLS_1_3};
    static struct server server;
    static char log[LOG_MAX];
    char path[64];

    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        wsline_options *options = peer_options();
        size_t lines = 0;

        temporary_file(path);
        REQUIRE_OK(wsline_options_set_tls_max_version(options, versions[i]));
        REQUIRE_OK(wsline_options_set_tls_keylog_file(options, path));
        meet(&server, options);
        read_log(path, log);
        for (char *line = strtok(server.log, "\n"); line != NULL; line = strtok(NULL, "\n")) {
            CHECK_HAS(line, log);
            lines++;
        }
        CHECK_INT(versions[i] == WSLINE_TLS_1_2 ? 1 : 5, lines);
        wsline_options_free(options);
        unlink(path);
    }
}

static void keys_are_logged_only_on_request(void) {
    static struct server server;
    static char log[LOG_MAX];
    wsline_options *options = peer_options();
    char path[64];

    temporary_file(path);
    REQUIRE(setenv("SSLKEYLOGFILE", path, 1) == 0);
    meet(&server, options);
    unsetenv("SSLKEYLOGFILE");
    read_log(path, log);
    CHECK_TEXT("", log);
    CHECK_HAS("TRAFFIC_SECRET", server.log);
    wsline_options_free(options);
    unlink(path);
}

static void a_key_log_that_cannot_be_opened_is_a_configuration_error(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;

    REQUIRE_OK(wsline_options_set_tls_keylog_file(options, "/no/such/directory/keys"));
    CHECK_STATUS(WSLINE_ERR_TLS_CONFIG, peer_try("WEBSOCKETS_TLS", "/", options, &conn));
    CHECK_HAS("/no/such/directory/keys", wsline_last_error_message());
    wsline_options_free(options);
}

/* A callback of the context, which OpenSSL calls for each record. */
static void act_on_cancellation(int is_sent, int version, int type, const void *data, size_t len,
                                SSL *ssl, void *argument) {
    (void)is_sent, (void)version, (void)type, (void)data, (void)len, (void)ssl, (void)argument;
    pthread_testcancel();
}

static void *exchange_while_cancelled(void *argument) {
    wsline_conn *conn = argument;
    wsline_message message;

    CHECK(pthread_cancel(pthread_self()) == 0);
    CHECK_OK(wsline_conn_send_text(conn, "text", 4));
    CHECK_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_OK(wsline_conn_send_close(conn, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
    pthread_testcancel();
    return NULL;
}

static void a_cancelled_thread_leaves_the_contexts_callbacks_first(void) {
    SSL_CTX *context = client_context(true);
    wsline_options *options;
    pthread_t thread;
    void *result = NULL;
    wsline_conn *conn;

    SSL_CTX_set_msg_callback(context, act_on_cancellation);
    options = options_with(context);
    SSL_CTX_free(context);
    conn = peer_connect("WEBSOCKETS_TLS", "/", options);
    REQUIRE(pthread_create(&thread, NULL, exchange_while_cancelled, conn) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    wsline_options_free(options);
    wsline_conn_free(conn);
}

int main(int argc, char **argv) {
    /* The first tests use a context of this program; the last one checks that it is rejected. */
    enum { WITH_CONTEXT = 5, UNDER_AWS_LC = 1 };
    static const struct test tests[] = {
        TEST(the_callers_context_is_used_and_shared),
        TEST(the_callers_context_decides_whom_to_trust),
        TEST(the_host_is_verified_with_the_callers_context_too),
        TEST(a_renegotiation_is_rejected_with_the_callers_context_too),
        TEST(a_cancelled_thread_leaves_the_contexts_callbacks_first),
        TEST(the_servers_key_must_be_among_the_pins),
        TEST(a_renegotiation_is_rejected),
        TEST(the_key_log_equals_the_servers),
        TEST(keys_are_logged_only_on_request),
        TEST(a_key_log_that_cannot_be_opened_is_a_configuration_error),
        TEST(with_aws_lc_a_context_is_rejected),
    };

    if (wsline_has_feature("tls-aws-lc"))
        return check_main(argc, argv, tests + WITH_CONTEXT, COUNT_OF(tests) - WITH_CONTEXT);
    return check_main(argc, argv, tests, COUNT_OF(tests) - UNDER_AWS_LC);
}
