// SPDX-License-Identifier: Apache-2.0
//! The request of the opening handshake (RFC 6455 section 4.1), and the caller's options for it.

use super::auth::Credentials;
use super::extension::Offer;
use crate::base::error::Error;
use crate::base::memory::{self, Text};
use crate::base::sync::Arc;
use crate::protocol::url::Url;

/// Enough for a request with few fields from the caller.
const USUAL_BYTES: usize = 384;

/// Fields that the handshake writes itself, each with its setter, if there is one.
const OWNED: [(&str, Option<&str>); 13] = [
    ("Host", Some("wsline_options_set_host_header()")),
    ("Connection", Some("wsline_options_set_connection_header()")),
    ("Origin", Some("wsline_options_set_origin_header()")),
    ("Cookie", Some("wsline_options_set_cookie_header()")),
    (
        "Proxy-Authorization",
        Some("wsline_options_set_proxy_auth()"),
    ),
    (
        "Sec-WebSocket-Protocol",
        Some("wsline_options_add_subprotocol()"),
    ),
    ("Sec-WebSocket-Key", None),
    ("Sec-WebSocket-Version", None),
    (
        "Sec-WebSocket-Extensions",
        Some("wsline_options_set_deflate()"),
    ),
    ("Sec-WebSocket-Accept", None),
    ("Upgrade", None),
    ("Content-Length", None),
    ("Transfer-Encoding", None),
];

/// Rejects a header that the handshake writes itself: servers treat duplicates in different ways.
pub fn check_not_owned(argument: &str, name: &str) -> Result<(), Error> {
    let Some((owned, setter)) = OWNED
        .iter()
        .find(|(owned, _)| owned.eq_ignore_ascii_case(name))
    else {
        return Ok(());
    };
    let advice = setter.map_or_else(String::new, |setter| format!("; use {setter}"));
    Err(Error::argument(
        argument,
        format!("is {owned}, which the handshake writes itself{advice}"),
    ))
}

#[derive(Clone, Debug)]
pub enum Origin {
    /// The origin of a page on the same server.
    OfServer,
    Value(Text),
    Suppressed,
}

/// The caller's options for the request.
#[derive(Clone, Debug)]
pub struct RequestOptions {
    pub host: Option<Text>,
    /// No Host field is sent.
    pub suppresses_host: bool,
    pub origin: Origin,
    pub connection: Option<Text>,
    pub subprotocols: Arc<Vec<Text>>,
    pub headers: Arc<Vec<(Text, Text)>>,
    pub cookie: Option<Text>,
    /// The value of `Authorization`, unless `headers` contains one. Replaces the URL's credentials.
    pub authorization: Option<Text>,
    /// The most redirects to follow.
    pub max_redirects: u32,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            host: None,
            suppresses_host: false,
            origin: Origin::OfServer,
            connection: None,
            subprotocols: Arc::default(),
            headers: Arc::default(),
            cookie: None,
            authorization: None,
            max_redirects: 3,
        }
    }
}

/// `key` is the value of Sec-WebSocket-Key.
pub fn request(
    url: &Url,
    options: &RequestOptions,
    offer: Option<&Offer>,
    key: &str,
) -> Result<String, Error> {
    let host = options.host.as_deref().unwrap_or_else(|| url.authority());
    let (host_name, host) = match options.suppresses_host {
        true => ("", ""),
        false => ("\r\nHost: ", host),
    };
    let connection = options.connection.as_deref().unwrap_or("Upgrade");
    let (origin, of_scheme, origin_value, origin_end) = match &options.origin {
        Origin::OfServer => ("Origin: ", url.origin_scheme(), url.authority(), "\r\n"),
        Origin::Value(value) => ("Origin: ", "", &**value, "\r\n"),
        Origin::Suppressed => ("", "", "", ""),
    };
    // The fields of every request in one call: line by line it would cost several times as much.
    let parts = [
        "GET ",
        url.resource(),
        " HTTP/1.1",
        host_name,
        host,
        "\r\nUpgrade: websocket\r\nConnection: ",
        connection,
        "\r\nSec-WebSocket-Key: ",
        key,
        "\r\nSec-WebSocket-Version: 13\r\n",
        origin,
        of_scheme,
        origin_value,
        origin_end,
    ];
    let mut lines = String::with_capacity(USUAL_BYTES);
    memory::append(&mut lines, &parts)?;
    let mut line =
        |name: &str, value: &str| memory::append(&mut lines, &[name, ": ", value, "\r\n"]);
    if let [first, more @ ..] = options.subprotocols.as_slice() {
        let mut list = memory::string(first)?;
        for name in more {
            memory::append(&mut list, &[", ", name])?;
        }
        line("Sec-WebSocket-Protocol", &list)?;
    }
    if let Some(offer) = offer {
        line("Sec-WebSocket-Extensions", &offer.value())?;
    }
    for (name, value) in options.headers.iter() {
        line(name, value)?;
    }
    if let Some(authorization) = authorization(url, options) {
        line("Authorization", &authorization)?;
    }
    if let Some(cookie) = &options.cookie {
        line("Cookie", cookie)?;
    }
    memory::append(&mut lines, &["\r\n"])?;
    Ok(lines)
}

/// Options apply to every URL, so they take precedence over the URL's credentials.
fn authorization(url: &Url, options: &RequestOptions) -> Option<Text> {
    let mut names = options.headers.iter().map(|(name, _)| name);
    if names.any(|name| name.eq_ignore_ascii_case("authorization")) {
        return None;
    }
    let of_url = || {
        url.credentials()
            .and_then(Credentials::basic)
            .map(Text::from)
    };
    options.authorization.clone().or_else(of_url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text::copy(text).expect("memory")
    }

    #[test]
    fn authorization_is_sent_once() {
        let url = Url::parse("ws://user:pass@h/").expect("a URL");
        let table = [
            (None, None, "Authorization: Basic dXNlcjpwYXNz\r\n"),
            (Some("Bearer x"), None, "Authorization: Bearer x\r\n"),
            (Some("Bearer x"), Some("y"), "authorization: y\r\n"),
            (None, Some("y"), "authorization: y\r\n"),
        ];
        for (set, added, expected) in table {
            let options = RequestOptions {
                authorization: set.map(text),
                headers: Arc::new(
                    added
                        .map(|value| (text("authorization"), text(value)))
                        .into_iter()
                        .collect(),
                ),
                ..RequestOptions::default()
            };
            let request = request(&url, &options, None, "").expect("memory");
            assert!(request.contains(expected), "{request}");
            assert_eq!(request.to_lowercase().matches("authorization").count(), 1);
            assert!(!request.contains("user"), "{request}");
        }
    }

    #[test]
    fn names_of_the_handshake_are_rejected_and_their_setter_is_named() {
        let error = check_not_owned("name", "hOST").expect_err("owned");
        assert!(
            error.message().contains("wsline_options_set_host_header()"),
            "{}",
            error.message()
        );
        check_not_owned("name", "Sec-WebSocket-Key").expect_err("owned");
        check_not_owned("name", "Authorization").expect("free");
    }
}
