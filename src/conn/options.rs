// SPDX-License-Identifier: Apache-2.0
//! The recipe of a connection, copied when it is used.

use crate::base::deadline::{SharedTimeout, Timeout};
use crate::base::sync::Arc;
use crate::conn::send::keys::MaskKeyFn;
use crate::net::socket::SocketOptions;
use crate::net::tls::options::TlsOptions;
use crate::protocol::backoff::BackoffOptions;
use crate::protocol::http::cookie::CookieJar;
use crate::protocol::http::extension::Offer;
use crate::protocol::http::request::RequestOptions;
use crate::protocol::keepalive::KeepaliveOptions;
use crate::protocol::proxy::select::ProxyOptions;
use crate::protocol::ws::frame_sequence::Limits;
use std::os::fd::RawFd;
use std::time::Duration;

#[derive(Clone)]
pub struct Options {
    pub request: RequestOptions,
    pub cookie_jar: Option<Arc<CookieJar>>,
    /// For each receive, send and connect that names no time of its own.
    pub timeout: Timeout,
    pub connect_timeout: Timeout,
    pub send_timeout: Timeout,
    pub close_timeout: Timeout,
    /// A wait ends after a signal handler has run.
    pub is_interruptible: bool,
    /// How long a wait for bytes looks for them before it sleeps.
    pub spin: Duration,
    pub proxy: ProxyOptions,
    /// For the way through the proxy, within the time for connecting.
    pub proxy_timeout: Timeout,
    pub socket: SocketOptions,
    /// A socket in the file system, in place of the URL's host.
    pub unix_path: Option<String>,
    /// A connected socket of the caller's, in place of one of ours.
    pub fd: Option<RawFd>,
    pub tls: TlsOptions,
    pub limits: Limits,
    pub deflate: DeflateOptions,
    pub check_utf8: bool,
    pub deliver_fragments: bool,
    pub auto_pong: bool,
    pub mask_key: Option<MaskKeyFn>,
    /// Of an app.
    pub ping: Arc<KeepaliveOptions>,
    pub reconnect: BackoffOptions,
    /// Also after what another try hardly mends.
    pub reconnect_always: bool,
    pub send_queue_limit: u64,
}

/// The process's timeout, for connections without one of their own.
pub static DEFAULT_TIMEOUT: SharedTimeout = SharedTimeout::forever();

const MAX_MESSAGE_BYTES: u64 = 64 << 20;
/// Fragments take no memory of their own; the limit stops a peer that sends empty ones without end.
const MAX_FRAGMENTS: u64 = 1 << 20;

/// Fast: what a higher level saves beyond it costs more time than it takes to send.
const DEFLATE_LEVEL: u8 = 1;
/// Shorter messages hardly get shorter.
const DEFLATE_THRESHOLD: u64 = 128;
/// As Apache's mod_deflate has it; what people write comes to one of ten or twenty.
const DEFLATE_MAX_RATIO: u64 = 200;

/// A quarter of the largest message that is received.
const SEND_QUEUE_LIMIT: u64 = 16 << 20;

/// A connect that nobody gave a time would hang on a dead address for minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// A close that nobody gave a time.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the server may take to end the stream after a closing handshake (RFC 6455 section
/// 7.1.1: it goes first).
pub const LINGER: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct DeflateOptions {
    pub is_offered: bool,
    pub offer: Offer,
    pub level: u8,
    /// Messages with fewer bytes are not compressed.
    pub threshold: u64,
    /// How many times as large as what came a message may be.
    pub max_ratio: u64,
}

impl Options {
    /// How long a whole connect may take; `timeout` is the connection's own, which any thread may
    /// have changed.
    pub fn connect_span(&self, timeout: Timeout) -> Option<Duration> {
        let usual = match DEFAULT_TIMEOUT.get() {
            Timeout::FOREVER => Timeout::after(CONNECT_TIMEOUT),
            set => set,
        };
        self.connect_timeout.or(timeout).or(usual).span()
    }

    /// How long nothing may move during a closing handshake.
    pub fn close_span(&self) -> Option<Duration> {
        let usual = Timeout::after(CLOSE_TIMEOUT);
        self.close_timeout.or(usual).span()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            request: RequestOptions::default(),
            cookie_jar: None,
            timeout: Timeout::DEFAULT,
            connect_timeout: Timeout::DEFAULT,
            send_timeout: Timeout::DEFAULT,
            close_timeout: Timeout::DEFAULT,
            is_interruptible: false,
            spin: Duration::ZERO,
            proxy: ProxyOptions::default(),
            proxy_timeout: Timeout::DEFAULT,
            socket: SocketOptions::default(),
            unix_path: None,
            fd: None,
            tls: TlsOptions::default(),
            limits: Limits {
                max_message_bytes: MAX_MESSAGE_BYTES,
                max_frame_bytes: u64::MAX,
                max_fragments: MAX_FRAGMENTS,
            },
            deflate: DeflateOptions {
                is_offered: false,
                offer: Offer::default(),
                level: DEFLATE_LEVEL,
                threshold: DEFLATE_THRESHOLD,
                max_ratio: DEFLATE_MAX_RATIO,
            },
            check_utf8: true,
            deliver_fragments: false,
            auto_pong: true,
            mask_key: None,
            ping: Arc::default(),
            reconnect: BackoffOptions::default(),
            reconnect_always: false,
            send_queue_limit: SEND_QUEUE_LIMIT,
        }
    }
}
