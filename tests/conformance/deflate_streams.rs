// SPDX-License-Identifier: Apache-2.0
//! Random compressed messages: hostile ones against the reference, our own after a round trip.
//!
//! Runs `PROPTEST_CASES` cases, or 256.

use crate::deflate_sending::put;
use crate::generate::{config, settings, split};
use crate::inflate::inflate;
use crate::packer::{Packer, TAIL};
use crate::reference;
use crate::row::{Settings, UNRESTRICTED, run, session};
use crate::wire::{BINARY, KEY, TEXT, compressed, compressed_part, last, more};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wsline::protocol::ws::deflate::{Agreement, Deflater};
use wsline::protocol::ws::frame::Header;
use wsline::protocol::ws::message::Delivery;
use wsline::protocol::ws::opcode::Opcode;

proptest! {
    #![proptest_config(ProptestConfig { cases: config().cases / 4, ..config() })]

    /// Bytes that were not compressed.
    #[test]
    fn any_payload_inflates_as_the_reference_does(
        settings in settings(),
        payloads in vec((any::<bool>(), vec(any::<u8>(), 0..100)), 1..4),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let frames = payloads.iter().map(|(is_text, payload)| {
            compressed(if *is_text { TEXT } else { BINARY }, payload)
        });
        prop_assert_eq!(compare(&settings, &frames.collect::<Vec<_>>().concat(), &cuts), Ok(()));
    }

    /// Output of zlib with some bits flipped.
    #[test]
    fn damaged_payloads_inflate_as_the_reference_does(
        settings in settings(),
        messages in vec(content(), 1..4),
        level in 0..10_u32,
        flips in vec((any::<Index>(), 0..8_u8), 0..4),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let mut packer = Packer::with(level, 15);
        let mut payloads: Vec<Vec<u8>> =
            messages.iter().map(|message| packer.message(message)).collect();
        for (at, bit) in flips {
            let count = payloads.len();
            let payload = &mut payloads[at.index(count)];
            let len = payload.len();
            payload[at.index(len)] ^= 1 << bit;
        }
        let frames = payloads.iter().flat_map(|payload| {
            let (start, rest) = payload.split_at(payload.len() / 2);
            [compressed_part(BINARY, start), more([]), last(rest)]
        });
        prop_assert_eq!(compare(&settings, &frames.collect::<Vec<_>>().concat(), &cuts), Ok(()));
    }

    /// From one side to the other: random messages in random fragments, with contexts reset at
    /// random.
    #[test]
    fn what_is_sent_is_received(
        agreement in agreement(),
        level in 1..=9_u8,
        messages in vec(message(), 1..6),
        delivery in select(&[Delivery::Messages, Delivery::Fragments, Delivery::Parts][..]),
        piece in 1..200_usize,
    ) {
        let mut deflater = Deflater::new(level, &agreement);
        let mut wire = Vec::new();
        for message in &messages {
            message.send(&mut deflater, &mut wire);
        }
        let settings = Settings {
            delivery,
            deflate: Some((mirrored(agreement), u64::MAX)),
            ..Settings::default()
        };
        let got = receive(&settings, &wire, piece);
        let expected: Vec<(bool, Vec<u8>)> = messages
            .iter()
            .map(|message| (message.is_text, message.content.clone()))
            .collect();
        prop_assert_eq!(got, expected);
    }

    /// Another decoder understands everything that is compressed.
    #[test]
    fn what_is_compressed_is_deflate(
        agreement in agreement(), level in 1..=9_u8, parts in vec(content(), 1..6)
    ) {
        let mut deflater = Deflater::new(level, &agreement);
        let mut out = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            let fin = i + 1 == parts.len();
            put(&mut deflater, part, fin, &mut out);
        }
        prop_assert!(!out.ends_with(&TAIL));
        out.extend(TAIL);
        let inflated = inflate(&out);
        prop_assert_eq!(inflated.out, parts.concat());
        prop_assert!(inflated.is_between_blocks && inflated.final_blocks == 0);
        prop_assert!(inflated.farthest <= 1 << agreement.client_window_bits);
    }
}

/// The decoder against the reference, whole and in pieces.
fn compare(settings: &Settings, stream: &[u8], cuts: &[Index]) -> Result<(), String> {
    let settings = &Settings {
        // Which of two errors is reported when both arrive in one piece is tested in
        // `deflate_limits`.
        limits: Settings::default().limits,
        deflate: settings.deflate.or(Some((UNRESTRICTED, u64::MAX))),
        ..settings.clone()
    };
    let (expected, used) = reference::decode(settings, stream);
    let stream = &stream[..used];
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    for (how, pieces) in [
        ("whole", &[stream][..]),
        ("split", &split(stream, cuts)),
        ("byte by byte", &bytes),
    ] {
        let got = run(settings, pieces);
        if got != expected {
            return Err(format!("{how}: expected {expected:?}, got {got:?}"));
        }
    }
    Ok(())
}

#[derive(Clone, Debug)]
struct Message {
    is_text: bool,
    is_compressed: bool,
    content: Vec<u8>,
    cuts: Vec<Index>,
    /// Something else is compressed after it, and not sent.
    is_followed: bool,
}

impl Message {
    /// Appends its frames as a server would send them.
    fn send(&self, deflater: &mut Deflater, wire: &mut Vec<u8>) {
        let opcode = if self.is_text {
            Opcode::Text
        } else {
            Opcode::Binary
        };
        let parts = split(&self.content, &self.cuts);
        for (i, part) in parts.iter().enumerate() {
            let fin = i + 1 == parts.len();
            let mut payload = Vec::new();
            if self.is_compressed {
                put(deflater, part, fin, &mut payload);
            } else {
                payload.extend(*part);
            }
            let opcode = if i == 0 { opcode } else { Opcode::Continuation };
            let header = Header {
                rsv1: self.is_compressed && i == 0,
                mask: None,
                ..Header::masked(opcode, fin, payload.len(), KEY)
            };
            header.encode(wire);
            wire.extend(payload);
        }
        if self.is_followed {
            let mut lost = Vec::new();
            put(deflater, b"abc def", true, &mut lost);
            deflater.forget();
        }
    }
}

fn message() -> impl Strategy<Value = Message> {
    let content = prop_oneof![
        ("[a-f ]{0,400}").prop_map(|text| (true, text.into_bytes())),
        (".{0,40}").prop_map(|text| (true, text.into_bytes())),
        content().prop_map(|bytes| (false, bytes)),
    ];
    let cuts = prop_oneof![1 => vec(any::<Index>(), 0..1), 2 => vec(any::<Index>(), 1..6)];
    let often = prop::bool::weighted(0.8);
    let seldom = prop::bool::weighted(0.2);
    (content, cuts, often, seldom).prop_map(
        |((is_text, content), cuts, is_compressed, is_followed)| Message {
            is_text,
            is_compressed,
            content,
            cuts,
            is_followed,
        },
    )
}

/// Data that compresses well, badly, and not at all.
fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..200),
        "[a-f ]{0,600}".prop_map(String::into_bytes),
        (vec(any::<u8>(), 1..300), 1..10_usize).prop_map(|(bytes, times)| bytes.repeat(times)),
    ]
}

fn agreement() -> impl Strategy<Value = Agreement> {
    (8..=15_u8, any::<bool>()).prop_map(|(bits, apart)| Agreement {
        client_window_bits: bits,
        client_no_context_takeover: apart,
        ..UNRESTRICTED
    })
}

/// From the other side's perspective: its server is our client.
fn mirrored(agreement: Agreement) -> Agreement {
    Agreement {
        client_window_bits: agreement.server_window_bits,
        server_window_bits: agreement.client_window_bits,
        client_no_context_takeover: agreement.server_no_context_takeover,
        server_no_context_takeover: agreement.client_no_context_takeover,
    }
}

/// The messages in `wire`: whether they are text, and their contents.
fn receive(settings: &Settings, wire: &[u8], piece: usize) -> Vec<(bool, Vec<u8>)> {
    let mut session = session(settings);
    let mut messages: Vec<(bool, Vec<u8>)> = Vec::new();
    for piece in wire.chunks(piece) {
        session.feed(piece).expect("memory");
        while let Some(event) = session
            .next_event(settings.delivery, || KEY)
            .expect("it breaks no rule")
        {
            assert!(!event.opcode.is_control(), "{event:?}");
            if event.first {
                messages.push((event.opcode == Opcode::Text, Vec::new()));
            }
            let (_, content) = messages.last_mut().expect("one has begun");
            content.extend(event.payload);
        }
    }
    messages
}
