// SPDX-License-Identifier: Apache-2.0
//! Rows of the tables about an open connection, and how they are run.
//!
//! A row is fed whole, byte by byte, in two pieces at every split point, and followed by another
//! frame; the result must always be the same, with the parts of a message joined. A failing row
//! ends with the byte that makes it fail: the failure must be reported with that byte and not
//! earlier.

use crate::outcome::{End, OPEN, Outcome, Seen, check_rows, pong, raw};
use crate::session::Session;
use crate::wire::{Bytes, KEY, PONG, frame};
use wsline::base::error::Kind;
use wsline::protocol::ws::close::{CloseFrame, Side};
use wsline::protocol::ws::deflate::{Agreement, Inflater};
use wsline::protocol::ws::frame_sequence::Limits;
use wsline::protocol::ws::message::Delivery;
use wsline::protocol::ws::message_inflater::{InflateMode, MessageInflater};
use wsline::protocol::ws::opcode::Opcode;

/// Rows up to this length are split at every point, longer ones at critical points.
const SPLIT_EVERYWHERE: usize = 1000;

#[derive(Clone)]
pub(crate) struct Row {
    id: String,
    /// Of RFC 6455, unless it names another.
    section: &'static str,
    input: Vec<u8>,
    outcome: Outcome,
    settings: Settings,
}

/// Settings made before the first byte arrives.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) delivery: Delivery,
    pub(crate) limits: Limits,
    pub(crate) check_utf8: bool,
    /// The close frame that this side has already sent.
    pub(crate) closing: Option<CloseFrame>,
    /// The negotiated compression, if any: its parameters, and the maximum ratio of a message.
    pub(crate) deflate: Option<(Agreement, u64)>,
    /// How the server itself compresses messages, if it does, and the maximum ratio of a message.
    pub(crate) inflate: Option<(InflateMode, u64)>,
}

pub(crate) const WAYS: [Delivery; 4] = [
    Delivery::Messages,
    Delivery::Fragments,
    Delivery::Parts,
    Delivery::Frames,
];

/// No restrictions, as negotiated with a server that responds without parameters.
pub(crate) const UNRESTRICTED: Agreement = Agreement {
    client_window_bits: 15,
    server_window_bits: 15,
    client_no_context_takeover: false,
    server_no_context_takeover: false,
};

pub(crate) fn row<const N: usize>(
    id: impl Into<String>,
    section: &'static str,
    input: impl Bytes,
    events: [Seen; N],
    sent: impl Bytes,
    end: End,
) -> Row {
    Row {
        id: id.into(),
        section,
        input: input.bytes(),
        outcome: Outcome {
            events: events.into(),
            sent: sent.bytes(),
            end,
        },
        settings: Settings::default(),
    }
}

impl Row {
    pub(crate) fn delivered_in(mut self, delivery: Delivery) -> Self {
        self.settings.delivery = delivery;
        self
    }

    pub(crate) fn max_message(mut self, bytes: u64) -> Self {
        self.settings.limits.max_message_bytes = bytes;
        self
    }

    pub(crate) fn max_frame(mut self, bytes: u64) -> Self {
        self.settings.limits.max_frame_bytes = bytes;
        self
    }

    pub(crate) fn max_fragments(mut self, count: u64) -> Self {
        self.settings.limits.max_fragments = count;
        self
    }

    /// Messages may be compressed.
    pub(crate) fn deflated(self) -> Self {
        self.agreed(UNRESTRICTED)
    }

    /// The same without context takeover.
    pub(crate) fn deflated_apart(self) -> Self {
        self.agreed(Agreement {
            server_no_context_takeover: true,
            ..UNRESTRICTED
        })
    }

    pub(crate) fn agreed(mut self, agreement: Agreement) -> Self {
        self.settings.deflate = Some((agreement, u64::MAX));
        self
    }

    /// The server itself compresses binary messages.
    pub(crate) fn inflated(mut self, mode: InflateMode) -> Self {
        self.settings.inflate = Some((mode, u64::MAX));
        self
    }

    pub(crate) fn unchecked(mut self) -> Self {
        self.settings.check_utf8 = false;
        self
    }

    /// This side has sent a close frame first.
    pub(crate) fn after_own_close(mut self, code: u16) -> Self {
        self.settings.closing = Some(CloseFrame {
            code: Some(code),
            reason: String::new(),
        });
        self
    }

    pub(crate) fn settings(self) -> Settings {
        self.settings
    }

    /// With a different outcome, derived from the current one.
    pub(crate) fn expecting(mut self, change: impl FnOnce(Outcome) -> Outcome) -> Self {
        self.outcome = change(self.outcome);
        self
    }

    fn check(&self) -> Result<(), String> {
        let input = &self.input[..];
        self.expect("whole", &[input], &self.outcome)?;
        self.check_byte_by_byte()?;
        for point in split_points(input.len()) {
            let (before, after) = input.split_at(point);
            self.expect(
                &format!("split at {point}"),
                &[before, after],
                &self.outcome,
            )?;
        }
        self.check_with_more_behind()
    }

    fn check_byte_by_byte(&self) -> Result<(), String> {
        let mut connection = Connection::new(&self.settings);
        for (at, byte) in self.input.iter().enumerate() {
            connection.feed(&[*byte]);
            if connection.failure.is_some() && at + 1 < self.input.len() {
                let fed = at + 1;
                return Err(format!("byte by byte: failed with byte {fed}, too early"));
            }
        }
        self.compare("byte by byte", connection.outcome(), &self.outcome)
    }

    /// After an end, the rest is ignored; between two frames, an open connection accepts any
    /// control frame.
    fn check_with_more_behind(&self) -> Result<(), String> {
        let more = frame(PONG, "more");
        let mut outcome = self.outcome.clone();
        if outcome.end == OPEN {
            if is_inside_frame(&self.input) {
                return Ok(());
            }
            outcome.events.push(match self.settings.delivery {
                Delivery::Frames => raw(true, PONG, "more"),
                _ => pong("more"),
            });
        }
        let together = [&self.input[..], &more].concat();
        self.expect("with more behind", &[&together], &outcome)?;
        self.expect("with more after", &[&self.input, &more], &outcome)?;
        let bytes: Vec<&[u8]> = more.chunks(1).collect();
        let pieces = [&[&self.input[..]], &bytes[..]].concat();
        self.expect("with more, byte by byte", &pieces, &outcome)
    }

    fn expect(&self, how: &str, pieces: &[&[u8]], expected: &Outcome) -> Result<(), String> {
        self.compare(how, run(&self.settings, pieces), expected)
    }

    fn compare(&self, how: &str, got: Outcome, expected: &Outcome) -> Result<(), String> {
        if got == *expected {
            return Ok(());
        }
        Err(format!(
            "{how}:\n  expected {expected:?}\n  got      {got:?}"
        ))
    }
}

pub(crate) fn check_all(rows: impl IntoIterator<Item = Row>) {
    check_rows(rows.into_iter().map(|row| {
        let name = format!("{} (section {})", row.id, row.section);
        (name, row.check())
    }));
}

/// Feeds the pieces one after the other.
pub(crate) fn run(settings: &Settings, pieces: &[&[u8]]) -> Outcome {
    let mut connection = Connection::new(settings);
    for piece in pieces {
        connection.feed(piece);
    }
    connection.outcome()
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delivery: Delivery::Messages,
            limits: Limits {
                max_message_bytes: u64::MAX,
                max_frame_bytes: u64::MAX,
                max_fragments: u64::MAX,
            },
            check_utf8: true,
            closing: None,
            deflate: None,
            inflate: None,
        }
    }
}

pub(crate) fn session(settings: &Settings) -> Session {
    let mut session = Session::new(settings.limits, settings.check_utf8);
    if let Some((agreement, max_ratio)) = &settings.deflate {
        let inflater = Inflater::new(*max_ratio, agreement);
        session.receiver.set_inflater(inflater);
    }
    if let Some((mode, max_ratio)) = settings.inflate {
        let inflater = MessageInflater::new(mode, max_ratio);
        session.receiver.set_message_inflater(inflater);
    }
    if let Some(frame) = &settings.closing {
        session.close(frame, KEY).expect("nothing was sent before");
    }
    session
}

struct Connection {
    session: Session,
    delivery: Delivery,
    events: Vec<Seen>,
    failure: Option<Kind>,
}

impl Connection {
    fn new(settings: &Settings) -> Self {
        Self {
            session: session(settings),
            delivery: settings.delivery,
            events: Vec::new(),
            failure: None,
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.session.feed(bytes).expect("there is memory");
        loop {
            match self.session.next_event(self.delivery, || KEY) {
                Ok(Some(event)) => {
                    self.events.push(Seen::new(event));
                }
                Ok(None) => return,
                Err(error) => {
                    let kind = error.kind();
                    let first = *self.failure.get_or_insert(kind);
                    assert_eq!(first, kind, "the first failure stays");
                    return;
                }
            }
        }
    }

    fn outcome(mut self) -> Outcome {
        let sent = self.session.take_output();
        let end = self.end();
        if end != OPEN {
            self.assert_nothing_more_can_be_sent(&end);
        }
        let outcome = Outcome {
            events: self.events,
            sent,
            end,
        };
        match self.delivery {
            Delivery::Parts => outcome.joined(),
            _ => outcome,
        }
    }

    fn end(&self) -> End {
        let closing = self.session.sender.closing();
        let info = closing.info();
        if let Some(kind) = self.failure {
            assert_eq!((info.code, info.clean), (1006, false), "no close frame");
            assert_eq!(info.closed_by, Some(Side::Client), "this side failed it");
            assert_eq!(closing.error().map(|error| error.kind()), Some(kind));
            return End::Failed(kind);
        }
        if !self.session.receiver.is_closed() {
            assert_eq!(info.code, 0, "still open");
            return OPEN;
        }
        End::Closed {
            code: info.code,
            reason: info.reason.to_owned(),
            by: info.closed_by.expect("somebody closed"),
            clean: info.clean,
        }
    }

    /// Section 5.5.1: after a close frame no other frame is sent, except for a close frame that is
    /// still pending.
    fn assert_nothing_more_can_be_sent(&mut self, end: &End) {
        for opcode in [Opcode::Text, Opcode::Ping] {
            self.session
                .send(opcode, b"late", KEY)
                .expect_err("the connection has ended");
        }
        let reply = self.session.close(&CloseFrame::default(), KEY);
        let is_due = matches!(end, End::Closed { clean: false, .. });
        assert_eq!(reply.is_ok(), is_due, "one close frame per direction");
        assert_eq!(self.session.take_output().is_empty(), !is_due);
    }
}

pub(crate) fn split_points(len: usize) -> Vec<usize> {
    if len <= SPLIT_EVERYWHERE {
        return (1..len).collect();
    }
    let around = |at: usize| at - 2..(at + 2).min(len);
    [
        1..16,
        around(len / 2),
        around(16 * 1024),
        around(64 * 1024),
        len - 8..len,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether `input`, which is valid, ends within a frame.
fn is_inside_frame(mut input: &[u8]) -> bool {
    while !input.is_empty() {
        let len = match input {
            [_, 126, a, b, ..] => 4 + usize::from(u16::from_be_bytes([*a, *b])),
            [_, 127, a, b, c, d, e, f, g, h, ..] => {
                10 + u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize
            }
            [_, len, ..] if *len < 126 => 2 + usize::from(*len),
            _ => return true,
        };
        match input.get(len..) {
            Some(rest) => input = rest,
            None => return true,
        }
    }
    false
}
