// SPDX-License-Identifier: Apache-2.0
//! The log lines of a connection; at trace level, everything that is sent and received. Secrets are
//! redacted before a line is formatted.

use crate::base::log::{self, Level};
use crate::net::stream::Stream;
use crate::protocol::http::head::Head;
use crate::protocol::tolerance::Mistakes;
use crate::protocol::ws::opcode::Opcode;
use std::fmt;

/// Header fields whose values may contain credentials.
const SECRET: [&str; 5] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "proxy-authenticate",
];

/// How many bytes of a payload a line shows.
const SHOWN_BYTES: usize = 64;

/// Logs what a handshake sends: the lines of a request, or a description of a SOCKS message.
pub fn sent(lines: &str) {
    if !log::is_on(Level::Trace) {
        return;
    }
    for line in lines.lines().filter(|line| !line.is_empty()) {
        match line.split_once(": ") {
            Some((name, _)) if is_secret(name) => {
                log::write(Level::Trace, format_args!("> {name}: [redacted]"))
            }
            _ => log::write(Level::Trace, format_args!("> {line}")),
        }
    }
}

pub fn response(head: &Head) {
    if !log::is_on(Level::Trace) || head.status == 0 {
        return;
    }
    log::write(
        Level::Trace,
        format_args!(
            "< HTTP/{}.{} {} {}",
            head.version.0,
            head.version.1,
            head.status,
            head.reason().escape_debug()
        ),
    );
    for (name, value) in (0..).map_while(|index| head.fields.at(index)) {
        let name = name.to_string_lossy();
        let value = value.to_bytes();
        let at = value.iter().rposition(|byte| *byte == b'@');
        let (before, shown) = match at.and_then(|at| value.get(at..)) {
            _ if is_secret(&name) => ("", &b"[redacted]"[..]),
            // The part before the `@` may contain a user name and a password.
            Some(rest) if name.eq_ignore_ascii_case("location") => ("…", rest),
            _ => ("", value),
        };
        let shown = shown.escape_ascii();
        log::write(Level::Trace, format_args!("< {name}: {before}{shown}"));
    }
}

/// Logs a step of connecting.
pub fn note(line: fmt::Arguments<'_>) {
    log::write(Level::Debug, line);
}

pub fn warn(line: fmt::Arguments<'_>) {
    log::write(Level::Warn, line);
}

/// Logs the mistakes that are tolerated.
pub fn mistakes(mistakes: Mistakes) {
    mistakes
        .descriptions()
        .for_each(|what| warn(format_args!("{what}")));
}

pub fn open(peer: &str) {
    log::write(Level::Info, format_args!("{peer}: open"));
}

/// Logs what TLS has negotiated.
pub fn tls(stream: &Stream, peer: impl FnOnce() -> String) {
    if !log::is_on(Level::Debug) {
        return;
    }
    if let Some(tls) = stream.tls_info() {
        let (version, cipher) = (tls.version.to_string_lossy(), tls.cipher.to_string_lossy());
        log::write(
            Level::Debug,
            format_args!("{}: {version}, {cipher}", peer()),
        );
    }
}

/// `direction` is `>` for sent, `<` for received.
#[inline]
pub fn frame(direction: char, opcode: Opcode, fin: bool, payload: &[u8]) {
    if log::is_on(Level::Trace) {
        frame_line(direction, opcode, fin, payload);
    }
}

#[cold]
fn frame_line(direction: char, opcode: Opcode, fin: bool, payload: &[u8]) {
    let shown = payload.get(..SHOWN_BYTES).unwrap_or(payload);
    let more = if shown.len() < payload.len() {
        "…"
    } else {
        ""
    };
    let (name, fin, len) = (opcode.name(), u8::from(fin), payload.len());
    log::write(
        Level::Trace,
        format_args!(
            "{direction} {name} fin={fin} {len} bytes \"{}\"{more}",
            shown.escape_ascii()
        ),
    );
}

fn is_secret(name: &str) -> bool {
    SECRET
        .iter()
        .any(|secret| secret.eq_ignore_ascii_case(name))
}
