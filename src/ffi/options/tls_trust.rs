// SPDX-License-Identifier: Apache-2.0
//! TLS options: which servers are trusted.

use super::object::{self, wsline_options};
use crate::base::error::Error;
use crate::base::memory;
use crate::base::sync::Arc;
use crate::conn::options::Options;
use crate::ffi::status::wsline_status;
use crate::net::tls::pin::Pin;
use crate::protocol::url::has_empty_label;
use std::ffi::{c_char, c_void};

/// @@ TLS options
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
///
/// Enables or disables the verification of the server's certificate.
///
/// Without verification, anybody on the network path can pose as the server. For a server of your
/// own, set its authority with wsline_options_set_tls_ca_file() instead.
///
/// @param options  the options to modify.
/// @param enable   true, the default: reject a server whose certificate is not signed by a trusted
///                 authority.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `enable` is false after
///                                      wsline_options_set_tls_verify_host() was called with true:
///                                      the name in a certificate that anybody can make proves
///                                      nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_verify(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    object::set("wsline_options_set_tls_verify", options, |options, _| {
        let requested = options.tls.settings().is_host_check_requested;
        check_verified(enable, requested, "false")?;
        options.tls.settings_mut().verify = enable;
        Ok(())
    })
}

/// Enables or disables the check of the name in the certificate.
///
/// @param options  the options to modify.
/// @param enable   true, the default: the subjectAltName of the certificate must contain the URL's
///                 host or, if set, the name of wsline_options_set_tls_server_name().
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `enable` is true although
///                                      wsline_options_set_tls_verify() has disabled verification.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_verify_host(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    let function = "wsline_options_set_tls_verify_host";
    object::set(function, options, |options, _| {
        check_verified(options.tls.settings().verify, enable, "true")?;
        let settings = options.tls.settings_mut();
        (settings.verify_host, settings.is_host_check_requested) = (enable, enable);
        Ok(())
    })
}

/// The name in a certificate that is not verified proves nothing.
fn check_verified(verify: bool, verify_host: bool, enable: &str) -> Result<(), Error> {
    if verify || !verify_host {
        return Ok(());
    }
    let what = format!(
        "is {enable}: the name in a certificate proves nothing unless the certificate is verified"
    );
    Err(Error::argument("enable", what))
}

/// Sets the name to send to the server (SNI) and to look for in its certificate.
///
/// @param options  the options to modify.
/// @param name     a host name, or an IP address, which is verified but not sent; NULL, the
///                 default, for the URL's host.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `name` is empty or has an empty
///                                      label, as ".example" and "a..b" have.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_server_name(
    options: *mut wsline_options,
    name: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_tls_server_name";
    object::set(function, options, |options, arguments| {
        let name = arguments.optional_string(name, "name")?;
        if let Some(name) = name.filter(|name| has_empty_label(name)) {
            let what = format!("is {name:?}, which has an empty label");
            return Err(Error::argument("name", what));
        }
        options.tls.settings_mut().server_name = name.map(str::to_owned);
        Ok(())
    })
}

/// Trusts the authorities in a file instead of the system's.
///
/// If several of wsline_options_set_tls_ca_file(), _set_tls_ca_path() and _set_tls_ca_pem() are
/// set, all their authorities are trusted. Each certificate is trusted as it is, even an
/// intermediate one or the server's own.
///
/// The system's authorities are those that OpenSSL finds; it also consults the variables
/// SSL_CERT_FILE and SSL_CERT_DIR. A build with AWS-LC consults the same variables and, if they are
/// not set, /etc/ssl/cert.pem and /etc/ssl/certs.
///
/// Every connect checks all TLS files and directories again. If a file has been replaced, the new
/// one is used from then on, and no earlier session is resumed. If a file cannot be read, the
/// connect fails with WSLINE_ERR_TLS_CONFIG; an app that reconnects tries again.
///
/// @param options  the options to modify.
/// @param path     a file of PEM certificates. NULL, the default, for none.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_ca_file(
    options: *mut wsline_options,
    path: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_tls_ca_file";
    object::set(function, options, |options, arguments| {
        let path = arguments.optional_string(path, "path")?;
        options.tls.settings_mut().trust.ca_file = path.map(str::to_owned);
        Ok(())
    })
}

/// Trusts the authorities in a directory instead of the system's.
///
/// A connect notices if an entry has been added, removed, or replaced with rename(2).
///
/// @param options  the options to modify.
/// @param path     a directory prepared by `openssl rehash`; NULL, the default, for none.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_ca_path(
    options: *mut wsline_options,
    path: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_tls_ca_path";
    object::set(function, options, |options, arguments| {
        let path = arguments.optional_string(path, "path")?;
        options.tls.settings_mut().trust.ca_path = path.map(str::to_owned);
        Ok(())
    })
}

/// Trusts the authorities in memory instead of the system's.
///
/// @param options  the options to modify.
/// @param pem      PEM certificates; NULL with length 0, the default, for none.
/// @param len      bytes in `pem`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `pem` is NULL and `len` is not 0, or
///                                      `pem` is not NULL but empty.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_ca_pem(
    options: *mut wsline_options,
    pem: *const c_void,
    len: usize,
) -> wsline_status {
    set_pem(
        "wsline_options_set_tls_ca_pem",
        options,
        pem,
        len,
        |options, pem| options.tls.settings_mut().trust.ca_pem = pem,
    )
}

/// Accepts only servers whose certificate has this key; if several pins are added, one must match.
///
/// Pins are checked in addition to the verification, so a certificate that is not signed by a
/// trusted authority is still rejected; they are also checked if the verification is disabled or a
/// session is resumed. Pins do not apply to an HTTPS proxy: if verification is disabled, the proxy
/// is not checked at all.
///
/// @param options  the options to modify.
/// @param base64   the SHA-256 of the certificate's SubjectPublicKeyInfo in base64, 44 characters,
///                 as printed by `openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin
///                 -outform der | openssl dgst -sha256 -binary | base64`.
/// @retval WSLINE_OK                    added.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `base64` is malformed.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_add_tls_pin_sha256(
    options: *mut wsline_options,
    base64: *const c_char,
) -> wsline_status {
    let function = "wsline_options_add_tls_pin_sha256";
    object::set(function, options, |options, arguments| {
        let base64 = arguments.string(base64, "base64")?;
        let pin = Pin::from_base64(base64)?;
        let settings = options.tls.settings_mut();
        memory::push(memory::make_mut(&mut settings.pins)?, pin)
    })
}

/// Removes all pins added with wsline_options_add_tls_pin_sha256(), so that any key is accepted.
///
/// @param options  the options to modify.
/// @retval WSLINE_OK                    removed, if there were any.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_clear_tls_pins(
    options: *mut wsline_options,
) -> wsline_status {
    object::set("wsline_options_clear_tls_pins", options, |options, _| {
        options.tls.settings_mut().pins = Arc::default();
        Ok(())
    })
}

/// Runs a setter that takes PEM data, which is not empty; NULL with length 0 is `None`.
pub(in crate::ffi) fn set_pem(
    function: &'static str,
    options: *mut wsline_options,
    pem: *const c_void,
    len: usize,
    apply: impl FnOnce(&mut Options, Option<Arc<Vec<u8>>>),
) -> wsline_status {
    object::set(function, options, |options, arguments| {
        let is_null = pem.is_null();
        match arguments.payload(pem, len, "pem")? {
            [] if is_null => {
                apply(options, None);
                Ok(())
            }
            [] => Err(Error::argument("pem", "is empty")),
            // OpenSSL counts with `int`.
            pem if i32::try_from(pem.len()).is_err() => {
                Err(Error::argument("pem", "is longer than 2147483647 bytes"))
            }
            pem => {
                apply(options, Some(Arc::new(memory::copy(pem)?)));
                Ok(())
            }
        }
    })
}
