/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of input, and the commands of --slash. */
#include "commands.h"

#include "closing.h"
#include "notice.h"
#include "send.h"
#include "values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef bool (*command_fn)(wsline_app *app, const struct settings *settings, const char *value);

static bool run_ping(wsline_app *app, const struct settings *settings, const char *value) {
    (void)settings;
    return send_payload(app, WSLINE_OPCODE_PING, value, strlen(value));
}

static bool run_pong(wsline_app *app, const struct settings *settings, const char *value) {
    (void)settings;
    return send_payload(app, WSLINE_OPCODE_PONG, value, strlen(value));
}

static bool run_hex(wsline_app *app, const struct settings *settings, const char *value) {
    uint8_t *data = malloc(strlen(value) / 2 + 1);
    size_t len;
    bool is_sent = false;

    (void)settings;
    if (data == NULL)
        complain("/hex: out of memory");
    else if (!bytes_from_hex(value, data, &len))
        complain("/hex: not pairs of hexadecimal digits");
    else
        is_sent = send_payload(app, WSLINE_OPCODE_BINARY, data, len);
    free(data);
    return is_sent;
}

static bool run_file(wsline_app *app, const struct settings *settings, const char *value) {
    size_t len = 0;
    uint8_t *data = value_file(value, &len);

    if (data == NULL) {
        complain("/file: %s: %s", value, strerror(errno));
        return false;
    }
    bool is_sent = send_message(app, settings, data, len);
    free(data);
    return is_sent;
}

/* "/close", "/close 4000", "/close 4000 the reason" */
static bool run_close(wsline_app *app, const struct settings *settings, const char *value) {
    uint64_t code = WSLINE_CLOSE_NORMAL;
    char digits[8] = "";
    size_t len = strcspn(value, " ");
    const char *reason = value + len + strspn(value + len, " ");

    (void)settings;
    if (len < sizeof digits) memcpy(digits, value, len);
    if (len > 0 && !value_number(digits, UINT16_MAX, &code))
        complain("/close: not a close code");
    else if (closing_begin(app, (int32_t)code, *reason == '\0' ? NULL : reason) != WSLINE_OK)
        complain("/close: %s", value_library_error());
    else
        return true;
    return false;
}

static const struct {
    const char *name;
    command_fn run;
} commands[] = {
    {"ping", run_ping}, {"pong", run_pong},   {"hex", run_hex},
    {"file", run_file}, {"close", run_close},
};

static bool run_command(wsline_app *app, const struct settings *settings, const char *line) {
    const char *name = line + 1;
    size_t len = strcspn(name, " ");
    const char *value = name + len + (name[len] == ' ');

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strlen(commands[i].name) == len && strncmp(commands[i].name, name, len) == 0)
            return commands[i].run(app, settings, value);
    complain("unknown command /%.*s; use /ping, /pong, /hex, /file or /close", (int)len, name);
    return false;
}

bool command_or_message(wsline_app *app, const struct settings *settings, const char *line,
                        size_t len) {
    if (settings->slash && *line == '/') return run_command(app, settings, line);
    return send_message(app, settings, line, len);
}
