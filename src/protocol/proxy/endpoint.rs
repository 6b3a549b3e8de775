// SPDX-License-Identifier: Apache-2.0
//! A proxy: its protocol, host, port and credentials.

use crate::base::error::{Error, Kind, Phase};
use crate::protocol::http::auth::Credentials;
use crate::protocol::url::{has_empty_label, is_scheme};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use url::Host;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    /// HTTP CONNECT over TLS to the proxy.
    Https,
    Socks4,
    /// SOCKS4 with host names.
    Socks4a,
    /// SOCKS5 with addresses, which we look up.
    Socks5,
    /// SOCKS5 with host names ("h"), which the proxy looks up.
    Socks5h,
}

impl Scheme {
    const ALL: [Self; 6] = [
        Self::Http,
        Self::Https,
        Self::Socks4,
        Self::Socks4a,
        Self::Socks5,
        Self::Socks5h,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks4 => "socks4",
            Self::Socks4a => "socks4a",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks4 | Self::Socks4a | Self::Socks5 | Self::Socks5h => 1080,
        }
    }

    fn named(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter();
        let mut named = known.filter(|scheme| scheme.name().eq_ignore_ascii_case(name));
        named.next().ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("has the unknown scheme {name:?}; known schemes are {known}")
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub scheme: Scheme,
    pub host: Host<String>,
    pub port: u16,
    pub credentials: Option<Credentials>,
}

impl Proxy {
    /// Parses a URL; the default scheme is http. Fails with the reason, which is safe to print.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains(char::REPLACEMENT_CHARACTER) {
            return Err("is not UTF-8".to_owned());
        }
        // Characters that the `url` crate would silently drop or rewrite, as browsers do.
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err("contains whitespace, a control character or a backslash".to_owned());
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => (Scheme::named(scheme)?, rest),
            _ => (Scheme::Http, text),
        };
        if rest.starts_with('/') {
            return Err("has no host".to_owned());
        }
        if let Some((_, path)) = rest.split_once(['/', '?', '#']) {
            if !path.is_empty() || !rest.ends_with('/') {
                return Err(
                    "has a path, query or fragment (in a password, write %2F for a slash, \
                     %3F for a question mark, %23 for a hash)"
                        .to_owned(),
                );
            }
        }
        // The crate does not know SOCKS, and does not normalize hosts of unknown schemes.
        let parse = |known: &str| {
            url::Url::parse(&format!("{known}://{rest}"))
                .map_err(|error| format!("is not a proxy URL: {error}"))
        };
        let url = parse("http")?;
        // The crate drops the default port of a scheme. No port is the default of both schemes.
        let port = match url.port() {
            Some(port) => Some(port),
            None => parse("https")?.port(),
        };
        let host = url.host().ok_or("has no host")?.to_owned();
        Ok(Self {
            scheme,
            host: checked_host(host)?,
            port: checked(port.unwrap_or_else(|| scheme.default_port()))?,
            credentials: Credentials::of_url(&url)?,
        })
    }

    /// `host` is a name, an IPv4 address or an IPv6 address, with or without brackets.
    pub fn new(scheme: Scheme, host: &str, port: u16) -> Result<Self, String> {
        let host = match host.parse::<Ipv6Addr>() {
            Ok(address) => Host::Ipv6(address),
            Err(_) => Host::parse(host).map_err(|error| format!("is not a valid host: {error}"))?,
        };
        Ok(Self {
            scheme,
            host: checked_host(host)?,
            port: checked(port)?,
            credentials: None,
        })
    }

    /// The host to look up and verify: a name in A-labels, or an address without brackets.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    /// The host's address, if the host is an address.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// Whether the connection to the proxy itself uses TLS.
    pub fn is_secure(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Whether the proxy looks up the target's name. If not, it must be given an address.
    pub fn looks_up_target(&self) -> bool {
        !matches!(self.scheme, Scheme::Socks4 | Scheme::Socks5)
    }

    /// An error of the proxy; `what` is a phrase whose subject is the proxy.
    pub(super) fn error(&self, kind: Kind, what: impl fmt::Display) -> Error {
        Error::new(kind, format!("the proxy {self} {what}")).in_phase(Phase::Proxy)
    }

    pub(super) fn closed_early(&self) -> Error {
        let what = "closed the connection before its response was complete";
        self.error(Kind::Proxy, what)
    }
}

/// Without the credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme.name(), self.host, self.port)
    }
}

fn checked(port: u16) -> Result<u16, &'static str> {
    if port == 0 {
        return Err("has port 0");
    }
    Ok(port)
}

fn checked_host(host: Host<String>) -> Result<Host<String>, &'static str> {
    match host {
        Host::Domain(name) if has_empty_label(&name) => Err("has a host with an empty label"),
        host => Ok(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn urls_are_parsed() {
        //   text                          is                      host          user and password
        let table = [
            ("h",                          "http://h:80",          "h",          None),
            ("h:3128",                     "http://h:3128",        "h",          None),
            ("h:3128/",                    "http://h:3128",        "h",          None),
            ("h:",                         "http://h:80",          "h",          None),
            ("u:p@h:1",                    "http://h:1",           "h",          Some(("u", "p"))),
            ("127.0.0.1:8080",             "http://127.0.0.1:8080", "127.0.0.1", None),
            ("[::1]:8080",                 "http://[::1]:8080",    "::1",        None),
            ("http://h",                   "http://h:80",          "h",          None),
            ("http://h:443",               "http://h:443",         "h",          None),
            ("https://h",                  "https://h:443",        "h",          None),
            ("https://h:80",               "https://h:80",         "h",          None),
            ("HTTP://Proxy.Example/",      "http://proxy.example:80", "proxy.example", None),
            ("socks4://h",                 "socks4://h:1080",      "h",          None),
            ("SOCKS4A://h",                "socks4a://h:1080",     "h",          None),
            ("socks5://h",                 "socks5://h:1080",      "h",          None),
            ("socks5://h:80",              "socks5://h:80",        "h",          None),
            ("socks5://h:443",             "socks5://h:443",       "h",          None),
            ("socks5h://H.Example:9050/",  "socks5h://h.example:9050", "h.example", None),
            ("socks5h://127.0.0.1",        "socks5h://127.0.0.1:1080", "127.0.0.1", None),
            ("socks5://[2001:DB8::1]:80",  "socks5://[2001:db8::1]:80", "2001:db8::1", None),
            ("socks5://exämple.com",       "socks5://xn--exmple-cua.com:1080", "xn--exmple-cua.com", None),
            ("http://user@h",              "http://h:80",          "h",          Some(("user", ""))),
            ("http://:p@h",                "http://h:80",          "h",          Some(("", "p"))),
            ("http://@h",                  "http://h:80",          "h",          None),
            ("socks5://u%40x:p%3Aw%2F@h",  "socks5://h:1080",      "h",          Some(("u@x", "p:w/"))),
            ("http://u:a@b@h",             "http://h:80",          "h",          Some(("u", "a@b"))),
        ];
        for (text, shown, host, credentials) in table {
            let proxy = Proxy::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((proxy.to_string().as_str(), proxy.host().as_str()), (shown, host), "{text}");
            let expected = credentials.map(|(user, password)| Credentials::new(user, password).expect("valid"));
            assert_eq!(proxy.credentials, expected, "{text}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn invalid_proxies_are_rejected_without_quoting_secrets() {
        let table = [
            ("",                            "empty host"),
            ("http://",                     "empty host"),
            (":3128",                       "empty host"),
            ("://h",                        "a path, query"),
            ("http://u:secret@",            "empty host"),
            ("http:///h",                   "has no host"),
            ("ftp://u:secret@h",            "unknown scheme \"ftp\"; known schemes are http, https, socks4, socks4a, socks5, socks5h"),
            ("socks://h",                   "unknown scheme \"socks\""),
            ("ws://h",                      "unknown scheme \"ws\""),
            ("http://h:0",                  "port 0"),
            ("socks5://u:secret@h:0",       "port 0"),
            ("http://h:65536",              "invalid port"),
            ("http://h:x",                  "invalid port"),
            ("socks5:h:1080",               "invalid port"),
            ("u:secret://x@h",              "a path, query"),
            ("http://u:secret#x@h",         "a path, query"),
            ("http://u:1/secret@h",         "a path, query"),
            ("http://h/p",                  "a path, query"),
            ("http://h/..",                 "a path, query"),
            ("http://h//",                  "a path, query"),
            ("http://h?",                   "a path, query"),
            ("http://h/?secret",            "a path, query"),
            ("http://h#",                   "a path, query"),
            ("http://h\\p",                 "a backslash"),
            (" http://h",                   "whitespace"),
            ("http://u:se cret@h",          "whitespace"),
            ("http://h\r\nX: y",            "a control character"),
            ("http://[::1",                 "invalid IPv6"),
            ("::1",                         "empty host"),
            ("http://[secret]",             "invalid IPv6"),
            ("http://1.2.3.256",            "invalid IPv4"),
            ("https://.h",                  "an empty label"),
            ("socks5://a..b",               "an empty label"),
            ("http://a<b",                  "invalid"),
            ("http://%FF:secret@h",         "not UTF-8"),
            ("http://u:secret%0A@h",        "a control character"),
        ];
        for (text, expected) in table {
            let error = Proxy::parse(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_proxy_is_made_from_its_parts() {
        for (host, expected) in [
            ("Proxy.example", "socks4a://proxy.example:9"),
            ("127.0.0.1", "socks4a://127.0.0.1:9"),
            ("::1", "socks4a://[::1]:9"),
            ("[::1]", "socks4a://[::1]:9"),
        ] {
            let proxy = Proxy::new(Scheme::Socks4a, host, 9).expect(host);
            assert_eq!(proxy.to_string(), expected);
            assert_eq!(Proxy::parse(expected), Ok(proxy));
        }
        for host in [
            "", "h:1", "u:p@h", "http://h", "a b", "[::1", "h/", "h\n", ".h", "a..b",
        ] {
            Proxy::new(Scheme::Http, host, 9).expect_err(host);
        }
        Proxy::new(Scheme::Http, "h", 0).expect_err("port 0");
    }

    #[test]
    fn schemes_differ_in_tls_and_in_who_looks_up_names() {
        let facts = |scheme| {
            let proxy = Proxy::new(scheme, "h", 1).expect("a proxy");
            (proxy.is_secure(), proxy.looks_up_target())
        };
        assert_eq!(
            Scheme::ALL.map(facts),
            [
                (false, true),
                (true, true),
                (false, false),
                (false, true),
                (false, false),
                (false, true)
            ]
        );
    }

    #[test]
    fn credentials_are_not_printed() {
        let proxy = Proxy::parse("http://user:secret@h").expect("a proxy");
        assert!(!format!("{proxy} {proxy:?}").contains("secret"));
    }
}
