// SPDX-License-Identifier: Apache-2.0
//! The client certificate and its key.

use super::error::{config, config_error, unreadable};
use crate::base::error::Error;
use crate::base::sync::Arc;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::SslContextBuilder;
use openssl::x509::X509;
use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;

/// No `Debug`: it contains a key and its password.
#[derive(Clone, Default)]
pub struct Identity {
    pub certificate: Option<Pem>,
    pub key: Option<Pem>,
    pub key_password: Option<String>,
}

#[derive(Clone)]
pub enum Pem {
    File(String),
    Bytes(Arc<Vec<u8>>),
}

/// The name of a part, and the prefix of the options that set it.
#[derive(Clone, Copy)]
struct Part {
    name: &'static str,
    option: &'static str,
}

const CERTIFICATE: Part = Part {
    name: "client certificate",
    option: "wsline_options_set_tls_certificate",
};
const KEY: Part = Part {
    name: "client key",
    option: "wsline_options_set_tls_key",
};

impl Identity {
    pub fn apply(&self, builder: &mut SslContextBuilder) -> Result<(), Error> {
        let certificate = match (&self.certificate, &self.key) {
            (None, None) => return Ok(()),
            (Some(certificate), _) => certificate,
            (None, Some(key)) => {
                let setter = match key {
                    Pem::File(_) => "wsline_options_set_tls_certificate_file()",
                    Pem::Bytes(_) => "wsline_options_set_tls_certificate_pem()",
                };
                let what = key.shown(KEY);
                return Err(config_error(format!(
                    "{what} has no certificate; set it with {setter}"
                )));
            }
        };
        let shown = certificate.shown(CERTIFICATE);
        let pem = certificate.read(&shown)?;
        let chain = X509::stack_from_pem(&pem)
            .map_err(|error| config(format_args!("read {shown}"), &error))?;
        let mut chain = chain.into_iter();
        let leaf = chain
            .next()
            .ok_or_else(|| config_error(format!("there is no certificate in {shown}")))?;
        let (key, key_shown) = match &self.key {
            Some(key) => {
                let key_shown = key.shown(KEY);
                let pem = key.read(&key_shown)?;
                if !has_key(&pem) {
                    return Err(config_error(format!("there is no key in {key_shown}")));
                }
                (self.private_key(&pem, &key_shown)?, key_shown)
            }
            // One file may contain both, as in curl and nginx.
            None if has_key(&pem) => (self.private_key(&pem, &shown)?, shown.clone()),
            None => {
                let message = match certificate {
                    Pem::File(path) => format!(
                        "{} has no private key; set it with wsline_options_set_tls_key_file()",
                        path.escape_debug()
                    ),
                    Pem::Bytes(_) => format!(
                        "{shown} has no private key; set it with wsline_options_set_tls_key_pem()"
                    ),
                };
                return Err(config_error(message));
            }
        };
        // OpenSSL makes this check only if both keys are of one type, such as RSA.
        if !leaf.public_key().is_ok_and(|public| public.public_eq(&key)) {
            return Err(config_error(format!(
                "the key in {key_shown} does not match {shown}"
            )));
        }
        let using = |error: ErrorStack| config(format_args!("use {shown}"), &error);
        builder.set_certificate(&leaf).map_err(using)?;
        for issuer in chain {
            builder.add_extra_chain_cert(issuer).map_err(using)?;
        }
        builder.set_private_key(&key).map_err(using)
    }

    /// The files that the identity is read from.
    pub fn paths(&self) -> Vec<PathBuf> {
        let parts = [&self.certificate, &self.key].into_iter().flatten();
        let paths = parts.filter_map(|part| match part {
            Pem::File(path) => Some(path.into()),
            Pem::Bytes(_) => None,
        });
        paths.collect()
    }

    /// Never prompts on the terminal, as OpenSSL would for an encrypted key without a password.
    fn private_key(&self, pem: &[u8], shown: &str) -> Result<PKey<Private>, Error> {
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
            (false, _) => config(format_args!("read the key in {shown}"), &error),
            (true, None) => config_error(format!(
                "the key in {shown} is encrypted; set its password with wsline_options_set_tls_key_password()"
            )),
            (true, Some(_)) => config_error(format!(
                "the password (wsline_options_set_tls_key_password) does not decrypt the key in {shown}"
            )),
        })
    }
}

impl Pem {
    /// Describes the part: its name, its path and its option.
    fn shown(&self, part: Part) -> String {
        let Part { name, option } = part;
        match self {
            Self::File(path) => format!("the {name} {path:?} ({option}_file)"),
            Self::Bytes(_) => format!("the {name}'s PEM data ({option}_pem)"),
        }
    }

    fn read(&self, shown: &str) -> Result<Cow<'_, [u8]>, Error> {
        match self {
            Self::File(path) => match fs::read(path) {
                Ok(pem) => Ok(pem.into()),
                Err(error) => Err(unreadable(shown, &error)),
            },
            Self::Bytes(bytes) => Ok(bytes.as_slice().into()),
        }
    }
}

/// Matches the labels of RFC 7468 sections 10 and 11, and those of specific key types.
fn has_key(pem: &[u8]) -> bool {
    const LABEL_END: &[u8] = b"PRIVATE KEY-----";
    pem.windows(LABEL_END.len()).any(|bytes| bytes == LABEL_END)
}

#[cfg(test)]
mod tests {
    use super::super::test_server::{Site, identity};
    use super::*;
    use crate::base::error::Kind;
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
        Pem::Bytes(Arc::new(pem.unwrap()))
    }

    #[test]
    fn a_missing_or_wrong_key_password_is_named() {
        let (certificate, key) = identity("client");
        let with = |password: Option<&str>| Identity {
            certificate: Some(Pem::Bytes(Arc::new(certificate.to_pem().unwrap()))),
            key: Some(encrypted(&key)),
            key_password: password.map(str::to_owned),
        };
        let site = Site::usual();
        let mut options = site.trusted();
        options.settings_mut().identity = with(Some("right"));
        site.connect(&options).unwrap();
        assert_eq!(
            "the key in the client key's PEM data (wsline_options_set_tls_key_pem) is encrypted; \
             set its password with wsline_options_set_tls_key_password()",
            message(|identity| *identity = with(None))
        );
        for wrong in ["", "wrong", &"long".repeat(1000)] {
            assert_eq!(
                "the password (wsline_options_set_tls_key_password) does not decrypt the key in the client \
                 key's PEM data (wsline_options_set_tls_key_pem)",
                message(|identity| *identity = with(Some(wrong)))
            );
        }
    }

    #[test]
    fn a_key_must_match_its_certificate() {
        let (certificate, _) = identity("client");
        let (_, same_kind) = identity("client");
        let other_kind = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        for key in [same_kind, other_kind] {
            assert_eq!(
                "the key in the client key's PEM data (wsline_options_set_tls_key_pem) does not match the \
                 client certificate's PEM data (wsline_options_set_tls_certificate_pem)",
                message(|identity| {
                    identity.certificate =
                        Some(Pem::Bytes(Arc::new(certificate.to_pem().unwrap())));
                    identity.key = Some(Pem::Bytes(Arc::new(
                        key.private_key_to_pem_pkcs8().unwrap(),
                    )));
                })
            );
        }
    }

    #[test]
    fn missing_parts_are_named() {
        let (certificate, key) = identity("client");
        let key = Pem::Bytes(Arc::new(key.private_key_to_pem_pkcs8().unwrap()));
        let certificate = Pem::Bytes(Arc::new(certificate.to_pem().unwrap()));
        let file = |path: &str| Some(Pem::File(path.to_owned()));
        let rows: [(_, _, &str); 8] = [
            (
                None,
                Some(key.clone()),
                "the client key's PEM data (wsline_options_set_tls_key_pem) has no certificate; set it with wsline_options_set_tls_certificate_pem()",
            ),
            (
                None,
                file("/k"),
                "the client key \"/k\" (wsline_options_set_tls_key_file) has no certificate; set it with wsline_options_set_tls_certificate_file()",
            ),
            (
                Some(key.clone()),
                None,
                "there is no certificate in the client certificate's PEM data (wsline_options_set_tls_certificate_pem)",
            ),
            (
                file("/dev/null"),
                None,
                "there is no certificate in the client certificate \"/dev/null\" (wsline_options_set_tls_certificate_file)",
            ),
            (
                Some(certificate.clone()),
                None,
                "the client certificate's PEM data (wsline_options_set_tls_certificate_pem) has no private key; set it with wsline_options_set_tls_key_pem()",
            ),
            (
                Some(certificate.clone()),
                file("/dev/null"),
                "there is no key in the client key \"/dev/null\" (wsline_options_set_tls_key_file)",
            ),
            (
                file("/no"),
                None,
                "read the client certificate \"/no\" (wsline_options_set_tls_certificate_file): no such file or directory",
            ),
            (
                Some(certificate.clone()),
                file("/no"),
                "read the client key \"/no\" (wsline_options_set_tls_key_file): no such file or directory",
            ),
        ];
        for (certificate, key, expected) in rows {
            let said = message(|identity| {
                identity.certificate = certificate;
                identity.key = key;
            });
            assert_eq!(expected, said);
        }
    }

    #[test]
    fn a_certificate_file_without_a_key_names_the_setter() {
        let path = std::env::temp_dir().join(format!("wsline-{}-cert.pem", std::process::id()));
        fs::write(&path, identity("client").0.to_pem().unwrap()).unwrap();
        let path = path.to_str().unwrap();
        let said = message(|identity| identity.certificate = Some(Pem::File(path.to_owned())));
        fs::remove_file(path).unwrap();
        assert_eq!(
            format!("{path} has no private key; set it with wsline_options_set_tls_key_file()"),
            said
        );
    }
}
