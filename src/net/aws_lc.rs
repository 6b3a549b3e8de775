// SPDX-License-Identifier: Apache-2.0
//! AWS-LC, where it differs from OpenSSL; `openssl.rs` has the same functions. One of the places
//! where `unsafe` may stand.
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

/// As messages call it.
pub const NAME: &str = "AWS-LC";

/// What `wsline_has_feature()` is asked for.
pub const FEATURE: &str = "tls-aws-lc";

/// AWS-LC refuses each renegotiation unless it is told otherwise.
pub fn refuse_renegotiation(_ssl: &mut SslRef) {}

/// AWS-LC always parts with a buffer that holds nothing.
pub fn release_tls_buffers<S>(_tls: &mut SslStream<S>) {}

/// Whether AWS-LC has read more than it has handed out.
pub fn tls_has_pending<S>(tls: &SslStream<S>) -> bool {
    // SAFETY: reads of an `SSL` that lives while `tls` is borrowed.
    unsafe { SSL_has_pending(tls.ssl().as_ptr()) == 1 }
}

/// A context of the caller's would be one of another library: this AWS-LC is in this library alone.
/// NULL is `None`.
///
/// # Safety
///
/// None is asked for. The function for OpenSSL reads what it is given.
pub unsafe fn ssl_context(context: *mut c_void) -> Result<Option<SslContext>, Error> {
    if context.is_null() {
        return Ok(None);
    }
    Err(Error::new(
        Kind::NotSupported,
        "this build of wsline uses AWS-LC for TLS and cannot use an SSL_CTX of the program's",
    ))
}

/// Only subjectAltName counts (RFC 9525 section 4.1); AWS-LC takes a wildcard for a whole label
/// only, anyway.
pub fn host_flags() -> X509CheckFlags {
    X509CheckFlags::from_bits_retain(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT.unsigned_abs())
}

/// Sets the ciphers of TLS 1.3.
pub fn set_ciphersuites(builder: &mut SslContextBuilder, list: &str) -> Result<(), ErrorStack> {
    let list = CString::new(list).map_err(|_| ErrorStack::get())?;
    // SAFETY: `builder` is ours alone while it is borrowed, and `list` ends with a NUL.
    match unsafe { SSL_CTX_set_ciphersuites(builder.as_ptr(), list.as_ptr()) } {
        1 => Ok(()),
        _ => Err(ErrorStack::get()),
    }
}

/// A session of TLS 1.3, which is used up when it is resumed.
pub fn is_ticket(session: &SslSessionRef) -> bool {
    // SAFETY: reads of a session that lives while it is borrowed.
    unsafe { SSL_SESSION_should_be_single_use(session.as_ptr()) == 1 }
}

/// Why a call failed, in OpenSSL's words: AWS-LC has the same, but writes them as
/// `WRONG_VERSION_NUMBER`.
pub fn reason(error: &error::Error) -> Option<Cow<'static, str>> {
    let reason = error.reason()?;
    Some(reason.to_ascii_lowercase().replace('_', " ").into())
}
