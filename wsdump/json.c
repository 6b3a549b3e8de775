/* SPDX-License-Identifier: Apache-2.0 */
/* Events as lines of JSON. */
#include "json.h"

#include "clock.h"
#include "closing.h"
#include "escape.h"
#include "names.h"

#include <inttypes.h>
#include <string.h>

static bool shows_elapsed;
static int64_t begun_us;

void json_begin(const struct settings *settings) {
    shows_elapsed = settings->timings;
    begun_us = clock_us();
}

/* Leaves the object open for the members that are specific to this event. */
static void begin(const char *event) {
    printf("{\"event\":\"%s\",\"time\":%.6f", event, clock_unix_time());
    if (shows_elapsed) printf(",\"elapsed\":%.6f", (double)(clock_us() - begun_us) / 1e6);
}

static void end(void) { printf("}\n"); }

static void member(const char *name, const char *value) {
    printf(",\"%s\":", name);
    if (value == NULL)
        printf("null");
    else
        escape_json(stdout, value, strlen(value));
}

static void member_number(const char *name, int64_t value) {
    printf(",\"%s\":%" PRId64, name, value);
}

void json_open(const wsline_app *app) {
    begin("open");
    member("peer", wsline_app_peer_address(app));
    member("subprotocol", wsline_app_subprotocol(app));
    member("extensions", wsline_app_extensions(app));
    end();
}

void json_message(const wsline_message *message, int64_t round_trip_us) {
    begin(name_of_opcode(message->opcode));
    if (message->opcode == WSLINE_OPCODE_TEXT) {
        printf(",\"text\":");
        escape_json(stdout, message->data, message->len);
    } else {
        printf(",\"base64\":\"");
        bytes_write(stdout, message->data, message->len, BYTES_BASE64);
        putchar('"');
    }
    if (round_trip_us >= 0) printf(",\"rtt_ms\":%.3f", (double)round_trip_us / 1e3);
    end();
}

void json_error(const wsline_error_info *info, const char *body, size_t body_len) {
    begin("error");
    member_number("status", info->status);
    member("phase", name_of_phase(info->phase));
    member_number("http_status", info->http_status);
    member("message", info->message);
    if (body_len > 0) {
        printf(",\"body\":");
        escape_json(stdout, body, body_len);
    }
    if (info->retry_in_ms >= 0) member_number("retry_in_ms", info->retry_in_ms);
    end();
}

void json_close(const wsline_close_info *info) {
    begin("close");
    member_number("code", info->code);
    printf(",\"reason\":");
    escape_json(stdout, info->reason, info->reason_len);
    printf(",\"clean\":%s", info->clean ? "true" : "false");
    member("closed_by", name_of_side(closing_side(info)));
    end();
}
