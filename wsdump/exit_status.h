/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_EXIT_STATUS_H
#define WSDUMP_EXIT_STATUS_H

#include <wsline.h>

/* The exit status of the program, also listed in wsdump.1. Numbers are never reused. */
enum exit_status {
    STATUS_DONE = 0,      /* closed normally */
    STATUS_FAILURE = 1,   /* any other failure */
    STATUS_USAGE = 2,     /* an option, a file or the URL is invalid */
    STATUS_CONNECT = 3,   /* connecting failed */
    STATUS_PROXY = 4,     /* the proxy failed or rejected the request */
    STATUS_TLS = 5,       /* TLS failed */
    STATUS_VERIFY = 6,    /* the server's certificate was rejected */
    STATUS_REFUSED = 7,   /* the server did not upgrade the connection */
    STATUS_TIMEOUT = 8,   /* a timeout expired */
    STATUS_LOST = 9,      /* the connection ended without a closing handshake */
    STATUS_PROTOCOL = 10, /* the server violated the protocol or exceeded a limit */
    STATUS_CLOSED = 11,   /* the server closed with a code other than those of normal closure */
    STATUS_INPUT = 12,    /* some of the input could not be sent */
    STATUS_SIGNAL = 128   /* plus the number of a signal */
};

int exit_status_of_error(const wsline_error_info *info);
int exit_status_of_close(const wsline_close_info *info);

#endif
