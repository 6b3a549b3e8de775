/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_CLOSING_H
#define WSDUMP_CLOSING_H

#include <wsline.h>

/* All closing goes through this wrapper of wsline_app_close(), which records the code. */
wsline_status closing_begin(wsline_app *app, int32_t code, const char *reason);

/* Whether the code means a normal closure. */
bool closing_is_normal(int32_t code);

/* The wsline_side that closed the connection. If both close frames crossed, it is the server when
 * its code is neither a reply to ours nor that of a normal closure. */
int32_t closing_side(const wsline_close_info *info);

#endif
