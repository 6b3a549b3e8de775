// SPDX-License-Identifier: Apache-2.0
//! TLS options: the client certificate.

use super::object::{self, wsline_options};
use super::tls_trust::set_pem;
use crate::ffi::status::wsline_status;
use crate::net::tls::identity::Pem;
use std::ffi::{c_char, c_void};

/// Sets the client certificate, for servers that ask for one.
///
/// If the file is replaced, the new one is used from the next connect on. If certificate and key
/// are replaced one after the other, a connect in between fails with WSLINE_ERR_TLS_CONFIG; an app
/// that reconnects tries again.
///
/// @param options  the options to modify.
/// @param path     a PEM file with the certificate followed by its chain; it may also contain the
///                 key. NULL, the default, for no certificate.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_certificate_file(
    options: *mut wsline_options,
    path: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_tls_certificate_file";
    object::set(function, options, |options, arguments| {
        let path = arguments.optional_string(path, "path")?;
        let certificate = path.map(|path| Pem::File(path.to_owned()));
        options.tls.settings_mut().identity.certificate = certificate;
        Ok(())
    })
}

/// Sets the key of the client certificate, if it is not in the file of the certificate.
///
/// If the file is replaced, the new one is used from the next connect on; see
/// wsline_options_set_tls_certificate_file().
///
/// @param options  the options to modify.
/// @param path     a PEM file; NULL, the default, for the file of the certificate.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_key_file(
    options: *mut wsline_options,
    path: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_tls_key_file";
    object::set(function, options, |options, arguments| {
        let path = arguments.optional_string(path, "path")?;
        options.tls.settings_mut().identity.key = path.map(|path| Pem::File(path.to_owned()));
        Ok(())
    })
}

/// Sets the password of an encrypted key.
///
/// The library never prompts for a password on the terminal.
///
/// @param options   the options to modify.
/// @param password  the password; never logged. NULL, the default, for none.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_key_password(
    options: *mut wsline_options,
    password: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_tls_key_password";
    object::set(function, options, |options, arguments| {
        let password = arguments.optional_string(password, "password")?;
        options.tls.settings_mut().identity.key_password = password.map(str::to_owned);
        Ok(())
    })
}

/// Sets the client certificate from memory.
///
/// It replaces one set with wsline_options_set_tls_certificate_file(), and the other way round.
///
/// @param options  the options to modify.
/// @param pem      the certificate followed by its chain; it may also contain the key. NULL with
///                 length 0, the default, for no certificate.
/// @param len      bytes in `pem`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `pem` is NULL and `len` is not 0, or
///                                      `pem` is not NULL but empty.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_certificate_pem(
    options: *mut wsline_options,
    pem: *const c_void,
    len: usize,
) -> wsline_status {
    set_pem(
        "wsline_options_set_tls_certificate_pem",
        options,
        pem,
        len,
        |options, pem| options.tls.settings_mut().identity.certificate = pem.map(Pem::Bytes),
    )
}

/// Sets the key of the client certificate from memory.
///
/// It replaces one set with wsline_options_set_tls_key_file(), and the other way round.
///
/// @param options  the options to modify.
/// @param pem      the key; NULL with length 0, the default, if it is with the certificate.
/// @param len      bytes in `pem`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `pem` is NULL and `len` is not 0, or
///                                      `pem` is not NULL but empty.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_tls_key_pem(
    options: *mut wsline_options,
    pem: *const c_void,
    len: usize,
) -> wsline_status {
    set_pem(
        "wsline_options_set_tls_key_pem",
        options,
        pem,
        len,
        |options, pem| options.tls.settings_mut().identity.key = pem.map(Pem::Bytes),
    )
}
