// SPDX-License-Identifier: Apache-2.0
//! What another try may mend.

use crate::base::error::{Error, Kind};

/// False for what will be the same the next time: a wrong URL or option, a certificate that was
/// refused, a server that says no. A file may be another one the next time.
pub fn is_retryable(error: &Error) -> bool {
    match error.kind() {
        _ if error.is_passing() => true,
        Kind::InvalidArgument
        | Kind::InvalidUrl
        | Kind::NotSupported
        | Kind::ProxyAuth
        | Kind::TlsVerify
        | Kind::TlsConfig
        | Kind::BadUpgrade
        | Kind::TooManyRedirects
        | Kind::Internal => false,
        Kind::BadStatus => is_passing(error.http_status()),
        _ => true,
    }
}

/// RFC 9110 section 15: the client's errors are final but for "Request Timeout", "Too Early" (RFC
/// 8470) and "Too Many Requests" (RFC 6585); the server's may pass.
fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429) || status >= 500
}

/// Statuses that may say when to come back (RFC 9110 section 10.2.3, RFC 6585 section 4).
pub fn may_name_a_time(status: u16) -> bool {
    matches!(status, 429 | 503)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_final_and_troubles_pass() {
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
        assert!(is_retryable(&Error::new(Kind::TlsConfig, "x").passing()));
        for kind in [Kind::Resolve, Kind::Connect, Kind::Timeout, Kind::Protocol] {
            assert!(is_retryable(&Error::new(kind, "x")), "{kind:?}");
        }
    }
}
