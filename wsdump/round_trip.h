/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_ROUND_TRIP_H
#define WSDUMP_ROUND_TRIP_H

#include <wsline.h>

/* A connection begins: no ping is on its way. */
void round_trip_reset(void);

/* A ping with this payload has been sent. */
void round_trip_begin(const void *payload, size_t len);

/* Microseconds since the ping that this pong answers; -1 if it answers none that is known. */
int64_t round_trip_end(const wsline_app *app, const wsline_message *pong);

#endif
