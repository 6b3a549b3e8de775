// SPDX-License-Identifier: Apache-2.0
//! Turns OpenSSL's errors into one line.

use crate::base::error::{Error, Kind, Phase};
use crate::net::tls_library;
use openssl::error::ErrorStack;
use openssl::ssl;
use openssl::x509::X509VerifyResult;
use std::borrow::Cow;
use std::fs::File;
use std::io;

// Reasons as OpenSSL words them.
const VERIFY_FAILED: &str = "certificate verify failed";
const NO_MEMORY: &str = "malloc failure";
const UNEXPECTED_EOF: &str = "unexpected eof while reading";
/// How OpenSSL reports a peer whose first bytes are not a TLS record.
const NO_TLS: &str = "wrong version number";

/// `is_ended`: the peer has closed the stream.
pub fn handshake_failed(
    peer: &str,
    error: &ssl::Error,
    verify_result: X509VerifyResult,
    is_ended: bool,
) -> Error {
    let has = |reason| error.ssl_error().is_some_and(|stack| has(stack, reason));
    if has(VERIFY_FAILED) {
        return certificate_rejected(peer, verify_result)
            .with_tls_verify_result(i64::from(verify_result.as_raw()));
    }
    // If an alert arrived right before the end, that is the reason.
    if is_ended && (error.ssl_error().is_none() || has(UNEXPECTED_EOF)) {
        return failed(
            Kind::Tls,
            format!("{peer} closed the connection during the TLS handshake"),
        );
    }
    let hint = if has(NO_TLS) {
        " (does it speak TLS?)"
    } else {
        ""
    };
    failed(
        or_no_memory(Kind::Tls, error.ssl_error()),
        format!("TLS handshake with {peer}: {}{hint}", text(error)),
    )
}

/// OpenSSL reads a directory of certificate authorities while it verifies, and skips files that it
/// cannot open: without a free descriptor its result says nothing about the certificate.
fn certificate_rejected(peer: &str, verify_result: X509VerifyResult) -> Error {
    let message = format!(
        "certificate of {peer} rejected: {}",
        verify_result.error_string()
    );
    match File::open("/") {
        Ok(_) => failed(Kind::TlsVerify, message),
        Err(error) => {
            let message = format!("{message}; cannot read a directory of certificate authorities");
            Error::os(Kind::TlsVerify, message, &error)
                .in_phase(Phase::Tls)
                .retryable()
        }
    }
}

/// An error in the settings: `what` was attempted, and OpenSSL's reason.
pub fn config(what: impl std::fmt::Display, error: &ErrorStack) -> Error {
    let kind = or_no_memory(Kind::TlsConfig, Some(error));
    failed(kind, format!("{what}: {}", reason(error)))
}

/// `what`, which includes the option that names it, cannot be read.
pub fn unreadable(what: impl std::fmt::Display, error: &io::Error) -> Error {
    Error::os(Kind::TlsConfig, format_args!("read {what}"), error).in_phase(Phase::Tls)
}

pub fn config_error(message: impl Into<String>) -> Error {
    failed(Kind::TlsConfig, message)
}

pub fn failed(kind: Kind, message: impl Into<String>) -> Error {
    Error::new(kind, message).in_phase(Phase::Tls)
}

/// `kind`, unless OpenSSL had no memory.
pub fn or_no_memory(kind: Kind, errors: Option<&ErrorStack>) -> Kind {
    match errors {
        Some(errors) if has(errors, NO_MEMORY) => Kind::NoMemory,
        _ => kind,
    }
}

pub fn text(error: &ssl::Error) -> String {
    error.ssl_error().map_or_else(|| error.to_string(), reason)
}

/// OpenSSL's reason, without its file names and numbers.
pub fn reason(errors: &ErrorStack) -> String {
    let reason = errors.errors().iter().rev().find_map(tls_library::reason);
    reason.map_or_else(
        || format!("no reason given by {}", tls_library::NAME),
        Cow::into_owned,
    )
}

fn has(errors: &ErrorStack, reason: &str) -> bool {
    let mut errors = errors.errors().iter();
    errors.any(|error| tls_library::reason(error).is_some_and(|given| given == reason))
}

#[cfg(test)]
mod tests {
    use super::super::channel::Tls;
    use super::super::options::TlsOptions;
    use super::super::protocol::Version;
    use super::super::role::Role;
    use super::super::test_server::{Site, complete_handshake};
    use super::*;
    use openssl::ssl::{SslVerifyMode, SslVersion};

    #[test]
    fn a_failed_handshake_names_the_peer_and_the_reason() {
        let site = Site::with_version(SslVersion::TLS1_2);
        let mut options = site.trusted();
        options.settings_mut().protocol.min_version = Version::Tls1_3;
        let error = site.connect(&options).err().unwrap();
        assert_eq!(
            "TLS handshake with localhost: tlsv1 alert protocol version",
            error.message()
        );
        assert_eq!((Kind::Tls, Phase::Tls), (error.kind(), error.phase()));

        let mut server = site.accept();
        let mut client = Tls::new(&options, "localhost", 443, Role::Proxy).unwrap();
        let error = complete_handshake(&mut client, &mut server).unwrap_err();
        assert_eq!(
            "TLS handshake with proxy localhost: tlsv1 alert protocol version",
            error.message()
        );
    }

    #[test]
    fn an_alert_right_before_the_end_is_the_reason() {
        let site = Site::with_version(SslVersion::TLS1_2);
        let mut options = site.trusted();
        options.settings_mut().protocol.min_version = Version::Tls1_3;
        let mut client = Tls::new(&options, "localhost", 443, Role::Server).unwrap();
        let mut server = site.accept();
        client.handshake().unwrap();
        server.read(client.output());
        client.feed(server.output()).unwrap();
        client.end_input();
        let error = client.handshake().unwrap_err();
        assert!(error.message().ends_with("alert protocol version"));
    }

    #[test]
    fn a_peer_without_tls_adds_a_hint() {
        let mut client = Tls::new(&TlsOptions::default(), "localhost", 443, Role::Proxy).unwrap();
        client.handshake().unwrap();
        client
            .feed(&mut b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())
            .unwrap();
        assert_eq!(
            "TLS handshake with proxy localhost: wrong version number (does it speak TLS?)",
            client.handshake().unwrap_err().message()
        );
    }

    #[test]
    fn a_peer_that_closes_the_connection_is_reported() {
        let mut client = Tls::new(&TlsOptions::default(), "localhost", 443, Role::Server).unwrap();
        client.handshake().unwrap();
        client.end_input();
        assert_eq!(
            "localhost closed the connection during the TLS handshake",
            client.handshake().unwrap_err().message()
        );
    }

    #[test]
    fn without_verification_an_alert_is_not_blamed_on_the_certificate() {
        let site = Site::with(|builder| {
            builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
            let version = Some(SslVersion::TLS1_2);
            builder.set_max_proto_version(version).unwrap();
        });
        let mut options = TlsOptions::default();
        options.settings_mut().verify = false;
        let error = site.connect(&options).err().unwrap();
        assert_eq!(Kind::Tls, error.kind());
        assert!(
            error.message().contains("alert handshake failure"),
            "{error}"
        );
    }
}
