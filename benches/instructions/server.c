/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server [CERTIFICATE KEY]: the server for the client of run.py; prints its port. With a
 * certificate it uses TLS. One thread per connection; the path of the request selects its work:
 *   /echo/SIZE/BATCH     sends messages back, with one call for BATCH of them
 *   /source/SIZE/BATCH   sends BATCH messages of SIZE bytes, with one call, for each message
 *   /sink/SIZE/BATCH     sends one message for each BATCH messages
 */
#define _DEFAULT_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SOCKET_BUFFER = 1 << 20, MAX_HEADER = 10 };
enum { OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

struct connection {
    int fd;
    SSL *ssl;
    uint8_t in[65536];
    size_t in_start, in_end;
    uint8_t *out;
    size_t out_len, out_capacity;
};

struct request {
    char kind[16];
    size_t size;
    unsigned batch;
};

static SSL_CTX *tls;

static void fail(const char *what) {
    fprintf(stderr, "server: %s\n", what);
    exit(1);
}

/* ---- bytes ---- */

static long read_some(struct connection *conn, void *to, size_t len) {
    if (conn->ssl != NULL) return SSL_read(conn->ssl, to, (int)len);
    return recv(conn->fd, to, len, 0);
}

/* False if the client has disconnected. */
static bool read_exactly(struct connection *conn, uint8_t *to, size_t len) {
    while (len > 0) {
        size_t there = conn->in_end - conn->in_start;
        size_t taken = there < len ? there : len;
        long got;

        memcpy(to, conn->in + conn->in_start, taken);
        conn->in_start += taken;
        to += taken;
        len -= taken;
        if (len == 0) return true;
        got = read_some(conn, conn->in, sizeof conn->in);
        if (got <= 0) return false;
        conn->in_start = 0;
        conn->in_end = (size_t)got;
    }
    return true;
}

static bool write_out(struct connection *conn) {
    size_t sent = 0;

    while (sent < conn->out_len) {
        size_t left = conn->out_len - sent;
        long done = conn->ssl != NULL ? SSL_write(conn->ssl, conn->out + sent, (int)left)
                                      : send(conn->fd, conn->out + sent, left, 0);

        if (done <= 0) return false;
        sent += (size_t)done;
    }
    conn->out_len = 0;
    return true;
}

/* Makes space for `len` bytes after the pending output. */
static uint8_t *out_room(struct connection *conn, size_t len) {
    if (conn->out_capacity - conn->out_len < len) {
        conn->out_capacity = 2 * (conn->out_len + len);
        conn->out = realloc(conn->out, conn->out_capacity);
        if (conn->out == NULL) fail("no memory");
    }
    return conn->out + conn->out_len;
}

/* ---- frames ---- */

static void put_header(struct connection *conn, unsigned opcode, size_t len) {
    uint8_t *out = out_room(conn, MAX_HEADER);
    unsigned length_bytes = len < 126 ? 0 : len < 65536 ? 2 : 8;

    out[0] = (uint8_t)(0x80 | opcode);
    out[1] = (uint8_t)(length_bytes == 0 ? len : length_bytes == 2 ? 126 : 127);
    for (unsigned i = 0; i < length_bytes; i++)
        out[2 + i] = (uint8_t)(len >> (8 * (length_bytes - 1 - i)));
    conn->out_len += 2 + length_bytes;
}

static void put_message(struct connection *conn, size_t len) {
    put_header(conn, OPCODE_BINARY, len);
    memset(out_room(conn, len), 'a', len);
    conn->out_len += len;
}

/* Appends the frame, unmasked, to the pending output; returns its opcode, or -1 at the end. */
static int take_frame(struct connection *conn, size_t *len_out) {
    uint8_t head[2], length[8], mask[4], *payload;
    unsigned length_bytes;
    size_t len;

    if (!read_exactly(conn, head, sizeof head)) return -1;
    len = head[1] & 127;
    length_bytes = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (!read_exactly(conn, length, length_bytes) || !read_exactly(conn, mask, sizeof mask))
        return -1;
    if (length_bytes > 0) len = 0;
    for (unsigned i = 0; i < length_bytes; i++) len = len << 8 | length[i];
    put_header(conn, head[0] & 15, len);
    payload = out_room(conn, len);
    if (!read_exactly(conn, payload, len)) return -1;
    for (size_t i = 0; i < len; i++) payload[i] ^= mask[i % 4];
    conn->out_len += len;
    *len_out = len;
    return head[0] & 15;
}

static bool control_frame(struct connection *conn, int opcode, size_t start) {
    conn->out[start] = (uint8_t)(0x80 | (opcode == OPCODE_PING ? OPCODE_PONG : opcode));
    return write_out(conn) && opcode != OPCODE_CLOSE;
}

static void serve_messages(struct connection *conn, const struct request *request) {
    unsigned pending = 0;
    bool is_open = true;

    while (is_open) {
        size_t start = conn->out_len, len;
        int opcode = take_frame(conn, &len);

        if (opcode < 0) return;
        if (opcode >= OPCODE_CLOSE) {
            is_open = control_frame(conn, opcode, start);
            continue;
        }
        if (strcmp(request->kind, "echo") != 0) conn->out_len = start;
        if (strcmp(request->kind, "source") == 0)
            while (pending++ < request->batch) put_message(conn, request->size);
        else if (++pending < request->batch)
            continue;
        if (strcmp(request->kind, "sink") == 0) put_message(conn, 0);
        pending = 0;
        is_open = write_out(conn);
    }
}

/* ---- the opening handshake ---- */

static void accept_key(const char *key, size_t len, char *accept) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[128];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len;
    int text_len = snprintf(text, sizeof text, "%.*s%s", (int)len, key, guid);

    if (EVP_Digest(text, (size_t)text_len, digest, &digest_len, EVP_sha1(), NULL) != 1)
        fail("SHA-1");
    EVP_EncodeBlock((unsigned char *)accept, digest, (int)digest_len);
}

static bool handshake(struct connection *conn, struct request *request) {
    static const char key_field[] = "\r\nSec-WebSocket-Key: ";
    char head[8192], accept[64];
    size_t len = 0;
    const char *key;

    while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0)
        if (len == sizeof head - 1 || !read_exactly(conn, (uint8_t *)head + len++, 1)) return false;
    head[len] = '\0';
    key = strstr(head, key_field);
    if (key == NULL ||
        sscanf(head, "GET /%15[a-z]/%zu/%u ", request->kind, &request->size, &request->batch) != 3)
        return false;
    key += sizeof key_field - 1;
    accept_key(key, strcspn(key, "\r"), accept);
    conn->out_len = (size_t)snprintf((char *)out_room(conn, 512), 512,
                                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                                     accept);
    return write_out(conn);
}

static void *serve(void *argument) {
    struct connection *conn = argument;
    struct request request;

    if (tls != NULL) {
        conn->ssl = SSL_new(tls);
        if (conn->ssl == NULL || SSL_set_fd(conn->ssl, conn->fd) != 1) fail("SSL_new");
    }
    if ((conn->ssl == NULL || SSL_accept(conn->ssl) == 1) && handshake(conn, &request))
        serve_messages(conn, &request);
    if (conn->ssl != NULL) SSL_shutdown(conn->ssl);
    SSL_free(conn->ssl);
    close(conn->fd);
    free(conn->out);
    free(conn);
    return NULL;
}

/* ---- listening ---- */

static void use_certificate(const char *certificate, const char *key) {
    tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL || SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
        fail("the certificate");
}

static int listen_on_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0), size = SOCKET_BUFFER;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* Accepted sockets inherit the sizes, so that a batch fits. */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) != 0 ||
        bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        fail("listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    int listener, on = 1;

    signal(SIGPIPE, SIG_IGN);
    if (argc == 3) use_certificate(argv[1], argv[2]);
    listener = listen_on_loopback();
    for (;;) {
        struct connection *conn = calloc(1, sizeof *conn);
        pthread_t thread;

        if (conn == NULL) fail("no memory");
        conn->fd = accept(listener, NULL, NULL);
        if (conn->fd < 0 || setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
            pthread_create(&thread, NULL, serve, conn) != 0)
            fail("accept");
        pthread_detach(thread);
    }
}
