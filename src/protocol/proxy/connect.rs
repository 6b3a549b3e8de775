// SPDX-License-Identifier: Apache-2.0
//! A tunnel through an HTTP proxy: CONNECT (RFC 9110 section 9.3.6).

use super::endpoint::Proxy;
use super::target::Target;
use crate::base::error::{Error, Kind};
use crate::protocol::handshake::{Handshake, Output};
use crate::protocol::http::challenge;
use crate::protocol::http::field::listed;
use crate::protocol::http::reply::{Reply, ReplyProgress, Response};

#[derive(Debug)]
pub struct Connect {
    proxy: Proxy,
    /// `None` once it has been sent.
    request: Option<String>,
    reply: Reply,
}

impl Connect {
    pub fn new(proxy: &Proxy, target: &Target) -> Result<Self, Error> {
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(credentials) = &proxy.credentials {
            let basic = credentials.basic().ok_or_else(|| {
                let what = "cannot be sent a user name with a colon (RFC 7617 section 2)";
                proxy.error(Kind::ProxyAuth, what)
            })?;
            request.extend(["Proxy-Authorization: ", &basic, "\r\n"]);
        }
        request.push_str("\r\n");
        Ok(Self {
            proxy: proxy.clone(),
            request: Some(request),
            // Any 2xx means success, and has no body whatever its fields say.
            reply: Reply::new(200..=299),
        })
    }

    fn refusal(&self) -> Error {
        let status = self.reply.head().status;
        let error = match status {
            // Some proxies respond with 401 to a wrong password.
            401 | 407 => {
                let (status_line, wanted) = (self.reply.status_line(), self.wanted());
                let what = format!("responded with {status_line}; {wanted}");
                self.proxy.error(Kind::ProxyAuth, what)
            }
            _ => {
                let what = format!("responded with {}", self.reply.refusal());
                self.proxy.error(Kind::Proxy, what)
            }
        };
        error.with_http_status(status)
    }

    fn wanted(&self) -> String {
        let schemes = || challenge::schemes(&self.reply.head().fields, "proxy-authenticate");
        let speaks_basic = |scheme: &[u8]| scheme.eq_ignore_ascii_case(b"basic");
        if let Some(listed) = listed(schemes()) {
            if !schemes().any(speaks_basic) {
                return format!("it requires {listed}, but only Basic is supported");
            }
        }
        if self.proxy.credentials.is_some() {
            return "it rejected the user name and password".to_owned();
        }
        "it requires a user name and password".to_owned()
    }
}

impl Handshake for Connect {
    fn output(&mut self) -> Option<Output> {
        self.request.take().map(Output::text)
    }

    fn receive(&mut self, input: &mut Vec<u8>) -> Result<bool, Error> {
        match self.reply.receive(input)? {
            ReplyProgress::Incomplete => Ok(false),
            ReplyProgress::Accepted => Ok(true),
            ReplyProgress::Refused => Err(self.refusal()),
            ReplyProgress::Wrong(what) => Err(self.proxy.error(Kind::Proxy, what)),
        }
    }

    fn end(&mut self) -> Error {
        self.reply.end();
        if self.is_refused() {
            return self.refusal();
        }
        self.proxy.closed_early()
    }

    fn is_refused(&self) -> bool {
        self.reply.is_refused()
    }

    fn take_response(&mut self) -> Option<Response> {
        Some(self.reply.take_response())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(proxy: &str) -> Connect {
        let proxy = Proxy::parse(proxy).expect("a proxy");
        let target = Target::Name("example.com".into(), 443);
        Connect::new(&proxy, &target).expect("a request")
    }

    fn refusal(proxy: &str, answer: &str) -> String {
        let mut connect = connect(proxy);
        let error = connect.receive(&mut answer.as_bytes().to_vec());
        error.expect_err("a refusal").to_string()
    }

    #[test]
    fn the_request_is_sent_once_with_credentials_if_there_are_any() {
        let mut plain = connect("http://h");
        let output = plain.output().expect("a request");
        let expected = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n";
        assert_eq!(output.bytes, expected.as_bytes());
        assert!(plain.output().is_none());

        // RFC 7617 section 2.
        let mut secret = connect("http://Aladdin:open%20sesame@h");
        let output = secret.output().expect("a request");
        let expected = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\
            Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        assert_eq!(output.bytes, expected.as_bytes());
    }

    #[test]
    fn a_user_name_with_a_colon_cannot_be_sent() {
        let proxy = Proxy::parse("http://a%3Asecret:b@h").expect("a proxy");
        let target = Target::Name("example.com".into(), 443);
        let error = Connect::new(&proxy, &target).expect_err("a colon");
        assert_eq!(error.kind(), Kind::ProxyAuth);
        assert!(!error.message().contains("secret"), "{error}");
    }

    #[test]
    #[rustfmt::skip]
    fn a_407_error_says_which_credentials_are_required() {
        const SCHEMES: &str = "it requires Negotiate, NTLM, but only Basic is supported";
        const CREDENTIALS: &str = "it requires a user name and password";
        const OTHERS: &str = "it rejected the user name and password";
        //   proxy        field
        let table = [
            ("http://h",   "Proxy-Authenticate: Basic realm=\"x\"",               CREDENTIALS),
            ("http://h",   "X: y",                                                CREDENTIALS),
            ("http://u@h", "Proxy-Authenticate: Digest realm=\"x\", BASIC realm=\"y\"", OTHERS),
            ("http://u@h", "X: y",                                                OTHERS),
            ("http://h",   "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM", SCHEMES),
            ("http://u@h", "Proxy-Authenticate: Negotiate, NTLM",                 SCHEMES),
            ("http://u@h", "Proxy-Authenticate: Negotiate realm=\"a, Basic b\", nonce=1, , NTLM", SCHEMES),
            ("http://u@h", "Proxy-Authenticate: \u{fc}",  "it requires \\xc3\\xbc, but only Basic is supported"),
        ];
        for (proxy, field, expected) in table {
            let answer = format!("HTTP/1.1 407 No\r\n{field}\r\nContent-Length: 0\r\n\r\n");
            let expected = format!("the proxy http://h:80 responded with 407 No; {expected}");
            assert_eq!(refusal(proxy, &answer), expected, "{field}");
        }
        let long = format!("HTTP/1.1 407 No\r\nProxy-Authenticate: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(1000));
        assert!(refusal("http://h", &long).len() < 250);
    }
}
