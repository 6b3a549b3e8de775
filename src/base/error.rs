// SPDX-License-Identifier: Apache-2.0
//! The error type: its kind, its phase, and one line of text for a person.

use std::fmt;
use std::io;

/// The kind of an error; `ffi::status` gives each kind its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    InvalidArgument,
    WrongState,
    Busy,
    NotSupported,
    Timeout,
    PongTimeout,
    WouldBlock,
    Interrupted,
    InvalidUrl,
    Resolve,
    Connect,
    Io,
    Proxy,
    ProxyAuth,
    Tls,
    TlsVerify,
    TlsConfig,
    BadStatus,
    BadUpgrade,
    TooManyRedirects,
    Protocol,
    Payload,
    MessageTooBig,
    Closed,
    ConnectionLost,
    Aborted,
    NoMemory,
    Internal,
}

impl Kind {
    /// Whether it ends the connection, not just one call on it.
    pub fn is_final(self) -> bool {
        !matches!(
            self,
            Self::InvalidArgument
                | Self::WrongState
                | Self::Busy
                | Self::NotSupported
                | Self::Timeout
                | Self::WouldBlock
                | Self::Interrupted
        )
    }

    /// The code of the close frame to send (RFC 6455 section 7.4.1); `None` if none is to be sent.
    pub fn close_code(self) -> Option<u16> {
        match self {
            Self::Protocol => Some(1002),
            Self::Payload => Some(1007),
            Self::MessageTooBig => Some(1009),
            Self::NoMemory | Self::Internal => Some(1011),
            _ => None,
        }
    }
}

/// What the connection was doing when the error occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    None,
    Resolve,
    Connect,
    Proxy,
    Tls,
    Upgrade,
    Open,
    Close,
}

/// Messages quote text of any length from callers and peers; a longer line is unreadable.
const MAX_MESSAGE_BYTES: usize = 1000;
/// The number of characters shown of quoted text.
const MAX_QUOTED: usize = 100;

/// A single pointer, so that a successful `Result<(), Error>` is as cheap as an integer.
#[derive(Clone, Debug)]
pub struct Error(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    kind: Kind,
    phase: Phase,
    message: String,
    os_errno: i32,
    tls_verify_result: i64,
    http_status: u16,
    close_code: u16,
    is_retryable: bool,
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            phase: Phase::None,
            message: bounded(message.into()),
            os_errno: 0,
            tls_verify_result: 0,
            http_status: 0,
            close_code: 0,
            is_retryable: false,
        }))
    }

    /// A mistake of the caller: the message names the argument and what is wrong with it.
    pub fn argument(name: &str, what: impl fmt::Display) -> Self {
        Self::new(Kind::InvalidArgument, format!("argument `{name}` {what}"))
    }

    pub fn protocol(message: impl Into<String>) -> Self {
        Self::new(Kind::Protocol, message)
    }

    /// A failed system call: the message is `what` was attempted and the reason given by the
    /// system.
    pub fn os(kind: Kind, what: impl fmt::Display, cause: &io::Error) -> Self {
        let kind = match cause.kind() {
            io::ErrorKind::OutOfMemory => Kind::NoMemory,
            _ => kind,
        };
        let mut error = Self::new(kind, format!("{what}: {}", os_text(cause)));
        error.0.os_errno = cause.raw_os_error().unwrap_or(0);
        error
    }

    pub fn with_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = bounded(message.into());
        self
    }

    /// A signal handler ran while the call waited for `wait`.
    pub fn interrupted(wait: &str) -> Self {
        Self::new(
            Kind::Interrupted,
            format!("a signal interrupted the wait for {wait}"),
        )
    }

    pub fn no_memory(bytes: u64) -> Self {
        Self::new(Kind::NoMemory, format!("no memory for {bytes} bytes"))
    }

    pub fn in_phase(mut self, phase: Phase) -> Self {
        self.0.phase = phase;
        self
    }

    /// Sets the phase if the error has none yet.
    pub fn or_in_phase(self, phase: Phase) -> Self {
        if self.0.phase == Phase::None {
            self.in_phase(phase)
        } else {
            self
        }
    }

    pub fn with_tls_verify_result(mut self, result: i64) -> Self {
        self.0.tls_verify_result = result;
        self
    }

    pub fn with_http_status(mut self, status: u16) -> Self {
        self.0.http_status = status;
        self
    }

    pub fn with_close_code(mut self, code: u16) -> Self {
        self.0.close_code = code;
        self
    }

    /// Marks an error as worth retrying although its kind is not.
    pub fn retryable(mut self) -> Self {
        self.0.is_retryable = true;
        self
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn os_errno(&self) -> i32 {
        self.0.os_errno
    }

    pub fn tls_verify_result(&self) -> i64 {
        self.0.tls_verify_result
    }

    pub fn http_status(&self) -> u16 {
        self.0.http_status
    }

    pub fn close_code(&self) -> u16 {
        self.0.close_code
    }

    pub fn is_retryable(&self) -> bool {
        self.0.is_retryable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

/// Text from the caller or the peer, escaped and truncated for an error message.
pub fn quoted(text: &str) -> impl fmt::Display {
    struct Quoted<'a>(&'a str);
    impl fmt::Display for Quoted<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let end = self.0.char_indices().nth(MAX_QUOTED).map(|(end, _)| end);
            let shown = end.and_then(|end| self.0.get(..end));
            let more = if shown.is_some() { "…" } else { "" };
            write!(f, "\"{}{more}\"", shown.unwrap_or(self.0).escape_debug())
        }
    }
    Quoted(text)
}

fn bounded(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        let mut ends = (0..=MAX_MESSAGE_BYTES).rev();
        let end = ends.find(|end| message.is_char_boundary(*end));
        message.truncate(end.unwrap_or_default());
        message.push('…');
        message.shrink_to_fit();
    }
    message
}

/// "connection refused" for "Connection refused (os error 111)": the number has its own field.
fn os_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    // The message already says what was attempted, so std's prefix to the text of getaddrinfo(3) is
    // removed.
    let text = text
        .strip_prefix("failed to lookup address information: ")
        .unwrap_or(text);
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_read_as_one_lower_case_line_and_keep_their_number() {
        let error = Error::os(
            Kind::Connect,
            "connect to 127.0.0.1:1",
            &io::Error::from_raw_os_error(libc::ECONNREFUSED),
        );
        assert_eq!(
            error.message(),
            "connect to 127.0.0.1:1: connection refused"
        );
        assert_eq!(error.os_errno(), libc::ECONNREFUSED);
    }

    #[test]
    fn enomem_from_the_system_becomes_no_memory() {
        let error = Error::os(
            Kind::Io,
            "read",
            &io::Error::from_raw_os_error(libc::ENOMEM),
        );
        assert_eq!(
            (error.kind(), error.os_errno()),
            (Kind::NoMemory, libc::ENOMEM)
        );
    }

    #[test]
    fn messages_and_quotes_are_truncated_between_characters() {
        assert_eq!(quoted("a\"ä\n").to_string(), "\"a\\\"ä\\n\"");
        let long = "ä".repeat(2000);
        let expected = format!("\"{}…\"", "ä".repeat(100));
        assert_eq!(quoted(&long).to_string(), expected);
        let expected = format!("x{}…", "ä".repeat(499));
        let error = Error::protocol(format!("x{long}"));
        assert_eq!(error.message(), expected);
        assert_eq!(
            error.with_message("short").with_message(long).message(),
            format!("{}…", "ä".repeat(500))
        );
    }

    #[test]
    fn a_failed_lookup_is_described_once() {
        let error = io::Error::other("failed to lookup address information: Name not known");
        let error = Error::os(Kind::Resolve, "look up h", &error);
        assert_eq!(error.message(), "look up h: name not known");
    }

    #[test]
    fn the_first_phase_is_kept() {
        let error = Error::protocol("x")
            .in_phase(Phase::Tls)
            .or_in_phase(Phase::Open);
        assert_eq!(error.phase(), Phase::Tls);
    }
}
