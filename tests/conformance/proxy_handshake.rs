// SPDX-License-Identifier: Apache-2.0
//! Rows of the tables about replies of proxies, and how they are run.
//!
//! A row is fed whole, byte by byte, in two pieces at every split point, followed by bytes of the
//! tunnel, and with the stream ending at every point. The requests must always be the same.

use crate::outcome::check_rows;
use crate::row::split_points;
use wsline::base::error::{Error, Kind, Phase};
use wsline::protocol::handshake::Handshake;
use wsline::protocol::proxy::endpoint::Proxy;
use wsline::protocol::proxy::target::Target;
use wsline::protocol::proxy::tunnel;

pub(crate) const CLOSED_EARLY: &str = "closed the connection before its response was complete";

/// What the server sends as soon as the tunnel is open; none of it belongs to the proxy.
const TUNNELLED: &[u8] = b"\x05\0HTTP/1.1 403 no\r\n\r\n\xff";

pub(crate) struct Row {
    id: &'static str,
    section: &'static str,
    proxy: &'static str,
    input: Vec<u8>,
    verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Connected,
    /// With the text that follows "the proxy X ".
    Failed(Kind, String),
}

/// The results of one run.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    said: Vec<u8>,
}

pub(crate) fn connected(
    id: &'static str,
    section: &'static str,
    proxy: &'static str,
    input: impl AsRef<[u8]>,
) -> Row {
    Row {
        id,
        section,
        proxy,
        input: input.as_ref().to_vec(),
        verdict: Verdict::Connected,
    }
}

pub(crate) fn failed(
    id: &'static str,
    section: &'static str,
    proxy: &'static str,
    input: impl AsRef<[u8]>,
    kind: Kind,
    what: &str,
) -> Row {
    Row {
        verdict: Verdict::Failed(kind, what.to_owned()),
        ..connected(id, section, proxy, input)
    }
}

impl Row {
    fn check(&self) -> Result<(), String> {
        let input = &self.input[..];
        let (whole, _) = run(self.proxy, &[input]);
        if whole.verdict != self.verdict {
            let (expected, got) = (&self.verdict, whole.verdict);
            return Err(format!("expected {expected:?}\n  got      {got:?}"));
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        self.expect("byte by byte", &bytes, &whole, b"")?;
        for point in split_points(input.len()) {
            let (before, after) = input.split_at(point);
            self.expect(&format!("split at {point}"), &[before, after], &whole, b"")?;
            self.check_cut(point)?;
        }
        self.check_cut(0)?;
        self.check_with_a_tunnel_behind(&whole)
    }

    fn check_with_a_tunnel_behind(&self, whole: &Outcome) -> Result<(), String> {
        if is_closed_early(&self.verdict) {
            // Its bytes would be part of the reply.
            return Ok(());
        }
        let together = [&self.input[..], TUNNELLED].concat();
        self.expect("with a tunnel", &[&together], whole, TUNNELLED)?;
        for point in split_points(self.input.len()) {
            let (before, after) = together.split_at(point);
            let how = format!("with a tunnel, split at {point}");
            self.expect(&how, &[before, after], whole, TUNNELLED)?;
        }
        self.expect(
            "with a tunnel after",
            &[&self.input, TUNNELLED],
            whole,
            TUNNELLED,
        )
    }

    /// The stream ends after `len` bytes of the row, when the rejection may be known.
    fn check_cut(&self, len: usize) -> Result<(), String> {
        let (got, _) = run(self.proxy, &[&self.input[..len]]);
        let is_refused = match (&got.verdict, &self.verdict) {
            // The status is known before the fields that explain it.
            (Verdict::Failed(got, what), Verdict::Failed(kind, whole)) => {
                got == kind && status_line(what) == status_line(whole)
            }
            _ => false,
        };
        if is_refused || is_closed_early(&got.verdict) {
            return Ok(());
        }
        Err(format!("ended after {len} bytes: got {:?}", got.verdict))
    }

    /// `rest` must be left in the input when the tunnel is open.
    fn expect(
        &self,
        how: &str,
        pieces: &[&[u8]],
        expected: &Outcome,
        rest: &[u8],
    ) -> Result<(), String> {
        let (got, left) = run(self.proxy, pieces);
        if got != *expected {
            return Err(format!(
                "{how}:\n  expected {expected:?}\n  got      {got:?}"
            ));
        }
        if got.verdict == Verdict::Connected && left != rest {
            return Err(format!("{how}: left in the input: {}", left.escape_ascii()));
        }
        Ok(())
    }
}

fn status_line(what: &str) -> Option<&str> {
    what.split([';', '(']).next().map(str::trim_end)
}

fn is_closed_early(verdict: &Verdict) -> bool {
    *verdict == Verdict::Failed(Kind::Proxy, CLOSED_EARLY.to_owned())
}

/// Feeds the pieces one after the other, then ends the stream; returns the outcome and the rest of
/// the input.
pub(crate) fn run(proxy: &str, pieces: &[&[u8]]) -> (Outcome, Vec<u8>) {
    let proxy = Proxy::parse(proxy).expect("a proxy");
    let target = if proxy.looks_up_target() {
        Target::Name("example.com".into(), 443)
    } else {
        Target::Address("192.0.2.1:443".parse().expect("an address"))
    };
    let mut handshake =
        tunnel::handshake(&proxy, &target).unwrap_or_else(|error| panic!("{error}"));
    let mut input = Vec::new();
    let mut said = Vec::new();
    let mut result = Ok(false);
    for piece in pieces {
        said.extend(std::iter::from_fn(|| handshake.output()).flat_map(|output| output.bytes));
        input.extend_from_slice(piece);
        if let Ok(false) = result {
            result = handshake.receive(&mut input);
        }
    }
    said.extend(std::iter::from_fn(|| handshake.output()).flat_map(|output| output.bytes));
    if let Ok(false) = result {
        result = Err(handshake.end());
    }
    let verdict = match result {
        Ok(_) => Verdict::Connected,
        Err(error) => failure(&proxy, &mut *handshake, &error),
    };
    (Outcome { verdict, said }, input)
}

fn failure(proxy: &Proxy, handshake: &mut dyn Handshake, error: &Error) -> Verdict {
    assert_eq!(error.phase(), Phase::Proxy);
    assert!(!error.message().contains("secret"), "{error}");
    let what = error.message().strip_prefix(&format!("the proxy {proxy} "));
    let what = what.expect("the proxy is named").to_owned();
    if let (Some(response), true) = (handshake.take_response(), what.starts_with("answered ")) {
        assert_eq!(error.http_status(), response.head.status);
    }
    Verdict::Failed(error.kind(), what)
}

pub(crate) fn check_all(rows: impl IntoIterator<Item = Row>) {
    check_rows(rows.into_iter().map(|row| {
        let name = format!("{} ({})", row.id, row.section);
        (name, row.check())
    }));
}
