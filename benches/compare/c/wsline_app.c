/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wsline's callback client in one loop, otherwise as common.h says. Scenarios of its own:
 *   echo, source      with one app
 *   idle              COUNT apps, memory of each; open one after the other, each echoes once
 *   busy              WINDOW echoes in flight among 10,000 open apps, COUNT echoes in all
 */
#include "common.h"
#include <wsline.h>

enum { CROWD = 10000 };

static bench_t b;
static wsline_loop *event_loop;
static wsline_options *options;
static wsline_app **apps;
static uint8_t *payload;
static uint64_t apps_wanted, apps_open, sent, got;

static void check(wsline_status status, const char *what) {
    if (status != WSLINE_OK) DIE("%s: %s", what, wsline_last_error_message());
}
static void send_one(wsline_app *app) {
    sent++;
    check(b.text ? wsline_app_send_text(app, (const char *)payload, b.size)
                 : wsline_app_send_binary(app, payload, b.size),
          "send");
}
static void add_one(void) { check(wsline_loop_add(event_loop, apps[apps_open]), "add"); }
static void finish(void) {
    if (!strcmp(b.kind, "idle")) b.rss2 = rss_kb();
    bench_stop(&b);
    _exit(0);
}
static void on_open(wsline_app *app, void *userdata) {
    (void)userdata;
    if (++apps_open < apps_wanted) {
        add_one();
        return;
    }
    if (!strcmp(b.kind, "source")) return;
    b.rss1 = rss_kb();
    if (strcmp(b.kind, "idle")) bench_start(&b);
    if (!strcmp(b.kind, "busy")) {
        for (unsigned i = 0; i < b.window; i++) send_one(apps[i * (CROWD / b.window)]);
    } else {
        send_one(strcmp(b.kind, "idle") ? app : apps[0]);
    }
}
static void on_message(wsline_app *app, const wsline_message *message, void *userdata) {
    (void)userdata;
    if (message->len != b.size ||
        message->opcode != (b.text ? WSLINE_OPCODE_TEXT : WSLINE_OPCODE_BINARY))
        DIE("message of %zu bytes", message->len);
    got++;
    if (!strcmp(b.kind, "source")) return;
    if (memcmp(message->data, payload, b.size)) DIE("another payload");
    if (got == b.count) finish();
    if (sent < b.count) send_one(strcmp(b.kind, "idle") ? app : apps[got]);
}
static void on_error(wsline_app *app, const wsline_error_info *info, void *userdata) {
    (void)app;
    (void)userdata;
    DIE("%s", info->message);
}
static void on_close(wsline_app *app, const wsline_close_info *info, void *userdata) {
    (void)app;
    (void)userdata;
    if (strcmp(b.kind, "source") || !info->clean) DIE("closed with %u", info->code);
    if (got != b.count)
        DIE("%llu of %llu messages", (unsigned long long)got, (unsigned long long)b.count);
    finish();
}
static wsline_app *make(void) {
    wsline_app *app;

    check(wsline_app_new(b.url, options, &app), "app");
    check(wsline_app_on_open(app, on_open, NULL, NULL), "on_open");
    check(wsline_app_on_message(app, on_message, NULL, NULL), "on_message");
    check(wsline_app_on_error(app, on_error, NULL, NULL), "on_error");
    check(wsline_app_on_close(app, on_close, NULL, NULL), "on_close");
    return app;
}
/* One for each app. */
static void allow_descriptors(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit)) DIE("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit)) DIE("setrlimit");
}
int main(int argc, char **argv) {
    bench_args(&b, "wsline-app", argc, argv);
    allow_descriptors();
    if (b.deflate) UNSUPPORTED("wsline-app: its scenarios are without deflate");
    payload = bench_payload(&b);
    check(wsline_options_new(&options), "options");
    if (b.tls) check(wsline_options_set_tls_ca_file(options, getenv("BENCH_CA")), "CA file");
    check(wsline_loop_new(&event_loop), "loop");
    apps_wanted = !strcmp(b.kind, "idle") ? b.count : !strcmp(b.kind, "busy") ? CROWD : 1;
    apps = (wsline_app **)calloc(apps_wanted, sizeof *apps);
    b.rss0 = rss_kb();
    bench_start(&b);
    for (uint64_t i = 0; i < apps_wanted; i++) apps[i] = make();
    add_one();
    check(wsline_loop_run(event_loop), "run");
    DIE("the loop ended early");
}
