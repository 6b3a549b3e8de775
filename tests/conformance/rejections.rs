// SPDX-License-Identifier: Apache-2.0
//! Responses that do not switch: the status is reported whatever the body, of which the start is
//! kept (RFC 9112 section 6).

use crate::response::{ACCEPT, CONNECTION, Reply, UPGRADE, Verdict, bad, check_all, head, row};

const MAX_BODY_BYTES: usize = 64 * 1024;
const MAX_HEAD_BYTES: usize = 64 * 1024;
const CHUNKED: &str = "Transfer-Encoding: chunked";

#[test]
fn any_other_status_is_a_rejection() {
    let statuses = [
        200, 201, 202, 206, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405,
    ];
    let more = [
        407, 410, 413, 421, 426, 429, 499, 500, 501, 502, 503, 504, 505, 599,
    ];
    check_all(statuses.into_iter().chain(more).map(|status| {
        let fields = ["Content-Length: 2", UPGRADE, CONNECTION, ACCEPT];
        let head = head(&format!("HTTP/1.1 {status} Reason"), fields);
        row(
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
        row("no reason",    "9112 4", with("HTTP/1.1 403"),           "no", refused(403, "no")),
        row("empty reason", "9112 4", with("HTTP/1.1 403 "),          "no", refused(403, "no")),
        row("obs-text",     "9112 4", with("HTTP/1.1 403 Zutritt für niemanden"), "no", refused(403, "no")),
        row("HTTP/1.0",     "9112 4", with("HTTP/1.0 403 Forbidden"), "no", refused(403, "no")),
        row("bare LF",      "9112 2.2", b"HTTP/1.1 403 x\nContent-Length: 2\n\n".to_vec(), "no", refused(403, "no")),
        row("empty lines before", "9112 2.2", [&b"\r\n\n"[..], &with("HTTP/1.1 403 x")].concat(), "no", refused(403, "no")),
        row("two blanks",   "9112 4", with("HTTP/1.1  403 x"),        "no", refused(403, "no")),
        row("NUL",          "9112 4", with("HTTP/1.1 403 a\0b"),      "no", refused(403, "no")),
        row("CR",           "9112 4", with("HTTP/1.1 403 a\rb"),      "no", refused(403, "no")),
        row("escape",       "9112 4", with("HTTP/1.1 403 \x1b[2J"),   "no", refused(403, "no")),
        row("HTTP/1.2",     "9110 2.5", with("HTTP/1.2 403 x"),       "no", refused(403, "no")),
        row("HTTP/2",       "9110 2.5", with("HTTP/2 403"),           "no", refused(403, "no")),
        row("out of range", "9110 15", with("HTTP/1.1 999 x"),        "no", refused(999, "no")),
        bad("four digits",     "9112 4", with("HTTP/1.1 4030 x")),
        bad("zero",            "9110 15", with("HTTP/1.1 000 x")),
        bad("HTTP/3",          "9112 2.3", with("HTTP/3 403 x")),
    ]);
}

/// No line of a rejection hides its status and body.
#[test]
#[rustfmt::skip]
fn malformed_fields() {
    let with = |line: &'static [u8]| head("HTTP/1.1 403 x", [line, b"Content-Length: 2"]);
    let no = |id, section, line| row(id, section, with(line), "no", refused(403, "no"));
    let many = head("HTTP/1.1 403 x", (0..130).map(|n| format!("X-{n}: v")).chain(["Content-Length: 2".to_owned()]));
    check_all([
        no("no colon",            "9112 5",   b"X"),
        no("no name",             "9112 5",   b": x"),
        no("blank before colon",  "9112 5.1", b"Content-Length : 9"),
        no("blank in a name",     "9112 5",   b"Content Length: 9"),
        no("obs-text in a name",  "9110 5.1", b"X\xe9: x"),
        no("NUL",                 "9110 5.5", b"X: a\0b"),
        no("NUL in a name",       "9110 5.5", b"X\0: ab"),
        no("CR",                  "9112 2.2", b"X: a\rContent-Length: 9"),
        no("escape",              "9110 5.5", b"X: \x1b[2J"),
        no("folded",              "9112 5.2", b"X: a\r\n Content-Length: 9"),
        no("folded, first field", "9112 2.2", b" Content-Length: 9\r\n\tContent-Length: 9"),
        no("folded, ignored",     "9112 5.2", b"X Y: a\r\n Content-Length: 9"),
        no("folded, no colon",    "9112 5.2", b"X\r\n Content-Length: 9"),
        row("130 fields",      "10.4",     many, "no", refused(403, "no")),
        row("a folded length", "9112 5.2", head("HTTP/1.1 403 x", ["Content-Length:\r\n\t2"]), "no", refused(403, "no")),
        row("a folded coding", "9112 5.2", head("HTTP/1.1 403 x", ["Transfer-Encoding:\r\n gzip,\r\n chunked"]),
            "2\r\nno\r\n0\r\n\r\n", refused(403, "no")),
        row("behind a broken interim one", "9110 15.2",
            [head("HTTP/1.1 103 y", ["X", "Y: \0"]), with(b"X")].concat(), "no", refused(403, "no")),
    ]);
}

/// Headers that exceed their limit have no body, and keep the fields within the limit.
#[test]
fn long_headers_are_truncated() {
    let fill = |len: usize| format!("X: {}", "x".repeat(len));
    let with = |len| {
        head(
            "HTTP/1.1 403 x",
            ["Content-Length: 2".to_owned(), fill(len)],
        )
    };
    let room = MAX_HEAD_BYTES - with(0).len();
    check_all([
        row("64 KiB", "10.4", with(room), "no", refused(403, "no")),
        row("one more", "10.4", with(room + 1), "", refused(403, "")),
        row("much more", "10.4", with(200_000), "", refused(403, "")),
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
        chunked("bare LF",     "5\nhello\n0\n\n",                      refused(403, "hello")),
        chunked("blanks behind", "5 \t\r\nhello\r\n0 \r\n\r\n",       refused(403, "hello")),
        chunked("a sign",      "+5\r\nhello\r\n0\r\n\r\n",             refused(403, "")),
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
        // RFC 9112 section 6.3, items 3 and 4: with a coding other than chunked, the body lasts
        // until the end of the stream, whatever the length.
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
        row("204", "9112 6.3", with("HTTP/1.1 204 No Content", "X: y"),                "", refused(204, "")),
        row("304", "9112 6.3", with("HTTP/1.1 304 Not Modified", "X: y"),              "", refused(304, "")),
        row("304 with a length", "9112 6.3", with("HTTP/1.1 304 Not Modified", "Content-Length: 9"), "",
            refused(304, "")),
        row("204 in chunks", "9112 6.3", with("HTTP/1.1 204 No Content", CHUNKED),     "", refused(204, "")),
    ]);
}

#[test]
fn long_bodies_are_truncated() {
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
) -> Reply {
    row(
        id,
        "9112 6.3",
        head("HTTP/1.1 403 Forbidden", fields),
        body,
        verdict,
    )
}

fn chunked(id: &str, wire: impl AsRef<[u8]>, verdict: Verdict) -> Reply {
    let head = head("HTTP/1.1 403 Forbidden", [CHUNKED]);
    row(id, "9112 7.1", head, wire, verdict)
}
