/* SPDX-License-Identifier: Apache-2.0 */
/* libwebsockets, its own poll loop.  Tuned: 64 KiB service and rx buffers (default 4 KiB), UTF-8
 * validation on. lws masks in place and needs LWS_PRE bytes in front, so each send copies the
 * payload into a scratch buffer. Messages that arrive in several fragments are joined, as an
 * application that wants whole messages has to. */
#include "common.h"
#include <libwebsockets.h>

static bench_t b;
static struct lws_context *ctx;
static uint8_t **pl, *scratch, *acc;
static size_t accn, acccap;
static uint64_t sent, got, batch_left, opened;
static int done, warm, accbin;
static struct lws **idle;
static enum { K_ECHO, K_SOURCE, K_SINK, K_CONNECT, K_IDLE } kind;

static void start_connect(void);
static int write_one(struct lws *wsi, uint64_t i) {
    memcpy(scratch + LWS_PRE, pl[i & 63], b.size);
    int r = lws_write(wsi, scratch + LWS_PRE, b.size,
                      b.text || b.deflate ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);
    if (r < (int)b.size) DIE("lws_write %d", r);
    return 0;
}
static int on_message(struct lws *wsi, const uint8_t *p, size_t n, int bin) {
    if (kind == K_SINK) {
        if (n != 4) DIE("sink");
        bench_stop(&b);
        done = 1;
        return 0;
    }
    if (n != b.size || bin != !(b.text || b.deflate)) DIE("message: %zu bytes, binary %d", n, bin);
    if (kind == K_SOURCE) {
        got++;
        return 0;
    }
    if (kind == K_IDLE) {
        if (++sent < b.count)
            lws_callback_on_writable(idle[sent]);
        else {
            b.rss2 = rss_kb();
            bench_stop(&b);
            _exit(0);
        }
        return 0;
    }
    if (p[0] != pl[got & 63][0] || p[n - 1] != pl[got & 63][n - 1]) DIE("echo content");
    got++;
    if (--batch_left == 0) {
        if (got == b.count) {
            bench_stop(&b);
            done = 1;
        } else {
            batch_left = b.window < b.count - sent ? b.window : b.count - sent;
            lws_callback_on_writable(wsi);
        }
    }
    return 0;
}
static int cb(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        DIE("lws connect: %s", in ? (char *)in : "?");
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        opened++;
        if (kind == K_IDLE) {
            if (!warm) {
                warm = 1;
                opened = 0;
                b.rss0 = rss_kb();
                bench_start(&b);
                start_connect();
                return 0;
            }
            idle[opened - 1] = wsi;
            if (opened < b.count)
                start_connect();
            else {
                b.rss1 = rss_kb();
                lws_callback_on_writable(idle[0]);
            }
            return 0;
        }
        if (kind == K_ECHO) batch_left = b.window < b.count ? b.window : b.count;
        if (kind == K_ECHO || kind == K_SINK) bench_start(&b);
        if (kind != K_SOURCE) lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        if (kind == K_CONNECT) {
            lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, 0, 0);
            return -1;
        }
        if (kind == K_IDLE) return write_one(wsi, sent);
        for (;;) {
            uint64_t lim = kind == K_SINK ? b.count : got + batch_left;
            if (sent >= lim || done) return 0;
            write_one(wsi, sent++);
            if (sent >= lim) return 0;
            if (lws_send_pipe_choked(wsi)) {
                lws_callback_on_writable(wsi);
                return 0;
            }
        }
    case LWS_CALLBACK_CLIENT_RECEIVE: {
        if (lws_is_first_fragment(wsi)) {
            accn = 0;
            accbin = lws_frame_is_binary(wsi);
        }
        int last = lws_is_final_fragment(wsi);
        if (last && !accn) return on_message(wsi, in, len, accbin);
        if (accn + len > acccap) acc = realloc(acc, acccap = (accn + len) * 2);
        memcpy(acc + accn, in, len);
        accn += len;
        if (last) {
            len = accn;
            accn = 0;
            return on_message(wsi, acc, len, accbin);
        }
        return 0;
    }
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (kind == K_CONNECT && !warm) {
            /* one-time costs of a process are not part of a connect */
            warm = 1;
            opened = 0;
            bench_start(&b);
            start_connect();
        } else if (kind == K_CONNECT && opened < b.count)
            start_connect();
        else
            done = 1;
        return 0;
    default:
        return 0;
    }
}
static struct lws_protocols protos[] = {{"bench", cb, 0, 65536, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0}};
static const struct lws_extension exts[] = {{"permessage-deflate",
                                             lws_extension_callback_pm_deflate,
                                             "permessage-deflate; client_max_window_bits"},
                                            {0, 0, 0}};

static void start_connect(void) {
    struct lws_client_connect_info i;
    memset(&i, 0, sizeof i);
    i.context = ctx;
    i.address = "127.0.0.1";
    i.port = b.port;
    i.path = b.path;
    i.host = "localhost";
    i.origin = "localhost";
    i.ssl_connection = b.tls ? LCCSCF_USE_SSL : 0;
    i.local_protocol_name = "bench";
    if (!lws_client_connect_via_info(&i)) DIE("lws connect");
}
int main(int argc, char **argv) {
    bench_args(&b, "lws", argc, argv);
    static const char *names[] = {"echo", "source", "sink", "connect", "idle"};
    for (int k = 0; k < 5; k++)
        if (!strcmp(b.kind, names[k])) kind = k;
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context_creation_info ci;
    memset(&ci, 0, sizeof ci);
    ci.port = CONTEXT_PORT_NO_LISTEN;
    ci.protocols = protos;
    ci.gid = (gid_t)-1;
    ci.uid = (uid_t)-1;
    ci.pt_serv_buf_size = 65536;
    ci.options =
        LWS_SERVER_OPTION_VALIDATE_UTF8 | (b.tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0);
    if (b.tls) ci.client_ssl_ca_filepath = getenv("BENCH_CA");
    if (b.deflate) ci.extensions = exts;
    ctx = lws_create_context(&ci);
    if (!ctx) DIE("context");
    pl = bench_payloads(&b);
    scratch = malloc(LWS_PRE + b.size + 16);
    if (kind == K_IDLE) idle = calloc(b.count, sizeof *idle);
    if (kind == K_SOURCE) bench_start(&b);
    start_connect();
    while (!done && lws_service(ctx, 0) >= 0) {
    }
    if (kind == K_SOURCE && got != b.count) DIE("source: %llu messages", (unsigned long long)got);
    if (kind == K_SOURCE || kind == K_CONNECT) bench_stop(&b);
    lws_context_destroy(ctx);
    return 0;
}
