/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT 3.1.1 over WebSocket: subscribes to TOPIC, publishes MESSAGE to it once, prints what
 * arrives, and ends after the first message. It pings the broker by a timer, because MQTT has a
 * keepalive of its own, which WebSocket pings do not replace.
 *
 *   mqtt ws://broker.example:8080/mqtt TOPIC MESSAGE
 *
 * https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsline.h>

/* Packet types with their flags (section 2.2). */
enum {
    CONNECT = 0x10,
    CONNACK = 0x20,
    PUBLISH = 0x30,
    SUBSCRIBE = 0x82,
    SUBACK = 0x90,
    PINGREQ = 0xc0,
    PINGRESP = 0xd0
};
enum { KEEPALIVE_S = 60, PING_MS = KEEPALIVE_S * 500, MAX_BYTES = 4096 };

struct client {
    const char *topic, *message;
    /* Bytes that have arrived: packets do not follow the boundaries of messages (section 6). */
    unsigned char input[MAX_BYTES];
    size_t len;
    uint64_t next_ping; /* 0: none has been scheduled */
    int exit_status;
};

/* A type, the length of the rest in one byte, and the rest: all packets sent here are short. */

struct packet {
    unsigned char bytes[2 + 127];
    size_t len;
};

static void put(struct packet *packet, const void *bytes, size_t len) {
    if (len > sizeof packet->bytes - packet->len) {
        fprintf(stderr, "the topic or the message is too long\n");
        exit(2);
    }
    memcpy(packet->bytes + packet->len, bytes, len);
    packet->len += len;
}

static struct packet begin(unsigned char type) {
    struct packet packet = {{type, 0}, 2};

    return packet;
}

/* A string with its length in two bytes (section 1.5.3). */
static void put_string(struct packet *packet, const char *text) {
    size_t len = strlen(text);
    unsigned char prefix[2] = {(unsigned char)(len >> 8), (unsigned char)len};

    put(packet, prefix, sizeof prefix);
    put(packet, text, len);
}

static void finish(wsline_app *app, struct packet *packet) {
    packet->bytes[1] = (unsigned char)(packet->len - 2);
    if (wsline_app_send_binary(app, packet->bytes, packet->len) != WSLINE_OK) {
        fprintf(stderr, "%s\n", wsline_last_error_message());
        wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL);
    }
}

static void say_hello(wsline_app *app) {
    /* Level 4 is 3.1.1; flag 2 asks for a clean session; no client identifier (section 3.1). */
    static const unsigned char level[] = {4, 2, KEEPALIVE_S >> 8, KEEPALIVE_S & 255};
    struct packet packet = begin(CONNECT);

    put_string(&packet, "MQTT");
    put(&packet, level, sizeof level);
    put_string(&packet, "");
    finish(app, &packet);
}

static void subscribe(wsline_app *app, const char *topic) {
    static const unsigned char id[] = {0, 1}, quality[] = {0};
    struct packet packet = begin(SUBSCRIBE);

    put(&packet, id, sizeof id);
    put_string(&packet, topic);
    put(&packet, quality, sizeof quality);
    finish(app, &packet);
}

static void publish(wsline_app *app, const char *topic, const char *message) {
    struct packet packet = begin(PUBLISH);

    put_string(&packet, topic);
    put(&packet, message, strlen(message));
    finish(app, &packet);
}

static void ping(wsline_app *app, void *userdata) {
    struct client *client = userdata;
    struct packet packet = begin(PINGREQ);

    if (wsline_app_is_open(app)) finish(app, &packet);
    wsline_app_post_after(app, PING_MS, ping, client, NULL, &client->next_ping);
}

static void handle(wsline_app *app, struct client *client, unsigned char type,
                   const unsigned char *body, size_t len) {
    size_t topic_len;

    switch (type & 0xf0) {
    case CONNACK: /* a return code in the second byte */
        if (len < 2 || body[1] != 0) break;
        printf("connected\n");
        subscribe(app, client->topic);
        return;
    case SUBACK: /* 0x80 after the identifier is a failure */
        if (len < 3 || body[2] == 0x80) break;
        printf("subscribed\n");
        publish(app, client->topic, client->message);
        return;
    case PUBLISH:
        topic_len = len < 2 ? len : (size_t)body[0] << 8 | body[1];
        if (len < 2 || topic_len > len - 2) break;
        printf("%.*s: %.*s\n", (int)topic_len, (const char *)body + 2, (int)(len - 2 - topic_len),
               (const char *)body + 2 + topic_len);
        client->exit_status = 0;
        wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL);
        return;
    case PINGRESP:
        return;
    default:
        break;
    }
    fprintf(stderr, "the broker refused, or sent an invalid packet (type %d)\n", type >> 4);
    wsline_app_close(app, WSLINE_CLOSE_PROTOCOL_ERROR, NULL);
}

/* The length of the first packet, 0 while it is incomplete; `header` is set to that of its header
 * (section 2.2.3). */
static size_t first_packet(const struct client *client, size_t *header) {
    size_t len = 0;

    for (size_t i = 1; i < client->len && i <= 4; i++) {
        len |= (size_t)(client->input[i] & 127) << 7 * (i - 1);
        if (client->input[i] < 128) {
            *header = i + 1;
            return *header + len <= client->len ? *header + len : 0;
        }
    }
    return 0;
}

static void on_message(wsline_app *app, const wsline_message *message, void *userdata) {
    struct client *client = userdata;
    size_t header = 0, len;

    if (message->len > sizeof client->input - client->len) {
        fprintf(stderr, "the broker sent a packet of more than %d bytes\n", MAX_BYTES);
        wsline_app_close(app, WSLINE_CLOSE_MESSAGE_TOO_BIG, NULL);
        return;
    }
    memcpy(client->input + client->len, message->data, message->len);
    client->len += message->len;
    while ((len = first_packet(client, &header)) != 0) {
        handle(app, client, client->input[0], client->input + header, len - header);
        client->len -= len;
        memmove(client->input, client->input + len, client->len);
    }
}

static void on_open(wsline_app *app, void *userdata) {
    struct client *client = userdata;

    client->len = 0;
    say_hello(app);
    /* An earlier connection may have scheduled one. */
    if (client->next_ping != 0) wsline_app_cancel_post(app, client->next_ping);
    wsline_app_post_after(app, PING_MS, ping, client, NULL, &client->next_ping);
}

int main(int argc, char **argv) {
    static struct client client = {.exit_status = 1};
    static const wsline_app_callbacks callbacks = {.on_open = on_open, .on_message = on_message};
    wsline_options *options = NULL;
    wsline_app *app = NULL;
    wsline_status status;

    if (argc != 4) {
        fprintf(stderr, "usage: mqtt URL TOPIC MESSAGE\n");
        return 2;
    }
    client.topic = argv[2];
    client.message = argv[3];
    status = wsline_options_new(&options);
    if (status == WSLINE_OK) status = wsline_options_add_subprotocol(options, "mqtt");
    if (status == WSLINE_OK) status = wsline_app_new(argv[1], options, &app);
    if (status == WSLINE_OK) status = wsline_app_set_callbacks(app, &callbacks, &client, NULL);
    if (status == WSLINE_OK) status = wsline_app_run(app);
    if (status != WSLINE_OK) fprintf(stderr, "%s\n", wsline_last_error_message());
    wsline_app_free(app);
    wsline_options_free(options);
    return status == WSLINE_OK ? client.exit_status : 1;
}
