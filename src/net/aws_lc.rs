// SPDX-License-Identifier: Apache-2.0
//! AWS-LC, where it differs from OpenSSL; `openssl.rs` has the same functions. One of the files
//! that may use `unsafe`.
#![allow(unsafe_code, reason = "each block is one call of AWS-LC")]

use crate::base::error::{Error, Kind};
use foreign_types::ForeignTypeRef;
use openssl::error::{self, ErrorStack};
use openssl::ssl::{SslContext, SslContextBuilder, SslRef, SslSessionRef, SslStream};
use openssl::x509::verify::X509CheckFlags;
use openssl_sys::{
    SSL_CTX_set_ciphersuites, SSL_SESSION_should_be_single_use, SSL_has_pending,
    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
};
use std::borrow::Cow;
use std::ffi::{CString, c_void};

/// The name used in messages.
pub const NAME: &str = "AWS-LC";

/// The feature name that `wsline_has_feature()` reports.
pub const FEATURE: &str = "tls-aws-lc";

/// AWS-LC refuses renegotiation by default.
pub fn disable_renegotiation(_ssl: &mut SslRef) {}

/// AWS-LC always frees empty buffers.
pub fn release_tls_buffers<S>(_tls: &mut SslStream<S>) {}

/// Whether AWS-LC has read more than it has returned.
pub fn tls_has_pending<S>(tls: &SslStream<S>) -> bool {
    // SAFETY: reads of an `SSL` that lives while `tls` is borrowed.
    unsafe { SSL_has_pending(tls.ssl().as_ptr()) == 1 }
}

/// Fails unless `context` is NULL: the caller's context would belong to another TLS library,
/// because this AWS-LC is private to this library.
///
/// # Safety
///
/// Safe with any pointer. The function for OpenSSL dereferences its argument.
pub unsafe fn ssl_context(context: *mut c_void) -> Result<Option<SslContext>, Error> {
    if context.is_null() {
        return Ok(None);
    }
    Err(Error::new(
        Kind::NotSupported,
        "this build of wsline uses AWS-LC for TLS and cannot use the program's SSL_CTX",
    ))
}

/// Only subjectAltName counts (RFC 9525 section 4.1). AWS-LC matches a wildcard only against a
/// whole label anyway.
pub fn host_flags() -> X509CheckFlags {
    X509CheckFlags::from_bits_retain(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT.unsigned_abs())
}

/// Sets the ciphers of TLS 1.3.
pub fn set_ciphersuites(builder: &mut SslContextBuilder, list: &str) -> Result<(), ErrorStack> {
    let list = CString::new(list).map_err(|_| ErrorStack::get())?;
    // SAFETY: `builder` is borrowed exclusively, and `list` ends with a NUL.
    match unsafe { SSL_CTX_set_ciphersuites(builder.as_ptr(), list.as_ptr()) } {
        1 => Ok(()),
        _ => Err(ErrorStack::get()),
    }
}

/// Whether this is a TLS 1.3 session, which can be resumed only once.
pub fn is_ticket(session: &SslSessionRef) -> bool {
    // SAFETY: reads of a session that lives while it is borrowed.
    unsafe { SSL_SESSION_should_be_single_use(session.as_ptr()) == 1 }
}

/// Why a call failed, in OpenSSL's words: AWS-LC has the same reasons, but writes them as
/// `WRONG_VERSION_NUMBER`.
pub fn reason(error: &error::Error) -> Option<Cow<'static, str>> {
    let reason = error.reason()?;
    Some(reason.to_ascii_lowercase().replace('_', " ").into())
}
