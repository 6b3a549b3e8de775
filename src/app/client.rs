// SPDX-License-Identifier: Apache-2.0
//! The part of an app that any thread may use: it replaces callbacks, waits for the end, and says
//! what the connection is like; for the rest see `sending` and `requests`. The runner connects,
//! receives and reconnects, on the thread that drives.

use super::driver_lock::DriverLock;
use super::handlers::HandlerTable;
use super::link_slot::LinkSlot;
use super::mailbox::Mailbox;
use super::message_queue::MessageQueue;
use super::target::AppTarget;
use super::timers::{TimedWork, Timers};
use crate::base::deadline::Timeout;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::{
    Arc, AtomicI64, AtomicU32, AtomicU64, Condvar, Mutex, MutexGuard, Ordering, ThreadSlot,
};
use crate::conn::link::aborted;
use crate::conn::options::Options;
use crate::conn::stats::Totals;
use crate::conn::timings::Timings;
use crate::conn::wait_budget::WaitBudget;
use crate::net::tls::channel::TlsInfo;
use crate::net::wake::{WakeBy, WakeSlot};
use crate::protocol::http::reply::Response;
use crate::protocol::ws::close::CloseFrame;
use std::ffi::CString;
use std::os::fd::{AsRawFd, RawFd};
use std::thread::JoinHandle;
use std::time::Duration;

pub struct App {
    /// Where the next attempt connects to.
    pub(super) target: Mutex<AppTarget>,
    pub handlers: HandlerTable,
    pub(super) state: Mutex<DriveState>,
    pub(super) state_changed: Condvar,
    /// The thread that works on the app, and may be inside a callback.
    pub(super) at_work: ThreadSlot,
    /// Threads that wait until no thread works on the app.
    pub(super) waiting_for_work: AtomicU32,
    pub(super) connection: LinkSlot,
    /// Negative if no ping has been answered.
    rtt_us: AtomicI64,
    /// The address by which the caller knows the app; set once, before it is driven.
    handle: AtomicU64,
    /// Wakes the thread that drives it.
    pub(super) driver_wake: WakeSlot,
    pub(super) timers: Timers,
    /// For apps with `Options::message_queue` that are driven.
    pub(super) message_queue: Mutex<Option<Box<MessageQueue>>>,
    /// [`INTERRUPTED`] and the following: in one word, because the driver checks them several times
    /// per message.
    pub(super) flags: AtomicU32,
}

/// A signal handler has requested an abort.
pub(super) const INTERRUPTED: u32 = 1;
/// No more events are delivered.
pub(super) const MUTED: u32 = 2;
/// The driver must look for an [`EndRequest`], under the lock.
pub(super) const END_REQUESTED: u32 = 4;
/// [`App::proceed`] was called since the user was last asked.
pub(super) const PROCEED: u32 = 8;
/// Nothing is read.
pub(super) const PAUSED: u32 = 16;
/// The driver has not noticed yet that [`PAUSED`] has changed.
pub(super) const PAUSE_CHANGED: u32 = 32;
/// A thread has the turn: it passes messages to the connection, or changes the connection.
pub(super) const TURN_TAKEN: u32 = 64;
/// A thread waits for the turn, and those that only try let it go first.
pub(super) const TURN_WANTED: u32 = 128;

/// The driver of an app, and the requests to it.
#[derive(Default)]
pub(super) struct DriveState {
    pub(super) driver: Option<Driver>,
    waiting: u32,
    pub(super) end_request: Option<EndRequest>,
    pub(super) is_freed: bool,
    /// How the last run ended.
    pub(super) outcome: Option<Result<(), Error>>,
    /// Of a call, not of the run.
    last_error: Option<Error>,
    /// Boxed, like the close frame of an [`EndRequest`]: most apps have neither.
    thread: Option<Box<JoinHandle<()>>>,
}

pub(super) struct Driver {
    mailbox: Arc<Mailbox<Command>>,
    driver_lock: Arc<DriverLock>,
    /// [`NO_KEY`] until the driver has added the app.
    key: u64,
}

/// The key of no app.
pub(super) const NO_KEY: u64 = u64::MAX;
/// The key of the loop itself.
pub(super) const LOOP_KEY: u64 = NO_KEY - 1;

/// A command to the thread that drives a loop.
pub enum Command {
    Add(Arc<App>),
    /// Step the app with this key.
    Look(u64),
    Run(TimedWork),
    /// The next timer of the app with this key, or of the loop (`LOOP_KEY`), has changed.
    Timers(u64),
}

/// How the user asked the app to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EndRequest {
    Close(Box<CloseFrame>),
    /// Only the connection ends, and the app reconnects.
    Reconnect(Box<CloseFrame>),
    Abort,
}

impl App {
    pub fn new(url: &str, options: Arc<Options>) -> Result<Self, Error> {
        Ok(Self {
            target: Mutex::new(AppTarget::new(url, options)?),
            handlers: HandlerTable::default(),
            state: Mutex::default(),
            state_changed: Condvar::default(),
            at_work: ThreadSlot::default(),
            waiting_for_work: AtomicU32::new(0),
            connection: LinkSlot::default(),
            rtt_us: AtomicI64::new(-1),
            handle: AtomicU64::new(0),
            driver_wake: WakeSlot::default(),
            timers: Timers::default(),
            message_queue: Mutex::default(),
            flags: AtomicU32::new(0),
        })
    }

    pub fn set_handle(&self, handle: usize) {
        self.handle.store(handle as u64, Ordering::Relaxed);
    }

    pub(super) fn handle(&self) -> usize {
        self.handle.load(Ordering::Relaxed) as usize
    }

    /// Has `work` run by the driver after `delay`, unless the app ends before. Returns the number
    /// with which to cancel it.
    pub fn post_after(&self, delay: Duration, work: TimedWork) -> Result<u64, Error> {
        let (id, is_next) = self.timers.add(delay, work)?;
        if !self.is_running() {
            let _ = self.cancel_post(id);
            return Err(not_driven());
        }
        if is_next {
            self.announce_timers();
        }
        Ok(id)
    }

    pub fn cancel_post(&self, id: u64) -> Result<(), Error> {
        self.timers.cancel(id).map(drop)
    }

    /// After this no callback begins, and none is still running, except one that has called this
    /// itself.
    pub fn free(&self) {
        let mut state = self.state.lock();
        state.is_freed = true;
        // Pairs with `begin_work`: a driver that this thread does not find at work sees these
        // flags.
        self.flags.fetch_or(END_REQUESTED | MUTED, Ordering::SeqCst);
        drop(state);
        self.drop_connection();
        self.handlers
            .change(|handlers| *handlers = Default::default());
        let mut state = self.state.lock();
        let is_in_callback = self.at_work.is_own();
        // Pairs with `end_work`: either the driver finds this thread counted, or this thread finds
        // it done.
        self.waiting_for_work.fetch_add(1, Ordering::SeqCst);
        while !is_in_callback && !self.at_work.is_empty() {
            state = self.state_changed.wait(state, None);
        }
        self.waiting_for_work.fetch_sub(1, Ordering::SeqCst);
        let thread = state.thread.take();
        drop(state);
        if let Some(thread) = thread.filter(|_| !is_in_callback) {
            // The thread ends, because its app has ended.
            let _ = thread.join();
        }
    }

    /// Called in a child process when it frees an inherited app: closes the descriptor of the
    /// connection, unless this thread is inside one of the app's callbacks and closes it later.
    /// Does not wait for a lock, because the thread that holds it may not exist here.
    pub fn abandon(&self) {
        if !self.at_work.is_own() {
            self.connection.abandon();
        }
    }

    /// Waits until the app has ended; returns how.
    pub fn join(&self, timeout: Timeout) -> Result<(), Error> {
        let mut budget = WaitBudget::new(timeout);
        let mut state = self.state.lock();
        state.check_not_driving()?;
        while state.driver.is_some() {
            if budget.is_over() {
                return Err(Error::new(Kind::Timeout, "the app did not end in time"));
            }
            state = self.wait(state, budget.remaining());
        }
        state.outcome()
    }

    /// How the last run ended.
    pub(super) fn outcome(&self) -> Result<(), Error> {
        self.state.lock().outcome()
    }

    /// Whether a thread drives the app.
    pub fn is_running(&self) -> bool {
        self.state.lock().driver.is_some()
    }

    pub fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    /// The round-trip time of the last ping that was answered; `None` before the first.
    pub fn rtt(&self) -> Option<Duration> {
        let us = u64::try_from(self.rtt_us.load(Ordering::Relaxed)).ok()?;
        Some(Duration::from_micros(us))
    }

    pub fn totals(&self) -> Totals {
        self.connection.totals()
    }

    /// The response to the last attempt.
    pub fn response(&self) -> Option<Arc<Response>> {
        self.connection.response()
    }

    /// Of the attempt to connect that is in progress, or else of the last one.
    pub fn timings(&self) -> Option<Timings> {
        self.connection.timings()
    }

    pub fn peer_address(&self) -> Option<CString> {
        self.connection.peer_address()
    }

    /// The TLS details of the open connection, or of the one that has just ended.
    pub fn tls_info(&self) -> Result<TlsInfo, Error> {
        let link = self.connection.last_link().ok_or_else(not_connected)?;
        let info = link.tls_info().cloned();
        info.ok_or_else(|| Error::new(Kind::WrongState, "the connection does not use TLS"))
    }

    /// While it is connected.
    pub fn fd(&self) -> Option<RawFd> {
        self.connection.link().map(|link| link.stream().fd())
    }

    pub fn last_error(&self) -> Option<Error> {
        self.state.lock().last_error.clone()
    }

    pub fn set_last_error(&self, error: &Error) {
        self.state.lock().last_error = Some(error.clone());
    }

    /// Whether the loop with this mailbox drives the app.
    pub(super) fn is_driven_by(&self, mailbox: &Arc<Mailbox<Command>>) -> bool {
        let state = self.state.lock();
        let driver = state.driver.as_ref();
        driver.is_some_and(|driver| Arc::ptr_eq(&driver.mailbox, mailbox))
    }

    /// Assigns the app to a driver.
    pub(super) fn set_driver(
        &self,
        mailbox: &Arc<Mailbox<Command>>,
        driver_lock: &Arc<DriverLock>,
    ) -> Result<(), Error> {
        let mut state = self.state.lock();
        if state.driver.is_some() {
            return Err(Error::new(Kind::Busy, "the app is already being driven"));
        }
        self.driver_wake
            .set(WakeBy::Event(mailbox.wake().as_raw_fd()));
        state.driver = Some(Driver {
            mailbox: Arc::clone(mailbox),
            driver_lock: Arc::clone(driver_lock),
            key: NO_KEY,
        });
        Ok(())
    }

    pub(super) fn set_key(&self, key: u64) {
        if let Some(driver) = &mut self.state.lock().driver {
            driver.key = key;
        }
    }

    pub(super) fn set_thread(&self, thread: JoinHandle<()>) {
        self.state.lock().thread = Some(Box::new(thread));
    }

    /// Called when the driver begins to work on the app.
    pub(super) fn begin_work(&self, driver_lock: &DriverLock) {
        driver_lock.enter_slot(&self.at_work);
    }

    pub(super) fn end_work(&self) {
        self.at_work.leave();
        self.notify_waiting();
    }

    /// Wakes the threads that are counted in `waiting_for_work`.
    #[inline]
    pub(super) fn notify_waiting(&self) {
        if self.waiting_for_work.load(Ordering::SeqCst) > 0 {
            self.notify_all();
        }
    }

    #[cold]
    fn notify_all(&self) {
        let _state = self.state.lock();
        self.state_changed.notify_all();
    }

    /// Called when the app has ended and its driver removes it.
    pub(super) fn finish(&self, outcome: Result<(), Error>) {
        self.connection.retire();
        self.connection.forget_retired();
        let turn = self.turn();
        let mut state = self.state.lock();
        // With the driver, so that nothing of this run is queued later.
        let queue = self.message_queue.lock().take();
        // The driver's descriptor may be closed from here on.
        self.driver_wake.clear();
        state.driver = None;
        state.end_request = None;
        let flags = if state.is_freed {
            END_REQUESTED | MUTED
        } else {
            0
        };
        let turn_flags = self.flags.load(Ordering::SeqCst) & (TURN_TAKEN | TURN_WANTED);
        self.flags.store(flags | turn_flags, Ordering::SeqCst);
        state.outcome = Some(outcome);
        self.wake_waiting(&state);
        drop(state);
        drop(turn);
        self.notify_waiting();
        self.timers.clear();
        if let Some(queue) = queue {
            queue.log_unreported();
        }
    }

    /// As [`App::delivers_events`], but false also while it is paused.
    pub(super) fn delivers_more(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & (MUTED | INTERRUPTED | PAUSED) == 0
    }

    /// False once the app was aborted or freed: no more events are delivered.
    pub(super) fn delivers_events(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & (MUTED | INTERRUPTED) == 0
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & INTERRUPTED != 0
    }

    pub(super) fn is_freed(&self) -> bool {
        self.state.lock().is_freed
    }

    pub(super) fn target(&self) -> AppTarget {
        self.target.lock().clone()
    }

    pub(super) fn set_rtt(&self, rtt: Duration) {
        let us = i64::try_from(rtt.as_micros()).unwrap_or(i64::MAX);
        self.rtt_us.store(us, Ordering::Relaxed);
    }

    /// Makes the driver step the app.
    pub(super) fn wake_driver(&self) {
        self.post_to_driver(Command::Look);
    }

    /// Makes the driver look for the app's next timer.
    pub(super) fn announce_timers(&self) {
        self.post_to_driver(Command::Timers);
    }

    /// A driver that has not added the app yet steps it, and looks for its timers, when it does.
    fn post_to_driver(&self, command: impl FnOnce(u64) -> Command) {
        let state = self.state.lock();
        let driver = state.driver.as_ref();
        if let Some(driver) = driver.filter(|driver| driver.key != NO_KEY) {
            driver.mailbox.post(command(driver.key));
        }
    }

    pub(super) fn drop_connection(&self) {
        if let Some(link) = self.connection.link() {
            link.end_with(&aborted().in_phase(Phase::Open));
        }
        self.wake_driver();
    }

    fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, DriveState>,
        span: Option<Duration>,
    ) -> MutexGuard<'a, DriveState> {
        state.waiting += 1;
        let mut state = self.state_changed.wait(state, span);
        state.waiting -= 1;
        state
    }

    /// A notification costs a system call even if no thread waits.
    fn wake_waiting(&self, state: &DriveState) {
        if state.waiting > 0 {
            self.state_changed.notify_all();
        }
    }
}

impl DriveState {
    /// A thread that drives the app must not wait for it.
    pub(super) fn check_not_driving(&self) -> Result<(), Error> {
        let driver = self.driver.as_ref();
        if driver.is_some_and(|driver| driver.driver_lock.is_held_here()) {
            let message = "this thread drives the app: it would wait for itself";
            return Err(Error::new(Kind::WrongState, message));
        }
        Ok(())
    }

    pub(super) fn outcome(&self) -> Result<(), Error> {
        let message = "the app has never been run, started or added to a loop";
        let never = || Err(Error::new(Kind::WrongState, message));
        self.outcome.clone().unwrap_or_else(never)
    }
}

pub(super) fn not_driven() -> Error {
    let message = "the app is not being run, started or in a loop";
    Error::new(Kind::WrongState, message)
}

pub(super) fn not_connected() -> Error {
    Error::new(Kind::WrongState, "the app is not connected")
}
