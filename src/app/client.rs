// SPDX-License-Identifier: Apache-2.0
//! What every thread sees of an app: it sends, asks to end, exchanges the callbacks, and waits for
//! the end. Connecting, receiving and reconnecting are its runner's, on the thread that drives.

use super::driver_lock::DriverLock;
use super::handlers::HandlerTable;
use super::link_slot::LinkSlot;
use super::mailbox::Mailbox;
use super::timers::{TimedWork, Timers};
use crate::base::deadline::Timeout;
use crate::base::error::{Error, Kind, Phase};
use crate::base::memory;
use crate::base::sync::{
    Arc, AtomicI64, AtomicU32, AtomicU64, Condvar, Mutex, MutexGuard, Ordering, ThreadSlot,
};
use crate::conn::link::{Link, aborted};
use crate::conn::options::Options;
use crate::conn::send::outbound::{Outbound, WhenFull};
use crate::conn::stats::Totals;
use crate::conn::wait_budget::WaitBudget;
use crate::net::sys;
use crate::net::wake::{WakeBy, WakeSlot};
use crate::protocol::http::reply::Response;
use crate::protocol::url::Url;
use crate::protocol::ws::close::CloseFrame;
use crate::protocol::ws::sender::Frame;
use std::ffi::CString;
use std::os::fd::AsRawFd;
use std::thread::JoinHandle;
use std::time::Duration;

pub struct App {
    /// It is parsed for each connect: what that makes is larger.
    url: Box<str>,
    pub(super) options: Arc<Options>,
    pub handlers: HandlerTable,
    place: Mutex<DriveState>,
    place_changed: Condvar,
    /// The thread that is at work on it, and may be inside a callback.
    at_work: ThreadSlot,
    /// Threads that wait until none is.
    waiting_for_work: AtomicU32,
    pub(super) connection: LinkSlot,
    /// Negative while there is none.
    rtt_us: AtomicI64,
    /// Wakes the thread that drives it.
    driver_wake: WakeSlot,
    pub(super) timers: Timers,
    /// [`INTERRUPTED`], [`MUTE`] and [`TO_END`]: in one word, because the driver looks several
    /// times for each message.
    flags: AtomicU32,
    last_error: Mutex<Option<Error>>,
}

/// A signal handler has asked for the end.
const INTERRUPTED: u32 = 1;
/// Nothing that still comes is told.
const MUTE: u32 = 2;
/// The driver has an end to look for under the lock.
const TO_END: u32 = 4;

/// Who drives it, and what is wanted of it.
#[derive(Default)]
struct DriveState {
    driver: Option<Driver>,
    waiting: u32,
    end_request: Option<EndRequest>,
    is_freed: bool,
    /// How it ended the last time.
    outcome: Option<Result<(), Error>>,
    /// Boxed, as is what a close frame says: most apps have neither.
    thread: Option<Box<JoinHandle<()>>>,
}

struct Driver {
    mailbox: Arc<Mailbox<Command>>,
    driver_lock: Arc<DriverLock>,
    /// [`NO_KEY`] until the driver has read that it should.
    key: u64,
}

/// No app has it.
pub(super) const NO_KEY: u64 = u64::MAX;
/// The loop's own.
pub(super) const LOOP_KEY: u64 = NO_KEY - 1;

/// What the thread that drives a loop is told.
pub enum Command {
    Add(Arc<App>),
    /// Something has happened to the app with this key.
    Look(u64),
    Run(TimedWork),
    /// The next timer of the app with this key, or of the loop ([`LOOP_KEY`]), is another one.
    Timers(u64),
}

/// The end, as the user wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EndRequest {
    Close(Box<CloseFrame>),
    Abort,
}

impl App {
    pub fn new(url: &str, options: Arc<Options>) -> Result<Self, Error> {
        // What is no URL is refused now.
        Url::parse(url)?;
        Ok(Self {
            url: memory::string(url)?.into_boxed_str(),
            options,
            handlers: HandlerTable::default(),
            place: Mutex::default(),
            place_changed: Condvar::default(),
            at_work: ThreadSlot::default(),
            waiting_for_work: AtomicU32::new(0),
            connection: LinkSlot::default(),
            rtt_us: AtomicI64::new(-1),
            driver_wake: WakeSlot::default(),
            timers: Timers::default(),
            flags: AtomicU32::new(0),
            last_error: Mutex::default(),
        })
    }

    /// `name` is the caller's for the payload.
    pub fn send(&self, message: &Outbound<'_>, name: &str) -> Result<(), Error> {
        if self.options.check_utf8 {
            message.check_utf8(name)?;
        }
        self.submit(message, self.options.send_queue_limit)
    }

    /// Gathers data from now on, until the connection ends.
    pub fn cork(&self) -> Result<(), Error> {
        self.on_link(|link| link.writer().cork())
    }

    /// Sends, or queues, what was corked_messages.
    pub fn uncork(&self) -> Result<(), Error> {
        self.on_link(|link| {
            let uncorked = link.writer().uncork(WhenFull::Queue { limit: u64::MAX });
            self.announce(link);
            uncorked.map_err(|error| error.or_in_phase(Phase::Open))
        })
    }

    /// Begins the closing handshake. Before the app is driven it makes that end at once; afterwards
    /// there is nothing to do.
    pub fn close(&self, frame: &CloseFrame) {
        if !self.want(EndRequest::Close(Box::new(frame.clone()))) {
            return;
        }
        let payload = frame.payload();
        // Where it is closed already, or nothing can be sent, the driver sees so as well.
        let _ = self.submit(&Outbound::uncompressed(Frame::Close, &payload), u64::MAX);
        self.rouse();
    }

    /// Ends it now, in whatever phase.
    pub fn abort(&self) {
        if self.want(EndRequest::Abort) {
            self.cut();
        }
    }

    /// The same, async-signal-safe: the driver does the work. If nobody drives it, the next run
    /// ends at once.
    pub fn interrupt(&self) {
        self.flags.fetch_or(INTERRUPTED, Ordering::SeqCst);
        INTERRUPTS.fetch_add(1, Ordering::SeqCst);
        self.driver_wake.signal();
    }

    /// Has `work` done by the driver after `delay`, unless the app ends before. Returns the number
    /// to cancel it by.
    pub fn post_after(&self, delay: Duration, work: TimedWork) -> Result<u64, Error> {
        let (id, is_next) = self.timers.add(delay, work)?;
        let place = self.place.lock();
        match &place.driver {
            // A driver that has not read the key yet looks at the timers when it does.
            Some(driver) if is_next && driver.key != NO_KEY => {
                driver.mailbox.post(Command::Timers(driver.key));
            }
            Some(_) => {}
            None => {
                drop(place);
                self.timers.cancel(id);
                let message = "the app is not being run, started or in a loop";
                return Err(Error::new(Kind::WrongState, message));
            }
        }
        Ok(id)
    }

    pub fn cancel_post(&self, id: u64) -> Result<(), Error> {
        self.timers
            .cancel(id)
            .map(drop)
            .ok_or_else(|| not_posted(id))
    }

    /// After this no callback begins, and on other threads than that which is inside one, none goes
    /// on.
    pub fn free(&self) {
        let mut place = self.place.lock();
        place.is_freed = true;
        // Against `begin_work`: a driver that this thread does not find at work finds this.
        self.flags.fetch_or(TO_END | MUTE, Ordering::SeqCst);
        drop(place);
        self.cut();
        self.handlers
            .change(|handlers| *handlers = Default::default());
        let mut place = self.place.lock();
        let is_in_callback = self.at_work.is_own();
        // Against `end_work`: either it finds this thread counted, or this thread finds it done.
        self.waiting_for_work.fetch_add(1, Ordering::SeqCst);
        while !is_in_callback && !self.at_work.is_empty() {
            place = self.place_changed.wait(place, None);
        }
        self.waiting_for_work.fetch_sub(1, Ordering::SeqCst);
        let thread = place.thread.take();
        drop(place);
        if let Some(thread) = thread.filter(|_| !is_in_callback) {
            // It ends, because what it drives has ended.
            let _ = thread.join();
        }
    }

    /// In a child of the process that made it, when it is forgotten: the descriptor of its
    /// connection is closed, unless this thread is inside one of its callbacks and closes it later.
    /// Waits for no lock, which nobody might release.
    pub fn abandon(&self) {
        if !self.at_work.is_own() {
            self.connection.abandon();
        }
    }

    /// Waits until it has ended, and says why.
    pub fn join(&self, timeout: Timeout) -> Result<(), Error> {
        let mut budget = WaitBudget::new(timeout);
        let mut place = self.place.lock();
        let driver = place.driver.as_ref();
        if driver.is_some_and(|driver| driver.driver_lock.is_held_here()) {
            let message = "this thread drives the app: it would wait for itself";
            return Err(Error::new(Kind::WrongState, message));
        }
        while place.driver.is_some() {
            if budget.is_over() {
                return Err(Error::new(Kind::Timeout, "the app has not ended in time"));
            }
            place = self.wait(place, budget.remaining());
        }
        place.outcome()
    }

    /// How it ended the last time.
    pub(super) fn outcome(&self) -> Result<(), Error> {
        self.place.lock().outcome()
    }

    /// Whether somebody drives it.
    pub fn is_running(&self) -> bool {
        self.place.lock().driver.is_some()
    }

    pub fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    /// What is queued and the system has not taken.
    pub fn send_queue_bytes(&self) -> u64 {
        let link = self.connection.link();
        link.map_or(0, |link| link.writer().unsent_bytes())
    }

    /// Of the last ping that was answered; `None` before.
    pub fn rtt(&self) -> Option<Duration> {
        let us = u64::try_from(self.rtt_us.load(Ordering::Relaxed)).ok()?;
        Some(Duration::from_micros(us))
    }

    pub fn totals(&self) -> Totals {
        self.connection.totals()
    }

    /// What the last attempt was answered.
    pub fn response(&self) -> Option<Arc<Response>> {
        self.connection.response()
    }

    pub fn peer_address(&self) -> Option<CString> {
        self.connection.peer_address()
    }

    pub fn last_error(&self) -> Option<Error> {
        self.last_error.lock().clone()
    }

    pub fn set_last_error(&self, error: &Error) {
        *self.last_error.lock() = Some(error.clone());
    }

    /// Whether the loop with this box drives it.
    pub(super) fn is_driven_by(&self, mailbox: &Arc<Mailbox<Command>>) -> bool {
        let place = self.place.lock();
        let driver = place.driver.as_ref();
        driver.is_some_and(|driver| Arc::ptr_eq(&driver.mailbox, mailbox))
    }

    /// Gives it to a driver.
    pub(super) fn enlist(
        &self,
        mailbox: &Arc<Mailbox<Command>>,
        driver_lock: &Arc<DriverLock>,
    ) -> Result<(), Error> {
        let mut place = self.place.lock();
        if place.driver.is_some() {
            return Err(Error::new(Kind::Busy, "the app is being driven already"));
        }
        self.driver_wake
            .set(WakeBy::Event(mailbox.wake().as_raw_fd()));
        place.driver = Some(Driver {
            mailbox: Arc::clone(mailbox),
            driver_lock: Arc::clone(driver_lock),
            key: NO_KEY,
        });
        Ok(())
    }

    pub(super) fn set_key(&self, key: u64) {
        if let Some(driver) = &mut self.place.lock().driver {
            driver.key = key;
        }
    }

    pub(super) fn set_thread(&self, thread: JoinHandle<()>) {
        self.place.lock().thread = Some(Box::new(thread));
    }

    /// The driver begins to work on it.
    pub(super) fn begin_work(&self, driver_lock: &DriverLock) {
        driver_lock.enter_too(&self.at_work);
    }

    pub(super) fn end_work(&self) {
        self.at_work.leave();
        if self.waiting_for_work.load(Ordering::SeqCst) > 0 {
            let _place = self.place.lock();
            self.place_changed.notify_all();
        }
    }

    /// It has ended, and its driver lets go of it.
    pub(super) fn finish(&self, outcome: Result<(), Error>) {
        self.connection.set_link(None);
        let mut place = self.place.lock();
        // The driver's descriptor may be closed from here on.
        self.driver_wake.clear();
        place.driver = None;
        place.end_request = None;
        let flags = if place.is_freed { TO_END | MUTE } else { 0 };
        self.flags.store(flags, Ordering::SeqCst);
        place.outcome = Some(outcome);
        self.wake_waiting(&place);
        drop(place);
        self.timers.clear();
    }

    #[inline]
    pub(super) fn end_request(&self) -> Option<EndRequest> {
        if self.is_to_end() {
            self.known_end_request()
        } else {
            None
        }
    }

    /// Whether there may be an [`EndRequest`].
    #[inline]
    pub(super) fn is_to_end(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & (TO_END | INTERRUPTED) != 0
    }

    #[cold]
    fn known_end_request(&self) -> Option<EndRequest> {
        let place = self.place.lock();
        if place.is_freed || self.is_interrupted() {
            Some(EndRequest::Abort)
        } else {
            place.end_request.clone()
        }
    }

    /// False once it has been aborted or freed: what still comes is told to nobody.
    pub(super) fn listens(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & (MUTE | INTERRUPTED) == 0
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & INTERRUPTED != 0
    }

    pub(super) fn is_freed(&self) -> bool {
        self.place.lock().is_freed
    }

    pub(super) fn url(&self) -> Result<Arc<Url>, Error> {
        Url::parse(&self.url).map(Arc::new)
    }

    pub(super) fn set_rtt(&self, rtt: Duration) {
        let us = i64::try_from(rtt.as_micros()).unwrap_or(i64::MAX);
        self.rtt_us.store(us, Ordering::Relaxed);
    }

    /// Makes the driver look at it.
    pub(super) fn rouse(&self) {
        let place = self.place.lock();
        let driver = place.driver.as_ref();
        if let Some(driver) = driver.filter(|driver| driver.key != NO_KEY) {
            driver.mailbox.post(Command::Look(driver.key));
        }
    }

    fn submit(&self, message: &Outbound<'_>, limit: u64) -> Result<(), Error> {
        self.on_link(|link| {
            let submitted = link.writer().send(message, WhenFull::Queue { limit });
            self.announce(link);
            submitted.map_err(|error| error.or_in_phase(Phase::Open))
        })
    }

    /// What a call does with the open connection, whose end may come meanwhile.
    fn on_link(&self, work: impl FnOnce(&Link) -> Result<(), Error>) -> Result<(), Error> {
        let link = self.connection.link().ok_or_else(not_connected)?;
        let result = work(&link);
        sys::release(link);
        result
    }

    /// Tells the driver of what is left over.
    fn announce(&self, link: &Link) {
        if link.writer().take_watch() {
            self.rouse();
        }
    }

    /// False where there is nothing to end.
    fn want(&self, end_request: EndRequest) -> bool {
        let mut place = self.place.lock();
        if place.driver.is_none() && place.outcome.is_some() {
            return false;
        }
        if end_request == EndRequest::Abort {
            // Under the lock, or the end of this run could take back what concerns the next.
            self.flags.fetch_or(MUTE, Ordering::SeqCst);
        }
        if place.end_request != Some(EndRequest::Abort) {
            place.end_request = Some(end_request);
            self.flags.fetch_or(TO_END, Ordering::SeqCst);
        }
        true
    }

    fn cut(&self) {
        if let Some(link) = self.connection.link() {
            link.end_with(&aborted().in_phase(Phase::Open));
        }
        self.rouse();
    }

    fn wait<'a>(
        &'a self,
        mut place: MutexGuard<'a, DriveState>,
        span: Option<Duration>,
    ) -> MutexGuard<'a, DriveState> {
        place.waiting += 1;
        let mut place = self.place_changed.wait(place, span);
        place.waiting -= 1;
        place
    }

    /// A notification costs a system call even if nobody waits.
    fn wake_waiting(&self, place: &DriveState) {
        if place.waiting > 0 {
            self.place_changed.notify_all();
        }
    }
}

impl DriveState {
    fn outcome(&self) -> Result<(), Error> {
        let message = "the app has never been run, started or added to a loop";
        let never = || Err(Error::new(Kind::WrongState, message));
        self.outcome.clone().unwrap_or_else(never)
    }
}

/// Counts the calls of [`App::interrupt`] in this process: a signal handler cannot tell a driver
/// which app it means.
static INTERRUPTS: AtomicU64 = AtomicU64::new(0);

/// A driver that is woken looks at all of its apps when this has changed.
pub(super) fn interrupts() -> u64 {
    INTERRUPTS.load(Ordering::SeqCst)
}

pub(super) fn not_posted(id: u64) -> Error {
    let message = format!("there is no post {id} to cancel: it has run, or was cancelled before");
    Error::new(Kind::WrongState, message)
}

fn not_connected() -> Error {
    Error::new(Kind::WrongState, "the app is not connected")
}
