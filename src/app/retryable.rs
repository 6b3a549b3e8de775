// SPDX-License-Identifier: Apache-2.0
//! Which failures are worth retrying.

use crate::base::error::{Error, Kind};

/// False for failures that would repeat: an invalid URL or option, a rejected certificate, a server
/// that rejects the upgrade. A file may have changed by the next attempt.
pub fn is_retryable(error: &Error) -> bool {
    match error.kind() {
        _ if error.is_retryable() => true,
        Kind::InvalidArgument
        | Kind::WrongState
        | Kind::InvalidUrl
        | Kind::NotSupported
        | Kind::ProxyAuth
        | Kind::TlsVerify
        | Kind::TlsConfig
        | Kind::BadUpgrade
        | Kind::TooManyRedirects
        | Kind::Internal => false,
        Kind::BadStatus => is_temporary(error.http_status()),
        _ => true,
    }
}

/// Whether other credentials may change the result: those of the server, of a gateway before it, or
/// of the proxy.
pub fn concerns_credentials(error: &Error) -> bool {
    error.kind() == Kind::ProxyAuth || matches!(error.http_status(), 401 | 403 | 407)
}

/// RFC 9110 section 15: client errors are final except "Request Timeout", "Too Early" (RFC 8470)
/// and "Too Many Requests" (RFC 6585); server errors may be temporary.
fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 425 | 429) || status >= 500
}

/// Statuses with which Retry-After is meaningful (RFC 9110 section 10.2.3, RFC 6585 section 4).
pub fn may_have_retry_after(status: u16) -> bool {
    matches!(status, 429 | 503)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejections_are_final_and_temporary_failures_are_retried() {
        let of = |status| Error::new(Kind::BadStatus, "x").with_http_status(status);
        for status in [200, 301, 400, 401, 403, 404, 410, 426] {
            assert!(!is_retryable(&of(status)), "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert!(is_retryable(&of(status)), "{status}");
        }
        for kind in [
            Kind::TlsVerify,
            Kind::TlsConfig,
            Kind::InvalidUrl,
            Kind::ProxyAuth,
        ] {
            assert!(!is_retryable(&Error::new(kind, "x")), "{kind:?}");
        }
        assert!(is_retryable(&Error::new(Kind::TlsConfig, "x").retryable()));
        for kind in [Kind::Resolve, Kind::Connect, Kind::Timeout, Kind::Protocol] {
            assert!(is_retryable(&Error::new(kind, "x")), "{kind:?}");
        }
    }
}
