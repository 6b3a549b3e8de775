/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_NEAREST_H
#define WSDUMP_NEAREST_H

#include "options.h"

/* The option whose long name differs from this by a few typing mistakes; NULL if there is none. */
const struct option *nearest_name(const char *name, size_t len);

/* The option with this letter in the other case; NULL if there is none. Other letters are not
 * considered, because no two of them look alike. */
const struct option *nearest_letter(char letter);

#endif
