/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_HELP_H
#define WSDUMP_HELP_H

void help_print(void);
void help_print_version(void);

#endif
