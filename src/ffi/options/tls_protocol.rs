// SPDX-License-Identifier: Apache-2.0
//! TLS options: what may be negotiated, and how.

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

/// Sets the ciphers for TLS 1.2 and older.
///
/// If the TLS library supports nothing in the list, connecting fails with WSLINE_ERR_TLS_CONFIG.
///
/// @param options  the options to modify.
/// @param list     names as for openssl-ciphers(1), separated by colons, for example
///                 "ECDHE+AESGCM". NULL, the default, for those of the TLS library.
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

/// Sets the cipher suites for TLS 1.3.
///
/// If the TLS library supports nothing in the list, connecting fails with WSLINE_ERR_TLS_CONFIG.
///
/// @param options  the options to modify.
/// @param list     names separated by colons, for example
///                 "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256". NULL, the default, for those of
///                 the TLS library.
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

/// Sets the groups for the key exchange, the preferred one first.
///
/// If the TLS library does not know a name, connecting fails with WSLINE_ERR_TLS_CONFIG.
///
/// @param options  the options to modify.
/// @param list     names separated by colons, for example "X25519:P-256". NULL, the default, for
///                 those of the TLS library.
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

/// Sets the application protocols to offer to the server (ALPN).
///
/// The library speaks HTTP/1.1 whatever the server chooses; wsline_conn_tls_info() reports the
/// choice.
///
/// @param options    the options to modify.
/// @param protocols  names of 1 to 255 bytes, separated by commas; "" offers none. NULL, the
///                   default, is "http/1.1".
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

/// Writes the TLS secrets of connections to a file, so that programs such as Wireshark can decrypt
/// them.
///
/// Anybody who can read the file can read the connections. The variable SSLKEYLOGFILE is ignored.
///
/// @param options  the options to modify.
/// @param path     a file to append to, in the NSS format; if it is missing, the first connect
///                 creates it, readable by its owner only. If it cannot be opened, the connect
///                 fails with WSLINE_ERR_TLS_CONFIG. NULL, the default, for none.
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

/// Uses your own OpenSSL context instead of one that the library creates.
///
/// You then configure in the context everything that it holds: trusted authorities, client
/// certificate, versions, ciphers, groups, ALPN, verification, key log and sessions. The options
/// for these are ignored, and the library resumes no sessions of its own. Settings of a single
/// connection still apply: the server name, its check in the certificate (if the context verifies),
/// and pins.
///
/// The program and the library must use the same libssl; with a context from a different one the
/// program crashes. A library built on AWS-LC, for which wsline_has_feature("tls-aws-lc") is true,
/// has a libssl of its own and accepts no context.
///
/// @param options  the options to modify.
/// @param ssl_ctx  an `SSL_CTX *` for clients; the library takes its own reference
///                 (SSL_CTX_up_ref). Do not change the context while connections use it. NULL, the
///                 default, for a context of the library's own.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
/// @retval WSLINE_ERR_NOT_SUPPORTED     `ssl_ctx` is not NULL, and the library is built on AWS-LC;
///                                      nothing has changed.
///
/// See also: wsline_has_feature()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_ssl_ctx(
    options: *mut wsline_options,
    ssl_ctx: *mut c_void,
) -> wsline_status {
    object::set("wsline_options_set_tls_ssl_ctx", options, |options, _| {
        // SAFETY: the header requires NULL or a context of the libssl that this library is linked
        // with.
        options.tls.settings_mut().context = unsafe { tls_library::ssl_context(ssl_ctx) }?;
        Ok(())
    })
}

fn read_version(version: i32) -> Result<Option<Version>, Error> {
    arguments::one_of(version, &VERSIONS, "wsline_tls_version", "version")
}
