/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP upgrade: the request, and which responses are accepted. */
#include "clock.h"
#include "peer.h"

/* Accepted responses --------------------------------------------------------------------------- */

static void unusual_headers_are_accepted(void) {
    static const char *const paths[] = {
        "/odd-but-valid",       "/early-hints",     "/continue",          "/many-headers?n=50",
        "/many-headers?n=1000", "/folded-line",     "/folded-connection", "/ignored-lines",
        "/empty-lines-first",   "/empty-extensions"};

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        wsline_message message;
        wsline_conn *conn;

        check_row(paths[i]);
        conn = peer_connect("FAULTS", paths[i], NULL);
        CHECK_INT(101, wsline_conn_http_status(conn));
        CHECK_OK(wsline_conn_send_text(conn, "x", 1));
        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK_BYTES("x", 1, message.data, message.len);
        peer_hang_up(conn);
    }
}

static void repeated_response_headers_are_all_kept(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/odd-but-valid", NULL);
    const char *name, *value;
    size_t cookies = 0;

    for (size_t i = 0; wsline_conn_response_header_at(conn, i, &name, &value); i++)
        cookies += strcmp(name, "Set-Cookie") == 0;
    CHECK_INT(2, cookies);
    CHECK_TEXT("a=b", wsline_conn_response_header(conn, "set-cookie"));
    CHECK_TEXT("", wsline_conn_response_header(conn, "X-Empty"));
    peer_hang_up(conn);
}

static void a_folded_header_is_unfolded(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/folded-line", NULL);

    CHECK_TEXT("a, b c", wsline_conn_response_header(conn, "X-Folded"));
    peer_hang_up(conn);
}

static void an_empty_list_of_extensions_is_accepted(void) {
    wsline_options *options = peer_options();

    for (int offer = 0; offer < 2; offer++) {
        wsline_conn *conn;

        CHECK_OK(wsline_options_set_deflate(options, offer != 0));
        conn = peer_connect("FAULTS", "/empty-extensions", options);
        CHECK_TEXT(NULL, wsline_conn_extensions(conn));
        CHECK_TEXT("", wsline_conn_response_header(conn, "Sec-WebSocket-Extensions"));
        peer_hang_up(conn);
    }
    wsline_options_free(options);
}

static void frames_right_after_the_headers_are_not_lost(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/early", NULL);
    wsline_message message;

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES("early text", 10, message.data, message.len);
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES("early data", 10, message.data, message.len);
    peer_hang_up(conn);
}

/* The request ---------------------------------------------------------------------------------- */

/* The request that the server saw, as JSON. */
static void request_seen(const char *path, const wsline_options *options, char *json, size_t size) {
    wsline_message message;
    wsline_conn *conn = NULL;

    REQUIRE_OK(peer_try("WEBSOCKETS", path, options, &conn));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    snprintf(json, size, "%s", (const char *)message.data);
    peer_hang_up(conn);
}

static void the_request_contains_what_the_rfc_requires(void) {
    char json[4096], host[64];

    request_seen("/headers?a=b%20c", NULL, json, sizeof json);
    snprintf(host, sizeof host, "[\"Host\", \"%s\"]",
             strstr(peer_variable("WEBSOCKETS", "_URL"), "//") + 2);
    CHECK_HAS("\"path\": \"/headers?a=b%20c\"", json);
    CHECK_HAS(host, json);
    CHECK_HAS("[\"Upgrade\", \"websocket\"]", json);
    CHECK_HAS("[\"Connection\", \"Upgrade\"]", json);
    CHECK_HAS("[\"Sec-WebSocket-Version\", \"13\"]", json);
    CHECK_HAS("[\"Sec-WebSocket-Key\", \"", json);
    CHECK_HAS("[\"Origin\", \"http://127.0.0.1:", json);
}

static void the_request_contains_the_options(void) {
    wsline_options *options = peer_options();
    char json[4096];
    const char *first, *second;

    CHECK_OK(wsline_options_add_header(options, "X-Twice", "one"));
    CHECK_OK(wsline_options_add_header(options, "X-Twice", "two"));
    CHECK_OK(wsline_options_set_header_line(options, "X-Line: first"));
    CHECK_OK(wsline_options_set_header_line(options, "x-line: last"));
    CHECK_OK(wsline_options_set_cookie_header(options, "a=b; c=d"));
    CHECK_OK(wsline_options_set_origin_header(options, "https://elsewhere.example"));
    CHECK_OK(wsline_options_set_host_header(options, "virtual.example:81"));
    CHECK_OK(wsline_options_set_connection_header(options, "keep-alive, Upgrade"));
    request_seen("/headers", options, json, sizeof json);
    first = strstr(json, "[\"X-Twice\", \"one\"]");
    second = strstr(json, "[\"X-Twice\", \"two\"]");
    CHECK(first != NULL && second != NULL && first < second);
    CHECK_HAS("[\"x-line\", \"last\"]", json);
    CHECK(strstr(json, "X-Line") == NULL);
    CHECK_HAS("[\"Cookie\", \"a=b; c=d\"]", json);
    CHECK_HAS("[\"Origin\", \"https://elsewhere.example\"]", json);
    CHECK_HAS("[\"Host\", \"virtual.example:81\"]", json);
    CHECK_HAS("[\"Connection\", \"keep-alive, Upgrade\"]", json);

    CHECK_OK(wsline_options_suppress_origin(options, true));
    request_seen("/headers", options, json, sizeof json);
    CHECK(strstr(json, "Origin") == NULL);

    CHECK_OK(wsline_options_set_cookie_header(options, NULL));
    CHECK_OK(wsline_options_set_origin_header(options, NULL));
    CHECK_OK(wsline_options_set_host_header(options, NULL));
    CHECK_OK(wsline_options_set_connection_header(options, NULL));
    CHECK_OK(wsline_options_clear_headers(options));
    request_seen("/headers", options, json, sizeof json);
    CHECK(strstr(json, "X-Twice") == NULL && strstr(json, "x-line") == NULL);
    CHECK(strstr(json, "Cookie") == NULL);
    CHECK_HAS("[\"Origin\", \"http://127.0.0.1:", json);
    CHECK_HAS("[\"Host\", \"127.0.0.1:", json);
    CHECK_HAS("[\"Connection\", \"Upgrade\"]", json);
    wsline_options_free(options);
}

static void header_lines_go_where_their_setters_put_them(void) {
    static const char *const lines[] = {
        "host: virtual.example", "ORIGIN: https://elsewhere.example", "Cookie: a=b",
        "Connection: keep-alive, Upgrade", "Sec-WebSocket-Protocol: other, chat.v1"};
    wsline_options *options = peer_options();
    char json[4096];

    CHECK_OK(wsline_options_add_subprotocol(options, "replaced"));
    CHECK_OK(wsline_options_suppress_host(options, true));
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        CHECK_OK(wsline_options_set_header_line(options, lines[i]));
    request_seen("/headers", options, json, sizeof json);
    CHECK_HAS("[\"Host\", \"virtual.example\"]", json);
    CHECK_HAS("[\"Origin\", \"https://elsewhere.example\"]", json);
    CHECK_HAS("[\"Cookie\", \"a=b\"]", json);
    CHECK_HAS("[\"Connection\", \"keep-alive, Upgrade\"]", json);
    CHECK_HAS("[\"Sec-WebSocket-Protocol\", \"other, chat.v1\"]", json);
    wsline_options_free(options);
}

static void the_host_header_can_be_omitted(void) {
    wsline_options *options = peer_options();

    for (int suppress = 1; suppress >= 0; suppress--) {
        wsline_message head;
        wsline_conn *conn;

        CHECK_OK(wsline_options_suppress_host(options, suppress));
        conn = peer_connect("FAULTS", "/head", options);
        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &head));
        CHECK(strncmp((const char *)head.data, "GET /head HTTP/1.1\r\n", 20) == 0);
        CHECK_INT(suppress == 0, strstr((const char *)head.data, "\r\nHost: 127.0.0.1:") != NULL);
        CHECK_INT(suppress == 0, strstr((const char *)head.data, "Host") != NULL);
        peer_hang_up(conn);
    }
    wsline_options_free(options);
}

static void the_server_selects_one_of_the_subprotocols(void) {
    static const char *const peers[] = {"WEBSOCKETS", "WS"};
    wsline_options *options = peer_options();

    CHECK_OK(wsline_options_add_subprotocol(options, "unknown"));
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_conn *conn;

        check_row(peers[i]);
        conn = peer_connect(peers[i], "/subprotocol", options);
        CHECK_TEXT(NULL, wsline_conn_subprotocol(conn));
        peer_hang_up(conn);
    }
    CHECK_OK(wsline_options_add_subprotocol(options, "chat.v2"));
    CHECK_OK(wsline_options_add_subprotocol(options, "chat.v1"));
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_conn *conn;

        check_row(peers[i]);
        conn = peer_connect(peers[i], "/subprotocol", options);
        CHECK_TEXT("chat.v2", wsline_conn_subprotocol(conn));
        peer_hang_up(conn);
    }
    CHECK_OK(wsline_options_clear_subprotocols(options));
    CHECK_OK(wsline_options_add_subprotocol(options, "chat.v1"));
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_conn *conn = peer_connect(peers[i], "/subprotocol", options);

        CHECK_TEXT("chat.v1", wsline_conn_subprotocol(conn));
        peer_hang_up(conn);
    }
    wsline_options_free(options);
}

/* Responses without an upgrade ----------------------------------------------------------------- */

/* A connection whose upgrade was rejected, kept for inspection. */
static wsline_conn *refused(const char *peer, const char *path, wsline_status status) {
    wsline_conn *conn = NULL;
    char url[PEER_URL_MAX];

    peer_url(url, peer, path);
    REQUIRE_OK(wsline_conn_new(NULL, &conn));
    REQUIRE_STATUS(status, wsline_conn_connect(conn, url));
    CHECK(!wsline_conn_is_open(conn));
    return conn;
}

static void check_body(wsline_conn *conn, const char *text) {
    const void *body = NULL;
    size_t len = 0;

    CHECK_OK(wsline_conn_response_body(conn, &body, &len));
    CHECK_BYTES(text, strlen(text), body, len);
}

static void a_rejection_keeps_its_status_headers_and_body(void) {
    static const char *const peers[] = {"WEBSOCKETS", "WS", "FAULTS"};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_error_info info, of_conn;
        wsline_conn *conn;

        check_row(peers[i]);
        conn = refused(peers[i], "/status?code=403&body=no%20entry", WSLINE_ERR_HTTP_STATUS);
        CHECK_HAS("403", wsline_last_error_message());
        CHECK_OK(wsline_last_error(&info));
        CHECK_INT(WSLINE_PHASE_UPGRADE, info.phase);
        CHECK_INT(403, info.http_status);
        CHECK_OK(wsline_conn_last_error(conn, &of_conn));
        CHECK_INT(WSLINE_ERR_HTTP_STATUS, of_conn.status);
        CHECK_INT(403, of_conn.http_status);
        CHECK_INT(403, wsline_conn_http_status(conn));
        CHECK_TEXT("text/plain", wsline_conn_response_header(conn, "content-type"));
        check_body(conn, "no entry");
        wsline_conn_free(conn);
    }
}

/* What malformed headers must not hide: the status, a header, and the body of the response. */
static void check_refusal(const char *query, const char *field, const char *value,
                          const char *body) {
    char path[160];
    wsline_conn *conn;

    check_row(query);
    snprintf(path, sizeof path, "/status?code=403&%s", query);
    conn = refused("FAULTS", path, WSLINE_ERR_HTTP_STATUS);
    CHECK_INT(403, wsline_conn_http_status(conn));
    CHECK_TEXT(value, wsline_conn_response_header(conn, field));
    check_body(conn, body);
    wsline_conn_free(conn);
}

static void no_malformed_line_hides_the_status_of_a_rejection(void) {
#define NO_ENTRY "body=no%20entry&"
    static const char *const rows[] = {
        NO_ENTRY "line=X:%20a%0D%0A%20b",          /* folded */
        NO_ENTRY "line=%20X:%20a",                 /* folded, although no line precedes it */
        NO_ENTRY "line=X%20Y:%20a&line=X%20:%20a", /* blanks in and after a name */
        NO_ENTRY "line=a%20line%20without%20colon",
        NO_ENTRY "line=X:%20a%00b&line=X:%20a%0Db", /* a NUL, a CR */
        NO_ENTRY "fields=130",
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_refusal(rows[i], "content-type", "text/plain", "no entry");
}

static void a_rejection_with_incomplete_headers_keeps_what_arrived(void) {
    check_refusal("line=X:%20y&cut=1", "X", "y", "");
    check_refusal("line=X:%20y&fields=20000", "X", "y", "");
}

static void the_message_of_a_rejection_says_what_would_be_accepted(void) {
    static const struct {
        const char *query;
        const char *says; /* the end of the message */
    } rows[] = {
        {"code=401&line=WWW-Authenticate:%20Basic%20realm=x",
         " refused the upgrade: 401 No (requires Basic authentication)"},
        {"code=407&line=Proxy-Authenticate:%20NTLM&line=Proxy-Authenticate:%20Negotiate",
         " refused the upgrade: 407 No (requires NTLM, Negotiate authentication)"},
        {"code=503&line=Retry-After:%20120", " refused the upgrade: 503 No (retry after 120 s)"},
        {"code=302&line=Location:%20https://u:secret@h/a",
         " refused the upgrade: 302 No (redirects to \xe2\x80\xa6@h/a)"},
        {"code=403", " refused the upgrade: 403 No"},
    };
    wsline_options *options = peer_options();

    CHECK_OK(wsline_options_set_max_redirects(options, 0));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *message, *port = strrchr(peer_variable("FAULTS", "_URL"), ':');
        char path[128], expected[256];
        wsline_conn *conn = NULL;

        check_row(rows[i].query);
        snprintf(path, sizeof path, "/status?%s", rows[i].query);
        CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, peer_try("FAULTS", path, options, &conn));
        message = wsline_last_error_message();
        snprintf(expected, sizeof expected, "127.0.0.1%s%s", port, rows[i].says);
        CHECK_HAS(expected, message);
        CHECK(strstr(message, "secret") == NULL);
    }
    wsline_options_free(options);
}

static void a_rejected_connection_may_retry(void) {
    wsline_conn *conn = refused("WEBSOCKETS", "/status?code=403", WSLINE_ERR_HTTP_STATUS);
    char url[PEER_URL_MAX];

    peer_url(url, "WS", "/");
    CHECK_OK(wsline_conn_connect(conn, url));
    CHECK_INT(101, wsline_conn_http_status(conn));
    check_body(conn, "");
    peer_hang_up(conn);
}

static void each_way_to_delimit_a_body_is_understood(void) {
    static const char *const rows[] = {"length", "chunked", "close", "reset"};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char path[128];
        wsline_conn *conn;
        struct stopwatch start = stopwatch_start();

        check_row(rows[i]);
        snprintf(path, sizeof path, "/status?code=500&body=out%%20of%%20order&how=%s", rows[i]);
        conn = refused("FAULTS", path, WSLINE_ERR_HTTP_STATUS);
        /* The server keeps the connection open if the body is delimited by itself. */
        CHECK_TOOK(0, start);
        check_body(conn, "out of order");
        wsline_conn_free(conn);
    }
}

static void every_other_status_is_an_http_status_error(void) {
    static const int codes[] = {200, 204, 301, 304, 307, 401, 404, 407, 426, 500, 503, 599};

    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        char path[64];
        wsline_conn *conn;

        snprintf(path, sizeof path, "/status?code=%d", codes[i]);
        check_row(path);
        conn = refused("FAULTS", path, WSLINE_ERR_HTTP_STATUS);
        CHECK_INT(codes[i], wsline_conn_http_status(conn));
        wsline_conn_free(conn);
    }
}

static void invalid_upgrades_are_rejected(void) {
    static const struct {
        const char *path;
        const char *says; /* a part of the message */
    } rows[] = {
        {"/bad-accept", "Sec-WebSocket-Accept"},
        {"/no-accept", "Sec-WebSocket-Accept"},
        {"/no-fields", "Upgrade"},
        {"/duplicate-accept", "Sec-WebSocket-Accept"},
        {"/lower-accept", "Sec-WebSocket-Accept"},
        {"/no-upgrade", "Upgrade"},
        {"/wrong-upgrade", "Upgrade"},
        {"/no-connection", "Connection"},
        {"/wrong-connection", "Connection"},
        {"/http-1.0", "HTTP/1.0"},
        {"/nul", "a NUL"},
        {"/no-colon", "no colon in the line \"a line without its mark\""},
        {"/ignored-upgrade", "Upgrade field is missing"},
        {"/continued-upgrade", "Upgrade field is missing"},
        {"/unasked-subprotocol", "subprotocol"},
        {"/two-subprotocols", "subprotocol"},
        {"/two-subprotocols?lines=2", "subprotocol"},
        {"/unasked-extension", "extension"},
        {"/big-head?size=65537", "65536 bytes"},
        {"/big-head?size=1000000", "65536 bytes"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_error_info info;
        wsline_conn *conn;

        check_row(rows[i].path);
        conn = refused("FAULTS", rows[i].path, WSLINE_ERR_BAD_UPGRADE);
        CHECK_HAS(rows[i].says, wsline_last_error_message());
        CHECK_OK(wsline_conn_last_error(conn, &info));
        CHECK_INT(WSLINE_PHASE_UPGRADE, info.phase);
        wsline_conn_free(conn);
    }
}

static void two_selected_subprotocols_are_rejected_although_both_were_offered(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;

    CHECK_OK(wsline_options_add_subprotocol(options, "one"));
    CHECK_OK(wsline_options_add_subprotocol(options, "two"));
    CHECK_STATUS(WSLINE_ERR_BAD_UPGRADE, peer_try("FAULTS", "/two-subprotocols", options, &conn));
    CHECK_STATUS(WSLINE_ERR_BAD_UPGRADE,
                 peer_try("FAULTS", "/two-subprotocols?lines=2", options, &conn));
    CHECK(conn == NULL);
    wsline_options_free(options);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(unusual_headers_are_accepted),
        TEST(repeated_response_headers_are_all_kept),
        TEST(a_folded_header_is_unfolded),
        TEST(an_empty_list_of_extensions_is_accepted),
        TEST(frames_right_after_the_headers_are_not_lost),
        TEST(the_request_contains_what_the_rfc_requires),
        TEST(the_request_contains_the_options),
        TEST(header_lines_go_where_their_setters_put_them),
        TEST(the_host_header_can_be_omitted),
        TEST(the_server_selects_one_of_the_subprotocols),
        TEST(a_rejection_keeps_its_status_headers_and_body),
        TEST(no_malformed_line_hides_the_status_of_a_rejection),
        TEST(a_rejection_with_incomplete_headers_keeps_what_arrived),
        TEST(the_message_of_a_rejection_says_what_would_be_accepted),
        TEST(a_rejected_connection_may_retry),
        TEST(each_way_to_delimit_a_body_is_understood),
        TEST(every_other_status_is_an_http_status_error),
        TEST(invalid_upgrades_are_rejected),
        TEST(two_selected_subprotocols_are_rejected_although_both_were_offered),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
