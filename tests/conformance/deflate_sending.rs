// SPDX-License-Identifier: Apache-2.0
//! Compression of sent messages (RFC 7692 section 7.2.1), checked with the decoder of `inflate`.

use crate::inflate::inflate;
use crate::packer::{TAIL, noise};
use crate::row::UNRESTRICTED;
use wsline::base::error::{Error, Kind};
use wsline::protocol::ws::deflate::{Agreement, Deflater, Shape, compress_once};

const WORDS: &str = "All work and no play makes Jack a dull boy. ";

const APART: Agreement = Agreement {
    client_no_context_takeover: true,
    ..UNRESTRICTED
};

#[test]
fn messages_survive_a_round_trip() {
    let bytes: Vec<u8> = (0..=255).collect();
    let messages: [&[u8]; 8] = [
        b"Hello",
        b"",
        b"a",
        &noise(1000),
        &bytes,
        &WORDS.repeat(50).into_bytes(),
        &[0; 70_000],
        &noise(40_000),
    ];
    for agreement in [UNRESTRICTED, APART] {
        let mut deflater = Deflater::new(1, &agreement);
        let mut peer = Peer::new(&agreement);
        for message in messages {
            let payload = compress(&mut deflater, message);
            assert!(peer.message(&payload) == message, "{} bytes", message.len());
        }
    }
    let shape = Shape {
        level: 9,
        window_bits: 15,
    };
    for message in messages {
        let payload = by_itself(shape, message);
        assert!(Peer::new(&APART).message(&payload) == message);
    }
}

/// Section 7.2.3.6, for whole messages and for last fragments.
#[test]
fn an_empty_message_is_one_byte() {
    for agreement in [UNRESTRICTED, APART] {
        let mut deflater = Deflater::new(1, &agreement);
        for _ in 0..2 {
            assert_eq!(compress(&mut deflater, b""), [0]);
            compress(&mut deflater, b"between");
        }
        let mut out = Vec::new();
        put(&mut deflater, b"", false, &mut out);
        assert_eq!(out, [], "nothing to say yet");
        put(&mut deflater, b"", true, &mut out);
        assert_eq!(out, [0]);
    }
    let shape = Shape {
        level: 1,
        window_bits: 9,
    };
    assert_eq!(by_itself(shape, b""), [0]);
}

/// In any fragments, including empty ones; after each, everything can be inflated.
#[test]
fn fragments() {
    let table: [&[&str]; 12] = [
        &["Hello"],
        &["Hel", "lo"],
        &["", "Hello"],
        &["", "", "Hel", "lo"],
        &["Hel", "", "lo"],
        &["Hel", "", "", "lo"],
        &["Hello", ""],
        &["Hello", "", ""],
        &["", "Hello", ""],
        &["", ""],
        &["", "", ""],
        &["H", "e", "l", "l", "o"],
    ];
    for agreement in [UNRESTRICTED, APART] {
        let mut deflater = Deflater::new(6, &agreement);
        let mut peer = Peer::new(&agreement);
        for parts in table.into_iter().chain(table) {
            let mut message = Vec::new();
            let (last, before) = parts.split_last().expect("one");
            for part in before {
                let begin = message.len();
                put(&mut deflater, part.as_bytes(), false, &mut message);
                let is_empty = message.len() == begin;
                assert_eq!(is_empty, part.is_empty(), "{parts:?}");
                assert!(is_empty || message.ends_with(&TAIL), "{parts:?}");
            }
            assert_eq!(peer.so_far(&message), before.concat().as_bytes());
            put(&mut deflater, last.as_bytes(), true, &mut message);
            assert_eq!(peer.message(&message), parts.concat().as_bytes());
        }
    }
}

/// `out` keeps its contents and grows if necessary, whatever its capacity.
#[test]
fn output_is_appended() {
    let message = noise(100);
    for room in 0..130 {
        let mut out = Vec::with_capacity(room + 3);
        out.extend(b"abc");
        let mut deflater = Deflater::new(6, &APART);
        put(&mut deflater, &message[..40], false, &mut out);
        put(&mut deflater, &message[40..], true, &mut out);
        assert_eq!(out[..3], *b"abc");
        let peer = &mut Peer::new(&APART);
        assert_eq!(peer.message(&out[3..]), message, "room for {room}");
    }
    // Around the step in which it grows.
    let step = 16 * 1024;
    let mut deflater = Deflater::new(1, &APART);
    let grown = compress(&mut deflater, &noise(step)).len() + TAIL.len() - step;
    for len in step - grown - 3..=step - grown + 3 {
        let payload = compress(&mut deflater, &noise(len));
        assert!(Peer::new(&APART).message(&payload) == noise(len));
    }
}

#[test]
fn context_takeover_is_respected() {
    let words = WORDS.as_bytes();
    let mut taking = Deflater::new(6, &UNRESTRICTED);
    let [one, two] = [(); 2].map(|()| compress(&mut taking, words));
    assert!(two.len() < one.len() / 2, "it refers back");
    let mut apart = Deflater::new(6, &APART);
    let [first, second] = [(); 2].map(|()| compress(&mut apart, words));
    assert_eq!(first, second);
    assert_eq!(first, by_itself(apart.shape(), words));
    // Also in fragments: a context ends with its message and not before.
    let mut message = Vec::new();
    put(&mut apart, words, false, &mut message);
    let len = message.len();
    put(&mut apart, words, true, &mut message);
    assert!(message.len() - len < len / 2, "it refers back");
    assert_eq!(Peer::new(&APART).message(&message), [words, words].concat());
    assert_eq!(compress(&mut apart, words), first);
}

/// Later messages must not refer to unsent ones, whole or fragmented.
#[test]
fn forgotten_data_is_not_referred_to() {
    let words = WORDS.as_bytes();
    let mut deflater = Deflater::new(6, &UNRESTRICTED);
    let mut peer = Peer::new(&UNRESTRICTED);
    for _ in 0..3 {
        let sent = compress(&mut deflater, words);
        assert_eq!(peer.message(&sent), words);
        compress(
            &mut deflater,
            b"never sent, and long enough to be referred to",
        );
        deflater.forget();
        let sent = compress(
            &mut deflater,
            b"never sent, and long enough to be referred to",
        );
        let alone = inflate(&[&sent[..], &TAIL].concat());
        assert_eq!(alone.out, b"never sent, and long enough to be referred to");
        peer.message(&sent);
        deflater.forget();
        deflater.forget();
    }
    // Within a message.
    let mut message = Vec::new();
    put(&mut deflater, words, false, &mut message);
    deflater.forget();
    let begin = message.len();
    put(&mut deflater, words, true, &mut message);
    let alone = inflate(&[&message[begin..], &TAIL].concat());
    assert_eq!(alone.out, words);
    assert_eq!(peer.message(&message), [words, words].concat());
}

/// A large message may be abandoned during compression; the next one is not affected.
#[test]
fn an_abandoned_message() {
    let mut deflater = Deflater::new(1, &UNRESTRICTED);
    let mut peer = Peer::new(&UNRESTRICTED);
    let large = vec![b'a'; 1 << 20];
    let mut asked = 0;
    let mut out = Vec::new();
    let result = deflater.compress(&large, true, &mut out, || {
        asked += 1;
        Ok(())
    });
    result.expect("memory");
    assert!(asked > 0);
    assert!(peer.message(&out) == large);

    let why = Error::new(Kind::Timeout, "no budget");
    let result = deflater.compress(&large, true, &mut Vec::new(), || Err(why.clone()));
    assert_eq!(result.expect_err("given up").kind(), Kind::Timeout);
    deflater.forget();
    let next = compress(&mut deflater, b"aaaaaaaaaaaaaaaaaaaa");
    assert_eq!(inflate(&[&next[..], &TAIL].concat()).out, [b'a'; 20]);
}

/// Contexts of a thread are reused for equal parameters, and only for those.
#[test]
fn contexts_with_other_parameters_are_not_mixed_up() {
    let far = [&noise(3000)[..], &noise(3000)].concat();
    for bits in [15, 9, 15, 10, 9] {
        for level in [9, 1, 9] {
            let shape = Shape {
                level,
                window_bits: bits,
            };
            let payload = by_itself(shape, &far);
            let inflated = inflate(&[&payload[..], &TAIL].concat());
            assert!(inflated.out == far);
            assert!(inflated.farthest <= 1 << bits, "{shape:?}");
            // Only a window of at least 4 KiB includes the repetition.
            let is_seen = inflated.farthest >= 3000;
            assert_eq!(is_seen, bits == 15, "{shape:?}: {}", inflated.farthest);
        }
    }
}

/// Section 7.1.2.2: no reference exceeds the negotiated window at any level, within a message or to
/// earlier ones. zlib has no window of 8 bits; data for a peer with such a window must respect it
/// nevertheless.
#[test]
fn no_reference_leaves_the_window() {
    for bits in 8..=15 {
        let window = 1 << bits;
        let agreement = Agreement {
            client_window_bits: bits,
            ..UNRESTRICTED
        };
        // zlib's lookahead reduces how far it refers back.
        let reachable = window.max(512) - 262;
        for level in 1..=9 {
            let mut deflater = Deflater::new(level, &agreement);
            let mut stream = Vec::new();
            let mut contents = Vec::new();
            for message in tempting(window) {
                stream.extend(compress(&mut deflater, &message));
                stream.extend(TAIL);
                contents.extend(message);
            }
            let inflated = inflate(&stream);
            let farthest = inflated.farthest;
            assert!(inflated.out == contents, "{bits} bits, level {level}");
            assert!(farthest <= window, "{bits} bits, level {level}: {farthest}");
            // Otherwise it would not be tempted.
            assert!(
                farthest >= reachable,
                "{bits} bits, level {level}: only {farthest}"
            );
        }
    }
}

/// Messages with repetitions slightly nearer than the window size, at that distance, and farther;
/// in the same message or in the previous one.
fn tempting(window: usize) -> Vec<Vec<u8>> {
    let around = [200, 240, 250, 251, 255, 256, 257, 300, 511, 512, 513];
    let back = [262, 261, 250, 8, 1, 0].map(|less| window.saturating_sub(less));
    let distances = [window / 2, window - window / 4, window + 1];
    let distances = [&around[..], &back, &distances].concat();
    let markers = noise(distances.len() * 24);
    let mut messages = Vec::new();
    let near = window * 3 / 8..window + 300;
    let distances = distances
        .into_iter()
        .filter(|distance| near.contains(distance));
    for (i, (distance, marker)) in distances.zip(markers.chunks(24)).enumerate() {
        let filled = [marker, &vec![0; distance - marker.len()]].concat();
        if i % 2 == 0 {
            messages.push([&filled[..], marker].concat());
        } else {
            messages.extend([filled, marker.to_vec()]);
        }
    }
    messages
}

/// Inflates what was sent: everything so far, or each message alone, as negotiated.
struct Peer {
    is_apart: bool,
    /// The first bytes of which have already been inflated.
    stream: Vec<u8>,
    seen: usize,
}

impl Peer {
    fn new(agreement: &Agreement) -> Self {
        Self {
            is_apart: agreement.client_no_context_takeover,
            stream: Vec::new(),
            seen: 0,
        }
    }

    /// Inflates the message of which this is the whole payload.
    fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        assert!(!payload.is_empty() && !payload.ends_with(&TAIL));
        let message = self.so_far(&[payload, &TAIL].concat());
        self.seen += message.len();
        self.stream.extend([payload, &TAIL].concat());
        if self.is_apart {
            self.stream.clear();
            self.seen = 0;
        }
        message
    }

    /// Inflates what has been flushed of a message so far.
    fn so_far(&mut self, payload: &[u8]) -> Vec<u8> {
        let inflated = inflate(&[&self.stream[..], payload].concat());
        assert!(!inflated.is_corrupt);
        assert!(inflated.is_between_blocks, "it ends where a block does");
        assert_eq!(inflated.final_blocks, 0, "there is always more");
        inflated.out[self.seen..].to_vec()
    }
}

fn compress(deflater: &mut Deflater, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(deflater, message, true, &mut out);
    out
}

/// Appends the next fragment of a message.
pub(crate) fn put(deflater: &mut Deflater, part: &[u8], fin: bool, out: &mut Vec<u8>) {
    let result = deflater.compress(part, fin, out, || Ok(()));
    result.expect("memory");
}

/// A message that refers to no other.
fn by_itself(shape: Shape, message: &[u8]) -> Vec<u8> {
    compress_once(shape, message, || Ok(())).expect("memory")
}
