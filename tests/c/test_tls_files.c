/* SPDX-License-Identifier: Apache-2.0 */
/* The files that configure TLS: each connect uses their current contents. */
#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* A folder of the test; closing it removes its files. */
struct folder {
    char path[64];
};

static void folder_open(struct folder *folder) {
    snprintf(folder->path, sizeof folder->path, "/tmp/wsline-test-XXXXXX");
    REQUIRE(mkdtemp(folder->path) != NULL);
}

static void folder_close(const struct folder *folder) {
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", folder->path);
    CHECK(system(command) == 0);
}

/* The path of the file with that name, which need not exist yet. */
static const char *folder_path(const struct folder *folder, const char *name,
                               char path[PEER_URL_MAX]) {
    snprintf(path, PEER_URL_MAX, "%s/%s", folder->path, name);
    return path;
}

/* Puts a copy of a file of the test PKI there by rename, as certificate renewal does. */
static void folder_put(const struct folder *folder, const char *name, const char *pki_name) {
    char pki[PEER_URL_MAX], command[2 * PEER_URL_MAX];

    snprintf(command, sizeof command, "cp '%s' %s/new && mv %s/new %s/%s", peer_pki(pki, pki_name),
             folder->path, folder->path, folder->path, name);
    REQUIRE(system(command) == 0);
}

static wsline_options *bare_options(void) {
    wsline_options *options = NULL;

    REQUIRE_OK(wsline_options_new(&options));
    return options;
}

static void check_works(const char *peer, const wsline_options *options) {
    wsline_conn *conn = NULL;

    if (CHECK_OK(peer_try(peer, "/", options, &conn))) peer_hang_up(conn);
}

static void check_fails(wsline_status status, const char *peer, const wsline_options *options) {
    wsline_conn *conn = NULL;

    CHECK_STATUS(status, peer_try(peer, "/", options, &conn));
    CHECK(conn == NULL);
}

/* The last error names this file and contains the system's message. */
static void check_names(const char *path, int os_errno) {
    wsline_error_info info;

    CHECK_OK(wsline_last_error(&info));
    CHECK_HAS(path, info.message);
    CHECK_INT(os_errno, info.os_errno);
}

static void replaced_authorities_are_used_by_the_next_connect(void) {
    wsline_options *options = bare_options();
    char path[PEER_URL_MAX];
    struct folder folder;

    folder_open(&folder);
    folder_put(&folder, "ca.pem", "ca.pem");
    REQUIRE_OK(wsline_options_set_tls_ca_file(options, folder_path(&folder, "ca.pem", path)));
    check_works("WEBSOCKETS_TLS", options);
    check_fails(WSLINE_ERR_TLS_VERIFY, "TLS_UNTRUSTED", options);
    folder_put(&folder, "ca.pem", "ca2.pem");
    check_works("TLS_UNTRUSTED", options);
    check_fails(WSLINE_ERR_TLS_VERIFY, "WEBSOCKETS_TLS", options);
    wsline_options_free(options);
    folder_close(&folder);
}

static void a_directory_of_authorities_is_read_again(void) {
    wsline_options *options = bare_options();
    char command[256];
    struct folder folder;

    folder_open(&folder);
    REQUIRE_OK(wsline_options_set_tls_ca_path(options, folder.path));
    check_fails(WSLINE_ERR_TLS_VERIFY, "WEBSOCKETS_TLS", options);
    folder_put(&folder, "ca.pem", "ca.pem");
    snprintf(command, sizeof command, "openssl rehash %s", folder.path);
    REQUIRE(system(command) == 0);
    check_works("WEBSOCKETS_TLS", options);
    snprintf(command, sizeof command, "rm %s/*", folder.path);
    REQUIRE(system(command) == 0);
    check_fails(WSLINE_ERR_TLS_VERIFY, "WEBSOCKETS_TLS", options);
    wsline_options_free(options);
    folder_close(&folder);
}

static void the_systems_authorities_may_appear_late(void) {
    wsline_options *options = bare_options();
    char path[PEER_URL_MAX];
    struct folder folder;

    folder_open(&folder);
    REQUIRE(setenv("SSL_CERT_FILE", folder_path(&folder, "late.pem", path), 1) == 0);
    check_fails(WSLINE_ERR_TLS_CONFIG, "WEBSOCKETS_TLS", options);
    check_names(path, ENOENT);
    CHECK_HAS("SSL_CERT_FILE", wsline_last_error_message());
    folder_put(&folder, "late.pem", "ca.pem");
    check_works("WEBSOCKETS_TLS", options);
    folder_put(&folder, "late.pem", "ca2.pem");
    check_works("TLS_UNTRUSTED", options);
    REQUIRE(unsetenv("SSL_CERT_FILE") == 0);
    check_fails(WSLINE_ERR_TLS_VERIFY, "WEBSOCKETS_TLS", options);
    wsline_options_free(options);
    folder_close(&folder);
}

enum { MAX_DESCRIPTORS = 64 };

/* Uses up the free descriptors except for a few. */
struct shortage {
    struct rlimit usual;
    int fillers[MAX_DESCRIPTORS], count;
};

static void shortage_begin(struct shortage *it, int left) {
    struct rlimit low;

    it->count = 0;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &it->usual) == 0);
    low = it->usual;
    low.rlim_cur = MAX_DESCRIPTORS;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
    while (it->count < MAX_DESCRIPTORS && (it->fillers[it->count] = dup(0)) >= 0) it->count++;
    REQUIRE(it->count > left);
    while (left-- > 0) close(it->fillers[--it->count]);
}

static void shortage_end(struct shortage *it) {
    while (it->count > 0) close(it->fillers[--it->count]);
    REQUIRE(setrlimit(RLIMIT_NOFILE, &it->usual) == 0);
}

/* An address needs no lookup: connecting needs one descriptor, the socket. */
static const char *by_address(char url[PEER_URL_MAX]) {
    snprintf(url, PEER_URL_MAX, "wss://127.0.0.1%s/",
             strrchr(peer_variable("WEBSOCKETS_TLS", "_URL"), ':'));
    return url;
}

static void a_shortage_of_descriptors_is_not_remembered(void) {
    wsline_options *options = bare_options();
    struct shortage shortage;
    char url[PEER_URL_MAX], path[PEER_URL_MAX];

    by_address(url);
    REQUIRE(setenv("SSL_CERT_FILE", peer_pki(path, "ca.pem"), 1) == 0);
    shortage_begin(&shortage, 1);
    for (int i = 0; i < 2; i++) {
        wsline_conn *conn = NULL;

        CHECK_STATUS(WSLINE_ERR_TLS_CONFIG, wsline_connect(url, options, &conn));
        check_names(path, EMFILE);
        CHECK(conn == NULL);
    }
    shortage_end(&shortage);
    check_works("WEBSOCKETS_TLS", options);
    REQUIRE(unsetenv("SSL_CERT_FILE") == 0);
    wsline_options_free(options);
}

/* OpenSSL opens the files of a directory on demand. */
static void an_unreadable_authority_is_an_error(void) {
    wsline_options *options = bare_options();
    wsline_conn *conn = NULL;
    wsline_error_info info;
    struct shortage shortage;
    struct folder folder;
    char url[PEER_URL_MAX], command[256];

    folder_open(&folder);
    folder_put(&folder, "ca.pem", "ca.pem");
    snprintf(command, sizeof command, "openssl rehash %s", folder.path);
    REQUIRE(system(command) == 0);
    REQUIRE_OK(wsline_options_set_tls_ca_path(options, folder.path));
    check_fails(WSLINE_ERR_TLS_VERIFY, "TLS_UNTRUSTED", options);
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(0, info.os_errno);
    shortage_begin(&shortage, 1);
    CHECK_STATUS(WSLINE_ERR_TLS_VERIFY, wsline_connect(by_address(url), options, &conn));
    CHECK_OK(wsline_last_error(&info));
    shortage_end(&shortage);
    CHECK_INT(EMFILE, info.os_errno);
    CHECK_HAS("directory of certificate authorities", info.message);
    check_works("WEBSOCKETS_TLS", options);
    wsline_options_free(options);
    folder_close(&folder);
}

static void a_replaced_client_certificate_is_used_by_the_next_connect(void) {
    wsline_options *options = peer_options();
    char path[PEER_URL_MAX];
    struct folder folder;

    folder_open(&folder);
    folder_put(&folder, "cert.pem", "client-untrusted.pem");
    folder_put(&folder, "key.pem", "client-untrusted.key");
    folder_path(&folder, "cert.pem", path);
    REQUIRE_OK(wsline_options_set_tls_certificate_file(options, path));
    folder_path(&folder, "key.pem", path);
    REQUIRE_OK(wsline_options_set_tls_key_file(options, path));
    /* This server rejects by closing the connection. */
    check_fails(WSLINE_ERR_CONNECTION_LOST, "TLS_CLIENTCERT", options);
    folder_put(&folder, "cert.pem", "client.pem");
    check_fails(WSLINE_ERR_TLS_CONFIG, "TLS_CLIENTCERT", options);
    CHECK_HAS("does not match", wsline_last_error_message());
    folder_put(&folder, "key.pem", "client.key");
    check_works("TLS_CLIENTCERT", options);
    wsline_options_free(options);
    folder_close(&folder);
}

static void a_certificate_without_its_key_names_the_option_to_set(void) {
    wsline_options *options = peer_options();
    char path[PEER_URL_MAX], expected[2 * PEER_URL_MAX];
    struct folder folder;

    folder_open(&folder);
    folder_put(&folder, "cert.pem", "client.pem");
    folder_path(&folder, "cert.pem", path);
    REQUIRE_OK(wsline_options_set_tls_certificate_file(options, path));
    check_fails(WSLINE_ERR_TLS_CONFIG, "TLS_CLIENTCERT", options);
    snprintf(expected, sizeof expected,
             "%s has no private key; set it with wsline_options_set_tls_key_file()", path);
    CHECK_TEXT(expected, wsline_last_error_message());
    wsline_options_free(options);
    folder_close(&folder);
}

static void an_app_waits_for_a_file_that_appears_late(void) {
    wsline_options *options = app_reconnecting();
    struct record record;
    struct folder folder;
    char path[PEER_URL_MAX];
    wsline_app *app;

    folder_open(&folder);
    REQUIRE_OK(wsline_options_set_tls_ca_file(options, folder_path(&folder, "ca.pem", path)));
    app = app_make("WEBSOCKETS_TLS", "/", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    CHECK(record_wait(&record, 'e', 2));
    folder_put(&folder, "ca.pem", "ca.pem");
    CHECK(record_wait(&record, 'o', 1));
    CHECK_STATUS(WSLINE_ERR_TLS_CONFIG, record.error.status);
    CHECK_HAS(path, record.error.message);
    wsline_app_free(app);
    folder_close(&folder);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(replaced_authorities_are_used_by_the_next_connect),
        TEST(a_directory_of_authorities_is_read_again),
        TEST(the_systems_authorities_may_appear_late),
        TEST(a_shortage_of_descriptors_is_not_remembered),
        TEST(an_unreadable_authority_is_an_error),
        TEST(a_replaced_client_certificate_is_used_by_the_next_connect),
        TEST(a_certificate_without_its_key_names_the_option_to_set),
        TEST(an_app_waits_for_a_file_that_appears_late),
    };

    return check_main(argc, argv, tests, COUNT_OF(tests));
}
