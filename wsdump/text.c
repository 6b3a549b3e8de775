/* SPDX-License-Identifier: Apache-2.0 */
/* Events as readable text, and messages byte for byte. */
#include "text.h"

#include "clock.h"
#include "closing.h"
#include "escape.h"
#include "names.h"
#include "notice.h"

#include <unistd.h>

/* Precedes a message's lines after the first, so that none looks like another message. */
static const char indent[] = "  ";

static struct {
    bool raw, no_newline, timings;
    bool has_names;      /* each event is prefixed with its name */
    bool has_pongs;      /* pongs are shown, but no other control frames */
    bool is_interactive; /* received messages are marked, to tell them from typed lines */
    bool has_colours;
    bool escapes_text;
    enum bytes_form bytes;
    int64_t begun_us;
} style;

void text_begin(const struct settings *settings, bool is_terminal, bool is_interactive) {
    style.raw = settings->raw;
    style.no_newline = settings->no_newline;
    style.timings = settings->timings;
    style.has_names = settings->verbosity > 0;
    style.has_pongs = settings->pings || settings->slash;
    style.is_interactive = is_interactive;
    style.has_colours = !settings->raw && has_colours(STDOUT_FILENO);
    style.escapes_text = !settings->raw && (is_terminal || style.has_names || style.timings);
    style.bytes = settings->bytes;
    style.begun_us = clock_us();
}

static void begin_item(const char *name) {
    if (style.has_colours) printf("\033[34m");
    if (style.is_interactive) printf("< ");
    if (style.timings) printf("%.6f: ", (double)(clock_us() - style.begun_us) / 1e6);
    if (name != NULL) printf("%s: ", name);
}

static void end_item(void) {
    if (style.has_colours) printf("\033[39m");
    putchar('\n');
}

static void write_payload(const wsline_message *message) {
    if (style.raw)
        fwrite(message->data, 1, message->len, stdout);
    else if (message->opcode != WSLINE_OPCODE_TEXT)
        bytes_write(stdout, message->data, message->len, style.bytes);
    else if (style.escapes_text)
        escape_text(stdout, message->data, message->len, indent);
    else
        fwrite(message->data, 1, message->len, stdout);
}

static void write_data(const wsline_message *message) {
    begin_item(style.has_names ? name_of_opcode(message->opcode) : NULL);
    write_payload(message);
    if (!style.no_newline) end_item();
}

/* Payloads of pings and pongs are usually text or empty. */
static void write_control(const wsline_message *message, int64_t round_trip_us) {
    begin_item(name_of_opcode(message->opcode));
    bytes_write(stdout, message->data, message->len, BYTES_ESCAPED);
    if (round_trip_us >= 0)
        printf("%s%.3f ms", message->len > 0 ? ", " : "", (double)round_trip_us / 1e3);
    end_item();
}

void text_message(const wsline_message *message, int64_t round_trip_us) {
    if (message->opcode == WSLINE_OPCODE_TEXT || message->opcode == WSLINE_OPCODE_BINARY)
        write_data(message);
    else if (style.has_names || (style.has_pongs && message->opcode == WSLINE_OPCODE_PONG))
        write_control(message, round_trip_us);
}

void text_open(const wsline_app *app) {
    if (!style.has_names) {
        if (style.is_interactive)
            notice("connected to %s; press Ctrl+C to quit", wsline_app_peer_address(app));
        return;
    }
    begin_item("open");
    printf("%s", wsline_app_peer_address(app));
    const char *subprotocol = wsline_app_subprotocol(app);
    if (subprotocol != NULL) {
        printf(", ");
        escape_line(stdout, subprotocol);
    }
    const char *extensions = wsline_app_extensions(app);
    if (extensions != NULL) {
        printf(", ");
        escape_line(stdout, extensions);
    }
    end_item();
}

void text_close(const wsline_close_info *info) {
    int32_t closed_by = closing_side(info);
    const char *side = name_of_side(closed_by);

    if (style.has_names) {
        begin_item("close");
        printf("%d", info->code);
        if (info->reason_len > 0) {
            putchar(' ');
            escape_json(stdout, info->reason, info->reason_len);
        }
        printf(", by the %s", side);
        end_item();
        return;
    }
    if (info->code == WSLINE_CLOSE_ABNORMAL) return; /* an error has already been reported */
    if (info->clean && closed_by == WSLINE_SIDE_CLIENT && !style.is_interactive) return;
    if (info->reason_len > 0)
        notice("closed by the %s: %d \"%s\"", side, info->code, info->reason);
    else
        notice("closed by the %s: %d", side, info->code);
}
