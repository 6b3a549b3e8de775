// SPDX-License-Identifier: Apache-2.0
//! The connection of an app, while there is one, and the data kept of the last one.

use crate::base::sync::{Arc, Mutex};
use crate::conn::link::Link;
use crate::conn::stats::Totals;
use crate::protocol::http::reply::Response;
use std::ffi::CString;

#[derive(Default)]
pub(super) struct LinkSlot(Mutex<Connections>);

#[derive(Default)]
struct Connections {
    /// While it is open.
    link: Option<Arc<Link>>,
    /// The response to the last attempt.
    response: Option<Arc<Response>>,
    /// Data of the last connection that has ended; an open one reports its own.
    ended: Option<Box<Ended>>,
}

struct Ended {
    peer_address: CString,
    totals: Totals,
}

impl LinkSlot {
    pub(super) fn link(&self) -> Option<Arc<Link>> {
        self.0.lock().link.clone()
    }

    pub(super) fn is_open(&self) -> bool {
        let link = &self.0.lock().link;
        link.as_ref().is_some_and(|link| link.writer().is_open())
    }

    /// Replaces the connection, and keeps the data of the previous one.
    pub(super) fn set_link(&self, link: Option<Arc<Link>>) {
        let mut connections = self.0.lock();
        let old = std::mem::replace(&mut connections.link, link);
        if let Some(old) = &old {
            connections.ended = Some(Box::new(Ended {
                peer_address: old.peer_address().clone(),
                totals: old.totals(),
            }));
        }
        drop(connections);
        drop(old);
    }

    pub(super) fn set_response(&self, response: Option<Arc<Response>>) {
        self.0.lock().response = response;
    }

    pub(super) fn response(&self) -> Option<Arc<Response>> {
        self.0.lock().response.clone()
    }

    pub(super) fn totals(&self) -> Totals {
        let connections = self.0.lock();
        match (&connections.link, &connections.ended) {
            (Some(link), _) => link.totals(),
            (None, Some(ended)) => ended.totals,
            (None, None) => Totals::default(),
        }
    }

    /// `None` before the first connection.
    pub(super) fn peer_address(&self) -> Option<CString> {
        let connections = self.0.lock();
        match (&connections.link, &connections.ended) {
            (Some(link), _) => Some(link.peer_address().clone()),
            (None, ended) => ended.as_ref().map(|ended| ended.peer_address.clone()),
        }
    }

    /// Called in a child process: closes the inherited descriptor and touches nothing else. Does
    /// not wait for the lock, because the thread that holds it may not exist here.
    pub(super) fn abandon(&self) {
        let connections = self.0.try_lock();
        if let Some(link) = connections
            .as_deref()
            .and_then(|connections| connections.link.as_ref())
        {
            link.stream().abandon();
        }
    }
}
