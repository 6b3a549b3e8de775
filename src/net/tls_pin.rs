// SPDX-License-Identifier: Apache-2.0
//! The fingerprint of a public key that a server is expected to have.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use openssl::error::ErrorStack;
use openssl::sha::sha256;
use openssl::x509::X509Ref;
use std::fmt;

/// SHA-256 of a SubjectPublicKeyInfo (RFC 7469 section 2.4): it stays the same when a certificate is renewed with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    /// From base64; `None` where that is not 32 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        BASE64.decode(text).ok()?.try_into().ok().map(Self)
    }

    pub fn of(certificate: &X509Ref) -> Result<Self, ErrorStack> {
        let key = certificate.public_key()?.public_key_to_der()?;
        Ok(Self(sha256(&key)))
    }
}

/// As it is parsed.
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_32_bytes_of_base64() {
        let text = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(Pin::parse(text).expect("a pin").to_string(), text);
        for bad in [
            "",
            "47DEQpj8",
            "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            &text[1..],
            &text[..43],
        ] {
            assert_eq!(Pin::parse(bad), None, "{bad}");
        }
    }
}
