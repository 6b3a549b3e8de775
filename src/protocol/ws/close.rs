// SPDX-License-Identifier: Apache-2.0
//! The closing handshake (RFC 6455 sections 5.5.1 and 7): close frames, and how a connection ended.

use super::frame::MAX_CONTROL_BYTES;
use crate::base::error::{Error, Kind, Phase};
use std::ops::Deref;

/// "No status code was present": never sent (section 7.4.1).
pub const NO_STATUS: u16 = 1005;
/// The connection ended without a close frame: never sent (section 7.4.1).
pub const ABNORMAL: u16 = 1006;

/// The code takes two bytes of a control frame's payload.
pub const MAX_REASON_BYTES: usize = MAX_CONTROL_BYTES - 2;

/// The codes allowed in a close frame: those of section 7.4.1 that are not reserved, later ones of
/// the IANA registry (1012–1014), and the ranges of section 7.4.2 for libraries and applications.
pub fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// The content of a close frame. `code` is `None` if its payload is empty.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CloseFrame {
    pub code: Option<u16>,
    pub reason: String,
}

impl CloseFrame {
    /// A close frame from a caller's arguments. Code 0 means none.
    pub fn from_arguments(code: i32, reason: &str) -> Result<Self, Error> {
        if code == 0 {
            if !reason.is_empty() {
                return Err(Error::argument(
                    "reason",
                    "needs a close code: it cannot be sent without one",
                ));
            }
            return Ok(Self::default());
        }
        let Some(code) = u16::try_from(code).ok().filter(|code| may_be_sent(*code)) else {
            return Err(Error::argument(
                "code",
                format!("is {code}, which must not be sent (RFC 6455 section 7.4)"),
            ));
        };
        if reason.len() > MAX_REASON_BYTES {
            return Err(Error::argument(
                "reason",
                format!(
                    "has {} bytes, the limit is {MAX_REASON_BYTES}",
                    reason.len()
                ),
            ));
        }
        Ok(Self {
            code: Some(code),
            reason: reason.to_owned(),
        })
    }

    pub fn decode(payload: &[u8]) -> Result<Self, Error> {
        let (code, reason) = read_payload(payload)?;
        Ok(Self {
            code,
            reason: reason.to_owned(),
        })
    }

    pub fn payload(&self) -> ClosePayload {
        let mut bytes = [0; MAX_CONTROL_BYTES];
        let mut len = 0;
        if let (Some(code), [first, second, reason @ ..]) = (self.code, &mut bytes) {
            [*first, *second] = code.to_be_bytes();
            len = 2;
            if let Some(place) = reason.get_mut(..self.reason.len()) {
                place.copy_from_slice(self.reason.as_bytes());
                len += self.reason.len();
            }
        }
        ClosePayload { bytes, len }
    }
}

/// The payload of a close frame.
pub struct ClosePayload {
    bytes: [u8; MAX_CONTROL_BYTES],
    len: usize,
}

impl Deref for ClosePayload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// The code and reason in the payload of a received close frame (section 5.5.1).
pub fn read_payload(payload: &[u8]) -> Result<(Option<u16>, &str), Error> {
    let (code, reason) = match payload {
        [] => return Ok((None, "")),
        [_] => return Err(Error::protocol("close frame with a payload of one byte")),
        [a, b, reason @ ..] => (u16::from_be_bytes([*a, *b]), reason),
    };
    if !may_be_sent(code) {
        return Err(Error::protocol(format!(
            "close frame with the code {code}, which must not be sent"
        )));
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok((Some(code), reason)),
        Err(_) => Err(Error::new(
            Kind::Payload,
            "close frame with a reason that is not UTF-8",
        )),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// How a connection ended, or `code` 0 while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseInfo<'a> {
    pub code: u16,
    /// A reason from the server is followed by a NUL and stays at the same address.
    pub reason: &'a str,
    /// Both close frames were exchanged (section 7.1.4).
    pub clean: bool,
    pub closed_by: Option<Side>,
}

/// The state of the closing handshake: which close frames were sent and received, who began, and
/// which failure ended the connection.
///
/// Everything reported about the end is computed from these fields.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    sent: bool,
    received: Option<Box<Received>>,
    began: Option<Side>,
    failure: Option<Error>,
}

/// The server's close frame. Its reason is followed by a NUL because it is lent to C; an empty
/// reason is not lent.
#[derive(Clone, Debug)]
struct Received {
    code: Option<u16>,
    reason_and_nul: String,
}

impl Closing {
    pub fn is_open(&self) -> bool {
        !self.sent && self.received.is_none() && self.failure.is_none()
    }

    pub fn is_sent(&self) -> bool {
        self.sent
    }

    pub fn is_received(&self) -> bool {
        self.received.is_some()
    }

    /// Whether both close frames were exchanged before anything failed.
    pub fn is_clean(&self) -> bool {
        self.sent && self.received.is_some() && self.failure.is_none()
    }

    /// Notes that our close frame is being sent; nothing may be sent after it (section 5.5.1).
    pub fn note_sent(&mut self) {
        self.sent = true;
        self.began.get_or_insert(Side::Client);
    }

    /// Notes the peer's close frame; only the first one counts.
    pub fn note_received(&mut self, code: Option<u16>, reason: &str) {
        self.began.get_or_insert(Side::Server);
        self.received.get_or_insert_with(|| {
            Box::new(Received {
                code,
                reason_and_nul: match reason {
                    "" => String::new(),
                    reason => [reason, "\0"].concat(),
                },
            })
        });
    }

    /// Notes that `error` ended the connection, unless it had ended before: the first cause is
    /// kept.
    pub fn note_failure(&mut self, error: Error) {
        if self.failure.is_none() && !self.is_clean() {
            let by = if error.kind() == Kind::ConnectionLost {
                Side::Server
            } else {
                Side::Client
            };
            self.began.get_or_insert(by);
            self.failure = Some(error);
        }
    }

    pub fn info(&self) -> CloseInfo<'_> {
        let (code, reason) = match &self.received {
            Some(received) => (received.code.unwrap_or(NO_STATUS), received.reason()),
            None if self.failure.is_some() => (ABNORMAL, ""),
            None => (0, ""),
        };
        CloseInfo {
            code,
            reason,
            clean: self.is_clean(),
            closed_by: self.began,
        }
    }

    /// The error that calls on an ended connection return.
    pub fn error(&self) -> Option<Error> {
        if let Some(failure) = &self.failure {
            return Some(failure.clone());
        }
        let received = self.received.as_ref()?;
        let by = if self.began == Some(Side::Client) {
            "this side"
        } else {
            "the server"
        };
        let why = match (received.code, received.reason()) {
            (None, _) => " without a code".to_owned(),
            (Some(code), "") => format!(", code {code}"),
            (Some(code), reason) => format!(", code {code}, reason {reason:?}"),
        };
        Some(
            closed(format!("connection closed by {by}{why}"))
                .with_close_code(received.code.unwrap_or(NO_STATUS)),
        )
    }

    /// Why nothing more can be sent, if that is the case.
    pub fn send_error(&self) -> Option<Error> {
        self.error().or_else(|| {
            self.sent
                .then(|| closed("a close frame has been sent; nothing can follow it"))
        })
    }
}

impl Received {
    fn reason(&self) -> &str {
        self.reason_and_nul.strip_suffix('\0').unwrap_or_default()
    }
}

fn closed(message: impl Into<String>) -> Error {
    Error::new(Kind::Closed, message).in_phase(Phase::Close)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_must_not_be_sent_are_rejected_in_both_directions() {
        for code in [-1, 0x1_0000, 0x1_0000 + 1000] {
            CloseFrame::from_arguments(code, "").expect_err("more than two bytes");
        }
        for code in [
            1_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
        ] {
            let sent = CloseFrame::from_arguments(code.into(), "").expect_err("not to be sent");
            assert_eq!(sent.kind(), Kind::InvalidArgument, "{code}");
            let received = CloseFrame::decode(&code.to_be_bytes()).expect_err("not to be received");
            assert_eq!(received.kind(), Kind::Protocol, "{code}");
        }
        for code in [
            1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999,
        ] {
            let frame = CloseFrame::from_arguments(code, "why").expect("may be sent");
            assert_eq!(
                CloseFrame::decode(&frame.payload()).expect("may be received"),
                frame
            );
        }
    }

    #[test]
    fn payloads_of_close_frames() {
        assert_eq!(
            CloseFrame::decode(b"").expect("empty"),
            CloseFrame::default()
        );
        assert_eq!(
            CloseFrame::decode(b"\x03").expect_err("one byte").kind(),
            Kind::Protocol
        );
        assert_eq!(
            CloseFrame::decode(b"\x03\xe8\xff")
                .expect_err("not UTF-8")
                .kind(),
            Kind::Payload
        );
        CloseFrame::from_arguments(0, "x").expect_err("a reason needs a code");
        CloseFrame::from_arguments(1000, &"x".repeat(124)).expect_err("too long");
    }

    #[test]
    fn the_first_cause_is_kept() {
        let mut closing = Closing::default();
        assert!(closing.is_open());
        closing.note_failure(Error::protocol("first"));
        closing.note_failure(Error::new(Kind::ConnectionLost, "second"));
        assert_eq!(closing.error().expect("ended").message(), "first");
        assert_eq!(closing.info().code, ABNORMAL);
        assert_eq!(closing.info().closed_by, Some(Side::Client));
    }

    #[test]
    fn a_clean_end_is_not_changed_by_a_later_transport_error() {
        let mut closing = Closing::default();
        closing.note_received(Some(1001), "bye");
        assert!(!closing.is_open() && !closing.is_clean());
        closing.note_sent();
        closing.note_failure(Error::new(
            Kind::ConnectionLost,
            "reset after the handshake",
        ));
        let info = closing.info();
        assert_eq!(
            (info.code, info.reason, info.clean, info.closed_by),
            (1001, "bye", true, Some(Side::Server))
        );
        assert_eq!(
            closing.error().expect("closed").message(),
            "connection closed by the server, code 1001, reason \"bye\""
        );
    }
}
