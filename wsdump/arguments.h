/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_ARGUMENTS_H
#define WSDUMP_ARGUMENTS_H

#include "settings.h"

/* Reads the command line into the settings; false after an error message. */
bool arguments_read(struct settings *settings, int argc, char **argv);

#endif
