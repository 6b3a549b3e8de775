// SPDX-License-Identifier: Apache-2.0
//! Rows of the tables about the server's response to the upgrade, and how they are run.
//!
//! A row is fed whole, byte by byte, in two pieces at every split point, followed by frames, and
//! with the stream ending at every point.

use crate::outcome::{check_rows, shown};
use crate::row::split_points;
use crate::wire::{Bytes, NOTHING, TEXT, frame};
use std::sync::LazyLock;
use wsline::base::error::{Error, Kind};
use wsline::base::memory::Text;
use wsline::base::sync::Arc;
use wsline::protocol::handshake::Handshake;
use wsline::protocol::http::request::RequestOptions;
use wsline::protocol::http::upgrade::Upgrade;
use wsline::protocol::url::Url;

/// The key of RFC 6455 section 1.3, before it is encoded.
pub(crate) const NONCE: [u8; 16] = *b"the sample nonce";

/// The Sec-WebSocket-Accept for [`NONCE`].
pub(crate) const UPGRADE: &str = "Upgrade: websocket";
pub(crate) const CONNECTION: &str = "Connection: Upgrade";
pub(crate) const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Parsed once, because the rows perform many thousand upgrades.
static URL: LazyLock<Arc<Url>> =
    LazyLock::new(|| Arc::new(Url::parse("ws://example.com/").expect("a URL")));

pub(crate) struct Reply {
    id: String,
    section: &'static str,
    offered: &'static [&'static str],
    input: Vec<u8>,
    verdict: Verdict,
}

#[derive(Clone, PartialEq)]
pub(crate) enum Verdict {
    /// Switched protocols, with the negotiated subprotocol.
    Accepted(Option<String>),
    /// A response that does not switch, with the part of its body that is kept.
    Refused(u16, Vec<u8>),
    /// The same, known only when the stream ends.
    RefusedAtEnd(u16, Vec<u8>),
    /// Not a valid response.
    Bad,
    /// The stream ended before the response was complete.
    Lost,
}

pub(crate) fn accepted(id: &str, section: &'static str, head: impl Bytes) -> Reply {
    row(id, section, head, "", Verdict::Accepted(None))
}

pub(crate) fn bad(id: &str, section: &'static str, head: impl Bytes) -> Reply {
    row(id, section, head, "", Verdict::Bad)
}

pub(crate) fn row(
    id: &str,
    section: &'static str,
    head: impl Bytes,
    body: impl AsRef<[u8]>,
    verdict: Verdict,
) -> Reply {
    Reply {
        id: id.to_owned(),
        section,
        offered: &[],
        input: [&head.bytes()[..], body.as_ref()].concat(),
        verdict,
    }
}

/// The headers of a response.
pub(crate) fn head<F: AsRef<[u8]>>(
    status_line: &str,
    fields: impl IntoIterator<Item = F>,
) -> Vec<u8> {
    let mut bytes = format!("{status_line}\r\n").into_bytes();
    for field in fields {
        bytes.extend(field.as_ref());
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"\r\n");
    bytes
}

/// A response that switches, with only these fields.
pub(crate) fn switching<F: AsRef<[u8]>>(fields: impl IntoIterator<Item = F>) -> Vec<u8> {
    head("HTTP/1.1 101 Switching Protocols", fields)
}

impl Reply {
    /// The client has offered these subprotocols.
    pub(crate) fn offering(mut self, subprotocols: &'static [&'static str]) -> Self {
        self.offered = subprotocols;
        self
    }

    pub(crate) fn choosing(mut self, subprotocol: &str) -> Self {
        self.verdict = Verdict::Accepted(Some(subprotocol.to_owned()));
        self
    }

    fn check(&self) -> Result<(), String> {
        let input = &self.input[..];
        self.expect("whole", &[input], b"")?;
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        self.expect("byte by byte", &bytes, b"")?;
        for point in split_points(input.len()) {
            let (before, after) = input.split_at(point);
            self.expect(&format!("split at {point}"), &[before, after], b"")?;
            self.check_cut(point)?;
        }
        self.check_with_frames_behind()
    }

    fn check_with_frames_behind(&self) -> Result<(), String> {
        if matches!(self.verdict, Verdict::RefusedAtEnd(..) | Verdict::Lost) {
            // They would be part of the body or of the headers.
            return Ok(());
        }
        let frames = [frame(TEXT, "early"), frame(TEXT, "\r\n\r\n")].concat();
        let together = [&self.input[..], &frames].concat();
        self.expect("with frames behind", &[&together], &frames)?;
        for point in split_points(self.input.len()) {
            let (before, after) = together.split_at(point);
            let how = format!("with frames behind, split at {point}");
            self.expect(&how, &[before, after], &frames)?;
        }
        Ok(())
    }

    /// The stream ends after `len` bytes of the row.
    fn check_cut(&self, len: usize) -> Result<(), String> {
        let (got, _) = self.run(&[&self.input[..len]]);
        let is_right = match (&self.verdict, &got) {
            (verdict, got) if verdict == got => !matches!(got, Verdict::Accepted(_)),
            (Verdict::Refused(status, body), Verdict::RefusedAtEnd(now, part))
            | (Verdict::RefusedAtEnd(status, body), Verdict::RefusedAtEnd(now, part)) => {
                len >= self.status_line_end(*status) && status == now && body.starts_with(part)
            }
            (Verdict::Refused(status, _) | Verdict::RefusedAtEnd(status, _), got) => {
                len < self.status_line_end(*status) && *got == Verdict::Lost
            }
            (_, got) => *got == Verdict::Lost,
        };
        if is_right {
            return Ok(());
        }
        Err(format!("ended after {len} bytes: got {got:?}"))
    }

    /// The offset from which the status of a rejection is known.
    fn status_line_end(&self, status: u16) -> usize {
        let status = status.to_string();
        let mut found = self.input.windows(3).enumerate();
        let at = found.find(|(_, text)| *text == status.as_bytes());
        let at = at.expect("the status").0;
        let line_end = self.input[at..].iter().position(|byte| *byte == b'\n');
        at + line_end.expect("a line") + 1
    }

    /// `rest` must be left in the input when the server has accepted.
    fn expect(&self, how: &str, pieces: &[&[u8]], rest: &[u8]) -> Result<(), String> {
        let (got, left) = self.run(pieces);
        if got != self.verdict {
            let expected = &self.verdict;
            return Err(format!(
                "{how}:\n  expected {expected:?}\n  got      {got:?}"
            ));
        }
        if matches!(got, Verdict::Accepted(_)) && left != rest {
            return Err(format!("{how}: left in the input: {}", left.escape_ascii()));
        }
        Ok(())
    }

    /// Feeds the pieces one after the other, then ends the stream; returns the verdict and the rest
    /// of the input.
    fn run(&self, pieces: &[&[u8]]) -> (Verdict, Vec<u8>) {
        let mut upgrade = self.upgrade();
        let mut input = Vec::new();
        let mut outcome = Ok(false);
        for piece in pieces {
            input.extend_from_slice(piece);
            if let Ok(false) = outcome {
                outcome = upgrade.receive(&mut input);
            }
        }
        let is_at_end = matches!(outcome, Ok(false));
        if is_at_end {
            outcome = Err(upgrade.end());
        }
        (verdict(outcome, is_at_end, upgrade), input)
    }

    fn upgrade(&self) -> Upgrade {
        let options = RequestOptions {
            subprotocols: Arc::new(
                self.offered
                    .iter()
                    .map(|offered| Text::copy(offered).expect("memory"))
                    .collect(),
            ),
            // The body of a redirect that is followed is not read.
            max_redirects: 0,
            ..RequestOptions::default()
        };
        Upgrade::new(&URL, &options, None, NONCE).expect("memory")
    }
}

fn verdict(outcome: Result<bool, Error>, is_at_end: bool, mut upgrade: Upgrade) -> Verdict {
    let response = upgrade.take_response().expect("an HTTP response");
    let Err(error) = outcome else {
        assert_eq!(response.head.status, 101);
        let subprotocol = response.head.fields.all("sec-websocket-protocol").next();
        let subprotocol = subprotocol.map(|name| name.to_str().expect("ASCII").to_owned());
        return Verdict::Accepted(subprotocol);
    };
    let status = response.head.status;
    match error.kind() {
        Kind::BadStatus => {
            assert_eq!(error.http_status(), status);
            if is_at_end {
                Verdict::RefusedAtEnd(status, response.body().to_vec())
            } else {
                Verdict::Refused(status, response.body().to_vec())
            }
        }
        Kind::BadUpgrade => Verdict::Bad,
        Kind::ConnectionLost if is_at_end => Verdict::Lost,
        kind => panic!("{kind:?} is no verdict about an upgrade"),
    }
}

/// Short enough to be readable in a failure, whatever the body.
impl std::fmt::Debug for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Accepted(subprotocol) => write!(f, "Accepted({subprotocol:?})"),
            Self::Refused(status, body) => write!(f, "Refused({status}, {})", shown(body)),
            Self::RefusedAtEnd(status, body) => {
                write!(f, "RefusedAtEnd({status}, {})", shown(body))
            }
            Self::Bad => f.write_str("Bad"),
            Self::Lost => f.write_str("Lost"),
        }
    }
}

/// The verdict about any bytes when nothing was offered.
pub(crate) fn judge(pieces: &[&[u8]]) -> Verdict {
    row("", "", NOTHING, "", Verdict::Lost).run(pieces).0
}

pub(crate) fn check_all(answers: impl IntoIterator<Item = Reply>) {
    check_rows(answers.into_iter().map(|row| {
        let name = format!("{} ({})", row.id, row.section);
        (name, row.check())
    }));
}
