// SPDX-License-Identifier: Apache-2.0
//! Options of the HTTP request. No value can add a line to it: names must be tokens, values free of
//! control characters.

use super::object::{self, wsline_options};
use crate::base::error::{Error, quoted};
use crate::base::memory::{self, Text};
use crate::base::sync::Arc;
use crate::ffi::cookie_jar::wsline_cookie_jar;
use crate::ffi::status::wsline_status;
use crate::protocol::http::auth::bearer;
use crate::protocol::http::field::{check_subprotocol, check_token, check_value};
use crate::protocol::http::request::{Origin, RequestOptions, check_not_owned};
use std::ffi::c_char;

/// @@ Request options
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
///
/// Adds a header to the request.
///
/// Headers are sent in the order they were added, and may be repeated. Headers that the library
/// writes itself (Host, Connection, Upgrade, Origin, Cookie, Proxy-Authorization,
/// Sec-WebSocket-...) are rejected; most have a setter of their own.
///
/// @param options  the options to modify.
/// @param name     an HTTP token, for example "Authorization".
/// @param value    the value, without control characters such as line breaks; may be "".
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, `name` is not a token or is a header
///                                      that the library writes itself, or `value` contains a
///                                      control character.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_add_header(
    options: *mut wsline_options,
    name: *const c_char,
    value: *const c_char,
) -> wsline_status {
    let function = "wsline_options_add_header";
    object::set(function, options, |options, arguments| {
        let name = arguments.string(name, "name")?;
        let value = arguments.long_string(value, "value")?;
        let header = header(name, value, "name", "value")?;
        memory::push(memory::make_mut(&mut options.request.headers)?, header)
    })
}

/// Sets a header from one line, and removes all headers of that name added before.
///
/// Host, Origin, Cookie, Connection and Sec-WebSocket-Protocol go where their own setters would put
/// them, so a binding can pass its user's headers on; the names in Sec-WebSocket-Protocol replace
/// those added before.
///
/// @param options  the options to modify.
/// @param line     "Name: value", without a line end.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, there is no colon, or
///                                      wsline_options_add_header() or the header's own setter
///                                      would reject the name or the value.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_header_line(
    options: *mut wsline_options,
    line: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_header_line";
    object::set(function, options, |options, arguments| {
        let line = arguments.long_string(line, "line")?;
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| Error::argument("line", "has no colon"))?;
        set_header(&mut options.request, name, value.trim_matches([' ', '\t']))
    })
}

/// For a header line.
fn set_header(request: &mut RequestOptions, name: &str, value: &str) -> Result<(), Error> {
    match name.to_ascii_lowercase().as_str() {
        "host" => {
            request.host = Some(checked_host("line", value)?);
            request.suppresses_host = false;
        }
        "origin" => request.origin = Origin::Value(checked("line", value)?),
        "cookie" => request.cookie = Some(checked("line", value)?),
        "connection" => request.connection = Some(checked_connection("line", value)?),
        "sec-websocket-protocol" => {
            let mut offered = Vec::new();
            for name in value.split(',') {
                let name = checked_subprotocol("line", name.trim(), &offered)?;
                memory::push(&mut offered, name)?;
            }
            request.subprotocols = Arc::new(offered);
        }
        _ => {
            let header = header(name, value, "line", "line")?;
            let headers = memory::make_mut(&mut request.headers)?;
            memory::reserve(headers, 1)?;
            headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            headers.push(header);
        }
    }
    Ok(())
}

/// Removes all headers added or set with wsline_options_add_header() and
/// wsline_options_set_header_line().
///
/// @param options  the options to modify.
/// @retval WSLINE_OK                    removed, if there were any.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_clear_headers(
    options: *mut wsline_options,
) -> wsline_status {
    object::set("wsline_options_clear_headers", options, |options, _| {
        options.request.headers = Arc::default();
        Ok(())
    })
}

/// Sets the Cookie header.
///
/// @param options  the options to modify.
/// @param cookie   "name=value; other=value"; NULL, the default, for none.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `cookie` has a control character.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_cookie_header(
    options: *mut wsline_options,
    cookie: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_cookie_header";
    object::set(function, options, |options, arguments| {
        let cookie = arguments.optional_long_string(cookie, "cookie")?;
        options.request.cookie = cookie.map(|it| checked("cookie", it)).transpose()?;
        Ok(())
    })
}

/// Sends a user name and password with the request (Basic authentication, RFC 7617).
///
/// They take precedence over those in the URL, and replace a bearer token. An "Authorization"
/// header added with wsline_options_add_header() takes precedence over all of these. None of them
/// is sent to another origin after a redirect.
///
/// @param options   the options to modify.
/// @param user      the user name, without a colon; never logged. NULL removes user and password.
/// @param password  the password; never logged. May be NULL.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `user` is NULL while `password` is not,
///                                      `user` contains a colon, or either contains a control
///                                      character.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_basic_auth(
    options: *mut wsline_options,
    user: *const c_char,
    password: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_basic_auth";
    object::set(function, options, |options, arguments| {
        options.request.authorization = match arguments.credentials(user, password)? {
            None => None,
            Some(credentials) => {
                let basic = credentials.basic();
                let basic = basic.ok_or_else(|| Error::argument("user", "contains a colon"))?;
                Some(Text::from(basic))
            }
        };
        Ok(())
    })
}

/// Sends a bearer token with the request (RFC 6750).
///
/// Replaces the user name and password of wsline_options_set_basic_auth(), and takes precedence
/// over those in the URL.
///
/// @param options  the options to modify.
/// @param token    letters, digits and -._~+/=; never logged. NULL removes the token.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `token` is empty or has another
///                                      character.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_bearer_token(
    options: *mut wsline_options,
    token: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_bearer_token";
    object::set(function, options, |options, arguments| {
        options.request.authorization = match arguments.optional_long_string(token, "token")? {
            None => None,
            Some(token) => {
                let what = "is empty or has a character that is not allowed in a token (RFC 6750 section 2.1)";
                Some(bearer(token)?.ok_or_else(|| Error::argument("token", what))?)
            }
        };
        Ok(())
    })
}

/// Sets how many redirects (301, 302, 303, 307, 308) a connect follows.
///
/// The target of a redirect may be a path alone, or a URL, with `http` and `https` accepted for
/// `ws` and `wss`. A redirect from `wss` to `ws` is never followed. Credentials, the Cookie header
/// and the Host header from these options are not sent to another origin (scheme, host and port).
/// Other headers and subprotocols are. The TLS options, including client certificate, server name
/// and pins, apply to every server.
///
/// @param options  the options to modify.
/// @param limit    redirects of one connect; 3 by default. If it is 0, a redirect fails with
///                 WSLINE_ERR_HTTP_STATUS.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_max_redirects(
    options: *mut wsline_options,
    limit: u32,
) -> wsline_status {
    let function = "wsline_options_set_max_redirects";
    object::set(function, options, |options, _| {
        options.request.max_redirects = limit;
        Ok(())
    })
}

/// Sets the cookie jar from which cookies are sent, and in which cookies from servers are stored.
///
/// In the Cookie header the jar's cookies come before those of wsline_options_set_cookie_header().
///
/// @param options  the options to modify.
/// @param jar      the jar, which many options objects may share; NULL, the default, for none.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Ownership: the jar stays yours, and you may free it at any time; the options object and its
/// connections keep what they need.
/// See also: wsline_cookie_jar_new()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_cookie_jar(
    options: *mut wsline_options,
    jar: *mut wsline_cookie_jar,
) -> wsline_status {
    let function = "wsline_options_set_cookie_jar";
    object::set(function, options, |options, arguments| {
        let jar = (!jar.is_null()).then(|| arguments.object(jar));
        options.cookie_jar = jar.transpose()?;
        Ok(())
    })
}

/// Sets the Origin header; it is sent even if wsline_options_suppress_origin() was called before.
///
/// @param options  the options to modify.
/// @param origin   for example "https://example.com"; NULL, the default, for the origin of a page
///                 on the same server: `http://` for ws, `https://` for wss, the host, and the port
///                 if it is not the default one of the scheme.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `origin` has a control character.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
///
/// See also: wsline_options_suppress_origin()
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_origin_header(
    options: *mut wsline_options,
    origin: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_origin_header";
    object::set(function, options, |options, arguments| {
        options.request.origin = match arguments.optional_long_string(origin, "origin")? {
            None => Origin::OfServer,
            Some(origin) => Origin::Value(checked("origin", origin)?),
        };
        Ok(())
    })
}

/// Omits the Origin header, or restores the default one.
///
/// @param options   the options to modify.
/// @param suppress  true: no Origin header is sent; false, the default: the default Origin header
///                  is sent, and a value set earlier with wsline_options_set_origin_header() is
///                  discarded.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// See also: wsline_options_set_origin_header()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_suppress_origin(
    options: *mut wsline_options,
    suppress: bool,
) -> wsline_status {
    object::set("wsline_options_suppress_origin", options, |options, _| {
        options.request.origin = if suppress {
            Origin::Suppressed
        } else {
            Origin::OfServer
        };
        Ok(())
    })
}

/// Sets the Host header; it is sent even if wsline_options_suppress_host() was called before.
///
/// The connection and TLS continue to use the URL's host.
///
/// @param options  the options to modify.
/// @param host     a name, and a port where needed; NULL, the default, for the URL's.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `host` is empty or contains a space
///                                      or a control character.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
///
/// See also: wsline_options_set_tls_server_name()
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_host_header(
    options: *mut wsline_options,
    host: *const c_char,
) -> wsline_status {
    object::set(
        "wsline_options_set_host_header",
        options,
        |options, arguments| {
            let host = arguments.optional_long_string(host, "host")?;
            options.request.host = host.map(|it| checked_host("host", it)).transpose()?;
            options.request.suppresses_host = false;
            Ok(())
        },
    )
}

/// Omits the Host header, or restores it.
///
/// HTTP requires it; only for servers that reject it.
///
/// @param options   the options to modify.
/// @param suppress  true: no Host header is sent; false, the default: it is sent.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// See also: wsline_options_set_host_header()
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_suppress_host(
    options: *mut wsline_options,
    suppress: bool,
) -> wsline_status {
    object::set("wsline_options_suppress_host", options, |options, _| {
        options.request.suppresses_host = suppress;
        Ok(())
    })
}

/// Sets the value of the Connection header.
///
/// @param options  the options to modify.
/// @param value    for example "keep-alive, Upgrade"; NULL, the default, for "Upgrade".
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `value` has a control character or
///                                      lacks the member "Upgrade".
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_connection_header(
    options: *mut wsline_options,
    value: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_connection_header";
    object::set(function, options, |options, arguments| {
        let value = arguments.optional_long_string(value, "value")?;
        options.request.connection = value
            .map(|it| checked_connection("value", it))
            .transpose()?;
        Ok(())
    })
}

/// Offers a subprotocol; the server chooses one of those offered, or none.
///
/// Offer the preferred one first. wsline_conn_subprotocol() returns the server's choice.
///
/// @param options  the options to modify.
/// @param name     an HTTP token, for example "chat.v1"; = and / are accepted, too, because some
///                 servers use them.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `name` contains another character or
///                                      was already offered.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_add_subprotocol(
    options: *mut wsline_options,
    name: *const c_char,
) -> wsline_status {
    let function = "wsline_options_add_subprotocol";
    object::set(function, options, |options, arguments| {
        let name = arguments.long_string(name, "name")?;
        let subprotocols = &mut options.request.subprotocols;
        let name = checked_subprotocol("name", name, subprotocols)?;
        memory::push(memory::make_mut(subprotocols)?, name)
    })
}

/// Removes all subprotocols added with wsline_options_add_subprotocol().
///
/// @param options  the options to modify.
/// @retval WSLINE_OK                    removed, if there were any.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_clear_subprotocols(
    options: *mut wsline_options,
) -> wsline_status {
    object::set(
        "wsline_options_clear_subprotocols",
        options,
        |options, _| {
            options.request.subprotocols = Arc::default();
            Ok(())
        },
    )
}

/// A value for a header of its own.
fn checked(argument: &str, value: &str) -> Result<Text, Error> {
    check_value(argument, value)?;
    Text::copy(value)
}

fn checked_host(argument: &str, host: &str) -> Result<Text, Error> {
    if host.is_empty() || host.contains([' ', '\t']) {
        return Err(Error::argument(argument, "is empty or contains a space"));
    }
    checked(argument, host)
}

fn checked_connection(argument: &str, value: &str) -> Result<Text, Error> {
    let mut members = value.split(',').map(str::trim);
    if !members.any(|member| member.eq_ignore_ascii_case("upgrade")) {
        let what = "lacks \"Upgrade\", which the upgrade requires";
        return Err(Error::argument(argument, what));
    }
    checked(argument, value)
}

fn checked_subprotocol(argument: &str, name: &str, offered: &[Text]) -> Result<Text, Error> {
    check_subprotocol(argument, name)?;
    if offered.iter().any(|other| **other == *name) {
        // RFC 6455 section 4.1, item 10: "MUST all be unique strings".
        let what = format!("is {}, which is already offered", quoted(name));
        return Err(Error::argument(argument, what));
    }
    Text::copy(name)
}

fn header(
    name: &str,
    value: &str,
    name_argument: &str,
    value_argument: &str,
) -> Result<(Text, Text), Error> {
    check_token(name_argument, name)?;
    check_not_owned(name_argument, name)?;
    check_value(value_argument, value)?;
    Ok((Text::copy(name)?, Text::copy(value)?))
}
