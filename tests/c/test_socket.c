/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of a connection: its path, its local and remote address, its options. */
#include "listen.h"
#include "reach.h"

#include <netinet/tcp.h>

static void a_unix_socket_is_set_by_option_or_url(void) {
    const char *path = peer_variable("WEBSOCKETS_UNIX", "_PATH");
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;
    char url[PEER_URL_MAX];
    wsline_message request;

    REQUIRE_OK(wsline_options_set_unix_path(options, path));
    REQUIRE_OK(wsline_connect("ws://chat.example:81/headers", options, &conn));
    CHECK_TEXT(path, wsline_conn_peer_address(conn));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &request));
    CHECK_HAS("[\"Host\", \"chat.example:81\"]", (const char *)request.data);
    check_echo(conn);
    peer_hang_up(conn);
    wsline_options_free(options);

    snprintf(url, sizeof url, "ws+unix://%s:/headers", path);
    REQUIRE_OK(wsline_connect(url, NULL, &conn));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &request));
    CHECK_HAS("[\"Host\", \"localhost\"]", (const char *)request.data);
    CHECK_HAS("\"path\": \"/headers\"", (const char *)request.data);
    check_echo(conn);
    peer_hang_up(conn);
}

static void wss_over_a_unix_socket_uses_tls(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;
    wsline_tls_info info;

    REQUIRE_OK(wsline_options_set_unix_path(options, peer_variable("NGINX_UNIX_TLS", "_PATH")));
    REQUIRE_OK(wsline_connect("wss://localhost/", options, &conn));
    CHECK_OK(wsline_conn_tls_info(conn, &info));
    check_echo(conn);
    peer_hang_up(conn);
    check_unreached(WSLINE_ERR_TLS_VERIFY, WSLINE_PHASE_TLS, "hostname mismatch",
                    "wss://other.example/", options);
    wsline_options_free(options);
}

static void a_missing_unix_socket_is_named(void) {
    char longest[400];

    check_unreached(WSLINE_ERR_CONNECT, WSLINE_PHASE_CONNECT,
                    "connect to /no/such/socket: no such file", "ws+unix:///no/such/socket:/",
                    NULL);
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "ws+unix:///", strlen("ws+unix:///"));
    longest[sizeof longest - 1] = '\0';
    check_unreached(WSLINE_ERR_CONNECT, WSLINE_PHASE_CONNECT,
                    "xxx: the path is too long for a Unix-domain socket", longest, NULL);
}

static void wss_over_a_supplied_descriptor_uses_tls(void) {
    char url[PEER_URL_MAX];
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;
    wsline_tls_info info;
    int fd;

    peer_url(url, "WEBSOCKETS_TLS", "");
    fd = listen_connect((uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10));
    REQUIRE_OK(wsline_options_set_fd(options, fd));
    REQUIRE_OK(wsline_connect("wss://localhost/", options, &conn));
    CHECK_OK(wsline_conn_tls_info(conn, &info));
    check_echo(conn);
    peer_hang_up(conn);
    close(fd);
    wsline_options_free(options);
}

/* A second handshake would reach the server as frames of the first connection. */
static void a_supplied_descriptor_serves_one_connect(void) {
    static const char *const paths[] = {"/", "/status?code=403"};
    char url[PEER_URL_MAX];
    uint16_t port;

    peer_url(url, "WEBSOCKETS", "");
    port = (uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        wsline_options *options = peer_options();
        wsline_conn *conn = NULL;
        int fd = listen_connect(port);

        check_row(paths[i]);
        peer_url(url, "WEBSOCKETS", paths[i]);
        REQUIRE_OK(wsline_options_set_fd(options, fd));
        CHECK_STATUS(i == 0 ? WSLINE_OK : WSLINE_ERR_HTTP_STATUS,
                     wsline_connect(url, options, &conn));
        check_unreached(WSLINE_ERR_WRONG_STATE, WSLINE_PHASE_CONNECT, "has already been used", url,
                        options);
        if (conn != NULL) {
            check_echo(conn);
            peer_hang_up(conn);
        }
        check_unreached(WSLINE_ERR_WRONG_STATE, WSLINE_PHASE_CONNECT, "has already been used", url,
                        options);
        close(fd);
        fd = listen_connect(port);
        REQUIRE_OK(wsline_options_set_fd(options, fd));
        peer_url(url, "WEBSOCKETS", "/");
        REQUIRE_OK(wsline_connect(url, options, &conn));
        peer_hang_up(conn);
        close(fd);
        wsline_options_free(options);
    }
}

/* A socket on which the test itself has made the opening handshake. */
static int upgraded_socket(const char *peer) {
    static const char request[] =
        "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    char url[PEER_URL_MAX], response[4096] = "";
    size_t len = 0;
    int fd;

    peer_url(url, peer, "");
    fd = listen_connect((uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10));
    REQUIRE(send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request));
    /* Nothing after the response may be read. */
    while (strstr(response, "\r\n\r\n") == NULL && len + 1 < sizeof response) {
        REQUIRE(recv(fd, response + len, 1, 0) == 1);
        response[++len] = '\0';
    }
    CHECK_HAS(" 101 ", response);
    return fd;
}

static void an_upgraded_socket_is_open_at_once(void) {
    static const char *const peers[] = {"WEBSOCKETS", "FAULTS"};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_options *options = peer_options();
        wsline_conn *conn = NULL;
        int fd = upgraded_socket(peers[i]);

        check_row(peers[i]);
        REQUIRE_OK(wsline_options_set_deflate(options, true));
        REQUIRE_OK(wsline_options_set_fd(options, fd));
        REQUIRE_OK(wsline_options_set_upgraded(options, true));
        check_unreached(WSLINE_ERR_WRONG_STATE, WSLINE_PHASE_CONNECT, "wss:// would begin TLS",
                        "wss://localhost/", options);
        REQUIRE_OK(wsline_connect("ws://named.example/", options, &conn));
        CHECK_INT(0, wsline_conn_http_status(conn));
        CHECK_TEXT(NULL, wsline_conn_subprotocol(conn));
        CHECK_TEXT(NULL, wsline_conn_extensions(conn));
        CHECK_HAS("127.0.0.1:", wsline_conn_peer_address(conn));
        check_echo(conn);
        peer_hang_up(conn);
        close(fd);
        REQUIRE_OK(wsline_options_set_fd(options, -1));
        check_unreached(WSLINE_ERR_WRONG_STATE, WSLINE_PHASE_CONNECT,
                        "needs the socket of wsline_options_set_fd()", "ws://localhost/", options);
        wsline_options_free(options);
    }
}

static void close_after_the_echo(wsline_app *app, const wsline_message *message, void *userdata) {
    CHECK_BYTES("hello", 5, message->data, message->len);
    ++*(unsigned *)userdata;
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void greet(wsline_app *app, void *userdata) {
    (void)userdata;
    CHECK_OK(wsline_app_send_text(app, "hello", WSLINE_NUL_TERMINATED));
}

static void an_app_does_not_retry_without_its_upgraded_socket(void) {
    wsline_options *options = peer_options();
    wsline_app *app = NULL;

    REQUIRE_OK(wsline_options_set_upgraded(options, true));
    REQUIRE_OK(wsline_options_set_reconnect(options, true));
    REQUIRE_OK(wsline_app_new("ws://named.example/", options, &app));
    wsline_options_free(options);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_run(app));
    wsline_app_free(app);
}

static void an_app_uses_an_upgraded_socket(void) {
    wsline_options *options = peer_options();
    wsline_app *app = NULL;
    unsigned echoes = 0;
    int fd = upgraded_socket("FAULTS");

    REQUIRE_OK(wsline_options_set_fd(options, fd));
    REQUIRE_OK(wsline_options_set_upgraded(options, true));
    REQUIRE_OK(wsline_app_new("ws://named.example/", options, &app));
    wsline_options_free(options);
    CHECK_OK(wsline_app_on_open(app, greet, NULL, NULL));
    CHECK_OK(wsline_app_on_message(app, close_after_the_echo, &echoes, NULL));
    CHECK_OK(wsline_app_run(app));
    CHECK_INT(1, echoes);
    wsline_app_free(app);
    close(fd);
}

/* The local address, "127.0.0.2:4711". */
static const char *own_address(wsline_conn *conn, char text[64]) {
    struct sockaddr_in address;
    socklen_t len = sizeof address;

    REQUIRE(getsockname(wsline_conn_fd(conn), (struct sockaddr *)&address, &len) == 0);
    snprintf(text, 64, "%s:%u", inet_ntoa(address.sin_addr), (unsigned)ntohs(address.sin_port));
    return text;
}

static void the_local_address_can_be_set(void) {
    wsline_options *options = peer_options();
    struct listener free_port = listen_open(1);
    char address[64], text[64];
    wsline_conn *conn;

    REQUIRE_OK(wsline_options_set_bind_address(options, "127.0.0.2"));
    conn = peer_connect("WEBSOCKETS", "/", options);
    CHECK_HAS("127.0.0.2:", own_address(conn, text));
    check_echo(conn);
    peer_hang_up(conn);

    snprintf(address, sizeof address, "127.0.0.3:%u", (unsigned)free_port.port);
    REQUIRE_OK(wsline_options_set_bind_address(options, address));
    conn = peer_connect("WEBSOCKETS", "/", options);
    CHECK_TEXT(address, own_address(conn, text));
    wsline_conn_free(conn);

    REQUIRE_OK(wsline_options_set_bind_address(options, NULL));
    conn = peer_connect("WEBSOCKETS", "/", options);
    CHECK_HAS("127.0.0.1:", own_address(conn, text));
    peer_hang_up(conn);
    listen_close(&free_port);
    wsline_options_free(options);
}

static void an_unusable_local_address_is_named(void) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_bind_address(options, "192.0.2.1"));
    check_unreached(WSLINE_ERR_CONNECT, WSLINE_PHASE_CONNECT, "bind to 192.0.2.1:0",
                    "ws://127.0.0.1:1/", options);
    REQUIRE_OK(wsline_options_set_bind_address(options, "::1"));
    check_unreached(WSLINE_ERR_RESOLVE, WSLINE_PHASE_RESOLVE, "127.0.0.1 has no IPv6 address",
                    "ws://127.0.0.1:1/", options);
    wsline_options_free(options);
}

static void the_address_family_can_be_set(void) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_address_family(options, WSLINE_ADDRESS_IPV4));
    peer_hang_up(peer_connect("WEBSOCKETS", "/", options));
    check_unreached(WSLINE_ERR_RESOLVE, WSLINE_PHASE_RESOLVE, "::1 has no IPv4 address",
                    "ws://[::1]:1/", options);
    REQUIRE_OK(wsline_options_set_address_family(options, WSLINE_ADDRESS_IPV6));
    check_unreached(WSLINE_ERR_RESOLVE, WSLINE_PHASE_RESOLVE, "127.0.0.1 has no IPv6 address",
                    "ws://127.0.0.1:1/", options);
    REQUIRE_OK(wsline_options_set_address_family(options, WSLINE_ADDRESS_ANY));
    peer_hang_up(peer_connect("WEBSOCKETS", "/", options));
    wsline_options_free(options);
}

static int option_of(wsline_conn *conn, int level, int name) {
    int value = 0;
    socklen_t len = sizeof value;

    REQUIRE(getsockopt(wsline_conn_fd(conn), level, name, &value, &len) == 0);
    return value;
}

static void socket_options_are_set_before_connecting(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", options);
    int idle = 77, off = 0, bytes = 65536;

    CHECK_INT(1, option_of(conn, IPPROTO_TCP, TCP_NODELAY));
    CHECK_INT(1, option_of(conn, SOL_SOCKET, SO_KEEPALIVE));
    CHECK_INT(30, option_of(conn, IPPROTO_TCP, TCP_KEEPIDLE));
    peer_hang_up(conn);
    REQUIRE_OK(
        wsline_options_add_socket_option(options, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle));
    REQUIRE_OK(
        wsline_options_add_socket_option(options, IPPROTO_TCP, TCP_NODELAY, &off, sizeof off));
    REQUIRE_OK(
        wsline_options_add_socket_option(options, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes));
    conn = peer_connect("WEBSOCKETS", "/", options);
    CHECK_INT(0, option_of(conn, IPPROTO_TCP, TCP_NODELAY));
    CHECK_INT(77, option_of(conn, IPPROTO_TCP, TCP_KEEPIDLE));
    CHECK_INT(2 * 65536, option_of(conn, SOL_SOCKET, SO_RCVBUF)); /* socket(7): doubled */
    check_echo(conn);
    peer_hang_up(conn);
    REQUIRE_OK(wsline_options_add_socket_option(options, 9999, 1, &off, sizeof off));
    check_unreached(WSLINE_ERR_CONNECT, WSLINE_PHASE_CONNECT,
                    "set the socket option 1 of level 9999", "ws://127.0.0.1:1/", options);
    wsline_options_free(options);
}

#define CHECK_REFUSED(name, call)                                                                  \
    do {                                                                                           \
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, call);                                           \
        CHECK_HAS("`" name "`", wsline_last_error_message());                                      \
    } while (0)

static void bad_arguments_are_named(void) {
    wsline_options *options = peer_options();

    CHECK_REFUSED("path", wsline_options_set_unix_path(options, ""));
    CHECK_REFUSED("path", wsline_options_set_unix_path(options, "\xff"));
    CHECK_REFUSED("address", wsline_options_set_bind_address(options, "localhost"));
    CHECK_REFUSED("address", wsline_options_set_bind_address(options, "127.0.0.1:65536"));
    CHECK_REFUSED("address", wsline_options_set_bind_address(options, ""));
    CHECK_REFUSED("family", wsline_options_set_address_family(options, 2));
    CHECK_REFUSED("fd", wsline_options_set_fd(options, -2));
    wsline_options_free(options);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_unix_socket_is_set_by_option_or_url),
        TEST(wss_over_a_unix_socket_uses_tls),
        TEST(a_missing_unix_socket_is_named),
        TEST(an_upgraded_socket_is_open_at_once),
        TEST(an_app_uses_an_upgraded_socket),
        TEST(an_app_does_not_retry_without_its_upgraded_socket),
        TEST(wss_over_a_supplied_descriptor_uses_tls),
        TEST(a_supplied_descriptor_serves_one_connect),
        TEST(the_local_address_can_be_set),
        TEST(an_unusable_local_address_is_named),
        TEST(the_address_family_can_be_set),
        TEST(socket_options_are_set_before_connecting),
        TEST(bad_arguments_are_named),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
