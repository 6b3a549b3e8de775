// SPDX-License-Identifier: Apache-2.0
//! Events: what happens to all objects that share their options. By default nobody listens, and no
//! object has a sink.

use super::send::queue::Unsent;
use super::stats::Totals;
use super::timings::Timings;
use crate::base::error::Error;
use crate::base::sync::{Arc, AtomicBool, Mutex, Ordering};
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
    /// The last ping, until its pong arrives.
    ping: Mutex<Option<(Instant, Vec<u8>)>>,
    is_closed: AtomicBool,
}

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
            ping: Mutex::default(),
            is_closed: AtomicBool::new(false),
        })
    }

    pub fn emit(&self, kind: EventKind<'_>, connection: Option<(&CStr, Totals)>) {
        if (self.is_wanted)() {
            (self.callback)(&self.origin, &Event { kind, connection });
        }
    }

    /// A longer payload is rejected when it is sent.
    pub fn note_ping(&self, payload: &[u8]) {
        let payload = payload.get(..MAX_CONTROL_BYTES).unwrap_or(payload);
        *self.ping.lock() = Some((Instant::now(), payload.to_vec()));
    }

    /// The round-trip time, if this is the pong of the last ping.
    pub fn note_pong(&self, payload: &[u8]) -> Option<Duration> {
        let ping = self.ping.lock().take_if(|(_, sent)| sent == payload);
        ping.map(|(sent_at, _)| sent_at.elapsed())
    }

    /// True for the first caller, who reports the end.
    pub fn begin_close(&self) -> bool {
        !self.is_closed.swap(true, Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn an_end_is_reported_once() {
        let sink = sink(&Arc::default(), true);
        assert_eq!([(); 2].map(|()| sink.begin_close()), [true, false]);
    }
}
