// SPDX-License-Identifier: Apache-2.0
//! Random streams: the decoder against the reference in random splits, and arbitrary bytes against
//! both state machines.
//!
//! Runs four times `PROPTEST_CASES` cases, or 1024.

use crate::generate::{any_header, config, connection, response, settings, split, url_like};
use crate::reference;
use crate::response::judge;
use crate::row::run;
use crate::text::{Text, read_text};
use crate::utf8_sequences::{INVALID, VALID};
use crate::wire;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use wsline::protocol::url::Url;
use wsline::protocol::ws::frame::Header;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn streams_are_decoded_as_the_reference_does(
        (settings, stream) in connection(), cuts in vec(any::<Index>(), 0..6)
    ) {
        let (expected, used) = reference::decode(&settings, &stream);
        let stream = &stream[..used];
        prop_assert_eq!(&run(&settings, &[stream]), &expected, "whole");
        prop_assert_eq!(&run(&settings, &split(stream, &cuts)), &expected, "split");
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(&run(&settings, &bytes), &expected, "byte by byte");
    }

    #[test]
    fn any_bytes_have_one_outcome_in_every_split(
        settings in settings(), bytes in vec(any::<u8>(), 0..300), cuts in vec(any::<Index>(), 0..6)
    ) {
        let whole = run(&settings, &[&bytes]);
        prop_assert_eq!(&run(&settings, &split(&bytes, &cuts)), &whole, "split");
        let each: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(&run(&settings, &each), &whole, "byte by byte");
    }

    #[test]
    fn any_answer_has_one_verdict_in_every_split(
        reply in response(), cuts in vec(any::<Index>(), 0..6)
    ) {
        let whole = judge(&[&reply]);
        prop_assert_eq!(&judge(&split(&reply, &cuts)), &whole, "split");
        let each: Vec<&[u8]> = reply.chunks(1).collect();
        prop_assert_eq!(&judge(&each), &whole, "byte by byte");
    }

    #[test]
    fn a_header_comes_back_as_it_was(header in any_header(), more in vec(any::<u8>(), 0..20)) {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        prop_assert_eq!(&bytes, &written_out(&header));
        for len in 0..bytes.len() {
            prop_assert_eq!(Header::decode(&bytes[..len]).expect("a prefix"), None);
        }
        let len = bytes.len();
        bytes.extend(more);
        prop_assert_eq!(Header::decode(&bytes).expect("valid"), Some((header, len)));
    }

    #[test]
    fn a_url_adds_nothing_to_the_request_line(text in url_like()) {
        if let Ok(url) = Url::parse(&text) {
            prop_assert!(url.resource().starts_with('/'), "{}", url.resource());
            let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_graphic());
            prop_assert!(is_plain(url.resource()), "{}", url.resource());
            prop_assert!(is_plain(url.authority()), "{}", url.authority());
            prop_assert!(url.port() != 0);
            let scheme = if url.is_secure() { "wss" } else { "ws" };
            let parts = format!("{scheme}://{}{}", url.authority(), url.resource());
            let again = Url::parse(&parts).expect("its own form");
            prop_assert_eq!(again.resource(), url.resource());
            prop_assert_eq!(again.origin(), url.origin());
        }
    }
}

/// The reference agrees with the lists, so that it does not just repeat the decoder's errors.
#[test]
fn the_reference_knows_utf8() {
    for (id, bytes) in VALID {
        assert_eq!(read_text(bytes), Text::Whole, "{id}");
    }
    for (id, bytes, at) in INVALID {
        let mut bytes = bytes.to_vec();
        for len in 0..*at {
            assert_ne!(read_text(&bytes[..len]), Text::Wrong, "{id}, {len} bytes");
        }
        bytes.push(b'x');
        assert_eq!(read_text(&bytes[..*at]), Text::Wrong, "{id}");
    }
}

fn written_out(header: &Header) -> Vec<u8> {
    let bits = [header.fin, header.rsv1, header.rsv2, header.rsv3];
    let bits = bits.iter().fold(0, |bits, bit| bits << 1 | u8::from(*bit));
    let first = bits << 4 | header.opcode.number();
    match header.mask {
        Some(key) => wire::masked_header(first, header.len, key),
        None => wire::header(first, header.len),
    }
}
