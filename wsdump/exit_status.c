/* SPDX-License-Identifier: Apache-2.0 */
/* Maps errors and close codes to the exit status. */
#include "exit_status.h"

#include "closing.h"

int exit_status_of_error(const wsline_error_info *info) {
    switch (info->status) {
    case WSLINE_ERR_INVALID_ARGUMENT:
    case WSLINE_ERR_INVALID_URL:
    case WSLINE_ERR_NOT_SUPPORTED:
    case WSLINE_ERR_TLS_CONFIG:
        return STATUS_USAGE;
    case WSLINE_ERR_RESOLVE:
    case WSLINE_ERR_CONNECT:
        return STATUS_CONNECT;
    case WSLINE_ERR_PROXY:
    case WSLINE_ERR_PROXY_AUTH:
        return STATUS_PROXY;
    case WSLINE_ERR_TLS:
        return STATUS_TLS;
    case WSLINE_ERR_TLS_VERIFY:
        return STATUS_VERIFY;
    case WSLINE_ERR_HTTP_STATUS:
    case WSLINE_ERR_BAD_UPGRADE:
    case WSLINE_ERR_TOO_MANY_REDIRECTS:
        return STATUS_REFUSED;
    case WSLINE_ERR_TIMEOUT:
    case WSLINE_ERR_PONG_TIMEOUT:
        return STATUS_TIMEOUT;
    case WSLINE_ERR_CONNECTION_LOST:
    case WSLINE_ERR_IO:
        return info->phase < WSLINE_PHASE_OPEN ? STATUS_CONNECT : STATUS_LOST;
    case WSLINE_ERR_PROTOCOL:
    case WSLINE_ERR_INVALID_PAYLOAD:
    case WSLINE_ERR_MESSAGE_TOO_BIG:
        return STATUS_PROTOCOL;
    default:
        return STATUS_FAILURE;
    }
}

int exit_status_of_close(const wsline_close_info *info) {
    if (!info->clean) return STATUS_LOST;
    if (closing_side(info) == WSLINE_SIDE_CLIENT) return STATUS_DONE;
    return closing_is_normal(info->code) ? STATUS_DONE : STATUS_CLOSED;
}
