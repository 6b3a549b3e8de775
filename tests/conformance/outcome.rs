// SPDX-License-Identifier: Apache-2.0
//! The outcome of a connection: events, bytes, and the final state.

use crate::session::Event;
use wsline::base::error::Kind;
use wsline::protocol::ws::close::{CloseFrame, Side};
use wsline::protocol::ws::message::Delivery;
use wsline::protocol::ws::opcode::Opcode;

#[derive(Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Seen>,
    pub(crate) sent: Vec<u8>,
    pub(crate) end: End,
}

/// An event with its payload.
#[derive(Clone, PartialEq)]
pub(crate) enum Seen {
    Data {
        opcode: Opcode,
        first: bool,
        last: bool,
        payload: Vec<u8>,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Frame {
        fin: bool,
        rsv1: bool,
        opcode: u8,
        payload: Vec<u8>,
    },
}

/// The state of the connection after the input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    Open,
    Closed {
        code: u16,
        reason: String,
        by: Side,
        clean: bool,
    },
    Failed(Kind),
}

pub(crate) const OPEN: End = End::Open;

pub(crate) fn closed_by_server(code: u16, reason: &str) -> End {
    closed(code, reason, Side::Server)
}

pub(crate) fn closed_by_client(code: u16, reason: &str) -> End {
    closed(code, reason, Side::Client)
}

/// The server's close frame has arrived and is not answered, as with [`Delivery::Frames`].
pub(crate) fn close_received(code: u16, reason: &str) -> End {
    End::Closed {
        code,
        reason: reason.to_owned(),
        by: Side::Server,
        clean: false,
    }
}

fn closed(code: u16, reason: &str, by: Side) -> End {
    End::Closed {
        code,
        reason: reason.to_owned(),
        by,
        clean: true,
    }
}

pub(crate) const fn failed(kind: Kind) -> End {
    End::Failed(kind)
}

pub(crate) fn text(payload: impl AsRef<[u8]>) -> Seen {
    data(Opcode::Text, true, true, payload)
}

pub(crate) fn binary(payload: impl AsRef<[u8]>) -> Seen {
    data(Opcode::Binary, true, true, payload)
}

pub(crate) fn data(opcode: Opcode, first: bool, last: bool, payload: impl AsRef<[u8]>) -> Seen {
    Seen::Data {
        opcode,
        first,
        last,
        payload: payload.as_ref().to_vec(),
    }
}

pub(crate) fn ping(payload: impl AsRef<[u8]>) -> Seen {
    Seen::Ping(payload.as_ref().to_vec())
}

pub(crate) fn pong(payload: impl AsRef<[u8]>) -> Seen {
    Seen::Pong(payload.as_ref().to_vec())
}

/// A close frame with a code.
pub(crate) fn closes(code: u16, reason: &str) -> Seen {
    Seen::Close(Some(code), reason.to_owned())
}

pub(crate) fn raw(fin: bool, opcode: u8, payload: impl AsRef<[u8]>) -> Seen {
    raw_bits(fin, false, opcode, payload)
}

/// The same with or without the bit of a compressed message.
pub(crate) fn raw_bits(fin: bool, rsv1: bool, opcode: u8, payload: impl AsRef<[u8]>) -> Seen {
    Seen::Frame {
        fin,
        rsv1,
        opcode,
        payload: payload.as_ref().to_vec(),
    }
}

impl Outcome {
    /// How a message is split into parts depends on how its bytes arrive, but its content does not:
    /// consecutive parts are joined. Parts of the message that ended the connection are left out.
    pub(crate) fn joined(mut self) -> Self {
        let is_failed = matches!(self.end, End::Failed(_));
        let last_end = self.events.iter().rposition(Seen::ends_message);
        let unfinished = last_end.map_or(0, |at| at + 1);
        let events = std::mem::take(&mut self.events);
        for (at, event) in events.into_iter().enumerate() {
            let is_data = matches!(event, Seen::Data { .. });
            if is_failed && is_data && at >= unfinished {
                continue;
            }
            self.push_joined(event);
        }
        self
    }

    fn push_joined(&mut self, event: Seen) {
        let Seen::Data {
            opcode,
            first,
            last,
            payload,
        } = event
        else {
            return self.events.push(event);
        };
        assert!(last || !payload.is_empty(), "a part of nothing");
        if let Some(Seen::Data {
            opcode: begun,
            last: ended @ false,
            payload: before,
            ..
        }) = self.events.last_mut()
        {
            assert_eq!((*begun, first), (opcode, false), "parts of one message");
            before.extend(payload);
            *ended = last;
            return;
        }
        self.events.push(data(opcode, first, last, payload));
    }
}

impl Seen {
    pub(crate) fn new(event: Event) -> Self {
        let payload = event.payload;
        if event.delivery == Delivery::Frames {
            return raw_bits(event.last, event.rsv1, event.opcode.number(), payload);
        }
        match event.opcode {
            Opcode::Ping => Self::Ping(payload),
            Opcode::Pong => Self::Pong(payload),
            Opcode::Close => {
                let CloseFrame { code, reason } = CloseFrame::decode(&payload).expect("checked");
                Self::Close(code, reason)
            }
            opcode => data(opcode, event.first, event.last, payload),
        }
    }

    fn ends_message(&self) -> bool {
        matches!(self, Self::Data { last: true, .. })
    }
}

/// Short enough to be readable in a failure, whatever the payloads.
impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { events, sent, end } = self;
        write!(f, "{events:?}, sent {}, {end:?}", shown(sent))
    }
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data {
                opcode,
                first,
                last,
                payload,
            } => {
                let payload = shown(payload);
                write!(f, "{opcode:?}(first={first} last={last} {payload})")
            }
            Self::Ping(payload) => write!(f, "Ping({})", shown(payload)),
            Self::Pong(payload) => write!(f, "Pong({})", shown(payload)),
            Self::Close(code, reason) => write!(f, "Close({code:?}, {reason:?})"),
            Self::Frame {
                fin,
                rsv1,
                opcode,
                payload,
            } => {
                let payload = shown(payload);
                write!(f, "Frame(fin={fin} rsv1={rsv1} opcode={opcode} {payload})")
            }
        }
    }
}

/// Their number and the first ones.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let start = bytes[..bytes.len().min(80)].escape_ascii();
    format!("{} bytes \"{start}\"", bytes.len())
}

/// Takes the name of each row of a table and the result of its check. Fails with all that are wrong,
/// so that one does not hide another.
pub(crate) fn check_rows(rows: impl Iterator<Item = (String, Result<(), String>)>) {
    let wrong: Vec<String> = rows
        .filter_map(|(name, result)| Some(format!("{name}: {}", result.err()?)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
