// SPDX-License-Identifier: Apache-2.0
//! The connection of an app, while there is one, and the data kept of the last one.

use crate::base::error::Phase;
use crate::base::sync::{Arc, Mutex};
use crate::conn::link::Link;
use crate::conn::stats::Totals;
use crate::conn::timings::Timings;
use crate::protocol::http::reply::Response;
use std::ffi::CString;
use std::time::Instant;

#[derive(Default)]
pub(super) struct LinkSlot(Mutex<Connections>);

#[derive(Default)]
struct Connections {
    /// While it is open.
    link: Option<Arc<Link>>,
    /// The connection that has just ended, kept until its descriptor is no longer watched and its
    /// last callback has returned.
    retired: Option<Arc<Link>>,
    /// The response to the last attempt.
    response: Option<Arc<Response>>,
    /// Of the attempt in progress, or else of the last one.
    timings: Option<Timings>,
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

    pub(super) fn is_link(&self, link: &Arc<Link>) -> bool {
        let current = &self.0.lock().link;
        current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, link))
    }

    pub(super) fn is_open(&self) -> bool {
        let link = &self.0.lock().link;
        link.as_ref().is_some_and(|link| link.writer().is_open())
    }

    pub(super) fn set_link(&self, link: Arc<Link>) {
        self.0.lock().link = Some(link);
    }

    /// Called when the connection has ended; keeps its data.
    pub(super) fn retire(&self) {
        let mut connections = self.0.lock();
        if let Some(link) = connections.link.take() {
            connections.ended = Some(Box::new(Ended {
                peer_address: link.peer_address().clone(),
                totals: link.totals(),
            }));
            connections.retired = Some(link);
        }
    }

    pub(super) fn forget_retired(&self) {
        let retired = self.0.lock().retired.take();
        drop(retired);
    }

    /// The open connection, or the one that has just ended.
    pub(super) fn last_link(&self) -> Option<Arc<Link>> {
        let connections = self.0.lock();
        let link = connections.link.as_ref();
        link.or(connections.retired.as_ref()).cloned()
    }

    /// Called when an attempt begins, and when its response has arrived.
    pub(super) fn set_attempt(&self, response: Option<Arc<Response>>, timings: &Timings) {
        let mut connections = self.0.lock();
        connections.response = response;
        connections.timings = Some(*timings);
    }

    /// Called after each step of an attempt.
    pub(super) fn show_timings(&self, timings: &Timings) {
        self.0.lock().timings = Some(*timings);
    }

    /// Called when an attempt has failed.
    pub(super) fn fail_attempt(&self, phase: Phase) {
        if let Some(timings) = &mut self.0.lock().timings {
            timings.fail(phase);
        }
    }

    /// `None` before the first attempt.
    pub(super) fn timings(&self) -> Option<Timings> {
        let timings = self.0.lock().timings;
        timings.map(|timings| timings.until(Instant::now()))
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
