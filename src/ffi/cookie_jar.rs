// SPDX-License-Identifier: Apache-2.0
//! Cookie jars.

use super::guard;
use super::handle::{self, Inner, Object, OfOneProcess};
use super::status::wsline_status;
use super::string;
use crate::base::error::Error;
use crate::base::process::ProcessMark;
use crate::base::sync::Arc;
use crate::net::process::own_mark;
use crate::protocol::http::cookie::{CookieJar, NotKept};
use crate::protocol::url::Url;
use std::ffi::c_char;
use std::time::SystemTime;

/// A store for the cookies that servers set, which are sent back to those servers.
///
/// Created by wsline_cookie_jar_new(), given to connections by wsline_options_set_cookie_jar(),
/// freed by wsline_cookie_jar_free(). Any number of threads, options objects and connections may
/// use it at once.
///
/// Cookies are stored and sent by the rules of RFC 6265, with `ws` for `http` and `wss` for
/// `https`: only to the host or the domain that set them, never for a whole public suffix such as
/// `co.uk`, only below their path, until they expire, and only over `wss` if they are Secure. A jar
/// holds 3,000 cookies, 50 for each domain; beyond that it discards the cookies that have gone
/// unsent the longest, those without Secure first. It exists only in memory.
pub struct wsline_cookie_jar {
    jar: Arc<CookieJar>,
}

impl OfOneProcess for wsline_cookie_jar {
    fn process(&self) -> ProcessMark {
        self.jar.process()
    }
}

impl Object for wsline_cookie_jar {
    const NAME: &'static str = "jar";
    type Inner<'call> = Arc<CookieJar>;

    fn inner(&self) -> Arc<CookieJar> {
        Arc::clone(&self.jar)
    }
}

impl Inner for Arc<CookieJar> {}

/// @@ Cookie jars
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
///
/// Creates an empty cookie jar.
///
/// @param jar_out  set to the jar; to NULL on failure.
/// @retval WSLINE_OK                    `*jar_out` is yours.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `jar_out` is NULL.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
///
/// Ownership: free it with wsline_cookie_jar_free().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_cookie_jar_new(
    jar_out: *mut *mut wsline_cookie_jar,
) -> wsline_status {
    guard::status("wsline_cookie_jar_new", |arguments| {
        let place = arguments.out(jar_out, std::ptr::null_mut(), "jar_out")?;
        own_mark()?;
        *place = handle::give(wsline_cookie_jar {
            jar: Arc::default(),
        });
        Ok(())
    })
}

/// Frees a cookie jar.
///
/// @param jar  the jar; may be NULL. Options objects and connections that use it keep its cookies.
///
/// Threads: any, while no other thread uses this pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_cookie_jar_free(jar: *mut wsline_cookie_jar) {
    guard::value((), |arguments| arguments.free(jar, |_| ()));
}

/// Adds a cookie to a jar, as if a server had set it.
///
/// It replaces an existing cookie with the same name, domain and path. If the new cookie has
/// already expired, the existing one is removed and none is added.
///
/// @param jar         the jar to modify.
/// @param url         the `ws://` or `wss://` URL of the server.
/// @param set_cookie  one cookie as in a Set-Cookie header, for example "name=value; Path=/;
///                    Max-Age=3600".
/// @retval WSLINE_OK                    done.
/// @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
///                                      why.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `set_cookie` is not a valid cookie,
///                                      or is one that this server may not set; the error message
///                                      says why.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_cookie_jar_add(
    jar: *mut wsline_cookie_jar,
    url: *const c_char,
    set_cookie: *const c_char,
) -> wsline_status {
    take_in(
        "wsline_cookie_jar_add",
        jar,
        url,
        set_cookie,
        CookieJar::add,
    )
}

/// Adds a cookie to a jar and removes all other cookies that would be sent to this URL.
///
/// @param jar         the jar to modify; unchanged on failure.
/// @param url         the `ws://` or `wss://` URL of the server.
/// @param set_cookie  as for wsline_cookie_jar_add().
/// @retval WSLINE_OK                    done.
/// @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
///                                      why.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or wsline_cookie_jar_add() would reject
///                                      the cookie.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_cookie_jar_set(
    jar: *mut wsline_cookie_jar,
    url: *const c_char,
    set_cookie: *const c_char,
) -> wsline_status {
    take_in(
        "wsline_cookie_jar_set",
        jar,
        url,
        set_cookie,
        CookieJar::set,
    )
}

fn take_in(
    function: &'static str,
    jar: *const wsline_cookie_jar,
    url: *const c_char,
    set_cookie: *const c_char,
    take: fn(&CookieJar, &Url, &[u8], SystemTime) -> Result<(), NotKept>,
) -> wsline_status {
    guard::status(function, |arguments| {
        let jar = arguments.object(jar)?;
        let url = Url::parse(arguments.long_string(url, "url")?)?;
        let set_cookie = arguments.string(set_cookie, "set_cookie")?;
        take(&jar, &url, set_cookie.as_bytes(), SystemTime::now()).map_err(|why| match why {
            NotKept::Rejected(why) => Error::argument("set_cookie", why),
            NotKept::NoMemory(error) => error,
        })
    })
}

/// Returns the value of the Cookie header that a request to a URL would contain.
///
/// @param jar          the jar to search.
/// @param url          the `ws://` or `wss://` URL of the server, including the path.
/// @param cookies_out  set to, for example, "name=value; other=value"; to NULL if there is no
///                     cookie, and on failure.
/// @retval WSLINE_OK                    done.
/// @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
///                                      why.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
///
/// Ownership: `*cookies_out` is yours; free it with wsline_string_free().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_cookie_jar_get(
    jar: *const wsline_cookie_jar,
    url: *const c_char,
    cookies_out: *mut *mut c_char,
) -> wsline_status {
    guard::status("wsline_cookie_jar_get", |arguments| {
        let place = arguments.out(cookies_out, std::ptr::null_mut(), "cookies_out")?;
        let jar = arguments.object(jar)?;
        let url = Url::parse(arguments.long_string(url, "url")?)?;
        if let Some(cookies) = jar.header(&url, SystemTime::now())? {
            *place = string::give(&cookies)?;
        }
        Ok(())
    })
}

/// Removes all cookies from a jar.
///
/// @param jar  the jar to empty.
/// @retval WSLINE_OK                    done.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `jar` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_cookie_jar_clear(jar: *mut wsline_cookie_jar) -> wsline_status {
    guard::status("wsline_cookie_jar_clear", |arguments| {
        arguments.object(jar)?.clear();
        Ok(())
    })
}
