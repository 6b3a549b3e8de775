/* SPDX-License-Identifier: Apache-2.0 */
/* Passes events on to text or JSON output. */
#include "output.h"

#include "editor.h"
#include "json.h"
#include "notice.h"
#include "text.h"

#include <unistd.h>

static bool is_json, is_interactive;

void output_begin(const struct settings *settings) {
    bool is_terminal = isatty(STDOUT_FILENO);

    is_json = settings->json;
    is_interactive = is_terminal && isatty(STDIN_FILENO) && !settings->raw && !settings->json &&
                     settings->chunk_bytes == 0;
    if (is_json)
        json_begin(settings);
    else
        text_begin(settings, is_terminal, is_interactive);
}

bool output_is_interactive(void) { return is_interactive; }

void output_open(const wsline_app *app) {
    editor_hide();
    if (is_json)
        json_open(app);
    else
        text_open(app);
}

void output_message(const wsline_message *message, int64_t round_trip_us) {
    editor_hide();
    if (is_json)
        json_message(message, round_trip_us);
    else
        text_message(message, round_trip_us);
}

void output_error(const wsline_app *app, const wsline_error_info *info) {
    const void *body = NULL;
    size_t body_len = 0;

    if (info->http_status > 0) wsline_app_response_body(app, &body, &body_len);
    if (is_json) json_error(info, body, body_len);
    if (info->retry_in_ms >= 0)
        complain("%s; next attempt in %.1f s", info->message, (double)info->retry_in_ms / 1000);
    else
        complain("%s", info->message);
    if (!is_json) notice_quote(body, body_len);
}

void output_close(const wsline_close_info *info) {
    editor_hide();
    if (is_json)
        json_close(info);
    else
        text_close(info);
}

bool output_flush(void) {
    bool succeeded = fflush(stdout) == 0 && !ferror(stdout);
    editor_show();
    return succeeded;
}
