/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline.h
 * @brief wsline 0.2.0, a WebSocket client library.
 *
 * A program that says hello to an echo server and prints its reply:
 *
 * ```c
 * #include <stdio.h>
 * #include <wsline.h>
 *
 * int main(void) {
 *     wsline_conn *conn = NULL;
 *     wsline_message message;
 *
 *     wsline_status status = wsline_connect("wss://echo.example/", NULL, &conn);
 *     if (status == WSLINE_OK)
 *         status = wsline_conn_send_text(conn, "Hello, Server", WSLINE_NUL_TERMINATED);
 *     if (status == WSLINE_OK) status = wsline_conn_recv(conn, WSLINE_FOREVER, &message);
 *     if (status == WSLINE_OK) printf("%s\n", (const char *)message.data);
 *     if (status != WSLINE_OK) fprintf(stderr, "%s\n", wsline_last_error_message());
 *     wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, 3000);
 *     wsline_conn_free(conn);
 *     return status == WSLINE_OK ? 0 : 1;
 * }
 * ```
 *
 * **Objects.** A wsline_options holds settings; a connection copies what it needs from it. A
 * wsline_conn is one connection, with blocking calls. A wsline_app is a client with callbacks,
 * which can send pings and reconnect by itself; a wsline_loop drives many apps on one thread, that
 * is, does their work and calls their callbacks. A wsline_cookie_jar keeps cookies for all
 * connections that share it. Free each object with its `_free` function, in any order; freeing NULL
 * does nothing. Free strings that you own with wsline_string_free().
 *
 * **Errors.** A call that can fail returns a wsline_status: WSLINE_OK is 0, errors are negative.
 * wsline_last_error_message() then describes the failure in one line, and wsline_last_error() gives
 * the details; both refer to the last failed call on the calling thread. A NULL handle, a bad
 * argument or a call at the wrong time is such an error, never a crash. So that cleaning up does
 * not overwrite it, functions that end an object, report on it (statistics, close info, its last
 * error) or set its callbacks do not change the last error, even if they return an error status.
 *
 * **Ownership.** Results come last, through pointers named `..._out`, and are NULL or zero on
 * failure, unless a function says otherwise. You own what you get through a `**..._out`, unless it
 * points to const; a pointer to const, or one that a function returns directly, is lent: it belongs
 * to the library, and you must not free it. The library copies, or holds a reference to, what you
 * pass in, so that you may free it as soon as the call has returned. Only a userdata pointer is
 * kept as it is: it is passed to its callback unchanged, and the `userdata_free` passed with it, if
 * any, runs exactly once.
 *
 * **Strings.** Settings are NUL-terminated UTF-8. A payload is a pointer and a length; the length
 * WSLINE_NUL_TERMINATED stands for a C string, and NULL with length 0 is an empty payload. Received
 * data is always followed by a NUL, which the length does not count. Enumerators are passed as
 * int32_t; an unknown number is rejected with WSLINE_ERR_INVALID_ARGUMENT.
 *
 * **Memory.** A URL longer than 65,536 bytes is rejected with WSLINE_ERR_INVALID_URL, any other
 * string longer than that with WSLINE_ERR_INVALID_ARGUMENT. The length of payloads, PEM data,
 * headers, bearer tokens and subprotocols is not limited. If there is no memory for data whose size
 * a caller or a server chose, the call returns WSLINE_ERR_NO_MEMORY and, unless a function says
 * otherwise, has changed nothing; a receive that runs out of memory ends the connection. Error
 * messages are truncated after 1,000 bytes, log lines after 2,000.
 *
 * **Time.** Timeouts are int64_t milliseconds: 0 tries once without waiting, WSLINE_FOREVER never
 * times out, and WSLINE_DEFAULT_TIMEOUT uses the timeout of the connection, unless a function says
 * otherwise. A call that timed out leaves the connection usable and keeps the data that has
 * arrived. The exceptions are a connect, which must be made again, and wsline_conn_close() and a
 * send that has already sent part of a message, which both drop the connection.
 *
 * **Threads.** Any thread may call any wsline_conn function, except wsline_conn_free() while
 * another call on the connection is in progress. Only one thread at a time may receive; a second
 * one gets WSLINE_ERR_BUSY. wsline_conn_abort(), from any thread, ends every call that is waiting.
 * Any thread may call any wsline_app and wsline_loop function (for the `_free` functions see
 * there), but only one at a time may drive an app or a loop. Only one thread at a time may modify
 * an options object, and no other thread may use it meanwhile.
 *
 * **Signals.** After a signal handler has run, a wait continues for the remaining time; to make it
 * return WSLINE_ERR_INTERRUPTED instead, use wsline_options_set_interruptible(). A handler may call
 * wsline_conn_abort(), wsline_app_abort_from_signal() and wsline_loop_stop(), with a handle that is
 * not NULL and not being freed, and no other function of this library. The library installs no
 * handler, raises no SIGPIPE (it sends with MSG_NOSIGNAL, also under TLS), and the threads it
 * starts block all signals. If a thread is cancelled with pthread_cancel() inside a call of this
 * library, or inside a callback that this call runs, the cancellation stays pending until the call
 * has returned.
 *
 * **Callbacks.** Callbacks of apps and loops run on the thread that drives them, one at a time,
 * never under a lock of the library, and never inside a call other than the one that drives. They
 * may call any function, including the `_free` function of their own object. Data lent to a
 * callback is valid until the callback returns. A callback must return: a C++ exception that leaves
 * it, or pthread_exit(), ends the program with a line on standard error that names the callback;
 * leaving it with longjmp() is undefined behavior.
 *
 * **fork().** A child process may use objects that it creates itself, and options. In the child,
 * calls on any other object made before fork(), or with options whose cookie jar was made before
 * fork(), return WSLINE_ERR_WRONG_STATE; a function that returns no status returns what it returns
 * for NULL. Freeing such an object in the child, or exiting without freeing it, does not affect the
 * parent: nothing is sent, and no callback and no `userdata_free` is called. Freeing closes the
 * connection's descriptor in the child; the memory stays in use until the child ends or calls exec.
 * Logging continues. A child forked inside a callback should call exec or _exit() there; if the
 * callback returns in the child, the function that drives the app or loop returns
 * WSLINE_ERR_WRONG_STATE there. _Fork() and clone() are not detected. If other threads are looking
 * up names or using TLS during fork(), a lock of the C library or of OpenSSL may stay held in the
 * child; a connect in the child may then run into its timeout, or never return. Fork before those
 * threads start, or call exec.
 *
 * **Structs.** The caller allocates the structs that the library fills. Their size stays the same
 * within a major version: new fields take the place of `reserved` ones, and a value of 0 in a new
 * field means unknown. In a struct that you pass in, `reserved` fields must be 0. Only a
 * wsline_event, which the library allocates, grows at its end; its `size` says how much is filled.
 *
 * **Reading on.** Each function documents which threads may call it, whether it blocks, and the
 * version it appeared in, or in which its name or parameters last changed. What most functions of a
 * section share is said once, below the title of the section. A function may be called in callbacks
 * unless "In callbacks" says otherwise.
 *
 * Generated from src/ffi by build.rs: changes made here are lost.
 */
#ifndef WSLINE_H
#define WSLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Version of this header ------------------------------------------------------------------- */

#define WSLINE_VERSION_MAJOR 0
#define WSLINE_VERSION_MINOR 2
#define WSLINE_VERSION_PATCH 0
#define WSLINE_VERSION_STRING "0.2.0"
/** The version as a number to compare; wsline_version_number() returns that of the loaded library. */
#define WSLINE_VERSION_NUMBER \
    ((WSLINE_VERSION_MAJOR << 16) | (WSLINE_VERSION_MINOR << 8) | WSLINE_VERSION_PATCH)

/* --- Function attributes ---------------------------------------------------------------------- */

/** Prefix of every exported function. */
#ifndef WSLINE_API
#  define WSLINE_API
#endif

/** The result must be checked; ignoring it leaks. */
#ifdef __GNUC__
#  define WSLINE_NODISCARD __attribute__((warn_unused_result))
#else
#  define WSLINE_NODISCARD
#endif

/* --- Constants -------------------------------------------------------------------------------- */

/** As the length of a payload: the payload is a NUL-terminated C string. */
#define WSLINE_NUL_TERMINATED SIZE_MAX

/** A timeout that never expires. */
#define WSLINE_FOREVER (-INT64_C(1))

/**
 * Use the timeout of the connection or, if that is not set, of the process, unless a function gives
 * it another meaning.
 */
#define WSLINE_DEFAULT_TIMEOUT (-INT64_C(2))

/** Flag to combine with an opcode by `|`: do not compress the message. */
#define WSLINE_SEND_UNCOMPRESSED 256

/** The server may mask its frames (RFC 6455 section 5.1 forbids it). */
#define WSLINE_LENIENT_MASKED_FRAMES 1u

/** The response to the upgrade may be HTTP/1.0 (section 4.1 requires HTTP/1.1). */
#define WSLINE_LENIENT_HTTP_1_0 2u

/**
 * The server may choose a subprotocol that was not offered, or that differs in case (section 4.1).
 */
#define WSLINE_LENIENT_SUBPROTOCOL 4u

/** The server may name an extension that was not offered (section 9.1); it is ignored. */
#define WSLINE_LENIENT_EXTENSIONS 8u

/** The length of a frame may be longer than its shortest form (section 5.2). */
#define WSLINE_LENIENT_LENGTHS 16u

/** The URL may have a fragment (section 3); it is not sent. */
#define WSLINE_LENIENT_URL_FRAGMENT 32u

/** Returned by the functions of a transport: nothing can be read or written now. */
#define WSLINE_TRANSPORT_NOT_READY (-1)

/** Returned by the functions of a transport: it has failed. */
#define WSLINE_TRANSPORT_FAILED (-2)

/** Flag for a wsline_transport_wait_fn: wait until something can be read. */
#define WSLINE_TRANSPORT_READABLE 1u

/** Flag for a wsline_transport_wait_fn: wait until something can be written. */
#define WSLINE_TRANSPORT_WRITABLE 2u

/** Flag of a wsline_message: this is the beginning of the message. */
#define WSLINE_MESSAGE_FIRST 1u

/** Flag of a wsline_message: this is the end of the message. A whole message has both flags. */
#define WSLINE_MESSAGE_LAST 2u

/**
 * Flag of a wsline_message: another whole message has already arrived, so the next receive does not
 * wait.
 *
 * Only the next receive finds out whether that message is valid, for example whether it can be
 * inflated and is UTF-8, and with WSLINE_INFLATE_STREAM whether it is continued. Control frames do
 * not count: to find out whether a ping, a pong or the close frame has arrived after this message,
 * call wsline_conn_recv_event() with a timeout of 0, whether or not this flag is set.
 */
#define WSLINE_MESSAGE_MORE 4u

/**
 * Flag of a wsline_message: the server itself had compressed the message, and it was inflated, see
 * wsline_options_set_inflate_messages().
 *
 * A fragment or part that is so short that it does not yet show the format lacks the flag.
 */
#define WSLINE_MESSAGE_INFLATED 8u

/* --- Types ------------------------------------------------------------------------------------ */

/**
 * The result of every call that can fail: 0 is success, errors are negative.
 *
 * Statuses in the same hundred, such as -500 to -599, belong together. Numbers are never reused.
 */
typedef enum wsline_status {
    /** Done. */
    WSLINE_OK = 0,
    /** An argument is invalid; the error message names it and says why. */
    WSLINE_ERR_INVALID_ARGUMENT = -100,
    /**
     * Not possible in the current state, for example a send before the connect, or the use of an
     * object from before fork() in the child process.
     */
    WSLINE_ERR_WRONG_STATE = -101,
    /**
     * The operation is already in progress, for example on another thread, or a fragmented message
     * has not been finished.
     */
    WSLINE_ERR_BUSY = -102,
    /** This build or this system cannot do it. */
    WSLINE_ERR_NOT_SUPPORTED = -103,
    /**
     * The call timed out. The connection can still be used, except after wsline_conn_connect()
     * (connect again) and wsline_conn_close() (it was dropped). If an app ends with this status,
     * its connect or its close timed out.
     */
    WSLINE_ERR_TIMEOUT = -200,
    /**
     * The server did not answer a ping in time, and the connection was dropped; see
     * wsline_options_set_ping().
     */
    WSLINE_ERR_PONG_TIMEOUT = -201,
    /**
     * The send queue of an app is full, or wsline_frame_decode() needs more bytes. (A receive with
     * a timeout of 0 returns WSLINE_ERR_TIMEOUT.)
     */
    WSLINE_ERR_WOULD_BLOCK = -202,
    /**
     * A signal handler ran during a wait; the connection is as it was. See
     * wsline_options_set_interruptible().
     */
    WSLINE_ERR_INTERRUPTED = -203,
    /** The URL is not a valid WebSocket URL (`ws://`, `wss://` or `ws+unix://`). */
    WSLINE_ERR_INVALID_URL = -300,
    /** The host name could not be resolved. */
    WSLINE_ERR_RESOLVE = -301,
    /** No address of the host accepted a connection. */
    WSLINE_ERR_CONNECT = -302,
    /** A system call failed; see `os_errno`. */
    WSLINE_ERR_IO = -303,
    /**
     * The proxy rejected the connection or sent an invalid response, or the environment names an
     * invalid proxy. For an HTTP proxy, `http_status` is the status of its response.
     */
    WSLINE_ERR_PROXY = -400,
    /** The proxy requires credentials, or rejected those supplied. */
    WSLINE_ERR_PROXY_AUTH = -401,
    /** TLS failed, for example because the server does not speak it. */
    WSLINE_ERR_TLS = -500,
    /** The server's certificate was rejected; see `tls_verify_result`. */
    WSLINE_ERR_TLS_VERIFY = -501,
    /**
     * The TLS options cannot be used, for example because a file cannot be read or a password is
     * wrong.
     */
    WSLINE_ERR_TLS_CONFIG = -502,
    /**
     * The server answered the upgrade request with a status other than 101; see
     * wsline_conn_http_status().
     */
    WSLINE_ERR_HTTP_STATUS = -600,
    /**
     * The server's response to the upgrade request violates RFC 6455 or HTTP, or does not agree to
     * compression parameters that the options require; the error message names the header.
     */
    WSLINE_ERR_BAD_UPGRADE = -601,
    /**
     * The server redirected more often than wsline_options_set_max_redirects() allows; the error
     * message lists the URLs.
     */
    WSLINE_ERR_TOO_MANY_REDIRECTS = -602,
    /**
     * The server violated RFC 6455; a close frame with code 1002 was sent, and the connection has
     * ended. Also returned by wsline_frame_decode(), which concerns no connection.
     */
    WSLINE_ERR_PROTOCOL = -700,
    /**
     * The server sent text that is not UTF-8, or a compressed message that cannot be inflated; a
     * close frame with code 1007 was sent and the connection has ended.
     */
    WSLINE_ERR_INVALID_PAYLOAD = -701,
    /**
     * The server sent more than a limit allows; a close frame with code 1009 was sent and the
     * connection has ended.
     */
    WSLINE_ERR_MESSAGE_TOO_BIG = -702,
    /**
     * The connection was closed by either side, or by wsline_conn_shutdown(); see
     * wsline_conn_close_info().
     */
    WSLINE_ERR_CLOSED = -800,
    /** The transport ended without a closing handshake. */
    WSLINE_ERR_CONNECTION_LOST = -801,
    /**
     * The connection or app was aborted, for example by wsline_conn_abort(), wsline_app_abort() or
     * wsline_loop_remove().
     */
    WSLINE_ERR_ABORTED = -802,
    /** There is not enough memory. */
    WSLINE_ERR_NO_MEMORY = -900,
    /**
     * There is a bug in wsline, the system has no random bytes, or the function set with
     * wsline_options_set_mask_key_fn() failed. Free the object.
     */
    WSLINE_ERR_INTERNAL = -901
} wsline_status;

/** The meaning of a frame (RFC 6455 section 5.2). */
typedef enum wsline_opcode {
    /** A further fragment of a message. */
    WSLINE_OPCODE_CONTINUATION = 0,
    /** UTF-8 text. */
    WSLINE_OPCODE_TEXT = 1,
    /** Any bytes. */
    WSLINE_OPCODE_BINARY = 2,
    /** Ends the connection: no payload, or a code in two bytes and a reason. */
    WSLINE_OPCODE_CLOSE = 8,
    /** Asks for a pong. */
    WSLINE_OPCODE_PING = 9,
    /** The answer to a ping, with the payload of the ping. */
    WSLINE_OPCODE_PONG = 10
} wsline_opcode;

/**
 * Why a connection is closed (RFC 6455 section 7.4.1 and the IANA registry). Applications use 3000
 * to 4999.
 */
typedef enum wsline_close_code {
    /** Normal closure. */
    WSLINE_CLOSE_NORMAL = 1000,
    /** The endpoint is going away, for example a server shutdown. */
    WSLINE_CLOSE_GOING_AWAY = 1001,
    /** The peer violated the protocol. */
    WSLINE_CLOSE_PROTOCOL_ERROR = 1002,
    /** Data of a kind that cannot be accepted. */
    WSLINE_CLOSE_UNSUPPORTED_DATA = 1003,
    /** Only reported: the close frame had no code. */
    WSLINE_CLOSE_NO_STATUS = 1005,
    /** Only reported: there was no close frame. */
    WSLINE_CLOSE_ABNORMAL = 1006,
    /** Data that does not match its type, for example text that is not UTF-8. */
    WSLINE_CLOSE_INVALID_PAYLOAD = 1007,
    /** A message that violates a policy of the application. */
    WSLINE_CLOSE_POLICY_VIOLATION = 1008,
    /** A message that is too big. */
    WSLINE_CLOSE_MESSAGE_TOO_BIG = 1009,
    /** The server did not accept an extension that the client needs. */
    WSLINE_CLOSE_MANDATORY_EXTENSION = 1010,
    /** The server met an unexpected condition. */
    WSLINE_CLOSE_INTERNAL_ERROR = 1011,
    /** The server is restarting. */
    WSLINE_CLOSE_SERVICE_RESTART = 1012,
    /** The server is overloaded. */
    WSLINE_CLOSE_TRY_AGAIN_LATER = 1013,
    /** A gateway received an invalid response from the server behind it. */
    WSLINE_CLOSE_BAD_GATEWAY = 1014,
    /** Only reported: TLS failed. */
    WSLINE_CLOSE_TLS_HANDSHAKE = 1015
} wsline_close_code;

/** What a connection was doing when it failed. */
typedef enum wsline_phase {
    /** None of the following, for example because an argument was rejected. */
    WSLINE_PHASE_NONE = 0,
    /** Looking up the host name. */
    WSLINE_PHASE_RESOLVE = 1,
    /** Connecting to an address. */
    WSLINE_PHASE_CONNECT = 2,
    /** Talking to a proxy. */
    WSLINE_PHASE_PROXY = 3,
    /** The TLS handshake. */
    WSLINE_PHASE_TLS = 4,
    /** The HTTP request and the response. */
    WSLINE_PHASE_UPGRADE = 5,
    /** Sending and receiving. */
    WSLINE_PHASE_OPEN = 6,
    /** The closing handshake. */
    WSLINE_PHASE_CLOSE = 7
} wsline_phase;

/** How much is logged; each level includes those before. */
typedef enum wsline_log_level {
    /** Nothing. */
    WSLINE_LOG_OFF = 0,
    /** Connects that failed. */
    WSLINE_LOG_ERROR = 1,
    /** Open connections that failed, and mistakes in the environment's no_proxy. */
    WSLINE_LOG_WARN = 2,
    /** Connections that open, and those that this side drops. */
    WSLINE_LOG_INFO = 3,
    /**
     * The steps of a connect: proxies, what TLS negotiated, redirects, cookies that were rejected.
     */
    WSLINE_LOG_DEBUG = 4,
    /** The headers of requests and responses, and every frame. */
    WSLINE_LOG_TRACE = 5
} wsline_log_level;

/** One end of a connection. */
typedef enum wsline_side {
    /** Neither: the connection is open. */
    WSLINE_SIDE_NONE = 0,
    /** This program. */
    WSLINE_SIDE_CLIENT = 1,
    /** The peer. */
    WSLINE_SIDE_SERVER = 2
} wsline_side;

/** A version of TLS. */
typedef enum wsline_tls_version {
    /** The default: the oldest is TLS 1.2, the newest is what the TLS library knows. */
    WSLINE_TLS_DEFAULT = 0,
    /** TLS 1.0 (1999). */
    WSLINE_TLS_1_0 = 10,
    /** TLS 1.1 (2006). */
    WSLINE_TLS_1_1 = 11,
    /** TLS 1.2 (2008). */
    WSLINE_TLS_1_2 = 12,
    /** TLS 1.3 (2018). */
    WSLINE_TLS_1_3 = 13
} wsline_tls_version;

/** The protocol of a proxy. */
typedef enum wsline_proxy_type {
    /**
     * No proxy set here; one named by the environment is used, unless
     * wsline_options_set_proxy_from_environment() disables that.
     */
    WSLINE_PROXY_NONE = 0,
    /** HTTP CONNECT. */
    WSLINE_PROXY_HTTP = 1,
    /** HTTP CONNECT, over TLS. */
    WSLINE_PROXY_HTTPS = 2,
    /** SOCKS4, for IPv4 only; the host name is looked up locally. */
    WSLINE_PROXY_SOCKS4 = 3,
    /** SOCKS4a; the proxy looks up the host name. */
    WSLINE_PROXY_SOCKS4A = 4,
    /** SOCKS5 (RFC 1928); the host name is looked up locally. */
    WSLINE_PROXY_SOCKS5 = 5,
    /** SOCKS5; the proxy looks up the host name. */
    WSLINE_PROXY_SOCKS5H = 6
} wsline_proxy_type;

/** A family of addresses. */
typedef enum wsline_address_family {
    /** Either. */
    WSLINE_ADDRESS_ANY = 0,
    /** IPv4 only. */
    WSLINE_ADDRESS_IPV4 = 4,
    /** IPv6 only. */
    WSLINE_ADDRESS_IPV6 = 6
} wsline_address_family;

/** What an app does when it is about to connect, see wsline_app_on_connecting(). */
typedef enum wsline_connect_decision {
    /** Connect now. */
    WSLINE_CONNECT_NOW = 0,
    /** Ask again after wsline_app_proceed(). */
    WSLINE_CONNECT_LATER = 1,
    /**
     * Do not connect: the app ends, with the failure before this attempt or, if there was none,
     * with WSLINE_ERR_ABORTED. Any other number means the same.
     */
    WSLINE_CONNECT_GIVE_UP = 2
} wsline_connect_decision;

/**
 * How a server compresses its binary messages without an extension, see
 * wsline_options_set_inflate_messages().
 */
typedef enum wsline_inflate {
    /** Not at all: messages are delivered as received. */
    WSLINE_INFLATE_NONE = 0,
    /** Each as gzip or zlib, or not at all; the first bytes of a message show it. */
    WSLINE_INFLATE_AUTO = 1,
    /** Each as gzip (RFC 1952) or not at all; gzip begins with the bytes 1f 8b 08. */
    WSLINE_INFLATE_GZIP = 2,
    /**
     * Each as zlib (RFC 1950) or not at all; zlib begins with two bytes such as 78 9c, which are a
     * multiple of 31.
     */
    WSLINE_INFLATE_ZLIB = 3,
    /** Every one as raw DEFLATE (RFC 1951), which no bytes mark. */
    WSLINE_INFLATE_RAW = 4,
    /**
     * All of them as one zlib stream, which is flushed at the end of each (the "zlib-stream" of
     * Discord).
     */
    WSLINE_INFLATE_STREAM = 5
} wsline_inflate;

/** What has happened, see wsline_event. */
typedef enum wsline_event_kind {
    /**
     * An attempt to connect begins, or continues after a redirect: `url`. WSLINE_EVENT_OPEN or
     * WSLINE_EVENT_CONNECT_FAILED follows, unless the app is freed before.
     */
    WSLINE_EVENT_CONNECTING = 1,
    /** An address of the server or of the proxy is being tried: `address`. */
    WSLINE_EVENT_ADDRESS = 2,
    /** An address has failed: `address`, `error`. Others may still be tried. */
    WSLINE_EVENT_ADDRESS_FAILED = 3,
    /** The connection is open: `address`, `timings`. */
    WSLINE_EVENT_OPEN = 4,
    /**
     * The attempt has failed, or was aborted: `error`, `timings`. Always follows
     * WSLINE_EVENT_CONNECTING: what fails before, such as an invalid URL, causes no event.
     */
    WSLINE_EVENT_CONNECT_FAILED = 5,
    /**
     * A ping was sent: by wsline_conn_ping(), or by an app because of wsline_options_set_ping();
     * those of wsline_app_ping() are not reported. Another thread that receives may report the pong
     * before.
     */
    WSLINE_EVENT_PING = 6,
    /**
     * A pong has arrived: `rtt_ns`. Meanwhile the call that receives it is in progress, so that
     * another receive on the connection returns WSLINE_ERR_BUSY.
     */
    WSLINE_EVENT_PONG = 7,
    /**
     * The connection has ended: `address`, `close_info`, and `error` unless there was a complete
     * closing handshake. Comes once after WSLINE_EVENT_OPEN: for a connection in the call that
     * notices the end, at the latest in wsline_conn_free(); for an app before on_error and
     * on_close, or in wsline_loop_free(), but not if the app was freed. After
     * wsline_conn_shutdown() it waits for a receive that finds nothing more, after
     * wsline_conn_recv_frame() has returned the server's close frame for this side's.
     */
    WSLINE_EVENT_CLOSED = 8,
    /**
     * The app waits before its next attempt: `delay_ms`; `attempt` and `reconnects` are those of
     * that attempt.
     */
    WSLINE_EVENT_WAITING = 9
} wsline_event_kind;

/**
 * A client with callbacks: it calls your functions with what arrives and, if enabled, sends pings
 * and reconnects.
 *
 * Created by wsline_app_new(), freed by wsline_app_free(). One thread drives it, that is, connects,
 * receives and calls its callbacks: the thread that calls wsline_app_run(), a thread of the app's
 * own after wsline_app_start(), or the thread that drives the wsline_loop to which the app was
 * added. All callbacks run on that thread, one at a time, never under a lock of the library, and
 * never inside a call other than the one that drives the app. They may call any function, including
 * wsline_app_free(). Any thread may send, close, and query the app.
 */
typedef struct wsline_app wsline_app;

/**
 * One connection to a server.
 *
 * Created by wsline_connect() or wsline_conn_new(), freed by wsline_conn_free(). Any thread may
 * call any function on it, but wsline_conn_free() only while no other thread uses it. Any number of
 * threads may send at once, one at a time may receive, and any may close or abort. It keeps a copy
 * of what it needs from its options.
 */
typedef struct wsline_conn wsline_conn;

/**
 * A store for the cookies that servers set, which are sent back to those servers.
 *
 * Created by wsline_cookie_jar_new(), given to connections by wsline_options_set_cookie_jar(),
 * freed by wsline_cookie_jar_free(). Any number of threads, options objects and connections may use
 * it at once.
 *
 * Cookies are stored and sent by the rules of RFC 6265, with `ws` for `http` and `wss` for `https`:
 * only to the host or the domain that set them, never for a whole public suffix such as `co.uk`,
 * only below their path, until they expire, and only over `wss` if they are Secure. A jar holds
 * 3,000 cookies, 50 for each domain; beyond that it discards the cookies that have gone unsent the
 * longest, those without Secure first. It exists only in memory.
 */
typedef struct wsline_cookie_jar wsline_cookie_jar;

/**
 * The lookup of a name by a wsline_resolver_fn.
 *
 * It ends with exactly one call of wsline_lookup_finish(), wsline_lookup_fail() or
 * wsline_lookup_by_system(), on any thread, which frees it.
 */
typedef struct wsline_lookup wsline_lookup;

/**
 * Drives any number of apps on one thread.
 *
 * Created by wsline_loop_new(), freed by wsline_loop_free(). One thread at a time drives it, with
 * wsline_loop_run() or wsline_loop_run_once(); a second one gets WSLINE_ERR_BUSY. Any thread may
 * call any other function, but wsline_loop_free() only while no other thread uses the loop. Another
 * event loop can watch the whole loop through one descriptor; see wsline_loop_fd().
 */
typedef struct wsline_loop wsline_loop;

/**
 * Settings for connections, copied when a connection or an app is created.
 *
 * Created by wsline_options_new() or wsline_options_clone(), freed by wsline_options_free() at any
 * time: existing connections no longer need it. One thread at a time may modify it; any number may
 * use it while no thread modifies it. Connections created from one options object share its TLS
 * context, so use one object for many connections.
 */
typedef struct wsline_options wsline_options;

/**
 * A message to send to many connections, or many times.
 *
 * Created by wsline_prepared_new(), sent by wsline_conn_send_prepared() and
 * wsline_app_send_prepared(), freed by wsline_prepared_free(). The message is copied and checked
 * once, and compressed once for each level and window size in use; only masking is repeated,
 * because each frame needs its own key (RFC 6455 section 5.3). Any number of threads and
 * connections may use it at once.
 */
typedef struct wsline_prepared wsline_prepared;

/**
 * Carries bytes to and from a server with functions of yours instead of a socket: the TLS object of
 * a host language, a channel of an SSH library, a serial line.
 *
 * Created by wsline_transport_new(), given to a connection by wsline_options_set_transport(), freed
 * by wsline_transport_free(). A transport serves one connection.
 */
typedef struct wsline_transport wsline_transport;

/**
 * A parsed URL.
 *
 * Created by wsline_url_parse(), freed by wsline_url_free(). Any number of threads may read it.
 */
typedef struct wsline_url wsline_url;

/** Details of a failure. Filled in by the library. */
typedef struct wsline_error_info {
    /** The status of the call; WSLINE_OK if nothing has failed. */
    wsline_status status;
    /** A wsline_phase. */
    int32_t phase;
    /** The system's `errno`, or 0. */
    int32_t os_errno;
    /**
     * The HTTP status of the server's response to the upgrade request or, after WSLINE_ERR_PROXY or
     * WSLINE_ERR_PROXY_AUTH, of the proxy's response; 0 if there was none.
     */
    int32_t http_status;
    /**
     * OpenSSL's X509_V_ERR_… number if the certificate was rejected, or 0. AWS-LC uses the same
     * numbers.
     */
    int64_t tls_verify_result;
    /** The code of the close frame that ended the connection, received or sent, or 0. */
    int32_t close_code;
    /** The error message, one line as returned by wsline_last_error_message(); never NULL. */
    const char *message;
    /**
     * Milliseconds until the app reconnects; -1 if it does not reconnect, or if the failure is not
     * one of an app's connection.
     */
    int64_t retry_in_ms;
    /** Reserved for future fields; 0. */
    uint64_t reserved[3];
} wsline_error_info;

/**
 * Receives one line of the log.
 *
 * Runs on the thread that produces the line, inside the call that this thread is making; it must be
 * quick and must not call the library.
 */
typedef void (*wsline_log_fn)(int32_t level, const char *message, void *userdata);

/** Frees the `userdata` of a callback; runs exactly once, on any thread. */
typedef void (*wsline_free_fn)(void *userdata);

/**
 * Begins to look up the addresses of `host`.
 *
 * Runs on the connecting thread; for an app on the driving thread. It must not block: end the
 * lookup before it returns, if the addresses are known, or later on any thread. `host` is lent
 * until it returns; `port` is needed only by those who look up services.
 */
typedef void (*wsline_resolver_fn)(wsline_lookup *lookup, const char *host, int32_t port,
                                   void *userdata);

/**
 * Supplies the masking key of a frame, four bytes, for tests that need reproducible output.
 *
 * Runs on the sending thread, before each frame; if it returns anything but WSLINE_OK, the send
 * fails with WSLINE_ERR_INTERNAL. It must not call the library.
 */
typedef int32_t (*wsline_mask_key_fn)(uint8_t *key_out, void *userdata);

/**
 * How long the parts of a connect took. Filled in by the library.
 *
 * All times are nanoseconds of a monotonic clock. Each part is a duration, not a moment:
 * `redirects_ns`, `lookup_ns`, `connect_ns`, `proxy_ns`, `tls_ns` and `upgrade_ns` add up to
 * `total_ns`. A part ends when the bytes arrive that end it; what this side computes afterwards
 * counts for the next part. A part that did not happen, or needed no waiting, is 0. After a
 * redirect the fields describe the connect to the last server, and `redirects_ns` all before it.
 */
typedef struct wsline_timings {
    /** From the beginning to the last redirect; 0 if there was none. */
    uint64_t redirects_ns;
    /**
     * Looking up names: of the server, of the proxy, and of the target of a proxy that accepts only
     * addresses. 0 for an address in the URL, `localhost`, a name that wsline_options_add_resolve()
     * knows, a Unix-domain socket, or your own socket.
     */
    uint64_t lookup_ns;
    /**
     * Connecting to the server or to the proxy, trying all addresses in turn; 0 for your own
     * socket, usually also for a Unix-domain socket.
     */
    uint64_t connect_ns;
    /** The exchange with the proxy, including TLS with it; 0 without a proxy. */
    uint64_t proxy_ns;
    /** The TLS handshake with the server; 0 for `ws://`. */
    uint64_t tls_ns;
    /**
     * From sending the request to the end of the response; 0 after wsline_options_set_upgraded().
     */
    uint64_t upgrade_ns;
    /**
     * From the beginning of the connect, including redirects, to the first byte of the last
     * server's response; 0 if none has arrived.
     */
    uint64_t first_byte_ns;
    /** From the beginning to the end of the connect or, while it is in progress, until now. */
    uint64_t total_ns;
    /**
     * Addresses of the server or of the proxy to which connecting has begun; 0 for your own socket.
     */
    uint32_t addresses_tried;
    /** Redirects that were followed. */
    uint32_t redirects;
    /**
     * A wsline_phase: that in progress; after a failure, that of the failure; WSLINE_PHASE_OPEN
     * after success.
     */
    int32_t phase;
    /** The connect has ended, successfully or not. */
    bool finished;
    /** Reserved for future fields; 0. */
    uint64_t reserved[4];
} wsline_timings;

/** Counters of a connection. Filled in by the library. */
typedef struct wsline_stats {
    /** Whole messages that were sent, including those still corked or queued. */
    uint64_t messages_sent;
    /** Whole messages that were received. */
    uint64_t messages_received;
    /** Frames that were sent, including pongs and close frames that the library sent itself. */
    uint64_t frames_sent;
    /** Frames that were received. */
    uint64_t frames_received;
    /** Bytes written to the socket since the connect began. */
    uint64_t bytes_sent;
    /** Bytes read from the socket since the connect began. */
    uint64_t bytes_received;
    /** Reserved for future fields; 0. */
    uint64_t reserved[6];
} wsline_stats;

/** How a connection ended. Filled in by the library. */
typedef struct wsline_close_info {
    /**
     * The code in the server's close frame; WSLINE_CLOSE_NO_STATUS if it had none,
     * WSLINE_CLOSE_ABNORMAL if there was no close frame, 0 while the connection has not ended.
     */
    int32_t code;
    /**
     * A wsline_side: the side that ended the connection first, by a close frame or by dropping the
     * connection. This is the client if it rejected what the server sent.
     */
    int32_t closed_by;
    /** Both sides have sent a close frame. */
    bool clean;
    /**
     * The reason in the server's close frame: UTF-8 followed by a NUL, never NULL. Lent until the
     * connection is freed; in a callback of an app, until it returns.
     */
    const char *reason;
    /** Bytes in `reason`, without the NUL. */
    size_t reason_len;
    /**
     * Messages in the send queue of an app that the system had not accepted, or had accepted only
     * in part, and that are not kept for the next connection; 0 for a wsline_conn.
     */
    uint64_t unsent_messages;
    /** Bytes of these messages, and of other frames in the queue; 0 for a wsline_conn. */
    uint64_t unsent_bytes;
    /** Reserved for future fields; 0. */
    uint64_t reserved[2];
} wsline_close_info;

/**
 * Something that has happened to a connection or an app. Allocated and filled in by the library.
 *
 * All pointers are lent until the callback returns. Those that do not apply are NULL.
 */
typedef struct wsline_event {
    /**
     * Bytes of this struct. Later versions of the library add fields at its end: a program that may
     * run with an older library than its header checks that a field lies within `size`.
     */
    size_t size;
    /** A wsline_event_kind. Ignore numbers that you do not know. */
    int32_t kind;
    /**
     * The connection; NULL for an app. During wsline_connect() it is the one that the call will
     * return or, if it fails, will free.
     */
    wsline_conn *conn;
    /** The app; NULL for a connection. */
    wsline_app *app;
    /**
     * The attempt to connect, or the attempt that has opened the connection: for an app, 1 for the
     * first since it was connected; for a connection always 1.
     */
    uint64_t attempt;
    /** How often the app had been connected before that attempt; 0 for a connection. */
    uint64_t reconnects;
    /** The URL without user, password and query; long paths are truncated. */
    const char *url;
    /**
     * The address that is tried, for example "192.0.2.1:443", or the path of a Unix-domain socket.
     * From WSLINE_EVENT_OPEN to the WSLINE_EVENT_WAITING after the connection, that of the
     * connection; "" if it has none, as with a transport of yours.
     */
    const char *address;
    /** What has failed, and when the app reconnects. */
    const wsline_error_info *error;
    /** How long the parts of the connect took. */
    const wsline_timings *timings;
    /** The counters of the connection so far; never NULL. All are 0 before it is open. */
    const wsline_stats *stats;
    /** How the connection ended. */
    const wsline_close_info *close_info;
    /**
     * Nanoseconds from the last ping to this pong, which is its own; if several pings with the same
     * payload have not been answered, from the first of them; -1 otherwise.
     */
    int64_t rtt_ns;
    /** Milliseconds until the next attempt, 0 if it is made at once; -1 for other kinds. */
    int64_t delay_ms;
} wsline_event;

/**
 * Takes the events of all connections and apps with the same options.
 *
 * It runs inside the call that causes the event: on the thread that connects, receives, sends,
 * closes or frees the connection; for an app on the thread that drives it, or that frees its loop.
 * So it may run on several threads at once, and should be quick. It is not called in a child
 * process that inherited the object.
 *
 * For an app it may call any function. For a connection it may call those that read its state,
 * wsline_conn_poll_fd(), wsline_conn_abort(), wsline_conn_shutdown(), wsline_conn_cork(), and those
 * that send; but not wsline_conn_free(), wsline_conn_close(), or functions that receive, which
 * would wait for the call that the callback interrupts, or fail.
 */
typedef void (*wsline_event_fn)(const wsline_event *event, void *userdata);

/**
 * Reads up to `len` bytes into `data`, at least one, without waiting.
 *
 * Returns the number of bytes, 0 at the end of the stream, WSLINE_TRANSPORT_NOT_READY or
 * WSLINE_TRANSPORT_FAILED. Runs on the thread that connects, receives or closes; for an app on the
 * driving thread.
 */
typedef int64_t (*wsline_transport_read_fn)(void *data, size_t len, void *userdata);

/**
 * Writes some of the `len` bytes of `data`, at least one, without waiting.
 *
 * Returns the number of bytes, WSLINE_TRANSPORT_NOT_READY (0 means the same) or
 * WSLINE_TRANSPORT_FAILED. Runs on any thread that connects, sends, receives or closes.
 */
typedef int64_t (*wsline_transport_write_fn)(const void *data, size_t len, void *userdata);

/**
 * Waits until something can be read or written, whichever `events` names, at most `timeout_ms`
 * milliseconds.
 *
 * `events` has WSLINE_TRANSPORT_READABLE, WSLINE_TRANSPORT_WRITABLE or both; `timeout_ms` is 0 to
 * 100, because between two waits the library looks for an abort. Returns 1 when the transport is
 * ready, or may be; 0 when the time is up; WSLINE_TRANSPORT_FAILED. Runs on the threads of blocking
 * calls, never for an app.
 */
typedef int32_t (*wsline_transport_wait_fn)(uint32_t events, int64_t timeout_ms, void *userdata);

/** One frame (RFC 6455 section 5.2). */
typedef struct wsline_frame {
    /** 1: the last, or only, frame of its message. */
    uint8_t fin;
    /** The first reserved bit, 0 or 1. */
    uint8_t rsv1;
    /** The second reserved bit, 0 or 1. */
    uint8_t rsv2;
    /** The third reserved bit, 0 or 1. */
    uint8_t rsv3;
    /** A wsline_opcode; if `raw` is 1, also a reserved one, 3 to 7 or 11 to 15. */
    int32_t opcode;
    /** The payload. */
    const uint8_t *data;
    /** Bytes in `data`. */
    size_t len;
    /** 1: the payload is masked with `mask_key`. */
    uint8_t masked;
    /** The masking key; zero if `masked` is 0. */
    uint8_t mask_key[4];
    /**
     * 1: wsline_conn_send_frame() and wsline_frame_encode() accept the frame even if it violates
     * the protocol.
     */
    uint8_t raw;
    /** Reserved for future fields; 0. */
    uint8_t reserved0[2];
    /** Reserved for future fields; 0. */
    uint64_t reserved[2];
} wsline_frame;

/** A received message, a fragment or part of one, or a control frame. Filled in by the library. */
typedef struct wsline_message {
    /**
     * The payload, followed by a NUL. Lent: valid until the next receive on the connection or until
     * the connection is freed; in a callback, until the callback returns.
     */
    const uint8_t *data;
    /** Bytes in `data`, without the NUL. */
    size_t len;
    /** A wsline_opcode; that of the message, also for its later fragments and parts. */
    int32_t opcode;
    /** WSLINE_MESSAGE_FIRST, _LAST, _MORE and _INFLATED. Control frames have the first two. */
    uint32_t flags;
    /**
     * When the read that completed the message got its last bytes from the network, by the system's
     * clock: nanoseconds since 1970-01-01 00:00 UTC (CLOCK_REALTIME). 0 without
     * wsline_options_set_receive_timestamps(), which describes it.
     */
    uint64_t received_ns;
    /** Reserved for future fields; 0. */
    uint64_t reserved[1];
} wsline_message;

/**
 * What TLS negotiated. Filled in by the library; the strings are never NULL and are lent until the
 * connection is freed or, for an app, as wsline_app_tls_info() says.
 */
typedef struct wsline_tls_info {
    /** For example "TLSv1.3". */
    const char *version;
    /** For example "TLS_AES_256_GCM_SHA384". */
    const char *cipher;
    /** The protocol that the server chose (ALPN), for example "http/1.1"; "" if it chose none. */
    const char *alpn;
    /** The server's certificate in PEM, without the rest of its chain. */
    const char *peer_certificate_pem;
    /** The handshake resumed a session of an earlier connection with the same options. */
    bool resumed;
    /** Reserved for future fields; 0. */
    uint64_t reserved[4];
} wsline_tls_info;

/** Called by an app for an event without data: on_open, on_reconnect, on_drain. */
typedef void (*wsline_app_fn)(wsline_app *app, void *userdata);

/** Called by an app with what it has received; `message` is lent until the function returns. */
typedef void (*wsline_message_fn)(wsline_app *app, const wsline_message *message, void *userdata);

/** Called by an app with several messages at once; all are lent until the function returns. */
typedef void (*wsline_messages_fn)(wsline_app *app, const wsline_message *messages, size_t count,
                                   void *userdata);

/** Called by an app with the details of a failure; `info` is lent until the function returns. */
typedef void (*wsline_error_fn)(wsline_app *app, const wsline_error_info *info, void *userdata);

/** Called by an app with how a connection has ended; `info` is lent until the function returns. */
typedef void (*wsline_close_fn)(wsline_app *app, const wsline_close_info *info, void *userdata);

/** What is known before an attempt to connect. Filled in by the library. */
typedef struct wsline_attempt {
    /** 1 for the first attempt since the app was last connected. */
    uint64_t number;
    /** The URL that the app is going to connect to. */
    const char *url;
    /** The failure before this attempt; NULL if there was none. */
    const wsline_error_info *error;
    /** Reserved for future fields; 0. */
    uint64_t reserved[4];
} wsline_attempt;

/**
 * Called by an app before it connects; returns a wsline_connect_decision.
 *
 * `attempt` and `options` are lent until the function returns. `options` is a copy of the app's
 * options for this attempt alone: change it with any wsline_options function, but do not free it.
 */
typedef int32_t (*wsline_connecting_fn)(wsline_app *app, const wsline_attempt *attempt,
                                        wsline_options *options, void *userdata);

/** The callbacks of an app, see wsline_app_set_callbacks(). Each may be NULL. */
typedef struct wsline_app_callbacks {
    /** See wsline_app_on_connecting(). */
    wsline_connecting_fn on_connecting;
    /** See wsline_app_on_open(). */
    wsline_app_fn on_open;
    /** See wsline_app_on_reconnect(). */
    wsline_app_fn on_reconnect;
    /** See wsline_app_on_message(). */
    wsline_message_fn on_message;
    /** See wsline_app_on_messages(). */
    wsline_messages_fn on_messages;
    /** See wsline_app_on_data(). */
    wsline_message_fn on_data;
    /** See wsline_app_on_part(). */
    wsline_message_fn on_part;
    /** See wsline_app_on_ping(). */
    wsline_message_fn on_ping;
    /** See wsline_app_on_pong(). */
    wsline_message_fn on_pong;
    /** See wsline_app_on_drain(). */
    wsline_app_fn on_drain;
    /** See wsline_app_on_error(). */
    wsline_error_fn on_error;
    /** See wsline_app_on_close(). */
    wsline_close_fn on_close;
    /** Reserved for future callbacks; NULL. */
    const void *reserved[4];
} wsline_app_callbacks;

/** A function passed to wsline_loop_post(); called once, by the thread that drives the loop. */
typedef void (*wsline_post_fn)(wsline_loop *loop, void *userdata);

/* --- Errors ----------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Describes a status in a few words.
 *
 * To find out what went wrong in a particular call, use wsline_last_error_message().
 *
 * @param status  a wsline_status, or any other number.
 * @return        a static string, never NULL, which you must not free; "unknown status" for an
 *                unknown number.
 */
WSLINE_API const char *wsline_strerror(int32_t status);

/**
 * Returns the name of a status as in this header, for example "WSLINE_ERR_TIMEOUT".
 *
 * For logs and bindings; wsline_strerror() is for people.
 *
 * @param status  a wsline_status, or any other number.
 * @return        a static string, never NULL, which you must not free; "unknown status" for an
 *                unknown number.
 */
WSLINE_API const char *wsline_status_name(int32_t status);

/* --- Library ---------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Returns the version of the loaded library, for example "0.2.0".
 *
 * @return  a static string, never NULL, which you must not free.
 */
WSLINE_API const char *wsline_version(void);

/**
 * Returns the version of the loaded library as a number to compare with WSLINE_VERSION_NUMBER.
 *
 * @return  major << 16 | minor << 8 | patch.
 */
WSLINE_API uint32_t wsline_version_number(void);

/**
 * Returns whether this build of the library has a feature.
 *
 * A build uses either OpenSSL or AWS-LC for TLS. AWS-LC is part of the library and does not clash
 * with an OpenSSL in the same program. A build with AWS-LC supports the same options, except
 * wsline_options_set_tls_ssl_ctx(), but fewer ciphers and groups.
 *
 * @param name  "permessage-deflate" or "tls", which every build has, "tls-openssl" or "tls-aws-lc";
 *              for any other name the result is false.
 * @return      true if this build has the feature; false for NULL.
 */
WSLINE_API bool wsline_has_feature(const char *name);

/**
 * Sets the timeout of all connections of the process that have none of their own.
 *
 * @param timeout_ms  milliseconds, 0 or more, or WSLINE_FOREVER, the default.
 * @retval WSLINE_OK                    done; calls that are waiting are not affected.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `timeout_ms` is another negative number.
 *
 * See also: wsline_options_set_timeout_ms()
 */
WSLINE_API wsline_status wsline_set_default_timeout_ms(int64_t timeout_ms);

/**
 * Returns the timeout set by wsline_set_default_timeout_ms().
 *
 * @return  milliseconds, or WSLINE_FOREVER.
 *
 * Since: 0.2
 */
WSLINE_API int64_t wsline_default_timeout_ms(void);

/**
 * Describes the last failed call on this thread in one line.
 *
 * The line quotes the values that matter, but never a credential, and has no newline. Like `errno`,
 * it is not changed by calls that succeed.
 *
 * @return  a string, never NULL; "" if no call has failed. Valid until the next failure on this
 *          thread.
 *
 * Threads: any; each has its own.
 * See also: wsline_last_error()
 */
WSLINE_API const char *wsline_last_error_message(void);

/**
 * Gives the details of the last failed call on this thread.
 *
 * @param info_out  filled; `info_out->message` is valid until the next failure on this thread.
 * @retval WSLINE_OK                    filled; with status WSLINE_OK if none has failed.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `info_out` is NULL.
 *
 * Threads: any; each has its own.
 */
WSLINE_API wsline_status wsline_last_error(wsline_error_info *info_out);

/**
 * Gives the details of the last failed call on this connection, whichever thread made it.
 *
 * For callers that may change threads between two calls, as in Go.
 *
 * @param conn      a connection.
 * @param info_out  filled; `info_out->message` is valid until this thread's next call of this
 *                  function.
 * @retval WSLINE_OK                    filled; with status WSLINE_OK if no call has failed.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` or `info_out` is NULL.
 */
WSLINE_API wsline_status
wsline_conn_last_error(const wsline_conn *conn, wsline_error_info *info_out);

/* --- Log -------------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Blocks: no.
 * Since: 0.2
 */

/**
 * Sends log lines to a function.
 *
 * There is one log for the whole process; by default it is off. It never contains passwords of
 * proxies, or values of Authorization, Cookie and similar headers. At WSLINE_LOG_TRACE it contains
 * the path and query of the URL, all other headers, and the first 64 bytes of each payload,
 * escaped.
 *
 * @param level          a wsline_log_level: the most detailed level to log.
 * @param fn             called with each line; NULL turns the log off.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    done; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `level` is unknown.
 *
 * Threads: any. `fn` runs on the thread that produces the line, and may run on several threads at
 * once.
 * In callbacks: `fn` must not call the library.
 * See also: wsline_set_trace()
 */
WSLINE_API wsline_status
wsline_set_log(int32_t level, wsline_log_fn fn, void *userdata, wsline_free_fn userdata_free);

/**
 * Enables or disables a trace on standard error, which shows each step of a connect, the headers of
 * requests and responses, and every frame.
 *
 * The trace replaces the function set with wsline_set_log(). The trace never contains passwords of
 * proxies, or values of Authorization, Cookie and similar headers. It contains the path and query
 * of the URL, and the first 64 bytes of each payload, escaped.
 *
 * @param enable  true turns it on, false turns the log off.
 * @retval WSLINE_OK            done.
 * @retval WSLINE_ERR_INTERNAL  a bug in wsline.
 *
 * Threads: any.
 */
WSLINE_API wsline_status wsline_set_trace(bool enable);

/* --- Options ---------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Creates an options object with all settings at their defaults.
 *
 * @param options_out  set to the object; to NULL on failure.
 * @retval WSLINE_OK                    `*options_out` is yours.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options_out` is NULL.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
 *
 * Ownership: free it with wsline_options_free().
 * Threads: any.
 */
WSLINE_API WSLINE_NODISCARD wsline_status wsline_options_new(wsline_options **options_out);

/**
 * Frees an options object.
 *
 * @param options  the object; may be NULL. Connections created from it are not affected.
 *
 * Threads: any, while no other thread uses the object.
 */
WSLINE_API void wsline_options_free(wsline_options *options);

/**
 * Copies an options object.
 *
 * @param options      the object to copy.
 * @param options_out  set to the copy; to NULL on failure.
 * @retval WSLINE_OK                    `*options_out` is yours.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  an argument is NULL.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
 *
 * Ownership: free it with wsline_options_free().
 * Threads: any, while no other thread modifies `options`.
 */
WSLINE_API WSLINE_NODISCARD wsline_status
wsline_options_clone(const wsline_options *options, wsline_options **options_out);

/* --- Request options -------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: one at a time per object.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Adds a header to the request.
 *
 * Headers are sent in the order they were added, and may be repeated. Headers that the library
 * writes itself (Host, Connection, Upgrade, Origin, Cookie, Proxy-Authorization, Sec-WebSocket-...)
 * are rejected; most have a setter of their own.
 *
 * @param options  the options to modify.
 * @param name     an HTTP token, for example "Authorization".
 * @param value    the value, without control characters such as line breaks; may be "".
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, `name` is not a token or is a header that
 *                                      the library writes itself, or `value` contains a control
 *                                      character.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status
wsline_options_add_header(wsline_options *options, const char *name, const char *value);

/**
 * Sets a header from one line, and removes all headers of that name added before.
 *
 * Host, Origin, Cookie, Connection and Sec-WebSocket-Protocol go where their own setters would put
 * them, so a binding can pass its user's headers on; the names in Sec-WebSocket-Protocol replace
 * those added before.
 *
 * @param options  the options to modify.
 * @param line     "Name: value", without a line end.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, there is no colon, or
 *                                      wsline_options_add_header() or the header's own setter would
 *                                      reject the name or the value.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status wsline_options_set_header_line(wsline_options *options, const char *line);

/**
 * Removes all headers added or set with wsline_options_add_header() and
 * wsline_options_set_header_line().
 *
 * @param options  the options to modify.
 * @retval WSLINE_OK                    removed, if there were any.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_clear_headers(wsline_options *options);

/**
 * Sets the Cookie header.
 *
 * @param options  the options to modify.
 * @param cookie   "name=value; other=value"; NULL, the default, for none.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `cookie` has a control character.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status
wsline_options_set_cookie_header(wsline_options *options, const char *cookie);

/**
 * Sends a user name and password with the request (Basic authentication, RFC 7617).
 *
 * They take precedence over those in the URL, and replace a bearer token. An "Authorization" header
 * added with wsline_options_add_header() takes precedence over all of these. None of them is sent
 * to another origin after a redirect.
 *
 * @param options   the options to modify.
 * @param user      the user name, without a colon; never logged. NULL removes user and password.
 * @param password  the password; never logged. May be NULL.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `user` is NULL while `password` is not,
 *                                      `user` contains a colon, or either contains a control
 *                                      character.
 */
WSLINE_API wsline_status
wsline_options_set_basic_auth(wsline_options *options, const char *user, const char *password);

/**
 * Sends a bearer token with the request (RFC 6750).
 *
 * Replaces the user name and password of wsline_options_set_basic_auth(), and takes precedence over
 * those in the URL.
 *
 * @param options  the options to modify.
 * @param token    letters, digits and -._~+/=; never logged. NULL removes the token.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `token` is empty or has another
 *                                      character.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status
wsline_options_set_bearer_token(wsline_options *options, const char *token);

/**
 * Sets how many redirects (301, 302, 303, 307, 308) a connect follows.
 *
 * The target of a redirect may be a path alone, or a URL, with `http` and `https` accepted for `ws`
 * and `wss`. A redirect from `wss` to `ws` is never followed. Credentials, the Cookie header and
 * the Host header from these options are not sent to another origin (scheme, host and port). Other
 * headers and subprotocols are. The TLS options, including client certificate, server name and
 * pins, apply to every server.
 *
 * @param options  the options to modify.
 * @param limit    redirects of one connect; 3 by default. If it is 0, a redirect fails with
 *                 WSLINE_ERR_HTTP_STATUS.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_set_max_redirects(wsline_options *options, uint32_t limit);

/**
 * Sets the cookie jar from which cookies are sent, and in which cookies from servers are stored.
 *
 * In the Cookie header the jar's cookies come before those of wsline_options_set_cookie_header().
 *
 * @param options  the options to modify.
 * @param jar      the jar, which many options objects may share; NULL, the default, for none.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Ownership: the jar stays yours, and you may free it at any time; the options object and its
 * connections keep what they need.
 * See also: wsline_cookie_jar_new()
 */
WSLINE_API wsline_status
wsline_options_set_cookie_jar(wsline_options *options, wsline_cookie_jar *jar);

/**
 * Sets the Origin header; it is sent even if wsline_options_suppress_origin() was called before.
 *
 * @param options  the options to modify.
 * @param origin   for example "https://example.com"; NULL, the default, for the origin of a page on
 *                 the same server: `http://` for ws, `https://` for wss, the host, and the port if
 *                 it is not the default one of the scheme.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `origin` has a control character.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 *
 * See also: wsline_options_suppress_origin()
 * Since: 0.2
 */
WSLINE_API wsline_status
wsline_options_set_origin_header(wsline_options *options, const char *origin);

/**
 * Omits the Origin header, or restores the default one.
 *
 * @param options   the options to modify.
 * @param suppress  true: no Origin header is sent; false, the default: the default Origin header is
 *                  sent, and a value set earlier with wsline_options_set_origin_header() is
 *                  discarded.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * See also: wsline_options_set_origin_header()
 */
WSLINE_API wsline_status wsline_options_suppress_origin(wsline_options *options, bool suppress);

/**
 * Sets the Host header; it is sent even if wsline_options_suppress_host() was called before.
 *
 * The connection and TLS continue to use the URL's host.
 *
 * @param options  the options to modify.
 * @param host     a name, and a port where needed; NULL, the default, for the URL's.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `host` is empty or contains a space or
 *                                      a control character.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 *
 * See also: wsline_options_set_tls_server_name()
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_set_host_header(wsline_options *options, const char *host);

/**
 * Omits the Host header, or restores it.
 *
 * HTTP requires it; only for servers that reject it.
 *
 * @param options   the options to modify.
 * @param suppress  true: no Host header is sent; false, the default: it is sent.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * See also: wsline_options_set_host_header()
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_suppress_host(wsline_options *options, bool suppress);

/**
 * Sets the value of the Connection header.
 *
 * @param options  the options to modify.
 * @param value    for example "keep-alive, Upgrade"; NULL, the default, for "Upgrade".
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `value` has a control character or
 *                                      lacks the member "Upgrade".
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status
wsline_options_set_connection_header(wsline_options *options, const char *value);

/**
 * Offers a subprotocol; the server chooses one of those offered, or none.
 *
 * Offer the preferred one first. wsline_conn_subprotocol() returns the server's choice.
 *
 * @param options  the options to modify.
 * @param name     an HTTP token, for example "chat.v1"; = and / are accepted, too, because some
 *                 servers use them.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `name` contains another character or
 *                                      was already offered.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status wsline_options_add_subprotocol(wsline_options *options, const char *name);

/**
 * Removes all subprotocols added with wsline_options_add_subprotocol().
 *
 * @param options  the options to modify.
 * @retval WSLINE_OK                    removed, if there were any.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_clear_subprotocols(wsline_options *options);

/* --- Timeouts --------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: one at a time per object.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Sets the timeout of a connection: for each receive with WSLINE_DEFAULT_TIMEOUT, and for each send
 * and the connect, unless these have a timeout of their own.
 *
 * The default is WSLINE_DEFAULT_TIMEOUT, which here means the timeout of the process; see
 * wsline_set_default_timeout_ms().
 *
 * @param options     the options to modify.
 * @param timeout_ms  milliseconds, 0 or more, WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `timeout_ms` is another negative
 *                                      number.
 */
WSLINE_API wsline_status wsline_options_set_timeout_ms(wsline_options *options, int64_t timeout_ms);

/**
 * Sets the timeout of the whole connect: lookup, TCP, TLS and upgrade together, whether or not they
 * make progress.
 *
 * The default is WSLINE_DEFAULT_TIMEOUT, which here means the timeout of
 * wsline_options_set_timeout_ms() or, if that is not set, of the process; if neither is set, 30
 * seconds.
 *
 * @param options     the options to modify.
 * @param timeout_ms  milliseconds, 0 or more, WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `timeout_ms` is another negative
 *                                      number.
 */
WSLINE_API wsline_status
wsline_options_set_connect_timeout_ms(wsline_options *options, int64_t timeout_ms);

/**
 * Sets the timeout of each send; it covers the whole message, so a send to a server that reads too
 * slowly times out, too.
 *
 * If part of the message has been sent when the timeout expires, the connection ends, because
 * nothing can follow half a frame; so do not use a timeout of 0 for messages that the socket may
 * accept only in part. An app's sends never wait, so this timeout does not apply to them.
 *
 * The default is WSLINE_DEFAULT_TIMEOUT, which here means the timeout of
 * wsline_options_set_timeout_ms().
 *
 * @param options     the options to modify.
 * @param timeout_ms  milliseconds, 0 or more, WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `timeout_ms` is another negative
 *                                      number.
 */
WSLINE_API wsline_status
wsline_options_set_send_timeout_ms(wsline_options *options, int64_t timeout_ms);

/**
 * Sets the close timeout: how long a close may go without making progress, for apps and for
 * wsline_conn_close() with WSLINE_DEFAULT_TIMEOUT.
 *
 * A close frame cannot overtake data in flight, so the timeout restarts if bytes have arrived
 * meanwhile, or if the server's system has acknowledged more of what was sent before the close
 * frame. A close that makes progress still ends after 60 seconds, or after the timeout if that is
 * longer. Acknowledged bytes count as progress even if the server itself has not read them. The
 * default is WSLINE_DEFAULT_TIMEOUT, which here means 3 seconds.
 *
 * @param options     the options to modify.
 * @param timeout_ms  milliseconds; 0 does not wait for the server; WSLINE_FOREVER for no limit at
 *                    all, or WSLINE_DEFAULT_TIMEOUT.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `timeout_ms` is another negative
 *                                      number.
 */
WSLINE_API wsline_status
wsline_options_set_close_timeout_ms(wsline_options *options, int64_t timeout_ms);

/**
 * Makes a waiting call return after a signal handler has run; off by default.
 *
 * If enabled, wsline_connect(), wsline_conn_connect() and every receive, send and close return
 * WSLINE_ERR_INTERRUPTED if a signal handler ran on the waiting thread during the wait, whether or
 * not it was installed with SA_RESTART. If disabled, the wait continues for the remaining time.
 *
 * - A receive keeps the data that has arrived, and the next one continues.
 * - A send that returns WSLINE_ERR_INTERRUPTED has sent nothing of the message. If part of it was
 *   already sent, the send keeps a copy of the rest and returns WSLINE_OK at once, although the
 *   system has not accepted all of the data; the next send, receive or close on the connection
 *   first sends that rest.
 * - A close may be called again and continues to wait for the server's close frame.
 * - A connect starts over when it is called again. A socket set with wsline_options_set_fd() serves
 *   only one call.
 *
 * A wait for another thread is not interrupted, whether that thread is sending a message, or
 * receiving while this one closes. A signal that arrives between two waits does not end the second
 * one; to close this gap, call wsline_conn_abort() in the handler. With this option, a receive that
 * has to wait needs three system calls instead of one. Apps and loops ignore this option.
 *
 * @param options  the options to modify.
 * @param enable   whether signals end waits.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status wsline_options_set_interruptible(wsline_options *options, bool enable);

/**
 * Makes a waiting receive poll the socket for a while before it sleeps; off by default.
 *
 * Waking a thread can take the system longer than a nearby server takes to answer. With this
 * option, a receive polls the socket without sleeping for up to this time before it waits as usual.
 * The time counts towards its timeout. Polling keeps a processor busy, so the option is for threads
 * that have a processor to themselves; where client and server share one, it only costs time. A
 * loop uses the longest time of its apps.
 *
 * @param options  the options to modify.
 * @param spin_us  microseconds, 0 or more; 0, the default, sleeps at once.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `spin_us` is negative.
 */
WSLINE_API wsline_status wsline_options_set_spin_us(wsline_options *options, int64_t spin_us);

/**
 * Changes the timeout of a connection, see wsline_options_set_timeout_ms().
 *
 * @param conn        a connection.
 * @param timeout_ms  milliseconds, 0 or more, WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT.
 * @retval WSLINE_OK                    set; calls that are waiting are not affected.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, or `timeout_ms` is another negative number.
 *
 * Threads: any.
 */
WSLINE_API wsline_status wsline_conn_set_timeout_ms(wsline_conn *conn, int64_t timeout_ms);

/**
 * Returns the timeout of a connection, as it was set.
 *
 * @param conn  a connection; NULL returns WSLINE_DEFAULT_TIMEOUT.
 * @return      milliseconds, WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT.
 *
 * Threads: any.
 * Since: 0.2
 */
WSLINE_API int64_t wsline_conn_timeout_ms(const wsline_conn *conn);

/* --- Proxy options ---------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: one at a time per object.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Connects through a proxy.
 *
 * With an HTTP proxy, the library opens a tunnel with CONNECT, for ws and for wss. With
 * WSLINE_PROXY_HTTPS the connection to the proxy itself uses TLS; the TLS options apply to it,
 * except the server name and pins. HTTP proxies, WSLINE_PROXY_SOCKS4A and WSLINE_PROXY_SOCKS5H look
 * up the server's name; for WSLINE_PROXY_SOCKS4 and WSLINE_PROXY_SOCKS5 the library looks it up.
 * This and wsline_options_set_proxy_url() replace each other: the last call counts.
 *
 * @param options  the options to modify.
 * @param type     a wsline_proxy_type. WSLINE_PROXY_NONE, the default, removes the proxy, so that
 *                 one named by the environment is used again (to use none, see
 *                 wsline_options_set_proxy_from_environment()); `host` and `port` are ignored.
 * @param host     a name or an IP address.
 * @param port     1 to 65535.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `type` is unknown or, unless it is
 *                                      WSLINE_PROXY_NONE, `host` is neither a name nor an address
 *                                      or `port` is out of range.
 *
 * See also: wsline_options_set_proxy_url(), wsline_proxy_for_url()
 */
WSLINE_API wsline_status
wsline_options_set_proxy(wsline_options *options, int32_t type, const char *host, int32_t port);

/**
 * Connects through a proxy given as a URL.
 *
 * @param options  the options to modify.
 * @param url      for example "http://user:password@proxy.example:3128", or with https, socks4,
 *                 socks4a, socks5 or socks5h instead of http; user and password are
 *                 percent-encoded. The default scheme is http; the default port is 80 for http, 443
 *                 for https and 1080 for SOCKS. NULL, the default, removes the proxy, so that the
 *                 environment may name one again.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `url` is not a proxy URL.
 *
 * See also: wsline_options_set_proxy() for how each type of proxy is used
 */
WSLINE_API wsline_status wsline_options_set_proxy_url(wsline_options *options, const char *url);

/**
 * Sets the credentials for the proxy: Basic authentication for HTTP proxies, user name and password
 * for SOCKS5.
 *
 * They take precedence over those in the URL of wsline_options_set_proxy_url(). SOCKS4 has only a
 * user name. They are never sent to proxies named by the environment; those have credentials in
 * their own URLs.
 *
 * @param options   the options to modify.
 * @param user      the user name; never logged. NULL, the default, removes user and password.
 * @param password  the password; never logged. May be NULL.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `user` is NULL while `password` is not,
 *                                      or either contains a control character.
 */
WSLINE_API wsline_status
wsline_options_set_proxy_auth(wsline_options *options, const char *user, const char *password);

/**
 * Adds servers to connect to directly, without any proxy.
 *
 * Once there is an entry, no_proxy of the environment is ignored.
 *
 * @param options  the options to modify.
 * @param entry    one entry, or several separated by commas: "example.com", ".example.com" and
 *                 "*.example.com" all mean that name and every name below it; "192.0.2.1" or
 *                 "2001:db8::1" is an address, "10.0.0.0/8" a network; ":8080" after a name or an
 *                 address limits it to that port; "*" means all servers. Names are not looked up to
 *                 compare their addresses.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or an entry is none of these; the other
 *                                      entries were added.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; the entries before the one that
 *                                      failed were added.
 */
WSLINE_API wsline_status wsline_options_add_no_proxy(wsline_options *options, const char *entry);

/**
 * Removes all entries added with wsline_options_add_no_proxy(), so that no_proxy from the
 * environment applies again.
 *
 * @param options  the options to modify.
 * @retval WSLINE_OK                    removed, if there were any.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_clear_no_proxy(wsline_options *options);

/**
 * Enables or disables proxies named by the environment, for connections without a proxy of their
 * own.
 *
 * Consults http_proxy for ws:// and https_proxy for wss://, then all_proxy; and no_proxy, unless
 * wsline_options_add_no_proxy() was called. Each is looked up in lower case first, then in upper
 * case; an empty value means no proxy. HTTP_PROXY is ignored if REQUEST_METHOD is set: in a CGI
 * program it comes from the client's request. Values are as for wsline_options_set_proxy_url().
 *
 * Each connect reads the environment. A program that calls setenv(3) on another thread at the same
 * time must disable this.
 *
 * @param options  the options to modify.
 * @param enable   true, the default: the environment may name a proxy; false: the environment is
 *                 not read.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_proxy_from_environment(wsline_options *options, bool enable);

/**
 * Sets how much of the connect timeout the proxy may use: for its lookup, TCP and its response,
 * whether or not they make progress.
 *
 * @param options     the options to modify.
 * @param timeout_ms  milliseconds, 0 or more. WSLINE_DEFAULT_TIMEOUT, which is the default, and
 *                    WSLINE_FOREVER both let the proxy use the whole connect timeout.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `timeout_ms` is another negative
 *                                      number.
 */
WSLINE_API wsline_status
wsline_options_set_proxy_timeout_ms(wsline_options *options, int64_t timeout_ms);

/* --- Socket options --------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: one at a time per object.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Adds an option to set on the socket before it connects.
 *
 * By default, TCP_NODELAY and keepalive probes (three, 10 seconds apart, after 30 seconds of
 * silence) are enabled by the first call that uses the connection. If you add options, these
 * defaults are set before the connect, so that your options override them. If the system rejects an
 * option, the connect fails.
 *
 * @param options  the options to modify.
 * @param level    as for setsockopt(2), for example SOL_SOCKET.
 * @param name     as for setsockopt(2), for example SO_RCVBUF.
 * @param value    as for setsockopt(2); `len` bytes.
 * @param len      bytes in `value`.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `value` is NULL and `len` is not 0.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status
wsline_options_add_socket_option(wsline_options *options, int32_t level, int32_t name,
                                 const void *value, size_t len);

/**
 * Removes all options added with wsline_options_add_socket_option().
 *
 * @param options  the options to modify.
 * @retval WSLINE_OK                    removed, if there were any.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_clear_socket_options(wsline_options *options);

/**
 * Connects to a Unix-domain socket instead of the host in the URL.
 *
 * The URL still determines the request, and `wss://` still means TLS. No proxy is used. A URL such
 * as `ws+unix:///run/server.sock:/path` does the same for a single connect. If the path is too long
 * for a socket, the connect fails with WSLINE_ERR_CONNECT.
 *
 * @param options  the options to modify.
 * @param path     the path of the socket, at most 107 bytes on Linux; "@name" for the abstract
 *                 socket of that name (unix(7)); NULL, the default, for none.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `path` is empty.
 */
WSLINE_API wsline_status wsline_options_set_unix_path(wsline_options *options, const char *path);

/**
 * Sets the local address, for machines that have several.
 *
 * Only server addresses of the same family are used. See also wsline_options_set_bind_interface().
 *
 * @param options  the options to modify.
 * @param address  "192.0.2.1", "2001:db8::1", or with a port "192.0.2.1:4000",
 *                 "[2001:db8::1]:4000"; NULL, the default, for any.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `address` is not an address.
 */
WSLINE_API wsline_status
wsline_options_set_bind_address(wsline_options *options, const char *address);

/**
 * Sends and receives only through one network interface, for machines that have several.
 *
 * Has no effect on Unix-domain sockets. Linux before 5.7 allows it only to privileged processes.
 *
 * @param options    the options to modify.
 * @param interface  its name, for example "eth0", at most 15 bytes; NULL, the default, for any. If
 *                   there is none of that name, the connect fails with WSLINE_ERR_CONNECT.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `interface` is empty or too long.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status
wsline_options_set_bind_interface(wsline_options *options, const char *interface);

/**
 * Connects to addresses of one family only; this also applies to a server's address that the
 * library looks up for a SOCKS proxy.
 *
 * @param options  the options to modify.
 * @param family   a wsline_address_family; WSLINE_ADDRESS_ANY by default.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `family` is unknown.
 */
WSLINE_API wsline_status wsline_options_set_address_family(wsline_options *options, int32_t family);

/**
 * Reports when each message arrived, in `received_ns` of wsline_message.
 *
 * It is the time at which the system received the last bytes of the read that completed the message
 * (SO_TIMESTAMPING with software time stamps, see Documentation/networking/timestamping in Linux),
 * not the time at which the program read them: the difference to the present is how long the
 * message has waited. Messages that came with one read have the same time. Under TLS it is the time
 * of the encrypted bytes. A fragment or a part has the time of the read that completed it. A
 * wsline_frame has no time.
 *
 * The time is 0 where the system reports none: for Unix-domain sockets and transports of yours, on
 * old systems, which do not stamp TCP, and for bytes that arrive right after the first socket of
 * the system has requested time stamps. It may jump when the system's clock is set. Each read is a
 * recvmsg(2) instead of a recv(2).
 *
 * @param options  the options to modify.
 * @param enable   true: set the time; false, the default: it is 0.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status
wsline_options_set_receive_timestamps(wsline_options *options, bool enable);

/**
 * Uses a connected socket of yours instead of opening one.
 *
 * The URL still determines the request, and `wss://` still means TLS. The library uses a dup(2) of
 * the socket: you still have to close yours, and must not read from or write to it while the
 * connection exists. The socket serves one connect, even if that fails; no proxy is used and no
 * redirect is followed.
 *
 * @param options  the options to modify.
 * @param fd       a connected stream socket; -1, the default, for none. A second connect with it
 *                 fails with WSLINE_ERR_WRONG_STATE.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `fd` is below -1.
 */
WSLINE_API wsline_status wsline_options_set_fd(wsline_options *options, int32_t fd);

/**
 * Uses the socket of wsline_options_set_fd() without an opening handshake: it is a WebSocket
 * connection already.
 *
 * For a host whose own HTTP client has upgraded the connection. Read nothing from the socket after
 * the response: what you have read would be missing. The URL must begin with `ws://`; nothing of it
 * is sent. There is no response, no subprotocol and no compression.
 *
 * @param options  the options to modify.
 * @param enable   true: the next connect opens the connection at once; it fails with
 *                 WSLINE_ERR_WRONG_STATE without wsline_options_set_fd() and for `wss://`. false,
 *                 the default: it begins with the opening handshake.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_set_upgraded(wsline_options *options, bool enable);

/* --- Names and addresses ---------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: one at a time per object.
 * Blocks: no.
 * Since: 0.2
 */

/**
 * Sets the addresses of a host, which is then not looked up.
 *
 * They apply to every name that the library would look up: of the server, of a proxy, of the target
 * of a redirect. An HTTP proxy, SOCKS4a and SOCKS5h look the server up themselves. The URL still
 * determines the request and which certificate is expected. Addresses are tried as those of a
 * lookup are: the families in turn, each 250 ms after the one before (RFC 8305). A later entry for
 * the same host and port replaces an earlier one.
 *
 * @param options  the options to modify.
 * @param entry    "host:port:address[,address...]", for example
 *                 "api.example.com:443:192.0.2.1,2001:db8::1".
 * @retval WSLINE_OK                    added.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `entry` has another form.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status wsline_options_add_resolve(wsline_options *options, const char *entry);

/**
 * Removes all entries added with wsline_options_add_resolve().
 *
 * @param options  the options to modify.
 * @retval WSLINE_OK                    removed, if there were any.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status wsline_options_clear_resolve(wsline_options *options);

/**
 * Connects to another host and port than those in the URL, also through a proxy, for example to one
 * machine behind a load balancer.
 *
 * The URL still determines the request, the server name for TLS, and which certificate is expected.
 * It also applies to redirects, but not to Unix-domain sockets and sockets of yours.
 *
 * @param options  the options to modify.
 * @param place    "host:port", with an IPv6 address in brackets; NULL, the default, for those in
 *                 the URL.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `place` has another form.
 */
WSLINE_API wsline_status wsline_options_set_connect_to(wsline_options *options, const char *place);

/**
 * Sets a function that looks up names instead of the system.
 *
 * It is called for each name that a connect needs, except `localhost`, names given with
 * wsline_options_add_resolve(), and addresses. The connect continues when the lookup ends, or fails
 * at its timeout, whichever is first.
 *
 * @param options        the options to modify.
 * @param fn             the function; NULL, the default, for the system.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released once no
 *                                      connection uses it.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_resolver(wsline_options *options, wsline_resolver_fn fn, void *userdata,
                            wsline_free_fn userdata_free);

/**
 * Ends a lookup with the addresses of the host.
 *
 * @param lookup     the lookup; freed if this succeeds.
 * @param addresses  one or more IP addresses, separated by commas, the preferred one first.
 * @retval WSLINE_OK                    done, also if the connect has ended meanwhile.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `addresses` has another form; the
 *                                      lookup is still yours.
 * @retval WSLINE_ERR_WRONG_STATE       this is a child process that inherited the lookup.
 *
 * Threads: any.
 */
WSLINE_API wsline_status wsline_lookup_finish(wsline_lookup *lookup, const char *addresses);

/**
 * Ends a lookup without addresses; the connect fails with WSLINE_ERR_RESOLVE.
 *
 * @param lookup  the lookup; freed if this succeeds.
 * @param reason  for the error message; NULL for none.
 * @retval WSLINE_OK                    done, also if the connect has ended meanwhile.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `lookup` is NULL, or `reason` is not UTF-8.
 * @retval WSLINE_ERR_WRONG_STATE       this is a child process that inherited the lookup.
 *
 * Threads: any.
 */
WSLINE_API wsline_status wsline_lookup_fail(wsline_lookup *lookup, const char *reason);

/**
 * Lets the system look up the name after all.
 *
 * @param lookup  the lookup; freed if this succeeds.
 * @retval WSLINE_OK                    done, also if the connect has ended meanwhile.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `lookup` is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       this is a child process that inherited the lookup.
 *
 * Threads: any.
 */
WSLINE_API wsline_status wsline_lookup_by_system(wsline_lookup *lookup);

/**
 * Returns whether the addresses are of no use any more.
 *
 * That is so when the connect has timed out or was aborted, or its object was freed. The lookup
 * must still be ended.
 *
 * @param lookup  a lookup; may be NULL.
 * @return        true if it was cancelled, or for NULL.
 *
 * Threads: any, until the lookup ends.
 */
WSLINE_API bool wsline_lookup_is_cancelled(const wsline_lookup *lookup);

/* --- TLS options ------------------------------------------------------------------------------ */

/*
 * Unless a function says otherwise:
 * Threads: one at a time per object.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Enables or disables the verification of the server's certificate.
 *
 * Without verification, anybody on the network path can pose as the server. For a server of your
 * own, set its authority with wsline_options_set_tls_ca_file() instead.
 *
 * @param options  the options to modify.
 * @param enable   true, the default: reject a server whose certificate is not signed by a trusted
 *                 authority.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `enable` is false after
 *                                      wsline_options_set_tls_verify_host() was called with true:
 *                                      the name in a certificate that anybody can make proves
 *                                      nothing.
 */
WSLINE_API wsline_status wsline_options_set_tls_verify(wsline_options *options, bool enable);

/**
 * Enables or disables the check of the name in the certificate.
 *
 * @param options  the options to modify.
 * @param enable   true, the default: the subjectAltName of the certificate must contain the URL's
 *                 host or, if set, the name of wsline_options_set_tls_server_name().
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `enable` is true although
 *                                      wsline_options_set_tls_verify() has disabled verification.
 */
WSLINE_API wsline_status wsline_options_set_tls_verify_host(wsline_options *options, bool enable);

/**
 * Sets the name to send to the server (SNI) and to look for in its certificate.
 *
 * @param options  the options to modify.
 * @param name     a host name, or an IP address, which is verified but not sent; NULL, the default,
 *                 for the URL's host.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `name` is empty or has an empty label,
 *                                      as ".example" and "a..b" have.
 */
WSLINE_API wsline_status
wsline_options_set_tls_server_name(wsline_options *options, const char *name);

/**
 * Trusts the authorities in a file instead of the system's.
 *
 * If several of wsline_options_set_tls_ca_file(), _set_tls_ca_path() and _set_tls_ca_pem() are set,
 * all their authorities are trusted. Each certificate is trusted as it is, even an intermediate one
 * or the server's own.
 *
 * The system's authorities are those that OpenSSL finds; it also consults the variables
 * SSL_CERT_FILE and SSL_CERT_DIR. A build with AWS-LC consults the same variables and, if they are
 * not set, /etc/ssl/cert.pem and /etc/ssl/certs.
 *
 * Every connect checks all TLS files and directories again. If a file has been replaced, the new
 * one is used from then on, and no earlier session is resumed. If a file cannot be read, the
 * connect fails with WSLINE_ERR_TLS_CONFIG; an app that reconnects tries again.
 *
 * @param options  the options to modify.
 * @param path     a file of PEM certificates. NULL, the default, for none.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status wsline_options_set_tls_ca_file(wsline_options *options, const char *path);

/**
 * Trusts the authorities in a directory instead of the system's.
 *
 * A connect notices if an entry has been added, removed, or replaced with rename(2).
 *
 * @param options  the options to modify.
 * @param path     a directory prepared by `openssl rehash`; NULL, the default, for none.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status wsline_options_set_tls_ca_path(wsline_options *options, const char *path);

/**
 * Trusts the authorities in memory instead of the system's.
 *
 * @param options  the options to modify.
 * @param pem      PEM certificates; NULL with length 0, the default, for none.
 * @param len      bytes in `pem`, or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `pem` is NULL and `len` is not 0, or
 *                                      `pem` is not NULL but empty.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status
wsline_options_set_tls_ca_pem(wsline_options *options, const void *pem, size_t len);

/**
 * Accepts only servers whose certificate has this key; if several pins are added, one must match.
 *
 * Pins are checked in addition to the verification, so a certificate that is not signed by a
 * trusted authority is still rejected; they are also checked if the verification is disabled or a
 * session is resumed. Pins do not apply to an HTTPS proxy: if verification is disabled, the proxy
 * is not checked at all.
 *
 * @param options  the options to modify.
 * @param base64   the SHA-256 of the certificate's SubjectPublicKeyInfo in base64, 44 characters,
 *                 as printed by `openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin
 *                 -outform der | openssl dgst -sha256 -binary | base64`.
 * @retval WSLINE_OK                    added.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `base64` is malformed.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status
wsline_options_add_tls_pin_sha256(wsline_options *options, const char *base64);

/**
 * Removes all pins added with wsline_options_add_tls_pin_sha256(), so that any key is accepted.
 *
 * @param options  the options to modify.
 * @retval WSLINE_OK                    removed, if there were any.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_clear_tls_pins(wsline_options *options);

/**
 * Sets the client certificate, for servers that ask for one.
 *
 * If the file is replaced, the new one is used from the next connect on. If certificate and key are
 * replaced one after the other, a connect in between fails with WSLINE_ERR_TLS_CONFIG; an app that
 * reconnects tries again.
 *
 * @param options  the options to modify.
 * @param path     a PEM file with the certificate followed by its chain; it may also contain the
 *                 key. NULL, the default, for no certificate.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_tls_certificate_file(wsline_options *options, const char *path);

/**
 * Sets the key of the client certificate, if it is not in the file of the certificate.
 *
 * If the file is replaced, the new one is used from the next connect on; see
 * wsline_options_set_tls_certificate_file().
 *
 * @param options  the options to modify.
 * @param path     a PEM file; NULL, the default, for the file of the certificate.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status wsline_options_set_tls_key_file(wsline_options *options, const char *path);

/**
 * Sets the password of an encrypted key.
 *
 * The library never prompts for a password on the terminal.
 *
 * @param options   the options to modify.
 * @param password  the password; never logged. NULL, the default, for none.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_tls_key_password(wsline_options *options, const char *password);

/**
 * Sets the client certificate from memory.
 *
 * It replaces one set with wsline_options_set_tls_certificate_file(), and the other way round.
 *
 * @param options  the options to modify.
 * @param pem      the certificate followed by its chain; it may also contain the key. NULL with
 *                 length 0, the default, for no certificate.
 * @param len      bytes in `pem`, or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `pem` is NULL and `len` is not 0, or
 *                                      `pem` is not NULL but empty.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status
wsline_options_set_tls_certificate_pem(wsline_options *options, const void *pem, size_t len);

/**
 * Sets the key of the client certificate from memory.
 *
 * It replaces one set with wsline_options_set_tls_key_file(), and the other way round.
 *
 * @param options  the options to modify.
 * @param pem      the key; NULL with length 0, the default, if it is with the certificate.
 * @param len      bytes in `pem`, or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `pem` is NULL and `len` is not 0, or
 *                                      `pem` is not NULL but empty.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status
wsline_options_set_tls_key_pem(wsline_options *options, const void *pem, size_t len);

/**
 * Sets the oldest version of TLS to accept.
 *
 * TLS 1.0 and 1.1 are broken. OpenSSL 3 also needs a lower security level for them:
 * wsline_options_set_tls_ciphers() with "DEFAULT@SECLEVEL=0".
 *
 * @param options  the options to modify.
 * @param version  a wsline_tls_version; WSLINE_TLS_DEFAULT, the default, is TLS 1.2.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `version` is unknown.
 */
WSLINE_API wsline_status
wsline_options_set_tls_min_version(wsline_options *options, int32_t version);

/**
 * Sets the newest version of TLS to accept.
 *
 * If it is below the minimum, connecting fails with WSLINE_ERR_TLS_CONFIG.
 *
 * @param options  the options to modify.
 * @param version  a wsline_tls_version; WSLINE_TLS_DEFAULT, the default, is the newest that the TLS
 *                 library supports.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `version` is unknown.
 */
WSLINE_API wsline_status
wsline_options_set_tls_max_version(wsline_options *options, int32_t version);

/**
 * Sets the ciphers for TLS 1.2 and older.
 *
 * If the TLS library supports nothing in the list, connecting fails with WSLINE_ERR_TLS_CONFIG.
 *
 * @param options  the options to modify.
 * @param list     names as for openssl-ciphers(1), separated by colons, for example "ECDHE+AESGCM".
 *                 NULL, the default, for those of the TLS library.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status wsline_options_set_tls_ciphers(wsline_options *options, const char *list);

/**
 * Sets the cipher suites for TLS 1.3.
 *
 * If the TLS library supports nothing in the list, connecting fails with WSLINE_ERR_TLS_CONFIG.
 *
 * @param options  the options to modify.
 * @param list     names separated by colons, for example
 *                 "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256". NULL, the default, for those of
 *                 the TLS library.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_tls_ciphersuites(wsline_options *options, const char *list);

/**
 * Sets the groups for the key exchange, the preferred one first.
 *
 * If the TLS library does not know a name, connecting fails with WSLINE_ERR_TLS_CONFIG.
 *
 * @param options  the options to modify.
 * @param list     names separated by colons, for example "X25519:P-256". NULL, the default, for
 *                 those of the TLS library.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_set_tls_groups(wsline_options *options, const char *list);

/**
 * Sets the application protocols to offer to the server (ALPN).
 *
 * The library speaks HTTP/1.1 whatever the server chooses; wsline_conn_tls_info() reports the
 * choice.
 *
 * @param options    the options to modify.
 * @param protocols  names of 1 to 255 bytes, separated by commas; "" offers none. NULL, the
 *                   default, is "http/1.1".
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or a name is empty or too long.
 */
WSLINE_API wsline_status
wsline_options_set_tls_alpn(wsline_options *options, const char *protocols);

/**
 * Writes the TLS secrets of connections to a file, so that programs such as Wireshark can decrypt
 * them.
 *
 * Anybody who can read the file can read the connections. The variable SSLKEYLOGFILE is ignored.
 *
 * @param options  the options to modify.
 * @param path     a file to append to, in the NSS format; if it is missing, the first connect
 *                 creates it, readable by its owner only. If it cannot be opened, the connect fails
 *                 with WSLINE_ERR_TLS_CONFIG. NULL, the default, for none.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_tls_keylog_file(wsline_options *options, const char *path);

/**
 * Uses your own OpenSSL context instead of one that the library creates.
 *
 * You then configure in the context everything that it holds: trusted authorities, client
 * certificate, versions, ciphers, groups, ALPN, verification, key log and sessions. The options for
 * these are ignored, and the library resumes no sessions of its own. Settings of a single
 * connection still apply: the server name, its check in the certificate (if the context verifies),
 * and pins.
 *
 * The program and the library must use the same libssl; with a context from a different one the
 * program crashes. A library built on AWS-LC, for which wsline_has_feature("tls-aws-lc") is true,
 * has a libssl of its own and accepts no context.
 *
 * @param options  the options to modify.
 * @param ssl_ctx  an `SSL_CTX *` for clients; the library takes its own reference (SSL_CTX_up_ref).
 *                 Do not change the context while connections use it. NULL, the default, for a
 *                 context of the library's own.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 * @retval WSLINE_ERR_NOT_SUPPORTED     `ssl_ctx` is not NULL, and the library is built on AWS-LC;
 *                                      nothing has changed.
 *
 * See also: wsline_has_feature()
 */
WSLINE_API wsline_status wsline_options_set_tls_ssl_ctx(wsline_options *options, void *ssl_ctx);

/* --- Limits and framing ----------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: one at a time per object.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Sets the largest message to receive; a larger one ends the connection with
 * WSLINE_ERR_MESSAGE_TOO_BIG.
 *
 * Memory is allocated as a message arrives, never according to the length that a server announces.
 * With wsline_options_set_deliver_fragments() the limit applies to each fragment;
 * wsline_conn_recv_part() and wsline_app_on_part() have no limit. For a compressed message the
 * inflated size counts.
 *
 * @param options  the options to modify.
 * @param bytes    the size in bytes, 64 MiB by default; 0 for no limit.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_max_message_bytes(wsline_options *options, uint64_t bytes);

/**
 * Sets the largest data frame to receive; a larger one ends the connection with
 * WSLINE_ERR_MESSAGE_TOO_BIG.
 *
 * @param options  the options to modify.
 * @param bytes    the size in bytes; 0, the default, for no limit other than that of messages.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_max_frame_bytes(wsline_options *options, uint64_t bytes);

/**
 * Sets the largest number of fragments in a message to receive; more end the connection with
 * WSLINE_ERR_MESSAGE_TOO_BIG.
 *
 * wsline_conn_recv_part() and wsline_app_on_part() have no such limit.
 *
 * @param options    the options to modify.
 * @param fragments  the number, 1,048,576 by default; 0 for no limit.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_max_fragments(wsline_options *options, uint64_t fragments);

/**
 * Enables or disables the check that text is UTF-8.
 *
 * @param options  the options to modify.
 * @param enable   true, the default: text is checked when a whole message is sent and when text is
 *                 received, except by wsline_conn_recv_frame(); false: it is passed on as it is.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_set_utf8_validation(wsline_options *options, bool enable);

/**
 * Makes receives deliver each fragment of a message as the server sent it, instead of the whole
 * message.
 *
 * The flags of wsline_message mark the first and the last fragment. A character may be split
 * between two fragments; UTF-8 validation covers the whole message. A fragment is one frame of a
 * message, as the server sent it; a part, as delivered by wsline_conn_recv_part(), is whatever has
 * arrived so far, without waiting for a whole fragment. Apps ignore this option; use
 * wsline_app_on_part().
 *
 * @param options  the options to modify.
 * @param enable   true: deliver each fragment as soon as it is complete; false, the default:
 *                 deliver whole messages.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_set_deliver_fragments(wsline_options *options, bool enable);

/**
 * Enables or disables automatic pongs.
 *
 * If they are disabled, receive pings with wsline_conn_recv_event() and answer them with
 * wsline_conn_pong(); in an app, use wsline_app_on_ping() and wsline_app_pong().
 *
 * @param options  the options to modify.
 * @param enable   true, the default: a ping is answered as soon as a receive call or an app reads
 *                 it.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status wsline_options_set_auto_pong(wsline_options *options, bool enable);

/**
 * Takes masking keys from a function; for tests only.
 *
 * Keys that an attacker can guess defeat the purpose of masking (RFC 6455 section 10.3).
 *
 * @param options        the options to modify.
 * @param fn             called for each frame; NULL, the default, for random keys.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * In callbacks: `fn` must not call the library.
 */
WSLINE_API wsline_status
wsline_options_set_mask_key_fn(wsline_options *options, wsline_mask_key_fn fn, void *userdata,
                               wsline_free_fn userdata_free);

/* --- Servers that break the protocol ---------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: one at a time per object.
 * Blocks: no.
 * Since: 0.2
 */

/**
 * Tolerates certain mistakes, for servers that cannot be fixed.
 *
 * By default each of them fails the connect or the connection. A mistake that was tolerated is
 * logged as a warning, once for each connection.
 *
 * @param options   the options to modify.
 * @param mistakes  WSLINE_LENIENT_MASKED_FRAMES and others, combined by `|`; 0, the default, for
 *                  none.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `mistakes` has an unknown bit.
 *
 * See also: wsline_set_log()
 */
WSLINE_API wsline_status wsline_options_set_lenient(wsline_options *options, uint32_t mistakes);

/* --- Compression options ---------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: one at a time per object.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Offers permessage-deflate (RFC 7692): messages are compressed both ways if the server agrees.
 *
 * wsline_conn_extensions() returns what was negotiated. Compression saves bytes on the wire and
 * costs time. It also costs memory for each connection: some 370 KiB once a compressed message has
 * been sent and 50 KiB once one has been received, unless
 * wsline_options_set_deflate_no_context_takeover() is used.
 *
 * While one thread compresses a message, other threads may send pings and uncompressed messages.
 * Sends of compressed messages by other threads wait; with an app, those messages are sent
 * uncompressed instead.
 *
 * An attacker who can place text beside a secret in compressed messages, and observe their length,
 * can guess the secret. Send secrets with WSLINE_SEND_UNCOMPRESSED.
 *
 * @param options  the options to modify.
 * @param enable   true: offer it; false, the default: do not, and reject servers that use it.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status wsline_options_set_deflate(wsline_options *options, bool enable);

/**
 * Sets the compression level.
 *
 * @param options  the options to modify.
 * @param level    1 (fastest, the default) to 9 (smallest).
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `level` is another number.
 */
WSLINE_API wsline_status wsline_options_set_deflate_level(wsline_options *options, int32_t level);

/**
 * Sets the sizes of the compression windows: how far back compressed data may refer.
 *
 * Smaller windows compress less, and need less memory on some servers. On this side, sending takes
 * some 250 KiB with the smallest window; for receiving the size makes no difference.
 *
 * @param options      the options to modify.
 * @param client_bits  the window for messages that are sent, as a power of 2: 9 (512 bytes) to 15
 *                     (32 KiB, the default). The library announces this size to the server, which
 *                     may request a smaller one.
 * @param server_bits  the window for messages that are received, 9 to 15, the default. If it is
 *                     below 15, the library requests that the server use no larger window; if the
 *                     server does not agree, the connect fails with WSLINE_ERR_BAD_UPGRADE.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or a number is not in its range.
 */
WSLINE_API wsline_status
wsline_options_set_deflate_window_bits(wsline_options *options, int32_t client_bits,
                                       int32_t server_bits);

/**
 * Sets whether each message is compressed on its own, which needs no memory between messages but
 * compresses small ones less.
 *
 * @param options  the options to modify.
 * @param client   true: for messages that are sent; false, the default: they may refer to earlier
 *                 messages, unless the server asks for the opposite.
 * @param server   true: for messages that are received; if the server does not agree, the connect
 *                 fails with WSLINE_ERR_BAD_UPGRADE. false, the default: the server may choose.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_deflate_no_context_takeover(wsline_options *options, bool client, bool server);

/**
 * Sets the smallest size of a message to compress.
 *
 * @param options  the options to modify.
 * @param bytes    the size in bytes, 128 by default; smaller messages are sent uncompressed. With 0
 *                 all messages except empty ones are compressed.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_deflate_threshold_bytes(wsline_options *options, uint64_t bytes);

/**
 * Limits how much a compressed message may grow when it is inflated; more ends the connection with
 * WSLINE_ERR_MESSAGE_TOO_BIG.
 *
 * A message can inflate to a thousand times its size. This limit applies in addition to
 * wsline_options_set_max_message_bytes(): it stops a server that wastes processor time, and also
 * covers messages received in parts, which have no maximum size.
 *
 * @param options  the options to modify.
 * @param ratio    inflated bytes per compressed byte, 200 by default; 0 for no limit. It is checked
 *                 once a message has inflated to 16 MiB.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_deflate_max_ratio(wsline_options *options, uint32_t ratio);

/**
 * Inflates binary messages that the server has compressed itself, without permessage-deflate.
 *
 * An inflated message keeps its opcode and gets the flag WSLINE_MESSAGE_INFLATED; it is not
 * validated as UTF-8. Text messages are never inflated. If permessage-deflate was negotiated, too,
 * it is undone first. With WSLINE_INFLATE_AUTO, _GZIP and _ZLIB, a binary message that does not
 * begin like the format is delivered unchanged; so WSLINE_INFLATE_AUTO and _ZLIB are not for
 * servers that also send other data, some of which would begin like zlib by chance.
 *
 * A message that is corrupt or truncated, has a wrong checksum, or is followed by other bytes ends
 * the connection with WSLINE_ERR_INVALID_PAYLOAD; several gzip members in one message (RFC 1952
 * section 2.2) are joined. wsline_options_set_max_message_bytes() limits the inflated size,
 * wsline_options_set_deflate_max_ratio() the ratio.
 *
 * With WSLINE_INFLATE_STREAM, a message that does not end with 00 00 ff ff, the end of flushed
 * data, is delivered together with the following ones, as one message, once one of them ends so.
 * Each connection begins a new stream. wsline_conn_recv_frame() returns WSLINE_ERR_WRONG_STATE,
 * because later messages may refer to what frames contain; with all other modes frames are
 * delivered as received. Fragments and parts are inflated as they arrive. Use one receive function
 * for a stream: after wsline_conn_recv_part() has delivered the beginning of a message that the
 * next one continues, wsline_conn_recv() would return the rest alone.
 *
 * A connection with a stream keeps what inflating needs, as with permessage-deflate; otherwise
 * messages are inflated in memory of the thread.
 *
 * @param options  the options to modify.
 * @param mode     a wsline_inflate; WSLINE_INFLATE_NONE, the default, delivers everything as
 *                 received.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `mode` is unknown.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_options_set_inflate_messages(wsline_options *options, int32_t mode);

/* --- Keepalive and reconnecting --------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: one at a time per object.
 * Blocks: no.
 * Since: 0.2
 */

/**
 * Makes apps ping the server, and drop the connection if the server does not answer; by default
 * they do neither.
 *
 * Any pong after the ping counts as its answer; only one with the payload of the ping is measured
 * for wsline_app_rtt_us(). Because a pong cannot overtake data in flight, an expired timeout
 * restarts if any bytes arrived meanwhile, or if the server's system has acknowledged more of what
 * was sent before the ping. Times are measured with a monotonic clock, so setting the system time
 * has no effect.
 *
 * @param options      the options to modify.
 * @param interval_ms  milliseconds between pings, and before the first one; 0, the default, for no
 *                     pings. If there is a timeout, no ping is sent while an earlier one is
 *                     unanswered.
 * @param timeout_ms   milliseconds within which the pong must arrive, or the connection ends with
 *                     WSLINE_ERR_PONG_TIMEOUT; 0 for no timeout.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, a time is negative, or there is a timeout
 *                                      without an interval.
 *
 * See also: wsline_options_set_ping_payload(), wsline_app_rtt_us()
 */
WSLINE_API wsline_status
wsline_options_set_ping(wsline_options *options, int64_t interval_ms, int64_t timeout_ms);

/**
 * Sets the beginning of the payload of the pings of wsline_options_set_ping().
 *
 * The library appends 8 bytes to it, which distinguish one ping from another, unless
 * wsline_options_set_ping_numbers() disables that.
 *
 * @param options  the options to modify.
 * @param payload  the bytes; NULL with length 0, the default, for none.
 * @param len      at most 117 bytes, 125 without numbers, or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `payload` is NULL and `len` is not 0, or
 *                                      `payload` is too long.
 *
 * Ownership: the payload is copied.
 */
WSLINE_API wsline_status
wsline_options_set_ping_payload(wsline_options *options, const void *payload, size_t len);

/**
 * Enables or disables the 8 bytes that distinguish one ping from another.
 *
 * Disable them for servers that expect a certain payload. Without them, any pong with the payload
 * is taken for the answer to the oldest unanswered ping.
 *
 * @param options  the options to modify.
 * @param enable   true, the default: pings end with 8 bytes of the library's; false: they contain
 *                 exactly the payload of wsline_options_set_ping_payload().
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `enable` is true and the payload has
 *                                      more than 117 bytes.
 */
WSLINE_API wsline_status wsline_options_set_ping_numbers(wsline_options *options, bool enable);

/**
 * Enables or disables reconnecting: an app connects again after a connect has failed or a
 * connection has ended, unless wsline_app_close(), wsline_app_abort() or wsline_app_free() ended
 * it.
 *
 * It does so whether the server has closed the connection properly or not.
 *
 * By default the app waits 1, 2, 4, ... up to 60 seconds before the attempts, minus a random share
 * of up to one half, and makes any number of attempts. wsline_options_set_reconnect_delay_ms(),
 * _set_reconnect_backoff() and _set_reconnect_max_attempts() change that. If a server answers 503
 * or 429 with Retry-After, the app waits at least that long, but at most an hour. The delay and the
 * number of attempts are reset once a connection has been open for 10 seconds.
 *
 * A failure that will probably recur ends the app instead: a rejected certificate, unusable TLS
 * options (except files, which are read again), a 101 response that is not a valid WebSocket
 * upgrade (WSLINE_ERR_BAD_UPGRADE), HTTP statuses below 500 except 408, 425 and 429, or credentials
 * that a proxy rejects. See wsline_options_set_reconnect_always(). With a socket set with
 * wsline_options_set_fd(), an app cannot reconnect, because the socket serves only one connect.
 *
 * @param options  the options to modify.
 * @param enable   true: the app reconnects; false, the default: it ends.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * See also: wsline_app_on_error(), wsline_app_on_reconnect()
 */
WSLINE_API wsline_status wsline_options_set_reconnect(wsline_options *options, bool enable);

/**
 * Sets the first and the longest delay before reconnecting.
 *
 * @param options     the options to modify.
 * @param initial_ms  milliseconds before the first attempt to reconnect, 0 or more; 1,000 by
 *                    default.
 * @param max_ms      milliseconds, `initial_ms` or more; 60,000 by default.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or a number is not in its range.
 */
WSLINE_API wsline_status
wsline_options_set_reconnect_delay_ms(wsline_options *options, int64_t initial_ms, int64_t max_ms);

/**
 * Sets how the delay before reconnecting grows from attempt to attempt, and how much of it is
 * random.
 *
 * @param options     the options to modify.
 * @param multiplier  the factor from one delay to the next, 1 or more; 2 by default.
 * @param jitter      0 to 1: the largest share to subtract at random, so that many clients do not
 *                    return at once; 0.5 by default.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or a number is not in its range.
 */
WSLINE_API wsline_status
wsline_options_set_reconnect_backoff(wsline_options *options, double multiplier, double jitter);

/**
 * Sets the number of attempts in a row after which the app stops reconnecting and ends; the row
 * starts again after a connection that was open for 10 seconds.
 *
 * @param options   the options to modify.
 * @param attempts  the number of attempts; 0, the default, for no limit.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_reconnect_max_attempts(wsline_options *options, uint64_t attempts);

/**
 * Makes apps reconnect after every failure, even one that will probably recur.
 *
 * For servers that start later than their clients, or that reject clients for a while. It has no
 * effect without wsline_options_set_reconnect().
 *
 * @param options  the options to modify.
 * @param enable   true: after every failure; false, the default: as wsline_options_set_reconnect()
 *                 describes.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * Since: 0.1
 */
WSLINE_API wsline_status wsline_options_set_reconnect_always(wsline_options *options, bool enable);

/**
 * Adds a further server for apps: if one cannot be reached, the next one is tried at once.
 *
 * The URL of the app comes first, then the fallback URLs in the order in which they were added; but
 * the server of the last connection comes before all others. The delay before reconnecting comes
 * between one round through all servers and the next. Even if reconnecting is not enabled, one
 * whole round is made.
 *
 * @param options  the options to modify.
 * @param url      as for wsline_connect().
 * @retval WSLINE_OK                    added.
 * @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
 *                                      why.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 *
 * See also: wsline_options_clear_fallback_urls()
 */
WSLINE_API wsline_status wsline_options_add_fallback_url(wsline_options *options, const char *url);

/**
 * Removes all URLs added with wsline_options_add_fallback_url().
 *
 * @param options  the options to modify.
 * @retval WSLINE_OK                    removed, if there were any.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status wsline_options_clear_fallback_urls(wsline_options *options);

/* --- Send queue of apps ----------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: one at a time per object.
 * Blocks: no.
 * Since: 0.2
 */

/**
 * Sets the maximum size of the send queue of an app, which holds what the socket has not accepted
 * yet.
 *
 * A send beyond it returns WSLINE_ERR_WOULD_BLOCK. An empty queue accepts one message of any size.
 *
 * @param options  the options to modify.
 * @param bytes    the size in bytes, 16 MiB by default; 0 for no limit.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * See also: wsline_app_send_queue_bytes(), wsline_app_on_drain()
 */
WSLINE_API wsline_status
wsline_options_set_max_send_queue_bytes(wsline_options *options, uint64_t bytes);

/**
 * Makes apps keep unsent messages when a connection ends, and send them on the next one.
 *
 * A message is kept if the system has accepted none of its bytes. So no message is sent twice; but
 * what the system has accepted may be lost with the connection. While the app is being driven and
 * has no connection, messages can be sent, too; they wait. When a connection has opened, what
 * on_open or on_reconnect sends itself goes first, for example a login; then follow the kept
 * messages in their order, and then those that other threads have sent since. Only whole messages
 * are kept: no fragments, pings or pongs.
 *
 * All of this counts towards wsline_options_set_max_send_queue_bytes(), each message with 128 bytes
 * more than its payload. Messages that wait are sent with one system call each, also after
 * wsline_app_uncork(). on_close does not count kept messages as unsent. Messages that have become
 * too old, or still wait for a connection when the app ends, are dropped; a log line says how many.
 *
 * @param options     the options to modify.
 * @param max_age_ms  milliseconds: when the next connection opens, messages that were sent longer
 *                    ago are dropped; WSLINE_FOREVER keeps all; 0, the default, keeps none.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `max_age_ms` is another negative
 *                                      number.
 *
 * See also: wsline_options_set_reconnect(), wsline_app_flush()
 */
WSLINE_API wsline_status
wsline_options_set_keep_unsent_ms(wsline_options *options, int64_t max_age_ms);

/**
 * Limits how many messages an app sends, as exchanges do for their clients: in any span of `per_ms`
 * milliseconds at most `messages`.
 *
 * Messages beyond that wait in the send queue. Every frame counts, including fragments, pings and
 * pongs. Pings, pongs and close frames do not wait, so they alone may exceed the limit. The time of
 * a message is when the system has accepted it; because the network delivers some faster than
 * others, set a little less than what the server allows. The limit applies across the reconnects of
 * one run. wsline_app_close() does not wait for messages that the limit holds back; on_close
 * reports them as unsent.
 *
 * @param options   the options to modify.
 * @param messages  the number of messages; 0, the default, for no limit.
 * @param per_ms    milliseconds, 1 to 86,400,000 (a day); ignored if `messages` is 0.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `per_ms` is not in its range.
 *
 * See also: wsline_app_flush(), wsline_options_set_send_rate_bytes()
 */
WSLINE_API wsline_status
wsline_options_set_send_rate(wsline_options *options, uint64_t messages, int64_t per_ms);

/**
 * Limits how many bytes of messages apps send in any second, before compression and without
 * headers.
 *
 * Otherwise as wsline_options_set_send_rate(), with which it can be combined. A message of more
 * bytes is sent alone, and counts for as many seconds as it would take.
 *
 * @param options           the options to modify.
 * @param bytes_per_second  the number of bytes; 0, the default, for no limit.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 */
WSLINE_API wsline_status
wsline_options_set_send_rate_bytes(wsline_options *options, uint64_t bytes_per_second);

/* --- Events ----------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: one at a time per object.
 * Blocks: no.
 * Since: 0.2
 */

/**
 * Sets a function to call with the events of every connection and app that is created with these
 * options: attempts to connect, addresses, pings, ends, pauses before the next attempt.
 *
 * For metrics and tracing. No event contains a credential: URLs come without user, password and
 * query, and error messages as wsline_last_error_message() says. Without a function nothing is
 * collected.
 *
 * @param options        the options to modify.
 * @param fn             the function; NULL, the default, for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released once no
 *                                      connection uses it.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 *
 * See also: wsline_conn_timings()
 */
WSLINE_API wsline_status
wsline_options_set_event_callback(wsline_options *options, wsline_event_fn fn, void *userdata,
                                  wsline_free_fn userdata_free);

/* --- Cookie jars ------------------------------------------------------------------------------ */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Creates an empty cookie jar.
 *
 * @param jar_out  set to the jar; to NULL on failure.
 * @retval WSLINE_OK                    `*jar_out` is yours.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `jar_out` is NULL.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
 *
 * Ownership: free it with wsline_cookie_jar_free().
 */
WSLINE_API WSLINE_NODISCARD wsline_status wsline_cookie_jar_new(wsline_cookie_jar **jar_out);

/**
 * Frees a cookie jar.
 *
 * @param jar  the jar; may be NULL. Options objects and connections that use it keep its cookies.
 *
 * Threads: any, while no other thread uses this pointer.
 */
WSLINE_API void wsline_cookie_jar_free(wsline_cookie_jar *jar);

/**
 * Adds a cookie to a jar, as if a server had set it.
 *
 * It replaces an existing cookie with the same name, domain and path. If the new cookie has already
 * expired, the existing one is removed and none is added.
 *
 * @param jar         the jar to modify.
 * @param url         the `ws://` or `wss://` URL of the server.
 * @param set_cookie  one cookie as in a Set-Cookie header, for example "name=value; Path=/;
 *                    Max-Age=3600".
 * @retval WSLINE_OK                    done.
 * @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
 *                                      why.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `set_cookie` is not a valid cookie, or
 *                                      is one that this server may not set; the error message says
 *                                      why.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status
wsline_cookie_jar_add(wsline_cookie_jar *jar, const char *url, const char *set_cookie);

/**
 * Adds a cookie to a jar and removes all other cookies that would be sent to this URL.
 *
 * @param jar         the jar to modify; unchanged on failure.
 * @param url         the `ws://` or `wss://` URL of the server.
 * @param set_cookie  as for wsline_cookie_jar_add().
 * @retval WSLINE_OK                    done.
 * @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
 *                                      why.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or wsline_cookie_jar_add() would reject
 *                                      the cookie.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 */
WSLINE_API wsline_status
wsline_cookie_jar_set(wsline_cookie_jar *jar, const char *url, const char *set_cookie);

/**
 * Returns the value of the Cookie header that a request to a URL would contain.
 *
 * @param jar          the jar to search.
 * @param url          the `ws://` or `wss://` URL of the server, including the path.
 * @param cookies_out  set to, for example, "name=value; other=value"; to NULL if there is no
 *                     cookie, and on failure.
 * @retval WSLINE_OK                    done.
 * @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
 *                                      why.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
 *
 * Ownership: `*cookies_out` is yours; free it with wsline_string_free().
 */
WSLINE_API WSLINE_NODISCARD wsline_status
wsline_cookie_jar_get(const wsline_cookie_jar *jar, const char *url, char **cookies_out);

/**
 * Removes all cookies from a jar.
 *
 * @param jar  the jar to empty.
 * @retval WSLINE_OK                    done.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `jar` is NULL.
 */
WSLINE_API wsline_status wsline_cookie_jar_clear(wsline_cookie_jar *jar);

/* --- Transports ------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.2
 */

/**
 * Creates a transport from functions that read and write.
 *
 * Only `wait` may wait. The functions run with locks of the connection held, so they must not call
 * functions of the connection or app that uses the transport; they may call
 * wsline_transport_ready(). One thread at a time calls `read`, and one calls `write`, but both may
 * run at once, and `wait` beside both and in several threads. If your transport cannot do that,
 * lock it in your functions. After an end or a failure of `read`, it is not called again.
 *
 * Blocking calls wait with `wait`, if there is one. Otherwise, and for apps, a wait ends when
 * wsline_transport_ready() is called.
 *
 * @param read           reads.
 * @param write          writes.
 * @param wait           waits; NULL if you call wsline_transport_ready() instead.
 * @param userdata       handed to the functions; may be NULL.
 * @param userdata_free  called once with `userdata`: after the transport, every options object that
 *                       names it and the connection that uses it have been freed, or if this call
 *                       fails. May be NULL.
 * @param transport_out  set to the transport; to NULL on failure.
 * @retval WSLINE_OK                    `*transport_out` is yours.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `read`, `write` or `transport_out` is NULL.
 * @retval WSLINE_ERR_IO                the system refuses to create a pair of sockets.
 *
 * Ownership: free it with wsline_transport_free().
 * See also: wsline_options_set_fd(), for a transport that is a socket
 */
WSLINE_API WSLINE_NODISCARD wsline_status
wsline_transport_new(wsline_transport_read_fn read, wsline_transport_write_fn write,
                     wsline_transport_wait_fn wait, void *userdata, wsline_free_fn userdata_free,
                     wsline_transport **transport_out);

/**
 * Reports that a transport may be readable or writable again.
 *
 * Call it whenever that may be so after a function has returned WSLINE_TRANSPORT_NOT_READY; calling
 * it too often does no harm. It wakes the threads and the loop that wait for the transport, and
 * whatever watches the descriptor of wsline_conn_poll_fd(). It is not needed if only blocking calls
 * use the transport, and it has a `wait` function.
 *
 * @param transport  the transport.
 * @retval WSLINE_OK                    reported.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `transport` is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       this is a child process that inherited the transport.
 *
 * Threads: any; not in a signal handler.
 */
WSLINE_API wsline_status wsline_transport_ready(wsline_transport *transport);

/**
 * Frees a transport.
 *
 * @param transport  the transport; may be NULL. A connection that uses it continues to.
 *
 * Threads: any, while no other thread uses this pointer.
 */
WSLINE_API void wsline_transport_free(wsline_transport *transport);

/**
 * Uses a transport of yours instead of opening a socket.
 *
 * The URL still determines the request, and `wss://` still means TLS, which runs over the
 * transport: if that is encrypted already, use `ws://`. With wsline_options_set_upgraded() the
 * transport is taken to be an open WebSocket connection. No proxy is used, no redirect is followed,
 * and options for sockets have no effect. An app reconnects only if on_connecting sets a new
 * transport in the options of each attempt, see wsline_app_on_connecting(). Of this function and
 * wsline_options_set_fd(), the last call counts.
 *
 * wsline_conn_abort() and wsline_conn_shutdown() end a wait at once, or within 100 ms if it is one
 * with the `wait` function, which wsline_options_set_interruptible() does not end. Without `wait`,
 * the transport counts as writable until `write` refuses bytes: a send under TLS that then times
 * out drops the connection. The transport is not told that a connection has ended; close it when
 * you free the connection.
 *
 * @param options    the options to modify.
 * @param transport  the transport; NULL, the default, for none. A second connect with it fails with
 *                   WSLINE_ERR_WRONG_STATE.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       this is a child process that inherited the transport.
 *
 * Threads: one at a time per options object.
 */
WSLINE_API wsline_status
wsline_options_set_transport(wsline_options *options, wsline_transport *transport);

/* --- Connection ------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Connects to a server and returns an open connection.
 *
 * Looks up the host, connects to the first of its addresses that answers, directly or through a
 * proxy, verifies certificate and name for `wss://`, and follows redirects, all within one timeout.
 * To read the status, headers and body of a response that is not an upgrade, or to abort the
 * connect from another thread, use wsline_conn_new() and wsline_conn_connect().
 *
 * @param url       a `ws://` or `wss://` URL; it may have a user name and password, port, path and
 *                  query, but no fragment. For a Unix-domain socket use a URL such as
 *                  `ws+unix:///run/server.sock:/path`.
 * @param options   the options; NULL for the defaults.
 * @param conn_out  set to the connection; to NULL on failure.
 * @retval WSLINE_OK                      `*conn_out` is open and yours.
 * @retval WSLINE_ERR_INVALID_ARGUMENT    `url` or `conn_out` is NULL.
 * @retval WSLINE_ERR_WRONG_STATE         `options` has a cookie jar that was created before fork(),
 *                                        or a transport that was, or was used already.
 * @retval WSLINE_ERR_INVALID_URL         `url` is not a valid WebSocket URL; the error message says
 *                                        why.
 * @retval WSLINE_ERR_RESOLVE             the host name could not be resolved.
 * @retval WSLINE_ERR_CONNECT             no address accepted a connection; the error message lists
 *                                        them.
 * @retval WSLINE_ERR_TIMEOUT             the connect timed out; the phase in wsline_last_error()
 *                                        says where.
 * @retval WSLINE_ERR_INTERRUPTED         a signal handler ran, see
 *                                        wsline_options_set_interruptible().
 * @retval WSLINE_ERR_PROXY               the proxy rejected the connection or failed, or the
 *                                        environment names an invalid proxy; the error message
 *                                        names it.
 * @retval WSLINE_ERR_PROXY_AUTH          the proxy requires credentials, or rejected those
 *                                        supplied.
 * @retval WSLINE_ERR_TLS                 the TLS handshake failed.
 * @retval WSLINE_ERR_TLS_VERIFY          the server's certificate was rejected; the error message
 *                                        says why.
 * @retval WSLINE_ERR_TLS_CONFIG          the TLS options cannot be used.
 * @retval WSLINE_ERR_HTTP_STATUS         the server answered with a status other than 101, or with
 *                                        a redirect that cannot be followed.
 * @retval WSLINE_ERR_TOO_MANY_REDIRECTS  there were too many redirects; the error message lists
 *                                        them.
 * @retval WSLINE_ERR_BAD_UPGRADE         the server's response is invalid; the error message names
 *                                        the header.
 * @retval WSLINE_ERR_CONNECTION_LOST     the server ended the connection during the handshake.
 * @retval WSLINE_ERR_IO                  a system call failed.
 * @retval WSLINE_ERR_INTERNAL            a bug in wsline, or the system has no random bytes.
 * @retval WSLINE_ERR_NO_MEMORY           there is not enough memory for the request, for the
 *                                        response, or to prepare for fork().
 *
 * Ownership: free it with wsline_conn_free().
 * Blocks: up to the connect timeout, 30 seconds by default.
 * See also: wsline_options_set_connect_timeout_ms()
 */
WSLINE_API WSLINE_NODISCARD wsline_status
wsline_connect(const char *url, const wsline_options *options, wsline_conn **conn_out);

/**
 * Creates a connection that is not connected yet.
 *
 * @param options   the options; NULL for the defaults.
 * @param conn_out  set to the connection; to NULL on failure.
 * @retval WSLINE_OK                    `*conn_out` is yours.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn_out` is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       `options` has a cookie jar that was created before fork().
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
 *
 * Ownership: free it with wsline_conn_free().
 */
WSLINE_API WSLINE_NODISCARD wsline_status
wsline_conn_new(const wsline_options *options, wsline_conn **conn_out);

/**
 * Connects a connection, as wsline_connect() does.
 *
 * After a failure other than WSLINE_ERR_ABORTED, it may be called again. Once it has succeeded, the
 * connection cannot be connected again, even after it has ended. The server's response can be read
 * in both cases, see wsline_conn_http_status().
 *
 * @param conn  a connection created by wsline_conn_new().
 * @param url   as for wsline_connect().
 * @retval WSLINE_OK                    the connection is open.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  an argument is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       the connection was connected before.
 * @retval WSLINE_ERR_BUSY              another thread is connecting the connection.
 * @retval WSLINE_ERR_ABORTED           wsline_conn_abort() was called.
 * @retval WSLINE_ERR_INVALID_URL       and all others: see wsline_connect().
 *
 * Blocks: up to the connect timeout, 30 seconds by default; wsline_conn_abort() from another thread
 * ends the wait.
 */
WSLINE_API wsline_status wsline_conn_connect(wsline_conn *conn, const char *url);

/**
 * Frees a connection.
 *
 * If it is still open, it is dropped without a closing handshake; see wsline_conn_close().
 *
 * @param conn  the connection; may be NULL.
 *
 * Threads: any, while no other thread uses the connection.
 */
WSLINE_API void wsline_conn_free(wsline_conn *conn);

/* --- Sending ---------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Blocks: as wsline_conn_send_text().
 * Since: 0.1
 */

/**
 * Sends a text message.
 *
 * @param conn  an open connection.
 * @param text  the text, UTF-8; NULL with `len` 0 is an empty message.
 * @param len   bytes in `text`, or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    the system has accepted all of the data, or it is corked;
 *                                      see wsline_conn_cork().
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `text` is NULL and `len` is not 0, or `text`
 *                                      is not UTF-8.
 * @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
 * @retval WSLINE_ERR_BUSY              a fragmented message has not been finished.
 * @retval WSLINE_ERR_TIMEOUT           the send timed out before any of the message was sent; the
 *                                      connection is as it was.
 * @retval WSLINE_ERR_INTERRUPTED       a signal handler ran, see
 *                                      wsline_options_set_interruptible().
 * @retval WSLINE_ERR_CLOSED            the connection was closed.
 * @retval WSLINE_ERR_CONNECTION_LOST   the transport has ended, or was dropped because the send
 *                                      timed out with part of a frame sent.
 * @retval WSLINE_ERR_ABORTED           wsline_conn_abort() was called.
 * @retval WSLINE_ERR_TLS               TLS failed.
 * @retval WSLINE_ERR_IO                a system call failed.
 * @retval WSLINE_ERR_INTERNAL          the function set with wsline_options_set_mask_key_fn()
 *                                      failed, or there is a bug in wsline.
 * @retval WSLINE_ERR_PROTOCOL          the connection has already ended with this status;
 *                                      WSLINE_ERR_INVALID_PAYLOAD and WSLINE_ERR_MESSAGE_TOO_BIG
 *                                      are returned for that reason, too.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; none of the message was sent.
 *
 * Threads: any number at once; messages are never interleaved.
 * Blocks: up to the send timeout, while the server does not read; wsline_conn_abort() ends the
 * wait.
 * See also: wsline_options_set_send_timeout_ms()
 */
WSLINE_API wsline_status wsline_conn_send_text(wsline_conn *conn, const char *text, size_t len);

/**
 * Sends a binary message.
 *
 * @param conn  an open connection.
 * @param data  the bytes; NULL with `len` 0 is an empty message.
 * @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    the system has accepted all of the data, or it is corked;
 *                                      see wsline_conn_cork().
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, or `data` is NULL and `len` is not 0.
 * @retval WSLINE_ERR_WRONG_STATE       and all others: see wsline_conn_send_text().
 *
 * Threads: any number at once; messages are never interleaved.
 */
WSLINE_API wsline_status wsline_conn_send_binary(wsline_conn *conn, const void *data, size_t len);

/**
 * Sends a message, a ping or a pong.
 *
 * @param conn    an open connection.
 * @param opcode  WSLINE_OPCODE_TEXT, _BINARY, _PING or _PONG; add WSLINE_SEND_UNCOMPRESSED to send
 *                a message uncompressed.
 * @param data    the payload; text must be UTF-8, a ping or pong has at most 125 bytes; NULL with
 *                `len` 0 is an empty one.
 * @param len     bytes in `data`, or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    the system has accepted all of the data, or it is corked;
 *                                      see wsline_conn_cork().
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `opcode` is another number, or the payload
 *                                      is invalid.
 * @retval WSLINE_ERR_WRONG_STATE       and all others: see wsline_conn_send_text().
 *
 * Threads: any number at once; messages are never interleaved.
 * See also: wsline_conn_send_fragment(), wsline_conn_send_close()
 */
WSLINE_API wsline_status
wsline_conn_send(wsline_conn *conn, int32_t opcode, const void *data, size_t len);

/**
 * Sends one fragment of a message whose length is not known yet.
 *
 * Each fragment is sent at once, as a frame of its own, unless wsline_conn_cork() is in effect.
 * Until the last fragment has been sent, every other send of a message returns WSLINE_ERR_BUSY;
 * control frames may be sent between fragments. Text may be split anywhere and is not validated. If
 * compression was negotiated, fragments of any size are compressed.
 *
 * @param conn    an open connection.
 * @param opcode  WSLINE_OPCODE_TEXT or WSLINE_OPCODE_BINARY, the same for each fragment of a
 *                message; add WSLINE_SEND_UNCOMPRESSED to that of the first fragment to send the
 *                message uncompressed.
 * @param data    the fragment; NULL with `len` 0 is an empty one.
 * @param len     bytes in `data`, or WSLINE_NUL_TERMINATED.
 * @param fin     true for the last fragment.
 * @retval WSLINE_OK                    the system has accepted all of the data, or it is corked;
 *                                      see wsline_conn_cork().
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `data` is NULL and `len` is not 0, or
 *                                      `opcode` is another number or differs from that of the first
 *                                      fragment.
 * @retval WSLINE_ERR_WRONG_STATE       and all others: see wsline_conn_send_text().
 *
 * Threads: any, but only one at a time for the fragments of one message.
 */
WSLINE_API wsline_status
wsline_conn_send_fragment(wsline_conn *conn, int32_t opcode, const void *data, size_t len,
                          bool fin);

/**
 * Sends one frame, as `frame` describes it.
 *
 * If `raw` is 0, the payload is masked with a new key. Compression, UTF-8 validation and the check
 * of a close frame's content are skipped. Frames that would break the connection are rejected:
 * reserved bits, a long or fragmented control frame, a continuation without a message, a new
 * message inside another.
 *
 * If `raw` is 1, the frame is sent as wsline_frame_encode() writes it, to test how a server handles
 * it: with reserved bits and opcodes, in any order, masked with `mask_key` or not at all. Only a
 * frame after a close frame is rejected. Later sends take no account of the frame, unless it is a
 * close frame; but after a frame with `rsv1`, compression starts again with an empty window.
 *
 * @param conn   an open connection.
 * @param frame  the frame. If `raw` is 0, `fin`, `opcode`, `data` and `len` are used, and the
 *               reserved bits and `masked` must be 0.
 * @retval WSLINE_OK                    the system has accepted all of the data.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  an argument is NULL, or the frame is invalid.
 * @retval WSLINE_ERR_WRONG_STATE       and all others: see wsline_conn_send_text().
 *
 * Threads: any number at once.
 * See also: wsline_conn_recv_frame()
 */
WSLINE_API wsline_status wsline_conn_send_frame(wsline_conn *conn, const wsline_frame *frame);

/**
 * Corks a connection: from now on small messages are collected, so that many of them are sent with
 * one system call.
 *
 * Corked messages are sent by wsline_conn_uncork(), when they reach 64 KiB, before a ping, a pong,
 * a close frame, a frame sent with wsline_conn_send_frame() or a message too large to collect, and
 * before a receive on this connection waits. While corked, a send returns WSLINE_OK; if the
 * collected messages cannot be sent, a later call reports the error. Freeing or aborting the
 * connection discards them.
 *
 * @param conn  an open connection.
 * @retval WSLINE_OK                    corked.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
 * @retval WSLINE_ERR_CLOSED            the connection was closed.
 * @retval WSLINE_ERR_CONNECTION_LOST   and all others: the connection has ended with that status.
 *
 * Threads: any; messages of other threads are corked, too.
 * Blocks: no.
 * See also: wsline_conn_uncork()
 */
WSLINE_API wsline_status wsline_conn_cork(wsline_conn *conn);

/**
 * Sends the messages collected since wsline_conn_cork(), and ends corking.
 *
 * @param conn  an open connection.
 * @retval WSLINE_OK                   the system has accepted all collected messages, or there were
 *                                     none.
 * @retval WSLINE_ERR_TIMEOUT          the send timed out; nothing is lost, and the next call that
 *                                     sends continues.
 * @retval WSLINE_ERR_CONNECTION_LOST  the connection has ended, and the corked messages are lost.
 * @retval WSLINE_ERR_CLOSED           and all others: see wsline_conn_send_text().
 *
 * Threads: any.
 */
WSLINE_API wsline_status wsline_conn_uncork(wsline_conn *conn);

/**
 * Sends a ping, which the server answers with a pong of the same payload.
 *
 * @param conn  an open connection.
 * @param data  the payload, at most 125 bytes; NULL with `len` 0 for none.
 * @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    the system has accepted all of the data.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `data` is NULL and `len` is not 0, or the
 *                                      payload is longer than 125 bytes.
 * @retval WSLINE_ERR_WRONG_STATE       and all others except WSLINE_ERR_BUSY: see
 *                                      wsline_conn_send_text().
 *
 * Threads: any number at once.
 * See also: wsline_conn_recv_event(), which delivers the pong
 */
WSLINE_API wsline_status wsline_conn_ping(wsline_conn *conn, const void *data, size_t len);

/**
 * Sends a pong: the answer to a ping if automatic pongs are disabled, or an unsolicited one.
 *
 * @param conn  an open connection.
 * @param data  the payload, at most 125 bytes; NULL with `len` 0 for none.
 * @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    the system has accepted all of the data.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `data` is NULL and `len` is not 0, or the
 *                                      payload is longer than 125 bytes.
 * @retval WSLINE_ERR_WRONG_STATE       and all others except WSLINE_ERR_BUSY: see
 *                                      wsline_conn_send_text().
 *
 * Threads: any number at once.
 */
WSLINE_API wsline_status wsline_conn_pong(wsline_conn *conn, const void *data, size_t len);

/**
 * Sends a close frame: begins the closing handshake without waiting for its end, or answers a close
 * frame received with wsline_conn_recv_frame().
 *
 * Nothing can be sent after it. Receives continue until the server's close frame has arrived.
 *
 * @param conn    an open connection.
 * @param code    a wsline_close_code that is not marked "only reported", 3000 to 4999, or 0 for a
 *                close frame without a code.
 * @param reason  UTF-8 of at most 123 bytes; NULL for none.
 * @retval WSLINE_OK                    the close frame has been sent.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `code` is not a code that may be sent, or
 *                                      `reason` is too long or not UTF-8.
 * @retval WSLINE_ERR_CLOSED            a close frame was sent before.
 * @retval WSLINE_ERR_WRONG_STATE       and all others except WSLINE_ERR_BUSY: see
 *                                      wsline_conn_send_text().
 *
 * Threads: any number at once.
 * See also: wsline_conn_close()
 */
WSLINE_API wsline_status
wsline_conn_send_close(wsline_conn *conn, int32_t code, const char *reason);

/* --- One message for many connections --------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Creates a message to send to many connections.
 *
 * @param opcode        WSLINE_OPCODE_TEXT or WSLINE_OPCODE_BINARY; add WSLINE_SEND_UNCOMPRESSED to
 *                      never compress it.
 * @param data          the payload; text must be UTF-8; NULL with `len` 0 is an empty one.
 * @param len           bytes in `data`, or WSLINE_NUL_TERMINATED.
 * @param prepared_out  set to the message; to NULL on failure.
 * @retval WSLINE_OK                    `*prepared_out` is yours.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `prepared_out` is NULL, `data` is NULL and `len` is not 0,
 *                                      `opcode` is another number, or text is not UTF-8.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
 *
 * Ownership: free it with wsline_prepared_free().
 */
WSLINE_API WSLINE_NODISCARD wsline_status
wsline_prepared_new(int32_t opcode, const void *data, size_t len, wsline_prepared **prepared_out);

/**
 * Frees a prepared message.
 *
 * @param prepared  the message; may be NULL. Sends of it that have returned WSLINE_OK are not
 *                  affected.
 *
 * Threads: any, while no other thread uses this pointer.
 */
WSLINE_API void wsline_prepared_free(wsline_prepared *prepared);

/**
 * Sends a prepared message.
 *
 * If the message is compressed, it is compressed on its own, and later messages cannot refer to
 * messages before it; for many similar messages, ordinary sends compress better.
 *
 * @param conn      an open connection.
 * @param prepared  the message to send.
 * @retval WSLINE_OK                    the system has accepted all of the data, or it is corked;
 *                                      see wsline_conn_cork().
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       and all others: see wsline_conn_send_text().
 *
 * Threads: any number at once.
 * Blocks: as wsline_conn_send_text().
 */
WSLINE_API wsline_status
wsline_conn_send_prepared(wsline_conn *conn, const wsline_prepared *prepared);

/**
 * Sends a prepared message with an app, as wsline_app_send() does.
 *
 * @param app       an app.
 * @param prepared  the message to send.
 * @retval WSLINE_OK                    sent, or queued.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 * @retval WSLINE_ERR_WOULD_BLOCK       and all others: see wsline_app_send_text().
 */
WSLINE_API wsline_status wsline_app_send_prepared(wsline_app *app, const wsline_prepared *prepared);

/* --- Receiving -------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any, one at a time; others may send at the same time.
 * Blocks: as wsline_conn_recv().
 * Since: 0.1
 */

/**
 * Waits for the next message.
 *
 * Joins fragments, validates text, and answers pings. Messages that have arrived together are
 * delivered one by one without further system calls.
 *
 * @param conn         an open connection.
 * @param timeout_ms   milliseconds; 0 does not wait, but reads what has arrived, up to some 8 MiB
 *                     or 16,000 control frames; WSLINE_FOREVER waits indefinitely,
 *                     WSLINE_DEFAULT_TIMEOUT uses the timeout of the connection.
 * @param message_out  filled; zero on failure.
 * @retval WSLINE_OK                    a message has arrived.
 * @retval WSLINE_ERR_TIMEOUT           no complete message arrived in time; what has arrived is
 *                                      kept for the next call.
 * @retval WSLINE_ERR_INTERRUPTED       a signal handler ran, see
 *                                      wsline_options_set_interruptible().
 * @retval WSLINE_ERR_CLOSED            the connection was closed; see wsline_conn_close_info().
 * @retval WSLINE_ERR_CONNECTION_LOST   the transport ended without a close frame.
 * @retval WSLINE_ERR_ABORTED           wsline_conn_abort() was called.
 * @retval WSLINE_ERR_PROTOCOL          the server violated RFC 6455; a close frame was sent, and
 *                                      the connection has ended.
 * @retval WSLINE_ERR_INVALID_PAYLOAD   text is not UTF-8, or a compressed message cannot be
 *                                      inflated; a close frame was sent, and the connection has
 *                                      ended.
 * @retval WSLINE_ERR_MESSAGE_TOO_BIG   the message exceeds a limit; a close frame was sent, and the
 *                                      connection has ended.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory for the message; the connection
 *                                      has ended.
 * @retval WSLINE_ERR_BUSY              another thread is receiving on this connection.
 * @retval WSLINE_ERR_WRONG_STATE       the connection was never connected, or another receive
 *                                      function has begun a message.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `timeout_ms` is another negative
 *                                      number.
 * @retval WSLINE_ERR_TLS               TLS failed.
 * @retval WSLINE_ERR_IO                a system call failed.
 *
 * Ownership: the payload is lent until the next receive on the connection or until the connection
 * is freed.
 * Blocks: up to `timeout_ms`; wsline_conn_abort(), wsline_conn_shutdown() or wsline_conn_close()
 * from another thread ends the wait.
 * See also: wsline_conn_recv_event(), wsline_conn_recv_frame()
 */
WSLINE_API wsline_status
wsline_conn_recv(wsline_conn *conn, int64_t timeout_ms, wsline_message *message_out);

/**
 * Waits for the next message or control frame.
 *
 * Like wsline_conn_recv(), but also delivers pings, pongs and the close frame. By then a close
 * frame has been answered, and so has a ping, unless automatic pongs are disabled. The close frame
 * is delivered once; after that the status is WSLINE_ERR_CLOSED.
 *
 * @param conn         an open connection.
 * @param timeout_ms   as for wsline_conn_recv().
 * @param message_out  filled; zero on failure. The payload of a close frame is empty, or a code in
 *                     two bytes, in network byte order, and a reason.
 * @retval WSLINE_OK           a message or a control frame has arrived; see `opcode`.
 * @retval WSLINE_ERR_TIMEOUT  and all others: see wsline_conn_recv().
 *
 * Ownership: as for wsline_conn_recv().
 */
WSLINE_API wsline_status
wsline_conn_recv_event(wsline_conn *conn, int64_t timeout_ms, wsline_message *message_out);

/**
 * Waits for a message, and returns it together with the others that have already arrived.
 *
 * One call can deliver all messages that one read of the socket has brought, up to `capacity`; it
 * is for programs that receive many messages or for which calls are expensive, such as language
 * bindings. All messages are lent at once, each followed by a NUL. Only uncompressed messages of
 * one frame and less than 64 KiB can be delivered together; any other message is delivered alone,
 * and so is every message with wsline_options_set_deliver_fragments(), and every binary one with
 * wsline_options_set_inflate_messages(). If the last message has WSLINE_MESSAGE_MORE, the next call
 * does not wait. An error in a message is reported by the next call, after the messages before it.
 *
 * @param conn          an open connection.
 * @param timeout_ms    as for wsline_conn_recv(); for the first message.
 * @param messages_out  the first `*count_out` elements are filled.
 * @param capacity      the number of elements in `messages_out`, 1 or more.
 * @param count_out     set to the number of messages; to 0 on failure.
 * @retval WSLINE_OK                    at least one message has arrived.
 * @retval WSLINE_ERR_TIMEOUT           and all others: see wsline_conn_recv().
 * @retval WSLINE_ERR_INVALID_ARGUMENT  as for wsline_conn_recv(), or `capacity` is 0.
 *
 * Ownership: the payloads are lent until the next receive on the connection or until the connection
 * is freed.
 * See also: wsline_conn_recv()
 */
WSLINE_API wsline_status
wsline_conn_recv_many(wsline_conn *conn, int64_t timeout_ms, wsline_message *messages_out,
                      size_t capacity, size_t *count_out);

/**
 * Waits for the next part of a message, so that messages of any size need little memory.
 *
 * A part is whatever has arrived of the message since the previous part, at most about 256 KiB,
 * regardless of the fragments in which it was sent; the flags mark the first and the last part. A
 * small message usually arrives as one part with both flags. wsline_options_set_max_message_bytes()
 * and _max_fragments() do not apply. UTF-8 validation covers the whole message; a character may be
 * split between two parts. A message whose first part was received with this function must be
 * received to its end with it.
 *
 * @param conn        an open connection.
 * @param timeout_ms  as for wsline_conn_recv().
 * @param part_out    filled; zero on failure. The last part may be empty.
 * @retval WSLINE_OK           a part has arrived.
 * @retval WSLINE_ERR_TIMEOUT  and all others: see wsline_conn_recv().
 *
 * Ownership: the payload is lent until the next receive on the connection or until the connection
 * is freed.
 * See also: wsline_conn_send_fragment(), wsline_app_on_part()
 */
WSLINE_API wsline_status
wsline_conn_recv_part(wsline_conn *conn, int64_t timeout_ms, wsline_message *part_out);

/**
 * Waits for the next frame of any kind.
 *
 * Frames are delivered as they arrive: they are not joined or inflated (`rsv1` marks the first
 * frame of a compressed message), text is not validated, and pings and close frames are not
 * answered (use wsline_conn_pong() and wsline_conn_send_close()). Frames that violate RFC 6455
 * still end the connection.
 *
 * A frame over a limit ends the connection, too. wsline_options_set_max_message_bytes() and
 * _max_frame_bytes() limit each data frame, compressed as it has arrived; the sum of a message has
 * no limit. _max_fragments() counts the data frames of a message: those up to the limit are
 * delivered. Control frames count for none of them; RFC 6455 limits them to 125 bytes. If later
 * compressed messages may refer to earlier ones, the library also inflates them for itself, and
 * wsline_options_set_deflate_max_ratio() applies.
 *
 * @param conn        an open connection.
 * @param timeout_ms  as for wsline_conn_recv().
 * @param frame_out   filled; zero on failure.
 * @retval WSLINE_OK               a frame is in `frame_out`.
 * @retval WSLINE_ERR_WRONG_STATE  as for wsline_conn_recv(), or WSLINE_INFLATE_STREAM was set.
 * @retval WSLINE_ERR_TIMEOUT      and all others: see wsline_conn_recv().
 *
 * Ownership: the payload is lent until the next receive on the connection or until the connection
 * is freed.
 * See also: wsline_conn_send_frame()
 */
WSLINE_API wsline_status
wsline_conn_recv_frame(wsline_conn *conn, int64_t timeout_ms, wsline_frame *frame_out);

/* --- Polling a connection --------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.2
 */

/**
 * Creates a descriptor that is readable when a receive would return something.
 *
 * Watch it for reading with poll(2), epoll(7), libuv, GLib, asyncio or any other event loop. It
 * covers everything that a receive can return: messages that have arrived, decrypted or not, or are
 * buffered already, control and close frames, and the end of the connection, after which it stays
 * readable. When it is readable, receive with a timeout of 0 until WSLINE_ERR_TIMEOUT. You may
 * receive less with a level-triggered watcher, but not with an edge-triggered one (EPOLLET, as in
 * Go's netpoller and tokio's AsyncFd).
 *
 * Nothing reads the socket while you wait, so the descriptor is also readable for bytes that turn
 * out to be a part of a message, or, with wsline_conn_recv(), a ping; and when there is room again
 * to send a pong that the socket did not take. The receive then handles them and returns
 * WSLINE_ERR_TIMEOUT. It also returns that after some 16,000 pings or 8 MiB, and while another
 * thread closes; then the descriptor becomes readable again. What counts depends on the function
 * that received last: to change it, receive with the other one until WSLINE_ERR_TIMEOUT. A mistake
 * in a message that is still incomplete, such as text that is not UTF-8, may show only when more of
 * it arrives.
 *
 * It takes two descriptors of the process, and each receive that changes whether something is
 * buffered makes one system call more. Remove it from your loop before you free the connection.
 *
 * @param conn    an open connection.
 * @param fd_out  set to the descriptor, the same for each call; to -1 on failure. It belongs to the
 *                connection, which closes it when it is freed, and must not be read, written or
 *                closed.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
 * @retval WSLINE_ERR_ABORTED           it was aborted before it was connected.
 * @retval WSLINE_ERR_IO                the system refuses to create a descriptor.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 *
 * See also: wsline_conn_pending(), wsline_loop_fd()
 */
WSLINE_API wsline_status wsline_conn_poll_fd(wsline_conn *conn, int32_t *fd_out);

/**
 * Returns whether a receive would return something that has been read from the socket already.
 *
 * That is a message, a control or close frame, or the end of the connection; which messages count
 * depends on the function that received last, as for wsline_conn_poll_fd(). While nothing is
 * pending, a program that wants no further descriptors may poll wsline_conn_fd(); then a pong that
 * the socket did not take waits for the next receive or send.
 *
 * @param conn  a connection; may be NULL.
 * @return      true if so; false if not, if another thread is receiving, or before the connect.
 */
WSLINE_API bool wsline_conn_pending(wsline_conn *conn);

/* --- Closing ---------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Closes a connection: sends a close frame, waits for the server's, and then ends the transport,
 * even if the server did not answer in time.
 *
 * If another thread is in a receive call, its calls deliver the messages that still arrive, and
 * then report the end. Otherwise, messages that arrive during the close are discarded, and a
 * receive that begins during the close waits until the close has ended. A message received before
 * the close stays valid. After the closing handshake the call waits until the server ends the TCP
 * connection (RFC 6455 section 7.1.1), for at most 1 second and within `timeout_ms`. If the
 * connection has already ended, the call does nothing more.
 *
 * @param conn        a connection.
 * @param code        usually WSLINE_CLOSE_NORMAL; or another wsline_close_code that is not marked
 *                    "only reported", 3000 to 4999, or 0 for none.
 * @param reason      UTF-8 of at most 123 bytes; NULL for none.
 * @param timeout_ms  milliseconds for the whole close. WSLINE_DEFAULT_TIMEOUT limits the time
 *                    without progress instead, see wsline_options_set_close_timeout_ms().
 * @retval WSLINE_OK                    both close frames were exchanged, whichever side began.
 * @retval WSLINE_ERR_TIMEOUT           the server did not answer in time; the transport was
 *                                      dropped.
 * @retval WSLINE_ERR_INTERRUPTED       a signal handler ran, see
 *                                      wsline_options_set_interruptible().
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `code` is not a code that may be sent,
 *                                      `reason` is too long or not UTF-8, or `timeout_ms` is
 *                                      another negative number. Nothing was done.
 * @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
 * @retval WSLINE_ERR_CLOSED            the connection had been ended by wsline_conn_shutdown(), or
 *                                      dropped by a close that timed out.
 * @retval WSLINE_ERR_CONNECTION_LOST   and all others: the connection had ended with that error,
 *                                      without a closing handshake.
 *
 * Threads: any, also while others send or receive.
 * Blocks: up to `timeout_ms`; with WSLINE_DEFAULT_TIMEOUT up to 60 seconds, or the close timeout if
 * that is longer; wsline_conn_abort() ends the wait.
 * See also: wsline_conn_send_close(), wsline_conn_shutdown()
 */
WSLINE_API wsline_status
wsline_conn_close(wsline_conn *conn, int32_t code, const char *reason, int64_t timeout_ms);

/**
 * Drops the connection at once, without a closing handshake.
 *
 * Waiting and later calls return WSLINE_ERR_CLOSED; a receive first delivers the messages that had
 * arrived.
 *
 * @param conn  a connection.
 * @retval WSLINE_OK                    the connection has ended.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
 *
 * See also: wsline_conn_close(), wsline_conn_abort()
 */
WSLINE_API wsline_status wsline_conn_shutdown(wsline_conn *conn);

/**
 * Ends every waiting call on a connection, in any phase, and makes later calls fail.
 *
 * Waiting and later calls, including a connect in progress, return WSLINE_ERR_ABORTED. The
 * transport is dropped; messages that have arrived but were not received are discarded.
 *
 * It may be called in a signal handler, on a connection that is not being freed.
 *
 * @param conn  a connection.
 * @retval WSLINE_OK                    all waiting calls have been woken.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL. In a signal handler it must not be.
 *
 * Threads: any; async-signal-safe.
 * See also: wsline_conn_close()
 */
WSLINE_API wsline_status wsline_conn_abort(wsline_conn *conn);

/**
 * Reports how a connection ended.
 *
 * @param conn      a connection.
 * @param info_out  filled; zero, with an empty reason, while the connection is open.
 * @retval WSLINE_OK                    filled.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
 *
 * Ownership: `info_out->reason` is lent until the connection is freed.
 */
WSLINE_API wsline_status
wsline_conn_close_info(const wsline_conn *conn, wsline_close_info *info_out);

/* --- State of a connection -------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Returns whether a connection is open: connected, not closed by either side, and not failed.
 *
 * It does not test the transport: only the next send or receive notices that it has ended.
 *
 * @param conn  a connection; may be NULL.
 * @return      true if open.
 */
WSLINE_API bool wsline_conn_is_open(const wsline_conn *conn);

/**
 * Returns the HTTP status of the response to the last connect, for example 101 or 403.
 *
 * This is the response of the server, the last one if there were redirects; after WSLINE_ERR_PROXY
 * and WSLINE_ERR_PROXY_AUTH it is that of the proxy.
 *
 * @param conn  a connection; may be NULL.
 * @return      the status; 0 if there was no response.
 */
WSLINE_API int32_t wsline_conn_http_status(const wsline_conn *conn);

/**
 * Returns the reason phrase of the response to the last connect, for example "Forbidden".
 *
 * It is exactly what the server wrote after the status, so do not show it on a terminal as it is.
 *
 * @param conn  a connection; may be NULL.
 * @return      the phrase, "" if the response has none; NULL if there was no response. Lent until
 *              the connection is freed or connected again.
 *
 * Since: 0.2
 */
WSLINE_API const char *wsline_conn_http_reason(const wsline_conn *conn);

/**
 * Returns a header of the response to the last connect, whether it succeeded or not.
 *
 * @param conn  a connection; may be NULL.
 * @param name  the name; case is ignored. For a repeated header the first value is returned; for
 *              all, see wsline_conn_response_header_at().
 * @return      the value; NULL if there is none. Lent until the connection is freed or connected
 *              again.
 */
WSLINE_API const char *wsline_conn_response_header(const wsline_conn *conn, const char *name);

/**
 * Returns the headers of the response to the last connect one by one, in their order.
 *
 * @param conn       a connection; may be NULL.
 * @param index      0 for the first.
 * @param name_out   set to the name, as sent; to NULL after the last one. Lent until the connection
 *                   is freed or connected again.
 * @param value_out  set to the value, in the same way.
 * @return           true if there is a header with this index; false after the last one, or if a
 *                   pointer is NULL.
 */
WSLINE_API bool
wsline_conn_response_header_at(const wsline_conn *conn, size_t index, const char **name_out,
                               const char **value_out);

/**
 * Returns the body of the response, up to 64 KiB of it, if the last connect was refused.
 *
 * @param conn      a connection.
 * @param data_out  set to the body, which is followed by a NUL; to NULL if there is none. Lent
 *                  until the connection is freed or connected again.
 * @param len_out   set to the length of the body in bytes.
 * @retval WSLINE_OK                    set; there may be no body.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 */
WSLINE_API wsline_status
wsline_conn_response_body(const wsline_conn *conn, const void **data_out, size_t *len_out);

/**
 * Returns the subprotocol that the server chose.
 *
 * @param conn  a connection; may be NULL.
 * @return      one of those offered; NULL if the server chose none. Lent until the connection is
 *              freed.
 *
 * See also: wsline_options_add_subprotocol()
 */
WSLINE_API const char *wsline_conn_subprotocol(const wsline_conn *conn);

/**
 * Returns the extensions in use, as the server named them.
 *
 * @param conn  a connection; may be NULL.
 * @return      the value of Sec-WebSocket-Extensions, such as "permessage-deflate;
 *              client_max_window_bits=12"; NULL if none is in use. Lent until the connection is
 *              freed.
 */
WSLINE_API const char *wsline_conn_extensions(const wsline_conn *conn);

/**
 * Returns the descriptor of the socket, for calls such as getsockopt(2).
 *
 * Reading, writing or closing it breaks the connection. To wait for messages, poll the descriptor
 * of wsline_conn_poll_fd() instead: some may already be buffered.
 *
 * @param conn  a connection.
 * @return      the descriptor, valid until the connection is freed; -1 before the connect, or for
 *              NULL. With a transport of yours, a socket that shows when that may be ready.
 */
WSLINE_API int32_t wsline_conn_fd(const wsline_conn *conn);

/**
 * Returns the address that the socket is connected to: that of the server or of a proxy.
 *
 * @param conn  a connection; may be NULL.
 * @return      for example "127.0.0.1:80" or "[::1]:80"; the path of a Unix-domain socket, or "" if
 *              it has none, and with a transport of yours; NULL before the connect. Lent until the
 *              connection is freed.
 */
WSLINE_API const char *wsline_conn_peer_address(const wsline_conn *conn);

/**
 * Reports what TLS negotiated with the server.
 *
 * @param conn      a connection over `wss://`.
 * @param info_out  filled; zero on failure.
 * @retval WSLINE_OK                    filled.
 * @retval WSLINE_ERR_WRONG_STATE       the connection was never connected or does not use TLS.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 *
 * Ownership: the strings are lent until the connection is freed.
 */
WSLINE_API wsline_status wsline_conn_tls_info(const wsline_conn *conn, wsline_tls_info *info_out);

/**
 * Returns the counters of a connection.
 *
 * @param conn       a connection.
 * @param stats_out  filled; zero on failure.
 * @retval WSLINE_OK                    filled.
 * @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 *
 * Threads: any; while others send and receive, the counters may not all be from the same moment.
 */
WSLINE_API wsline_status wsline_conn_stats(const wsline_conn *conn, wsline_stats *stats_out);

/* --- App -------------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Since: 0.1
 */

/**
 * Creates an app; nothing is connected yet.
 *
 * @param url      as for wsline_connect().
 * @param options  the options; NULL for the defaults. wsline_options_set_ping() and the options for
 *                 reconnecting take effect only in apps.
 * @param app_out  set to the app; to NULL on failure.
 * @retval WSLINE_OK                    `*app_out` is yours.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `url` or `app_out` is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       `options` has a cookie jar that was created before fork().
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
 * @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
 *                                      why.
 *
 * Ownership: free it with wsline_app_free().
 * Threads: any.
 * Blocks: no.
 * See also: wsline_app_on_message(), wsline_app_run()
 */
WSLINE_API WSLINE_NODISCARD wsline_status
wsline_app_new(const char *url, const wsline_options *options, wsline_app **app_out);

/**
 * Frees an app.
 *
 * An open connection is dropped without a closing handshake; no callback is called. Once this
 * function has returned, no callback runs any more: if called on a thread other than the driving
 * one, it waits for a running callback, and for the thread of wsline_app_start() to end. So do not
 * call it while holding a lock that the callback needs. In a callback of the app itself it returns
 * at once, and that callback is the last one.
 *
 * @param app  the app; may be NULL.
 *
 * Threads: any, provided that no other thread begins a call on the app at the same time or later.
 * Blocks: until a running callback has returned; not in a callback of the app itself.
 */
WSLINE_API void wsline_app_free(wsline_app *app);

/* --- Driving an app --------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Since: 0.1
 */

/**
 * Connects, and drives the app on this thread until it has ended.
 *
 * An app ends when it is closed or aborted, or when a connect has failed or a connection has ended
 * and the app does not reconnect. It can then be run again.
 *
 * @param app  an app that is not being driven.
 * @retval WSLINE_OK                    a closing handshake ended the connection, whichever side
 *                                      began it, or wsline_app_close() was called while the app was
 *                                      not connected.
 * @retval WSLINE_ERR_ABORTED           wsline_app_abort(), wsline_app_abort_from_signal() or
 *                                      wsline_app_free() ended it, or on_connecting returned
 *                                      WSLINE_CONNECT_GIVE_UP and no failure came before; from
 *                                      wsline_app_join() also: wsline_loop_remove() or
 *                                      wsline_loop_free() ended it.
 * @retval WSLINE_ERR_CONNECTION_LOST   the transport ended without a closing handshake.
 * @retval WSLINE_ERR_PONG_TIMEOUT      the server did not answer a ping.
 * @retval WSLINE_ERR_TIMEOUT           the server did not answer the close frame, or the connect
 *                                      timed out; `phase` in wsline_last_error() says which.
 * @retval WSLINE_ERR_HTTP_STATUS       and all others: see wsline_connect() and wsline_conn_recv().
 * @retval WSLINE_ERR_BUSY              the app is already being driven.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 *
 * Threads: any. Callbacks run on the calling thread.
 * Blocks: until the app has ended; wsline_app_close() and wsline_app_abort() make it end.
 * In callbacks: WSLINE_ERR_BUSY for the app of the callback.
 * See also: wsline_app_start(), wsline_loop_add()
 */
WSLINE_API wsline_status wsline_app_run(wsline_app *app);

/**
 * Drives the app on a thread of its own, as wsline_app_run() does.
 *
 * The thread blocks all signals.
 *
 * @param app  an app that is not being driven.
 * @retval WSLINE_OK                    the app is being driven by its own thread.
 * @retval WSLINE_ERR_BUSY              the app is already being driven.
 * @retval WSLINE_ERR_IO                the system could not create a thread or descriptors.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 *
 * Threads: any. Callbacks run on the app's own thread.
 * Blocks: no.
 * See also: wsline_app_join()
 */
WSLINE_API wsline_status wsline_app_start(wsline_app *app);

/**
 * Waits until an app has ended, whatever drives it, and reports why.
 *
 * It does not end the app; use wsline_app_close() for that.
 *
 * @param app         an app.
 * @param timeout_ms  milliseconds; 0 does not wait, WSLINE_FOREVER and WSLINE_DEFAULT_TIMEOUT wait
 *                    indefinitely.
 * @retval WSLINE_OK                    and all others: what wsline_app_run() would have returned.
 * @retval WSLINE_ERR_TIMEOUT           the app has not ended in time, or it has ended with this
 *                                      status; in the second case wsline_app_is_running() returns
 *                                      false.
 * @retval WSLINE_ERR_WRONG_STATE       the app was never driven, or this thread is driving it.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, or `timeout_ms` is another negative number.
 *
 * Threads: any but the driving one.
 * Blocks: up to `timeout_ms`.
 */
WSLINE_API wsline_status wsline_app_join(wsline_app *app, int64_t timeout_ms);

/**
 * Stops receiving: nothing is read from the socket until wsline_app_resume().
 *
 * TCP then holds the server back, and memory stays bounded by what one read has brought. Meanwhile
 * pings of the server are not answered, and its close frame or the end of the connection is not
 * noticed, unless a send fails. The app sends no pings of its own, so keepalive does not drop the
 * connection. If this function is called in on_message, no further message is delivered after the
 * callback has returned. Sending works as usual. wsline_app_close() and wsline_app_reconnect() end
 * the pause, because the closing handshake must be read; the pause also ends when the app ends. A
 * connection that opens during the pause is paused, too.
 *
 * @param app  an app.
 * @retval WSLINE_OK                    paused.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 *
 * Threads: any.
 * Blocks: no.
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_app_pause(wsline_app *app);

/**
 * Continues to receive after wsline_app_pause().
 *
 * Keepalive starts over: the next ping is due after a whole interval.
 *
 * @param app  an app.
 * @retval WSLINE_OK                    not paused.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 *
 * Threads: any.
 * Blocks: no.
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_app_resume(wsline_app *app);

/* --- Callbacks of an app ---------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any, at any time. `fn` runs on the thread that drives the app.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Sets the function to call when a connection has opened.
 *
 * In this header, on_open stands for the function `fn` set here, on_message for the one set with
 * wsline_app_on_message(), and so on.
 *
 * If a function is set with wsline_app_on_reconnect(), that one is called instead for every
 * connection after the first.
 *
 * @param app            an app.
 * @param fn             the function; NULL for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 */
WSLINE_API wsline_status
wsline_app_on_open(wsline_app *app, wsline_app_fn fn, void *userdata, wsline_free_fn userdata_free);

/**
 * Sets the function to call instead of on_open when a connection other than the first has opened.
 *
 * The server knows nothing of the previous connection: subscribe again here.
 *
 * @param app            an app.
 * @param fn             the function; NULL for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 */
WSLINE_API wsline_status
wsline_app_on_reconnect(wsline_app *app, wsline_app_fn fn, void *userdata,
                        wsline_free_fn userdata_free);

/**
 * Sets the function to call with each message.
 *
 * Fragments are joined, and text is validated. While a function is set with wsline_app_on_part(),
 * that one is called instead.
 *
 * @param app            an app.
 * @param fn             the function; NULL for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 */
WSLINE_API wsline_status
wsline_app_on_message(wsline_app *app, wsline_message_fn fn, void *userdata,
                      wsline_free_fn userdata_free);

/**
 * Sets the function to call with all messages that have arrived, instead of on_message.
 *
 * For programs with many messages, and for languages in which a callback is expensive. It is called
 * with at most 64 messages, and only with those that wsline_conn_recv_many() would deliver
 * together; while a function is set with wsline_app_on_data(), this one is called with one message
 * at a time. While a function is set with wsline_app_on_part(), that one is called instead.
 *
 * @param app            an app.
 * @param fn             the function, called with one or more messages; NULL for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 *
 * See also: wsline_conn_recv_many()
 */
WSLINE_API wsline_status
wsline_app_on_messages(wsline_app *app, wsline_messages_fn fn, void *userdata,
                       wsline_free_fn userdata_free);

/**
 * Sets the function to call before on_message, on_messages or on_part, with the same message.
 *
 * For observers such as counters or recorders: it sees all data regardless of the other callbacks.
 *
 * @param app            an app.
 * @param fn             the function; NULL for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 */
WSLINE_API wsline_status
wsline_app_on_data(wsline_app *app, wsline_message_fn fn, void *userdata,
                   wsline_free_fn userdata_free);

/**
 * Sets the function to call with each part of a message as it arrives, instead of on_message and
 * on_messages, for messages of any size.
 *
 * A part is whatever has arrived of the message since the previous part, at most about 256 KiB; a
 * small message usually arrives as one part. The flags mark the first and the last part; the opcode
 * is always that of the message. UTF-8 validation covers the whole message; a character may be
 * split between two parts. wsline_options_set_max_message_bytes() and _max_fragments() do not
 * apply. If the function is removed in the middle of a message, on_message gets the rest of it.
 *
 * @param app            an app.
 * @param fn             the function; NULL for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status
wsline_app_on_part(wsline_app *app, wsline_message_fn fn, void *userdata,
                   wsline_free_fn userdata_free);

/**
 * Sets the function to call with each ping of the server.
 *
 * The ping has already been answered, unless wsline_options_set_auto_pong() has disabled that.
 *
 * @param app            an app.
 * @param fn             the function; NULL for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 */
WSLINE_API wsline_status
wsline_app_on_ping(wsline_app *app, wsline_message_fn fn, void *userdata,
                   wsline_free_fn userdata_free);

/**
 * Sets the function to call with each pong.
 *
 * Pongs that answer pings of wsline_options_set_ping() contain the payload set for these, and the 8
 * bytes that the library appended.
 *
 * @param app            an app.
 * @param fn             the function; NULL for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 *
 * See also: wsline_app_rtt_us()
 */
WSLINE_API wsline_status
wsline_app_on_pong(wsline_app *app, wsline_message_fn fn, void *userdata,
                   wsline_free_fn userdata_free);

/**
 * Sets the function to call when an attempt to connect has failed, or a connection has ended
 * without a closing handshake.
 *
 * It is not called after wsline_app_abort(), wsline_app_free(), wsline_loop_remove() or
 * wsline_loop_free(). `info->retry_in_ms` is the time until the app connects again, or -1 if the
 * app ends. To keep it from connecting again, call wsline_app_close() in this function.
 *
 * @param app            an app.
 * @param fn             the function; NULL for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 *
 * See also: wsline_options_set_reconnect()
 */
WSLINE_API wsline_status
wsline_app_on_error(wsline_app *app, wsline_error_fn fn, void *userdata,
                    wsline_free_fn userdata_free);

/**
 * Sets the function to call when a connection has ended: once for each connection that was open,
 * and as its last callback.
 *
 * It is not called for failed attempts (on_error is), or after wsline_app_free() or
 * wsline_loop_free(). `info->unsent_messages` is the number of queued messages that were lost. The
 * transport has been shut down. Then the app ends, or waits and connects again. Sends return
 * WSLINE_ERR_WRONG_STATE, unless wsline_options_set_keep_unsent_ms() lets messages wait.
 *
 * After a closing handshake the server ends the TCP connection (RFC 6455 section 7.1.1). If it does
 * not, this function is called 1 second after the second close frame.
 *
 * @param app            an app.
 * @param fn             the function; NULL for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 */
WSLINE_API wsline_status
wsline_app_on_close(wsline_app *app, wsline_close_fn fn, void *userdata,
                    wsline_free_fn userdata_free);

/**
 * Sets the function to call when the send queue has room again.
 *
 * It is called once after a send has returned WSLINE_ERR_WOULD_BLOCK, when half of the queue is
 * free.
 *
 * @param app            an app.
 * @param fn             the function; NULL for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 *
 * See also: wsline_options_set_max_send_queue_bytes()
 */
WSLINE_API wsline_status
wsline_app_on_drain(wsline_app *app, wsline_app_fn fn, void *userdata,
                    wsline_free_fn userdata_free);

/**
 * Sets all callbacks of an app at once, with one userdata.
 *
 * It replaces all callbacks set before; those that are NULL in `callbacks` are removed.
 *
 * @param app            an app.
 * @param callbacks      the callbacks, copied; NULL removes all.
 * @param userdata       handed to each callback; may be NULL.
 * @param userdata_free  called once with `userdata` when none of the callbacks will be called
 *                       again, or if this call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, or a reserved field is not NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status
wsline_app_set_callbacks(wsline_app *app, const wsline_app_callbacks *callbacks, void *userdata,
                         wsline_free_fn userdata_free);

/* --- Connecting an app ------------------------------------------------------------------------ */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.2
 */

/**
 * Sets the function to call before each attempt to connect.
 *
 * It may change the options of the attempt: headers, a bearer token, cookies, the proxy, TLS; and,
 * with wsline_app_set_url(), the URL. It may also put the attempt off, for example while a token is
 * being fetched: it returns WSLINE_CONNECT_LATER, and is called again after wsline_app_proceed().
 * While it is set, 401, 403 and 407 do not end an app that reconnects, because it may use other
 * credentials for the next attempt.
 *
 * @param app            an app.
 * @param fn             the function; NULL for none.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
 *                       call fails; may be NULL.
 * @retval WSLINE_OK                    set; the `userdata` set before is released.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 *
 * Threads: any, at any time. `fn` runs on the thread that drives the app.
 * See also: wsline_app_proceed(), wsline_app_set_url()
 */
WSLINE_API wsline_status
wsline_app_on_connecting(wsline_app *app, wsline_connecting_fn fn, void *userdata,
                         wsline_free_fn userdata_free);

/**
 * Makes an app call on_connecting again, after that has returned WSLINE_CONNECT_LATER.
 *
 * It may be called before on_connecting has returned. An app that is not waiting for it ignores it.
 *
 * @param app  an app.
 * @retval WSLINE_OK                    done.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 *
 * See also: wsline_app_on_connecting()
 */
WSLINE_API wsline_status wsline_app_proceed(wsline_app *app);

/**
 * Sets the URL of an app, from the next attempt to connect on.
 *
 * In on_connecting it also changes the URL of the attempt that is about to be made.
 *
 * @param app  an app.
 * @param url  as for wsline_connect().
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
 *                                      why.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
 *
 * See also: wsline_app_reconnect()
 */
WSLINE_API wsline_status wsline_app_set_url(wsline_app *app, const char *url);

/**
 * Sets the options of an app, from the next attempt to connect on.
 *
 * @param app      an app.
 * @param options  the options; NULL for the defaults.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       `options` has a cookie jar that was created before fork().
 *
 * See also: wsline_app_reconnect()
 */
WSLINE_API wsline_status wsline_app_set_options(wsline_app *app, const wsline_options *options);

/**
 * Closes the connection of an app, and makes the app connect again, even if it does not reconnect
 * otherwise.
 *
 * It closes as wsline_app_close() does, calls on_close, and waits for the delay before
 * reconnecting; see wsline_options_set_reconnect_delay_ms(). An app that is waiting for its next
 * attempt makes it at once; one that is already connecting is not affected.
 *
 * @param app     an app that is being driven.
 * @param code    as for wsline_app_close().
 * @param reason  as for wsline_app_close().
 * @retval WSLINE_OK                    the app will connect again.
 * @retval WSLINE_ERR_WRONG_STATE       the app is not being driven.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `code` is not a code that may be sent, or
 *                                      `reason` is too long or not UTF-8. Nothing was done.
 *
 * See also: wsline_app_set_url(), wsline_app_set_options()
 */
WSLINE_API wsline_status wsline_app_reconnect(wsline_app *app, int32_t code, const char *reason);

/* --- Sending with an app ---------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Sends a text message.
 *
 * The calling thread writes the message to the socket at once. What the socket does not accept is
 * queued, up to the limit of wsline_options_set_max_send_queue_bytes(), and sent by the driving
 * thread. Messages sent by one thread keep their order. What is still queued when the connection
 * ends is lost, and on_close reports how much; with wsline_options_set_keep_unsent_ms() it is sent
 * on the next connection.
 *
 * @param app   an app.
 * @param text  the text, UTF-8; NULL with `len` 0 is an empty message.
 * @param len   bytes, or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    sent, or queued.
 * @retval WSLINE_ERR_WOULD_BLOCK       the queue is full; nothing was sent. See
 *                                      wsline_app_on_drain().
 * @retval WSLINE_ERR_BUSY              a fragmented message has not been finished.
 * @retval WSLINE_ERR_WRONG_STATE       the app is not connected, and does not keep messages.
 * @retval WSLINE_ERR_CLOSED            the connection is being closed.
 * @retval WSLINE_ERR_CONNECTION_LOST   the transport has ended; on_error follows.
 * @retval WSLINE_ERR_ABORTED           wsline_app_abort() was called.
 * @retval WSLINE_ERR_PROTOCOL          the connection has just ended with this error, and on_error
 *                                      follows; also WSLINE_ERR_INVALID_PAYLOAD,
 *                                      WSLINE_ERR_MESSAGE_TOO_BIG, WSLINE_ERR_PONG_TIMEOUT and
 *                                      WSLINE_ERR_TIMEOUT.
 * @retval WSLINE_ERR_TLS               TLS failed.
 * @retval WSLINE_ERR_IO                a system call failed.
 * @retval WSLINE_ERR_INTERNAL          the function set with wsline_options_set_mask_key_fn()
 *                                      failed, or there is a bug in wsline.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `text` is NULL and `len` is not 0, or `text`
 *                                      is not UTF-8.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory to queue the message; none of it
 *                                      was sent.
 *
 * Ownership: the text is copied.
 */
WSLINE_API wsline_status wsline_app_send_text(wsline_app *app, const char *text, size_t len);

/**
 * Sends a binary message, as wsline_app_send_text() sends text.
 *
 * @param app   an app.
 * @param data  the bytes; NULL with `len` 0 is an empty message.
 * @param len   bytes, or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK               sent, or queued.
 * @retval WSLINE_ERR_WOULD_BLOCK  and all others: see wsline_app_send_text().
 *
 * Ownership: the bytes are copied.
 */
WSLINE_API wsline_status wsline_app_send_binary(wsline_app *app, const void *data, size_t len);

/**
 * Sends a message, a ping or a pong, as wsline_app_send_text() sends text.
 *
 * @param app     an app.
 * @param opcode  WSLINE_OPCODE_TEXT, _BINARY, _PING or _PONG; add WSLINE_SEND_UNCOMPRESSED to send
 *                a message uncompressed.
 * @param data    the payload; text must be UTF-8, a ping or pong has at most 125 bytes; NULL with
 *                `len` 0 is an empty one.
 * @param len     bytes, or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    sent, or queued.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `opcode` is another number, a ping or pong has more than 125
 *                                      bytes, or as for wsline_app_send_text().
 * @retval WSLINE_ERR_WOULD_BLOCK       and all others: see wsline_app_send_text().
 *
 * Ownership: the bytes are copied.
 */
WSLINE_API wsline_status
wsline_app_send(wsline_app *app, int32_t opcode, const void *data, size_t len);

/**
 * Sends one fragment of a message whose length is not known yet, as wsline_app_send_text() sends
 * text.
 *
 * Each fragment is sent at once, as a frame of its own, unless wsline_app_cork() is in effect.
 * Until the last fragment has been sent, every other send of a message returns WSLINE_ERR_BUSY;
 * control frames may be sent between fragments. Text is not validated. An unfinished message is
 * discarded with its connection: after a reconnect, start again with its first fragment.
 *
 * @param app     an app.
 * @param opcode  WSLINE_OPCODE_TEXT or WSLINE_OPCODE_BINARY, the same for each fragment of a
 *                message; add WSLINE_SEND_UNCOMPRESSED to that of the first fragment to send the
 *                message uncompressed.
 * @param data    the fragment; NULL with `len` 0 is an empty one.
 * @param len     bytes in `data`, or WSLINE_NUL_TERMINATED.
 * @param fin     true for the last fragment.
 * @retval WSLINE_OK                    sent, or queued.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `data` is NULL and `len` is not 0, or
 *                                      `opcode` is another number or differs from that of the first
 *                                      fragment.
 * @retval WSLINE_ERR_WOULD_BLOCK       and all others: see wsline_app_send_text(); the same
 *                                      fragment may be sent again.
 *
 * Ownership: the bytes are copied.
 * Threads: any, but only one at a time for the fragments of one message.
 */
WSLINE_API wsline_status
wsline_app_send_fragment(wsline_app *app, int32_t opcode, const void *data, size_t len, bool fin);

/**
 * Corks an app: from now on small messages are collected, as with wsline_conn_cork(), for example
 * while a callback sends many.
 *
 * Corked messages are sent by wsline_app_uncork(), when they reach 64 KiB, and before a ping, a
 * pong or a close frame that you send, or a message too large to collect. Until then they count as
 * queued. Corking ends with the connection.
 *
 * @param app  an app.
 * @retval WSLINE_OK                    corked.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       the app is not connected.
 * @retval WSLINE_ERR_CLOSED            and all others: the connection has ended with that status.
 *
 * Threads: any; messages of other threads are corked, too.
 * See also: wsline_app_uncork()
 */
WSLINE_API wsline_status wsline_app_cork(wsline_app *app);

/**
 * Sends the messages collected since wsline_app_cork(), and ends corking.
 *
 * @param app  an app.
 * @retval WSLINE_OK                    all collected messages were sent or queued, or there were
 *                                      none.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 * @retval WSLINE_ERR_WRONG_STATE       the app is not connected.
 * @retval WSLINE_ERR_CONNECTION_LOST   and all others: see wsline_app_send_text().
 */
WSLINE_API wsline_status wsline_app_uncork(wsline_app *app);

/**
 * Waits until the system has accepted everything in the send queue and all corked messages.
 *
 * For threads that may wait. It says nothing about what the server has received. An app that keeps
 * messages may reconnect meanwhile; on_close then reports a message that was only partly sent.
 *
 * @param app         an app.
 * @param timeout_ms  milliseconds; 0 does not wait, WSLINE_FOREVER and WSLINE_DEFAULT_TIMEOUT wait
 *                    indefinitely.
 * @retval WSLINE_OK                    nothing is queued any more.
 * @retval WSLINE_ERR_TIMEOUT           not everything was sent in time.
 * @retval WSLINE_ERR_WRONG_STATE       the app is not connected and keeps no messages, or this
 *                                      thread is driving it.
 * @retval WSLINE_ERR_CONNECTION_LOST   and all others: the connection has ended with that status.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, or `timeout_ms` is another negative number.
 *
 * Threads: any but the driving one.
 * Blocks: up to `timeout_ms`.
 * In callbacks: WSLINE_ERR_WRONG_STATE for the app of the callback.
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_app_flush(wsline_app *app, int64_t timeout_ms);

/**
 * Sends a ping, in addition to those of wsline_options_set_ping().
 *
 * @param app   an app.
 * @param data  the payload, which the pong repeats; NULL with `len` 0 for none.
 * @param len   at most 125 bytes (RFC 6455 section 5.5), or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    sent, or queued.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `data` is NULL and `len` is not 0, or the
 *                                      payload is longer than 125 bytes.
 * @retval WSLINE_ERR_WOULD_BLOCK       and all others: see wsline_app_send_text().
 *
 * Ownership: the bytes are copied.
 * See also: wsline_app_on_pong()
 */
WSLINE_API wsline_status wsline_app_ping(wsline_app *app, const void *data, size_t len);

/**
 * Sends a pong: the answer to a ping if automatic pongs are disabled, or an unsolicited one.
 *
 * @param app   an app.
 * @param data  the payload, that of the ping; NULL with `len` 0 for none.
 * @param len   at most 125 bytes (RFC 6455 section 5.5), or WSLINE_NUL_TERMINATED.
 * @retval WSLINE_OK                    sent, or queued.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `data` is NULL and `len` is not 0, or the
 *                                      payload is longer than 125 bytes.
 * @retval WSLINE_ERR_WOULD_BLOCK       and all others: see wsline_app_send_text().
 *
 * Ownership: the bytes are copied.
 */
WSLINE_API wsline_status wsline_app_pong(wsline_app *app, const void *data, size_t len);

/* --- Ending an app ---------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Begins to close an app: sends what is queued, except what wsline_options_set_send_rate() holds
 * back, and a close frame, waits for the server's, calls on_close, and ends the app.
 *
 * The connection is dropped if the close makes no progress for the close timeout (see
 * wsline_options_set_close_timeout_ms(); 3 seconds by default), or if the whole close takes longer
 * than 60 seconds or the close timeout, whichever is longer. After the closing handshake the server
 * has 1 second to end the TCP connection (RFC 6455 section 7.1.1); then on_close is called.
 * Messages that still arrive are delivered. An app that is not connected ends at once; if it has
 * not been driven yet, the next run ends at once. If it has already ended, nothing happens.
 *
 * @param app     an app.
 * @param code    usually WSLINE_CLOSE_NORMAL; or another wsline_close_code that is not marked "only
 *                reported", 3000 to 4999, or 0 for none.
 * @param reason  UTF-8 of at most 123 bytes; NULL for none.
 * @retval WSLINE_OK                    the app will end.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `code` is not a code that may be sent, or
 *                                      `reason` is too long or not UTF-8. Nothing was done.
 *
 * Blocks: no; wsline_app_join() waits for the end.
 */
WSLINE_API wsline_status wsline_app_close(wsline_app *app, int32_t code, const char *reason);

/**
 * Ends the app at once, in any phase: the transport is dropped, and no callback except on_close is
 * called.
 *
 * If it has not been driven yet, the next run ends at once. If it has already ended, nothing
 * happens.
 *
 * @param app  an app.
 * @retval WSLINE_OK                    the app will end with WSLINE_ERR_ABORTED.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 */
WSLINE_API wsline_status wsline_app_abort(wsline_app *app);

/**
 * Ends an app as wsline_app_abort() does, and may be called in a signal handler.
 *
 * The driving thread does the work, as soon as a running callback has returned. If the app is not
 * being driven, the next run ends at once, even if the app has already ended once.
 *
 * @param app  an app.
 * @retval WSLINE_OK                    the app will end with WSLINE_ERR_ABORTED.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL. In a signal handler it must not be.
 *
 * Threads: any; async-signal-safe.
 * See also: wsline_conn_abort(), wsline_loop_stop()
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_app_abort_from_signal(wsline_app *app);

/* --- State of an app -------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Returns whether an app is open: connected, not being closed, and not failed.
 *
 * @param app  an app; may be NULL.
 * @return     true if open.
 */
WSLINE_API bool wsline_app_is_open(const wsline_app *app);

/**
 * Returns whether an app is running: connecting, connected, or waiting for its next attempt.
 *
 * For event loops of your own: once it has become false again, the app has ended, and
 * wsline_app_join() reports why.
 *
 * @param app  an app; may be NULL.
 * @return     true from wsline_app_run(), wsline_app_start() or wsline_loop_add() until the app has
 *             ended and its last callback has returned.
 *
 * In callbacks: allowed; also true in the last one.
 * See also: wsline_app_join()
 */
WSLINE_API bool wsline_app_is_running(const wsline_app *app);

/**
 * Returns the size of the send queue: frames that the socket has not accepted yet, and messages
 * that wait for a connection or because of wsline_options_set_send_rate().
 *
 * @param app  an app; may be NULL.
 * @return     bytes; 0 if the system has accepted everything, or the app is not connected and keeps
 *             no messages.
 *
 * See also: wsline_options_set_max_send_queue_bytes()
 * Since: 0.2
 */
WSLINE_API uint64_t wsline_app_send_queue_bytes(const wsline_app *app);

/**
 * Returns the round-trip time of the last answered ping of wsline_options_set_ping().
 *
 * @param app  an app; may be NULL.
 * @return     microseconds from the ping to its own pong; -1 if none has been answered yet.
 */
WSLINE_API int64_t wsline_app_rtt_us(const wsline_app *app);

/**
 * Returns the counters of the current or last connection.
 *
 * @param app        an app.
 * @param stats_out  filled; zero on failure, and before the first connection.
 * @retval WSLINE_OK                    filled.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 */
WSLINE_API wsline_status wsline_app_stats(const wsline_app *app, wsline_stats *stats_out);

/**
 * Returns the HTTP status of the response to the last attempt to connect, for example 101 or 403.
 *
 * @param app  an app; may be NULL.
 * @return     the status; 0 if there was no response.
 *
 * See also: wsline_conn_http_status()
 */
WSLINE_API int32_t wsline_app_http_status(const wsline_app *app);

/**
 * Returns the reason phrase of the response to the last attempt to connect, for example
 * "Forbidden".
 *
 * @param app  an app; may be NULL.
 * @return     as wsline_conn_http_reason(). Lent until this thread calls this function again, for
 *             any app.
 *
 * Since: 0.2
 */
WSLINE_API const char *wsline_app_http_reason(const wsline_app *app);

/**
 * Returns a header of the response to the last attempt to connect, whether it succeeded or not.
 *
 * @param app   an app; may be NULL.
 * @param name  the name; case is ignored. For a repeated header the first value is returned.
 * @return      the value; NULL if there is none. Lent until this thread calls this function again,
 *              for any app.
 */
WSLINE_API const char *wsline_app_response_header(const wsline_app *app, const char *name);

/**
 * Returns the headers of the response to the last attempt to connect one by one, in their order.
 *
 * @param app        an app; may be NULL.
 * @param index      0 for the first.
 * @param name_out   set to the name, as sent; to NULL after the last one. Lent until this thread
 *                   calls this function again, for any app.
 * @param value_out  set to the value, in the same way.
 * @return           true if there is a header with this index; false after the last one, or if a
 *                   pointer is NULL.
 *
 * Since: 0.2
 */
WSLINE_API bool
wsline_app_response_header_at(const wsline_app *app, size_t index, const char **name_out,
                              const char **value_out);

/**
 * Returns the body of the response, up to 64 KiB of it, if the last attempt to connect was refused.
 *
 * @param app       an app.
 * @param data_out  set to the body, which is followed by a NUL; to NULL if there is none. Lent
 *                  until this thread calls this function again, for any app.
 * @param len_out   set to the length of the body in bytes.
 * @retval WSLINE_OK                    set; there may be no body.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 *
 * See also: wsline_conn_response_body()
 */
WSLINE_API wsline_status
wsline_app_response_body(const wsline_app *app, const void **data_out, size_t *len_out);

/**
 * Returns the subprotocol that the server chose.
 *
 * @param app  an app; may be NULL.
 * @return     one of those offered; NULL if the server chose none, or before the first connection.
 *             Lent until this thread calls this function again, for any app.
 *
 * See also: wsline_options_add_subprotocol()
 */
WSLINE_API const char *wsline_app_subprotocol(const wsline_app *app);

/**
 * Returns the extensions in use, as the server named them.
 *
 * @param app  an app; may be NULL.
 * @return     as wsline_conn_extensions(), also after the end of the connection, until the next
 *             attempt. Lent until this thread calls this function again, for any app.
 *
 * See also: wsline_options_set_deflate()
 */
WSLINE_API const char *wsline_app_extensions(const wsline_app *app);

/**
 * Returns the address that the current connection is, or the last one was, connected to.
 *
 * @param app  an app; may be NULL.
 * @return     as wsline_conn_peer_address(); NULL before the first connection. Lent until this
 *             thread calls this function again, for any app.
 */
WSLINE_API const char *wsline_app_peer_address(const wsline_app *app);

/**
 * Reports what TLS negotiated with the server on the current connection.
 *
 * @param app       an app with a `wss://` URL.
 * @param info_out  filled; zero on failure. Its strings are lent until this thread calls this
 *                  function again, for any app.
 * @retval WSLINE_OK                    filled.
 * @retval WSLINE_ERR_WRONG_STATE       there is no connection, or it does not use TLS. In on_error
 *                                      and on_close the connection that has ended still counts.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 *
 * Since: 0.2
 */
WSLINE_API wsline_status wsline_app_tls_info(const wsline_app *app, wsline_tls_info *info_out);

/**
 * Returns the descriptor of the app's socket, for calls such as getsockopt(2).
 *
 * Reading, writing or closing it breaks the connection. It is closed when the connection has ended,
 * so use it in callbacks only, or while the app cannot lose its connection.
 *
 * @param app  an app; may be NULL.
 * @return     the descriptor; -1 while the app is not connected.
 *
 * Since: 0.2
 */
WSLINE_API int32_t wsline_app_fd(const wsline_app *app);

/**
 * Gives the details of the last failed call on this app, whichever thread made it.
 *
 * For callers that may change threads between two calls. Errors of the connection are reported to
 * the function set with wsline_app_on_error().
 *
 * @param app       an app.
 * @param info_out  filled; `info_out->message` is valid until this thread's next call of this
 *                  function.
 * @retval WSLINE_OK                    filled; with status WSLINE_OK if no call has failed.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` or `info_out` is NULL.
 */
WSLINE_API wsline_status wsline_app_last_error(const wsline_app *app, wsline_error_info *info_out);

/* --- Loop ------------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Creates a loop without apps.
 *
 * @param loop_out  set to the loop; to NULL on failure.
 * @retval WSLINE_OK                    `*loop_out` is yours.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `loop_out` is NULL.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
 * @retval WSLINE_ERR_IO                the system could not create descriptors; a loop needs two.
 *
 * Ownership: free it with wsline_loop_free().
 * Threads: any.
 */
WSLINE_API WSLINE_NODISCARD wsline_status wsline_loop_new(wsline_loop **loop_out);

/**
 * Frees a loop.
 *
 * Apps in it end with WSLINE_ERR_ABORTED: their connections are dropped, and no callback is called
 * except that of wsline_options_set_event_callback(). You still have to free them. In a callback of
 * the loop it returns at once, and the function that drives the loop returns after the callback.
 *
 * What wsline_loop_post_after() has scheduled is freed before the loop: while its `userdata_free`
 * runs, any thread may still call wsline_loop_post() and wsline_loop_cancel_post().
 *
 * @param loop  the loop; may be NULL.
 *
 * Threads: any, while no other thread drives or uses the loop.
 */
WSLINE_API void wsline_loop_free(wsline_loop *loop);

/**
 * Adds an app to a loop, which connects it and drives it until it has ended.
 *
 * An app that has ended is in no loop and may be added again.
 *
 * @param loop  a loop.
 * @param app   an app that is not being driven.
 * @retval WSLINE_OK                    the app will connect as soon as the loop is driven.
 * @retval WSLINE_ERR_BUSY              the app is already being driven, by this loop or otherwise.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 *
 * Ownership: the app stays yours; it may be freed while it is in a loop.
 * Threads: any.
 */
WSLINE_API wsline_status wsline_loop_add(wsline_loop *loop, wsline_app *app);

/**
 * Removes an app from a loop, and ends it as wsline_app_abort() does.
 *
 * @param loop  a loop.
 * @param app   an app.
 * @retval WSLINE_OK                    the app will end with WSLINE_ERR_ABORTED.
 * @retval WSLINE_ERR_WRONG_STATE       the app is not in this loop.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 *
 * Threads: any.
 */
WSLINE_API wsline_status wsline_loop_remove(wsline_loop *loop, wsline_app *app);

/**
 * Drives all apps of a loop on this thread until all have ended, or wsline_loop_stop() is called.
 *
 * To wait for apps that are yet to be added, drive the loop with wsline_loop_run_once().
 *
 * @param loop  a loop.
 * @retval WSLINE_OK                    all apps have ended, or it was stopped.
 * @retval WSLINE_ERR_BUSY              the loop is already being driven.
 * @retval WSLINE_ERR_IO                waiting failed.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `loop` is NULL.
 *
 * Threads: any, one at a time. Callbacks run on the calling thread.
 * Blocks: until all apps have ended; wsline_loop_stop() ends it.
 * In callbacks: WSLINE_ERR_BUSY for the loop of the callback.
 */
WSLINE_API wsline_status wsline_loop_run(wsline_loop *loop);

/**
 * Waits until there is something to do, does it, and returns.
 *
 * @param loop        a loop.
 * @param timeout_ms  milliseconds; 0 does not wait, WSLINE_FOREVER and WSLINE_DEFAULT_TIMEOUT wait
 *                    indefinitely.
 * @retval WSLINE_OK                    done, or nothing had to be done before the timeout.
 * @retval WSLINE_ERR_BUSY              the loop is already being driven.
 * @retval WSLINE_ERR_IO                waiting failed.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `loop` is NULL, or `timeout_ms` is another negative number.
 *
 * Threads: any, one at a time. Callbacks run on the calling thread.
 * Blocks: up to `timeout_ms`; wsline_loop_stop() ends the wait.
 * In callbacks: WSLINE_ERR_BUSY for the loop of the callback.
 */
WSLINE_API wsline_status wsline_loop_run_once(wsline_loop *loop, int64_t timeout_ms);

/**
 * Makes wsline_loop_run() return, or wsline_loop_run_once() stop waiting: the call in progress or,
 * if there is none, the next one.
 *
 * It does not end any app, and the loop can be driven again. It may be called in a signal handler.
 *
 * @param loop  a loop.
 * @retval WSLINE_OK                    the call will return.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `loop` is NULL. In a signal handler it must not be.
 *
 * Threads: any; async-signal-safe.
 */
WSLINE_API wsline_status wsline_loop_stop(wsline_loop *loop);

/* --- A loop inside another event loop --------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Returns a descriptor that is readable when wsline_loop_run_once() has something to do.
 *
 * Watch it for reading with poll(2), epoll(7), libuv, GLib, asyncio or any other event loop. When
 * it is readable, or when wsline_loop_next_timeout_ms() has passed, call wsline_loop_run_once()
 * with 0, and ask for the next timeout.
 *
 * Edge-triggered watching works too (EPOLLET, as in Go's netpoller and tokio's AsyncFd). One call
 * of wsline_loop_run_once() may leave work for the next, without another edge; then
 * wsline_loop_next_timeout_ms() returns 0. So ask for the timeout after each call, and call again
 * while it is 0.
 *
 * @param loop  a loop.
 * @return      the descriptor, which belongs to the loop and must not be read, written or closed;
 *              -1 for NULL.
 */
WSLINE_API int32_t wsline_loop_fd(const wsline_loop *loop);

/**
 * Returns the longest time to wait on wsline_loop_fd() before wsline_loop_run_once() must be called
 * anyway, for example for a ping, a timeout or the next attempt to connect.
 *
 * Call it after each wsline_loop_run_once(). If another thread needs the loop earlier, the
 * descriptor becomes readable.
 *
 * @param loop  a loop.
 * @return      milliseconds, rounded up; 0 if something is due now, or was left over by the last
 *              call; WSLINE_FOREVER if nothing is scheduled, and for NULL. What has arrived since
 *              then makes the descriptor readable, and does not change the result.
 */
WSLINE_API int64_t wsline_loop_next_timeout_ms(const wsline_loop *loop);

/* --- Posts and timers ------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any. `fn` runs on the thread that drives the loop or the app.
 * Blocks: no.
 * In callbacks: allowed; `fn` is not called inside this call.
 * Since: 0.2
 */

/**
 * Schedules a function on the thread that drives the loop.
 *
 * Functions posted by one thread are called in the order in which they were posted, after the work
 * that the loop is doing now.
 *
 * @param loop           a loop.
 * @param fn             the function; called once.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata`, after `fn`, or instead of it if the loop is
 *                       freed first or if this call fails; may be NULL.
 * @retval WSLINE_OK                    `fn` will be called, unless the loop is freed first.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `loop` or `fn` is NULL.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
 *
 * Since: 0.1
 */
WSLINE_API wsline_status
wsline_loop_post(wsline_loop *loop, wsline_post_fn fn, void *userdata,
                 wsline_free_fn userdata_free);

/**
 * Schedules a function on the thread that drives the loop, after a delay.
 *
 * The function runs when the delay has passed on the monotonic clock and the loop is being driven.
 * It does not keep wsline_loop_run() from returning when all apps have ended. A timer that waits
 * costs only its memory.
 *
 * @param loop           a loop.
 * @param delay_ms       milliseconds, 0 or more.
 * @param fn             the function; called once.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata`, after `fn`, or instead of it if the post is
 *                       cancelled, if the loop is freed first, or if this call fails; may be NULL.
 * @param post_id_out    set to the number to cancel it by, never 0; to 0 on failure. May be NULL.
 * @retval WSLINE_OK                    `fn` will be called, unless the loop is freed first.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `loop` or `fn` is NULL, or `delay_ms` is out of range.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
 *
 * See also: wsline_loop_cancel_post(), wsline_app_post_after()
 */
WSLINE_API wsline_status
wsline_loop_post_after(wsline_loop *loop, int64_t delay_ms, wsline_post_fn fn, void *userdata,
                       wsline_free_fn userdata_free, uint64_t *post_id_out);

/**
 * Cancels a function scheduled with wsline_loop_post_after().
 *
 * @param loop     a loop.
 * @param post_id  its number.
 * @retval WSLINE_OK                    it will not be called; its `userdata` has been freed.
 * @retval WSLINE_ERR_WRONG_STATE       it has been called or cancelled, or is running now.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `loop` is NULL.
 */
WSLINE_API wsline_status wsline_loop_cancel_post(wsline_loop *loop, uint64_t post_id);

/**
 * Schedules a function on the thread that drives the app.
 *
 * It runs like a callback of the app: never inside another one, and not after the app has been
 * aborted or freed or has ended. Functions posted by one thread are called in the order in which
 * they were posted.
 *
 * @param app            an app that is being driven.
 * @param fn             the function; called once.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata`, after `fn`, or instead of it if the app ends
 *                       first or if this call fails; may be NULL.
 * @retval WSLINE_OK                    `fn` will be called, unless the app ends first.
 * @retval WSLINE_ERR_WRONG_STATE       the app is not being driven.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` or `fn` is NULL.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
 *
 * See also: wsline_app_post_after()
 */
WSLINE_API wsline_status
wsline_app_post(wsline_app *app, wsline_app_fn fn, void *userdata, wsline_free_fn userdata_free);

/**
 * Schedules a function on the thread that drives the app, after a delay.
 *
 * For heartbeats of protocols such as MQTT or STOMP, and for whatever an app does from time to
 * time: call it again in `fn` to repeat it. It does not depend on a connection: it also runs while
 * the app waits for its next attempt. A timer that waits costs only its memory.
 *
 * @param app            an app that is being driven.
 * @param delay_ms       milliseconds, 0 or more, on the monotonic clock.
 * @param fn             the function; called once.
 * @param userdata       handed to `fn`; may be NULL.
 * @param userdata_free  called once with `userdata`, after `fn`, or instead of it if the post is
 *                       cancelled, if the app ends first, or if this call fails; may be NULL.
 * @param post_id_out    set to the number to cancel it by, never 0; to 0 on failure. May be NULL.
 * @retval WSLINE_OK                    `fn` will be called, unless the app ends first.
 * @retval WSLINE_ERR_WRONG_STATE       the app is not being driven.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` or `fn` is NULL, or `delay_ms` is out of range.
 * @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
 *
 * See also: wsline_app_cancel_post(), wsline_loop_post_after()
 */
WSLINE_API wsline_status
wsline_app_post_after(wsline_app *app, int64_t delay_ms, wsline_app_fn fn, void *userdata,
                      wsline_free_fn userdata_free, uint64_t *post_id_out);

/**
 * Cancels a function scheduled with wsline_app_post_after().
 *
 * @param app      an app.
 * @param post_id  its number.
 * @retval WSLINE_OK                    it will not be called; its `userdata` has been freed.
 * @retval WSLINE_ERR_WRONG_STATE       it has been called or cancelled, is running now, or the app
 *                                      has ended since.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
 */
WSLINE_API wsline_status wsline_app_cancel_post(wsline_app *app, uint64_t post_id);

/* --- Timings ---------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.2
 */

/**
 * Reports how long the parts of the connect of a connection took, whether it has succeeded, has
 * failed or is in progress.
 *
 * @param conn         a connection.
 * @param timings_out  filled, with the last connect; zero on failure.
 * @retval WSLINE_OK                    filled.
 * @retval WSLINE_ERR_WRONG_STATE       no connect has begun.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 */
WSLINE_API wsline_status wsline_conn_timings(const wsline_conn *conn, wsline_timings *timings_out);

/**
 * Reports how long the parts of an app's attempt to connect took: of that in progress, or else of
 * the last one.
 *
 * @param app          an app.
 * @param timings_out  filled; zero on failure.
 * @retval WSLINE_OK                    filled.
 * @retval WSLINE_ERR_WRONG_STATE       no attempt has begun.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 */
WSLINE_API wsline_status wsline_app_timings(const wsline_app *app, wsline_timings *timings_out);

/* --- Frames as bytes -------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Encodes a frame into a buffer, with the payload length in its shortest form.
 *
 * Reserved bits, masks and the order of frames are not checked. What wsline_frame_decode() rejects
 * is rejected here too, unless `raw` is 1: then reserved opcodes and long or fragmented control
 * frames are written as well, to test servers.
 *
 * @param frame     the frame; its payload is masked with `mask_key` if `masked` is 1.
 * @param buffer    where to write it; must not overlap the payload; may be NULL if `capacity` is 0.
 * @param capacity  bytes in `buffer`; `frame->len` + 14 always suffice.
 * @param len_out   set to the size of the frame in bytes, even if `capacity` is too small.
 * @retval WSLINE_OK                    written.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, a bit is neither 0 nor 1, the opcode is
 *                                      out of range or, unless `raw` is 1, reserved, the frame is
 *                                      otherwise invalid, or `capacity` is too small.
 */
WSLINE_API wsline_status
wsline_frame_encode(const wsline_frame *frame, void *buffer, size_t capacity, size_t *len_out);

/**
 * Reads the frame at the start of a buffer.
 *
 * The payload is not copied: `frame_out->data` points into `data`, and is still masked if
 * `frame_out->masked` is 1, see wsline_mask(). Reserved bits and masks are not checked; reserved
 * opcodes, lengths that are not in the shortest form, and long or fragmented control frames are
 * rejected.
 *
 * @param data       bytes that begin with a frame; NULL with `len` 0 means no bytes.
 * @param len        bytes in `data`.
 * @param frame_out  filled; zero on failure.
 * @param len_out    set to the size of the frame in bytes, including its header. With
 *                   WSLINE_ERR_WOULD_BLOCK it is the smallest possible size, which is exact once
 *                   the header is complete: at least `*len_out` - `len` more bytes are needed. 0 on
 *                   other failures.
 * @retval WSLINE_OK                    a frame is in `frame_out`.
 * @retval WSLINE_ERR_WOULD_BLOCK       the frame is not complete yet; the error message gives the
 *                                      minimum number of bytes still needed.
 * @retval WSLINE_ERR_PROTOCOL          the frame violates RFC 6455; the error message says how.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `frame_out` or `len_out` is NULL, or `data` is NULL and
 *                                      `len` is not 0.
 */
WSLINE_API wsline_status
wsline_frame_decode(const void *data, size_t len, wsline_frame *frame_out, size_t *len_out);

/**
 * Masks or unmasks a payload in place; both are the same operation (RFC 6455 section 5.3).
 *
 * @param key   four bytes.
 * @param data  the payload from its first byte on; NULL with `len` 0 means no bytes.
 * @param len   bytes in `data`.
 * @retval WSLINE_OK                    done.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `key` is NULL, or `data` is NULL and `len` is not 0.
 */
WSLINE_API wsline_status wsline_mask(const uint8_t *key, void *data, size_t len);

/* --- Helpers ---------------------------------------------------------------------------------- */

/*
 * Unless a function says otherwise:
 * Threads: any.
 * Blocks: no.
 * Since: 0.1
 */

/**
 * Parses a WebSocket URL, as a connect does.
 *
 * @param url      `ws://`, `wss://` or `ws+unix://`, as for wsline_connect().
 * @param url_out  set to the parsed URL; to NULL on failure.
 * @retval WSLINE_OK                    `*url_out` is yours.
 * @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
 *                                      why.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
 *
 * Ownership: free it with wsline_url_free().
 */
WSLINE_API WSLINE_NODISCARD wsline_status wsline_url_parse(const char *url, wsline_url **url_out);

/**
 * Frees a parsed URL.
 *
 * @param url  the parsed URL; may be NULL.
 *
 * Threads: any, while no other thread uses the object.
 */
WSLINE_API void wsline_url_free(wsline_url *url);

/**
 * Returns whether a URL requires TLS.
 *
 * @param url  a parsed URL; may be NULL.
 * @return     true for `wss://`.
 */
WSLINE_API bool wsline_url_is_secure(const wsline_url *url);

/**
 * Returns the host of a URL.
 *
 * It is a name in lower case, with international names in ASCII form (Punycode), or an IP address
 * without brackets, with its zone if it has one ("fe80::1%eth0"). For `ws+unix://` it is
 * "localhost".
 *
 * @param url  a parsed URL; may be NULL.
 * @return     the host; NULL for NULL. Lent until the parsed URL is freed.
 */
WSLINE_API const char *wsline_url_host(const wsline_url *url);

/**
 * Returns the port of a URL; if it has none, the default port of its scheme.
 *
 * @param url  a parsed URL; may be NULL.
 * @return     1 to 65535; 0 for NULL.
 */
WSLINE_API int32_t wsline_url_port(const wsline_url *url);

/**
 * Returns the path and query of a URL, percent-encoded, as in the request.
 *
 * @param url  a parsed URL; may be NULL.
 * @return     at least "/"; NULL for NULL. Lent until the parsed URL is freed.
 */
WSLINE_API const char *wsline_url_resource(const wsline_url *url);

/**
 * Returns the user name in a URL, percent-decoded.
 *
 * @param url  a parsed URL; may be NULL.
 * @return     the user name; NULL if there is neither user name nor password, and for NULL. Lent
 *             until the parsed URL is freed.
 */
WSLINE_API const char *wsline_url_user(const wsline_url *url);

/**
 * Returns the password in a URL, percent-decoded.
 *
 * @param url  a parsed URL; may be NULL.
 * @return     the password, "" if there is only a user name; NULL if there is neither, and for
 *             NULL. Lent until the parsed URL is freed.
 */
WSLINE_API const char *wsline_url_password(const wsline_url *url);

/**
 * Returns the path of the Unix-domain socket in a `ws+unix://` URL, percent-decoded.
 *
 * @param url  a parsed URL; may be NULL.
 * @return     the path; NULL for other schemes, and for NULL. Lent until the parsed URL is freed.
 */
WSLINE_API const char *wsline_url_unix_path(const wsline_url *url);

/**
 * Returns the URL of the proxy that a connect to a URL would use, after considering the options and
 * the environment.
 *
 * @param url        as for wsline_connect().
 * @param options    the options; NULL for the defaults: the environment decides.
 * @param proxy_out  set to the proxy's URL, without user name and password, for example
 *                   "http://proxy.example:3128"; to NULL for none, and on failure.
 * @retval WSLINE_OK                    set.
 * @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
 *                                      why.
 * @retval WSLINE_ERR_PROXY             the environment names an invalid proxy; the error message
 *                                      names the variable.
 * @retval WSLINE_ERR_INVALID_ARGUMENT  `url` or `proxy_out` is NULL.
 *
 * Ownership: free it with wsline_string_free().
 */
WSLINE_API WSLINE_NODISCARD wsline_status
wsline_proxy_for_url(const char *url, const wsline_options *options, char **proxy_out);

/**
 * Returns whether bytes are valid UTF-8, as text messages must be.
 *
 * @param data  the bytes; NULL with `len` 0 is an empty text.
 * @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
 * @return      true if they are; false if `data` is NULL and `len` is not 0.
 */
WSLINE_API bool wsline_utf8_is_valid(const void *data, size_t len);

/**
 * Frees a string that you own, one that came through a `char **..._out`.
 *
 * @param string  the string; may be NULL.
 */
WSLINE_API void wsline_string_free(char *string);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* WSLINE_H */
