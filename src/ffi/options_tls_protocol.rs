// SPDX-License-Identifier: Apache-2.0
//! Options of TLS: what is spoken.

use super::options::{self, wsline_options};
use super::status::wsline_status;
use super::types::wsline_tls_version::{self, *};
use crate::base::error::Error;
use crate::net::sys;
use crate::net::tls_options::TlsVersion;
use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

const VERSIONS: [(wsline_tls_version, TlsVersion); 4] = [
    (WSLINE_TLS_1_0, TlsVersion::Tls1_0),
    (WSLINE_TLS_1_1, TlsVersion::Tls1_1),
    (WSLINE_TLS_1_2, TlsVersion::Tls1_2),
    (WSLINE_TLS_1_3, TlsVersion::Tls1_3),
];

/// Sets the oldest version of TLS that is spoken.
///
/// OpenSSL 3 speaks 1.0 and 1.1 only with weak ciphers allowed: wsline_options_set_tls_ciphers() with "DEFAULT:@SECLEVEL=0".
///
/// @param options  what is set.
/// @param version  a wsline_tls_version; at first WSLINE_TLS_1_2.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `version` is unknown.
///
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_min_version(
    options: *mut wsline_options,
    version: i32,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    unsafe {
        options::set("wsline_options_set_tls_min_version", options, |options| {
            options.tls.settings_mut().min_version = read_version(version)?;
            Ok(())
        })
    }
}

/// Sets the newest version of TLS that is spoken.
///
/// @param options  what is set.
/// @param version  a wsline_tls_version; at first the newest that OpenSSL knows. Below the minimum it makes the connect fail.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `version` is unknown.
///
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_max_version(
    options: *mut wsline_options,
    version: i32,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    unsafe {
        options::set("wsline_options_set_tls_max_version", options, |options| {
            options.tls.settings_mut().max_version = Some(read_version(version)?);
            Ok(())
        })
    }
}

/// Sets the ciphers for TLS 1.2 and older.
///
/// @param options  what is set.
/// @param list     as for SSL_CTX_set_cipher_list(3), for example "ECDHE+AESGCM"; one that OpenSSL does not understand makes the connect fail.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_ciphers(
    options: *mut wsline_options,
    list: *const c_char,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    unsafe {
        options::set_string(
            "wsline_options_set_tls_ciphers",
            options,
            list,
            "list",
            |options, list| {
                options.tls.settings_mut().ciphers = Some(list.to_owned());
                Ok(())
            },
        )
    }
}

/// Sets the cipher suites for TLS 1.3.
///
/// @param options  what is set.
/// @param list     as for SSL_CTX_set_ciphersuites(3), for example "TLS_AES_128_GCM_SHA256"; one that OpenSSL does not understand makes the connect fail.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_ciphersuites(
    options: *mut wsline_options,
    list: *const c_char,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    unsafe {
        options::set_string(
            "wsline_options_set_tls_ciphersuites",
            options,
            list,
            "list",
            |options, list| {
                options.tls.settings_mut().ciphersuites = Some(list.to_owned());
                Ok(())
            },
        )
    }
}

/// Sets the groups for the key exchange.
///
/// @param options  what is set.
/// @param list     as for SSL_CTX_set1_groups_list(3), for example "X25519:P-256"; one that OpenSSL does not understand makes the connect fail.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_curves(
    options: *mut wsline_options,
    list: *const c_char,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    unsafe {
        options::set_string(
            "wsline_options_set_tls_curves",
            options,
            list,
            "list",
            |options, list| {
                options.tls.settings_mut().curves = Some(list.to_owned());
                Ok(())
            },
        )
    }
}

/// Sets the protocols that are offered inside TLS (ALPN, RFC 7301).
///
/// At first "http/1.1", which is what is spoken whatever the server chooses; wsline_conn_tls_info() tells its choice.
///
/// @param options    what is set.
/// @param protocols  names with commas between them, the preferred one first; "" offers none.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or a name is empty or longer than 255 bytes.
///
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_alpn(
    options: *mut wsline_options,
    protocols: *const c_char,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    unsafe {
        options::set_string(
            "wsline_options_set_tls_alpn",
            options,
            protocols,
            "protocols",
            |options, protocols| {
                options.tls.settings_mut().alpn = alpn(protocols)?;
                Ok(())
            },
        )
    }
}

/// Writes the keys of each connection to a file, with which for example Wireshark can read what was captured of it.
///
/// Whoever has the file can read everything. The library never looks at the variable SSLKEYLOGFILE.
///
/// @param options  what is set.
/// @param path     a file; lines are added to it. One that is made can be read by its owner only. One that cannot be opened makes the connect fail.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_keylog_file(
    options: *mut wsline_options,
    path: *const c_char,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    unsafe {
        options::set_string(
            "wsline_options_set_tls_keylog_file",
            options,
            path,
            "path",
            |options, path| {
                options.tls.settings_mut().keylog_file = Some(path.to_owned());
                Ok(())
            },
        )
    }
}

/// Uses an `SSL_CTX` of the caller's in place of one of the library's own.
///
/// What a context holds is the caller's then, and the options for it are not looked at: trust, whether certificates are
/// verified, client certificate, versions, ciphers, curves, ALPN, key log, and whether sessions are resumed. What belongs to a
/// connection still counts: server name, the check of it, pins.
///
/// @param options  what is set.
/// @param ssl_ctx  an `SSL_CTX *` of the libssl that this library uses, made for a client; NULL takes it back. It is shared (SSL_CTX_up_ref), so the caller frees its own reference at any time, and may not change it while it is in use.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_ssl_ctx(
    options: *mut wsline_options,
    ssl_ctx: *mut c_void,
) -> wsline_status {
    // SAFETY: the caller promises that a pointer which is not NULL is an SSL_CTX.
    let shared = NonNull::new(ssl_ctx).map(|ssl_ctx| unsafe { sys::share_ssl_ctx(ssl_ctx) });
    // SAFETY: as promised to ptr.
    unsafe {
        options::set("wsline_options_set_tls_ssl_ctx", options, |options| {
            options.tls.settings_mut().ssl_ctx = shared;
            Ok(())
        })
    }
}

fn read_version(number: i32) -> Result<TlsVersion, Error> {
    let known = VERSIONS.iter().find(|(known, _)| *known as i32 == number);
    known.map(|(_, version)| *version).ok_or_else(|| {
        let what = format!("is {number}, which is no wsline_tls_version");
        Error::argument("version", what)
    })
}

/// Each name with its length before it (RFC 7301 section 3.1).
fn alpn(protocols: &str) -> Result<Vec<u8>, Error> {
    let mut list = Vec::new();
    for name in protocols.split(',').filter(|_| !protocols.is_empty()) {
        let name = name.trim_ascii();
        let len = u8::try_from(name.len()).ok().filter(|len| *len > 0);
        let len = len.ok_or_else(|| {
            Error::argument(
                "protocols",
                "has a name that is empty or longer than 255 bytes",
            )
        })?;
        list.push(len);
        list.extend_from_slice(name.as_bytes());
    }
    Ok(list)
}
