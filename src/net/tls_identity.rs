// SPDX-License-Identifier: Apache-2.0
//! Who this side says it is: the client certificate and its key.

use super::tls_error::{config, config_error};
use crate::base::error::{Error, Kind, Phase};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::SslContextBuilder;
use openssl::x509::X509;
use std::fs;

/// No `Debug`: a key and its password are among them.
#[derive(Clone, Default)]
pub struct Identity {
    pub certificate: Option<Pem>,
    pub key: Option<Pem>,
    pub key_password: Option<String>,
}

#[derive(Clone)]
pub enum Pem {
    File(String),
    Bytes(Vec<u8>),
}

impl Identity {
    pub fn apply(&self, builder: &mut SslContextBuilder) -> Result<(), Error> {
        let (certificate, key) = match (&self.certificate, &self.key) {
            (None, None) => return Ok(()),
            (Some(certificate), Some(key)) => (certificate, key),
            // A file may hold both, as curl and nginx allow.
            (Some(certificate), None) => (certificate, certificate),
            (None, Some(_)) => {
                return Err(config_error("a client key is set without its certificate"));
            }
        };
        let chain = X509::stack_from_pem(&certificate.read("client certificate")?)
            .map_err(|error| config("read the client certificate", &error))?;
        let mut chain = chain.into_iter();
        let leaf = chain.next().ok_or_else(|| {
            config_error("there is no certificate in the client certificate's PEM data")
        })?;
        let key = self.private_key(&key.read("client key")?)?;
        // OpenSSL looks itself only where both are of one kind, such as RSA.
        if !leaf.public_key().is_ok_and(|public| public.public_eq(&key)) {
            return Err(config_error(
                "the client key is not that of the client certificate",
            ));
        }
        let using = |error: ErrorStack| config("use the client certificate", &error);
        builder.set_certificate(&leaf).map_err(using)?;
        for issuer in chain {
            builder.add_extra_chain_cert(issuer).map_err(using)?;
        }
        builder.set_private_key(&key).map_err(using)
    }

    /// Never asks on the terminal, as OpenSSL would for an encrypted key without a password.
    fn private_key(&self, pem: &[u8]) -> Result<PKey<Private>, Error> {
        let password = self.key_password.as_deref().unwrap_or_default().as_bytes();
        let mut is_encrypted = false;
        PKey::private_key_from_pem_callback(pem, |space| {
            is_encrypted = true;
            match space.get_mut(..password.len()) {
                Some(space) => space.copy_from_slice(password),
                None => return Err(ErrorStack::get()),
            }
            Ok(password.len())
        })
        .map_err(|error| match (is_encrypted, &self.key_password) {
            (false, _) => config("read the client key", &error),
            (true, None) => config_error("the client key is encrypted, and no password is set"),
            (true, Some(_)) => {
                config_error("the password that is set does not open the client key")
            }
        })
    }
}

impl Pem {
    fn read(&self, what: &str) -> Result<Vec<u8>, Error> {
        match self {
            Self::File(path) => read(path, what),
            Self::Bytes(bytes) => Ok(bytes.clone()),
        }
    }
}

pub fn read(path: &str, what: &str) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| {
        let what = format!("read the {what} {path:?}");
        Error::os(Kind::TlsConfig, what, &error).in_phase(Phase::Tls)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tls_server::{Site, identity};
    use super::*;
    use openssl::rsa::Rsa;
    use openssl::symm::Cipher;

    fn message(change: impl FnOnce(&mut Identity)) -> String {
        let site = Site::usual();
        let mut options = site.trusted();
        change(&mut options.settings_mut().identity);
        let error = site.connect(&options).err().unwrap();
        assert_eq!(Kind::TlsConfig, error.kind());
        error.message().to_owned()
    }

    fn encrypted(key: &PKey<Private>) -> Pem {
        let cipher = Cipher::aes_128_cbc();
        let pem = key.private_key_to_pem_pkcs8_passphrase(cipher, b"right");
        Pem::Bytes(pem.unwrap())
    }

    #[test]
    fn a_password_opens_a_key_or_it_is_said_what_is_missing() {
        let (certificate, key) = identity("client");
        let with = |password: Option<&str>| Identity {
            certificate: Some(Pem::Bytes(certificate.to_pem().unwrap())),
            key: Some(encrypted(&key)),
            key_password: password.map(str::to_owned),
        };
        let site = Site::usual();
        let mut options = site.trusted();
        options.settings_mut().identity = with(Some("right"));
        site.connect(&options).unwrap();
        assert_eq!(
            "the client key is encrypted, and no password is set",
            message(|identity| *identity = with(None))
        );
        for wrong in ["", "wrong", &"long".repeat(1000)] {
            assert_eq!(
                "the password that is set does not open the client key",
                message(|identity| *identity = with(Some(wrong)))
            );
        }
    }

    #[test]
    fn a_key_belongs_to_its_certificate() {
        let (certificate, _) = identity("client");
        let (_, same_kind) = identity("client");
        let other_kind = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        for key in [same_kind, other_kind] {
            assert_eq!(
                "the client key is not that of the client certificate",
                message(|identity| {
                    identity.certificate = Some(Pem::Bytes(certificate.to_pem().unwrap()));
                    identity.key = Some(Pem::Bytes(key.private_key_to_pem_pkcs8().unwrap()));
                })
            );
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let (certificate, key) = identity("client");
        let key = Pem::Bytes(key.private_key_to_pem_pkcs8().unwrap());
        let certificate = Pem::Bytes(certificate.to_pem().unwrap());
        assert_eq!(
            "a client key is set without its certificate",
            message(|identity| identity.key = Some(key.clone()))
        );
        assert_eq!(
            "there is no certificate in the client certificate's PEM data",
            message(|identity| identity.certificate = Some(key.clone()))
        );
        let no_key = message(|identity| identity.certificate = Some(certificate));
        assert!(no_key.starts_with("read the client key: "), "{no_key}");
        let no_file = message(|identity| identity.certificate = Some(Pem::File("/no".to_owned())));
        assert!(
            no_file.starts_with("read the client certificate \"/no\": "),
            "{no_file}"
        );
    }
}
