// SPDX-License-Identifier: Apache-2.0
//! OpenSSL, where AWS-LC differs from it; `aws_lc.rs` has the same functions. One of the files that
//! may use `unsafe`.
#![allow(unsafe_code, reason = "each block is one call of OpenSSL")]

use crate::base::error::Error;
use foreign_types::ForeignTypeRef;
use openssl::error::{self, ErrorStack};
use openssl::ssl::{
    SslContext, SslContextBuilder, SslContextRef, SslOptions, SslRef, SslSessionRef, SslStream,
    SslVersion,
};
use openssl::x509::verify::X509CheckFlags;
use openssl_sys::{SSL, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, SSL_ctrl};
use std::borrow::Cow;
use std::ffi::{c_int, c_void};

/// The name used in messages.
pub const NAME: &str = "OpenSSL";

/// The feature name that `wsline_has_feature()` reports.
pub const FEATURE: &str = "tls-openssl";

unsafe extern "C" {
    /// In libssl; no crate declares it.
    fn SSL_free_buffers(ssl: *mut SSL) -> c_int;
    /// In libssl; no crate declares it.
    fn SSL_has_pending(ssl: *const SSL) -> c_int;
    /// In libssl; a macro before OpenSSL 3.
    fn SSL_set_options(ssl: *mut SSL, options: u64) -> u64;
}

/// Refuses renegotiation requested by the peer. TLS 1.3 has none.
pub fn disable_renegotiation(ssl: &mut SslRef) {
    let options = SslOptions::NO_RENEGOTIATION.bits();
    // SAFETY: sets a flag of `ssl`, which is borrowed exclusively; takes no pointer.
    unsafe { SSL_set_options(ssl.as_ptr(), options) };
}

/// Makes OpenSSL free its buffers now and after each record.
pub fn release_tls_buffers<S>(tls: &mut SslStream<S>) {
    let ssl = tls.ssl();
    let (command, mode) = (SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS);
    // SAFETY: sets a flag of `ssl`, which is exclusive while `tls` is borrowed; takes no pointer.
    unsafe { SSL_ctrl(ssl.as_ptr(), command, mode, std::ptr::null_mut()) };
    // SAFETY: as above; buffers that are in use are kept.
    unsafe { SSL_free_buffers(ssl.as_ptr()) };
}

/// Whether OpenSSL has read more than it has returned, as it does in a context with read-ahead.
pub fn tls_has_pending<S>(tls: &SslStream<S>) -> bool {
    // SAFETY: reads of an `SSL` that lives while `tls` is borrowed.
    unsafe { SSL_has_pending(tls.ssl().as_ptr()) == 1 }
}

/// The caller's `SSL_CTX`, with our own reference to it; `None` for NULL.
///
/// # Safety
///
/// `context` is NULL or points to an `SSL_CTX` of the libssl that this library is linked with.
pub unsafe fn ssl_context(context: *mut c_void) -> Result<Option<SslContext>, Error> {
    if context.is_null() {
        return Ok(None);
    }
    // SAFETY: promised by the caller.
    let context = unsafe { SslContextRef::from_ptr(context.cast()) };
    Ok(Some(context.to_owned()))
}

/// Only subjectAltName counts (RFC 9525 section 4.1), and a wildcard matches only a whole label.
pub fn host_flags() -> X509CheckFlags {
    X509CheckFlags::NO_PARTIAL_WILDCARDS | X509CheckFlags::NEVER_CHECK_SUBJECT
}

/// Sets the ciphers of TLS 1.3.
pub fn set_ciphersuites(builder: &mut SslContextBuilder, list: &str) -> Result<(), ErrorStack> {
    builder.set_ciphersuites(list)
}

/// Whether this is a TLS 1.3 session, which can be resumed only once.
pub fn is_ticket(session: &SslSessionRef) -> bool {
    session.protocol_version() == SslVersion::TLS1_3
}

/// Why a call failed, in words.
pub fn reason(error: &error::Error) -> Option<Cow<'static, str>> {
    error.reason().map(Cow::Borrowed)
}
