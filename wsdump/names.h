/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_NAMES_H
#define WSDUMP_NAMES_H

#include <stdint.h>

const char *name_of_opcode(int32_t opcode);
const char *name_of_side(int32_t side);
const char *name_of_phase(int32_t phase);

#endif
