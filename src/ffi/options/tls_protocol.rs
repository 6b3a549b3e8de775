// SPDX-License-Identifier: Apache-2.0
//! Options of TLS: what may be agreed on, and how.

use super::object::{self, wsline_options};
use crate::base::error::Error;
use crate::ffi::arguments;
use crate::ffi::status::wsline_status;
use crate::ffi::types::wsline_tls_version::*;
use crate::net::tls::protocol::{Alpn, Version};
use crate::net::tls_library;
use std::ffi::{c_char, c_void};

const VERSIONS: [(i32, Option<Version>); 5] = [
    (WSLINE_TLS_DEFAULT as i32, None),
    (WSLINE_TLS_1_0 as i32, Some(Version::Tls1_0)),
    (WSLINE_TLS_1_1 as i32, Some(Version::Tls1_1)),
    (WSLINE_TLS_1_2 as i32, Some(Version::Tls1_2)),
    (WSLINE_TLS_1_3 as i32, Some(Version::Tls1_3)),
];

/// Sets the oldest version of TLS to accept.
///
/// TLS 1.0 and 1.1 are broken. OpenSSL 3 also needs a lower security level for them:
/// wsline_options_set_tls_ciphers() with "DEFAULT@SECLEVEL=0".
///
/// @param options  the options to modify.
/// @param version  a wsline_tls_version; WSLINE_TLS_DEFAULT, the default, is TLS 1.2.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `version` is unknown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_min_version(
    options: *mut wsline_options,
    version: i32,
) -> wsline_status {
    let function = "wsline_options_set_tls_min_version";
    object::set(function, options, |options, _| {
        let version = read_version(version)?.unwrap_or_default();
        options.tls.settings_mut().protocol.min_version = version;
        Ok(())
    })
}

/// Sets the newest version of TLS to accept.
///
/// If it is below the minimum, connecting fails with WSLINE_ERR_TLS_CONFIG.
///
/// @param options  the options to modify.
/// @param version  a wsline_tls_version; WSLINE_TLS_DEFAULT, the default, is the newest that the
///                 TLS library supports.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `version` is unknown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_max_version(
    options: *mut wsline_options,
    version: i32,
) -> wsline_status {
    let function = "wsline_options_set_tls_max_version";
    object::set(function, options, |options, _| {
        options.tls.settings_mut().protocol.max_version = read_version(version)?;
        Ok(())
    })
}

/// Sets which ciphers TLS 1.2 and older may use.
///
/// If the TLS library knows nothing of the list, connecting fails with WSLINE_ERR_TLS_CONFIG.
///
/// @param options  the options to modify.
/// @param list     names as of openssl-ciphers(1) with colons between, for example "ECDHE+AESGCM".
///                 NULL, the default: those of the TLS library.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_ciphers(
    options: *mut wsline_options,
    list: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_tls_ciphers";
    object::set(function, options, |options, arguments| {
        let list = arguments.optional_string(list, "list")?;
        options.tls.settings_mut().protocol.ciphers = list.map(str::to_owned);
        Ok(())
    })
}

/// Sets which cipher suites TLS 1.3 may use.
///
/// If the TLS library knows nothing of the list, connecting fails with WSLINE_ERR_TLS_CONFIG.
///
/// @param options  the options to modify.
/// @param list     names with colons between, for example
///                 "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256". NULL, the default: those of the
///                 TLS library.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_ciphersuites(
    options: *mut wsline_options,
    list: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_tls_ciphersuites";
    object::set(function, options, |options, arguments| {
        let list = arguments.optional_string(list, "list")?;
        options.tls.settings_mut().protocol.ciphersuites = list.map(str::to_owned);
        Ok(())
    })
}

/// Sets the groups in which keys may be agreed on, the preferred one first.
///
/// If the TLS library does not know a name, connecting fails with WSLINE_ERR_TLS_CONFIG.
///
/// @param options  the options to modify.
/// @param list     names with colons between, for example "X25519:P-256". NULL, the default: those
///                 of the TLS library.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_groups(
    options: *mut wsline_options,
    list: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_tls_groups";
    object::set(function, options, |options, arguments| {
        let list = arguments.optional_string(list, "list")?;
        options.tls.settings_mut().protocol.groups = list.map(str::to_owned);
        Ok(())
    })
}

/// Sets the application protocols that are offered to the server (ALPN).
///
/// Whatever the server chooses, the library goes on with HTTP/1.1; wsline_conn_tls_info() tells
/// what it was.
///
/// @param options    the options to modify.
/// @param protocols  names of 1 to 255 bytes with commas between; "" offers none. NULL, the
///                   default: "http/1.1".
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or a name is empty or too long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_alpn(
    options: *mut wsline_options,
    protocols: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_tls_alpn";
    object::set(function, options, |options, arguments| {
        let protocols = arguments.optional_string(protocols, "protocols")?;
        let alpn = protocols.map(Alpn::from_list).transpose()?;
        options.tls.settings_mut().protocol.alpn = alpn.unwrap_or_default();
        Ok(())
    })
}

/// Writes the secrets of connections to a file, so that programs such as Wireshark can decrypt
/// them.
///
/// Whoever can read the file can read the connections. The variable SSLKEYLOGFILE is never looked
/// at.
///
/// @param options  the options to modify.
/// @param path     a file that is appended to, in the format of NSS; made at the first connect, for
///                 its owner alone, if it is missing. If it cannot be opened, connecting fails with
///                 WSLINE_ERR_TLS_CONFIG. NULL, the default, for none.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_keylog_file(
    options: *mut wsline_options,
    path: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_tls_keylog_file";
    object::set(function, options, |options, arguments| {
        let path = arguments.optional_string(path, "path")?;
        options.tls.settings_mut().keylog_file = path.map(str::to_owned);
        Ok(())
    })
}

/// Uses the caller's own OpenSSL context in place of one that the library makes.
///
/// All that a context holds is then the caller's to set there: trust, identity, versions, ciphers,
/// groups, ALPN, whether the server is verified, the key log, sessions. The options for these are
/// not looked at, and the library resumes no sessions of its own. What belongs to a connection
/// still counts: the server name and the check for it in the certificate (in a context that
/// verifies), and pins.
///
/// The program and the library must use the same libssl; a context of another one is not noticed
/// and crashes. A library that was built on AWS-LC, where wsline_has_feature() knows "tls-aws-lc",
/// has a libssl of its own and takes no context.
///
/// @param options  the options to modify.
/// @param ssl_ctx  an `SSL_CTX *` for clients; the library takes its own reference
///                 (SSL_CTX_up_ref). While connections use it, it must not be changed. NULL, the
///                 default: the library makes its own.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
/// @retval WSLINE_ERR_NOT_SUPPORTED     `ssl_ctx` is not NULL, and TLS is that of AWS-LC; nothing
///                                      has changed.
///
/// See also: wsline_has_feature()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_ssl_ctx(
    options: *mut wsline_options,
    ssl_ctx: *mut c_void,
) -> wsline_status {
    object::set("wsline_options_set_tls_ssl_ctx", options, |options, _| {
        // SAFETY: the header wants NULL or a context of the libssl that this library is linked
        // with.
        options.tls.settings_mut().context = unsafe { tls_library::ssl_context(ssl_ctx) }?;
        Ok(())
    })
}

fn read_version(version: i32) -> Result<Option<Version>, Error> {
    arguments::one_of(version, &VERSIONS, "wsline_tls_version", "version")
}
