// SPDX-License-Identifier: Apache-2.0
//! The cookies of the jar: those to send with a request, and those to keep of a response.

use crate::base::error::Error;
use crate::base::memory;
use crate::base::memory::Text;
use crate::conn::options::Options;
use crate::conn::trace;
use crate::protocol::http::cookie::NotKept;
use crate::protocol::http::reply::Response;
use crate::protocol::http::request::RequestOptions;
use crate::protocol::url::Url;
use std::borrow::Cow;
use std::time::SystemTime;

/// Adds the cookies of the jar before those of the options.
pub fn add(
    url: &Url,
    options: &Options,
    request: &mut Cow<'_, RequestOptions>,
) -> Result<(), Error> {
    let Some(jar) = &options.cookie_jar else {
        return Ok(());
    };
    if let Some(stored) = jar.header(url, SystemTime::now())? {
        let cookies = match &request.cookie {
            Some(set) => memory::concat(&[&stored, "; ", set])?,
            None => stored,
        };
        request.to_mut().cookie = Some(Text::from(cookies));
    }
    Ok(())
}

/// Cookies of any response count (RFC 6265 section 3).
pub fn keep(url: &Url, options: &Options, response: Option<&Response>) {
    let (Some(jar), Some(response)) = (&options.cookie_jar, response) else {
        return;
    };
    for cookie in response.head.fields.all("set-cookie") {
        match jar.add(url, cookie.to_bytes(), SystemTime::now()) {
            Ok(()) => {}
            Err(NotKept::Rejected(why)) => {
                trace::note(format_args!("a cookie was rejected: it {why}"));
            }
            Err(NotKept::NoMemory(error)) => {
                trace::warn(format_args!("a cookie could not be stored: {error}"));
            }
        }
    }
}
