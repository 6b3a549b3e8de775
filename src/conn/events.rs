// SPDX-License-Identifier: Apache-2.0
//! Events: what happens to all objects that share their options. By default nobody listens, and no
//! object has a sink.

use super::send::queue::Unsent;
use super::stats::Totals;
use super::timings::Timings;
use crate::base::error::Error;
use crate::base::process::ProcessMark;
use crate::base::sync::{Arc, AtomicU32, Mutex, Ordering};
use crate::net::socket::Address;
use crate::protocol::url::Url;
use crate::protocol::ws::close::CloseInfo;
use crate::protocol::ws::frame::MAX_CONTROL_BYTES;
use std::ffi::CStr;
use std::time::{Duration, Instant};

/// Called with each event of all objects with the same options. No lock is held meanwhile.
pub type EventFn = Arc<dyn Fn(&EventOrigin, &Event<'_>) + Send + Sync>;

/// Where an event comes from.
#[derive(Clone, Copy, Debug)]
pub struct EventOrigin {
    pub owner: Owner,
    /// 1 for the first since the app was connected.
    pub attempt: u64,
    /// How often the app had been connected before.
    pub reconnects: u64,
}

/// The object, by the address of its handle.
#[derive(Clone, Copy, Debug)]
pub enum Owner {
    Connection(usize),
    App(usize),
}

pub struct Event<'a> {
    pub kind: EventKind<'a>,
    /// The peer and the counters of the connection, once it is open.
    pub connection: Option<(&'a CStr, Totals)>,
}

#[derive(Clone, Copy)]
pub enum EventKind<'a> {
    Connecting(&'a Url),
    Address(&'a Address),
    AddressFailed(&'a Address, &'a Error),
    Open(&'a Timings),
    /// With the time until the next attempt, if there is one.
    ConnectFailed(&'a Error, &'a Timings, Option<Duration>),
    Ping,
    /// With the round-trip time, if it answers the last ping.
    Pong(Option<Duration>),
    /// Without an error after a closing handshake; with the time until the next attempt, if there
    /// is one.
    Closed(
        &'a CloseInfo<'a>,
        Unsent,
        Option<&'a Error>,
        Option<Duration>,
    ),
    /// The app waits before its next attempt.
    Waiting(Duration, Upcoming),
}

/// The attempt that an app waits for, as in [`EventOrigin`].
#[derive(Clone, Copy, Debug)]
pub struct Upcoming {
    pub attempt: u64,
    pub reconnects: u64,
}

/// Takes the events of one attempt, and of the connection that it opens.
pub struct EventSink {
    callback: EventFn,
    origin: EventOrigin,
    /// Whether the owner may still be named.
    is_wanted: Box<dyn Fn() -> bool + Send + Sync>,
    /// A callback that has called fork() returns in both processes.
    process: ProcessMark,
    pings: Mutex<SentPings>,
    stage: AtomicU32,
}

#[derive(Default)]
struct SentPings {
    count: u64,
    /// The last one, until its pong arrives.
    last: Option<SentPing>,
    /// The one before, until its pong arrives: it is the last one again if that cannot be sent.
    before: Option<SentPing>,
}

struct SentPing {
    number: u64,
    sent_at: Instant,
    payload: Vec<u8>,
}

/// How much was reported: nothing, or the last of these events.
const BEGUN: u32 = 1;
const OPEN: u32 = 2;
const CLOSED: u32 = 3;

impl EventSink {
    pub fn new(
        callback: &EventFn,
        origin: EventOrigin,
        is_wanted: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            callback: Arc::clone(callback),
            origin,
            is_wanted: Box::new(is_wanted),
            process: ProcessMark::own(),
            pings: Mutex::default(),
            stage: AtomicU32::new(0),
        })
    }

    pub fn emit(&self, kind: EventKind<'_>, connection: Option<(&CStr, Totals)>) {
        match kind {
            EventKind::Connecting(_) => self.stage.store(BEGUN, Ordering::SeqCst),
            // It has failed before it began.
            EventKind::ConnectFailed(..) if self.stage.load(Ordering::SeqCst) < BEGUN => return,
            _ => {}
        }
        if !self.process.is_inherited() && (self.is_wanted)() {
            (self.callback)(&self.origin, &Event { kind, connection });
        }
        if let EventKind::Open(_) = kind {
            self.stage.store(OPEN, Ordering::SeqCst);
        }
    }

    /// Called before a ping is sent. A longer payload is rejected then. Returns the ping's number.
    pub fn note_ping(&self, payload: &[u8]) -> u64 {
        let payload = payload.get(..MAX_CONTROL_BYTES).unwrap_or(payload);
        let pings = &mut *self.pings.lock();
        pings.count += 1;
        pings.before = pings.last.take();
        let sent_at = match &pings.before {
            // The next pong answers the earlier one.
            Some(earlier) if earlier.payload == payload => earlier.sent_at,
            _ => Instant::now(),
        };
        pings.last = Some(SentPing {
            number: pings.count,
            sent_at,
            payload: payload.to_vec(),
        });
        pings.count
    }

    /// Called if the ping could not be sent.
    pub fn forget_ping(&self, number: u64) {
        let pings = &mut *self.pings.lock();
        let unsent = |ping: &mut SentPing| ping.number == number;
        if pings.last.take_if(unsent).is_some() {
            pings.last = pings.before.take();
        }
        pings.before.take_if(unsent);
    }

    /// The round-trip time, if this is the pong of the last ping.
    pub fn note_pong(&self, payload: &[u8]) -> Option<Duration> {
        let pings = &mut *self.pings.lock();
        let answered = |ping: &mut SentPing| ping.payload == payload;
        pings.before.take_if(answered);
        let ping = pings.last.take_if(answered);
        ping.map(|ping| ping.sent_at.elapsed())
    }

    /// True for the first caller after the connection was reported to be open, who reports the end.
    pub fn begin_close(&self) -> bool {
        let (order, stage) = (Ordering::SeqCst, &self.stage);
        stage.compare_exchange(OPEN, CLOSED, order, order).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conn::link::aborted;
    use std::thread;

    fn sink(count: &Arc<Mutex<u32>>, is_wanted: bool) -> Arc<EventSink> {
        let count = Arc::clone(count);
        let callback: EventFn = Arc::new(move |_, _| *count.lock() += 1);
        let origin = EventOrigin {
            owner: Owner::App(1),
            attempt: 1,
            reconnects: 0,
        };
        EventSink::new(&callback, origin, move || is_wanted)
    }

    #[test]
    fn nothing_is_emitted_for_an_owner_that_is_gone() {
        let count = Arc::default();
        sink(&count, true).emit(EventKind::Ping, None);
        assert_eq!(*count.lock(), 1);
        sink(&count, false).emit(EventKind::Ping, None);
        assert_eq!(*count.lock(), 1);
    }

    #[test]
    fn only_the_last_ping_is_answered_and_only_once() {
        let sink = sink(&Arc::default(), true);
        assert_eq!(sink.note_pong(b""), None);
        sink.note_ping(b"1");
        sink.note_ping(b"2");
        assert_eq!(sink.note_pong(b"1"), None);
        assert!(sink.note_pong(b"2").is_some());
        assert_eq!(sink.note_pong(b"2"), None);
        // Such a ping is never sent.
        sink.note_ping(&[0; 1000]);
        assert!(sink.note_pong(&[0; MAX_CONTROL_BYTES]).is_some());
    }

    #[test]
    fn a_ping_that_was_not_sent_is_forgotten() {
        let sink = sink(&Arc::default(), true);
        sink.note_ping(b"1");
        sink.forget_ping(sink.note_ping(b"2"));
        assert!(sink.note_pong(b"1").is_some());
        assert_eq!(sink.note_pong(b"2"), None);
    }

    #[test]
    fn a_ping_that_was_answered_meanwhile_is_not_awaited_again() {
        let sink = sink(&Arc::default(), true);
        sink.note_ping(b"1");
        let unsent = sink.note_ping(b"2");
        assert_eq!(sink.note_pong(b"1"), None);
        sink.forget_ping(unsent);
        assert_eq!(sink.note_pong(b"1"), None);
    }

    #[test]
    fn a_ping_that_was_not_sent_does_not_displace_the_next_one() {
        let sink = sink(&Arc::default(), true);
        let unsent = sink.note_ping(b"1");
        sink.note_ping(b"2");
        sink.forget_ping(unsent);
        assert!(sink.note_pong(b"2").is_some());
        // Nor does it return with the next ping that is not sent.
        sink.forget_ping(sink.note_ping(b"3"));
        assert_eq!(sink.note_pong(b"1"), None);
    }

    #[test]
    fn of_equal_pings_the_earlier_one_is_answered_first() {
        let sink = sink(&Arc::default(), true);
        sink.note_ping(b"");
        thread::sleep(Duration::from_millis(2));
        sink.note_ping(b"");
        assert!(sink.note_pong(b"") >= Some(Duration::from_millis(2)));
    }

    #[test]
    fn an_end_is_reported_once_after_the_beginning() {
        let sink = sink(&Arc::default(), true);
        assert!(!sink.begin_close());
        sink.emit(EventKind::Open(&Timings::begin(Instant::now())), None);
        assert_eq!([(); 2].map(|()| sink.begin_close()), [true, false]);
    }

    #[test]
    fn only_an_attempt_that_has_begun_can_fail() {
        let count = Arc::default();
        let sink = sink(&count, true);
        let (error, timings) = (aborted(), Timings::begin(Instant::now()));
        let failed = EventKind::ConnectFailed(&error, &timings, None);
        sink.emit(failed, None);
        assert_eq!(*count.lock(), 0);
        let url = Url::parse("ws://localhost/").expect("a URL");
        sink.emit(EventKind::Connecting(&url), None);
        sink.emit(failed, None);
        assert_eq!(*count.lock(), 2);
    }
}
