// SPDX-License-Identifier: Apache-2.0
//! Parses a `Set-Cookie` field (RFC 6265 section 5.2).

use super::cookie_date;
use std::time::{Duration, SystemTime};

/// The limit for name and value together. RFC 6265 section 6.1 requires at least this.
const MAX_BYTES: usize = 4096;

pub struct SetCookie<'a> {
    pub name: &'a str,
    pub value: &'a str,
    /// As the server wrote it, without a leading dot.
    pub domain: Option<&'a str>,
    pub path: Option<&'a str>,
    pub is_secure: bool,
    expires: Option<SystemTime>,
    max_age_ends: Option<SystemTime>,
}

impl<'a> SetCookie<'a> {
    /// Fails with the reason, which is safe to print.
    pub fn parse(field: &'a [u8], now: SystemTime) -> Result<Self, &'static str> {
        let field = std::str::from_utf8(field).map_err(|_| "is not UTF-8")?;
        let (pair, attributes) = field.split_once(';').unwrap_or((field, ""));
        let (name, value) = pair.split_once('=').ok_or("has no \"=\"")?;
        let (name, value) = (trim(name), trim(value));
        if name.is_empty() {
            return Err("has no name");
        }
        if name.len() + value.len() > MAX_BYTES {
            return Err("is longer than 4096 bytes");
        }
        let is_harmful = |c: char| c.is_control() && c != '\t';
        if field.contains(is_harmful) || name.contains('\t') || value.contains('\t') {
            return Err("has a control character");
        }
        let mut cookie = Self {
            name,
            value,
            domain: None,
            path: None,
            is_secure: false,
            expires: None,
            max_age_ends: None,
        };
        for attribute in attributes.split(';') {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            cookie.note(trim(name), trim(value), now);
        }
        Ok(cookie)
    }

    /// Sections 5.2.1 to 5.2.6: the last attribute of a name counts, and invalid ones are ignored.
    fn note(&mut self, name: &str, value: &'a str, now: SystemTime) {
        // HttpOnly matters to scripts, SameSite to pages; there are none here.
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("expires") {
            self.expires = cookie_date::parse(value).or(self.expires);
        } else if is("max-age") {
            self.max_age_ends = end_of(value, now).or(self.max_age_ends);
        } else if is("domain") && !value.is_empty() {
            let domain = value.strip_prefix('.').unwrap_or(value);
            self.domain = Some(domain).filter(|domain| !domain.is_empty());
        } else if is("path") {
            self.path = Some(value).filter(|path| path.starts_with('/'));
        } else if is("secure") {
            self.is_secure = true;
        }
    }

    /// Section 5.3, item 3. `None`: it does not expire as long as the jar exists.
    pub fn expires(&self) -> Option<SystemTime> {
        self.max_age_ends.or(self.expires)
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The moment `max_age` seconds from now.
fn end_of(max_age: &str, now: SystemTime) -> Option<SystemTime> {
    let digits = max_age.strip_prefix('-').unwrap_or(max_age);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits != max_age {
        return Some(now);
    }
    // A number too large for `u32` becomes 136 years.
    let seconds = max_age.parse().unwrap_or(u32::MAX);
    now.checked_add(Duration::from_secs(seconds.into()))
}
