/* SPDX-License-Identifier: Apache-2.0 */
/* The log of connecting to a server and of its frames. */
#include "check.h"
#include "lines.h"
#include "peer.h"

static void headers_and_frames_are_shown(void) {
    wsline_options *options = peer_options();
    wsline_message message;
    wsline_conn *conn;
    const char *logged;

    REQUIRE_OK(wsline_options_add_header(options, "X-Mine", "1"));
    lines_begin();
    conn = peer_connect("WEBSOCKETS", "/", options);
    REQUIRE_OK(wsline_conn_send_text(conn, "a\"\x1b[2J\n", WSLINE_NUL_TERMINATED));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    peer_hang_up(conn);
    logged = lines_end();
    CHECK_HAS("> GET / HTTP/1.1\n> Host: 127.0.0.1:", logged);
    CHECK_HAS("\n> X-Mine: 1\n", logged);
    CHECK_HAS("\n< HTTP/1.1 101 Switching Protocols\n", logged);
    CHECK_HAS("\n< Sec-WebSocket-Accept: ", logged);
    CHECK_HAS("\n> text fin=1 7 bytes \"a\\\"\\x1b[2J\\n\"\n", logged);
    CHECK_HAS("\n< text fin=1 7 bytes \"a\\\"\\x1b[2J\\n\"\n", logged);
    CHECK_HAS("\n> close fin=1 2 bytes \"\\x03\\xe8\"\n", logged);
    CHECK_HAS("\n< close fin=1 2 bytes \"\\x03\\xe8\"\n", logged);
    wsline_options_free(options);
}

static void only_the_first_64_bytes_of_a_payload_are_shown(void) {
    char payload[1000], shown[128];
    wsline_conn *conn;

    memset(payload, 'x', sizeof payload);
    lines_begin();
    conn = peer_connect("WEBSOCKETS", "/", NULL);
    REQUIRE_OK(wsline_conn_send_binary(conn, payload, sizeof payload));
    peer_hang_up(conn);
    snprintf(shown, sizeof shown, "\n> binary fin=1 1000 bytes \"%.64s\"\u2026\n", payload);
    CHECK_HAS(shown, lines_end());
}

static void tls_is_shown_by_version_and_cipher_without_keys(void) {
    wsline_tls_info info;
    wsline_conn *conn;
    char line[128];

    lines_begin();
    conn = peer_connect("WEBSOCKETS_TLS", "/", NULL);
    REQUIRE_OK(wsline_conn_tls_info(conn, &info));
    snprintf(line, sizeof line, ": %s, %s\n", info.version, info.cipher);
    peer_hang_up(conn);
    CHECK_HAS(line, lines_end());
    CHECK(strstr(lines.text, "SECRET") == NULL);
    CHECK(strstr(lines.text, "BEGIN") == NULL);
}

static void a_redirect_and_its_cookie_are_shown(void) {
    wsline_conn *conn;
    const char *logged;

    lines_begin();
    conn = peer_connect("FAULTS", "/redirect?to=/head&cookie=a%3Dhush", NULL);
    peer_hang_up(conn);
    logged = lines_end();
    CHECK_HAS("\n< HTTP/1.1 302 No\n", logged);
    CHECK_HAS("\n< Location: /head\n", logged);
    CHECK_HAS("\n< Set-Cookie: [redacted]\n", logged);
    CHECK(strstr(logged, "a=hush") == NULL);
    CHECK_HAS("\nredirected to ws://127.0.0.1:", logged);
    CHECK_HAS("\n> GET /head HTTP/1.1\n", logged);
}

static void credentials_named_by_a_server_are_omitted(void) {
    wsline_conn *conn = NULL;

    lines_begin();
    CHECK(peer_try("FAULTS", "/redirect?to=ws://alice:hush@127.0.0.1:1/", NULL, &conn) !=
          WSLINE_OK);
    CHECK_HAS("\n< Location: \u2026@127.0.0.1:1/\n", lines_end());
}

static void a_proxy_is_shown_step_by_step(void) {
    static const struct {
        const char *peer, *scheme, *step;
    } rows[] = {
        {"TINYPROXY_AUTH", "http://", "\n> Proxy-Authorization: [redacted]\n"},
        {"MICROSOCKS_AUTH", "socks5h://", "\n> SOCKS5: user name and password\n"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();
        char proxy[PEER_URL_MAX], url[PEER_URL_MAX + 32];
        const char *logged;

        check_row(rows[i].peer);
        peer_url(proxy, rows[i].peer, "");
        snprintf(url, sizeof url, "%suser:secret@%s", rows[i].scheme, strstr(proxy, "://") + 3);
        REQUIRE_OK(wsline_options_set_proxy_url(options, url));
        lines_begin();
        peer_hang_up(peer_connect("WEBSOCKETS", "/", options));
        logged = lines_end();
        CHECK_HAS("connecting through the proxy ", logged);
        CHECK_HAS(rows[i].step, logged);
        CHECK_HAS("\nthe proxy has connected to 127.0.0.1:", logged);
        CHECK(strstr(logged, "secret") == NULL);
        CHECK(strstr(logged, "dXNlcjpzZWNyZXQ=") == NULL);
        wsline_options_free(options);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(headers_and_frames_are_shown),
        TEST(only_the_first_64_bytes_of_a_payload_are_shown),
        TEST(tls_is_shown_by_version_and_cipher_without_keys),
        TEST(a_redirect_and_its_cookie_are_shown),
        TEST(credentials_named_by_a_server_are_omitted),
        TEST(a_proxy_is_shown_step_by_step),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
