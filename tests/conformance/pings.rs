// SPDX-License-Identifier: Apache-2.0
//! Pings and pongs (RFC 6455 sections 5.5.2 and 5.5.3).

use crate::outcome::{OPEN, binary, closed_by_server, closes, data, failed, ping, pong, text};
use crate::row::{check_all, row};
use crate::wire::{
    BINARY, CLOSE, CONTINUATION, NOTHING, PING, PONG, TEXT, close, cut, frame, header, part, sent,
    sent_close,
};
use wsline::base::error::Kind::Protocol;
use wsline::protocol::ws::message::Delivery;
use wsline::protocol::ws::opcode::Opcode::Text;

const FIN: u8 = 0x80;

#[test]
#[rustfmt::skip]
fn pings_are_answered() {
    check_all([
        row("empty", "5.5.2", frame(PING, ""),           [ping("")],           sent(PONG, ""),           OPEN),
        row("text",  "5.5.2", frame(PING, "hello"),      [ping("hello")],      sent(PONG, "hello"),      OPEN),
        row("bytes", "5.5.2", frame(PING, b"\0\xff\xfe"), [ping(b"\0\xff\xfe")], sent(PONG, b"\0\xff\xfe"), OPEN),
        row("125",   "5.5.2", frame(PING, [b'*'; 125]),  [ping([b'*'; 125])],  sent(PONG, [b'*'; 125]),  OPEN),
        row("126",   "5.5",   header(FIN | PING, 126),   [],
            sent_close(1002),         failed(Protocol)),
        row("cut",   "5.5.2", cut(PING, 5, "hell"),      [],                   NOTHING,                  OPEN),
        row("two alike", "5.5.2", [frame(PING, "a"), frame(PING, "a")],
            [ping("a"), ping("a")], [sent(PONG, "a"), sent(PONG, "a")], OPEN),
        row("before and after messages", "5.5.2",
            [frame(PING, "1"), frame(TEXT, "a"), frame(PING, "2"), frame(BINARY, "b"), frame(PING, "3")],
            [ping("1"), text("a"), ping("2"), binary("b"), ping("3")],
            [sent(PONG, "1"), sent(PONG, "2"), sent(PONG, "3")], OPEN),
        row("before a close", "5.5.2", [frame(PING, "1"), close(1000, "")],
            [ping("1"), closes(1000, "")], [sent(PONG, "1"), sent_close(1000)], closed_by_server(1000, "")),
        row("before a failure", "5.5.2", [frame(PING, "1"), header(FIN | CONTINUATION, 0)],
            [ping("1")], [sent(PONG, "1"), sent_close(1002)], failed(Protocol)),
        row("after a close", "5.5.2", [close(1000, ""), frame(PING, "1")],
            [closes(1000, "")], sent_close(1000), closed_by_server(1000, "")),
    ]);
}

#[test]
fn ten_pings_ten_pongs() {
    let payloads: [String; 10] = std::array::from_fn(|n| format!("payload-{n}"));
    let pings = payloads.each_ref().map(|payload| frame(PING, payload));
    let pongs = payloads.each_ref().map(|payload| sent(PONG, payload));
    check_all([row("ten", "5.5.2", pings, payloads.map(ping), pongs, OPEN)]);
}

#[test]
#[rustfmt::skip]
fn pongs_are_only_reported() {
    check_all([
        row("empty",   "5.5.3", frame(PONG, ""),          [pong("")],          NOTHING, OPEN),
        row("unasked", "5.5.3", frame(PONG, "hello"),     [pong("hello")],     NOTHING, OPEN),
        row("125",     "5.5.3", frame(PONG, [b'*'; 125]), [pong([b'*'; 125])], NOTHING, OPEN),
        row("then a ping", "5.5.3", [frame(PONG, "1"), frame(PING, "2")],
            [pong("1"), ping("2")], sent(PONG, "2"), OPEN),
    ]);
}

#[test]
#[rustfmt::skip]
fn pings_during_the_closing_handshake_are_not_answered() {
    check_all([
        row("after our close", "5.5.1", frame(PING, "1"), [ping("1")], sent_close(1000), OPEN),
        row("inside a message", "5.5.1", [part(TEXT, "a"), frame(PING, "1"), frame(CONTINUATION, "b")],
            [ping("1"), text("ab")], sent_close(1000), OPEN),
        row("a pong", "5.5.1", frame(PONG, "1"), [pong("1")], sent_close(1000), OPEN),
        row("then too long", "5.5.1", [frame(PING, "1"), header(FIN | CLOSE, 126)],
            [ping("1")], sent_close(1000), failed(Protocol)),
    ].map(|row| row.after_own_close(1000)));
}

#[test]
fn pings_between_fragments_are_answered_when_fragments_are_delivered() {
    let first = data(Text, true, false, "a");
    let last = data(Text, false, true, "b");
    let input = [part(TEXT, "a"), frame(PING, "1"), frame(CONTINUATION, "b")];
    let events = [first, ping("1"), last];
    check_all([
        row("fragments", "5.5.2", input, events, sent(PONG, "1"), OPEN)
            .delivered_in(Delivery::Fragments),
    ]);
}
