// SPDX-License-Identifier: Apache-2.0
//! Pins: the keys that a server may have, whichever authority signed its certificate.

use crate::base::error::Error;
use openssl::base64;
use openssl::sha::sha256;
use openssl::x509::X509Ref;
use std::fmt;

/// The SHA-256 of a SubjectPublicKeyInfo (RFC 7469 section 2.4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        let bytes = base64::decode_block(text).unwrap_or_default();
        let pin = <[u8; 32]>::try_from(bytes).map(Self).ok();
        // OpenSSL also decodes text that it would not produce, such as surrounding spaces or odd
        // padding.
        pin.filter(|pin| pin.to_string() == text).ok_or_else(|| {
            let what = format!("is {text:?}, not the base64 of a SHA-256 (44 characters)");
            Error::argument("base64", what)
        })
    }

    pub(in crate::net) fn of(certificate: &X509Ref) -> Option<Self> {
        let key = certificate.public_key().ok()?;
        Some(Self(sha256(&key.public_key_to_der().ok()?)))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64::encode_block(&self.0))
    }
}

/// Fails with the reason unless the certificate has one of these pins, or there are none.
pub fn check(pins: &[Pin], certificate: Option<&X509Ref>) -> Result<(), String> {
    if pins.is_empty() {
        return Ok(());
    }
    match certificate.and_then(Pin::of) {
        Some(pin) if pins.contains(&pin) => Ok(()),
        Some(pin) => Err(format!(
            "its key has the pin \"{pin}\", which is not among those configured"
        )),
        None => Err("there is no key to compare with the configured pins".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_server::{Site, identity};
    use super::*;
    use crate::base::error::Kind;
    use crate::base::sync::Arc;

    #[test]
    fn a_pin_is_44_characters_of_base64_and_nothing_else() {
        let good = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(good, Pin::from_base64(good).unwrap().to_string());
        for bad in [
            "",
            "=",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
            " 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF==",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUA",
            "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "ä",
        ] {
            let error = Pin::from_base64(bad).err().unwrap();
            assert!(error.message().contains("`base64`"), "{error}");
        }
    }

    #[test]
    fn a_pin_belongs_to_a_key_not_to_a_certificate() {
        let (certificate, key) = identity("localhost");
        let der = key.public_key_to_der().unwrap();
        let pin = Pin(sha256(&der));
        assert_eq!(Ok(()), check(&[pin], Some(&certificate)));
        let (other, _) = identity("localhost");
        assert!(check(&[pin], Some(&other)).is_err());
        assert!(check(&[pin], None).is_err());
        assert_eq!(Ok(()), check(&[], None));
    }

    #[test]
    fn a_pin_is_sufficient_without_verification_and_required_with_it() {
        let site = Site::usual();
        let pin = Pin::of(&site.certificate).unwrap();
        let other = Pin::of(&identity("localhost").0).unwrap();
        for verify in [true, false] {
            let mut options = site.trusted();
            options.settings_mut().verify = verify;
            options.settings_mut().pins = Arc::new(vec![other]);
            for _ in 0..2 {
                let error = site.connect(&options).err().unwrap();
                assert_eq!(Kind::TlsVerify, error.kind());
                assert!(error.message().contains(&pin.to_string()), "{error}");
            }
            Arc::make_mut(&mut options.settings_mut().pins).push(pin);
            for resumed in [false, true] {
                let client = site.connect(&options).unwrap();
                assert_eq!(resumed, client.info().resumed);
            }
        }
    }
}
