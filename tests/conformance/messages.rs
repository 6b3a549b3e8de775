// SPDX-License-Identifier: Apache-2.0
//! Messages of one or more frames (RFC 6455 section 5.4), and the limits on them.

use crate::outcome::{End, OPEN, binary, failed, ping, pong, text};
use crate::row::{check_all, row};
use crate::wire::{
    BINARY, CONTINUATION, NOTHING, PING, PONG, TEXT, cut_part, frame, header, last, more, part,
    sent, sent_close,
};
use wsline::base::error::Kind::{MessageTooBig, Protocol};

const FIN: u8 = 0x80;
const PROTOCOL: End = failed(Protocol);
const TOO_BIG: End = failed(MessageTooBig);

#[test]
#[rustfmt::skip]
fn fragments() {
    check_all([
        row("two", "5.4", [part(TEXT, "ab"), last("c")], [text("abc")], NOTHING, OPEN),
        row("three", "5.4", [part(BINARY, "a"), more("b"), last("c")], [binary("abc")], NOTHING, OPEN),
        row("not finished", "5.4", [part(TEXT, "a"), more("b")], [], NOTHING, OPEN),
        row("two messages", "5.4", [part(TEXT, "a"), last("b"), part(BINARY, "c"), last("d")],
            [text("ab"), binary("cd")], NOTHING, OPEN),
        row("then a whole one", "5.4", [part(TEXT, "a"), last("b"), frame(TEXT, "c")],
            [text("ab"), text("c")], NOTHING, OPEN),
        row("a whole one, then two", "5.4", [frame(BINARY, "a"), part(TEXT, "b"), last("c")],
            [binary("a"), text("bc")], NOTHING, OPEN),
        row("byte by byte", "5.4", "abcdef".bytes().map(|byte| more([byte])).fold(part(TEXT, ""), join),
            [], NOTHING, OPEN),
        row("cut in a fragment", "5.4", [part(TEXT, "a"), cut_part(CONTINUATION, 9, "b")], [], NOTHING, OPEN),
        row("126 and 127 bytes", "5.4", [part(BINARY, [b'x'; 126]), last([b'x'; 127])],
            [binary([b'x'; 253])], NOTHING, OPEN),
        row("64 KiB and 64 KiB", "5.4", [part(TEXT, [b'x'; 65536]), last([b'x'; 65536])],
            [text([b'x'; 131_072])], NOTHING, OPEN),
    ]);
}

#[test]
#[rustfmt::skip]
fn empty_fragments() {
    check_all([
        row("all",        "5.4", [part(TEXT, ""), more(""), last("")],   [text("")],   NOTHING, OPEN),
        row("all binary", "5.4", [part(BINARY, ""), more(""), last("")], [binary("")], NOTHING, OPEN),
        row("first",      "5.4", [part(TEXT, ""), last("a")],            [text("a")],  NOTHING, OPEN),
        row("middle",     "5.4", [part(TEXT, "a"), more(""), last("b")], [text("ab")], NOTHING, OPEN),
        row("last",       "5.4", [part(TEXT, "a"), last("")],            [text("a")],  NOTHING, OPEN),
        row("all but the middle", "5.4", [part(TEXT, ""), more("a"), last("")], [text("a")], NOTHING, OPEN),
        row("many", "5.4", [part(TEXT, ""), vec![0; 200], last("z")], [text("z")], NOTHING, OPEN),
        row("twice", "5.4", [part(TEXT, ""), last(""), part(BINARY, ""), last("")],
            [text(""), binary("")], NOTHING, OPEN),
    ]);
}

#[test]
#[rustfmt::skip]
fn control_frames_between_fragments() {
    check_all([
        row("ping", "5.4", [part(TEXT, "a"), frame(PING, "p"), last("b")],
            [ping("p"), text("ab")], sent(PONG, "p"), OPEN),
        row("pong", "5.4", [part(BINARY, "a"), frame(PONG, "p"), last("b")],
            [pong("p"), binary("ab")], NOTHING, OPEN),
        row("pings after each", "5.4",
            [part(TEXT, "a"), frame(PING, "1"), more("b"), frame(PING, "2"), last("c"), frame(PING, "3")],
            [ping("1"), ping("2"), text("abc"), ping("3")],
            [sent(PONG, "1"), sent(PONG, "2"), sent(PONG, "3")], OPEN),
        row("empty ping, empty fragments", "5.4", [part(TEXT, ""), frame(PING, ""), last("")],
            [ping(""), text("")], sent(PONG, ""), OPEN),
        row("ping of 125 bytes", "5.4", [part(TEXT, "a"), frame(PING, [b'p'; 125]), last("b")],
            [ping([b'p'; 125]), text("ab")], sent(PONG, [b'p'; 125]), OPEN),
        row("ping, then nothing", "5.4", [part(TEXT, "a"), frame(PING, "p")],
            [ping("p")], sent(PONG, "p"), OPEN),
        row("ping of 126 bytes", "5.5", [part(TEXT, "a"), header(FIN | PING, 126)],
            [], sent_close(1002), PROTOCOL),
        row("fragmented ping", "5.5", [part(TEXT, "a"), header(PING, 1)],
            [], sent_close(1002), PROTOCOL),
    ]);
}

#[test]
#[rustfmt::skip]
fn fragments_out_of_order() {
    check_all([
        row("last of nothing",  "5.4", header(FIN | CONTINUATION, 1), [], sent_close(1002), PROTOCOL),
        row("more of nothing",  "5.4", header(CONTINUATION, 1),       [], sent_close(1002), PROTOCOL),
        row("empty last of nothing", "5.4", header(FIN | CONTINUATION, 0), [], sent_close(1002), PROTOCOL),
        row("last of a whole message", "5.4", [frame(TEXT, "a"), header(FIN | CONTINUATION, 1)],
            [text("a")], sent_close(1002), PROTOCOL),
        row("more of a whole message", "5.4", [frame(BINARY, "a"), header(CONTINUATION, 0)],
            [binary("a")], sent_close(1002), PROTOCOL),
        row("two lasts", "5.4", [part(TEXT, "a"), last("b"), header(FIN | CONTINUATION, 1)],
            [text("ab")], sent_close(1002), PROTOCOL),
        row("continuation after a ping", "5.4", [frame(PING, "p"), header(FIN | CONTINUATION, 1)],
            [ping("p")], [sent(PONG, "p"), sent_close(1002)], PROTOCOL),
        row("text inside a text",     "5.4", [part(TEXT, "a"), header(FIN | TEXT, 1)],   [],
            sent_close(1002), PROTOCOL),
        row("text part inside",       "5.4", [part(TEXT, "a"), header(TEXT, 1)],         [],
            sent_close(1002), PROTOCOL),
        row("binary inside a text",   "5.4", [part(TEXT, "a"), header(FIN | BINARY, 0)], [],
            sent_close(1002), PROTOCOL),
        row("text inside a binary",   "5.4", [part(BINARY, ""), header(FIN | TEXT, 0)],  [],
            sent_close(1002), PROTOCOL),
        row("text after two parts",   "5.4", [part(TEXT, "a"), more("b"), header(FIN | TEXT, 300)],
            [], sent_close(1002), PROTOCOL),
    ]);
}

/// A protocol violation is reported in preference to an exceeded limit.
#[test]
#[rustfmt::skip]
fn frames_out_of_order_and_too_large() {
    check_all([
        row("last of nothing",    "5.4", header(FIN | CONTINUATION, 6), [], sent_close(1002), PROTOCOL),
        row("more of nothing",    "5.4", header(CONTINUATION, 6), [], sent_close(1002), PROTOCOL),
        row("text inside a text", "5.4", [part(TEXT, "a"), header(FIN | TEXT, 6)], [], sent_close(1002), PROTOCOL),
        row("in order",           "10.4", [part(TEXT, "a"), header(CONTINUATION, 6)], [], sent_close(1009), TOO_BIG),
    ].map(|row| row.max_frame(5)));
}

#[test]
#[rustfmt::skip]
fn limit_on_the_message() {
    check_all([
        row("as long",     "10.4", frame(TEXT, "12345"),    [text("12345")], NOTHING, OPEN),
        row("longer",      "10.4", header(FIN | TEXT, 6),   [], sent_close(1009), TOO_BIG),
        row("much longer", "10.4", header(FIN | BINARY, u64::MAX >> 1), [], sent_close(1009), TOO_BIG),
        row("as long in parts", "10.4", [part(TEXT, "123"), more(""), last("45")], [text("12345")], NOTHING, OPEN),
        row("longer in parts",  "10.4", [part(TEXT, "123"), header(FIN | CONTINUATION, 3)],
            [], sent_close(1009), TOO_BIG),
        row("longer in an unfinished part", "10.4", [part(BINARY, "12345"), header(CONTINUATION, 1)],
            [], sent_close(1009), TOO_BIG),
        row("the sum does not overflow", "10.4", [part(BINARY, "1"), header(CONTINUATION, u64::MAX >> 1)],
            [], sent_close(1009), TOO_BIG),
        row("each anew", "10.4", [part(TEXT, "123"), last("45"), frame(TEXT, "12345"), frame(BINARY, "12345")],
            [text("12345"), text("12345"), binary("12345")], NOTHING, OPEN),
        row("control frames do not count", "10.4",
            [frame(PING, "123456"), part(TEXT, "123"), frame(PONG, "123456"), last("45")],
            [ping("123456"), pong("123456"), text("12345")], sent(PONG, "123456"), OPEN),
        row("a broken rule comes first", "10.4", header(FIN | 0x40 | TEXT, 6), [], sent_close(1002), PROTOCOL),
    ].map(|row| row.max_message(5)));
    check_all([
        row("0, empty", "10.4", frame(TEXT, ""),         [text("")], NOTHING,          OPEN).max_message(0),
        row("0, 1",     "10.4", header(FIN | TEXT, 1),   [],         sent_close(1009), TOO_BIG).max_message(0),
    ]);
}

#[test]
#[rustfmt::skip]
fn limit_on_the_frame() {
    check_all([
        row("as long", "10.4", frame(TEXT, "12345"),    [text("12345")], NOTHING, OPEN),
        row("longer",  "10.4", header(FIN | TEXT, 6),   [], sent_close(1009), TOO_BIG),
        row("the message may be longer", "10.4", [part(TEXT, "12345"), more("6"), last("78901")],
            [text("12345678901")], NOTHING, OPEN),
        row("longer fragment", "10.4", [part(TEXT, "1"), header(CONTINUATION, 6)], [], sent_close(1009), TOO_BIG),
        row("control frames may be longer", "10.4", frame(PONG, "123456"), [pong("123456")], NOTHING, OPEN),
    ].map(|row| row.max_frame(5)));
}

#[test]
#[rustfmt::skip]
fn limit_on_the_fragments() {
    check_all([
        row("as many", "10.4", [part(TEXT, "a"), more("b"), last("c")], [text("abc")], NOTHING, OPEN),
        row("more",    "10.4", [part(TEXT, "a"), more("b"), more("c"), header(FIN | CONTINUATION, 1)],
            [], sent_close(1009), TOO_BIG),
        row("more, empty ones", "10.4", [part(TEXT, ""), more(""), more(""), header(CONTINUATION, 0)],
            [], sent_close(1009), TOO_BIG),
        row("each anew", "10.4", [part(TEXT, "a"), more(""), last(""), part(TEXT, "b"), more(""), last("")],
            [text("a"), text("b")], NOTHING, OPEN),
        row("control frames do not count", "10.4",
            [part(TEXT, "a"), frame(PONG, ""), more("b"), frame(PONG, ""), last("c")],
            [pong(""), pong(""), text("abc")], NOTHING, OPEN),
    ].map(|row| row.max_fragments(3)));
    check_all([
        row("one, whole", "10.4", frame(TEXT, "a"), [text("a")], NOTHING, OPEN),
        row("one, two",   "10.4", [part(TEXT, "a"), header(FIN | CONTINUATION, 1)], [], sent_close(1009), TOO_BIG),
    ].map(|row| row.max_fragments(1)));
}

fn join(before: Vec<u8>, after: Vec<u8>) -> Vec<u8> {
    [before, after].concat()
}
