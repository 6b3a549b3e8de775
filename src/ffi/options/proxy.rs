// SPDX-License-Identifier: Apache-2.0
//! Proxy options.

use super::object::{self, wsline_options};
use crate::base::error::Error;
use crate::ffi::arguments;
use crate::ffi::status::wsline_status;
use crate::ffi::types::wsline_proxy_type::*;
use crate::protocol::proxy::endpoint::{Proxy, Scheme};
use crate::protocol::proxy::no_proxy::NoProxy;
use std::ffi::c_char;

const TYPES: [(i32, Option<Scheme>); 7] = [
    (WSLINE_PROXY_NONE as i32, None),
    (WSLINE_PROXY_HTTP as i32, Some(Scheme::Http)),
    (WSLINE_PROXY_HTTPS as i32, Some(Scheme::Https)),
    (WSLINE_PROXY_SOCKS4 as i32, Some(Scheme::Socks4)),
    (WSLINE_PROXY_SOCKS4A as i32, Some(Scheme::Socks4a)),
    (WSLINE_PROXY_SOCKS5 as i32, Some(Scheme::Socks5)),
    (WSLINE_PROXY_SOCKS5H as i32, Some(Scheme::Socks5h)),
];

/// @@ Proxy options
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
///
/// Connects through a proxy.
///
/// With an HTTP proxy, the library opens a tunnel with CONNECT, for ws and for wss. With
/// WSLINE_PROXY_HTTPS the connection to the proxy itself uses TLS; the TLS options apply to it,
/// except the server name and pins. HTTP proxies, WSLINE_PROXY_SOCKS4A and WSLINE_PROXY_SOCKS5H
/// look up the server's name; for WSLINE_PROXY_SOCKS4 and WSLINE_PROXY_SOCKS5 the library looks it
/// up. This and wsline_options_set_proxy_url() replace each other: the last call counts.
///
/// @param options  the options to modify.
/// @param type     a wsline_proxy_type. WSLINE_PROXY_NONE, the default, removes the proxy, so that
///                 one named by the environment is used again (to use none, see
///                 wsline_options_set_proxy_from_environment()); `host` and `port` are ignored.
/// @param host     a name or an IP address.
/// @param port     1 to 65535.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `type` is unknown or, unless it is
///                                      WSLINE_PROXY_NONE, `host` is neither a name nor an address
///                                      or `port` is out of range.
///
/// See also: wsline_options_set_proxy_url(), wsline_proxy_for_url()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_proxy(
    options: *mut wsline_options,
    r#type: i32,
    host: *const c_char,
    port: i32,
) -> wsline_status {
    object::set("wsline_options_set_proxy", options, |options, arguments| {
        options.proxy.proxy = match arguments::one_of(r#type, &TYPES, "wsline_proxy_type", "type")?
        {
            None => None,
            Some(scheme) => Some(proxy(scheme, arguments.string(host, "host")?, port)?),
        };
        Ok(())
    })
}

/// Connects through a proxy given as a URL.
///
/// @param options  the options to modify.
/// @param url      for example "http://user:password@proxy.example:3128", or with https, socks4,
///                 socks4a, socks5 or socks5h instead of http; user and password are
///                 percent-encoded. The default scheme is http; the default port is 80 for http,
///                 443 for https and 1080 for SOCKS. NULL, the default, removes the proxy, so that
///                 the environment may name one again.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `url` is not a proxy URL.
///
/// See also: wsline_options_set_proxy() for how each type of proxy is used
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_proxy_url(
    options: *mut wsline_options,
    url: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_proxy_url";
    object::set(function, options, |options, arguments| {
        options.proxy.proxy = match arguments.optional_string(url, "url")? {
            None => None,
            Some(url) => {
                let proxy = Proxy::parse(url).map_err(|what| Error::argument("url", what))?;
                Some(proxy)
            }
        };
        Ok(())
    })
}

/// Sets the credentials for the proxy: Basic authentication for HTTP proxies, user name and
/// password for SOCKS5.
///
/// They take precedence over those in the URL of wsline_options_set_proxy_url(). SOCKS4 has only a
/// user name. They are never sent to proxies named by the environment; those have credentials in
/// their own URLs.
///
/// @param options   the options to modify.
/// @param user      the user name; never logged. NULL, the default, removes user and password.
/// @param password  the password; never logged. May be NULL.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `user` is NULL while `password` is not,
///                                      or either contains a control character.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_proxy_auth(
    options: *mut wsline_options,
    user: *const c_char,
    password: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_proxy_auth";
    object::set(function, options, |options, arguments| {
        options.proxy.credentials = arguments.credentials(user, password)?;
        Ok(())
    })
}

/// Adds servers to connect to directly, without any proxy.
///
/// Once there is an entry, no_proxy of the environment is ignored.
///
/// @param options  the options to modify.
/// @param entry    one entry, or several separated by commas: "example.com", ".example.com" and
///                 "*.example.com" all mean that name and every name below it; "192.0.2.1" or
///                 "2001:db8::1" is an address, "10.0.0.0/8" a network; ":8080" after a name or an
///                 address limits it to that port; "*" means all servers. Names are not looked up
///                 to compare their addresses.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or an entry is none of these; the other
///                                      entries were added.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; the entries before the one that
///                                      failed were added.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_add_no_proxy(
    options: *mut wsline_options,
    entry: *const c_char,
) -> wsline_status {
    let function = "wsline_options_add_no_proxy";
    object::set(function, options, |options, arguments| {
        let entry = arguments.string(entry, "entry")?;
        match options.proxy.no_proxy.add(entry)?.first() {
            None => Ok(()),
            Some(what) => Err(Error::argument("entry", format!("is invalid: {what}"))),
        }
    })
}

/// Removes all entries added with wsline_options_add_no_proxy(), so that no_proxy from the
/// environment applies again.
///
/// @param options  the options to modify.
/// @retval WSLINE_OK                    removed, if there were any.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_clear_no_proxy(
    options: *mut wsline_options,
) -> wsline_status {
    object::set("wsline_options_clear_no_proxy", options, |options, _| {
        options.proxy.no_proxy = NoProxy::default();
        Ok(())
    })
}

/// Enables or disables proxies named by the environment, for connections without a proxy of their
/// own.
///
/// Consults http_proxy for ws:// and https_proxy for wss://, then all_proxy; and no_proxy, unless
/// wsline_options_add_no_proxy() was called. Each is looked up in lower case first, then in upper
/// case; an empty value means no proxy. HTTP_PROXY is ignored if REQUEST_METHOD is set: in a CGI
/// program it comes from the client's request. Values are as for wsline_options_set_proxy_url().
///
/// Each connect reads the environment. A program that calls setenv(3) on another thread at the same
/// time must disable this.
///
/// @param options  the options to modify.
/// @param enable   true, the default: the environment may name a proxy; false: the environment is
///                 not read.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_proxy_from_environment(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    let function = "wsline_options_set_proxy_from_environment";
    object::set(function, options, |options, _| {
        options.proxy.uses_environment = enable;
        Ok(())
    })
}

/// Sets how much of the connect timeout the proxy may use: for its lookup, TCP and its response,
/// whether or not they make progress.
///
/// @param options     the options to modify.
/// @param timeout_ms  milliseconds, 0 or more. WSLINE_DEFAULT_TIMEOUT, which is the default, and
///                    WSLINE_FOREVER both let the proxy use the whole connect timeout.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `timeout_ms` is another negative
///                                      number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_proxy_timeout_ms(
    options: *mut wsline_options,
    timeout_ms: i64,
) -> wsline_status {
    let function = "wsline_options_set_proxy_timeout_ms";
    object::set(function, options, |options, _| {
        options.proxy_timeout = arguments::timeout(timeout_ms, "timeout_ms")?;
        Ok(())
    })
}

fn proxy(scheme: Scheme, host: &str, port: i32) -> Result<Proxy, Error> {
    let port = u16::try_from(port)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| {
            let must = format!("is {port}; it must be 1 to 65535");
            Error::argument("port", must)
        })?;
    Proxy::new(scheme, host, port).map_err(|what| Error::argument("host", what))
}
