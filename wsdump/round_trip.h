/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_ROUND_TRIP_H
#define WSDUMP_ROUND_TRIP_H

#include <wsline.h>

/* The prefix of the payloads of --ping-interval. It distinguishes their pongs from others, such as
 * unsolicited ones. */
#define ROUND_TRIP_MARK "wsdump"

/* Call it when a connection opens: forgets all pings. */
void round_trip_reset(void);

/* A ping with this payload has been sent. */
void round_trip_begin(const void *payload, size_t len);

/* Microseconds since the ping that this pong answers; -1 if that ping is unknown. Removes the
 * payload if the ping was sent by --ping-interval, as it means nothing to the user. */
int64_t round_trip_end(const wsline_app *app, wsline_message *pong);

#endif
