/* SPDX-License-Identifier: Apache-2.0 */
/* A wsline_loop as a GSource of a GLib main loop. A timer of the program sends a message every
 * 100 ms until three echoes have arrived.
 *
 *   glib ws://127.0.0.1:8080/
 */
#include <glib.h>
#include <stdio.h>
#include <wsline.h>

struct wsline_source {
    GSource source; /* GLib requires this as the first member */
    wsline_loop *loop;
    gpointer fd_tag;
};

/* Sets how long GLib may wait. -1 means no limit, as does WSLINE_FOREVER. */
static gboolean prepare(GSource *source, gint *timeout_out) {
    int64_t next_ms = wsline_loop_next_timeout_ms(((struct wsline_source *)source)->loop);
    *timeout_out = next_ms > G_MAXINT ? G_MAXINT : (gint)next_ms;
    return next_ms == 0;
}

static gboolean check(GSource *source) {
    struct wsline_source *own = (struct wsline_source *)source;
    return g_source_query_unix_fd(source, own->fd_tag) != 0 ||
           wsline_loop_next_timeout_ms(own->loop) == 0;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer userdata) {
    (void)callback;
    (void)userdata;
    if (wsline_loop_run_once(((struct wsline_source *)source)->loop, 0) != WSLINE_OK)
        g_printerr("%s\n", wsline_last_error_message());
    return G_SOURCE_CONTINUE;
}

static GSource *new_source(wsline_loop *loop) {
    static GSourceFuncs functions = {prepare, check, dispatch, NULL, NULL, NULL};
    GSource *source = g_source_new(&functions, sizeof(struct wsline_source));
    struct wsline_source *own = (struct wsline_source *)source;

    own->loop = loop;
    own->fd_tag = g_source_add_unix_fd(source, wsline_loop_fd(loop), G_IO_IN);
    return source;
}

/* ---- The program ---- */

static int left = 3;

static gboolean on_tick(gpointer app) {
    if (wsline_app_is_open(app) &&
        wsline_app_send_text(app, "tick", WSLINE_NUL_TERMINATED) != WSLINE_OK)
        g_printerr("send: %s\n", wsline_last_error_message());
    return G_SOURCE_CONTINUE;
}

static void on_message(wsline_app *app, const wsline_message *message, void *userdata) {
    (void)userdata;
    printf("message: %s\n", (const char *)message->data);
    if (--left == 0) wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL);
}

/* Without reconnecting, an app ends after an error or when its connection closes. */
static void on_error(wsline_app *app, const wsline_error_info *info, void *main_loop) {
    (void)app;
    g_printerr("%s\n", info->message);
    g_main_loop_quit(main_loop);
}

static void on_close(wsline_app *app, const wsline_close_info *info, void *main_loop) {
    (void)app;
    printf("closed: %d\n", info->code);
    g_main_loop_quit(main_loop);
}

int main(int argc, char **argv) {
    GMainLoop *main_loop = g_main_loop_new(NULL, FALSE);
    wsline_loop *loop = NULL;
    wsline_app *app = NULL;

    if (argc != 2) {
        g_printerr("usage: %s URL\n", argv[0]);
        return 2;
    }
    if (wsline_loop_new(&loop) != WSLINE_OK || wsline_app_new(argv[1], NULL, &app) != WSLINE_OK ||
        wsline_loop_add(loop, app) != WSLINE_OK) {
        g_printerr("%s\n", wsline_last_error_message());
        return 1;
    }
    wsline_app_on_message(app, on_message, NULL, NULL);
    wsline_app_on_error(app, on_error, main_loop, NULL);
    wsline_app_on_close(app, on_close, main_loop, NULL);

    GSource *source = new_source(loop);
    g_source_attach(source, NULL);
    g_timeout_add(100, on_tick, app);
    g_main_loop_run(main_loop);

    g_source_destroy(source);
    g_source_unref(source);
    wsline_app_free(app);
    wsline_loop_free(loop);
    g_main_loop_unref(main_loop);
    return left <= 0 ? 0 : 1;
}
