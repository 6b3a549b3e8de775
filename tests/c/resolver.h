/* SPDX-License-Identifier: Apache-2.0 */
/* For a getaddrinfo() in the test program, which replaces that of libc. */
#ifndef WSLINE_TESTS_RESOLVER_H
#define WSLINE_TESTS_RESOLVER_H

#include "listen.h"

#include <netdb.h>

static inline struct addrinfo *resolver_entry(uint32_t address, uint16_t port,
                                              struct addrinfo *next) {
    struct addrinfo *entry = calloc(1, sizeof *entry);
    struct sockaddr_in *socket_address = calloc(1, sizeof *socket_address);

    if (entry == NULL || socket_address == NULL) abort();
    *socket_address = listen_address(port);
    socket_address->sin_addr.s_addr = htonl(address);
    entry->ai_family = AF_INET;
    entry->ai_socktype = SOCK_STREAM;
    entry->ai_addrlen = sizeof *socket_address;
    entry->ai_addr = (struct sockaddr *)socket_address;
    entry->ai_next = next;
    return entry;
}

static inline void resolver_free(struct addrinfo *result) {
    while (result != NULL) {
        struct addrinfo *next = result->ai_next;

        free(result->ai_addr);
        free(result);
        result = next;
    }
}

static inline uint16_t resolver_port(const char *service) {
    return service == NULL ? 0 : (uint16_t)strtoul(service, NULL, 10);
}

#endif
