/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the command line into settings: defaults, and combinations of options. */
#include "settings.h"

#include "arguments.h"
#include "notice.h"
#include "round_trip.h"
#include "values.h"

#include <stdlib.h>

static bool is_consistent(const struct settings *settings) {
    if (settings->url == NULL)
        complain("no URL; see wsdump --help");
    else if (settings->raw && settings->json)
        complain("--raw and --json cannot be combined");
    else if (settings->no_newline && !settings->raw)
        complain("--no-newline needs --raw");
    else if (settings->chunk_bytes > 0 && settings->slash)
        complain("--chunks and --slash cannot be combined");
    else if (settings->has_proxy && settings->no_proxy)
        complain("--proxy and --no-proxy cannot be combined");
    else if (settings->ipv4 && settings->ipv6)
        complain("--ipv4 and --ipv6 cannot be combined");
    else
        return true;
    return false;
}

static wsline_status keep_cookies(wsline_options *options) {
    wsline_cookie_jar *jar = NULL;
    wsline_status status = wsline_cookie_jar_new(&jar);

    if (status == WSLINE_OK) status = wsline_options_set_cookie_jar(options, jar);
    wsline_cookie_jar_free(jar);
    return status;
}

/* Passes flags and numbers on to the setters of the library. */
static wsline_status complete_options(const struct settings *settings) {
    wsline_options *options = settings->options;
    int32_t family = settings->ipv4   ? WSLINE_ADDRESS_IPV4
                     : settings->ipv6 ? WSLINE_ADDRESS_IPV6
                                      : WSLINE_ADDRESS_ANY;

    /* Input is not read while much is queued, so the queue needs no limit. */
    wsline_status status = wsline_options_set_max_send_queue_bytes(options, 0);
    if (status == WSLINE_OK && settings->no_origin)
        status = wsline_options_suppress_origin(options, true);
    if (status == WSLINE_OK && !settings->has_user_agent)
        status = wsline_options_add_header(options, "User-Agent", "wsdump/" WSLINE_VERSION_STRING);
    if (status == WSLINE_OK) status = wsline_options_set_address_family(options, family);
    if (status == WSLINE_OK)
        status = wsline_options_set_proxy_from_environment(options, !settings->no_proxy);
    if (status == WSLINE_OK) status = wsline_options_set_tls_verify(options, !settings->unverified);
    if (status == WSLINE_OK) status = wsline_options_set_deflate(options, settings->deflate);
    if (status == WSLINE_OK && settings->keep_cookies) status = keep_cookies(options);
    if (status == WSLINE_OK && settings->connect_ms != WSLINE_FOREVER)
        status = wsline_options_set_connect_timeout_ms(options, settings->connect_ms);
    if (status == WSLINE_OK)
        status = wsline_options_set_close_timeout_ms(options, settings->close_ms);
    if (status == WSLINE_OK)
        status =
            wsline_options_set_ping(options, settings->ping_interval_ms, settings->ping_timeout_ms);
    if (status == WSLINE_OK)
        status = wsline_options_set_ping_payload(options, ROUND_TRIP_MARK, WSLINE_NUL_TERMINATED);
    return status;
}

static void complete(struct settings *settings) {
    /* With --count, wait until the messages have arrived. */
    if (!settings->has_eof_wait) settings->eof_wait_ms = settings->count > 0 ? WSLINE_FOREVER : 0;
    for (size_t i = 0; i < settings->item_count; i++)
        if (settings->items[i].opcode == OPCODE_OF_FILE)
            settings->items[i].opcode =
                settings->binary ? WSLINE_OPCODE_BINARY : WSLINE_OPCODE_TEXT;
}

bool settings_read(struct settings *settings, int argc, char **argv) {
    const struct settings defaults = {.timeout_ms = WSLINE_FOREVER,
                                      .max_time_ms = WSLINE_FOREVER,
                                      .connect_ms = WSLINE_FOREVER,
                                      .close_ms = WSLINE_DEFAULT_TIMEOUT};

    *settings = defaults;
    if (wsline_options_new(&settings->options) != WSLINE_OK) {
        complain("%s", value_library_error());
        return false;
    }
    if (!arguments_read(settings, argc, argv)) return false;
    if (settings->help || settings->version) return true;
    if (!is_consistent(settings)) return false;
    complete(settings);
    if (complete_options(settings) == WSLINE_OK) return true;
    complain("%s", value_library_error());
    return false;
}

void settings_free(struct settings *settings) {
    for (size_t i = 0; i < settings->item_count; i++) free(settings->items[i].data);
    free(settings->items);
    free(settings->url);
    wsline_options_free(settings->options);
}

bool settings_add_item(struct settings *settings, int32_t opcode, uint8_t *data, size_t len) {
    const struct item item = {opcode, data, len};
    struct item *larger = NULL;

    if (data != NULL)
        larger = realloc(settings->items, (settings->item_count + 1) * sizeof *settings->items);
    if (larger == NULL) {
        free(data);
        return false;
    }
    settings->items = larger;
    settings->items[settings->item_count++] = item;
    return true;
}
