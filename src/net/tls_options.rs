// SPDX-License-Identifier: Apache-2.0
//! What the caller wants of TLS, and the OpenSSL context made of it: once per options object, shared by its
//! connections, because loading a trust store costs more than a whole handshake.

use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::{Arc, OnceLock};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    SslContext, SslContextBuilder, SslMethod, SslOptions, SslVerifyMode, SslVersion,
};
use openssl::x509::X509;
use std::fs;
use std::path::Path;

#[derive(Clone, Default)]
pub struct TlsOptions {
    settings: Settings,
    context: Arc<OnceLock<SslContext>>,
}

/// No `Debug`: a key and its password are among them.
#[derive(Clone)]
pub struct Settings {
    pub verify: bool,
    pub verify_host: bool,
    /// In place of the URL's host, for SNI and verification.
    pub server_name: Option<String>,
    /// Any of the three replaces the system's trust store.
    pub ca_file: Option<String>,
    pub ca_path: Option<String>,
    pub ca_pem: Option<Vec<u8>>,
    pub certificate: Option<Pem>,
    pub key: Option<Pem>,
    pub key_password: Option<String>,
}

#[derive(Clone)]
pub enum Pem {
    File(String),
    Bytes(Vec<u8>),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            verify: true,
            verify_host: true,
            server_name: None,
            ca_file: None,
            ca_path: None,
            ca_pem: None,
            certificate: None,
            key: None,
            key_password: None,
        }
    }
}

impl TlsOptions {
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A change asks for a new context; connections under way keep theirs.
    pub fn settings_mut(&mut self) -> &mut Settings {
        self.context = Arc::default();
        &mut self.settings
    }

    pub fn context(&self) -> Result<&SslContext, Error> {
        if let Some(context) = self.context.get() {
            return Ok(context);
        }
        let context = self.settings.build()?;
        // Two threads may build at the same time; the first one's context is kept.
        Ok(self.context.get_or_init(|| context))
    }
}

impl Settings {
    fn build(&self) -> Result<SslContext, Error> {
        let mut builder = SslContextBuilder::new(SslMethod::tls_client())
            .map_err(|error| config("make a TLS context", &error))?;
        self.set_protocol(&mut builder)
            .map_err(|error| config("set up TLS", &error))?;
        builder.set_verify(if self.verify {
            SslVerifyMode::PEER
        } else {
            SslVerifyMode::NONE
        });
        if self.verify {
            self.set_trust(&mut builder)?;
        }
        self.set_identity(&mut builder)?;
        Ok(builder.build())
    }

    fn set_protocol(&self, builder: &mut SslContextBuilder) -> Result<(), ErrorStack> {
        // RFC 9325 section 3.1.1: nothing below 1.2.
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        builder.set_options(SslOptions::NO_RENEGOTIATION);
        // The WebSocket upgrade is one of HTTP/1.1; a server must not choose h2 (RFC 7301).
        builder.set_alpn_protos(b"\x08http/1.1")
    }

    fn set_trust(&self, builder: &mut SslContextBuilder) -> Result<(), Error> {
        if self.ca_file.is_none() && self.ca_path.is_none() && self.ca_pem.is_none() {
            return builder
                .set_default_verify_paths()
                .map_err(|error| config("load the system's CA certificates", &error));
        }
        if let Some(file) = &self.ca_file {
            let pem = read(file, "CA file")?;
            add_authorities(builder, &pem, format_args!("the CA file {file:?}"))?;
        }
        if let Some(path) = &self.ca_path {
            if !Path::new(path).is_dir() {
                return Err(config_error(format!(
                    "the CA path {path:?} is not a directory"
                )));
            }
            builder
                .load_verify_locations(None, Some(Path::new(path)))
                .map_err(|error| config("use the CA path", &error))?;
        }
        if let Some(pem) = &self.ca_pem {
            add_authorities(builder, pem, format_args!("the CA PEM data"))?;
        }
        Ok(())
    }

    fn set_identity(&self, builder: &mut SslContextBuilder) -> Result<(), Error> {
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
        builder
            .set_certificate(&leaf)
            .map_err(|error| config("use the client certificate", &error))?;
        for issuer in chain {
            builder
                .add_extra_chain_cert(issuer)
                .map_err(|error| config("use the client certificate's chain", &error))?;
        }
        let key = self.private_key(&key.read("client key")?)?;
        builder
            .set_private_key(&key)
            .map_err(|error| config("use the client key", &error))
    }

    /// Never asks on the terminal, as OpenSSL would for an encrypted key without a password.
    fn private_key(&self, pem: &[u8]) -> Result<PKey<Private>, Error> {
        let password = self.key_password.as_deref().unwrap_or_default();
        PKey::private_key_from_pem_passphrase(pem, password.as_bytes()).map_err(|error| {
            config(
                "read the client key (a wrong or missing password looks like this, too)",
                &error,
            )
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

fn read(path: &str, what: &str) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| {
        Error::os(
            Kind::TlsConfig,
            format_args!("read the {what} {path:?}"),
            &error,
        )
        .in_phase(Phase::Tls)
    })
}

fn add_authorities(
    builder: &mut SslContextBuilder,
    pem: &[u8],
    what: std::fmt::Arguments<'_>,
) -> Result<(), Error> {
    let authorities =
        X509::stack_from_pem(pem).map_err(|error| config(&format!("read {what}"), &error))?;
    if authorities.is_empty() {
        return Err(config_error(format!("there is no certificate in {what}")));
    }
    for authority in authorities {
        builder
            .cert_store_mut()
            .add_cert(authority)
            .map_err(|error| config(&format!("use {what}"), &error))?;
    }
    Ok(())
}

fn config(what: &str, error: &ErrorStack) -> Error {
    config_error(format!("{what}: {}", reason(error)))
}

fn config_error(message: impl Into<String>) -> Error {
    Error::new(Kind::TlsConfig, message).in_phase(Phase::Tls)
}

/// What OpenSSL gives as the reason, without its file names and numbers.
pub fn reason(errors: &ErrorStack) -> String {
    let reason = errors
        .errors()
        .iter()
        .rev()
        .find_map(openssl::error::Error::reason);
    reason.unwrap_or("no reason given by OpenSSL").to_owned()
}
