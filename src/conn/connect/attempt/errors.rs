// SPDX-License-Identifier: Apache-2.0
//! What the errors of an attempt say: which peer, and what it was waiting for.

use super::{Attempt, ConnectStage, Counterpart};
use crate::base::error::{Error, Kind, Phase};
use std::time::Instant;

impl Attempt {
    pub(super) fn timed_out(&self, now: Instant) -> Error {
        let first = self.name(self.first_peer());
        let what = match &self.stage {
            ConnectStage::LookUpTarget(lookup) | ConnectStage::LookUp(lookup) => {
                format!("while looking up {}", lookup.host())
            }
            ConnectStage::Dial(_) => format!("while connecting to {first}"),
            ConnectStage::Secure(_, peer) => {
                format!("during the TLS handshake with {}", self.name(*peer))
            }
            ConnectStage::HandshakeIo(_, Counterpart::Proxy) => {
                format!("while waiting for the response from {first}")
            }
            ConnectStage::HandshakeIo(_, Counterpart::Server)
            | ConnectStage::Upgraded(_)
            | ConnectStage::Done => {
                let server = self.name(Counterpart::Server);
                format!("while waiting for the response from {server} to the upgrade")
            }
        };
        let who = match self.proxy_deadline.has_passed(now) {
            true => "the proxy",
            false => "connect",
        };
        let message = format!("{who} timed out {what}");
        Error::new(Kind::Timeout, message).in_phase(self.phase())
    }

    /// Adds the name of the peer to errors that lack it.
    pub(super) fn name_peer(&self, peer: Counterpart, error: Error) -> Error {
        let is_transport = matches!(error.kind(), Kind::ConnectionLost | Kind::Io);
        let is_unreached = matches!(error.kind(), Kind::Resolve | Kind::Connect);
        let named = match peer {
            Counterpart::Server => is_transport,
            Counterpart::Proxy => is_transport || is_unreached,
        };
        let error = error.or_in_phase(match peer {
            Counterpart::Proxy => Phase::Proxy,
            Counterpart::Server => Phase::Upgrade,
        });
        if !named {
            return error;
        }
        let message = format!("{}: {error}", self.name(peer));
        match peer {
            Counterpart::Proxy if is_transport => {
                error.with_kind(Kind::Proxy).with_message(message)
            }
            _ => error.with_message(message),
        }
    }

    pub(super) fn name(&self, peer: Counterpart) -> String {
        match (peer, &self.proxy) {
            (Counterpart::Proxy, Some(proxy)) => format!("the proxy {proxy}"),
            _ => self.url.authority().to_owned(),
        }
    }
}
