// SPDX-License-Identifier: Apache-2.0
//! The life of an app on the thread that drives it: connect, be open, wait, reconnect. It never
//! waits itself; the reactor waits for the descriptors that it names and steps it again.

use super::attempts::{Attempts, NextAttempt};
use super::callbacks::Callbacks;
use super::client::{App, EndRequest};
use super::driver_lock::DriverLock;
use super::open_connection::{AppConnection, End};
use super::retryable::may_have_retry_after;
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind};
use crate::base::log::{self, Level};
use crate::base::sync::{Arc, Weak};
use crate::conn::connect::connector::{Connector, Established};
use crate::conn::connect::report::Report;
use crate::conn::events::{EventKind, EventSink};
use crate::conn::link::aborted;
use crate::conn::open::open;
use crate::conn::receive::reader::ReadBuffers;
use crate::conn::send::keys::Keys;
use crate::conn::trace;
use crate::net::epoll::Readiness;
use crate::net::poll::{Interest, OnSignal, Poll};
use crate::net::resolve::Notify;
use crate::protocol::http::reply::Response;
use crate::protocol::http::retry_after::retry_after;
use crate::protocol::ws::close::{CloseFrame, CloseInfo};
use std::time::{Duration, Instant, SystemTime};

mod events;

pub struct Runner {
    app: Arc<App>,
    phase: AppPhase,
    attempts: Attempts,
    /// How often it has been connected.
    connections: u32,
    /// The app holds a connection that has ended, until its descriptor is no longer watched.
    has_retired: bool,
}

enum AppPhase {
    /// An attempt is due.
    Begin,
    /// An attempt is due, and the user has put it off.
    Deferred,
    Connecting(Box<(Connector, Report)>),
    Open(Box<AppConnection>),
    /// Until the next attempt.
    Waiting(Deadline),
    Done(End),
}

impl Runner {
    pub fn new(app: Arc<App>) -> Self {
        Self {
            attempts: Attempts::new(&app),
            app,
            phase: AppPhase::Begin,
            connections: 0,
            has_retired: false,
        }
    }

    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Advances as far as possible without waiting, and calls the callbacks. `ready` refers to an
    /// open connection.
    pub fn step(
        &mut self,
        now: Instant,
        ready: Readiness,
        memory: &mut ReadBuffers,
        driver_lock: &DriverLock,
    ) {
        self.with_callbacks(driver_lock, |runner, callbacks| {
            runner.handle_end_request(callbacks);
            let (mut now, mut ready) = (now, ready);
            while runner.advance(now, ready, memory, callbacks) {
                runner.handle_end_request(callbacks);
                if matches!(runner.phase, AppPhase::Waiting(..)) {
                    // A wait of zero length ends with the next step, or attempts that fail at once
                    // would prolong this one.
                    break;
                }
                // The readiness belongs to the previous phase, and callbacks have taken time.
                now = runner.attempt_begun_at().unwrap_or_else(Instant::now);
                ready = Readiness::NONE;
            }
            runner.handle_end_request(callbacks);
        });
    }

    /// For the first step of an attempt, in which no time has passed.
    fn attempt_begun_at(&self) -> Option<Instant> {
        match &self.phase {
            AppPhase::Connecting(connect) => connect.1.timings.counted_until(),
            _ => None,
        }
    }

    /// Calls the app's timers that have expired by `now`.
    pub fn run_timers(&mut self, now: Instant, driver_lock: &DriverLock) {
        self.with_callbacks(driver_lock, |runner, callbacks| {
            let app = callbacks.app;
            app.timers.run_expired(now, || callbacks.delivers_events());
            if let AppPhase::Open(session) = &runner.phase {
                session.use_room(callbacks);
            }
        });
    }

    /// Fails the attempt or the connection because of an error outside it.
    pub fn fail_from_outside(&mut self, error: Error, driver_lock: &DriverLock) {
        self.with_callbacks(driver_lock, |runner, callbacks| {
            match &runner.phase {
                AppPhase::Open(_) => runner.end_session(Err(error), callbacks),
                _ => {
                    let events = runner.events();
                    runner.fail(error, None, events, callbacks);
                }
            }
            runner.handle_end_request(callbacks);
        });
    }

    /// Whether a step may close descriptors or open others.
    pub fn is_connecting(&self) -> bool {
        matches!(self.phase, AppPhase::Begin | AppPhase::Connecting(_))
    }

    /// Adds the descriptors to wait for.
    pub fn add_interests(&self, poll: &mut Poll) {
        match &self.phase {
            AppPhase::Connecting(connect) => connect.0.add_interests(poll),
            AppPhase::Open(session) => session.add_interest(poll),
            AppPhase::Begin | AppPhase::Deferred | AppPhase::Waiting(..) | AppPhase::Done(_) => {}
        }
    }

    /// For an open connection: its descriptor, and whether there is something to read that it does
    /// not show.
    pub fn open_interest(&self) -> Option<(Interest, bool)> {
        match &self.phase {
            AppPhase::Open(session) => session.interest(),
            _ => None,
        }
    }

    /// Whether the last step has read everything that had arrived; false if that is not known.
    pub fn has_emptied_socket(&self) -> bool {
        matches!(&self.phase, AppPhase::Open(session) if session.has_emptied_socket())
    }

    /// When to step even if no descriptor is ready.
    pub fn next_step(&self) -> Deadline {
        match &self.phase {
            AppPhase::Connecting(connect) => connect.0.next_step(),
            AppPhase::Open(session) => session.next_step(),
            AppPhase::Waiting(deadline) => *deadline,
            AppPhase::Begin | AppPhase::Deferred | AppPhase::Done(_) => Deadline::NEVER,
        }
    }

    /// Called when the descriptor of the connection that has ended is no longer watched.
    pub fn forget_retired(&mut self) {
        if std::mem::take(&mut self.has_retired) {
            self.app.connection.forget_retired();
        }
    }

    /// How the app has ended, once it has.
    pub fn end(&self) -> Option<End> {
        match &self.phase {
            AppPhase::Done(end) => Some(end.clone()),
            _ => None,
        }
    }

    /// Ends the app, and an attempt that is in progress.
    fn finish(&mut self, end: End) {
        if let AppPhase::Connecting(connect) = &self.phase {
            self.app.connection.fail_attempt(connect.0.phase());
        }
        self.phase = AppPhase::Done(end);
    }

    fn with_callbacks(
        &mut self,
        driver_lock: &DriverLock,
        work: impl FnOnce(&mut Self, &mut Callbacks<'_>),
    ) {
        let app = Arc::clone(&self.app);
        app.begin_work(driver_lock);
        let mut callbacks = Callbacks {
            app: &app,
            driver_lock,
            cache: app.handlers.cache(),
        };
        work(self, &mut callbacks);
        drop(callbacks);
        app.end_work();
    }

    /// A request of the user comes first.
    #[inline]
    fn handle_end_request(&mut self, callbacks: &mut Callbacks<'_>) {
        if self.app.may_have_end_request() {
            self.end_as_requested(callbacks);
        }
    }

    #[cold]
    fn end_as_requested(&mut self, callbacks: &mut Callbacks<'_>) {
        if self.app.take_pause_change() {
            if let AppPhase::Open(session) = &mut self.phase {
                session.set_paused(self.app.is_paused());
            }
        }
        let Some(end_request) = self.app.end_request() else {
            return;
        };
        match (&mut self.phase, end_request) {
            (AppPhase::Done(_), _) => {}
            (AppPhase::Open(session), EndRequest::Close(frame)) => {
                let link = Arc::clone(session.link());
                self.app
                    .close_after_waiting(&link, false, || session.close(&frame));
            }
            (_, EndRequest::Reconnect(frame)) => self.reconnect(&frame),
            (AppPhase::Open(_), EndRequest::Abort) => self.end_session(Err(aborted()), callbacks),
            (_, EndRequest::Close(_)) => self.end_attempt(Ok(())),
            (_, EndRequest::Abort) => self.end_attempt(Err(aborted())),
        }
    }

    fn reconnect(&mut self, frame: &CloseFrame) {
        self.app.take_reconnect_request();
        match &mut self.phase {
            AppPhase::Open(session) => {
                let link = Arc::clone(session.link());
                self.app
                    .close_after_waiting(&link, true, || session.close(frame));
                self.attempts.request();
            }
            AppPhase::Waiting(..) => self.phase = AppPhase::Begin,
            // The app is on its way already.
            AppPhase::Begin | AppPhase::Deferred | AppPhase::Connecting(_) | AppPhase::Done(_) => {}
        }
    }

    /// True if the phase has changed.
    fn advance(
        &mut self,
        now: Instant,
        ready: Readiness,
        memory: &mut ReadBuffers,
        callbacks: &mut Callbacks<'_>,
    ) -> bool {
        match &mut self.phase {
            AppPhase::Begin => {
                self.begin(callbacks);
                true
            }
            AppPhase::Connecting(connect) => match step(connect, now).transpose() {
                None => {
                    self.app.connection.show_timings(&connect.1.timings);
                    false
                }
                Some(result) => {
                    self.leave_connecting(result, callbacks);
                    true
                }
            },
            AppPhase::Open(session) => match session.step(now, ready, memory, callbacks) {
                None => false,
                Some(end) => {
                    self.end_session(end, callbacks);
                    true
                }
            },
            AppPhase::Waiting(deadline) if deadline.has_passed(now) => {
                self.phase = AppPhase::Begin;
                true
            }
            AppPhase::Deferred if self.app.may_proceed() => {
                self.phase = AppPhase::Begin;
                true
            }
            AppPhase::Deferred | AppPhase::Waiting(..) | AppPhase::Done(_) => false,
        }
    }

    // No function from here on runs for each message; marked cold, they stay out of the way of
    // those that do. They read the clock when they set a deadline, because a callback may have
    // taken long.

    #[cold]
    fn begin(&mut self, callbacks: &mut Callbacks<'_>) {
        let url = match self.attempts.next(callbacks) {
            NextAttempt::Connect(url) => url,
            NextAttempt::Later => {
                self.phase = AppPhase::Deferred;
                return;
            }
            NextAttempt::GiveUp(error) => {
                self.phase = AppPhase::Done(Err(error));
                return;
            }
            NextAttempt::End => return,
        };
        let (options, now) = (&self.attempts.options, Instant::now());
        let span = options.connect_span(options.timeout);
        let mut report = Report::new(now, self.event_sink());
        self.app.connection.set_attempt(None, &report.timings);
        let connector = Keys::new().and_then(|keys| {
            Connector::new(
                options.parse_url(&url)?,
                Arc::clone(options),
                keys,
                notify(&self.app),
                Deadline::after(now, span),
                &mut report,
                now,
            )
        });
        match connector {
            Ok(connector) => self.phase = AppPhase::Connecting(Box::new((connector, report))),
            Err(error) => self.fail(error, None, report.events, callbacks),
        }
    }

    #[cold]
    fn leave_connecting(
        &mut self,
        result: Result<Established, Error>,
        callbacks: &mut Callbacks<'_>,
    ) {
        let phase = std::mem::replace(&mut self.phase, AppPhase::Begin);
        let AppPhase::Connecting(mut connect) = phase else {
            return;
        };
        let response = connect.0.take_response();
        let retry_after_span = response.as_deref().and_then(retry_after_of);
        let slot = &self.app.connection;
        let (connector, report) = *connect;
        slot.set_attempt(response, &report.timings);
        drop(connector);
        let events = report.events.clone();
        let opened = result.and_then(|established| self.open(established, events));
        match opened {
            Ok(()) => {
                if let Some(link) = self.app.connection.link() {
                    link.emit(EventKind::Open(&report.timings));
                }
                self.connections += 1;
                callbacks.on_open(self.connections == 1);
                self.app.end_opening();
            }
            Err(error) => self.fail(error, retry_after_span, report.events, callbacks),
        }
    }

    fn open(
        &mut self,
        established: Established,
        events: Option<Arc<EventSink>>,
    ) -> Result<(), Error> {
        let options = &self.attempts.options;
        let (link, reader) = open(established, options, None, events)?;
        link.stream().prepare();
        link.stream().release_tls_buffers();
        if log::is_on(Level::Info) {
            trace::open(&link.peer());
        }
        self.app.begin_connection(link);
        let now = Instant::now();
        let mut session = AppConnection::new(reader, &options.ping, now);
        session.set_paused(self.app.is_paused());
        self.phase = AppPhase::Open(Box::new(session));
        self.attempts.note_open();
        Ok(())
    }

    #[cold]
    fn fail(
        &mut self,
        error: Error,
        retry_after_span: Option<Duration>,
        events: Option<Arc<EventSink>>,
        callbacks: &mut Callbacks<'_>,
    ) {
        log::write(Level::Error, format_args!("{error}"));
        self.app.connection.fail_attempt(error.phase());
        let end = Err(error);
        let is_ending = self.app.is_ending();
        let mut retry = self.attempts.retry(&end, retry_after_span, is_ending);
        // Set before the callback, which may request something else.
        self.phase = after(end.clone(), retry);
        if let Some(events) = events {
            self.report_failure(&events, &end, retry);
            retry = retry.filter(|_| !self.app.is_ending());
            if let Some(waiting) = self.waiting(retry) {
                events.emit(waiting, None);
            }
        }
        on_error(&end, retry, callbacks);
    }

    #[cold]
    fn end_session(&mut self, end: End, callbacks: &mut Callbacks<'_>) {
        let phase = std::mem::replace(&mut self.phase, AppPhase::Begin);
        let AppPhase::Open(session) = phase else {
            return;
        };
        self.attempts.note_open_for(session.opened_at().elapsed());
        let link = Arc::clone(session.link());
        drop(session);
        if let Err(error) = &end {
            // Threads that still have the link must not queue data that would never be sent.
            link.end_unless_ended(error);
        }
        link.stream().shutdown();
        let retry = self.attempts.retry(&end, None, self.app.is_ending());
        // The closing handshake may have been made to reconnect.
        let outcome = match end {
            Ok(()) if self.app.is_aborted() => Err(aborted()),
            _ => end.clone(),
        };
        self.phase = after(outcome, retry);
        let closing = link.writer().with_sender(|sender| sender.closing().clone());
        let unsent = self.app.end_connection(&link, retry.is_none());
        self.has_retired = true;
        // Both close frames may have been recorded although ours was never sent.
        let info = closing.info();
        let clean = info.clean && end.is_ok();
        let info = CloseInfo { clean, ..info };
        link.emit(EventKind::Closed(&info, unsent, end.as_ref().err(), retry));
        // The event may have been the reason to close the app.
        let retry = retry.filter(|_| !self.app.is_ending());
        if let Some(waiting) = self.waiting(retry) {
            link.emit(waiting);
        }
        drop(link);
        on_error(&end, retry, callbacks);
        callbacks.on_close(&info, unsent);
    }
}

/// The function that other threads call when there is something new for a connecting app.
fn notify(app: &Arc<App>) -> Notify {
    let app: Weak<App> = Arc::downgrade(app);
    Arc::new(move || {
        if let Some(app) = app.upgrade() {
            app.wake_driver();
        }
    })
}

/// The phase that follows an end.
fn after(end: End, retry: Option<Duration>) -> AppPhase {
    match retry {
        Some(delay) => {
            log::write(Level::Info, format_args!("reconnecting in {delay:?}"));
            AppPhase::Waiting(Deadline::after(Instant::now(), Some(delay)))
        }
        None => AppPhase::Done(end),
    }
}

/// An abort that the user requested is not an error.
fn on_error(end: &End, retry: Option<Duration>, callbacks: &mut Callbacks<'_>) {
    if let Err(error) = end {
        if error.kind() != Kind::Aborted {
            callbacks.on_error(error, retry);
        }
    }
}

/// Steps the connector, which needs to know which of its descriptors are ready.
fn step(
    (connector, report): &mut (Connector, Report),
    now: Instant,
) -> Result<Option<Established>, Error> {
    let mut poll = Poll::default();
    connector.add_interests(&mut poll);
    poll.wait(Deadline::at(now), OnSignal::Continue)
        .map_err(|error| Error::os(Kind::Io, "poll the sockets", &error))?;
    connector.step(now, &poll, report)
}

fn retry_after_of(response: &Response) -> Option<Duration> {
    let head = &response.head;
    let fields = may_have_retry_after(head.status).then_some(&head.fields)?;
    retry_after(fields, SystemTime::now())
}
