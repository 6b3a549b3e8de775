// SPDX-License-Identifier: Apache-2.0
//! The cookie jar: which cookies to store, and which of them to send to a server (RFC 6265 sections
//! 5.3 and 5.4).
//!
//! The rules that protect Secure cookies from servers without TLS, and those for name prefixes,
//! come from its successor, draft-ietf-httpbis-rfc6265bis.

use super::public_suffix::is_public_suffix;
use super::set_cookie::SetCookie;
use crate::base::error::Error;
use crate::base::memory;
use crate::base::process::ProcessMark;
use crate::base::sync::Mutex;
use crate::protocol::url::Url;
use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::SystemTime;

/// Section 6.1 requires at least this many. Beyond that, the least recently sent cookies are
/// removed.
const MAX_COOKIES: usize = 3000;
const MAX_COOKIES_PER_DOMAIN: usize = 50;
/// The draft's limit for attributes.
const MAX_PATH_BYTES: usize = 1024;
/// The limit for attributes, RFC 6265bis section 5.6.
const MAX_DOMAIN_BYTES: usize = 1024;

const NO_HOST_NAME: &str = "has a Domain that is not a host name";

/// Why a cookie was not stored.
#[derive(Debug)]
pub enum NotKept {
    /// A phrase whose subject is the cookie.
    Rejected(&'static str),
    NoMemory(Error),
}

impl From<&'static str> for NotKept {
    fn from(why: &'static str) -> Self {
        Self::Rejected(why)
    }
}

impl From<Error> for NotKept {
    fn from(error: Error) -> Self {
        Self::NoMemory(error)
    }
}

/// Cookies of any number of servers, for any number of threads. For cookies, ws counts as http and
/// wss as https.
pub struct CookieJar {
    store: Mutex<Store>,
    process: ProcessMark,
}

impl Default for CookieJar {
    fn default() -> Self {
        Self {
            store: Mutex::default(),
            process: ProcessMark::own(),
        }
    }
}

impl CookieJar {
    /// The process that created the jar.
    pub fn process(&self) -> ProcessMark {
        self.process
    }

    /// Stores the cookie of a `Set-Cookie` value that the server at `url` sent; an expired one
    /// removes its cookie. Fails with the reason, which is safe to print.
    pub fn add(&self, url: &Url, set_cookie: &[u8], now: SystemTime) -> Result<(), NotKept> {
        let request = Request::new(url);
        let mut store = self.store.lock();
        let cookie = store.accept(&request, set_cookie, now)?;
        store.put(cookie, now);
        Ok(())
    }

    /// Stores a cookie as [`CookieJar::add`] does, and removes all other cookies for `url`. Changes
    /// nothing if it fails.
    pub fn set(&self, url: &Url, set_cookie: &[u8], now: SystemTime) -> Result<(), NotKept> {
        let request = Request::new(url);
        let mut store = self.store.lock();
        let cookie = store.accept(&request, set_cookie, now)?;
        store.cookies.retain(|kept| !kept.is_for(&request));
        store.put(cookie, now);
        Ok(())
    }

    /// The value of the `Cookie` field of a request to `url`.
    pub fn header(&self, url: &Url, now: SystemTime) -> Result<Option<String>, Error> {
        self.store.lock().header(&Request::new(url), now)
    }

    pub fn clear(&self) {
        self.store.lock().cookies.clear();
    }
}

#[derive(Default)]
struct Store {
    cookies: Vec<Cookie>,
    /// Counts operations, because clocks can be set back.
    moment: u64,
}

impl Store {
    /// The cookie to store for `set_cookie`, if that is allowed.
    fn accept(
        &mut self,
        request: &Request<'_>,
        set_cookie: &[u8],
        now: SystemTime,
    ) -> Result<Cookie, NotKept> {
        self.cookies.retain(|kept| !kept.has_expired(now));
        let cookie = Cookie::new(request, &SetCookie::parse(set_cookie, now)?)?;
        let hides = |kept: &Cookie| kept.is_protected_from(&cookie);
        if !request.is_secure && self.cookies.iter().any(hides) {
            return Err("would hide a Secure cookie from its server".into());
        }
        memory::reserve(&mut self.cookies, 1)?;
        Ok(cookie)
    }

    fn put(&mut self, mut cookie: Cookie, now: SystemTime) {
        self.moment += 1;
        (cookie.created, cookie.used) = (self.moment, self.moment);
        if let Some(at) = self.cookies.iter().position(|kept| kept.is_same(&cookie)) {
            cookie.created = self.cookies.swap_remove(at).created;
        }
        if cookie.has_expired(now) {
            return;
        }
        let domain = cookie.domain.clone();
        self.cookies.push(cookie);
        self.limit(MAX_COOKIES_PER_DOMAIN, |kept| kept.domain == domain);
        self.limit(MAX_COOKIES, |_| true);
    }

    /// Removes one of the cookies that `is_of_kind` selects if there are more than `max`.
    fn limit(&mut self, max: usize, is_of_kind: impl Fn(&Cookie) -> bool) {
        let of_kind = || {
            let cookies = self.cookies.iter().enumerate();
            cookies.filter(|(_, cookie)| is_of_kind(cookie))
        };
        if of_kind().count() <= max {
            return;
        }
        // Secure ones are removed last; otherwise a server without TLS could displace them.
        let least = of_kind().min_by_key(|(_, cookie)| (cookie.is_secure, cookie.used));
        if let Some((at, _)) = least {
            self.cookies.swap_remove(at);
        }
    }

    /// Section 5.4.
    fn header(&mut self, request: &Request<'_>, now: SystemTime) -> Result<Option<String>, Error> {
        self.moment += 1;
        let mut sent: Vec<&mut Cookie> = Vec::new();
        for cookie in &mut self.cookies {
            if cookie.is_for(request) && !cookie.has_expired(now) {
                memory::push(&mut sent, cookie)?;
            }
        }
        // An unstable sort needs no memory, and no two cookies have the same `created`.
        sent.sort_unstable_by_key(|cookie| (Reverse(cookie.path.len()), cookie.created));
        let mut pairs = String::new();
        for cookie in sent {
            cookie.used = self.moment;
            let semicolon = if pairs.is_empty() { "" } else { "; " };
            memory::append(&mut pairs, &[semicolon, &cookie.name, "=", &cookie.value])?;
        }
        Ok(Some(pairs).filter(|pairs| !pairs.is_empty()))
    }
}

struct Cookie {
    name: String,
    value: String,
    domain: String,
    is_host_only: bool,
    path: String,
    is_secure: bool,
    expires: Option<SystemTime>,
    created: u64,
    used: u64,
}

impl Cookie {
    /// Section 5.3.
    fn new(request: &Request<'_>, received: &SetCookie<'_>) -> Result<Self, NotKept> {
        let (domain, is_host_only) = match received.domain {
            Some(domain) => request.scope(domain)?,
            None => (request.host.clone(), true),
        };
        let path = received.path.unwrap_or_else(|| request.directory());
        if path.len() > MAX_PATH_BYTES {
            return Err("is for a path longer than 1024 bytes".into());
        }
        if received.is_secure && !request.is_secure {
            return Err("is Secure, which only wss:// may set".into());
        }
        let has_prefix = |prefix: &str| {
            let start = received.name.get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if has_prefix("__Secure-") && !received.is_secure {
            return Err("has the prefix __Secure-, but lacks Secure".into());
        }
        let is_of_host = received.is_secure && is_host_only && received.path == Some("/");
        if has_prefix("__Host-") && !is_of_host {
            return Err(
                "has the prefix __Host-, but lacks Secure or Path=/, or has a Domain".into(),
            );
        }
        Ok(Self {
            name: memory::string(received.name)?,
            value: memory::string(received.value)?,
            domain,
            is_host_only,
            path: path.to_owned(),
            is_secure: received.is_secure,
            expires: received.expires(),
            created: 0,
            used: 0,
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.domain == other.domain && self.path == other.path
    }

    fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    fn is_for(&self, request: &Request<'_>) -> bool {
        let is_for_host = if self.is_host_only {
            request.host == self.domain
        } else {
            domain_matches(&request.host, &self.domain)
        };
        is_for_host
            && path_matches(request.path, &self.path)
            && (request.is_secure || !self.is_secure)
    }

    /// Whether `other`, from a server without TLS, would be sent together with this one, or would
    /// replace it.
    fn is_protected_from(&self, other: &Self) -> bool {
        self.is_secure
            && self.name == other.name
            && (domain_matches(&self.domain, &other.domain)
                || domain_matches(&other.domain, &self.domain))
            && path_matches(&other.path, &self.path)
    }
}

/// The parts of a URL that matter for cookies.
struct Request<'a> {
    host: String,
    path: &'a str,
    is_secure: bool,
}

impl<'a> Request<'a> {
    fn new(url: &'a Url) -> Self {
        Self {
            host: url.cookie_host(),
            path: url.resource().split('?').next().unwrap_or_default(),
            is_secure: url.is_secure(),
        }
    }

    /// The domain of a `Domain` attribute, and whether the cookie is only for this host (section
    /// 5.3, items 5 and 6).
    fn scope(&self, domain: &str) -> Result<(String, bool), &'static str> {
        if domain.len() > MAX_DOMAIN_BYTES {
            return Err(NO_HOST_NAME);
        }
        let domain = match url::Host::parse(domain) {
            Ok(url::Host::Ipv6(address)) => address.to_string(),
            Ok(name) => name.to_string(),
            Err(_) => return Err(NO_HOST_NAME),
        };
        if domain == self.host {
            let is_host_only = is_address(&domain) || is_public_suffix(&domain);
            return Ok((domain, is_host_only));
        }
        if !domain_matches(&self.host, &domain) {
            return Err("has a Domain that its server does not belong to");
        }
        if is_public_suffix(&domain) {
            return Err("has a Domain that is a public suffix");
        }
        Ok((domain, false))
    }

    /// The default-path of section 5.1.4.
    fn directory(&self) -> &'a str {
        match self.path.rsplit_once('/') {
            Some((directory, _)) if !directory.is_empty() => directory,
            _ => "/",
        }
    }
}

/// Section 5.1.3.
fn domain_matches(host: &str, domain: &str) -> bool {
    let above = host.strip_suffix(domain);
    above.is_some_and(|above| above.is_empty() || (above.ends_with('.') && !is_address(host)))
}

/// Section 5.1.4.
fn path_matches(path: &str, cookie_path: &str) -> bool {
    let below = path.strip_prefix(cookie_path);
    below.is_some_and(|below| {
        below.is_empty() || cookie_path.ends_with('/') || below.starts_with('/')
    })
}

fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}
