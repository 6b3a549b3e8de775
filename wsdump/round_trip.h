/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_ROUND_TRIP_H
#define WSDUMP_ROUND_TRIP_H

#include <wsline.h>

/* What the payloads of the pings of --ping-interval begin with: only so can their pongs be told
 * from others, for example those that nobody asked for. */
#define ROUND_TRIP_MARK "wsdump"

/* A connection begins: no ping is on its way. */
void round_trip_reset(void);

/* A ping with this payload has been sent. */
void round_trip_begin(const void *payload, size_t len);

/* Microseconds since the ping that this pong answers; -1 if it answers none that is known. One that
 * answers a ping of --ping-interval loses its payload, which only the program has to see. */
int64_t round_trip_end(const wsline_app *app, wsline_message *pong);

#endif
