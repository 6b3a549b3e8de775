// SPDX-License-Identifier: Apache-2.0
//! A loop that drives any number of apps on one thread, either by itself or inside another event
//! loop, which watches one descriptor.

use super::client::{App, Command, LOOP_KEY};
use super::driver_lock::DriverLock;
use super::mailbox::Mailbox;
use super::reactor::Reactor;
use super::timers::{TimedWork, Timers};
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind};
use crate::base::sync::{Arc, AtomicBool, Mutex, MutexGuard, Ordering};
use crate::net::epoll::Epoll;
use crate::net::poll::{OnSignal, Poll, Waited};
use crate::net::wake::Wake;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

pub struct EventLoop {
    mailbox: Arc<Mailbox<Command>>,
    driver_lock: Arc<DriverLock>,
    timers: Arc<Timers>,
    /// The thread that holds it drives.
    reactor: Mutex<Reactor>,
    fd: RawFd,
    /// As of the last turn, for threads that do not drive.
    next_step: Mutex<NextStep>,
    is_stopped: AtomicBool,
}

#[derive(Clone, Copy)]
struct NextStep {
    deadline: Deadline,
    /// The turn may have left something over that it will not be told of again by an edge.
    may_be_ready: bool,
}

impl EventLoop {
    pub fn new() -> Result<Self, Error> {
        Self::make().map_err(|error| Error::os(Kind::Io, "create an event loop", &error))
    }

    fn make() -> io::Result<Self> {
        let mailbox = Arc::new(Mailbox::new(Wake::new()?));
        let driver_lock = Arc::<DriverLock>::default();
        let timers = Arc::<Timers>::default();
        let epoll = Epoll::new()?;
        Ok(Self {
            fd: epoll.as_raw_fd(),
            reactor: Mutex::new(Reactor::new(
                epoll,
                Arc::clone(&mailbox),
                Arc::clone(&driver_lock),
                Arc::clone(&timers),
            )?),
            mailbox,
            driver_lock,
            timers,
            next_step: Mutex::new(NextStep {
                deadline: Deadline::NEVER,
                may_be_ready: true,
            }),
            is_stopped: AtomicBool::new(false),
        })
    }

    pub fn add(&self, app: &Arc<App>) -> Result<(), Error> {
        app.set_driver(&self.mailbox, &self.driver_lock)?;
        self.mailbox.post(Command::Add(Arc::clone(app)));
        Ok(())
    }

    pub fn remove(&self, app: &App) -> Result<(), Error> {
        if !app.is_driven_by(&self.mailbox) {
            let message = "the app is not in this loop";
            return Err(Error::new(Kind::WrongState, message));
        }
        app.abort();
        Ok(())
    }

    /// Runs until all apps have ended, or [`EventLoop::stop`] is called.
    pub fn run(&self) -> Result<(), Error> {
        let mut reactor = self.take_reactor()?;
        let result = self.driver_lock.hold(|| self.run_apps(&mut reactor));
        self.note_next_step(&reactor);
        result
    }

    fn run_apps(&self, reactor: &mut Reactor) -> Result<(), Error> {
        // Adds the apps whose commands are already posted.
        self.turn(reactor, Some(Duration::ZERO))?;
        loop {
            let has_no_app = reactor.is_empty() && self.mailbox.is_empty();
            if self.is_stopped.swap(false, Ordering::AcqRel) || has_no_app {
                return Ok(());
            }
            self.turn(reactor, None)?;
        }
    }

    /// Waits for something to do, at most for `span` (`None`: forever), and does it.
    pub fn run_once(&self, span: Option<Duration>) -> Result<(), Error> {
        let mut reactor = self.take_reactor()?;
        if self.is_stopped.swap(false, Ordering::AcqRel) {
            self.next_step.lock().may_be_ready = true;
            return Ok(());
        }
        let result = self.driver_lock.hold(|| self.turn(&mut reactor, span));
        self.note_next_step(&reactor);
        // A stop during the wait was for this call.
        self.is_stopped.store(false, Ordering::Release);
        result
    }

    /// Ends [`EventLoop::run`] after the current turn, or the next one at once.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.mailbox.wake_driver();
    }

    /// Called when the user frees the loop. It is dropped when the thread that drives it has left.
    pub fn retire(&self) {
        self.driver_lock.retire();
        self.stop();
        if let Some(mut reactor) = self.reactor.try_lock() {
            self.driver_lock.hold(|| reactor.abort_all());
        }
        // What frees them may still use the loop, also on other threads.
        self.timers.clear();
    }

    /// Called in a child process when it frees an inherited loop: closes the descriptors, unless
    /// this thread is inside a callback of the loop and closes them later.
    pub fn abandon(&self) {
        if let Some(reactor) = self.reactor.try_lock() {
            reactor.abandon();
        }
    }

    /// Has `work` run by the thread that drives.
    pub fn post(&self, work: TimedWork) -> Result<(), Error> {
        let posted = self.mailbox.try_post(Command::Run(work));
        posted.map_err(|_| Error::no_memory(size_of::<Command>() as u64))
    }

    /// Has `work` run by the thread that drives, after `delay`. Returns the number with which to
    /// cancel it.
    pub fn post_after(&self, delay: Duration, work: TimedWork) -> Result<u64, Error> {
        let (id, is_next) = self.timers.add(delay, work)?;
        if is_next {
            self.mailbox.post(Command::Timers(LOOP_KEY));
        }
        Ok(id)
    }

    pub fn cancel_post(&self, id: u64) -> Result<(), Error> {
        self.timers.cancel(id).map(drop)
    }

    /// Readable when there is something to do.
    pub fn fd(&self) -> RawFd {
        self.fd
    }

    /// How long to wait for the descriptor at most; `None` is forever.
    ///
    /// Zero if the last turn has left something over: a caller that is notified only when the
    /// descriptor becomes readable (`EPOLLET`) is not notified of it again.
    pub fn next_step(&self) -> Option<Duration> {
        let next = *self.next_step.lock();
        if next.may_be_ready && self.is_ready() {
            return Some(Duration::ZERO);
        }
        match next.deadline {
            Deadline::NEVER => None,
            deadline => deadline.remaining(Instant::now()),
        }
    }

    fn is_ready(&self) -> bool {
        let mut poll = Poll::default();
        poll.add(self.fd, true, false);
        let waited = poll.wait(Deadline::at(Instant::now()), OnSignal::Continue);
        waited.is_ok_and(|waited| waited != Waited::TimedOut)
    }

    /// Called while the driver lock is held.
    fn turn(&self, reactor: &mut Reactor, span: Option<Duration>) -> Result<(), Error> {
        let deadline = match span {
            None => Deadline::NEVER,
            span => Deadline::after(Instant::now(), span),
        };
        let result = reactor.turn(deadline);
        if self.driver_lock.is_inherited() {
            let message = "this is a child process: the loop was made before fork()";
            return Err(Error::new(Kind::WrongState, message));
        }
        result
    }

    /// For [`EventLoop::next_step`], which is not needed while a thread drives.
    fn note_next_step(&self, reactor: &Reactor) {
        *self.next_step.lock() = NextStep {
            deadline: reactor.next_step(),
            may_be_ready: reactor.may_be_ready(),
        };
    }

    fn take_reactor(&self) -> Result<MutexGuard<'_, Reactor>, Error> {
        self.reactor.try_lock().ok_or_else(|| {
            let message =
                "the loop is already being driven, by another thread or by the caller of this callback";
            Error::new(Kind::Busy, message)
        })
    }
}
