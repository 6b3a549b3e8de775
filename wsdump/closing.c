/* SPDX-License-Identifier: Apache-2.0 */
/* Who closes the connection. */
#include "closing.h"

static int32_t sent_code;

wsline_status closing_begin(wsline_app *app, int32_t code, const char *reason) {
    wsline_status status = wsline_app_close(app, code, reason);
    if (status == WSLINE_OK && sent_code == 0) sent_code = code;
    return status;
}

bool closing_is_normal(int32_t code) {
    return code == WSLINE_CLOSE_NORMAL || code == WSLINE_CLOSE_GOING_AWAY ||
           code == WSLINE_CLOSE_NO_STATUS;
}

int32_t closing_side(const wsline_close_info *info) {
    bool may_be_answer = closing_is_normal(info->code) || info->code == sent_code;
    if (info->clean && !may_be_answer) return WSLINE_SIDE_SERVER;
    return info->closed_by;
}
