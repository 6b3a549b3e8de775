/* SPDX-License-Identifier: Apache-2.0 */
/* Failures at each stage of connecting: each has its status, and none exceeds its deadline. */
#include "clock.h"
#include "descriptors.h"
#include "peer.h"

enum { DEADLINE_MS = 300 };

static const struct stage {
    const char *peer;
    const char *scheme;
    const char *path;
    wsline_status status;
    int phase;
    const char *part;
} stages[] = {
    {"TCP_FAULTS_CLOSE_ON_ACCEPT", "ws", "/", WSLINE_ERR_CONNECTION_LOST, WSLINE_PHASE_UPGRADE,
     "127.0.0.1:"},
    {"TCP_FAULTS_RST_ON_ACCEPT", "ws", "/", WSLINE_ERR_CONNECTION_LOST, WSLINE_PHASE_UPGRADE,
     "127.0.0.1:"},
    {"TCP_FAULTS_SILENT", "ws", "/", WSLINE_ERR_TIMEOUT, WSLINE_PHASE_UPGRADE,
     "waiting for the response"},
    {"TCP_FAULTS_GARBAGE", "ws", "/", WSLINE_ERR_BAD_UPGRADE, WSLINE_PHASE_UPGRADE,
     "did not respond with HTTP"},
    {"TCP_FAULTS_HALF_CLOSE", "ws", "/", WSLINE_ERR_CONNECTION_LOST, WSLINE_PHASE_UPGRADE,
     "closed"},
    {"TCP_FAULTS_RST_ON_ACCEPT", "wss", "/", WSLINE_ERR_CONNECTION_LOST, WSLINE_PHASE_TLS,
     "127.0.0.1:"},
    {"TCP_FAULTS_SILENT", "wss", "/", WSLINE_ERR_TIMEOUT, WSLINE_PHASE_TLS,
     "during the TLS handshake"},
    {"TCP_FAULTS_GARBAGE", "wss", "/", WSLINE_ERR_TLS, WSLINE_PHASE_TLS,
     "TLS handshake with 127.0.0.1"},
    {"TCP_FAULTS_FIN_IN_TLS", "wss", "/", WSLINE_ERR_TLS, WSLINE_PHASE_TLS,
     "closed the connection during"},
    {"TCP_FAULTS_RST_IN_TLS", "wss", "/", WSLINE_ERR_CONNECTION_LOST, WSLINE_PHASE_TLS, "reset"},
    {"TCP_FAULTS_GARBAGE_IN_TLS", "wss", "/", WSLINE_ERR_TLS, WSLINE_PHASE_TLS,
     "TLS handshake with"},
    {"TCP_FAULTS_DRIP_IN_TLS", "wss", "/", WSLINE_ERR_TIMEOUT, WSLINE_PHASE_TLS,
     "during the TLS handshake"},
    {"FAULTS", "ws", "/hang", WSLINE_ERR_TIMEOUT, WSLINE_PHASE_UPGRADE, "waiting for the response"},
    {"FAULTS", "ws", "/hang-half", WSLINE_ERR_TIMEOUT, WSLINE_PHASE_UPGRADE,
     "waiting for the response"},
    {"FAULTS", "ws", "/drip?ms=1000", WSLINE_ERR_TIMEOUT, WSLINE_PHASE_UPGRADE,
     "waiting for the response"},
    {"FAULTS", "ws", "/redirect?to=/drip%3Fms=1000", WSLINE_ERR_TIMEOUT, WSLINE_PHASE_UPGRADE,
     "waiting for the response"},
    {"FAULTS_TLS", "wss", "/hang", WSLINE_ERR_TIMEOUT, WSLINE_PHASE_UPGRADE,
     "waiting for the response"},
};

static wsline_options *with_deadline(int64_t deadline_ms) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, deadline_ms));
    return options;
}

/* Allows more time if the deadline passed before the stage was reached: servers are slow on a busy
 * machine. */
static wsline_status try_until_reached(const struct stage *stage, const char *url) {
    wsline_status status = WSLINE_ERR_TIMEOUT;
    wsline_error_info info = {.phase = -1};

    for (int64_t deadline_ms = DEADLINE_MS; deadline_ms <= WAIT_MS; deadline_ms *= 2) {
        wsline_options *options = with_deadline(deadline_ms);
        wsline_conn *conn = (wsline_conn *)1;
        struct stopwatch start = stopwatch_start();

        status = wsline_connect(url, options, &conn);
        CHECK_RANGE(0, deadline_ms + stopwatch_slack_ms(start), stopwatch_ms(start));
        CHECK_OK(wsline_last_error(&info));
        CHECK(conn == NULL);
        wsline_options_free(options);
        if (status != WSLINE_ERR_TIMEOUT || (status == stage->status && info.phase == stage->phase))
            break;
    }
    return status;
}

static void check_stage(const struct stage *stage) {
    char peer[PEER_URL_MAX], url[PEER_URL_MAX + 64], row[128];
    int before = open_descriptors();
    wsline_error_info info;
    wsline_status status;

    snprintf(row, sizeof row, "%s %s%s", stage->peer, stage->scheme, stage->path);
    check_row(row);
    peer_url(peer, stage->peer, stage->path);
    snprintf(url, sizeof url, "%s%s", stage->scheme, strstr(peer, "://"));
    status = try_until_reached(stage, url);
    CHECK_OK(wsline_last_error(&info));
    CHECK_HAS(stage->part, wsline_last_error_message());
    /* A reset may arrive before the end of the TCP handshake is noticed. */
    if (status == WSLINE_ERR_CONNECT && strstr(stage->peer, "_ON_ACCEPT") != NULL) {
        CHECK_INT(WSLINE_PHASE_CONNECT, info.phase);
    } else {
        CHECK_STATUS(stage->status, status);
        CHECK_INT(stage->phase, info.phase);
    }
    CHECK_INT(before, open_descriptors());
}

static void each_stage_fails_with_its_status_in_its_time(void) {
    for (size_t i = 0; i < COUNT_OF(stages); i++) check_stage(&stages[i]);
}

static wsline_status abort_it(wsline_conn *conn) { return wsline_conn_abort(conn); }

static void abort_ends_the_wait_at_each_stage(void) {
    for (size_t i = 0; i < COUNT_OF(stages); i++) {
        struct later later = {.call = abort_it, .after_ms = 50};
        wsline_options *options;
        char peer[PEER_URL_MAX], url[PEER_URL_MAX + 64];
        struct stopwatch start;

        if (stages[i].status != WSLINE_ERR_TIMEOUT) continue;
        check_row(stages[i].peer);
        peer_url(peer, stages[i].peer, stages[i].path);
        snprintf(url, sizeof url, "%s%s", stages[i].scheme, strstr(peer, "://"));
        options = peer_options();
        REQUIRE_OK(wsline_conn_new(options, &later.conn));
        start = stopwatch_start();
        later_start(&later);
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_connect(later.conn, url));
        CHECK_TOOK(50, start);
        later_end(&later);
        wsline_conn_free(later.conn);
        wsline_options_free(options);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(each_stage_fails_with_its_status_in_its_time),
        TEST(abort_ends_the_wait_at_each_stage),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
