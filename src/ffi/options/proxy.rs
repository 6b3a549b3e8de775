// SPDX-License-Identifier: Apache-2.0
//! Options of the proxy.

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
/// To an HTTP proxy a tunnel is asked for with CONNECT, for ws as for wss. With WSLINE_PROXY_HTTPS
/// the proxy itself is spoken to over TLS, under the options of TLS, but for the server's name and
/// pins. WSLINE_PROXY_SOCKS4A, SOCKS5H and the HTTP proxies look the server's name up; for SOCKS4
/// and SOCKS5 it is looked up here.
///
/// @param options  the options to modify.
/// @param type     a wsline_proxy_type; WSLINE_PROXY_NONE removes the proxy; `host` and `port` are
///                 ignored.
/// @param host     a name or an IP address.
/// @param port     1 to 65535.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, `type` is unknown, `host` is neither
///                                      name nor address, or `port` is 0.
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

/// Connects through a proxy that a URL names.
///
/// @param options  the options to modify.
/// @param url      "http://user:password@proxy.example:3128", or with https, socks4, socks4a,
///                 socks5 or socks5h in place of http; user and password percent-encoded. Without a
///                 scheme it is http; without a port 80, 443 or 1080. NULL takes the proxy back.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `url` is no URL of a proxy.
///
/// See also: wsline_options_set_proxy(), which tells how each kind of proxy is used
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

/// Sets what the proxy asks for: Basic authentication for HTTP proxies, user name and password for
/// SOCKS5.
///
/// SOCKS4 knows a user name only. Proxies of the environment have theirs in their URLs and never
/// see these.
///
/// @param options   the options to modify.
/// @param user      copied; never logged. NULL removes user and password.
/// @param password  likewise; NULL is none.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `user` is NULL while `password` is not,
///                                      or one has a control character.
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

/// Names servers that are connected to without a proxy, whichever kind of proxy there is.
///
/// As soon as one is named, no_proxy of the environment is not looked at.
///
/// @param options  the options to modify.
/// @param entry    one, or several with commas between them: "example.com" is that name and all
///                 below it, as ".example.com" and "*.example.com" are; "192.0.2.1" or
///                 "2001:db8::1" an address; "10.0.0.0/8" a network; a name or an address with
///                 ":8080" that port alone; "*" everything. Names are not looked up to find their
///                 addresses.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or an entry is none of these; the others
///                                      count.
/// @retval WSLINE_ERR_NO_MEMORY         there is no memory for it; entries in front of it were
///                                      added.
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
            Some(what) => Err(Error::argument("entry", format!("is unusable: {what}"))),
        }
    })
}

/// Removes all entries of wsline_options_add_no_proxy(); no_proxy of the environment counts again.
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

/// Says whether the environment may name a proxy, where no option does.
///
/// Consults http_proxy for ws:// and https_proxy for wss://, then all_proxy; and no_proxy, where
/// wsline_options_add_no_proxy() named nothing. Each is looked up in lower case first, then in
/// upper case; an empty value means no proxy. HTTP_PROXY is ignored where REQUEST_METHOD is set: in
/// a CGI program it comes from the client's request. Values are as for
/// wsline_options_set_proxy_url().
///
/// The environment is read by each connect; a program that calls setenv(3) meanwhile on another
/// thread must switch this off.
///
/// @param options  the options to modify.
/// @param enable   true, the default: it may; false: nothing of the environment is read.
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

/// Sets how much of the time for connecting the way through the proxy may take: lookup, TCP and the
/// proxy's answer, whether or not they make progress.
///
/// @param options     the options to modify.
/// @param timeout_ms  milliseconds, 0 or more; WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT, as at
///                    first: all of it.
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
