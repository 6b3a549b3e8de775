// SPDX-License-Identifier: Apache-2.0
//! The OpenSSL context that is made of the settings: the trust store, the client's certificate, what is spoken.

use super::tls_options::{Pem, Settings};
use super::tls_session::Sessions;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::Arc;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    SslContext, SslContextBuilder, SslMethod, SslOptions, SslVerifyMode, SslVersion,
};
use openssl::x509::X509;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A context, and the sessions of its connections.
pub struct Context {
    pub ssl: SslContext,
    pub sessions: Arc<Sessions>,
}

impl Context {
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let sessions = Arc::default();
        let ssl = match &settings.ssl_ctx {
            // Its callbacks are its owner's, so nothing of it is collected.
            Some(own) => own.clone(),
            None => build(settings, &sessions)?,
        };
        Ok(Self { ssl, sessions })
    }
}

fn build(settings: &Settings, sessions: &Arc<Sessions>) -> Result<SslContext, Error> {
    let mut builder = SslContextBuilder::new(SslMethod::tls_client())
        .map_err(|error| config("make a TLS context", &error))?;
    set_protocol(&mut builder, settings)?;
    builder.set_verify(if settings.verify {
        SslVerifyMode::PEER
    } else {
        SslVerifyMode::NONE
    });
    if settings.verify {
        set_trust(&mut builder, settings)?;
    }
    set_identity(&mut builder, settings)?;
    if let Some(path) = &settings.keylog_file {
        set_keylog(&mut builder, path)?;
    }
    sessions.collect(&mut builder)?;
    Ok(builder.build())
}

fn set_protocol(builder: &mut SslContextBuilder, settings: &Settings) -> Result<(), Error> {
    let (min, max) = (settings.min_version, settings.max_version);
    if max.is_some_and(|max| max < min) {
        let what = "the maximum TLS version is below the minimum";
        return Err(config_error(what));
    }
    let setup = |error: ErrorStack| config("set up TLS", &error);
    builder
        .set_min_proto_version(Some(min.into()))
        .map_err(setup)?;
    builder
        .set_max_proto_version(max.map(SslVersion::from))
        .map_err(setup)?;
    builder.set_options(SslOptions::NO_RENEGOTIATION);
    if !settings.alpn.is_empty() {
        builder.set_alpn_protos(&settings.alpn).map_err(setup)?;
    }
    if let Some(list) = &settings.ciphers {
        let set = builder.set_cipher_list(list);
        set.map_err(|error| config(&format!("use the ciphers {list:?}"), &error))?;
    }
    if let Some(list) = &settings.ciphersuites {
        let set = builder.set_ciphersuites(list);
        set.map_err(|error| config(&format!("use the cipher suites {list:?}"), &error))?;
    }
    if let Some(list) = &settings.curves {
        let set = builder.set_groups_list(list);
        set.map_err(|error| config(&format!("use the curves {list:?}"), &error))?;
    }
    Ok(())
}

/// Lines in the format of NSS, which Wireshark reads.
fn set_keylog(builder: &mut SslContextBuilder, path: &str) -> Result<(), Error> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| unreadable("open", "key log file", path, &error))?;
    builder.set_keylog_callback(move |_, line| {
        // One write a line, so that lines of several connections stay whole. A full disk must not end a handshake.
        let _ = (&file).write_all(format!("{line}\n").as_bytes());
    });
    Ok(())
}

fn set_trust(builder: &mut SslContextBuilder, settings: &Settings) -> Result<(), Error> {
    if settings.ca_file.is_none() && settings.ca_path.is_none() && settings.ca_pem.is_none() {
        return builder
            .set_default_verify_paths()
            .map_err(|error| config("load the system's CA certificates", &error));
    }
    if let Some(file) = &settings.ca_file {
        let pem = read_file(file, "CA file")?;
        add_authorities(builder, &pem, format_args!("the CA file {file:?}"))?;
    }
    if let Some(path) = &settings.ca_path {
        if !Path::new(path).is_dir() {
            return Err(config_error(format!(
                "the CA path {path:?} is not a directory"
            )));
        }
        builder
            .load_verify_locations(None, Some(Path::new(path)))
            .map_err(|error| config("use the CA path", &error))?;
    }
    if let Some(pem) = &settings.ca_pem {
        add_authorities(builder, pem, format_args!("the CA PEM data"))?;
    }
    Ok(())
}

fn set_identity(builder: &mut SslContextBuilder, settings: &Settings) -> Result<(), Error> {
    let (certificate, key) = match (&settings.certificate, &settings.key) {
        (None, None) => return Ok(()),
        (Some(certificate), Some(key)) => (certificate, key),
        // A file may hold both, as curl and nginx allow.
        (Some(certificate), None) => (certificate, certificate),
        (None, Some(_)) => {
            return Err(config_error("a client key is set without its certificate"));
        }
    };
    let chain = X509::stack_from_pem(&read(certificate, "client certificate")?)
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
    let key = private_key(&read(key, "client key")?, settings)?;
    builder
        .set_private_key(&key)
        .map_err(|error| config("use the client key", &error))
}

/// Never asks on the terminal, as OpenSSL would for an encrypted key without a password.
fn private_key(pem: &[u8], settings: &Settings) -> Result<PKey<Private>, Error> {
    let password = settings.key_password.as_deref().unwrap_or_default();
    PKey::private_key_from_pem_passphrase(pem, password.as_bytes()).map_err(|error| {
        config(
            "read the client key (a wrong or missing password looks like this, too)",
            &error,
        )
    })
}

fn read(pem: &Pem, what: &str) -> Result<Vec<u8>, Error> {
    match pem {
        Pem::File(path) => read_file(path, what),
        Pem::Bytes(bytes) => Ok(bytes.clone()),
    }
}

fn read_file(path: &str, what: &str) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| unreadable("read", what, path, &error))
}

fn unreadable(verb: &str, what: &str, path: &str, error: &std::io::Error) -> Error {
    let attempt = format_args!("{verb} the {what} {path:?}");
    Error::os(Kind::TlsConfig, attempt, error).in_phase(Phase::Tls)
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
