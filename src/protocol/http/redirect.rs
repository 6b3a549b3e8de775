// SPDX-License-Identifier: Apache-2.0
//! Redirects of the opening handshake (RFC 6455 section 4.1, RFC 9110 section 15.4): their target,
//! and whether to follow.

use super::head::Head;
use super::request::RequestOptions;
use crate::base::error::{Error, Kind};
use crate::base::memory;
use crate::base::sync::Arc;
use crate::protocol::url::Url;
use std::borrow::Cow;

/// The number of URLs that an error shows.
const MAX_SHOWN: usize = 10;

/// The URLs of a connect so far; the first is the caller's.
#[derive(Debug)]
pub struct Redirects {
    chain: Vec<Arc<Url>>,
    url: Arc<Url>,
    limit: u32,
    has_left_origin: bool,
}

impl Redirects {
    pub fn new(url: Arc<Url>, limit: u32) -> Self {
        Self {
            chain: Vec::new(),
            url,
            limit,
            has_left_origin: false,
        }
    }

    /// The current URL.
    pub fn url(&self) -> &Arc<Url> {
        &self.url
    }

    /// Returns true if `head` is a redirect; [`Redirects::url`] is its target from now on. Returns
    /// false if it is not a redirect, or redirects are not followed.
    pub fn follow(&mut self, head: &Head) -> Result<bool, Error> {
        if self.limit == 0 || !head.is_redirect() {
            return Ok(false);
        }
        let target = Arc::new(self.target(head)?);
        memory::reserve(&mut self.chain, 1)?;
        self.chain.push(std::mem::replace(&mut self.url, target));
        if self.chain.len() > self.limit as usize {
            return Err(self.too_many(head.status));
        }
        self.has_left_origin |= self.chain.iter().any(|url| !url.is_same_origin(&self.url));
        Ok(true)
    }

    /// The request options for the current URL: after a redirect to another origin, without
    /// anything meant only for the first one.
    pub fn request_options<'a>(
        &self,
        options: &'a RequestOptions,
    ) -> Result<Cow<'a, RequestOptions>, Error> {
        let mut options = Cow::Borrowed(options);
        if options.max_redirects != self.limit {
            options.to_mut().max_redirects = self.limit;
        }
        if self.has_left_origin {
            let options = options.to_mut();
            options.authorization = None;
            options.cookie = None;
            options.host = None;
            options.suppresses_host = false;
            memory::make_mut(&mut options.headers)?
                .retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        }
        Ok(options)
    }

    fn target(&self, head: &Head) -> Result<Url, Error> {
        let status = head.status;
        let rejected = |what: String| {
            Error::new(
                Kind::BadStatus,
                format!("{} responded with {status}{what}", self.url),
            )
            .with_http_status(status)
        };
        let location = head.fields.all("location").next();
        let location = location.ok_or_else(|| rejected(", but no Location field".to_owned()))?;
        let location = location
            .to_str()
            .map_err(|_| rejected(" and a Location field that is not UTF-8".to_owned()))?;
        let target = self.url.join(location).map_err(|error| {
            rejected(format!(
                " and a Location that is not a WebSocket URL: {error}"
            ))
        })?;
        if self.url.is_secure() && !target.is_secure() {
            return Err(rejected(format!(", which would drop TLS for {target}")));
        }
        Ok(target)
    }

    /// The URLs in order, shortened if there are many.
    fn route(&self) -> String {
        let mut route = String::new();
        for url in self.chain.iter().take(MAX_SHOWN) {
            route = route + &url.to_string() + " -> ";
        }
        if self.chain.len() > MAX_SHOWN {
            route += "… -> ";
        }
        route + &self.url.to_string()
    }

    fn too_many(&self, status: u16) -> Error {
        let what = if self.chain.contains(&self.url) {
            "a redirect loop"
        } else {
            "too many redirects"
        };
        let message = format!("{what}, {} allowed: {}", self.limit, self.route());
        Error::new(Kind::TooManyRedirects, message).with_http_status(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::Text;

    fn redirects(url: &str, limit: u32) -> Redirects {
        Redirects::new(Arc::new(Url::parse(url).expect("a URL")), limit)
    }

    fn head(status: u16, location: &str) -> Head {
        let text = format!("HTTP/1.1 {status} x\r\nLocation: {location}\r\n\r\n");
        Head::parse(text.as_bytes())
    }

    #[test]
    fn five_statuses_are_redirects() {
        for status in [301, 302, 303, 307, 308] {
            let mut redirects = redirects("ws://h/", 1);
            assert!(redirects.follow(&head(status, "/there")).expect("followed"));
            assert_eq!(redirects.url().to_string(), "ws://h/there");
        }
        for status in [200, 300, 304, 305, 401, 503] {
            let mut redirects = redirects("ws://h/", 1);
            assert!(
                !redirects
                    .follow(&head(status, "/there"))
                    .expect("no redirect")
            );
        }
    }

    #[test]
    fn with_limit_0_a_redirect_is_an_ordinary_response() {
        let mut redirects = redirects("ws://h/", 0);
        assert!(
            !redirects
                .follow(&head(302, "/there"))
                .expect("not followed")
        );
    }

    #[test]
    fn errors_say_why_a_redirect_is_not_followed() {
        for (from, location, expected) in [
            (
                "wss://h/a",
                "ws://h/a",
                "wss://h/a responded with 302, which would drop TLS for ws://h/a",
            ),
            (
                "wss://h/",
                "http://i/",
                "wss://h/ responded with 302, which would drop TLS for ws://i/",
            ),
            (
                "ws://h/",
                "ftp://i/",
                "ws://h/ responded with 302 and a Location that is not a WebSocket URL: URL \"ftp://i/\" has a scheme other than ws, wss, http and https",
            ),
        ] {
            let error = redirects(from, 1)
                .follow(&head(302, location))
                .expect_err(location);
            assert_eq!((error.kind(), error.message()), (Kind::BadStatus, expected));
        }
        let none = Head::parse(b"HTTP/1.1 302 x\r\n\r\n");
        let error = redirects("ws://h/", 1)
            .follow(&none)
            .expect_err("no Location");
        assert_eq!(
            error.message(),
            "ws://h/ responded with 302, but no Location field"
        );
    }

    #[test]
    fn errors_of_the_limit_and_of_a_loop_list_the_urls() {
        let mut far = redirects("ws://h/?token=secret", 2);
        assert!(far.follow(&head(302, "/a")).expect("followed"));
        assert!(far.follow(&head(302, "/b")).expect("followed"));
        let error = far.follow(&head(302, "/c")).expect_err("too many");
        assert_eq!(error.kind(), Kind::TooManyRedirects);
        assert_eq!(
            error.message(),
            "too many redirects, 2 allowed: ws://h/ -> ws://h/a -> ws://h/b -> ws://h/c"
        );
        let mut round = redirects("ws://h/a", 1);
        assert!(round.follow(&head(302, "/b")).expect("followed"));
        let error = round.follow(&head(302, "/a")).expect_err("a loop");
        assert_eq!(
            error.message(),
            "a redirect loop, 1 allowed: ws://h/a -> ws://h/b -> ws://h/a"
        );
    }

    #[test]
    fn fields_for_one_origin_are_not_sent_to_another() {
        let text = |text| Text::copy(text).expect("memory");
        let options = RequestOptions {
            host: Some(text("virtual")),
            suppresses_host: true,
            cookie: Some(text("a=b")),
            authorization: Some(text("Bearer x")),
            headers: Arc::new(vec![
                (text("AUTHORIZATION"), text("Basic x")),
                (text("X-A"), text("1")),
            ]),
            ..RequestOptions::default()
        };
        for (to, is_kept) in [
            ("/there", true),
            ("ws://h:80/there", true),
            ("ws://h:81/", false),
            ("ws://sub.h/", false),
            ("wss://h/", false),
        ] {
            let mut redirects = redirects("ws://h/", 3);
            assert!(redirects.follow(&head(302, to)).expect("followed"));
            let sent = redirects.request_options(&options).expect("memory");
            assert_eq!(sent.authorization.is_some(), is_kept, "{to}");
            assert_eq!(sent.cookie.is_some(), is_kept, "{to}");
            assert_eq!(sent.host.is_some(), is_kept, "{to}");
            assert_eq!(sent.suppresses_host, is_kept, "{to}");
            assert_eq!(sent.headers.len(), if is_kept { 2 } else { 1 }, "{to}");
        }
        // Nor after a redirect back: the other origin chose this request.
        let mut redirects = redirects("ws://h/", 3);
        assert!(redirects.follow(&head(302, "ws://i/")).expect("followed"));
        assert!(redirects.follow(&head(302, "ws://h/")).expect("followed"));
        assert!(
            redirects
                .request_options(&options)
                .expect("memory")
                .authorization
                .is_none()
        );
    }
}
