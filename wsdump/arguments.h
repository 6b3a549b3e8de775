/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_ARGUMENTS_H
#define WSDUMP_ARGUMENTS_H

#include "settings.h"

/* Puts what the words say into the settings; false after a complaint. */
bool arguments_read(struct settings *settings, int argc, char **argv);

#endif
