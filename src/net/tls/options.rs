// SPDX-License-Identifier: Apache-2.0
//! The caller's TLS settings, and the OpenSSL context built from them. The connections of an
//! options object share the context, because loading a trust store costs more than a whole
//! handshake; it is rebuilt when one of its files has changed.

use super::error::config;
use super::files::Files;
use super::identity::Identity;
use super::keylog;
use super::pin::Pin;
use super::protocol::Protocol;
use super::resumption::Sessions;
use super::trust::Trust;
use crate::base::error::Error;
use crate::base::process::PerProcess;
use crate::base::sync::{Arc, Mutex};
use openssl::ssl::{SslContext, SslContextBuilder, SslMethod, SslVerifyMode};
use std::path::PathBuf;

#[derive(Clone, Default)]
pub struct TlsOptions {
    settings: Settings,
    /// Per process: in a child, the lock may be held by a thread that does not exist there.
    built: Arc<PerProcess<Mutex<Option<BuiltContext>>>>,
}

/// Our own context, and the files that it was built from.
struct BuiltContext {
    files: Files,
    shared: Shared,
}

/// Shared by connections with the same settings and files.
#[derive(Clone)]
pub struct Shared {
    pub context: SslContext,
    /// `None` with a context of the caller, who is responsible for its sessions.
    pub sessions: Option<Arc<Sessions>>,
}

#[derive(Clone)]
pub struct Settings {
    pub verify: bool,
    pub verify_host: bool,
    /// The caller has asked for that check, which needs `verify`.
    pub is_host_check_requested: bool,
    /// Replaces the URL's host in SNI and verification.
    pub server_name: Option<String>,
    /// The server's key must be one of these, unless empty.
    pub pins: Arc<Vec<Pin>>,
    pub trust: Trust,
    pub identity: Identity,
    pub protocol: Protocol,
    pub keylog_file: Option<String>,
    /// The caller's context, which replaces `verify` and the fields after `pins`.
    pub context: Option<SslContext>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            verify: true,
            verify_host: true,
            is_host_check_requested: false,
            server_name: None,
            pins: Arc::default(),
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

    /// A change requires a new context; existing connections keep theirs.
    pub fn settings_mut(&mut self) -> &mut Settings {
        self.built = Arc::default();
        &mut self.settings
    }

    /// The context for one connection. A failure is not cached: the next connect tries again.
    pub fn shared(&self) -> Result<Shared, Error> {
        if let Some(context) = &self.settings.context {
            return Ok(Shared {
                context: context.clone(),
                sessions: None,
            });
        }
        // Before the files are read, so that a change meanwhile is noticed at the next connect.
        let files = Files::stat(self.settings.paths());
        if let Some(shared) = self.built_from(&files) {
            return Ok(shared);
        }
        let sessions = Arc::<Sessions>::default();
        let shared = Shared {
            context: self.settings.build(Arc::clone(&sessions))?,
            sessions: Some(sessions),
        };
        // Two threads may build a context at the same time; the first one is kept.
        let mut built = self.built.get().lock();
        match &*built {
            Some(built) if built.files == files => Ok(built.shared.clone()),
            _ => {
                let kept = shared.clone();
                *built = Some(BuiltContext {
                    files,
                    shared: kept,
                });
                Ok(shared)
            }
        }
    }

    fn built_from(&self, files: &Files) -> Option<Shared> {
        let built = self.built.get().lock();
        let built = built.as_ref().filter(|built| built.files == *files);
        built.map(|built| built.shared.clone())
    }
}

impl Settings {
    fn build(&self, sessions: Arc<Sessions>) -> Result<SslContext, Error> {
        let mut builder = SslContextBuilder::new(SslMethod::tls_client())
            .map_err(|error| config("make a TLS context", &error))?;
        self.protocol.apply(&mut builder)?;
        if self.verify {
            builder.set_verify(SslVerifyMode::PEER);
            let trusted = self.trust.apply(&mut builder);
            trusted.map_err(|error| retryable_with_files(error, &self.trust.paths()))?;
        } else {
            builder.set_verify(SslVerifyMode::NONE);
        }
        let identified = self.identity.apply(&mut builder);
        identified.map_err(|error| retryable_with_files(error, &self.identity.paths()))?;
        if let Some(path) = &self.keylog_file {
            keylog::append_to(path, &mut builder).map_err(Error::retryable)?;
        }
        sessions.collect(&mut builder);
        Ok(builder.build())
    }

    /// The files and directories that a context is built from.
    fn paths(&self) -> Vec<PathBuf> {
        let trust = self.verify.then(|| self.trust.paths());
        [trust.unwrap_or_default(), self.identity.paths()].concat()
    }
}

/// An error in files is retryable: they may have been replaced by the next connect.
fn retryable_with_files(error: Error, paths: &[PathBuf]) -> Error {
    if paths.is_empty() {
        error
    } else {
        error.retryable()
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity::Pem;
    use super::super::test_server::{Site, identity, signed_by};
    use super::*;
    use crate::base::error::Kind;
    use crate::net::tls::pin::Pin;
    use openssl::pkey::{PKey, Private};
    use openssl::ssl::{Ssl, SslContextRef, SslVersion};
    use openssl::x509::X509;
    use std::fs;

    fn context(change: impl FnOnce(&mut SslContextBuilder)) -> SslContext {
        let mut builder = SslContextBuilder::new(SslMethod::tls_client()).unwrap();
        change(&mut builder);
        builder.build()
    }

    #[test]
    fn the_callers_context_replaces_the_settings() {
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
    fn name_and_pins_are_checked_with_the_callers_context() {
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
        options.settings_mut().pins = Arc::new(vec![Pin::of(&identity("localhost").0).unwrap()]);
        let error = site.connect(&options).err().unwrap();
        assert_eq!(Kind::TlsVerify, error.kind());
    }

    #[test]
    fn clones_share_a_context_until_one_is_changed() {
        let options = TlsOptions::default();
        let mut clone = options.clone();
        let same = |clone: &TlsOptions| {
            let (one, other) = (options.shared().unwrap(), clone.shared().unwrap());
            std::ptr::eq::<SslContextRef>(&*one.context, &*other.context)
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
            "there is no certificate in the CA file \"/dev/null\" (wsline_options_set_tls_ca_file)",
            error.message()
        );
    }

    /// The test's own folder, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("wsline-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        /// Replaces the file by a rename, as programs that renew certificates do.
        fn put(&self, name: &str, content: &[u8]) -> String {
            let (path, new) = (self.0.join(name), self.0.join("new"));
            fs::write(&new, content).unwrap();
            fs::rename(&new, &path).unwrap();
            path.to_str().unwrap().to_owned()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn replaced_authorities_apply_to_the_next_connect_and_sessions_are_forgotten() {
        let (site, next) = (Site::usual(), Site::usual());
        let folder = Folder::new("trust");
        let mut options = TlsOptions::default();
        options.settings_mut().trust.ca_file = Some(folder.put("ca.pem", &site.pem()));
        for resumed in [false, true] {
            assert_eq!(resumed, site.connect(&options).unwrap().info().resumed);
        }
        assert_eq!(
            Kind::TlsVerify,
            next.connect(&options).err().unwrap().kind()
        );
        folder.put("ca.pem", &next.pem());
        next.connect(&options).unwrap();
        // Nor is a session resumed from the time when it was trusted.
        assert_eq!(
            Kind::TlsVerify,
            site.connect(&options).err().unwrap().kind()
        );
    }

    #[test]
    fn without_file_options_no_file_is_read() {
        let mut options = Site::usual().trusted();
        assert!(options.settings().paths().is_empty());
        options.settings_mut().trust.ca_pem = None;
        assert!(!options.settings().paths().is_empty(), "the system's");
        options.settings_mut().verify = false;
        assert!(options.settings().paths().is_empty());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_until_it_can() {
        let site = Site::usual();
        let folder = Folder::new("late");
        let path = folder.put("ca.pem", b"");
        fs::remove_file(&path).unwrap();
        let mut options = TlsOptions::default();
        options.settings_mut().trust.ca_file = Some(path.clone());
        let error = site.connect(&options).err().unwrap();
        assert_eq!(
            format!(
                "read the CA file {path:?} (wsline_options_set_tls_ca_file): no such file or directory"
            ),
            error.message()
        );
        assert_eq!(
            (Kind::TlsConfig, libc::ENOENT),
            (error.kind(), error.os_errno())
        );
        assert!(error.is_retryable());
        folder.put("ca.pem", b"half of it");
        let error = site.connect(&options).err().unwrap();
        assert!(
            error.is_retryable() && error.message().contains(&path),
            "{error}"
        );
        folder.put("ca.pem", &site.pem());
        site.connect(&options).unwrap();
        // A setting is not retryable, a file is.
        options.settings_mut().protocol.ciphers = Some("none such".to_owned());
        assert!(!site.connect(&options).err().unwrap().is_retryable());
    }

    #[test]
    fn a_replaced_client_certificate_is_used_by_the_next_connect() {
        let site = Site::with(|builder| {
            builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
            builder.set_session_id_context(b"test").unwrap();
        });
        let folder = Folder::new("identity");
        let mut options = site.trusted();
        let (first, second) = (identity("first"), identity("second"));
        let put = |certificate: &X509, key: &PKey<Private>| {
            let key = folder.put("key.pem", &key.private_key_to_pem_pkcs8().unwrap());
            (folder.put("cert.pem", &certificate.to_pem().unwrap()), key)
        };
        let (certificate, key) = put(&first.0, &first.1);
        options.settings_mut().identity.certificate = Some(Pem::File(certificate));
        options.settings_mut().identity.key = Some(Pem::File(key));
        let shown = || {
            let shared = options.shared().unwrap();
            let ssl = Ssl::new(&shared.context).unwrap();
            ssl.certificate().map(|shown| shown.to_der().unwrap())
        };
        assert_eq!(first.0.to_der().ok(), shown());
        site.connect(&options).unwrap();
        put(&second.0, &second.1);
        assert_eq!(second.0.to_der().ok(), shown());
        site.connect(&options).unwrap();
        // Between the two replacements, the error is retryable.
        put(&first.0, &second.1);
        let error = site.connect(&options).err().unwrap();
        assert_eq!(Kind::TlsConfig, error.kind());
        assert!(error.is_retryable(), "{error}");
    }

    #[test]
    fn a_trusted_certificate_need_not_be_a_root() {
        let authority = identity("authority");
        let (leaf, key) = signed_by(&authority, "localhost");
        let site = Site::with(|builder| {
            builder.set_certificate(&leaf).unwrap();
            builder.set_private_key(&key).unwrap();
        });
        let folder = Folder::new("leaf");
        let pem = leaf.to_pem().unwrap();
        let mut by_file = TlsOptions::default();
        by_file.settings_mut().trust.ca_file = Some(folder.put("leaf.pem", &pem));
        let mut by_pem = TlsOptions::default();
        by_pem.settings_mut().trust.ca_pem = Some(Arc::new(pem));
        for options in [&mut by_file, &mut by_pem] {
            site.connect(options).unwrap();
            // It is trusted as an intermediate.
            options.settings_mut().server_name = Some("other.invalid".to_owned());
            let error = site.connect(options).err().unwrap();
            assert_eq!(Kind::TlsVerify, error.kind());
        }
        let mut other = TlsOptions::default();
        other.settings_mut().trust.ca_pem = Some(Arc::new(
            signed_by(&authority, "localhost").0.to_pem().unwrap(),
        ));
        let error = site.connect(&other).err().unwrap();
        assert_eq!(Kind::TlsVerify, error.kind());
    }
}
