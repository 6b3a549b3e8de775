// SPDX-License-Identifier: Apache-2.0
//! The options of a connection, copied when they are used.

use super::trace;
use crate::base::deadline::{SharedTimeout, Timeout};
use crate::base::error::{Error, Kind, Phase};
use crate::base::memory::Text;
use crate::base::sync::Arc;
use crate::conn::events::EventFn;
use crate::conn::send::keys::MaskKeyFn;
use crate::net::names::NameOptions;
use crate::net::socket::{SocketOptions, SuppliedSocket};
use crate::net::tls::options::TlsOptions;
use crate::net::user_transport::UserTransport;
use crate::protocol::backoff::BackoffOptions;
use crate::protocol::http::cookie::CookieJar;
use crate::protocol::http::extension::Offer;
use crate::protocol::http::request::RequestOptions;
use crate::protocol::keepalive::KeepaliveOptions;
use crate::protocol::proxy::select::ProxyOptions;
use crate::protocol::send_rate::SendRateOptions;
use crate::protocol::tolerance::Mistakes;
use crate::protocol::url::Url;
use crate::protocol::ws::frame_sequence::Limits;
use crate::protocol::ws::message_inflater::InflateMode;
use std::time::Duration;

#[derive(Clone)]
pub struct Options {
    pub request: RequestOptions,
    pub cookie_jar: Option<Arc<CookieJar>>,
    /// For each receive, send and connect without a timeout of its own.
    pub timeout: Timeout,
    pub connect_timeout: Timeout,
    pub send_timeout: Timeout,
    pub close_timeout: Timeout,
    /// A wait ends after a signal handler has run.
    pub is_interruptible: bool,
    /// How long a wait for bytes polls before it sleeps.
    pub spin: Duration,
    pub proxy: ProxyOptions,
    /// For connecting through the proxy, within the connect timeout.
    pub proxy_timeout: Timeout,
    pub names: NameOptions,
    /// Where to connect to instead of the URL's host and port: only these two count.
    pub connect_to: Option<Arc<Url>>,
    pub socket: SocketOptions,
    /// The path of a Unix socket to connect to instead of the URL's host.
    pub unix_path: Option<String>,
    /// Used instead of a new socket.
    pub supplied: Option<Supplied>,
    /// The caller has made the opening handshake on it.
    pub is_upgraded: bool,
    pub tls: TlsOptions,
    pub limits: Limits,
    pub deflate: DeflateOptions,
    /// What the server itself has compressed is inflated.
    pub inflate_messages: Option<InflateMode>,
    pub tolerated: Mistakes,
    pub check_utf8: bool,
    pub deliver_fragments: bool,
    pub auto_pong: bool,
    pub mask_key: Option<MaskKeyFn>,
    pub events: Option<EventFn>,
    /// For apps.
    pub ping: Arc<KeepaliveOptions>,
    pub reconnect: BackoffOptions,
    /// Reconnect also after failures that are not retryable.
    pub reconnect_always: bool,
    pub send_queue_limit: u64,
    /// `None` if nothing is kept and no rate is limited.
    pub message_queue: Option<Arc<MessageQueueOptions>>,
    /// Further servers to try.
    pub fallback_urls: Arc<Vec<Text>>,
}

/// What a caller supplies for one connection.
#[derive(Clone)]
pub enum Supplied {
    /// A connected socket, of which a duplicate is used.
    Socket(Arc<SuppliedSocket>),
    Transport(Arc<UserTransport>),
}

/// The process-wide timeout, for connections without one of their own.
pub static DEFAULT_TIMEOUT: SharedTimeout = SharedTimeout::forever();

const MAX_MESSAGE_BYTES: u64 = 64 << 20;
/// Fragments take no memory of their own; the limit stops a peer that sends empty ones forever.
const MAX_FRAGMENTS: u64 = 1 << 20;

/// The fastest level: at a higher one, compressing takes more time than sending fewer bytes saves.
const DEFLATE_LEVEL: u8 = 1;
/// Compressing shorter messages saves little.
const DEFLATE_THRESHOLD: u64 = 128;
/// The default of Apache's mod_deflate; ordinary text reaches a ratio of 10 to 20.
const DEFLATE_MAX_RATIO: u64 = 200;

/// A quarter of the default limit for received messages.
const SEND_QUEUE_LIMIT: u64 = 16 << 20;

/// Without a timeout, a connect to an unreachable address would hang for minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// For a close without a timeout of its own.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the server may take to end the stream after a closing handshake (RFC 6455 section
/// 7.1.1: the server closes first).
pub const LINGER: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct DeflateOptions {
    pub is_offered: bool,
    pub offer: Offer,
    pub level: u8,
    /// Messages with fewer bytes are not compressed.
    pub threshold: u64,
    /// How many times larger than its compressed form a message may be.
    pub max_ratio: u64,
}

/// For the messages of an app that must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageQueueOptions {
    /// A message that is younger than this is sent on the next connection; `None` for any age.
    pub max_age: Option<Duration>,
    pub rate: SendRateOptions,
}

/// Nothing is kept.
impl Default for MessageQueueOptions {
    fn default() -> Self {
        Self {
            max_age: Some(Duration::ZERO),
            rate: SendRateOptions::default(),
        }
    }
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

    /// Parses the URL to connect to, and logs what is tolerated in it.
    pub fn parse_url(&self, text: &str) -> Result<Arc<Url>, Error> {
        let url = self.tolerated.without_fragment(text);
        if url.len() < text.len() {
            trace::mistakes(Mistakes::URL_FRAGMENT);
        }
        Url::parse(url).map(Arc::new)
    }

    /// Fails if the caller cannot have made the opening handshake for `url`, but says so.
    pub fn check_upgraded(&self, url: &Url) -> Result<(), Error> {
        let what = match self.supplied {
            _ if !self.is_upgraded => return Ok(()),
            None => {
                "wsline_options_set_upgraded() needs the socket of wsline_options_set_fd() or a \
                 transport"
            }
            Some(_) if url.is_secure() => {
                "wss:// would begin TLS, but by wsline_options_set_upgraded() the connection is open"
            }
            Some(_) => return Ok(()),
        };
        Err(Error::new(Kind::WrongState, what).in_phase(Phase::Connect))
    }

    /// How long a closing handshake may go without progress.
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
            names: NameOptions::default(),
            connect_to: None,
            socket: SocketOptions::default(),
            unix_path: None,
            supplied: None,
            is_upgraded: false,
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
            inflate_messages: None,
            tolerated: Mistakes::default(),
            check_utf8: true,
            deliver_fragments: false,
            auto_pong: true,
            mask_key: None,
            events: None,
            ping: Arc::default(),
            reconnect: BackoffOptions::default(),
            reconnect_always: false,
            send_queue_limit: SEND_QUEUE_LIMIT,
            message_queue: None,
            fallback_urls: Arc::default(),
        }
    }
}
