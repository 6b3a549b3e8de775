// SPDX-License-Identifier: Apache-2.0
//! Helpers: URLs and UTF-8 as the library sees them.

use super::guard;
use super::handle;
use super::status::wsline_status;
use super::string;
use crate::conn::connect::connector;
use crate::conn::options::Options;
use crate::ffi::options::object::wsline_options;
use crate::protocol::url::Url;
use crate::protocol::ws::utf8;
use std::ffi::{CString, c_char, c_void};

/// A parsed URL.
///
/// Created by wsline_url_parse(), freed by wsline_url_free(). Any number of threads may read it.
pub struct wsline_url {
    is_secure: bool,
    host: CString,
    port: u16,
    resource: CString,
    user: Option<CString>,
    password: Option<CString>,
    unix_path: Option<CString>,
}

/// @@ Helpers
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
///
/// Parses a WebSocket URL, as a connect does.
///
/// @param url      `ws://`, `wss://` or `ws+unix://`, as for wsline_connect().
/// @param url_out  set to the parsed URL; to NULL on failure.
/// @retval WSLINE_OK                    `*url_out` is yours.
/// @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
///                                      why.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// Ownership: free it with wsline_url_free().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_url_parse(
    url: *const c_char,
    url_out: *mut *mut wsline_url,
) -> wsline_status {
    guard::status("wsline_url_parse", |arguments| {
        let place = arguments.out(url_out, std::ptr::null_mut(), "url_out")?;
        let url = Url::parse(arguments.long_string(url, "url")?)?;
        *place = handle::give(wsline_url {
            is_secure: url.is_secure(),
            host: c_string(&url.host_and_zone()),
            port: url.port(),
            resource: c_string(url.resource()),
            user: url.credentials().map(|it| c_string(it.user())),
            password: url.credentials().map(|it| c_string(it.password())),
            unix_path: url.unix_path().map(c_string),
        });
        Ok(())
    })
}

/// Frees a parsed URL.
///
/// @param url  the parsed URL; may be NULL.
///
/// Threads: any, while no other thread uses the object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_free(url: *mut wsline_url) {
    guard::value((), |arguments| arguments.free_plain(url));
}

/// Returns whether a URL requires TLS.
///
/// @param url  a parsed URL; may be NULL.
/// @return     true for `wss://`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_is_secure(url: *const wsline_url) -> bool {
    part(url, false, |url| url.is_secure)
}

/// Returns the host of a URL.
///
/// It is a name in lower case, with international names in ASCII form (Punycode), or an IP address
/// without brackets, with its zone if it has one ("fe80::1%eth0"). For `ws+unix://` it is
/// "localhost".
///
/// @param url  a parsed URL; may be NULL.
/// @return     the host; NULL for NULL. Lent until the parsed URL is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_host(url: *const wsline_url) -> *const c_char {
    part(url, std::ptr::null(), |url| url.host.as_ptr())
}

/// Returns the port of a URL; if it has none, the default port of its scheme.
///
/// @param url  a parsed URL; may be NULL.
/// @return     1 to 65535; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_port(url: *const wsline_url) -> i32 {
    part(url, 0, |url| url.port.into())
}

/// Returns the path and query of a URL, percent-encoded, as in the request.
///
/// @param url  a parsed URL; may be NULL.
/// @return     at least "/"; NULL for NULL. Lent until the parsed URL is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_resource(url: *const wsline_url) -> *const c_char {
    part(url, std::ptr::null(), |url| url.resource.as_ptr())
}

/// Returns the user name in a URL, percent-decoded.
///
/// @param url  a parsed URL; may be NULL.
/// @return     the user name; NULL if there is neither user name nor password, and for NULL. Lent
///             until the parsed URL is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_user(url: *const wsline_url) -> *const c_char {
    optional_part(url, |url| &url.user)
}

/// Returns the password in a URL, percent-decoded.
///
/// @param url  a parsed URL; may be NULL.
/// @return     the password, "" if there is only a user name; NULL if there is neither, and for
///             NULL. Lent until the parsed URL is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_password(url: *const wsline_url) -> *const c_char {
    optional_part(url, |url| &url.password)
}

/// Returns the path of the Unix-domain socket in a `ws+unix://` URL, percent-decoded.
///
/// @param url  a parsed URL; may be NULL.
/// @return     the path; NULL for other schemes, and for NULL. Lent until the parsed URL is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_unix_path(url: *const wsline_url) -> *const c_char {
    optional_part(url, |url| &url.unix_path)
}

/// Returns the URL of the proxy that a connect to a URL would use, after considering the options
/// and the environment.
///
/// @param url        as for wsline_connect().
/// @param options    the options; NULL for the defaults: the environment decides.
/// @param proxy_out  set to the proxy's URL, without user name and password, for example
///                   "http://proxy.example:3128"; to NULL for none, and on failure.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
///                                      why.
/// @retval WSLINE_ERR_PROXY             the environment names an invalid proxy; the error message
///                                      names the variable.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `url` or `proxy_out` is NULL.
///
/// Ownership: free it with wsline_string_free().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_proxy_for_url(
    url: *const c_char,
    options: *const wsline_options,
    proxy_out: *mut *mut c_char,
) -> wsline_status {
    guard::status("wsline_proxy_for_url", |arguments| {
        let place = arguments.out(proxy_out, std::ptr::null_mut(), "proxy_out")?;
        let url = Url::parse(arguments.long_string(url, "url")?)?;
        let proxy = match arguments.get(options, "options") {
            Ok(options) => connector::proxy(&url, &options.options),
            Err(_) => connector::proxy(&url, &Options::default()),
        };
        if let Some(proxy) = proxy? {
            *place = string::give(&proxy.to_string())?;
        }
        Ok(())
    })
}

/// Returns whether bytes are valid UTF-8, as text messages must be.
///
/// @param data  the bytes; NULL with `len` 0 is an empty text.
/// @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @return      true if they are; false if `data` is NULL and `len` is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_utf8_is_valid(data: *const c_void, len: usize) -> bool {
    guard::value(false, |arguments| {
        arguments
            .payload(data, len, "data")
            .is_ok_and(utf8::is_valid)
    })
}

fn optional_part(
    url: *const wsline_url,
    find: impl FnOnce(&wsline_url) -> &Option<CString>,
) -> *const c_char {
    part(url, std::ptr::null(), |url| {
        let text = find(url).as_ref();
        text.map_or(std::ptr::null(), |text| text.as_ptr())
    })
}

/// Runs an export that returns a part of a URL, or `missing` for NULL.
fn part<T: Copy>(url: *const wsline_url, missing: T, find: impl FnOnce(&wsline_url) -> T) -> T {
    guard::value(missing, |arguments| {
        arguments.get(url, "url").map_or(missing, find)
    })
}

/// No part of a parsed URL contains a NUL.
fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_default()
}
