// SPDX-License-Identifier: Apache-2.0
//! A second decoder, for comparison: implements RFC 6455 and RFC 7692 sentence by sentence, with
//! the whole input available.

use crate::inflate::inflate;
use crate::outcome::{End, Outcome, Seen, data, ping, pong, raw_bits};
use crate::packer::{END, TAIL};
use crate::row::Settings;
use crate::text::{Text, read_text};
use crate::wire::{BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, TEXT, sent, status};
use wsline::base::error::Kind;
use wsline::protocol::ws::close::Side;
use wsline::protocol::ws::message::Delivery;
use wsline::protocol::ws::opcode::Opcode;

/// The outcome, and how much of the input it depends on: everything except an incomplete header.
pub(crate) fn decode(settings: &Settings, input: &[u8]) -> (Outcome, usize) {
    let mut decoder = Decoder {
        settings,
        message: None,
        deflated: Vec::new(),
        inflated: 0,
        begin: 0,
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

/// Section 5.2. `payload` is the part that has arrived.
struct Frame {
    fin: bool,
    reserved_bits: u8,
    opcode: u8,
    is_masked: bool,
    /// The length form in the header is the shortest that can hold the length.
    is_minimal: bool,
    len: u64,
    payload: Vec<u8>,
    /// The size of what has arrived: header and payload.
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
    is_compressed: bool,
    /// Inflated.
    payload: Vec<u8>,
    fragments: u64,
    /// Some of it has been delivered in events.
    is_begun: bool,
}

struct Decoder<'a> {
    settings: &'a Settings,
    /// The message whose last fragment has not arrived yet.
    message: Option<Message>,
    /// All data that may be referred to and the received part of the message, and its inflated size
    /// so far.
    deflated: Vec<u8>,
    inflated: usize,
    /// The offset in it where the message starts.
    begin: usize,
    events: Vec<Seen>,
    sent: Vec<u8>,
}

impl Decoder<'_> {
    /// An error is the way in which the connection ends.
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
        let is_data = matches!(frame.opcode, TEXT | BINARY);
        let may_be_compressed = self.settings.deflate.is_some() && is_data;
        let allowed_bits = if may_be_compressed { RSV1 } else { 0 };
        let is_known = matches!(frame.opcode, 0..=2 | 8..=10);
        let is_top_bit_set = frame.len >> 63 == 1;
        let is_control_wrong = frame.is_control() && (!frame.fin || frame.len > 125);
        let is_out_of_order = match frame.opcode {
            CONTINUATION => self.message.is_none(),
            TEXT | BINARY => self.message.is_some(),
            _ => false,
        };
        !is_known
            || frame.reserved_bits & !allowed_bits != 0
            || frame.is_masked
            || !frame.is_minimal
            || is_top_bit_set
            || is_control_wrong
            || is_out_of_order
    }

    /// The information in a header.
    fn breaks_a_limit(&self, frame: &Frame) -> bool {
        let limits = self.settings.limits;
        if frame.len > limits.max_frame_bytes {
            return true;
        }
        let delivery = self.settings.delivery;
        if delivery == Delivery::Parts {
            return false;
        }
        let fragments = self.message.as_ref().map_or(0, |message| message.fragments) + 1;
        if frame.opcode == CONTINUATION && fragments > limits.max_fragments {
            return true;
        }
        let is_inflated = self.is_compressed(frame) && delivery != Delivery::Frames;
        let before = self.before() as u128;
        !is_inflated && before + u128::from(frame.len) > u128::from(limits.max_message_bytes)
    }

    /// What counts towards the message in addition to the frame.
    fn before(&self) -> usize {
        match &self.message {
            Some(message) if self.settings.delivery == Delivery::Messages => message.payload.len(),
            _ => 0,
        }
    }

    fn is_compressed(&self, frame: &Frame) -> bool {
        let first = frame.reserved_bits & RSV1 != 0;
        self.message
            .as_ref()
            .map_or(first, |message| message.is_compressed)
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
            (true, opcode, _) => raw_bits(true, false, opcode, payload),
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
        let delivery = self.settings.delivery;
        let is_raw = delivery == Delivery::Frames;
        if is_raw && !frame.is_whole() {
            return Err(End::Open);
        }
        let is_over = frame.fin && frame.is_whole();
        let is_compressed = self.is_compressed(frame);
        let most = match delivery {
            Delivery::Messages | Delivery::Fragments if is_compressed => {
                self.settings.limits.max_message_bytes - self.before() as u64
            }
            _ => u64::MAX,
        };
        let (mut content, is_corrupt) = if is_compressed {
            self.inflate(frame, is_over)
        } else {
            (frame.payload.clone(), false)
        };
        let is_too_big = content.len() as u64 > most;
        if is_too_big {
            // Data after the first excess byte is ignored.
            content.truncate(most as usize + 1);
        }

        let mut message = self.message.take().unwrap_or(Message {
            opcode: frame.opcode,
            is_compressed,
            payload: Vec::new(),
            fragments: 0,
            is_begun: false,
        });
        message.payload.extend(&content);
        message.fragments += 1;
        if message.opcode == TEXT && self.settings.check_utf8 && !is_raw {
            match read_text(&message.payload) {
                Text::Wrong => return Err(self.fail(Kind::Payload)),
                Text::Cut if is_over && !is_too_big => return Err(self.fail(Kind::Payload)),
                _ => {}
            }
        }
        if is_too_big {
            return Err(self.fail(Kind::MessageTooBig));
        }
        if is_corrupt {
            return Err(self.fail(Kind::Payload));
        }

        let opcode = if message.opcode == TEXT {
            Opcode::Text
        } else {
            Opcode::Binary
        };
        let is_first = message.fragments == 1;
        let seen = match delivery {
            Delivery::Frames => {
                let rsv1 = is_first && is_compressed;
                Some(raw_bits(frame.fin, rsv1, frame.opcode, &frame.payload))
            }
            Delivery::Parts if content.is_empty() && !is_over => None,
            Delivery::Parts => Some(data(opcode, !message.is_begun, is_over, &content)),
            Delivery::Fragments if frame.is_whole() => {
                Some(data(opcode, is_first, frame.fin, &content))
            }
            Delivery::Messages if is_over => Some(data(opcode, true, true, &message.payload)),
            Delivery::Fragments | Delivery::Messages => None,
        };
        message.is_begun |= seen.is_some();
        self.events.extend(seen);
        if !frame.is_whole() {
            return Err(End::Open);
        }
        self.message = (!frame.fin).then_some(message);
        Ok(())
    }

    /// RFC 7692 section 7.2.2: the data that the frame adds, and whether nothing more can follow.
    fn inflate(&mut self, frame: &Frame, is_over: bool) -> (Vec<u8>, bool) {
        let (agreement, _) = self.settings.deflate.expect("else it breaks a rule");
        let is_apart = agreement.server_no_context_takeover;
        if is_apart && self.settings.delivery == Delivery::Frames {
            return (Vec::new(), false);
        }
        if self.message.is_none() {
            self.begin = self.deflated.len();
        }
        self.deflated.extend(&frame.payload);
        let has_ended = self.deflated.len() > self.begin && inflate(&self.deflated).is_ended;
        // After a last block, the empty block of section 7.2.3.4 may be missing.
        if is_over && !has_ended {
            self.deflated.extend(TAIL);
            if is_apart {
                // Nothing refers to the message, so appending this shows whether it is complete.
                self.deflated.extend(END);
            }
        }
        let inflated = inflate(&self.deflated);
        let is_cut = is_over && is_apart && !inflated.is_ended;
        let content = inflated.out[self.inflated..].to_vec();
        self.inflated = inflated.out.len();
        if is_over && is_apart {
            self.deflated.clear();
            self.inflated = 0;
        }
        (content, inflated.is_corrupt || is_cut)
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
        let outcome = Outcome {
            events: self.events,
            sent: self.sent,
            end,
        };
        match self.settings.delivery {
            Delivery::Parts => outcome.joined(),
            _ => outcome,
        }
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
