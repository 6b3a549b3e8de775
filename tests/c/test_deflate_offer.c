/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of permessage-deflate: the offer, the result of the negotiation, and that both
 * sides comply. */
#include "deflate.h"

/* The request of one side: its window bits, 0 for none, and whether it wants no context takeover.
 * */
struct wish {
    int32_t client_bits, server_bits;
    bool client_alone, server_alone;
};

static wsline_options *wish_options(const struct wish *wish) {
    wsline_options *options = deflate_options();
    int32_t client = wish->client_bits == 0 ? 15 : wish->client_bits;
    int32_t server = wish->server_bits == 0 ? 15 : wish->server_bits;

    CHECK_OK(wsline_options_set_deflate_window_bits(options, client, server));
    CHECK_OK(wsline_options_set_deflate_no_context_takeover(options, wish->client_alone,
                                                            wish->server_alone));
    return options;
}

static void wish_path(const struct wish *wish, char *path, size_t size) {
    char client[64] = "", server[64] = "";

    if (wish->client_bits != 0)
        snprintf(client, sizeof client, "&client_max_window_bits=%d", (int)wish->client_bits);
    if (wish->server_bits != 0)
        snprintf(server, sizeof server, "&server_max_window_bits=%d", (int)wish->server_bits);
    snprintf(path, size, "/?level=6%s%s%s%s", client, server,
             wish->client_alone ? "&client_no_context_takeover=1" : "",
             wish->server_alone ? "&server_no_context_takeover=1" : "");
}

static void wish_row(const char *peer, const struct wish *client, const struct wish *server) {
    static char row[512];
    char path[256];

    wish_path(server, path, sizeof path);
    snprintf(row, sizeof row, "%s%s, client %d/%d %d/%d", peer, path, (int)client->client_bits,
             (int)client->server_bits, client->client_alone, client->server_alone);
    check_row(row);
}

/* Whether a list contains a parameter, with its value if it has one. */
static bool has_parameter(const char *list, const char *parameter) {
    size_t len = strlen(parameter);

    for (const char *found = strstr(list, parameter); found != NULL;
         found = strstr(found + 1, parameter))
        if (strchr(";, ", found[len]) != NULL) return true;
    return false;
}

static void check_bits(const char *list, const char *name, int32_t bits) {
    char parameter[64];

    snprintf(parameter, sizeof parameter, "%s=%d", name, (int)bits);
    if (bits == 0)
        check_note(strstr(list, name) == NULL, __FILE__, __LINE__, "%s is in \"%s\"", name, list);
    else
        check_note(has_parameter(list, parameter), __FILE__, __LINE__, "%s is not in \"%s\"",
                   parameter, list);
}

/* The server receives exactly the requested parameters. */
static void check_offer(const struct report *report, const struct wish *wish) {
    char offered[256];

    report_text(report, "offered", offered, sizeof offered);
    CHECK(strncmp(offered, "permessage-deflate;", 19) == 0);
    CHECK_INT(wish->client_alone, has_parameter(offered, "client_no_context_takeover"));
    CHECK_INT(wish->server_alone, has_parameter(offered, "server_no_context_takeover"));
    check_bits(offered, "server_max_window_bits", wish->server_bits);
    if (wish->client_bits == 0)
        CHECK(has_parameter(offered, "client_max_window_bits"));
    else
        check_bits(offered, "client_max_window_bits", wish->client_bits);
}

/* Incompressible data sent twice is short only if the second may refer to the first. With messages
 * repeated from increasing distances, an endpoint that refers too far back fails at its peer. */
static void check_contexts(wsline_conn *conn, bool client_alone, bool server_alone) {
    static const size_t distances[] = {300, 600, 1200, 3000, 10000, 20000, 40000};
    enum { LEN = 200, SHORT = 70 };
    const uint8_t *noise = payload_noise().block;
    struct report report = {.asked = 0};
    int64_t messages = 2;
    uint64_t received;

    echo_message(conn, WSLINE_OPCODE_BINARY, noise, LEN);
    received = received_bytes(conn);
    echo_message(conn, WSLINE_OPCODE_BINARY, noise, LEN);
    received = received_bytes(conn) - received;
    report_get(conn, &report);
    if (client_alone)
        CHECK_RANGE(2 * LEN, 3 * LEN, report.wire_bytes);
    else
        CHECK_RANGE(LEN, LEN + SHORT, report.wire_bytes);
    if (server_alone)
        CHECK_RANGE(LEN, 2 * LEN, received);
    else
        CHECK_RANGE(3, SHORT, received);
    for (size_t i = 0; i < COUNT_OF(distances); i++)
        for (int round = 0; round < 2; round++, messages++)
            echo_message(conn, WSLINE_OPCODE_BINARY, noise, distances[i]);
    report_get(conn, &report);
    CHECK_INT(messages, report.compressed);
}

/* A connection with both requests; the negotiated parameters are respected. */
static void check_wishes(const char *peer, const struct wish *client, const struct wish *server) {
    struct report report = {.asked = 0};
    char path[256], agreed[256];
    wsline_conn *conn;

    wish_row(peer, client, server);
    wish_path(server, path, sizeof path);
    conn = deflate_connect(peer, path, wish_options(client));
    check_contexts(conn, client->client_alone || server->client_alone,
                   client->server_alone || server->server_alone);
    report_get(conn, &report);
    check_offer(&report, client);
    report_text(&report, "agreed", agreed, sizeof agreed);
    CHECK_TEXT(agreed, wsline_conn_extensions(conn));
    if (client->server_bits != 0 || server->server_bits != 0)
        check_bits(agreed, "server_max_window_bits",
                   server->server_bits == 0 ? client->server_bits : server->server_bits);
    if (server->client_bits != 0) check_bits(agreed, "client_max_window_bits", server->client_bits);
    peer_hang_up(conn);
}

static const int32_t some_bits[] = {0, 9, 12};

/* Calls it with every combination of window bits and contexts. */
static void for_all_wishes(void (*check)(const struct wish *wish)) {
    size_t step = check_scaled(1, 5);

    for (size_t i = 0; i < 4 * COUNT_OF(some_bits) * COUNT_OF(some_bits); i += step) {
        struct wish wish = {some_bits[i / 4 % COUNT_OF(some_bits)],
                            some_bits[i / 4 / COUNT_OF(some_bits)], i % 2 != 0, i % 4 >= 2};

        check(&wish);
    }
}

static void ask_as_client(const struct wish *wish) {
    static const struct wish none = {0, 0, false, false};

    for (size_t i = 0; i < DEFLATE_TCP_SERVERS; i++) check_wishes(deflate_servers[i], wish, &none);
}

static void ask_as_server(const struct wish *wish) {
    static const struct wish none = {0, 0, false, false};

    for (size_t i = 0; i < 2; i++) check_wishes(deflate_servers[i], &none, wish);
}

static void a_server_complies_with_the_clients_request(void) { for_all_wishes(ask_as_client); }

static void the_client_complies_with_the_servers_request(void) { for_all_wishes(ask_as_server); }

static void every_window_size_is_respected(void) {
    for (int32_t bits = 9; bits <= 15; bits++) {
        struct wish none = {0, 0, false, false};
        struct wish wish = {bits == 15 ? 0 : bits, bits == 9 ? 0 : 24 - bits, false, false};

        for (size_t i = 0; i < DEFLATE_TCP_SERVERS; i++)
            check_wishes(deflate_servers[i], &wish, &none);
        for (size_t i = 0; i < 2; i++) check_wishes(deflate_servers[i], &none, &wish);
    }
}

static void the_smaller_window_applies(void) {
    static const struct wish client = {12, 12, false, false};
    static const struct wish server = {10, 11, true, false};

    check_wishes("DEFLATE_WEBSOCKETS", &client, &server);
    check_wishes("DEFLATE_WEBSOCKETS_TLS", &client, &server);
    check_wishes("DEFLATE_WS", &client, &server);
    check_wishes("DEFLATE_WS_TLS", &client, &server);
}

static void a_small_window_saves_less(void) {
    int64_t bytes[2];
    static const int32_t bits[] = {9, 15};

    for (size_t i = 0; i < COUNT_OF(bits); i++) {
        struct wish wish = {bits[i], 0, false, false};
        struct report report = {.asked = 0};
        wsline_conn *conn = deflate_connect("DEFLATE_WEBSOCKETS", "/", wish_options(&wish));

        /* The same incompressible data, repeated from a distance of 20000 bytes. */
        for (int round = 0; round < 5; round++)
            echo_message(conn, WSLINE_OPCODE_BINARY, payload_noise().block, 20000);
        report_get(conn, &report);
        bytes[i] = report.wire_bytes;
        peer_hang_up(conn);
    }
    CHECK_RANGE(100000, 110000, bytes[0]);
    CHECK_RANGE(20000, 30000, bytes[1]);
}

static void settings_are_validated(void) {
    static const int32_t bad_bits[] = {8, 16, 0, -1, INT32_MAX, INT32_MIN};
    static const int32_t bad_levels[] = {0, 10, -1, INT32_MAX, INT32_MIN};
    wsline_options *options = peer_options();

    for (size_t i = 0; i < COUNT_OF(bad_bits); i++) {
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                     wsline_options_set_deflate_window_bits(options, bad_bits[i], 15));
        CHECK_HAS("`client_bits`", wsline_last_error_message());
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                     wsline_options_set_deflate_window_bits(options, 15, bad_bits[i]));
        CHECK_HAS("`server_bits`", wsline_last_error_message());
    }
    for (size_t i = 0; i < COUNT_OF(bad_levels); i++) {
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                     wsline_options_set_deflate_level(options, bad_levels[i]));
        CHECK_HAS("`level`", wsline_last_error_message());
    }
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_deflate(NULL, true));
    wsline_options_free(options);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_server_complies_with_the_clients_request),
        TEST(the_client_complies_with_the_servers_request),
        TEST(every_window_size_is_respected),
        TEST(the_smaller_window_applies),
        TEST(a_small_window_saves_less),
        TEST(settings_are_validated),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
