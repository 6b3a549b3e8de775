// SPDX-License-Identifier: Apache-2.0
//! Sessions of TLS that can be resumed, which saves the certificates and most of the time of a handshake.

use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::{Arc, Mutex, OnceLock};
use openssl::ex_data::Index;
use openssl::ssl::{Ssl, SslContextBuilder, SslRef, SslSession, SslSessionCacheMode, SslVersion};
use std::collections::VecDeque;

/// Enough for the few servers that one set of options is used for; a session takes a few KiB.
const MAX_SESSIONS: usize = 32;

/// Sessions with the peer each was made with, the newest first.
#[derive(Default)]
pub struct Sessions(Mutex<VecDeque<(String, SslSession)>>);

impl Sessions {
    /// Lets the connections of a context leave their sessions here.
    pub fn collect(self: &Arc<Self>, builder: &mut SslContextBuilder) -> Result<(), Error> {
        let peer_index = peer_index()?;
        builder
            .set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
        let sessions = Arc::clone(self);
        builder.set_new_session_callback(move |ssl, session| {
            if let Some(peer) = ssl.ex_data(peer_index) {
                sessions.put(peer, session);
            }
        });
        Ok(())
    }

    pub fn put(&self, peer: &str, session: SslSession) {
        let mut sessions = self.0.lock();
        sessions.push_front((peer.to_owned(), session));
        sessions.truncate(MAX_SESSIONS);
    }

    /// Each is given out once: whoever sees a ticket twice knows that it is the same client (RFC 8446 appendix C.4).
    pub fn take(&self, peer: &str) -> Option<SslSession> {
        let mut sessions = self.0.lock();
        let at = sessions.iter().position(|(other, _)| other == peer)?;
        sessions.remove(at).map(|(_, session)| session)
    }
}

/// Says with whom a connection is, for the sessions that it will leave.
pub fn name_peer(ssl: &mut SslRef, peer: String) -> Result<(), Error> {
    ssl.set_ex_data(peer_index()?, peer);
    Ok(())
}

/// A resumed session of TLS 1.2 serves again; in TLS 1.3 the server gives new ones.
pub fn keep_resumed(ssl: &SslRef, sessions: &Sessions) {
    let is_older = ssl.version2() != Some(SslVersion::TLS1_3);
    if let (true, true, Some(session), Ok(index)) =
        (ssl.session_reused(), is_older, ssl.session(), peer_index())
    {
        if let Some(peer) = ssl.ex_data(index) {
            sessions.put(peer, session.to_owned());
        }
    }
}

fn peer_index() -> Result<Index<Ssl, String>, Error> {
    static INDEX: OnceLock<Option<Index<Ssl, String>>> = OnceLock::new();
    let index = INDEX.get_or_init(|| Ssl::new_ex_index().ok());
    index.ok_or_else(|| {
        let message = "OpenSSL has no room for the name of a session's peer";
        Error::new(Kind::Internal, message).in_phase(Phase::Tls)
    })
}
