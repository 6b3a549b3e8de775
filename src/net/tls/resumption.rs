// SPDX-License-Identifier: Apache-2.0
//! Session resumption: a resumed handshake needs neither certificates nor signatures.
//!
//! Sessions belong to the context that they came from, so they were verified with the settings they
//! are used with. A handshake in which a certificate is rejected never produces a session.

use super::role::Role;
use crate::base::sync::{Arc, Mutex, OnceLock};
use crate::net::sys;
use crate::net::tls_library::is_ticket;
use openssl::asn1::Asn1Time;
use openssl::ex_data::Index;
use openssl::ssl::{Ssl, SslContextBuilder, SslRef, SslSession, SslSessionCacheMode};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// For all servers together.
const MAX_SESSIONS: usize = 32;

/// How long the verification of a certificate stays valid; RFC 8446 section 4.6.1 would allow seven
/// days.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The sessions that servers gave to the connections of one context, the newest first.
#[derive(Default)]
pub struct Sessions(Mutex<VecDeque<KeptSession>>);

struct KeptSession {
    origin: VerifiedOrigin,
    session: SslSession,
}

/// Where a session comes from. A resumed connection passes its own origin on to its new sessions,
/// so that none outlives the verification.
#[derive(Clone)]
struct VerifiedOrigin {
    key: SessionKey,
    expires: Instant,
}

/// Identifies the peer of a session: its role and the name or address that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKey {
    role: Role,
    name: String,
    port: u16,
}

/// The resumption of one connection.
pub struct Resumption {
    sessions: Arc<Sessions>,
    key: SessionKey,
}

impl SessionKey {
    pub fn new(role: Role, name: &str, port: u16) -> Self {
        Self {
            role,
            name: name.to_owned(),
            port,
        }
    }
}

impl Resumption {
    /// Before the handshake: offers the server its last session, and collects new ones.
    pub fn start(sessions: Arc<Sessions>, key: SessionKey, ssl: &mut SslRef) -> Self {
        let mut origin = VerifiedOrigin {
            key: key.clone(),
            expires: Instant::now() + MAX_AGE,
        };
        if let Some(entry) = sessions.take(&key) {
            // If it cannot be offered, the handshake is a full one.
            let _ = sys::offer_session(ssl, &entry.session);
            origin = entry.origin;
        }
        if let Some(index) = origin_index() {
            ssl.set_ex_data(index, origin);
        }
        Self { sessions, key }
    }

    /// After the handshake: a resumed TLS 1.2 session can be resumed again, a TLS 1.3 ticket should
    /// not be (RFC 8446 appendix C.4).
    pub fn finish(&self, ssl: &SslRef) {
        let session = ssl.session().filter(|session| !is_ticket(session));
        if let (true, Some(session)) = (ssl.session_reused(), session) {
            self.sessions.collect_from(ssl, session.to_owned());
        }
    }

    pub fn forget(&self) {
        self.sessions.forget(&self.key);
    }
}

impl Sessions {
    /// Collects the sessions that servers give to the connections of `builder`'s context.
    pub fn collect(self: Arc<Self>, builder: &mut SslContextBuilder) {
        builder
            .set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
        builder.set_new_session_callback(move |ssl, session| self.collect_from(ssl, session));
    }

    fn collect_from(&self, ssl: &SslRef, session: SslSession) {
        let Some(origin) = origin_index().and_then(|index| ssl.ex_data(index)) else {
            return;
        };
        let mut origin = origin.clone();
        if let Some(end) = end_of_certificate(ssl) {
            origin.expires = origin.expires.min(end);
        }
        self.put(KeptSession { origin, session });
    }

    fn put(&self, entry: KeptSession) {
        let mut sessions = self.0.lock();
        if !is_ticket(&entry.session) {
            // It can be resumed many times, so one per server is enough.
            let key = &entry.origin.key;
            sessions.retain(|old| old.origin.key != *key || is_ticket(&old.session));
        }
        sessions.push_front(entry);
        sessions.truncate(MAX_SESSIONS);
    }

    fn take(&self, key: &SessionKey) -> Option<KeptSession> {
        let now = Instant::now();
        let mut sessions = self.0.lock();
        sessions.retain(|entry| entry.origin.expires > now);
        let at = sessions.iter().position(|entry| entry.origin.key == *key)?;
        sessions.remove(at)
    }

    fn forget(&self, key: &SessionKey) {
        self.0.lock().retain(|entry| entry.origin.key != *key);
    }
}

/// When the server's certificate expires; `None` if it already has, which matters only with
/// verification.
fn end_of_certificate(ssl: &SslRef) -> Option<Instant> {
    let certificate = ssl.peer_certificate()?;
    let now = Asn1Time::days_from_now(0).ok()?;
    let left = now.diff(certificate.not_after()).ok()?;
    let seconds = i64::from(left.days) * 24 * 60 * 60 + i64::from(left.secs);
    Instant::now().checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// The slot of an `Ssl` that stores its origin. `None`: OpenSSL has no memory for it, and nothing
/// is resumed.
fn origin_index() -> Option<Index<Ssl, VerifiedOrigin>> {
    static INDEX: OnceLock<Index<Ssl, VerifiedOrigin>> = OnceLock::new();
    match INDEX.get() {
        Some(index) => Some(*index),
        // A failure is not cached. If two threads get here first, one index stays unused.
        None => Ssl::new_ex_index()
            .ok()
            .map(|index| *INDEX.get_or_init(|| index)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::channel::Tls;
    use super::super::options::TlsOptions;
    use super::super::test_server::{Site, complete_handshake};
    use super::*;
    use openssl::ssl::SslVersion;

    const VERSIONS: [SslVersion; 2] = [SslVersion::TLS1_2, SslVersion::TLS1_3];

    fn resumes(site: &Site, options: &TlsOptions) -> bool {
        site.connect(options).unwrap().info().resumed
    }

    fn sessions(options: &TlsOptions) -> Arc<Sessions> {
        options.shared().unwrap().sessions.unwrap()
    }

    fn count(options: &TlsOptions) -> usize {
        sessions(options).0.lock().len()
    }

    #[test]
    fn the_second_connection_resumes_and_so_do_later_ones() {
        for version in VERSIONS {
            let site = Site::with_version(version);
            let options = site.trusted();
            assert!(!resumes(&site, &options));
            for _ in 0..5 {
                assert!(resumes(&site, &options));
                assert!(resumes(&site, &options.clone()));
            }
        }
    }

    #[test]
    fn a_resumed_connection_still_knows_the_servers_certificate() {
        for version in VERSIONS {
            let site = Site::with_version(version);
            let options = site.trusted();
            resumes(&site, &options);
            let info = site.connect(&options).unwrap().info();
            assert!(info.resumed);
            assert_eq!(site.pem(), info.peer_certificate_pem.as_bytes());
        }
    }

    #[test]
    fn a_change_of_the_settings_forgets_the_sessions_of_the_one_object() {
        for version in VERSIONS {
            let site = Site::with_version(version);
            let mut options = site.trusted();
            let other = options.clone();
            resumes(&site, &options);
            options.settings_mut().verify_host = false;
            assert!(!resumes(&site, &options));
            assert!(resumes(&site, &other));
        }
    }

    #[test]
    fn a_ticket_is_used_once_and_a_tls_1_2_session_repeatedly() {
        let ticketed = Site::with_version(SslVersion::TLS1_3);
        let options = ticketed.trusted();
        resumes(&ticketed, &options);
        let given = count(&options);
        let key = SessionKey::new(Role::Server, "localhost", 443);
        let tickets: Vec<_> = (0..given)
            .filter_map(|_| sessions(&options).take(&key))
            .collect();
        assert_eq!((given, 0), (tickets.len(), count(&options)));
        assert!(!resumes(&ticketed, &options));

        let older = Site::with_version(SslVersion::TLS1_2);
        let options = older.trusted();
        for resumed in [false, true, true] {
            assert_eq!(resumed, resumes(&older, &options));
            assert_eq!(1, count(&options));
        }
    }

    #[test]
    fn no_session_outlives_its_verification() {
        for version in VERSIONS {
            let site = Site::with_version(version);
            let options = site.trusted();
            resumes(&site, &options);
            let expiries = |options: &TlsOptions| -> Vec<Instant> {
                let sessions = sessions(options);
                let sessions = sessions.0.lock();
                sessions.iter().map(|entry| entry.origin.expires).collect()
            };
            let verified = expiries(&options);
            let day = Instant::now() + MAX_AGE;
            assert!(verified.iter().all(|expires| *expires <= day));
            // Sessions of a resumed connection are as old as the resumed one.
            assert!(resumes(&site, &options));
            assert!(
                expiries(&options)
                    .iter()
                    .all(|expires| verified.contains(expires))
            );

            let sessions = sessions(&options);
            for entry in sessions.0.lock().iter_mut() {
                entry.origin.expires = Instant::now();
            }
            assert!(!resumes(&site, &options), "an expired session was resumed");
        }
    }

    #[test]
    fn each_port_name_and_role_has_its_own_sessions() {
        for version in VERSIONS {
            let site = Site::with_version(version);
            let options = site.trusted();
            resumes(&site, &options);
            for (port, role) in [(444, Role::Server), (443, Role::Proxy)] {
                let mut client = Tls::new(&options, "localhost", port, role).unwrap();
                complete_handshake(&mut client, &mut site.accept()).unwrap();
                assert!(!client.info().resumed);
            }
            assert!(resumes(&site, &options));
        }
    }

    #[test]
    fn a_server_that_has_forgotten_the_session_causes_a_full_handshake() {
        for version in VERSIONS {
            let mut site = Site::with_version(version);
            let mut options = site.trusted();
            options.settings_mut().verify = false;
            resumes(&site, &options);
            site = Site::with_version(version);
            assert!(!resumes(&site, &options));
            assert!(resumes(&site, &options));
        }
    }

    #[test]
    fn the_number_of_sessions_is_bounded_and_the_newest_come_first() {
        let site = Site::with_version(SslVersion::TLS1_3);
        let options = site.trusted();
        let client = site.connect(&options).unwrap();
        let sessions = sessions(&options);
        let key = SessionKey::new(Role::Server, "localhost", 443);
        let KeptSession { origin, session } = sessions.take(&key).unwrap();
        for port in 1..=100 {
            let key = SessionKey::new(Role::Server, "other", port);
            sessions.put(KeptSession {
                origin: VerifiedOrigin { key, ..origin },
                session: session.clone(),
            });
        }
        assert_eq!(MAX_SESSIONS, count(&options));
        for port in 1..=100 {
            let kept = sessions.take(&SessionKey::new(Role::Server, "other", port));
            assert_eq!(port > 68, kept.is_some(), "{port}");
        }
        drop(client);
    }
}
