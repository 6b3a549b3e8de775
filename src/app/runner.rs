// SPDX-License-Identifier: Apache-2.0
//! The life of an app on the thread that drives it: connect, be open, wait, connect again. Never
//! waits itself; whoever drives it waits for what it names and steps it again.

use super::callbacks::Callbacks;
use super::client::{App, EndRequest};
use super::driver_lock::DriverLock;
use super::open_connection::{AppConnection, End};
use super::retryable::{is_retryable, may_name_a_time};
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind};
use crate::base::log::{self, Level};
use crate::base::sync::{Arc, Weak};
use crate::conn::connect::connector::{Connector, Established};
use crate::conn::link::{Link, aborted};
use crate::conn::open::open;
use crate::conn::receive::reader::ReadBuffers;
use crate::conn::send::keys::Keys;
use crate::conn::trace;
use crate::net::epoll::Readiness;
use crate::net::poll::{Interest, OnSignal, Poll};
use crate::net::resolve::Notify;
use crate::protocol::backoff::Backoff;
use crate::protocol::http::reply::Response;
use crate::protocol::http::retry_after::retry_after;
use crate::protocol::ws::close::CloseInfo;
use std::time::{Duration, Instant, SystemTime};

pub struct Runner {
    app: Arc<App>,
    phase: Life,
    backoff: Backoff,
    has_been_open: bool,
    /// Kept until nobody watches its descriptor.
    retired: Option<Arc<Link>>,
}

enum Life {
    /// An attempt is due.
    Begin,
    Connecting(Box<Connector>),
    Open(Box<AppConnection>),
    /// Until the next attempt.
    Waiting(Deadline),
    Done(End),
}

impl Runner {
    pub fn new(app: Arc<App>) -> Self {
        let backoff = Backoff::new(&app.options.reconnect);
        Self {
            app,
            phase: Life::Begin,
            backoff,
            has_been_open: false,
            retired: None,
        }
    }

    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Goes on as far as possible without waiting, and tells what has happened. `ready` is about an
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
                if matches!(runner.phase, Life::Waiting(..)) {
                    // A wait of no time ends with the next step, or attempts that fail at once
                    // would keep this one going.
                    break;
                }
                // What was ready was so for the phase that is over, and callbacks have taken their
                // time.
                (now, ready) = (Instant::now(), Readiness::default());
            }
            runner.handle_end_request(callbacks);
        });
    }

    /// Calls the app's timers that have expired by `now`.
    pub fn run_timers(&mut self, now: Instant, driver_lock: &DriverLock) {
        self.with_callbacks(driver_lock, |_, callbacks| {
            let app = callbacks.app;
            app.timers.run_expired(now, || callbacks.listens());
        });
    }

    /// The attempt, or the connection, has failed by something outside it.
    pub fn break_off(&mut self, error: Error, driver_lock: &DriverLock) {
        self.with_callbacks(driver_lock, |runner, callbacks| {
            match &runner.phase {
                Life::Open(_) => runner.end_session(Err(error), callbacks),
                _ => runner.fail(error, None, callbacks),
            }
            runner.handle_end_request(callbacks);
        });
    }

    /// Whether a step may close descriptors or open others.
    pub fn is_connecting(&self) -> bool {
        matches!(self.phase, Life::Begin | Life::Connecting(_))
    }

    /// Names what is waited for.
    pub fn add_interests(&self, poll: &mut Poll) {
        match &self.phase {
            Life::Connecting(connector) => connector.add_interests(poll),
            Life::Open(session) => session.add_interest(poll),
            Life::Begin | Life::Waiting(..) | Life::Done(_) => {}
        }
    }

    /// The same of an open connection: a descriptor, and whether there is something to read that it
    /// does not show.
    pub fn open_interest(&self) -> Option<(Interest, bool)> {
        match &self.phase {
            Life::Open(session) => Some(session.interest()),
            _ => None,
        }
    }

    /// When to step even if nothing has come.
    pub fn next_step(&self) -> Deadline {
        match &self.phase {
            Life::Connecting(connector) => connector.next_step(),
            Life::Open(session) => session.next_step(),
            Life::Waiting(deadline) => *deadline,
            Life::Begin | Life::Done(_) => Deadline::NEVER,
        }
    }

    /// Nobody watches the descriptor of the connection that has ended.
    pub fn forget_retired(&mut self) {
        self.retired = None;
    }

    /// How it has ended, when it has.
    pub fn end(&self) -> Option<End> {
        match &self.phase {
            Life::Done(end) => Some(end.clone()),
            _ => None,
        }
    }

    /// Ends it without a word.
    pub fn abort_all(&mut self) {
        if let Life::Open(session) = &self.phase {
            session.link().end_with(&aborted());
        }
        self.phase = Life::Done(Err(aborted()));
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
            view: app.handlers.view(),
        };
        work(self, &mut callbacks);
        drop(callbacks);
        app.end_work();
    }

    /// What the user wants comes first.
    #[inline]
    fn handle_end_request(&mut self, callbacks: &mut Callbacks<'_>) {
        if self.app.is_to_end() {
            self.end_as_requested(callbacks);
        }
    }

    #[cold]
    fn end_as_requested(&mut self, callbacks: &mut Callbacks<'_>) {
        let Some(end_request) = self.app.end_request() else {
            return;
        };
        match (&mut self.phase, end_request) {
            (Life::Done(_), _) => {}
            (Life::Open(session), EndRequest::Close(frame)) => {
                session.close(&frame, &self.app.options)
            }
            (Life::Open(_), EndRequest::Abort) => self.end_session(Err(aborted()), callbacks),
            (_, EndRequest::Close(_)) => self.phase = Life::Done(Ok(())),
            (_, EndRequest::Abort) => self.phase = Life::Done(Err(aborted())),
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
            Life::Begin => {
                self.begin(callbacks);
                true
            }
            Life::Connecting(connector) => match connect(connector, now).transpose() {
                None => false,
                Some(result) => {
                    self.leave_connecting(result, callbacks);
                    true
                }
            },
            Life::Open(session) => match session.step(now, ready, memory, callbacks) {
                None => false,
                Some(end) => {
                    self.end_session(end, callbacks);
                    true
                }
            },
            Life::Waiting(deadline) if deadline.has_passed(now) => {
                self.phase = Life::Begin;
                true
            }
            Life::Waiting(..) | Life::Done(_) => false,
        }
    }

    // From here on nothing happens for each message, and it is kept out of the way of what does.
    // The clock is read where a deadline is set: what was called back before may have taken long.

    #[cold]
    fn begin(&mut self, callbacks: &mut Callbacks<'_>) {
        let (options, now) = (&self.app.options, Instant::now());
        let span = options.connect_span(options.timeout);
        self.app.connection.set_response(None);
        let connector = Keys::new().and_then(|keys| {
            Connector::new(
                self.app.url()?,
                Arc::clone(options),
                keys,
                notify(&self.app),
                Deadline::after(now, span),
                now,
            )
        });
        match connector {
            Ok(connector) => self.phase = Life::Connecting(Box::new(connector)),
            Err(error) => self.fail(error, None, callbacks),
        }
    }

    #[cold]
    fn leave_connecting(
        &mut self,
        result: Result<Established, Error>,
        callbacks: &mut Callbacks<'_>,
    ) {
        let phase = std::mem::replace(&mut self.phase, Life::Begin);
        let Life::Connecting(mut connector) = phase else {
            return;
        };
        let response = connector.take_response();
        drop(connector);
        let may_come_back = response.as_deref().and_then(named_time);
        self.app.connection.set_response(response);
        let opened = result.and_then(|established| self.open(established));
        match opened {
            Ok(()) => callbacks.on_open(!std::mem::replace(&mut self.has_been_open, true)),
            Err(error) => self.fail(error, may_come_back, callbacks),
        }
    }

    fn open(&mut self, established: Established) -> Result<(), Error> {
        let options = &self.app.options;
        let (link, reader) = open(established, options, None)?;
        link.stream().prepare();
        link.stream().release_tls_buffers();
        if log::is_on(Level::Info) {
            trace::open(&link.peer());
        }
        self.app.connection.set_link(Some(link));
        let now = Instant::now();
        let session = AppConnection::new(reader, &options.ping, now);
        self.phase = Life::Open(Box::new(session));
        Ok(())
    }

    #[cold]
    fn fail(
        &mut self,
        error: Error,
        may_come_back: Option<Duration>,
        callbacks: &mut Callbacks<'_>,
    ) {
        log::write(Level::Error, format_args!("{error}"));
        let end = Err(error);
        let retry = self.retry(&end, may_come_back);
        // Before the user is told, who may want something else.
        self.phase = after(end.clone(), retry);
        on_error(&end, retry, callbacks);
    }

    #[cold]
    fn end_session(&mut self, end: End, callbacks: &mut Callbacks<'_>) {
        let phase = std::mem::replace(&mut self.phase, Life::Begin);
        let Life::Open(session) = phase else {
            return;
        };
        let was_open_for = session.opened_at().elapsed();
        self.backoff
            .note_open_for(was_open_for, &self.app.options.reconnect);
        let link = Arc::clone(session.link());
        drop(session);
        self.app.connection.set_link(None);
        if let Err(error) = &end {
            // Threads that still have the link must not queue what nobody would send.
            link.end_unless_ended(error);
        }
        link.stream().shutdown();
        let retry = self.retry(&end, None);
        self.phase = after(end.clone(), retry);
        let closing = link.writer().with_sender(|sender| sender.closing().clone());
        let unsent = link.unsent();
        self.retired = Some(link);
        on_error(&end, retry, callbacks);
        // Both frames may have been said, and ours never have left.
        let info = closing.info();
        let clean = info.clean && end.is_ok();
        callbacks.on_close(&CloseInfo { clean, ..info }, unsent);
    }

    /// When to try again.
    fn retry(&mut self, end: &End, may_come_back: Option<Duration>) -> Option<Duration> {
        let options = &self.app.options;
        let is_final = |error: &Error| !options.reconnect_always && !is_retryable(error);
        // The caller's socket is for one connection.
        let is_over = options.fd.is_some() || end.as_ref().is_err_and(is_final);
        if is_over || self.app.end_request().is_some() {
            return None;
        }
        let random = Keys::new().map_or(0.0, |mut keys| keys.fraction());
        self.backoff.next(&options.reconnect, random, may_come_back)
    }
}

/// Called by others when there is something for an app to see that is connecting.
fn notify(app: &Arc<App>) -> Notify {
    let app: Weak<App> = Arc::downgrade(app);
    Arc::new(move || {
        if let Some(app) = app.upgrade() {
            app.rouse();
        }
    })
}

/// What follows an end.
fn after(end: End, retry: Option<Duration>) -> Life {
    match retry {
        Some(delay) => {
            log::write(Level::Info, format_args!("connecting again in {delay:?}"));
            Life::Waiting(Deadline::after(Instant::now(), Some(delay)))
        }
        None => Life::Done(end),
    }
}

/// What the user wanted is no error.
fn on_error(end: &End, retry: Option<Duration>, callbacks: &mut Callbacks<'_>) {
    if let Err(error) = end {
        if error.kind() != Kind::Aborted {
            callbacks.on_error(error, retry);
        }
    }
}

/// One step of the connector, which wants to know which of its descriptors are ready.
fn connect(connector: &mut Connector, now: Instant) -> Result<Option<Established>, Error> {
    let mut poll = Poll::default();
    connector.add_interests(&mut poll);
    poll.wait(Deadline::at(now), OnSignal::Continue)
        .map_err(|error| Error::os(Kind::Io, "look at the sockets", &error))?;
    connector.step(now, &poll)
}

fn named_time(response: &Response) -> Option<Duration> {
    let head = &response.head;
    let fields = may_name_a_time(head.status).then_some(&head.fields)?;
    retry_after(fields, SystemTime::now())
}
