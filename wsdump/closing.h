/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_CLOSING_H
#define WSDUMP_CLOSING_H

#include <wsline.h>

/* wsline_app_close(), for all of the program. */
wsline_status closing_begin(wsline_app *app, int32_t code, const char *reason);

/* Whether the code is that of a normal end. */
bool closing_is_normal(int32_t code);

/* A wsline_side: who closed the connection. The server, too, if the two close frames have crossed:
 * its code is then neither an answer to ours nor that of a normal end. */
int32_t closing_side(const wsline_close_info *info);

#endif
