// SPDX-License-Identifier: Apache-2.0
//! The events of an app that are not those of a connect or of an open connection.

use super::{AppPhase, Runner};
use crate::app::driver_lock::DriverLock;
use crate::app::open_connection::End;
use crate::base::sync::Arc;
use crate::conn::events::{EventKind, EventOrigin, EventSink, Owner, Upcoming};
use crate::conn::link::aborted;
use crate::protocol::ws::close::CloseInfo;
use std::time::Duration;

impl Runner {
    /// For the attempt that begins; nothing reaches it once the app was freed.
    pub(super) fn event_sink(&self) -> Option<Arc<EventSink>> {
        let callback = self.attempts.options.events.as_ref()?;
        let origin = EventOrigin {
            owner: Owner::App(self.app.handle()),
            attempt: self.attempts.number(),
            reconnects: self.connections.into(),
        };
        let app = Arc::downgrade(&self.app);
        let is_wanted = move || app.upgrade().is_some_and(|app| !app.is_freed());
        Some(EventSink::new(callback, origin, is_wanted))
    }

    /// Takes the events of the attempt in progress.
    pub(super) fn events(&self) -> Option<Arc<EventSink>> {
        match &self.phase {
            AppPhase::Connecting(connect) => connect.1.events.clone(),
            _ => None,
        }
    }

    /// Ends the app as requested, and reports the end of an attempt that is in progress.
    pub(super) fn end_attempt(&mut self, end: End) {
        let mut error = aborted();
        if let AppPhase::Connecting(connect) = &self.phase {
            error = error.in_phase(connect.0.phase());
        }
        let events = self.events();
        self.finish(end.map_err(|_| error.clone()));
        if let Some(events) = events {
            self.report_failure(&events, &Err(error), None);
        }
    }

    /// Ends the app without a callback of its own, when its loop is freed. The caller holds the
    /// driver lock.
    pub fn abort(&mut self, driver_lock: &DriverLock) {
        let app = Arc::clone(&self.app);
        // Events name the app, so nobody may free it meanwhile.
        app.begin_work(driver_lock);
        if let AppPhase::Open(session) = &self.phase {
            let (link, error) = (session.link(), aborted());
            link.end_with(&error);
            let unsent = app.end_connection(link, true);
            let closing = link.writer().with_sender(|sender| sender.closing().clone());
            let info = CloseInfo {
                clean: false,
                ..closing.info()
            };
            link.emit(EventKind::Closed(&info, unsent, Some(&error), None));
        }
        self.end_attempt(Err(aborted()));
        app.end_work();
    }

    pub(super) fn report_failure(&self, events: &EventSink, end: &End, retry: Option<Duration>) {
        if let (Err(error), Some(timings)) = (end, self.app.timings()) {
            events.emit(EventKind::ConnectFailed(error, &timings, retry), None);
        }
    }

    /// The event for the time until the next attempt, if there is one.
    pub(super) fn waiting(&self, retry: Option<Duration>) -> Option<EventKind<'static>> {
        let upcoming = Upcoming {
            attempt: self.attempts.number() + 1,
            reconnects: self.connections.into(),
        };
        retry.map(|delay| EventKind::Waiting(delay, upcoming))
    }
}
