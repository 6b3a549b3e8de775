// SPDX-License-Identifier: Apache-2.0
//! The connection of an app, while there is one, and what is known of the last one.

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
    /// What the last attempt was answered.
    response: Option<Arc<Response>>,
    /// Of the last one that has ended; what an open one tells itself is not kept twice.
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

    /// Replaces the connection; what is asked for of the one before is kept.
    pub(super) fn set_link(&self, link: Option<Arc<Link>>) {
        let mut place = self.0.lock();
        let old = std::mem::replace(&mut place.link, link);
        if let Some(old) = &old {
            place.ended = Some(Box::new(Ended {
                peer_address: old.peer_address().clone(),
                totals: old.totals(),
            }));
        }
        drop(place);
        drop(old);
    }

    pub(super) fn set_response(&self, response: Option<Arc<Response>>) {
        self.0.lock().response = response;
    }

    pub(super) fn response(&self) -> Option<Arc<Response>> {
        self.0.lock().response.clone()
    }

    pub(super) fn totals(&self) -> Totals {
        let place = self.0.lock();
        match (&place.link, &place.ended) {
            (Some(link), _) => link.totals(),
            (None, Some(ended)) => ended.totals,
            (None, None) => Totals::default(),
        }
    }

    /// `None` before the first connection.
    pub(super) fn peer_address(&self) -> Option<CString> {
        let place = self.0.lock();
        match (&place.link, &place.ended) {
            (Some(link), _) => Some(link.peer_address().clone()),
            (None, ended) => ended.as_ref().map(|ended| ended.peer_address.clone()),
        }
    }

    /// In a child of the process that made it: the descriptor is closed, nothing else is touched.
    /// Waits for no lock, which nobody might release.
    pub(super) fn abandon(&self) {
        let place = self.0.try_lock();
        if let Some(link) = place.as_deref().and_then(|place| place.link.as_ref()) {
            link.stream().abandon();
        }
    }
}
