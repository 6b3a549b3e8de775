// SPDX-License-Identifier: Apache-2.0
//! `ws://` and `wss://` URLs (RFC 6455 section 3), parsed by the `url` crate and narrowed to what the RFC allows.

use crate::base::error::{Error, Kind};
use std::fmt;
use std::net::IpAddr;
use url::Host;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    secure: bool,
    host: Host<String>,
    port: u16,
    resource: String,
}

impl Url {
    pub fn parse(text: &str) -> Result<Self, Error> {
        check_text(text)?;
        let (scheme, rest) = text
            .split_once(':')
            .ok_or_else(|| invalid(text, "has no scheme, ws:// or wss://"))?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "ws" => false,
            "wss" => true,
            _ => return Err(invalid(text, "has a scheme other than ws and wss")),
        };
        let Some(after_slashes) = rest.strip_prefix("//") else {
            return Err(invalid(text, "lacks the // behind its scheme"));
        };
        if after_slashes.starts_with('/') {
            // Browsers skip further slashes and take the path for the host.
            return Err(invalid(text, "has no host"));
        }
        if after_slashes
            .split(['/', '?', '#'])
            .next()
            .is_some_and(|authority| authority.contains('@'))
        {
            // Section 3 has no place for one.
            return Err(invalid(
                text,
                "has a user name or password, which is not supported",
            ));
        }
        if text.contains('#') {
            // Section 3: "Fragment identifiers are meaningless in the context of WebSocket URIs".
            return Err(invalid(text, "has a fragment (#)"));
        }
        let url = url::Url::parse(text)
            .map_err(|error| invalid(text, format_args!("cannot be parsed: {error}")))?;
        let host = url.host().ok_or_else(|| invalid(text, "has no host"))?;
        let port = url.port_or_known_default().filter(|port| *port != 0);
        Ok(Self {
            secure,
            host: host.to_owned(),
            port: port.ok_or_else(|| invalid(text, "has port 0"))?,
            resource: resource(after_slashes),
        })
    }

    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host as it is looked up and verified: a name in A-labels, or an address without brackets.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    /// The host's address, where the URL names one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as they stand in the request line.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Host and port as in the `Host` field: the scheme's own default port is left out (RFC 9110 section 7.2).
    pub fn authority(&self) -> String {
        let default = if self.secure { 443 } else { 80 };
        if self.port == default {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The `Origin` of a page on the same server (RFC 6454 section 6).
    pub fn origin(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.authority(), self.resource)
    }
}

/// What the `url` crate would quietly drop or rewrite, as browsers do, is refused here.
fn check_text(text: &str) -> Result<(), Error> {
    if let Some(bad) = text.chars().find(|c| c.is_control()) {
        return Err(Error::new(
            Kind::InvalidUrl,
            format!("URL contains the control character {bad:?}"),
        ));
    }
    if text.trim() != text {
        return Err(Error::new(
            Kind::InvalidUrl,
            "URL begins or ends with a blank",
        ));
    }
    if text.contains('\\') {
        return Err(Error::new(Kind::InvalidUrl, "URL contains a backslash"));
    }
    Ok(())
}

/// Path and query as they stand in the URL: servers may tell `/a/../b` from `/b`. Only what RFC 3986 sections 3.3 and 3.4
/// do not allow there is percent-encoded.
fn resource(after_slashes: &str) -> String {
    let start = after_slashes.find(['/', '?']);
    let text = start.and_then(|start| after_slashes.get(start..));
    let text = text.unwrap_or_default();
    let mut resource = String::with_capacity(text.len() + 1);
    if !text.starts_with('/') {
        resource.push('/');
    }
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%".contains(c) {
            resource.push(c);
        } else {
            let mut utf8 = [0; 4];
            let bytes = c.encode_utf8(&mut utf8).bytes();
            resource.extend(bytes.map(|byte| format!("%{byte:02X}")));
        }
    }
    resource
}

/// Quotes the URL without its query and without what stands before an `@`: either may let its reader in.
fn invalid(text: &str, what: impl fmt::Display) -> Error {
    let shown = text.split('?').next().unwrap_or_default();
    let shown = match shown.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => shown.to_owned(),
    };
    Error::new(Kind::InvalidUrl, format!("URL {shown:?} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (bool, String, u16, String, String) {
        let url = Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (
            url.is_secure(),
            url.host(),
            url.port(),
            url.resource().to_owned(),
            url.authority(),
        )
    }

    #[test]
    fn urls_come_apart() {
        let table = [
            ("ws://h", false, "h", 80, "/", "h"),
            ("wss://h", true, "h", 443, "/", "h"),
            (
                "WSS://Exa-MPLE.com/A",
                true,
                "exa-mple.com",
                443,
                "/A",
                "exa-mple.com",
            ),
            ("ws://h:443/", false, "h", 443, "/", "h:443"),
            ("wss://h:80/", true, "h", 80, "/", "h:80"),
            ("wss://h:443/", true, "h", 443, "/", "h"),
            ("ws://h?x=1", false, "h", 80, "/?x=1", "h"),
            ("ws://h/?", false, "h", 80, "/?", "h"),
            ("ws://h//a;p=1?q=%20", false, "h", 80, "//a;p=1?q=%20", "h"),
            ("ws://h/a b/ü", false, "h", 80, "/a%20b/%C3%BC", "h"),
            ("ws://[::1]:8080/r", false, "::1", 8080, "/r", "[::1]:8080"),
            ("ws://127.0.0.1/", false, "127.0.0.1", 80, "/", "127.0.0.1"),
            (
                "ws://exämple.com/",
                false,
                "xn--exmple-cua.com",
                80,
                "/",
                "xn--exmple-cua.com",
            ),
        ];
        for (text, secure, host, port, resource, authority) in table {
            assert_eq!(
                parts(text),
                (secure, host.into(), port, resource.into(), authority.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_a_websocket_url_is_refused() {
        let table = [
            "",
            "h",
            "http://h/",
            "ws:h",
            "ws:/h",
            "ws://",
            "ws:///path",
            "ws://:80/",
            "ws://h:0/",
            "ws://h:65536/",
            "ws://h:x/",
            "ws://h/#f",
            "ws://h/#",
            " ws://h/",
            "ws://h/\r\nX: y",
            "ws://h/\t",
            "ws://[::1/",
            "ws://h\\p",
            "ws://a b/",
            "ws://u:p@h/",
            "2001:db8::1",
        ];
        for text in table {
            let error = Url::parse(text).expect_err(text);
            assert_eq!(error.kind(), Kind::InvalidUrl, "{text}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_never_quoted() {
        for text in [
            "ws://user:secret@h/",
            "http://user:secret@h/",
            "ws://user:secret@h/#f",
            "ws:user:secret@h",
            "user:secret@h",
            "http://h/?token=secret",
        ] {
            let error = Url::parse(text).expect_err(text);
            assert!(!error.message().contains("secret"), "{}", error.message());
        }
    }
}
