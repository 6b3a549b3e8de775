/* SPDX-License-Identifier: Apache-2.0 */
#define CLIENT_NAME "wsline"
#include "common.h"
#include <wsline.h>

enum { AT_ONCE = 64 };

typedef struct bc {
    wsline_conn *conn;
    int corked, batch;
    /* With BENCH_MANY: the messages of one call. */
    size_t next, count;
    wsline_message *messages;
} bc;
static wsline_options *shared;

static bc *bc_open(const bench_t *b) {
    if (!shared) {
        if (wsline_options_new(&shared) != WSLINE_OK) DIE("options");
        if (getenv("BENCH_SPIN_US") &&
            wsline_options_set_spin_us(shared, atoll(getenv("BENCH_SPIN_US"))) != WSLINE_OK)
            DIE("%s", wsline_last_error_message());
        if (b->tls && wsline_options_set_tls_ca_file(shared, getenv("BENCH_CA")) != WSLINE_OK)
            DIE("%s", wsline_last_error_message());
        if (getenv("BENCH_GROUPS") &&
            wsline_options_set_tls_groups(shared, getenv("BENCH_GROUPS")) != WSLINE_OK)
            DIE("%s", wsline_last_error_message());
        if (b->deflate && wsline_options_set_deflate(shared, true) != WSLINE_OK)
            DIE("%s", wsline_last_error_message());
    }
    bc *c = (bc *)calloc(1, sizeof *c);
    if (getenv("BENCH_MANY")) c->messages = (wsline_message *)calloc(AT_ONCE, sizeof *c->messages);
    c->batch = b->window > 1 || !strcmp(b->kind, "sink");
    if (wsline_connect(b->url, shared, &c->conn) != WSLINE_OK) {
        fprintf(stderr, "%s\n", wsline_last_error_message());
        free(c);
        return NULL;
    }
    return c;
}
static int bc_send(bc *c, int text, const uint8_t *p, size_t n) {
    if (c->batch && !c->corked) {
        if (wsline_conn_cork(c->conn) != WSLINE_OK) return -1;
        c->corked = 1;
    }
    return text ? wsline_conn_send_text(c->conn, (const char *)p, n)
                : wsline_conn_send_binary(c->conn, p, n);
}
static int bc_flush(bc *c) {
    if (!c->corked) return 0;
    c->corked = 0;
    return wsline_conn_uncork(c->conn);
}
static int bc_recv(bc *c, const uint8_t **p, size_t *n) {
    wsline_message m;
    wsline_status s = WSLINE_OK;
    if (!c->messages) {
        s = wsline_conn_recv(c->conn, WSLINE_FOREVER, &m);
    } else {
        if (c->next == c->count) {
            c->next = 0;
            s = wsline_conn_recv_many(c->conn, WSLINE_FOREVER, c->messages, AT_ONCE, &c->count);
        }
        m = c->messages[c->next++];
    }
    if (s == WSLINE_ERR_CLOSED) return 0;
    if (s != WSLINE_OK) {
        fprintf(stderr, "%s\n", wsline_last_error_message());
        return -1;
    }
    *p = m.data;
    *n = m.len;
    return m.opcode == WSLINE_OPCODE_TEXT ? 1 : 2;
}
static void bc_close(bc *c) {
    wsline_conn_close(c->conn, 1000, NULL, 3000);
    wsline_conn_free(c->conn);
    free(c->messages);
    free(c);
}
#include "sync_driver.h"
