// SPDX-License-Identifier: Apache-2.0
//! Credentials for HTTP authentication (RFC 7617, RFC 6750).

use crate::base::error::Error;
use crate::base::memory::{self, Text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode_str;
use std::fmt;

/// A user name and a password. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// Fails with the reason, which is safe to print.
    pub fn new(user: &str, password: &str) -> Result<Self, &'static str> {
        // RFC 7617 section 2: "The user-id and password MUST NOT contain any control characters".
        if user.chars().chain(password.chars()).any(char::is_control) {
            return Err("has a control character in its user name or password");
        }
        Ok(Self {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// The decoded userinfo of a URL (RFC 3986 section 3.2.1).
    pub fn of_url(url: &url::Url) -> Result<Option<Self>, &'static str> {
        let (user, password) = (url.username(), url.password());
        if user.is_empty() && password.is_none() {
            return Ok(None);
        }
        let decode = |text| {
            percent_decode_str(text)
                .decode_utf8()
                .map_err(|_| "has a user name or password that is not UTF-8")
        };
        let (user, password) = (decode(user)?, decode(password.unwrap_or_default())?);
        Self::new(&user, &password).map(Some)
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn password(&self) -> &str {
        &self.password
    }

    /// The value of an `Authorization` field; `None` if the user name contains a colon (RFC 7617
    /// section 2).
    pub fn basic(&self) -> Option<String> {
        let Self { user, password } = self;
        (!user.contains(':'))
            .then(|| format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// The value of an `Authorization` field; `None` if `token` is invalid (RFC 6750 section 2.1).
pub fn bearer(token: &str) -> Result<Option<Text>, Error> {
    let is_b64token = !token.is_empty()
        && token
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._~+/=".contains(c));
    let header = is_b64token.then(|| memory::concat(&["Bearer ", token]));
    Ok(header.transpose()?.map(Text::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_matches_the_examples_of_the_rfc() {
        // RFC 7617 section 2, and 2.1 for what is not ASCII.
        for (user, password, expected) in [
            (
                "Aladdin",
                "open sesame",
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            ),
            ("test", "123\u{a3}", "Basic dGVzdDoxMjPCow=="),
            ("user", "", "Basic dXNlcjo="),
        ] {
            let credentials = Credentials::new(user, password).expect("credentials");
            assert_eq!(credentials.basic().as_deref(), Some(expected));
        }
        let colon = Credentials::new("a:b", "c").expect("credentials");
        assert_eq!(colon.basic(), None);
        Credentials::new("a\n", "").expect_err("a control character");
    }

    #[test]
    fn userinfo_is_decoded() {
        let of = |text: &str| Credentials::of_url(&url::Url::parse(text).expect("a URL"));
        let expected = Credentials::new("u@x", "p:w d").expect("credentials");
        assert_eq!(of("ws://u%40x:p%3Aw%20d@h/"), Ok(Some(expected)));
        assert_eq!(of("ws://h/"), Ok(None));
        of("ws://%FF@h/").expect_err("not UTF-8");
        of("ws://a%0Ab@h/").expect_err("a control character");
    }

    #[test]
    fn debug_output_hides_credentials() {
        let credentials = Credentials::new("user", "secret").expect("credentials");
        assert_eq!(format!("{credentials:?}"), "Credentials(..)");
    }

    #[test]
    fn a_bearer_token_has_no_space() {
        let bearer = |token| bearer(token).expect("memory");
        assert_eq!(bearer("a.b-c_d~+/=").as_deref(), Some("Bearer a.b-c_d~+/="));
        for bad in ["", "a b", "a\r\nX: y", "\u{fc}"] {
            assert_eq!(bearer(bad), None, "{bad:?}");
        }
    }
}
