// SPDX-License-Identifier: Apache-2.0
//! A second decoder, for comparison: the sentences of RFC 6455 one after the other, with all the input at hand.

use crate::outcome::{End, Outcome, Seen, data, ping, pong, raw};
use crate::row::Settings;
use crate::wire::{CLOSE, CONTINUATION, PING, PONG, TEXT, sent, status};
use std::ops::RangeInclusive;
use wsline::base::error::Kind;
use wsline::protocol::ws::close::Side;
use wsline::protocol::ws::opcode::Opcode;
use wsline::protocol::ws::receiver::Delivery;

/// The outcome, and how much of the input it rests on: all but the beginning of a header.
pub(crate) fn decode(settings: &Settings, input: &[u8]) -> (Outcome, usize) {
    let mut decoder = Decoder {
        settings,
        message: None,
        events: Vec::new(),
        sent: Vec::new(),
    };
    if let Some(own) = &settings.closing {
        let code = own.code.expect("the tests always give one");
        decoder.sent = sent(CLOSE, status(code, &own.reason));
    }
    let mut at = 0;
    let end = loop {
        let Some(frame) = Frame::read(&input[at..]) else {
            return (decoder.outcome(End::Open), at);
        };
        at += frame.size;
        match decoder.take(&frame) {
            Ok(()) => {}
            Err(end) => break end,
        }
    };
    (decoder.outcome(end), input.len())
}

/// Section 5.2. `payload` is what has come of it.
struct Frame {
    fin: bool,
    reserved_bits: u8,
    opcode: u8,
    is_masked: bool,
    /// Of the header's three forms of the length: the shortest that could hold it.
    is_minimal: bool,
    len: u64,
    payload: Vec<u8>,
    /// Of what has come: header and payload.
    size: usize,
}

impl Frame {
    fn read(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        let second = *bytes.get(1)?;
        let (len, mut at) = match second & 0x7f {
            126 => (number(bytes.get(2..4)?), 4),
            127 => (number(bytes.get(2..10)?), 10),
            len => (u64::from(len), 2),
        };
        let is_minimal = match second & 0x7f {
            126 => len >= 126,
            127 => len >= 65536,
            _ => true,
        };
        let is_masked = second & 0x80 != 0;
        if is_masked {
            bytes.get(at..at + 4)?;
            at += 4;
        }
        let payload: Vec<u8> = bytes[at..]
            .iter()
            .copied()
            .take(usize::try_from(len).unwrap_or(usize::MAX))
            .collect();
        Some(Self {
            fin: first & 0x80 != 0,
            reserved_bits: first & 0x70,
            opcode: first & 0x0f,
            is_masked,
            is_minimal,
            len,
            size: at + payload.len(),
            payload,
        })
    }

    fn is_control(&self) -> bool {
        self.opcode >= 8
    }

    fn is_whole(&self) -> bool {
        self.payload.len() as u64 == self.len
    }
}

struct Message {
    opcode: u8,
    payload: Vec<u8>,
    fragments: u64,
}

struct Decoder<'a> {
    settings: &'a Settings,
    /// The message whose last fragment has not come yet.
    message: Option<Message>,
    events: Vec<Seen>,
    sent: Vec<u8>,
}

impl Decoder<'_> {
    /// An error is how the connection ends.
    fn take(&mut self, frame: &Frame) -> Result<(), End> {
        if self.breaks_a_rule(frame) {
            return Err(self.fail(Kind::Protocol));
        }
        if frame.is_control() {
            return if frame.is_whole() {
                self.take_control(frame)
            } else {
                Err(End::Open)
            };
        }
        if self.breaks_a_limit(frame) {
            return Err(self.fail(Kind::MessageTooBig));
        }
        self.take_data(frame)
    }

    fn breaks_a_rule(&self, frame: &Frame) -> bool {
        let is_known = matches!(frame.opcode, 0..=2 | 8..=10);
        let is_top_bit_set = frame.len >> 63 == 1;
        let is_control_wrong = frame.is_control() && (!frame.fin || frame.len > 125);
        let is_out_of_order = match frame.opcode {
            CONTINUATION => self.message.is_none(),
            1 | 2 => self.message.is_some(),
            _ => false,
        };
        !is_known
            || frame.reserved_bits != 0
            || frame.is_masked
            || !frame.is_minimal
            || is_top_bit_set
            || is_control_wrong
            || is_out_of_order
    }

    fn breaks_a_limit(&self, frame: &Frame) -> bool {
        let limits = self.settings.limits;
        let before = match &self.message {
            Some(message) if self.settings.delivery == Delivery::Messages => message.payload.len(),
            _ => 0,
        };
        let fragments = self.message.as_ref().map_or(0, |message| message.fragments) + 1;
        frame.len > limits.max_frame_bytes
            || before as u128 + u128::from(frame.len) > u128::from(limits.max_message_bytes)
            || (frame.opcode == CONTINUATION && fragments > limits.max_fragments)
    }

    fn take_control(&mut self, frame: &Frame) -> Result<(), End> {
        let is_raw = self.settings.delivery == Delivery::Frames;
        let payload = &frame.payload;
        let close = if frame.opcode == CLOSE {
            Some(self.read_close(payload)?)
        } else {
            None
        };
        self.events.push(match (is_raw, frame.opcode, &close) {
            (true, opcode, _) => raw(true, opcode, payload),
            (false, PING, _) => ping(payload),
            (false, PONG, _) => pong(payload),
            (false, _, close) => {
                let (code, reason) = close.clone().unwrap_or_default();
                Seen::Close(code, reason)
            }
        });
        let is_closing = self.settings.closing.is_some();
        if frame.opcode == PING && !is_raw && !is_closing {
            self.sent.extend(sent(PONG, payload));
        }
        let Some((code, reason)) = close else {
            return Ok(());
        };
        if !is_raw && !is_closing {
            self.sent.extend(sent(
                CLOSE,
                code.map_or(Vec::new(), |code| status(code, "")),
            ));
        }
        Err(End::Closed {
            code: code.unwrap_or(1005),
            reason,
            by: if is_closing {
                Side::Client
            } else {
                Side::Server
            },
            clean: !is_raw || is_closing,
        })
    }

    /// Section 5.5.1, and section 7.4 for the code.
    fn read_close(&mut self, payload: &[u8]) -> Result<(Option<u16>, String), End> {
        if payload.is_empty() {
            return Ok((None, String::new()));
        }
        if payload.len() == 1 {
            return Err(self.fail(Kind::Protocol));
        }
        let code = number(&payload[..2]) as u16;
        let reserved = [1004, 1005, 1006, 1015];
        let is_defined = (1000..=1015).contains(&code) && !reserved.contains(&code);
        if !is_defined && !(3000..=4999).contains(&code) {
            return Err(self.fail(Kind::Protocol));
        }
        if read_text(&payload[2..]) != Text::Whole {
            return Err(self.fail(Kind::Payload));
        }
        let reason = String::from_utf8(payload[2..].to_vec()).expect("just read");
        Ok((Some(code), reason))
    }

    fn take_data(&mut self, frame: &Frame) -> Result<(), End> {
        let mut message = self.message.take().unwrap_or(Message {
            opcode: frame.opcode,
            payload: Vec::new(),
            fragments: 0,
        });
        message.payload.extend(&frame.payload);
        message.fragments += 1;

        let is_raw = self.settings.delivery == Delivery::Frames;
        if message.opcode == TEXT && self.settings.check_utf8 && !is_raw {
            let is_over = frame.fin && frame.is_whole();
            match read_text(&message.payload) {
                Text::Wrong => return Err(self.fail(Kind::Payload)),
                Text::Cut if is_over => return Err(self.fail(Kind::Payload)),
                _ => {}
            }
        }
        if !frame.is_whole() {
            return Err(End::Open);
        }
        let opcode = if message.opcode == TEXT {
            Opcode::Text
        } else {
            Opcode::Binary
        };
        let is_first = message.fragments == 1;
        match self.settings.delivery {
            Delivery::Frames => {
                self.events
                    .push(raw(frame.fin, frame.opcode, &frame.payload));
            }
            Delivery::Fragments => {
                self.events
                    .push(data(opcode, is_first, frame.fin, &frame.payload));
            }
            Delivery::Messages if frame.fin => {
                self.events.push(data(opcode, true, true, &message.payload));
            }
            Delivery::Messages => {}
            Delivery::Parts => panic!("parts depend on how the bytes come"),
        }
        self.message = (!frame.fin).then_some(message);
        Ok(())
    }

    /// Section 7.1.7.
    fn fail(&mut self, kind: Kind) -> End {
        let code = match kind {
            Kind::Protocol => 1002,
            Kind::Payload => 1007,
            Kind::MessageTooBig => 1009,
            _ => panic!("{kind:?} is no failure of a stream"),
        };
        if self.settings.closing.is_none() {
            self.sent.extend(sent(CLOSE, status(code, "")));
        }
        End::Failed(kind)
    }

    fn outcome(self, end: End) -> Outcome {
        Outcome {
            events: self.events,
            sent: self.sent,
            end,
        }
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[derive(Debug, PartialEq)]
pub(crate) enum Text {
    Whole,
    /// The last character is not complete.
    Cut,
    Wrong,
}

/// The grammar of RFC 3629 section 4.
pub(crate) fn read_text(bytes: &[u8]) -> Text {
    const TAIL: RangeInclusive<u8> = 0x80..=0xbf;
    let mut bytes = bytes.iter();
    while let Some(first) = bytes.next() {
        let tails: &[RangeInclusive<u8>] = match first {
            0x00..=0x7f => &[],
            0xc2..=0xdf => &[TAIL],
            0xe0 => &[0xa0..=0xbf, TAIL],
            0xe1..=0xec | 0xee..=0xef => &[TAIL, TAIL],
            0xed => &[0x80..=0x9f, TAIL],
            0xf0 => &[0x90..=0xbf, TAIL, TAIL],
            0xf1..=0xf3 => &[TAIL, TAIL, TAIL],
            0xf4 => &[0x80..=0x8f, TAIL, TAIL],
            _ => return Text::Wrong,
        };
        for tail in tails {
            match bytes.next() {
                None => return Text::Cut,
                Some(byte) if !tail.contains(byte) => return Text::Wrong,
                Some(_) => {}
            }
        }
    }
    Text::Whole
}
