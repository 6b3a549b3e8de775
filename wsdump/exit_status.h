/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_EXIT_STATUS_H
#define WSDUMP_EXIT_STATUS_H

#include <wsline.h>

/* What the program ends with. wsdump.1 lists them, too; numbers are never reused. */
enum exit_status {
    STATUS_DONE = 0,      /* closed as it should be */
    STATUS_FAILURE = 1,   /* something else */
    STATUS_USAGE = 2,     /* an option, a file or the URL cannot be used */
    STATUS_CONNECT = 3,   /* no connection */
    STATUS_PROXY = 4,     /* the proxy refused, or failed */
    STATUS_TLS = 5,       /* TLS failed */
    STATUS_VERIFY = 6,    /* the server's certificate was refused */
    STATUS_REFUSED = 7,   /* the server answered with something else than an upgrade */
    STATUS_TIMEOUT = 8,   /* a time was up */
    STATUS_LOST = 9,      /* the connection ended without a closing handshake */
    STATUS_PROTOCOL = 10, /* the server broke the protocol or a limit */
    STATUS_CLOSED = 11,   /* the server closed with a code that tells of trouble */
    STATUS_INPUT = 12,    /* some of the input could not be sent */
    STATUS_SIGNAL = 128   /* and a signal's number */
};

int exit_status_of_error(const wsline_error_info *info);
int exit_status_of_close(const wsline_close_info *info);

#endif
