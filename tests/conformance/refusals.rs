// SPDX-License-Identifier: Apache-2.0
//! Answers other than a switch: the status is told whatever the body, of which a start is kept (RFC 9112 section 6).

use crate::answer::{ACCEPT, Answer, CONNECTION, UPGRADE, Verdict, answer, check_all, head};

const MAX_BODY_BYTES: usize = 64 * 1024;
const CHUNKED: &str = "Transfer-Encoding: chunked";

#[test]
fn any_other_status_is_a_refusal() {
    let statuses = [
        200, 201, 202, 206, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405,
    ];
    let more = [
        407, 410, 413, 421, 426, 429, 499, 500, 501, 502, 503, 504, 505, 599,
    ];
    check_all(statuses.into_iter().chain(more).map(|status| {
        let fields = ["Content-Length: 2", UPGRADE, CONNECTION, ACCEPT];
        let head = head(&format!("HTTP/1.1 {status} Reason"), fields);
        answer(
            &status.to_string(),
            "4.1",
            head,
            "no",
            refused(status, "no"),
        )
    }));
}

#[test]
#[rustfmt::skip]
fn status_lines() {
    let with = |status_line| head(status_line, ["Content-Length: 2"]);
    check_all([
        answer("no reason",    "9112 4", with("HTTP/1.1 403"),           "no", refused(403, "no")),
        answer("empty reason", "9112 4", with("HTTP/1.1 403 "),          "no", refused(403, "no")),
        answer("obs-text",     "9112 4", with("HTTP/1.1 403 Zutritt für niemanden"), "no", refused(403, "no")),
        answer("HTTP/1.0",     "9112 4", with("HTTP/1.0 403 Forbidden"), "no", refused(403, "no")),
        answer("bare LF",      "9112 2.2", b"HTTP/1.1 403 x\nContent-Length: 2\n\n".to_vec(), "no", refused(403, "no")),
    ]);
}

#[test]
#[rustfmt::skip]
fn bodies_with_a_length() {
    check_all([
        body("none",          ["Content-Length: 0"],      "",       refused(403, "")),
        body("five",          ["Content-Length: 5"],      "hello",  refused(403, "hello")),
        body("line ends",     ["Content-Length: 6"],      "\r\n\r\n\r\n", refused(403, "\r\n\r\n\r\n")),
        body("bytes",         ["Content-Length: 3"],      b"\0\xff\n", refused(403, b"\0\xff\n")),
        body("lower case",    ["content-length:5"],       "hello",  refused(403, "hello")),
        body("zeros before",  ["Content-Length: 005"],    "hello",  refused(403, "hello")),
        body("more than said", ["Content-Length: 3"],     "hello",  refused(403, "hel")),
        body("less",          ["Content-Length: 9"],      "hello",  at_end(403, "hello")),
        body("nothing of it", ["Content-Length: 9"],      "",       at_end(403, "")),
        body("twice the same", ["Content-Length: 5, 5"],  "hello",  refused(403, "hello")),
    ]);
}

#[test]
#[rustfmt::skip]
fn bodies_in_chunks() {
    check_all([
        chunked("none",        "0\r\n\r\n",                            refused(403, "")),
        chunked("one",         "5\r\nhello\r\n0\r\n\r\n",              refused(403, "hello")),
        chunked("two",         "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",     refused(403, "hello")),
        chunked("hexadecimal", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
            refused(403, "01234567890123456789a")),
        chunked("zeros before", "0005\r\nhello\r\n000\r\n\r\n",        refused(403, "hello")),
        chunked("extensions",  "5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n", refused(403, "hello")),
        chunked("blank before an extension", "5 ;a\r\nhello\r\n0\r\n\r\n", refused(403, "hello")),
        chunked("trailers",    "5\r\nhello\r\n0\r\nX: y\r\n\r\n",      refused(403, "hello")),
        chunked("line ends in it", "4\r\n\r\n\r\n\r\n2\r\n\n0\r\n0\r\n\r\n", refused(403, "\r\n\r\n\n0")),
        chunked("a broken size", "5\r\nhello\r\nzz\r\n",               refused(403, "hello")),
        chunked("a huge size", "5\r\nhello\r\n11111111111111111\r\n",  refused(403, "hello")),
        chunked("a negative size", "-1\r\n",                           refused(403, "")),
        chunked("the largest size", "ffffffffffffffff\r\nhello",       at_end(403, "hello")),
        chunked("nothing of it", "",                                   at_end(403, "")),
        chunked("cut in a size", "5",                                  at_end(403, "")),
        chunked("cut in a line end", "5\r",                            at_end(403, "")),
        chunked("cut in an extension", "5;a=",                         at_end(403, "")),
        chunked("cut in a chunk", "5\r\nhel",                          at_end(403, "hel")),
        chunked("cut behind a chunk", "5\r\nhello",                    at_end(403, "hello")),
        chunked("cut before the last", "5\r\nhello\r\n",               at_end(403, "hello")),
        body("another case",     ["transfer-encoding: CHUNKED"],       "2\r\nno\r\n0\r\n\r\n", refused(403, "no")),
        body("the last coding",  ["Transfer-Encoding: gzip, chunked"], "2\r\nno\r\n0\r\n\r\n", refused(403, "no")),
        body("in two lines",     ["Transfer-Encoding: gzip", CHUNKED], "2\r\nno\r\n0\r\n\r\n", refused(403, "no")),
        body("and a length",     ["Content-Length: 3", CHUNKED],       "5\r\nhello\r\n0\r\n\r\n",
            refused(403, "hello")),
    ]);
}

#[test]
#[rustfmt::skip]
fn bodies_until_the_end_of_the_stream() {
    let nothing: [&str; 0] = [];
    check_all([
        body("none",         nothing,              "",        at_end(403, "")),
        body("some",         nothing,              "hello",   at_end(403, "hello")),
        body("Connection",   ["Connection: close"], "hello",  at_end(403, "hello")),
        // RFC 9112 section 6.3, items 3 and 4: a coding other than chunked lasts until the end, whatever the length.
        body("another coding", ["Transfer-Encoding: gzip"], "hello", at_end(403, "hello")),
        body("another coding and a length", ["Transfer-Encoding: gzip", "Content-Length: 3"], "hello",
            at_end(403, "hello")),
        body("another last coding and a length", ["Transfer-Encoding: chunked, gzip", "Content-Length: 3"], "hello",
            at_end(403, "hello")),
    ]);
}

#[test]
#[rustfmt::skip]
fn statuses_without_a_body() {
    let with = |status_line, length| head(status_line, [length]);
    check_all([
        answer("204", "9112 6.3", with("HTTP/1.1 204 No Content", "X: y"),                "", refused(204, "")),
        answer("304", "9112 6.3", with("HTTP/1.1 304 Not Modified", "X: y"),              "", refused(304, "")),
        answer("304 with a length", "9112 6.3", with("HTTP/1.1 304 Not Modified", "Content-Length: 9"), "",
            refused(304, "")),
        answer("204 in chunks", "9112 6.3", with("HTTP/1.1 204 No Content", CHUNKED),     "", refused(204, "")),
    ]);
}

#[test]
fn long_bodies_are_cut() {
    let long = "x".repeat(MAX_BODY_BYTES + 1);
    let kept = &long[1..];
    let less = &long[2..];
    let length = |len: usize| [format!("Content-Length: {len}")];
    let nothing: [&str; 0] = [];
    let chunks = |len: usize| {
        let first = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
        format!(
            "{first}{:x}\r\n{}\r\n0\r\n\r\n",
            len - 0x1000,
            "x".repeat(len - 0x1000)
        )
    };
    check_all([
        body(
            "length, one less",
            length(less.len()),
            less,
            refused(403, less),
        ),
        body(
            "length, as long",
            length(kept.len()),
            kept,
            refused(403, kept),
        ),
        body(
            "length, longer",
            length(long.len()),
            &long,
            refused(403, kept),
        ),
        body(
            "length, much longer",
            length(usize::MAX),
            &long,
            refused(403, kept),
        ),
        body("until the end, one less", nothing, less, at_end(403, less)),
        body("until the end, longer", nothing, &long, refused(403, kept)),
        chunked("chunks, one less", chunks(less.len()), refused(403, less)),
        chunked("chunks, as long", chunks(kept.len()), refused(403, kept)),
        chunked("chunks, longer", chunks(long.len()), refused(403, kept)),
    ]);
}

fn refused(status: u16, body: impl AsRef<[u8]>) -> Verdict {
    Verdict::Refused(status, body.as_ref().to_vec())
}

fn at_end(status: u16, body: impl AsRef<[u8]>) -> Verdict {
    Verdict::RefusedAtEnd(status, body.as_ref().to_vec())
}

fn body<F: AsRef<[u8]>>(
    id: &str,
    fields: impl IntoIterator<Item = F>,
    body: impl AsRef<[u8]>,
    verdict: Verdict,
) -> Answer {
    answer(
        id,
        "9112 6.3",
        head("HTTP/1.1 403 Forbidden", fields),
        body,
        verdict,
    )
}

fn chunked(id: &str, wire: impl AsRef<[u8]>, verdict: Verdict) -> Answer {
    let head = head("HTTP/1.1 403 Forbidden", [CHUNKED]);
    answer(id, "9112 7.1", head, wire, verdict)
}
