/* SPDX-License-Identifier: Apache-2.0 */
/* Names for the library's constants. */
#include "names.h"

#include <wsline.h>

const char *name_of_opcode(int32_t opcode) {
    switch (opcode) {
    case WSLINE_OPCODE_TEXT:
        return "text";
    case WSLINE_OPCODE_BINARY:
        return "binary";
    case WSLINE_OPCODE_PING:
        return "ping";
    case WSLINE_OPCODE_PONG:
        return "pong";
    default:
        return "unknown";
    }
}

const char *name_of_side(int32_t side) { return side == WSLINE_SIDE_CLIENT ? "client" : "server"; }

const char *name_of_phase(int32_t phase) {
    switch (phase) {
    case WSLINE_PHASE_RESOLVE:
        return "resolve";
    case WSLINE_PHASE_CONNECT:
        return "connect";
    case WSLINE_PHASE_PROXY:
        return "proxy";
    case WSLINE_PHASE_TLS:
        return "tls";
    case WSLINE_PHASE_UPGRADE:
        return "upgrade";
    case WSLINE_PHASE_OPEN:
        return "open";
    case WSLINE_PHASE_CLOSE:
        return "close";
    default:
        return "none";
    }
}
