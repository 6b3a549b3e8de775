/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect URL [PROXY]: connects with the proxy settings of the environment, or through PROXY (such
 * as "http://user:password@host:3128" or "socks5h://host"), and prints which proxy, address and TLS
 * parameters were used.
 */
#include <stdio.h>
#include <wsline.h>

int main(int argc, char **argv) {
    wsline_options *options = NULL;
    wsline_conn *conn = NULL;
    wsline_tls_info tls;
    char *proxy = NULL;
    wsline_status status;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s URL [PROXY]\n", argv[0]);
        return 2;
    }
    status = wsline_options_new(&options);
    if (status == WSLINE_OK && argc == 3) status = wsline_options_set_proxy_url(options, argv[2]);
    if (status == WSLINE_OK) status = wsline_proxy_for_url(argv[1], options, &proxy);
    if (status == WSLINE_OK) status = wsline_conn_new(options, &conn);
    if (status == WSLINE_OK) {
        printf("proxy    %s\n", proxy == NULL ? "none" : proxy);
        status = wsline_conn_connect(conn, argv[1]);
    }
    if (status == WSLINE_OK) {
        printf("peer     %s\n", wsline_conn_peer_address(conn));
        if (wsline_conn_tls_info(conn, &tls) == WSLINE_OK)
            printf("TLS      %s, %s\n", tls.version, tls.cipher);
        wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WSLINE_DEFAULT_TIMEOUT);
    } else {
        fprintf(stderr, "%s\n", wsline_last_error_message());
    }
    if (conn != NULL) printf("response %d\n", (int)wsline_conn_http_status(conn));
    wsline_conn_free(conn);
    wsline_options_free(options);
    wsline_string_free(proxy);
    return status == WSLINE_OK ? 0 : 1;
}
