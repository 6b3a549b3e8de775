// SPDX-License-Identifier: Apache-2.0
//! `ws://` and `wss://` URLs (RFC 6455 section 3), parsed by the `url` crate and restricted to what
//! the RFC allows.

use crate::base::error::{Error, Kind};
use crate::protocol::http::auth::Credentials;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use url::{Host, Position};

/// Far more than servers accept. A limit is needed because the crates that parse a URL abort if
/// there is no memory.
pub const MAX_URL_BYTES: usize = 64 * 1024;

/// The length of a port with its colon.
const MAX_PORT_BYTES: usize = 6;

/// The number of characters of a path or of an invalid URL that an error shows.
const MAX_SHOWN: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    secure: bool,
    host: Host<String>,
    /// The host as in the URL, in brackets if it is an IPv6 address; the port, always; path and
    /// query.
    text: String,
    /// The length of the host in `text`.
    host_len: usize,
    /// The length of host and port in `text`.
    authority_len: usize,
    /// The interface through which a link-local address is reached (RFC 4007 section 11).
    zone: Option<String>,
    port: u16,
    credentials: Option<Credentials>,
    /// The path of the Unix-domain socket to use instead of the network.
    unix_path: Option<String>,
}

impl Url {
    /// `ws://`, `wss://`, or `ws+unix:///path/of/socket:/resource`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let is_plain = check_text(text)?;
        let Some((scheme, after_slashes)) = split_scheme(text) else {
            return Err(missing_scheme(text));
        };
        let is = |known| scheme.eq_ignore_ascii_case(known);
        if is("ws") || is("wss") {
            check_no_fragment(text, is_plain)?;
            Self::of_network(text, after_slashes, is("wss"))
        } else if is("ws+unix") {
            check_no_fragment(text, is_plain)?;
            Self::of_unix_socket(text, after_slashes)
        } else {
            let meant = suggestion(scheme, after_slashes);
            let scheme = shortened(scheme);
            let what = format!("has the scheme {scheme}, not ws, wss or ws+unix{meant}");
            Err(invalid(text, what))
        }
    }

    fn of_network(text: &str, after_slashes: &str, secure: bool) -> Result<Self, Error> {
        if after_slashes.starts_with('/') {
            // Browsers skip further slashes and read the path as the host.
            return Err(invalid(text, "has no host"));
        }
        let (authority, path) = split_authority(after_slashes);
        let zone = zone(authority).map_err(|what| invalid(text, what))?;
        // Path and query are sent unchanged, and the crate accepts any, so it does not parse them.
        // It would add the leading slash.
        let after_path = path.strip_prefix('/').unwrap_or(path);
        let before_path = text.get(..text.len() - after_path.len()).unwrap_or(text);
        let without_zone = match &zone {
            Some((written, _)) => Cow::Owned(before_path.replacen(written, "]", 1)),
            None => Cow::Borrowed(before_path),
        };
        let url = url::Url::parse(&without_zone)
            .map_err(|error| invalid(text, format_args!("cannot be parsed: {error}")))?;
        let host = url.host().ok_or_else(|| invalid(text, "has no host"))?;
        if matches!(host, Host::Domain(name) if has_empty_label(name)) {
            return Err(invalid(text, "has a host with an empty label"));
        }
        let port = url.port_or_known_default().filter(|port| *port != 0);
        let port = port.ok_or_else(|| invalid(text, "has port 0"))?;
        let credentials = Credentials::of_url(&url).map_err(|what| invalid(text, what))?;
        if credentials.as_ref().is_some_and(|it| it.basic().is_none()) {
            return Err(invalid(text, "has a colon in its user name"));
        }
        // The crate omits the default port of a scheme.
        let written = url.host_str().unwrap_or_default();
        let mut text = String::with_capacity(without_zone.len() + MAX_PORT_BYTES + path.len());
        match url.port() {
            Some(_) => text.push_str(&url[Position::BeforeHost..Position::AfterPort]),
            None => text = text + written + ":" + &port.to_string(),
        }
        let authority_len = text.len();
        append_resource(&mut text, path);
        Ok(Self {
            secure,
            host: host.to_owned(),
            host_len: written.len(),
            authority_len,
            text,
            zone: zone.map(|(_, name)| name),
            port,
            credentials,
            unix_path: None,
        })
    }

    /// As in Node's `ws`: the path of the socket, a colon, then path and query of the request. A
    /// colon in the socket path is written as %3A.
    fn of_unix_socket(text: &str, after_slashes: &str) -> Result<Self, Error> {
        let end = after_slashes
            .find([':', '?'])
            .unwrap_or(after_slashes.len());
        let (path, rest) = after_slashes.split_at(end);
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        if !rest.is_empty() && !rest.starts_with(['/', '?']) {
            return Err(invalid(text, "has no slash after the colon"));
        }
        let path = percent_decode_str(path)
            .decode_utf8()
            .map_err(|_| invalid(text, "has a socket path that is not UTF-8"))?;
        if !path.starts_with('/') {
            return Err(invalid(text, "has no absolute socket path"));
        }
        if path.contains('\0') {
            return Err(invalid(text, "has a NUL in its socket path"));
        }
        let mut text = "localhost:80".to_owned();
        let authority_len = text.len();
        append_resource(&mut text, split_authority(rest).1);
        Ok(Self {
            secure: false,
            host: Host::Domain("localhost".to_owned()),
            host_len: "localhost".len(),
            authority_len,
            text,
            zone: None,
            port: 80,
            credentials: None,
            unix_path: Some(path.into_owned()),
        })
    }

    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host to verify: a name in A-labels, or an address without brackets and zone.
    pub fn host(&self) -> Cow<'_, str> {
        match &self.host {
            Host::Domain(_) | Host::Ipv4(_) => Cow::Borrowed(self.written_host()),
            Host::Ipv6(address) => Cow::Owned(address.to_string()),
        }
    }

    /// The host to look up, with its zone.
    pub fn host_and_zone(&self) -> Cow<'_, str> {
        match &self.zone {
            Some(zone) => Cow::Owned(format!("{}%{zone}", self.host())),
            None => self.host(),
        }
    }

    /// The owner of cookies: the host, or the socket with a prefix that no host name has.
    pub fn cookie_host(&self) -> String {
        match &self.unix_path {
            Some(path) => format!("unix:{path}"),
            None => self.host_and_zone().into_owned(),
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

    pub fn has_zone(&self) -> bool {
        self.zone.is_some()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query for the request line.
    pub fn resource(&self) -> &str {
        self.text.get(self.authority_len..).unwrap_or_default()
    }

    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    pub fn unix_path(&self) -> Option<&str> {
        self.unix_path.as_deref()
    }

    /// Host and port as in the `Host` field: without the scheme's default port (RFC 9110 section
    /// 7.2), and without the zone, which only this machine understands (RFC 6874 section 4).
    pub fn authority(&self) -> &str {
        let default = if self.secure { 443 } else { 80 };
        if self.port == default {
            self.written_host()
        } else {
            self.host_and_port()
        }
    }

    /// The server with its port, for errors.
    pub fn server(&self) -> String {
        match &self.unix_path {
            Some(path) => path.escape_debug().to_string(),
            None => self.host_and_port().to_owned(),
        }
    }

    /// The `Origin` of a page on the same server (RFC 6454 section 6).
    pub fn origin(&self) -> String {
        [self.origin_scheme(), self.authority()].concat()
    }

    /// The part of an origin before the authority.
    pub fn origin_scheme(&self) -> &'static str {
        if self.secure { "https://" } else { "http://" }
    }

    fn written_host(&self) -> &str {
        self.text.get(..self.host_len).unwrap_or_default()
    }

    fn host_and_port(&self) -> &str {
        self.text.get(..self.authority_len).unwrap_or_default()
    }

    /// Whether data meant for one server may be sent to the other (RFC 6454 section 5).
    pub fn is_same_origin(&self, other: &Self) -> bool {
        (
            self.secure,
            &self.host,
            &self.zone,
            self.port,
            &self.unix_path,
        ) == (
            other.secure,
            &other.host,
            &other.zone,
            other.port,
            &other.unix_path,
        )
    }

    /// Resolves `reference`, from a response to this URL (RFC 3986 section 5.2); `http` stands for
    /// `ws`. Its userinfo is dropped: a server does not choose the client's credentials.
    pub fn join(&self, reference: &str) -> Result<Self, Error> {
        check_text(reference)?;
        let base = format!("{}{}", self.origin(), self.resource());
        let joined = url::Url::parse(&base).and_then(|base| base.join(reference));
        let mut url = joined
            .map_err(|error| invalid(reference, format_args!("cannot be parsed: {error}")))?;
        // A fragment has no meaning for WebSockets.
        url.set_fragment(None);
        let scheme = match url.scheme() {
            "http" | "ws" => "ws",
            "https" | "wss" => "wss",
            // In particular not ws+unix: a server must not redirect a client to sockets of the
            // client's machine.
            _ => {
                return Err(invalid(
                    reference,
                    "has a scheme other than ws, wss, http and https",
                ));
            }
        };
        let rest = url.as_str().split_once(':').map_or("", |(_, rest)| rest);
        let mut target = Self::parse(&format!("{scheme}:{rest}"))?;
        target.credentials = None;
        // A redirect within the same server.
        if target.host == self.host && target.port == self.port && target.secure == self.secure {
            target.zone.clone_from(&self.zone);
            target.unix_path.clone_from(&self.unix_path);
            target.credentials.clone_from(&self.credentials);
        }
        Ok(target)
    }
}

/// Without secrets (user, password and query), and truncated, because a server may have made it
/// long.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.resource().split('?').next().unwrap_or_default();
        let path = shortened(path);
        match (&self.unix_path, self.secure) {
            (Some(socket), _) => write!(f, "ws+unix://{}:{path}", socket.escape_debug()),
            (None, false) => write!(f, "ws://{}{path}", self.authority()),
            (None, true) => write!(f, "wss://{}{path}", self.authority()),
        }
    }
}

/// Whether `name`, without its trailing dot, has an empty label. No certificate has such a name,
/// and OpenSSL reads one that begins with a dot as all names below it.
pub fn has_empty_label(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.split('.').any(str::is_empty)
}

/// Splits userinfo, host and port from the rest.
fn split_authority(after_slashes: &str) -> (&str, &str) {
    let mut bytes = after_slashes.bytes();
    let end = bytes.position(|byte| matches!(byte, b'/' | b'?'));
    after_slashes.split_at(end.unwrap_or(after_slashes.len()))
}

/// The scheme, and the text after "://". A scheme contains no colon, so the first colon ends it.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| byte == b':')?;
    let (scheme, rest) = text.split_at(end);
    let rest = rest.strip_prefix("://")?;
    is_scheme(scheme).then_some((scheme, rest))
}

/// RFC 3986 section 3.1. Text before a "://" that is not a scheme may contain a password.
pub fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn missing_scheme(text: &str) -> Error {
    let known = |scheme: &str| {
        let known = ["ws", "wss", "ws+unix", "http", "https"].into_iter();
        let mut known = known.filter(|known| known.eq_ignore_ascii_case(scheme));
        known.next().is_some()
    };
    let (what, scheme, rest) = match text.split_once(':') {
        _ if text.is_empty() => ("is empty", "", text),
        Some((scheme, rest)) if known(scheme) => ("lacks the // after its scheme", scheme, rest),
        _ => ("has no scheme", "ws", text),
    };
    let meant = match text.parse::<Ipv6Addr>() {
        Ok(_) => suggestion(scheme, &format!("[{text}]")),
        Err(_) => suggestion(scheme, rest.trim_start_matches('/')),
    };
    invalid(text, format_args!("{what}{meant}"))
}

/// Suggests the URL that was probably meant, if it can be guessed and its secrets are in parts that
/// are not shown.
fn suggestion(scheme: &str, after_slashes: &str) -> String {
    let guess = match scheme.to_ascii_lowercase().as_str() {
        "ws" | "http" => Url::parse(&format!("ws://{after_slashes}")).ok(),
        "wss" | "https" => Url::parse(&format!("wss://{after_slashes}")).ok(),
        _ => None,
    };
    // A plain number is parsed as an address, which is not what the caller meant.
    let has_host = |url: &Url| after_slashes.to_lowercase().contains(&*url.host());
    match guess.filter(|url| has_host(url) && !url.resource().contains('@')) {
        Some(url) => format!("; did you mean {url}?"),
        None => String::new(),
    }
}

/// Section 3: "Fragment identifiers are meaningless in the context of WebSocket URIs".
fn check_no_fragment(text: &str, is_plain: bool) -> Result<(), Error> {
    if !is_plain && text.contains('#') {
        return Err(invalid(text, "has a fragment (#)"));
    }
    Ok(())
}

/// The zone of an IPv6 address: as in the URL, with the closing bracket, and decoded. It follows a
/// % (RFC 9844), or a %25 and is percent-encoded (RFC 6874 section 2, now obsolete).
fn zone(authority: &str) -> Result<Option<(String, String)>, &'static str> {
    if !authority.bytes().any(|byte| byte == b'%') {
        return Ok(None);
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    let inside = host
        .strip_prefix('[')
        .and_then(|host| host.split_once(']'))
        .map(|(inside, _)| inside);
    let Some((_, zone)) = inside.and_then(|inside| inside.split_once('%')) else {
        return Ok(None);
    };
    let name = match zone.strip_prefix("25") {
        Some(encoded) => percent_decode_str(encoded)
            .decode_utf8()
            .map_err(|_| "has a zone that is not UTF-8")?,
        None => Cow::Borrowed(zone),
    };
    if name.is_empty() || name.chars().any(|c| c.is_control() || c == '%') {
        return Err("has a zone that names no interface");
    }
    Ok(Some((format!("%{zone}]"), name.into_owned())))
}

/// Rejects characters that the `url` crate would silently drop or rewrite, as browsers do. Returns
/// true if the text is all visible ASCII and has no fragment.
fn check_text(text: &str) -> Result<bool, Error> {
    if text.len() > MAX_URL_BYTES {
        let len = text.len();
        return Err(Error::new(
            Kind::InvalidUrl,
            format!("URL of {len} bytes, the limit is {MAX_URL_BYTES}"),
        ));
    }
    // Without an early exit, which would be slower.
    let is_plain = text.bytes().fold(true, |all, byte| {
        all & matches!(byte, b'!'..=b'~') & (byte != b'\\') & (byte != b'#')
    });
    if is_plain {
        return Ok(true);
    }
    if let Some(bad) = text.chars().find(|c| c.is_control()) {
        return Err(Error::new(
            Kind::InvalidUrl,
            format!("URL contains the control character {bad:?}"),
        ));
    }
    if text.trim() != text {
        return Err(Error::new(
            Kind::InvalidUrl,
            "URL begins or ends with whitespace",
        ));
    }
    if text.contains('\\') {
        return Err(Error::new(Kind::InvalidUrl, "URL contains a backslash"));
    }
    Ok(false)
}

/// Appends path and query unchanged: servers may distinguish `/a/../b` from `/b`. Only characters
/// that RFC 3986 sections 3.3 and 3.4 do not allow there are percent-encoded.
fn append_resource(resource: &mut String, text: &str) {
    if !text.starts_with('/') {
        resource.push('/');
    }
    if text.bytes().all(is_resource_byte) {
        resource.push_str(text);
        return;
    }
    for c in text.chars() {
        if u8::try_from(c).is_ok_and(is_resource_byte) {
            resource.push(c);
        } else {
            let mut utf8 = [0; 4];
            let bytes = c.encode_utf8(&mut utf8).bytes();
            resource.extend(bytes.map(|byte| format!("%{byte:02X}")));
        }
    }
}

fn is_resource_byte(byte: u8) -> bool {
    // A set of bits: a shift is faster than comparisons.
    const EXCLUDED: u128 =
        1 << b'"' | 1 << b'#' | 1 << b'<' | 1 << b'>' | 15 << b'[' | 1 << b'`' | 7 << b'{';
    matches!(byte, b'!'..=b'~') && EXCLUDED >> byte & 1 == 0
}

/// An error that quotes the URL, without its secrets.
fn invalid(text: &str, what: impl fmt::Display) -> Error {
    let shown = without_secrets(text);
    Error::new(Kind::InvalidUrl, format!("URL {shown:?} {what}"))
}

/// A URL, valid or not, without parts that may be secret: everything before an `@`, wherever that
/// is, the query, and the fragment. Truncated if it is long.
pub fn without_secrets(text: &str) -> String {
    let (before, rest) = match text.rsplit_once('@') {
        Some((_, rest)) => ("…@", rest),
        None => ("", text),
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    format!("{before}{}", shortened(rest))
}

fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}
