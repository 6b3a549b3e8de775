// SPDX-License-Identifier: Apache-2.0
//! The opening handshake (RFC 6455 section 4): our request, and every check of the server's
//! response.

use super::extension::{self, Offer};
use super::field::listed;
use super::reply::{Reply, ReplyProgress, Response};
use super::request::{RequestOptions, request};
use crate::base::error::{Error, Kind};
use crate::base::memory::Text;
use crate::base::sync::Arc;
use crate::protocol::handshake::{Handshake, Output};
use crate::protocol::tolerance::Mistakes;
use crate::protocol::url::Url;
use crate::protocol::ws::deflate::Agreement;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest, Sha1};

#[derive(Debug)]
pub struct Upgrade {
    /// For the server's name in errors.
    url: Arc<Url>,
    /// `None` once it has been sent.
    request: Option<String>,
    accept: [u8; 28],
    offered: Arc<Vec<Text>>,
    offer: Option<Offer>,
    agreement: Option<Agreement>,
    follows_redirects: bool,
    tolerated: Mistakes,
    /// Those that were tolerated.
    met: Mistakes,
    reply: Reply,
}

impl Upgrade {
    /// `offer` is the compression to offer; `nonce` is the 16 random bytes of section 4.1, item 7.
    pub fn new(
        url: &Arc<Url>,
        options: &RequestOptions,
        offer: Option<Offer>,
        nonce: [u8; 16],
    ) -> Result<Self, Error> {
        let mut key = [0; 24];
        encode(&nonce, &mut key)?;
        let key = std::str::from_utf8(&key).unwrap_or_default();
        Ok(Self {
            url: Arc::clone(url),
            request: Some(request(url, options, offer.as_ref(), key)?),
            accept: accept(key)?,
            offered: Arc::clone(&options.subprotocols),
            offer,
            agreement: None,
            follows_redirects: options.max_redirects > 0,
            tolerated: Mistakes::default(),
            met: Mistakes::default(),
            reply: Reply::new(101..=101),
        })
    }

    pub fn tolerate(&mut self, mistakes: Mistakes) {
        self.tolerated = mistakes;
    }

    /// Whether the response is a redirect to be followed.
    fn is_redirected(&self) -> bool {
        self.follows_redirects && self.reply.is_refused() && self.reply.head().is_redirect()
    }

    fn is_followed(&self) -> bool {
        let mut location = self.reply.head().fields.all("location");
        self.is_redirected() && self.is_refused() && location.next().is_some()
    }

    fn refusal_error(&self) -> Error {
        let (server, refusal) = (self.url.server(), self.reply.refusal());
        Error::new(
            Kind::BadStatus,
            format!("{server} refused the upgrade: {refusal}"),
        )
        .with_http_status(self.reply.head().status)
    }

    /// Section 4.1, the numbered list at its end.
    fn check(&mut self) -> Result<(), Error> {
        let (head, tolerated) = (self.reply.head(), self.tolerated);
        match head.version {
            (1, 0) if tolerated.contains(Mistakes::HTTP_1_0) => self.met.add(Mistakes::HTTP_1_0),
            (1, 0) | (2.., _) => {
                let (major, minor) = head.version;
                return Err(bad(format!(
                    "the server responded with HTTP/{major}.{minor}, which has no upgrade"
                )));
            }
            _ => {}
        }
        if let Some(defect) = &head.defect {
            return Err(bad(format!("the server's response {defect}")));
        }
        let mut upgrade = head.fields.members("Upgrade");
        let (first, second) = (upgrade.next(), upgrade.next());
        if !first.is_some_and(|member| member.eq_ignore_ascii_case(b"websocket"))
            || second.is_some()
        {
            let found = quoted(head.fields.members("Upgrade"));
            return Err(bad(format!(
                "the server's Upgrade field is {found}, not \"websocket\""
            )));
        }
        let connection = || head.fields.members("Connection");
        if !connection().any(|member| member.eq_ignore_ascii_case(b"upgrade")) {
            let found = quoted(connection());
            return Err(bad(format!(
                "the server's Connection field is {found}, without \"upgrade\""
            )));
        }
        let accept = || head.fields.values("Sec-WebSocket-Accept");
        let mut each = accept();
        if each.next() != Some(&self.accept) || each.next().is_some() {
            let (found, expected) = (quoted(accept()), quoted([&self.accept[..]].into_iter()));
            return Err(bad(format!(
                "the server's Sec-WebSocket-Accept field is {found}, not {expected}"
            )));
        }
        let ignores_others = tolerated.contains(Mistakes::EXTENSIONS);
        let accepted = extension::accepted(head, self.offer.as_ref(), ignores_others)?;
        self.agreement = accepted.deflate;
        if accepted.has_others {
            self.met.add(Mistakes::EXTENSIONS);
        }
        let chosen = || head.fields.values("Sec-WebSocket-Protocol");
        let is_offered = |one| self.offered.iter().any(|offered| offered.as_bytes() == one);
        let mut each = chosen();
        match (each.next(), each.next()) {
            // A server need not choose one (section 4.1, item 6 does not require it).
            (None, _) => Ok(()),
            (Some(one), None) if is_offered(one) => Ok(()),
            (Some(_), None) if tolerated.contains(Mistakes::SUBPROTOCOL) => {
                self.met.add(Mistakes::SUBPROTOCOL);
                Ok(())
            }
            _ => {
                let found = quoted(chosen());
                Err(bad(format!(
                    "the server chose the subprotocol {found}, which was not offered"
                )))
            }
        }
    }
}

impl Handshake for Upgrade {
    fn output(&mut self) -> Option<Output> {
        self.request.take().map(Output::text)
    }

    fn receive(&mut self, input: &mut Vec<u8>) -> Result<bool, Error> {
        match self.reply.receive(input)? {
            // The body of a redirect is not needed.
            ReplyProgress::Incomplete if self.is_followed() => Err(self.refusal_error()),
            ReplyProgress::Incomplete => Ok(false),
            ReplyProgress::Accepted => self.check().map(|()| true),
            ReplyProgress::Refused => Err(self.refusal_error()),
            ReplyProgress::Wrong(what) => {
                let message = format!("{} {what}", self.url.server());
                Err(Error::new(Kind::BadUpgrade, message))
            }
        }
    }

    fn end(&mut self) -> Error {
        self.reply.end();
        if self.is_refused() {
            return self.refusal_error();
        }
        Error::new(
            Kind::ConnectionLost,
            "the server closed the connection before its response was complete",
        )
    }

    fn is_refused(&self) -> bool {
        // The target of a redirect is known once its head is complete.
        self.reply.is_refused_with_whole_head()
            || (self.reply.is_refused() && !self.is_redirected())
    }

    fn take_response(&mut self) -> Option<Response> {
        Some(Response {
            deflate: self.agreement,
            tolerated: self.met,
            ..self.reply.take_response()
        })
    }
}

/// Section 4.2.2, item 5.4: the hash of the key and this GUID.
fn accept(key: &str) -> Result<[u8; 28], Error> {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let mut accept = [0; 28];
    encode(&hash.finalize(), &mut accept)?;
    Ok(accept)
}

/// Encodes `bytes` as base64 into `text`, which has exactly the required length.
fn encode(bytes: &[u8], text: &mut [u8]) -> Result<(), Error> {
    match BASE64.encode_slice(bytes, text) {
        Ok(_) => Ok(()),
        Err(_) => {
            let message = "base64 does not fit its buffer";
            Err(Error::new(Kind::Internal, message))
        }
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(Kind::BadUpgrade, message).with_http_status(101)
}

fn quoted<'a>(members: impl Iterator<Item = &'a [u8]>) -> String {
    listed(members).map_or_else(|| "missing".to_owned(), |text| format!("\"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::super::request::Origin;
    use super::*;

    #[test]
    fn the_accept_value_matches_the_example_of_the_rfc() {
        // Section 1.3.
        assert_eq!(
            accept("dGhlIHNhbXBsZSBub25jZQ==").expect("it fits"),
            *b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    fn text(text: &str) -> Text {
        Text::copy(text).expect("memory")
    }

    fn said(upgrade: &mut Upgrade) -> String {
        let output = upgrade.output().expect("a request");
        String::from_utf8(output.bytes).expect("UTF-8")
    }

    #[test]
    fn a_plain_request() {
        let url = Arc::new(Url::parse("ws://example.com:8080/chat?x=1").expect("a URL"));
        let mut upgrade =
            Upgrade::new(&url, &RequestOptions::default(), None, *b"the sample nonce")
                .expect("memory");
        let expected = "GET /chat?x=1 HTTP/1.1\r\nHost: example.com:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://example.com:8080\r\n\r\n";
        assert_eq!(said(&mut upgrade), expected);
    }

    #[test]
    fn a_request_with_everything_set() {
        let url = Arc::new(Url::parse("wss://[::1]/").expect("a URL"));
        let options = RequestOptions {
            host: Some(text("virtual.example")),
            suppresses_host: false,
            origin: Origin::Value(text("https://page.example")),
            connection: Some(text("keep-alive, Upgrade")),
            subprotocols: Arc::new(vec![text("chat.v2"), text("chat.v1")]),
            headers: Arc::new(vec![(text("X-A"), text("1")), (text("X-A"), text("2"))]),
            cookie: Some(text("a=b; c=d")),
            authorization: Some(text("Bearer x")),
            max_redirects: 0,
        };
        let mut upgrade = Upgrade::new(&url, &options, None, [0; 16]).expect("memory");
        let expected = "GET / HTTP/1.1\r\nHost: virtual.example\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
            Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nOrigin: https://page.example\r\n\
            Sec-WebSocket-Protocol: chat.v2, chat.v1\r\nX-A: 1\r\nX-A: 2\r\nAuthorization: Bearer x\r\nCookie: a=b; c=d\r\n\r\n";
        assert_eq!(said(&mut upgrade), expected);
    }

    #[test]
    fn a_followed_redirect_does_not_wait_for_its_body() {
        let url = Arc::new(Url::parse("ws://h/").expect("a URL"));
        let to = "Location: /\r\n";
        for (max_redirects, location, is_settled) in [(1, to, true), (0, to, false), (1, "", false)]
        {
            let head = format!("HTTP/1.1 302 Found\r\n{location}Content-Length: 9\r\n\r\n");
            let options = RequestOptions {
                max_redirects,
                ..RequestOptions::default()
            };
            let mut upgrade = Upgrade::new(&url, &options, None, [0; 16]).expect("memory");
            let result = upgrade.receive(&mut head.into_bytes());
            assert_eq!(result.is_err(), is_settled, "limit {max_redirects}");
            assert!(upgrade.is_refused());
        }
    }

    #[test]
    fn a_followed_redirect_is_refused_once_its_head_is_complete() {
        let url = Arc::new(Url::parse("ws://h/").expect("a URL"));
        let head = b"HTTP/1.1 302 x\r\nLocation: /\r\nSet-Cookie: a=b\r\n\r\n";
        for len in 0..head.len() {
            let mut upgrade =
                Upgrade::new(&url, &RequestOptions::default(), None, [0; 16]).expect("memory");
            let progress = upgrade.receive(&mut head[..len].to_vec());
            assert!(!progress.expect("incomplete") && !upgrade.is_refused());
            assert_eq!(upgrade.end().kind(), Kind::ConnectionLost);
        }
    }

    #[test]
    #[rustfmt::skip]
    fn a_refusal_says_how_to_succeed() {
        let long = "x".repeat(1000);
        let cut = "x".repeat(100);
        let status = |fields: &str| format!("401 Unauthorized\r\n{fields}");
        //   status and fields                                            said
        let table = [
            (status("WWW-Authenticate: Basic realm=\"a, b\""),            "401 Unauthorized (requires Basic authentication)".into()),
            (status("WWW-Authenticate: Digest nonce=\"x\", qop=auth, Basic realm=y\r\nProxy-Authenticate:\r\n NTLM"),
                "401 Unauthorized (requires Digest, Basic, NTLM authentication)".into()),
            (status("WWW-Authenticate: \u{fc}\x1b"),                     "401 Unauthorized (requires \\xc3\\xbc authentication)".into()),
            (status(&format!("WWW-Authenticate: {long}")),               format!("401 Unauthorized (requires {cut} authentication)")),
            (status("X: y"),                                             "401 Unauthorized".into()),
            ("503\r\nRetry-After: 120".into(),                           "503 (retry after 120 s)".into()),
            ("503 x\r\nRetry-After: Fri, 20 Nov 2026 12:00:00 GMT".into(), "503 x (retry after Fri, 20 Nov 2026 12:00:00 GMT)".into()),
            ("503 x\r\nRetry-After:".into(),                             "503 x".into()),
            (format!("503 {long}\r\nRetry-After: {long}"),               format!("503 {cut} (retry after {cut})")),
            ("302 Found\r\nLocation: https://u:secret@i/a?secret#secret".into(), "302 Found (redirects to …@i/a)".into()),
            ("302 Found\r\nLocation: /a\t\u{202e}b".into(),              "302 Found (redirects to /a\\t\\u{202e}b)".into()),
            (format!("302 x\r\nLocation: {long}\r\nRetry-After: 1"),     format!("302 x (redirects to {cut}…; retry after 1 s)")),
            ("201 x\r\nLocation: /a".into(),                             "201 x".into()),
            ("403 \x1b[2J\r\nX: y".into(),                               "403 \\u{1b}[2J".into()),
        ];
        for (url, server) in [("ws://localhost/", "localhost:80"), ("wss://[::1]/", "[::1]:443"), ("ws+unix:///run/s:/", "/run/s")] {
            let url = Arc::new(Url::parse(url).expect("a URL"));
            let options = RequestOptions { max_redirects: 0, ..RequestOptions::default() };
            for (answer, said) in &table {
                let mut upgrade = Upgrade::new(&url, &options, None, [0; 16]).expect("memory");
                let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
                let error = upgrade.receive(&mut answer.into_bytes()).expect_err("a refusal");
                assert_eq!(error.kind(), Kind::BadStatus);
                assert_eq!(error.message(), format!("{server} refused the upgrade: {said}"));
            }
        }
    }
}
