// SPDX-License-Identifier: Apache-2.0
//! A connect that waits. The connector never does: this waits for what it names.

use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind};
use crate::base::log::{self, Level};
use crate::base::sync::{Arc, OnceLock, Ordering};
use crate::conn::connect::connector::{Connector, Established};
use crate::conn::connect::report::Report;
use crate::conn::connection::{Connection, LastConnect, Open};
use crate::conn::events::{EventKind, EventOrigin, EventSink, Owner};
use crate::conn::open::open;
use crate::conn::options::Supplied;
use crate::conn::send::keys::Keys;
use crate::conn::trace;
use crate::net::poll::{OnSignal, Poll, Waited};
use crate::net::resolve::{Notified, Notify};
use crate::net::wake::{Wake, WakeBy};
use crate::protocol::url::Url;
use std::os::fd::AsRawFd;
use std::time::Instant;

/// How a lookup on another thread ends a wait; created when the first such wait begins.
#[derive(Default)]
struct LookupWake(OnceLock<Wake>);

impl Notified for LookupWake {
    fn notify(&self) {
        self.0.get().into_iter().for_each(Wake::signal);
    }
}

impl Connection {
    /// `handle` is the address by which the caller knows the connection.
    pub fn connect(&self, url: &str, handle: usize) -> Result<(), Error> {
        let url = self.options.parse_url(url)?;
        let now = Instant::now();
        let mut report = Report::new(now, self.event_sink(handle));
        self.begin_connecting(&report)?;
        let result = self.connect_to(url, now, &mut report);
        let result = result.map(|open| self.set_open(open));
        let result = result.inspect_err(|error| self.note_failure(error, &mut report));
        // Cleared after the connection is set: a thread that finds neither may begin to connect.
        self.last_connect.lock().is_in_progress = false;
        let open = result?;
        if log::is_on(Level::Info) {
            trace::open(&open.link.peer());
        }
        open.link.emit(EventKind::Open(&report.timings));
        // Other threads, which may use the connection already, do not report an end before that.
        if report.events.is_some() {
            self.emit_end();
        }
        // An abort that came before the connection was set did not shut it down.
        self.check_aborted()
            .inspect_err(|error| open.end_with(error))
    }

    fn begin_connecting(&self, report: &Report) -> Result<(), Error> {
        let mut last = self.last_connect.lock();
        if last.is_in_progress {
            return Err(Error::new(
                Kind::Busy,
                "another thread is connecting this connection",
            ));
        }
        if self.is_connected() {
            return Err(Error::new(
                Kind::WrongState,
                "the connection has already been connected; create a new one",
            ));
        }
        self.check_aborted()?;
        *last = LastConnect {
            is_in_progress: true,
            response: None,
            timings: Some(report.timings),
        };
        Ok(())
    }

    #[cold]
    fn note_failure(&self, error: &Error, report: &mut Report) {
        log::write(Level::Error, format_args!("{error}"));
        report.timings.fail(error.phase());
        self.last_connect.lock().timings = Some(report.timings);
        report.emit(EventKind::ConnectFailed(error, &report.timings, None));
    }

    fn event_sink(&self, handle: usize) -> Option<Arc<EventSink>> {
        let origin = EventOrigin {
            owner: Owner::Connection(handle),
            attempt: 1,
            reconnects: 0,
        };
        let callback = self.options.events.as_ref();
        callback.map(|callback| EventSink::new(callback, origin, || true))
    }

    fn connect_to(
        &self,
        url: Arc<Url>,
        now: Instant,
        report: &mut Report,
    ) -> Result<Box<Open>, Error> {
        let span = self.options.connect_span(self.timeout().get());
        let wake = Arc::new(LookupWake::default());
        let mut connector = Connector::new(
            url,
            Arc::clone(&self.options),
            Keys::new()?,
            Arc::clone(&wake) as Notify,
            Deadline::after(now, span),
            report,
            now,
        )?;
        let result = self.drive(&mut connector, &wake, now, report);
        let mut last = self.last_connect.lock();
        last.response = connector.take_response();
        last.timings = Some(report.timings);
        drop(last);
        let is_aborted = Arc::clone(&self.is_aborted);
        let (link, reader) = open(
            result?,
            &self.options,
            Some(is_aborted),
            report.events.clone(),
        )?;
        Ok(Box::new(Open::new(link, reader)))
    }

    fn drive(
        &self,
        connector: &mut Connector,
        LookupWake(wake): &LookupWake,
        mut now: Instant,
        report: &mut Report,
    ) -> Result<Established, Error> {
        let on_signal = if self.options.is_interruptible {
            OnSignal::Return
        } else {
            OnSignal::Continue
        };
        let supplied = self.options.supplied.as_ref();
        let mut poll = Poll::default();
        let mut shown = None;
        loop {
            if let Some(established) = connector.step(now, &poll, report)? {
                return Ok(established);
            }
            let progress = report.timings.progress();
            if shown.replace(progress) != Some(progress) {
                self.last_connect.lock().timings = Some(report.timings);
            }
            poll.clear();
            connector.add_interests(&mut poll);
            let socket = poll.interests().next().map(|interest| interest.fd);
            let wake_by = match (socket, wake.get()) {
                // The caller's socket is not ours to shut down.
                (Some(socket), _) if !matches!(supplied, Some(Supplied::Socket(_))) => {
                    WakeBy::Shutdown(socket)
                }
                (_, Some(wake)) => {
                    poll.add(wake.as_raw_fd(), true, false);
                    WakeBy::Event(wake.as_raw_fd())
                }
                (_, None) => {
                    let made = Wake::new();
                    let made = made.map_err(|error| {
                        Error::os(Kind::Io, "create an event descriptor", &error)
                    })?;
                    wake.get_or_init(|| made);
                    // Nothing was signaled for events before it existed, so look again.
                    continue;
                }
            };
            self.connect_wake.set(wake_by);
            // From here on, an abort ends the wait; an earlier one is found here.
            let waited = match self.check_aborted() {
                Ok(()) => match supplied {
                    Some(Supplied::Transport(transport)) => {
                        let is_over = || self.is_aborted.load(Ordering::Relaxed);
                        transport.wait(&mut poll, connector.next_step(), on_signal, is_over)
                    }
                    _ => poll.wait(connector.next_step(), on_signal),
                },
                Err(_) => Ok(Waited::Ready),
            };
            self.connect_wake.clear();
            self.check_aborted()
                .map_err(|error| error.in_phase(connector.phase()))?;
            let waited =
                waited.map_err(|error| Error::os(Kind::Io, "wait for the connection", &error))?;
            if waited == Waited::Interrupted {
                return Err(Error::interrupted("the connection").in_phase(connector.phase()));
            }
            if let WakeBy::Event(fd) = wake_by {
                if poll.is_ready(fd) {
                    wake.get().into_iter().for_each(Wake::clear);
                }
            }
            now = Instant::now();
        }
    }
}
