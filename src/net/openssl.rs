// SPDX-License-Identifier: Apache-2.0
//! OpenSSL, where AWS-LC differs from it; `aws_lc.rs` has the same functions. One of the places
//! where `unsafe` may stand.
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

/// As messages call it.
pub const NAME: &str = "OpenSSL";

/// What `wsline_has_feature()` is asked for.
pub const FEATURE: &str = "tls-openssl";

unsafe extern "C" {
    /// Of libssl; no crate declares it.
    fn SSL_free_buffers(ssl: *mut SSL) -> c_int;
    /// Likewise.
    fn SSL_has_pending(ssl: *const SSL) -> c_int;
    /// Of libssl, too; a macro before OpenSSL 3.
    fn SSL_set_options(ssl: *mut SSL, options: u64) -> u64;
}

/// Has a renegotiation that the peer asks for refused. TLS 1.3 knows none.
pub fn refuse_renegotiation(ssl: &mut SslRef) {
    let options = SslOptions::NO_RENEGOTIATION.bits();
    // SAFETY: sets a flag of `ssl`, which is ours alone; takes no pointer.
    unsafe { SSL_set_options(ssl.as_ptr(), options) };
}

/// Makes OpenSSL hold no buffers between two records, nor now.
pub fn release_tls_buffers<S>(tls: &mut SslStream<S>) {
    let ssl = tls.ssl();
    let (command, mode) = (SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS);
    // SAFETY: sets a flag of `ssl`, which is ours alone while `tls` is borrowed; takes no pointer.
    unsafe { SSL_ctrl(ssl.as_ptr(), command, mode, std::ptr::null_mut()) };
    // SAFETY: likewise; buffers that hold something stay.
    unsafe { SSL_free_buffers(ssl.as_ptr()) };
}

/// Whether OpenSSL has read more than it has handed out, which it does in a context with
/// read-ahead.
pub fn tls_has_pending<S>(tls: &SslStream<S>) -> bool {
    // SAFETY: reads of an `SSL` that lives while `tls` is borrowed.
    unsafe { SSL_has_pending(tls.ssl().as_ptr()) == 1 }
}

/// The caller's `SSL_CTX`, with a reference of our own to it; NULL is `None`.
///
/// # Safety
///
/// `context` is NULL or points to an `SSL_CTX` of the libssl that this library is linked with.
pub unsafe fn ssl_context(context: *mut c_void) -> Result<Option<SslContext>, Error> {
    if context.is_null() {
        return Ok(None);
    }
    // SAFETY: promised by whoever calls.
    let context = unsafe { SslContextRef::from_ptr(context.cast()) };
    Ok(Some(context.to_owned()))
}

/// Only subjectAltName counts (RFC 9525 section 4.1), and a wildcard only for a whole label.
pub fn host_flags() -> X509CheckFlags {
    X509CheckFlags::NO_PARTIAL_WILDCARDS | X509CheckFlags::NEVER_CHECK_SUBJECT
}

/// Sets the ciphers of TLS 1.3.
pub fn set_ciphersuites(builder: &mut SslContextBuilder, list: &str) -> Result<(), ErrorStack> {
    builder.set_ciphersuites(list)
}

/// A session of TLS 1.3, which is used up when it is resumed.
pub fn is_ticket(session: &SslSessionRef) -> bool {
    session.protocol_version() == SslVersion::TLS1_3
}

/// Why a call failed, in words.
pub fn reason(error: &error::Error) -> Option<Cow<'static, str>> {
    error.reason().map(Cow::Borrowed)
}
