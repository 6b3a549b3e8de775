// SPDX-License-Identifier: Apache-2.0
//! What the caller wants of TLS, and the OpenSSL context made of it: once per options object, shared by its
//! connections, because loading a trust store costs more than a whole handshake.

use super::tls_context::Context;
use super::tls_pin::Pin;
use crate::base::error::Error;
use crate::base::sync::{Arc, OnceLock};
use openssl::ssl::{SslContext, SslVersion};

#[derive(Clone, Default)]
pub struct TlsOptions {
    settings: Settings,
    context: Arc<OnceLock<Context>>,
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
    /// For TLS 1.2 and before, for TLS 1.3, for both, each as OpenSSL writes it.
    pub ciphers: Option<String>,
    pub ciphersuites: Option<String>,
    pub curves: Option<String>,
    pub min_version: TlsVersion,
    pub max_version: Option<TlsVersion>,
    /// Each name with its length before it (RFC 7301 section 3.1).
    pub alpn: Vec<u8>,
    pub keylog_file: Option<String>,
    /// One of them must be the server's, if there are any.
    pub pins: Vec<Pin>,
    /// The caller's, in place of all that a context holds.
    pub ssl_ctx: Option<SslContext>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls1_0,
    Tls1_1,
    Tls1_2,
    Tls1_3,
}

impl From<TlsVersion> for SslVersion {
    fn from(version: TlsVersion) -> Self {
        match version {
            TlsVersion::Tls1_0 => Self::TLS1,
            TlsVersion::Tls1_1 => Self::TLS1_1,
            TlsVersion::Tls1_2 => Self::TLS1_2,
            TlsVersion::Tls1_3 => Self::TLS1_3,
        }
    }
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
            ciphers: None,
            ciphersuites: None,
            curves: None,
            // RFC 9325 section 3.1.1: nothing below 1.2.
            min_version: TlsVersion::Tls1_2,
            max_version: None,
            // The WebSocket upgrade is one of HTTP/1.1; a server must not choose h2 (RFC 7301).
            alpn: b"\x08http/1.1".to_vec(),
            keylog_file: None,
            pins: Vec::new(),
            ssl_ctx: None,
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

    pub fn context(&self) -> Result<&Context, Error> {
        if let Some(context) = self.context.get() {
            return Ok(context);
        }
        let context = Context::new(&self.settings)?;
        // Two threads may build at the same time; the first one's context is kept.
        Ok(self.context.get_or_init(|| context))
    }
}
