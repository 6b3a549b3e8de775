// SPDX-License-Identifier: Apache-2.0
//! Random input: settings, streams of frames with a fault, responses to the upgrade, headers, URLs.

use crate::packer::{Packer, stored};
use crate::response::{ACCEPT, CONNECTION, UPGRADE, head};
use crate::row::{Settings, UNRESTRICTED, WAYS};
use crate::utf8_sequences::{INVALID, VALID};
use crate::wire::{
    BINARY, CLOSE, CONTINUATION, FIN, NOTHING, PING, PONG, RSV1, TEXT, header, header16, header64,
    status,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wsline::protocol::ws::close::CloseFrame;
use wsline::protocol::ws::deflate::Agreement;
use wsline::protocol::ws::frame::Header;
use wsline::protocol::ws::frame_sequence::Limits;
use wsline::protocol::ws::opcode::Opcode;

/// Random cases leave no files behind; a failing case is printed in its smallest form.
pub(crate) fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases * 4,
        failure_persistence: None,
        ..usual
    }
}

pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    let limit = |low: std::ops::Range<u64>| prop_oneof![4 => Just(u64::MAX), 1 => low];
    (
        select(&WAYS[..]),
        (limit(0..300), limit(0..300), limit(1..6)),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.2),
        option::of(agreement()),
    )
        .prop_map(
            |(delivery, (message, frame, fragments), check_utf8, is_closing, agreement)| Settings {
                delivery,
                limits: Limits {
                    // Which of two errors is reported when both arrive in one piece is tested in
                    // `deflate_limits`.
                    max_message_bytes: agreement.map_or(message, |_| u64::MAX),
                    max_frame_bytes: frame,
                    max_fragments: fragments,
                },
                check_utf8,
                closing: is_closing.then(|| CloseFrame {
                    code: Some(1000),
                    reason: String::new(),
                }),
                deflate: agreement.map(|agreement| (agreement, u64::MAX)),
                inflate: None,
            },
        )
}

/// Assumptions about what the server sends.
fn agreement() -> impl Strategy<Value = Agreement> {
    (8..=15_u8, any::<bool>()).prop_map(|(bits, apart)| Agreement {
        server_window_bits: bits,
        server_no_context_takeover: apart,
        ..UNRESTRICTED
    })
}

/// A valid or invalid frame.
#[derive(Clone, Debug)]
struct Spec {
    first: u8,
    is_masked: bool,
    /// The length form, 7, 16 or 64 bits, if not the shortest.
    form: Option<u8>,
    len: Option<u64>,
    payload: Vec<u8>,
}

impl Spec {
    fn new(first: u8, payload: Vec<u8>) -> Self {
        Self {
            first,
            is_masked: false,
            form: None,
            len: None,
            payload,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let len = self.len.unwrap_or(self.payload.len() as u64);
        let mut bytes = match self.form {
            None => header(self.first, len),
            Some(16) => header16(self.first, len as u16),
            Some(_) => header64(self.first, len),
        };
        if self.is_masked {
            bytes[1] |= 0x80;
            bytes.extend([0; 4]);
        }
        bytes.extend(&self.payload);
        bytes
    }
}

/// The fault of one frame.
#[derive(Clone, Debug)]
enum Fault {
    Bit(u8),
    Opcode(u8),
    Mask,
    Form(u8),
    Len(u64),
    Byte(Index, u8),
    Cut(Index),
}

impl Fault {
    fn apply(self, frame: &mut Spec) {
        match self {
            Self::Bit(bit) => frame.first ^= 1 << bit,
            Self::Opcode(opcode) => frame.first = frame.first & 0xf0 | opcode,
            Self::Mask => frame.is_masked = true,
            Self::Form(form) => frame.form = Some(form),
            Self::Len(len) => frame.len = Some(len),
            Self::Byte(_, _) | Self::Cut(_) if frame.payload.is_empty() => {}
            Self::Byte(at, byte) => {
                let at = at.index(frame.payload.len());
                frame.payload[at] = byte;
            }
            Self::Cut(at) => {
                frame.len.get_or_insert(frame.payload.len() as u64);
                frame.payload.truncate(at.index(frame.payload.len()));
            }
        }
    }
}

/// Settings, and a stream of messages and control frames with at most one fault, and occasionally
/// one more changed byte.
pub(crate) fn connection() -> impl Strategy<Value = (Settings, Vec<u8>)> {
    let item = prop_oneof![
        8 => message().prop_map(Item::Message),
        3 => control().prop_map(Item::Control),
        1 => closing().prop_map(Item::Control),
    ];
    let fault = option::weighted(0.6, (any::<Index>(), fault()));
    let change = option::weighted(0.1, (any::<Index>(), any::<u8>()));
    (settings(), vec(item, 0..6), fault, change).prop_map(|(settings, items, fault, change)| {
        let mut packer = Packer::new();
        let mut frames: Vec<Spec> = Vec::new();
        for item in items {
            match item {
                Item::Message(message) => frames.extend(message.frames(&settings, &mut packer)),
                Item::Control(frame) => frames.push(frame),
            }
        }
        if let (Some((at, fault)), false) = (fault, frames.is_empty()) {
            let at = at.index(frames.len());
            fault.apply(&mut frames[at]);
        }
        let mut bytes: Vec<u8> = frames.iter().flat_map(Spec::bytes).collect();
        if let (Some((at, byte)), false) = (change, bytes.is_empty()) {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        (settings, bytes)
    })
}

#[derive(Clone, Debug)]
enum Item {
    Message(Message),
    Control(Spec),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => (4..8u8).prop_map(Fault::Bit),
        2 => (0..16u8).prop_map(Fault::Opcode),
        1 => Just(Fault::Mask),
        2 => select(&[16, 64][..]).prop_map(Fault::Form),
        1 => prop_oneof![0..300u64, Just(65536), any::<u64>()].prop_map(Fault::Len),
        3 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Fault::Byte(at, byte)),
        2 => any::<Index>().prop_map(Fault::Cut),
    ]
}

/// A message split into fragments at any byte, with control frames between some of them.
#[derive(Clone, Debug)]
struct Message {
    opcode: u8,
    payload: Vec<u8>,
    cuts: Vec<Index>,
    between: Vec<Option<Spec>>,
    compression: Option<Compression>,
}

#[derive(Clone, Copy, Debug)]
enum Compression {
    Usual,
    /// With a block marked as the last (RFC 7692 section 7.2.3.4).
    Final,
    /// The same without the empty block after it.
    BareFinal,
    /// In an uncompressed block.
    Stored,
}

impl Message {
    fn frames(self, settings: &Settings, packer: &mut Packer) -> Vec<Spec> {
        let compression = self.compression.filter(|_| settings.deflate.is_some());
        if settings
            .deflate
            .is_some_and(|(agreement, _)| agreement.server_no_context_takeover)
        {
            *packer = Packer::new();
        }
        let (first, payload) = match compression {
            None => (self.opcode, self.payload),
            Some(Compression::Usual) => (RSV1 | self.opcode, packer.message(self.payload)),
            Some(Compression::Final) => (RSV1 | self.opcode, packer.final_block(self.payload)),
            Some(Compression::BareFinal) => {
                let payload = packer.bare_final_block(self.payload);
                (RSV1 | self.opcode, payload)
            }
            Some(Compression::Stored) => {
                // Later output of the packer must not refer to earlier output: this separates them.
                *packer = Packer::new();
                (RSV1 | self.opcode, [stored(self.payload), vec![0]].concat())
            }
        };
        let parts = split(&payload, &self.cuts);
        let last = parts.len() - 1;
        let mut frames = Vec::new();
        for (i, (part, control)) in parts.into_iter().zip(self.between).enumerate() {
            let opcode = if i == 0 { first } else { CONTINUATION };
            let fin = if i == last { FIN } else { 0 };
            frames.push(Spec::new(fin | opcode, part.to_vec()));
            frames.extend(control.filter(|_| i < last));
        }
        frames
    }
}

fn message() -> impl Strategy<Value = Message> {
    let cuts = prop_oneof![2 => vec(any::<Index>(), 0..1), 3 => vec(any::<Index>(), 1..6)];
    let between = vec(option::weighted(0.3, control()), 6);
    let compression = prop_oneof![
        6 => Just(Compression::Usual),
        1 => Just(Compression::Final),
        1 => Just(Compression::BareFinal),
        1 => Just(Compression::Stored),
    ];
    (payload(), cuts, between, option::weighted(0.7, compression)).prop_map(
        |((opcode, payload), cuts, between, compression)| Message {
            opcode,
            payload,
            cuts,
            between,
            compression,
        },
    )
}

/// Text, mostly valid, or bytes.
fn payload() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let list = VALID.iter().map(|(_, bytes)| bytes.to_vec());
    let wrong = INVALID.iter().map(|(_, bytes, _)| bytes.to_vec());
    let text = prop_oneof![
        4 => ".{0,40}".prop_map(String::into_bytes),
        2 => vec(select(list.collect::<Vec<_>>()), 0..5).prop_map(|texts| texts.concat()),
        1 => select(wrong.collect::<Vec<_>>()),
        1 => (120..140usize).prop_map(|len| vec![b'x'; len]),
        // Long enough to get Huffman codes of its own.
        1 => "[a-f ]{200,400}".prop_map(String::into_bytes),
    ];
    prop_oneof![
        3 => text.prop_map(|bytes| (TEXT, bytes)),
        1 => vec(any::<u8>(), 0..140).prop_map(|bytes| (BINARY, bytes)),
    ]
}

fn control() -> impl Strategy<Value = Spec> {
    let payload = prop_oneof![
        4 => vec(any::<u8>(), 0..10),
        1 => vec(any::<u8>(), 120..130),
    ];
    (select(&[PING, PONG][..]), payload).prop_map(|(opcode, bytes)| Spec::new(FIN | opcode, bytes))
}

fn closing() -> impl Strategy<Value = Spec> {
    let code = prop_oneof![4 => 1000..=1016u16, 2 => 2990..5010u16, 1 => any::<u16>()];
    let payload = prop_oneof![
        1 => Just(Vec::new()),
        1 => vec(any::<u8>(), 0..4),
        4 => (code.clone(), ".{0,20}").prop_map(|(code, reason)| status(code, reason)),
        1 => (code, vec(any::<u8>(), 0..9)).prop_map(|(code, reason)| status(code, reason)),
    ];
    payload.prop_map(|payload| Spec::new(FIN | CLOSE, payload))
}

/// A modified response to the upgrade, or no response at all.
pub(crate) fn response() -> impl Strategy<Value = Vec<u8>> {
    let fields = [UPGRADE, CONNECTION, ACCEPT];
    let more = [
        "X: y",
        "X: y\r\n\tz",
        "X : y",
        "X",
        "Upgrade : h2c\r\n websocket",
        "Content-Length: 7",
        "Transfer-Encoding: chunked",
        "Sec-WebSocket-Protocol: x",
    ];
    let lines: Vec<&str> = fields.into_iter().chain(more).collect();
    let status_line = select(
        &[
            "HTTP/1.1 101 x",
            "HTTP/1.1 403 no",
            "HTTP/1.1 100 y",
            "HTTP/1.0 101 z",
        ][..],
    );
    let one = (
        status_line,
        vec(select(lines), 0..6),
        prop::bool::weighted(0.5),
    )
        .prop_map(move |(status_line, mut lines, is_right)| {
            if is_right {
                lines.extend(fields);
            }
            head(status_line, lines)
        });
    let body = prop_oneof![
        Just(NOTHING.to_vec()),
        Just(b"3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n".to_vec()),
        vec(any::<u8>(), 0..20),
    ];
    let byte = prop_oneof![select(&b"\r\n: \t\0,"[..]), any::<u8>()];
    let changes = vec((any::<Index>(), byte), 0..3);
    let mutated = (vec(one, 1..3), body, changes).prop_map(|(heads, body, changes)| {
        let mut bytes = [heads.concat(), body].concat();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    });
    prop_oneof![5 => mutated, 1 => vec(any::<u8>(), 0..200)]
}

pub(crate) fn any_header() -> impl Strategy<Value = Header> {
    const OPCODES: [Opcode; 6] = [
        Opcode::Continuation,
        Opcode::Text,
        Opcode::Binary,
        Opcode::Close,
        Opcode::Ping,
        Opcode::Pong,
    ];
    let len = prop_oneof![
        0..130u64,
        select(&[0, 125, 126, 127, 65535, 65536, i64::MAX as u64][..]),
        65000..66000u64,
        0..=i64::MAX as u64,
    ];
    (
        any::<[bool; 4]>(),
        select(&OPCODES[..]),
        option::of(any::<[u8; 4]>()),
        len,
    )
        .prop_map(|([fin, rsv1, rsv2, rsv3], opcode, mask, len)| Header {
            fin,
            rsv1,
            rsv2,
            rsv3,
            opcode,
            mask,
            len,
        })
}

pub(crate) fn url_like() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,30}",
        "wss?://[a-z.:@\\[\\]0-9]{0,12}(/.{0,20})?",
        "wss?://h(:[0-9]{1,5})?[/?]\\PC{0,20}",
    ]
}

/// `bytes` split at these places, which may coincide.
pub(crate) fn split<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut points: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    points.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for point in points {
        pieces.push(&bytes[start..point]);
        start = point;
    }
    pieces.push(&bytes[start..]);
    pieces
}
