// SPDX-License-Identifier: Apache-2.0
//! Numbers with names, and the types of callbacks.

use std::ffi::c_void;

/// The meaning of a frame (RFC 6455 section 5.2).
#[repr(C)]
pub enum wsline_opcode {
    /// A further fragment of a message.
    WSLINE_OPCODE_CONTINUATION = 0,
    /// UTF-8 text.
    WSLINE_OPCODE_TEXT = 1,
    /// Any bytes.
    WSLINE_OPCODE_BINARY = 2,
    /// Ends the connection: no payload, or a code in two bytes and a reason.
    WSLINE_OPCODE_CLOSE = 8,
    /// Asks for a pong.
    WSLINE_OPCODE_PING = 9,
    /// The answer to a ping, with the payload of the ping.
    WSLINE_OPCODE_PONG = 10,
}

/// Why a connection is closed (RFC 6455 section 7.4.1 and the IANA registry). Applications use 3000
/// to 4999.
#[repr(C)]
pub enum wsline_close_code {
    /// Normal closure.
    WSLINE_CLOSE_NORMAL = 1000,
    /// The endpoint is going away, for example a server shutdown.
    WSLINE_CLOSE_GOING_AWAY = 1001,
    /// The peer violated the protocol.
    WSLINE_CLOSE_PROTOCOL_ERROR = 1002,
    /// Data of a kind that cannot be accepted.
    WSLINE_CLOSE_UNSUPPORTED_DATA = 1003,
    /// Only reported: the close frame had no code.
    WSLINE_CLOSE_NO_STATUS = 1005,
    /// Only reported: there was no close frame.
    WSLINE_CLOSE_ABNORMAL = 1006,
    /// Data that does not match its type, for example text that is not UTF-8.
    WSLINE_CLOSE_INVALID_PAYLOAD = 1007,
    /// A message that violates a policy of the application.
    WSLINE_CLOSE_POLICY_VIOLATION = 1008,
    /// A message that is too big.
    WSLINE_CLOSE_MESSAGE_TOO_BIG = 1009,
    /// The server did not accept an extension that the client needs.
    WSLINE_CLOSE_MANDATORY_EXTENSION = 1010,
    /// The server met an unexpected condition.
    WSLINE_CLOSE_INTERNAL_ERROR = 1011,
    /// The server is restarting.
    WSLINE_CLOSE_SERVICE_RESTART = 1012,
    /// The server is overloaded.
    WSLINE_CLOSE_TRY_AGAIN_LATER = 1013,
    /// A gateway received an invalid response from the server behind it.
    WSLINE_CLOSE_BAD_GATEWAY = 1014,
    /// Only reported: TLS failed.
    WSLINE_CLOSE_TLS_HANDSHAKE = 1015,
}

/// What a connection was doing when it failed.
#[repr(C)]
pub enum wsline_phase {
    /// None of the following, for example because an argument was rejected.
    WSLINE_PHASE_NONE = 0,
    /// Looking up the host name.
    WSLINE_PHASE_RESOLVE = 1,
    /// Connecting to an address.
    WSLINE_PHASE_CONNECT = 2,
    /// Talking to a proxy.
    WSLINE_PHASE_PROXY = 3,
    /// The TLS handshake.
    WSLINE_PHASE_TLS = 4,
    /// The HTTP request and the response.
    WSLINE_PHASE_UPGRADE = 5,
    /// Sending and receiving.
    WSLINE_PHASE_OPEN = 6,
    /// The closing handshake.
    WSLINE_PHASE_CLOSE = 7,
}

/// The protocol of a proxy.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum wsline_proxy_type {
    /// No proxy set here; one named by the environment is used, unless
    /// wsline_options_set_proxy_from_environment() disables that.
    WSLINE_PROXY_NONE = 0,
    /// HTTP CONNECT.
    WSLINE_PROXY_HTTP = 1,
    /// HTTP CONNECT, over TLS.
    WSLINE_PROXY_HTTPS = 2,
    /// SOCKS4, for IPv4 only; the host name is looked up locally.
    WSLINE_PROXY_SOCKS4 = 3,
    /// SOCKS4a; the proxy looks up the host name.
    WSLINE_PROXY_SOCKS4A = 4,
    /// SOCKS5 (RFC 1928); the host name is looked up locally.
    WSLINE_PROXY_SOCKS5 = 5,
    /// SOCKS5; the proxy looks up the host name.
    WSLINE_PROXY_SOCKS5H = 6,
}

/// A version of TLS.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum wsline_tls_version {
    /// The default: the oldest is TLS 1.2, the newest is what the TLS library knows.
    WSLINE_TLS_DEFAULT = 0,
    /// TLS 1.0 (1999).
    WSLINE_TLS_1_0 = 10,
    /// TLS 1.1 (2006).
    WSLINE_TLS_1_1 = 11,
    /// TLS 1.2 (2008).
    WSLINE_TLS_1_2 = 12,
    /// TLS 1.3 (2018).
    WSLINE_TLS_1_3 = 13,
}

/// What an app does when it is about to connect, see wsline_app_on_connecting().
#[repr(C)]
#[derive(Clone, Copy)]
pub enum wsline_connect_decision {
    /// Connect now.
    WSLINE_CONNECT_NOW = 0,
    /// Ask again after wsline_app_proceed().
    WSLINE_CONNECT_LATER = 1,
    /// Do not connect: the app ends, with the failure before this attempt or, if there was none,
    /// with WSLINE_ERR_ABORTED. Any other number means the same.
    WSLINE_CONNECT_GIVE_UP = 2,
}

/// A family of addresses.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum wsline_address_family {
    /// Either.
    WSLINE_ADDRESS_ANY = 0,
    /// IPv4 only.
    WSLINE_ADDRESS_IPV4 = 4,
    /// IPv6 only.
    WSLINE_ADDRESS_IPV6 = 6,
}

/// How a server compresses its binary messages without an extension, see
/// wsline_options_set_inflate_messages().
#[repr(C)]
#[derive(Clone, Copy)]
pub enum wsline_inflate {
    /// Not at all: messages are delivered as received.
    WSLINE_INFLATE_NONE = 0,
    /// Each as gzip or zlib, or not at all; the first bytes of a message show it.
    WSLINE_INFLATE_AUTO = 1,
    /// Each as gzip (RFC 1952) or not at all; gzip begins with the bytes 1f 8b 08.
    WSLINE_INFLATE_GZIP = 2,
    /// Each as zlib (RFC 1950) or not at all; zlib begins with two bytes such as 78 9c, which are
    /// a multiple of 31.
    WSLINE_INFLATE_ZLIB = 3,
    /// Every one as raw DEFLATE (RFC 1951), which no bytes mark.
    WSLINE_INFLATE_RAW = 4,
    /// All of them as one zlib stream, which is flushed at the end of each (the "zlib-stream" of
    /// Discord).
    WSLINE_INFLATE_STREAM = 5,
}

/// How much is logged; each level includes those before.
#[repr(C)]
pub enum wsline_log_level {
    /// Nothing.
    WSLINE_LOG_OFF = 0,
    /// Connects that failed.
    WSLINE_LOG_ERROR = 1,
    /// Open connections that failed, and mistakes in the environment's no_proxy.
    WSLINE_LOG_WARN = 2,
    /// Connections that open, and those that this side drops.
    WSLINE_LOG_INFO = 3,
    /// The steps of a connect: proxies, what TLS negotiated, redirects, cookies that were rejected.
    WSLINE_LOG_DEBUG = 4,
    /// The headers of requests and responses, and every frame.
    WSLINE_LOG_TRACE = 5,
}

/// One end of a connection.
#[repr(C)]
pub enum wsline_side {
    /// Neither: the connection is open.
    WSLINE_SIDE_NONE = 0,
    /// This program.
    WSLINE_SIDE_CLIENT = 1,
    /// The peer.
    WSLINE_SIDE_SERVER = 2,
}

/// What has happened, see wsline_event.
#[repr(C)]
pub enum wsline_event_kind {
    /// An attempt to connect begins, or continues after a redirect: `url`. WSLINE_EVENT_OPEN or
    /// WSLINE_EVENT_CONNECT_FAILED follows, unless the app is freed before.
    WSLINE_EVENT_CONNECTING = 1,
    /// An address of the server or of the proxy is being tried: `address`.
    WSLINE_EVENT_ADDRESS = 2,
    /// An address has failed: `address`, `error`. Others may still be tried.
    WSLINE_EVENT_ADDRESS_FAILED = 3,
    /// The connection is open: `address`, `timings`.
    WSLINE_EVENT_OPEN = 4,
    /// The attempt has failed, or was aborted: `error`, `timings`. Always follows
    /// WSLINE_EVENT_CONNECTING: what fails before, such as an invalid URL, causes no event.
    WSLINE_EVENT_CONNECT_FAILED = 5,
    /// A ping was sent: by wsline_conn_ping(), or by an app because of wsline_options_set_ping();
    /// those of wsline_app_ping() are not reported. Another thread that receives may report the
    /// pong before.
    WSLINE_EVENT_PING = 6,
    /// A pong has arrived: `rtt_ns`. Meanwhile the call that receives it is in progress, so that
    /// another receive on the connection returns WSLINE_ERR_BUSY.
    WSLINE_EVENT_PONG = 7,
    /// The connection has ended: `address`, `close_info`, and `error` unless there was a complete
    /// closing handshake. Comes once after WSLINE_EVENT_OPEN: for a connection in the call that
    /// notices the end, at the latest in wsline_conn_free(); for an app before on_error and
    /// on_close, or in wsline_loop_free(), but not if the app was freed. After
    /// wsline_conn_shutdown() it waits for a receive that finds nothing more, after
    /// wsline_conn_recv_frame() has returned the server's close frame for this side's.
    WSLINE_EVENT_CLOSED = 8,
    /// The app waits before its next attempt: `delay_ms`; `attempt` and `reconnects` are those of
    /// that attempt.
    WSLINE_EVENT_WAITING = 9,
}

/// Frees the `userdata` of a callback; runs exactly once, on any thread.
pub type wsline_free_fn = Option<unsafe extern "C-unwind" fn(userdata: *mut c_void)>;
