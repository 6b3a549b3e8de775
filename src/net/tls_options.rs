// SPDX-License-Identifier: Apache-2.0
//! What the caller wants of TLS, and the OpenSSL context made of it: once per options object, shared by its
//! connections, because loading a trust store costs more than a whole handshake.

use super::tls_error::config;
use super::tls_identity::Identity;
use super::tls_keylog;
use super::tls_pin::Pin;
use super::tls_protocol::Protocol;
use super::tls_session::Sessions;
use super::tls_trust::Trust;
use crate::base::error::Error;
use crate::base::process::PerProcess;
use crate::base::sync::{Arc, OnceLock};
use openssl::ssl::{SslContext, SslContextBuilder, SslMethod, SslVerifyMode};

#[derive(Clone, Default)]
pub struct TlsOptions {
    settings: Settings,
    shared: Arc<PerProcess<Shared>>,
}

/// What connections with the same settings have in common.
#[derive(Default)]
struct Shared {
    context: OnceLock<SslContext>,
    sessions: Arc<Sessions>,
}

#[derive(Clone)]
pub struct Settings {
    pub verify: bool,
    pub verify_host: bool,
    /// In place of the URL's host, for SNI and verification.
    pub server_name: Option<String>,
    /// The server's key is one of these, if there are any.
    pub pins: Vec<Pin>,
    pub trust: Trust,
    pub identity: Identity,
    pub protocol: Protocol,
    pub keylog_file: Option<String>,
    /// The caller's, in place of one made of `verify` and what follows `pins`.
    pub context: Option<SslContext>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            verify: true,
            verify_host: true,
            server_name: None,
            pins: Vec::new(),
            trust: Trust::default(),
            identity: Identity::default(),
            protocol: Protocol::default(),
            keylog_file: None,
            context: None,
        }
    }
}

impl TlsOptions {
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A change asks for a new context; connections under way keep theirs.
    pub fn settings_mut(&mut self) -> &mut Settings {
        self.shared = Arc::default();
        &mut self.settings
    }

    pub fn context(&self) -> Result<&SslContext, Error> {
        let shared = self.shared.get();
        let made = self.settings.context.as_ref();
        if let Some(context) = made.or_else(|| shared.context.get()) {
            return Ok(context);
        }
        let context = self.settings.build(shared.sessions.clone())?;
        // Two threads may build at the same time; the first one's context is kept.
        Ok(shared.context.get_or_init(|| context))
    }

    /// Those of [`TlsOptions::context`]; `None` under a context of the caller's, who looks after its sessions.
    pub fn sessions(&self) -> Option<&Arc<Sessions>> {
        match self.settings.context {
            None => Some(&self.shared.get().sessions),
            Some(_) => None,
        }
    }
}

impl Settings {
    fn build(&self, sessions: Arc<Sessions>) -> Result<SslContext, Error> {
        let mut builder = SslContextBuilder::new(SslMethod::tls_client())
            .map_err(|error| config("make a TLS context", &error))?;
        self.protocol.apply(&mut builder)?;
        if self.verify {
            builder.set_verify(SslVerifyMode::PEER);
            self.trust.apply(&mut builder)?;
        } else {
            builder.set_verify(SslVerifyMode::NONE);
        }
        self.identity.apply(&mut builder)?;
        if let Some(path) = &self.keylog_file {
            tls_keylog::append_to(path, &mut builder)?;
        }
        sessions.collect(&mut builder);
        Ok(builder.build())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tls_server::{Site, identity};
    use super::*;
    use crate::base::error::Kind;
    use crate::net::tls_pin::Pin;
    use openssl::ssl::SslVersion;

    fn context(change: impl FnOnce(&mut SslContextBuilder)) -> SslContext {
        let mut builder = SslContextBuilder::new(SslMethod::tls_client()).unwrap();
        change(&mut builder);
        builder.build()
    }

    #[test]
    fn the_callers_context_takes_the_place_of_what_is_set() {
        let site = Site::usual();
        let mut options = site.trusted();
        options.settings_mut().protocol.ciphers = Some("none such".to_owned());
        options.settings_mut().context = Some(context(|builder| {
            builder.set_verify(SslVerifyMode::NONE);
            let version = Some(SslVersion::TLS1_2);
            builder.set_max_proto_version(version).unwrap();
        }));
        for _ in 0..2 {
            let info = site.connect(&options).unwrap().info();
            assert_eq!(c"TLSv1.2", info.version.as_c_str());
            assert!(info.alpn.is_empty());
            assert!(!info.resumed);
        }
        options.settings_mut().context = None;
        let error = site.connect(&options).err().unwrap();
        assert_eq!(Kind::TlsConfig, error.kind());
    }

    #[test]
    fn under_the_callers_context_name_and_pins_still_count() {
        let site = Site::usual();
        let own = context(|builder| {
            builder.set_verify(SslVerifyMode::PEER);
            let store = builder.cert_store_mut();
            store.add_cert(site.certificate.clone()).unwrap();
        });
        let mut options = TlsOptions::default();
        options.settings_mut().context = Some(own);
        site.connect(&options).unwrap();
        options.settings_mut().server_name = Some("other.invalid".to_owned());
        let error = site.connect(&options).err().unwrap();
        assert_eq!(Kind::TlsVerify, error.kind());
        options.settings_mut().verify_host = false;
        site.connect(&options).unwrap();
        options.settings_mut().pins = vec![Pin::of(&identity("localhost").0).unwrap()];
        let error = site.connect(&options).err().unwrap();
        assert_eq!(Kind::TlsVerify, error.kind());
    }

    #[test]
    fn clones_share_a_context_until_one_is_changed() {
        let options = TlsOptions::default();
        let mut clone = options.clone();
        let same = |clone: &TlsOptions| {
            std::ptr::eq::<openssl::ssl::SslContextRef>(
                &**options.context().unwrap(),
                &**clone.context().unwrap(),
            )
        };
        assert!(same(&clone));
        clone.settings_mut();
        assert!(!same(&clone));
    }

    #[test]
    fn trust_without_a_certificate_in_it_is_a_configuration_error() {
        let site = Site::usual();
        let mut options = site.trusted();
        options.settings_mut().trust.ca_pem = None;
        options.settings_mut().trust.ca_file = Some("/dev/null".to_owned());
        let error = site.connect(&options).err().unwrap();
        assert_eq!(
            "there is no certificate in the CA file \"/dev/null\"",
            error.message()
        );
    }
}
