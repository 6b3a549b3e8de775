// SPDX-License-Identifier: Apache-2.0
//! Helpers: URLs and UTF-8 as the library sees them.

use super::guard;
use super::handle;
use super::ptr;
use super::status::wsline_status;
use crate::protocol::url::Url;
use crate::protocol::ws::utf8;
use std::ffi::{CString, c_char, c_void};

/// A URL taken apart.
///
/// Made by wsline_url_parse(), freed by wsline_url_free(). Any number of threads may look at it.
pub struct wsline_url {
    is_secure: bool,
    host: CString,
    port: u16,
    resource: CString,
}

/// @@ Helpers
/// Takes a WebSocket URL apart, as a connect would.
///
/// @param url      `ws://` or `wss://`, as for wsline_connect().
/// @param url_out  set to the parts; to NULL on failure.
/// @retval WSLINE_OK                    `*url_out` is yours.
/// @retval WSLINE_ERR_INVALID_URL       it is not a WebSocket URL; the text says why.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// Ownership: free it with wsline_url_free().
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_url_parse(
    url: *const c_char,
    url_out: *mut *mut wsline_url,
) -> wsline_status {
    guard::status("wsline_url_parse", || {
        // SAFETY: as promised to ptr.
        let place = unsafe { ptr::out(url_out, std::ptr::null_mut(), "url_out") }?;
        // SAFETY: as promised to ptr.
        let url = Url::parse(unsafe { ptr::string(url, "url") }?)?;
        *place = handle::give(wsline_url {
            is_secure: url.is_secure(),
            host: CString::new(url.host()).unwrap_or_default(),
            port: url.port(),
            resource: CString::new(url.resource()).unwrap_or_default(),
        });
        Ok(())
    })
}

/// Frees the parts of a URL.
///
/// @param url  may be NULL.
///
/// Threads: any, while no other thread uses it.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_free(url: *mut wsline_url) {
    guard::value((), || {
        // SAFETY: the caller promises that it is not used again.
        unsafe { handle::take_back(url) };
    });
}

/// Tells whether the URL asks for TLS.
///
/// @param url  the parts of a URL; NULL does not.
/// @return     true for `wss://`.
///
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_is_secure(url: *const wsline_url) -> bool {
    // SAFETY: as promised to ptr.
    unsafe { ptr::get(url, "url") }.is_ok_and(|url| url.is_secure)
}

/// The host of a URL: a name in lower case, with A-labels for other scripts, or an address without brackets.
///
/// @param url  the parts of a URL.
/// @return     the host; NULL for NULL. Lent until the parts are freed.
///
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_host(url: *const wsline_url) -> *const c_char {
    // SAFETY: as promised to ptr.
    unsafe { ptr::get(url, "url") }.map_or(std::ptr::null(), |url| url.host.as_ptr())
}

/// The port of a URL, which is that of the scheme where the URL names none.
///
/// @param url  the parts of a URL.
/// @return     1 to 65535; 0 for NULL.
///
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_port(url: *const wsline_url) -> u16 {
    // SAFETY: as promised to ptr.
    unsafe { ptr::get(url, "url") }.map_or(0, |url| url.port)
}

/// Path and query of a URL, percent-encoded, as they stand in the request.
///
/// @param url  the parts of a URL.
/// @return     at least "/"; NULL for NULL. Lent until the parts are freed.
///
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_url_resource(url: *const wsline_url) -> *const c_char {
    // SAFETY: as promised to ptr.
    unsafe { ptr::get(url, "url") }.map_or(std::ptr::null(), |url| url.resource.as_ptr())
}

/// Tells whether bytes are UTF-8, as text messages must be.
///
/// @param data  NULL with `len` 0 is empty text.
/// @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @return      true if they are; false for NULL with a length.
///
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_utf8_is_valid(data: *const c_void, len: usize) -> bool {
    guard::value(false, || {
        // SAFETY: as promised to ptr.
        unsafe { ptr::payload(data, len, "data") }.is_ok_and(utf8::is_valid)
    })
}
