// SPDX-License-Identifier: Apache-2.0
//! The life of an app on the thread that drives it: connect, be open, wait, connect again. Never waits itself; whoever
//! drives it waits for what it names and steps it again.

use super::client::{App, Wish};
use super::retry::{may_be_mended, may_name_a_time};
use super::session::{Audience, End, Session};
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind};
use crate::base::log::{self, Level};
use crate::base::sync::Arc;
use crate::conn::connector::{Connector, Established};
use crate::conn::keys::Keys;
use crate::conn::link::{Link, aborted};
use crate::conn::reader::Memory;
use crate::conn::trace;
use crate::net::epoll::Ready;
use crate::net::poll::Poll;
use crate::net::resolve::Notify;
use crate::protocol::backoff::Backoff;
use crate::protocol::http::reply::Response;
use crate::protocol::http::retry_after::retry_after;
use crate::protocol::keepalive::Keepalive;
use std::time::{Duration, Instant, SystemTime};

pub struct Runner {
    app: Arc<App>,
    /// Called by others when there is something to see.
    notify: Notify,
    phase: Phase,
    backoff: Backoff,
    has_been_open: bool,
    /// Kept until nobody watches its descriptor.
    retired: Option<Arc<Link>>,
}

enum Phase {
    /// An attempt is due.
    Begin,
    Connecting(Box<Connector>),
    Open(Box<Session>),
    /// Until the next attempt.
    Waiting(Deadline),
    Done(End),
}

impl Runner {
    pub fn new(app: Arc<App>, notify: Notify) -> Self {
        let backoff = Backoff::new(app.options.reconnect.clone());
        Self {
            app,
            notify,
            phase: Phase::Begin,
            backoff,
            has_been_open: false,
            retired: None,
        }
    }

    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Goes on as far as possible without waiting, and tells what has happened. `ready` is about an open connection.
    pub fn step(&mut self, now: Instant, ready: Ready, memory: &mut Memory) {
        let app = Arc::clone(&self.app);
        app.begin_work();
        let mut view = app.handlers.view();
        let mut audience = Audience {
            app: &app,
            view: &mut view,
        };
        self.heed(now, &mut audience);
        let mut ready = ready;
        while self.advance(now, ready, memory, &mut audience) {
            self.heed(now, &mut audience);
            if matches!(self.phase, Phase::Waiting(..)) {
                // A wait of no time ends with the next step, or attempts that fail at once would keep this one going.
                break;
            }
            // What was ready was so for the phase that is over.
            ready = Ready::default();
        }
        self.heed(now, &mut audience);
        drop(view);
        app.end_work();
    }

    /// Whether a step may close descriptors or open others.
    pub fn is_connecting(&self) -> bool {
        matches!(self.phase, Phase::Begin | Phase::Connecting(_))
    }

    /// Names what is waited for.
    pub fn add_interests(&self, poll: &mut Poll) {
        match &self.phase {
            Phase::Connecting(connector) => connector.add_interests(poll),
            Phase::Open(session) => {
                let fd = session.link().stream().fd();
                poll.add(fd, true, session.wants_to_write());
            }
            Phase::Begin | Phase::Waiting(..) | Phase::Done(_) => {}
        }
    }

    /// When to step even if nothing has come.
    pub fn next_step(&self) -> Deadline {
        match &self.phase {
            Phase::Connecting(connector) => connector.next_step(),
            Phase::Open(session) => session.next_step(),
            Phase::Waiting(deadline) => *deadline,
            Phase::Begin | Phase::Done(_) => Deadline::NEVER,
        }
    }

    /// Nobody watches the descriptor of the connection that has ended.
    pub fn forget_retired(&mut self) {
        self.retired = None;
    }

    /// How it has ended, when it has.
    pub fn end(&self) -> Option<End> {
        match &self.phase {
            Phase::Done(end) => Some(end.clone()),
            _ => None,
        }
    }

    /// Ends it without a word.
    pub fn drop_all(&mut self) {
        if let Phase::Open(session) = &self.phase {
            session.link().end_with(&aborted());
        }
        self.phase = Phase::Done(Err(aborted()));
    }

    /// What the user wants comes first.
    fn heed(&mut self, now: Instant, audience: &mut Audience<'_>) {
        let Some(wish) = self.app.wish() else {
            return;
        };
        match (&self.phase, wish) {
            (Phase::Done(_), _) => {}
            (Phase::Open(session), Wish::Close(frame)) => session.close(&frame),
            (Phase::Open(_), Wish::Abort) => self.end_session(Err(aborted()), now, audience),
            (_, Wish::Close(_)) => self.phase = Phase::Done(Ok(())),
            (_, Wish::Abort) => self.phase = Phase::Done(Err(aborted())),
        }
    }

    /// True if the phase has changed.
    fn advance(
        &mut self,
        now: Instant,
        ready: Ready,
        memory: &mut Memory,
        audience: &mut Audience<'_>,
    ) -> bool {
        match &mut self.phase {
            Phase::Begin => {
                self.begin(now, audience);
                true
            }
            Phase::Connecting(connector) => match connect(connector, now) {
                Ok(None) => false,
                result => {
                    self.leave_connecting(result.transpose(), now, audience);
                    true
                }
            },
            Phase::Open(session) => match session.step(now, ready, memory, audience) {
                None => false,
                Some(end) => {
                    self.end_session(end, now, audience);
                    true
                }
            },
            Phase::Waiting(deadline) if deadline.has_passed(now) => {
                self.phase = Phase::Begin;
                true
            }
            Phase::Waiting(..) | Phase::Done(_) => false,
        }
    }

    fn begin(&mut self, now: Instant, audience: &mut Audience<'_>) {
        let options = &self.app.options;
        let span = options.connect_span(options.timeout);
        self.app.set_response(None);
        let connector = Keys::new().and_then(|keys| {
            Connector::new(
                self.app.url.clone(),
                Arc::clone(options),
                keys,
                Arc::clone(&self.notify),
                Deadline::after(now, span),
                now,
            )
        });
        match connector {
            Ok(connector) => self.phase = Phase::Connecting(Box::new(connector)),
            Err(error) => self.fail(error, None, now, audience),
        }
    }

    fn leave_connecting(
        &mut self,
        result: Option<Result<Established, Error>>,
        now: Instant,
        audience: &mut Audience<'_>,
    ) {
        let phase = std::mem::replace(&mut self.phase, Phase::Begin);
        let (Phase::Connecting(connector), Some(result)) = (phase, result) else {
            return;
        };
        let (keys, response) = connector.into_parts();
        let may_come_back = response.as_ref().and_then(named_time);
        self.app.set_response(response);
        let opened = result.and_then(|established| self.open(established, keys, now));
        match opened {
            Ok(()) => audience.tell_open(!std::mem::replace(&mut self.has_been_open, true)),
            Err(error) => self.fail(error, may_come_back, now, audience),
        }
    }

    fn open(&mut self, established: Established, keys: Keys, now: Instant) -> Result<(), Error> {
        let options = &self.app.options;
        let (link, reader) = Link::new(established, keys, options, Arc::default())?;
        let link = Arc::new(link);
        link.stream().release_tls_buffers();
        trace::open(&link.peer());
        self.app.set_peer_address(link.peer_address().clone());
        self.app.set_link(Some(Arc::clone(&link)));
        let keepalive = Keepalive::new(options.ping.clone(), now);
        self.phase = Phase::Open(Box::new(Session::new(link, reader, keepalive, now)));
        Ok(())
    }

    fn fail(
        &mut self,
        error: Error,
        may_come_back: Option<Duration>,
        now: Instant,
        audience: &mut Audience<'_>,
    ) {
        log::write(Level::Error, format_args!("{error}"));
        let end = Err(error);
        let retry = self.retry(&end, may_come_back);
        // Before the user is told, who may want something else.
        self.phase = self.after(end.clone(), retry, now);
        self.tell_error(&end, retry, audience);
    }

    fn end_session(&mut self, end: End, now: Instant, audience: &mut Audience<'_>) {
        let phase = std::mem::replace(&mut self.phase, Phase::Begin);
        let Phase::Open(session) = phase else {
            return;
        };
        self.backoff.note_open_for(now - session.opened_at());
        let link = Arc::clone(session.link());
        drop(session);
        self.app.set_link(None);
        if let Err(error) = &end {
            // Threads that still have the link must not queue what nobody would send.
            link.end_with(error);
        }
        link.stream().shutdown();
        let retry = self.retry(&end, None);
        self.phase = self.after(end.clone(), retry, now);
        let closing = link.writer().with_sender(|sender| sender.closing().clone());
        let unsent = link.unsent();
        self.retired = Some(link);
        self.tell_error(&end, retry, audience);
        if !self.app.is_freed() {
            audience.tell_close(&closing, unsent);
        }
    }

    fn after(&self, end: End, retry: Option<Duration>, now: Instant) -> Phase {
        match retry {
            Some(delay) => {
                log::write(Level::Info, format_args!("connecting again in {delay:?}"));
                Phase::Waiting(Deadline::after(now, Some(delay)))
            }
            None => Phase::Done(end),
        }
    }

    /// When to try again.
    fn retry(&mut self, end: &End, may_come_back: Option<Duration>) -> Option<Duration> {
        let options = &self.app.options;
        let is_final = |error: &Error| !options.reconnect_always && !may_be_mended(error);
        // The caller's socket is for one connection.
        let is_over = options.fd.is_some() || end.as_ref().is_err_and(is_final);
        if is_over || self.app.wish().is_some() {
            return None;
        }
        let random = Keys::new().map_or(0.0, |mut keys| keys.fraction());
        self.backoff.next(random, may_come_back)
    }

    /// What the user wanted is no error.
    fn tell_error(&self, end: &End, retry: Option<Duration>, audience: &mut Audience<'_>) {
        if let Err(error) = end {
            if error.kind() != Kind::Aborted && self.app.listens() {
                audience.tell_error(error, retry);
            }
        }
    }
}

/// One step of the connector, which wants to know which of its descriptors are ready.
fn connect(connector: &mut Connector, now: Instant) -> Result<Option<Established>, Error> {
    let mut poll = Poll::default();
    connector.add_interests(&mut poll);
    poll.wait(Deadline::at(now))
        .map_err(|error| Error::os(Kind::Io, "look at the sockets", &error))?;
    connector.step(now, &poll)
}

fn named_time(response: &Response) -> Option<Duration> {
    let head = &response.head;
    let fields = may_name_a_time(head.status).then_some(&head.fields)?;
    retry_after(fields, SystemTime::now())
}
