/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_JSON_H
#define WSDUMP_JSON_H

#include "settings.h"

/* See output.h. */
void json_begin(const struct settings *settings);
void json_open(const wsline_app *app);
void json_message(const wsline_message *message, int64_t round_trip_us);
void json_error(const wsline_error_info *info, const char *body, size_t body_len);
void json_close(const wsline_close_info *info);

#endif
