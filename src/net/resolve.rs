// SPDX-License-Identifier: Apache-2.0
//! Looks up names with the system, on threads of their own: `getaddrinfo(3)` has no timeout and
//! cannot be interrupted, so a lookup that takes too long is left to finish by itself.

use super::thread;
use crate::base::error::{Error, Kind};
use crate::base::process::PerProcess;
use crate::base::sync::{Arc, Condvar, Mutex, Weak};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Called, on any thread, when there is a result.
pub type Notify = Arc<dyn Notified>;

pub trait Notified: Send + Sync {
    fn notify(&self);
}

impl<F: Fn() + Send + Sync> Notified for F {
    fn notify(&self) {
        self();
    }
}

/// The most recent lookups in progress that have waiters; further ones are queued. Thousands of
/// names need not start thousands of threads.
const MAX_AWAITED: usize = 64;
/// A lookup that takes longer is not recent: those that hang must not hold up other names.
const RECENT: Duration = Duration::from_secs(2);
/// How often a thread checks, while lookups are queued, whether one may start.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
/// The most lookups in progress, including abandoned ones that are still inside `getaddrinfo(3)`.
const MAX_IN_PROGRESS: usize = 1024;
/// Requests for the same name within this time share one lookup. Later the network may have
/// changed; the C library's first attempt takes this long.
const SHARED_FOR: Duration = Duration::from_secs(5);

pub(super) type Addresses = Result<Vec<SocketAddr>, Error>;
pub(super) type LookupSlot = Mutex<Option<Addresses>>;

struct Query {
    host: String,
    port: u16,
    waiters: Vec<Waiter>,
    /// When its lookup started.
    started: Option<Instant>,
}

struct Waiter {
    /// Dead once the waiter has given up.
    result: Weak<LookupSlot>,
    notify: Notify,
}

/// A query that a thread looks up.
#[derive(Clone)]
struct Task {
    host: String,
    port: u16,
    started: Instant,
}

/// The waiters of a query, and why it failed.
type FailedQuery = (Vec<Waiter>, Error);

/// The queued queries, and those in progress, each on its own thread.
#[derive(Default)]
struct LookupPool {
    queries: Vec<Query>,
    /// A thread starts queued queries when those before them take long.
    is_checked: bool,
}

/// A child process has none of the threads, so it begins without queries.
static LOOKUPS: PerProcess<Mutex<LookupPool>> = PerProcess::new();
/// Notified when nothing is queued any more.
static QUEUE_IS_EMPTY: PerProcess<Condvar> = PerProcess::new();

/// Looks up a name for `result`, the slot of a waiter, which may have given up already.
pub(super) fn look_up(host: &str, port: u16, result: Weak<LookupSlot>, notify: &Notify) {
    let waiter = Waiter {
        result,
        notify: Arc::clone(notify),
    };
    let failed = LOOKUPS.get().lock().add(host, port, waiter);
    deliver_failures(failed);
}

/// Called when a waiter may have given up: starts a queued lookup in its place.
pub(super) fn note_abandoned() {
    let failed = LOOKUPS.get().lock().start_threads();
    deliver_failures(failed);
}

impl LookupPool {
    fn add(&mut self, host: &str, port: u16, waiter: Waiter) -> Vec<FailedQuery> {
        let same = self
            .queries
            .iter_mut()
            .find(|query| query.is_for(host, port));
        if let Some(query) = same {
            query.waiters.push(waiter);
            return Vec::new();
        }
        self.queries.push(Query {
            host: host.to_owned(),
            port,
            waiters: vec![waiter],
            started: None,
        });
        self.start_threads()
    }

    /// Starts a thread for each query that may start now; for the rest, one that checks again.
    fn start_threads(&mut self) -> Vec<FailedQuery> {
        let failed = self.start_lookups();
        if !self.is_checked && self.has_queued() {
            self.is_checked = thread::start("wsline-resolve", check_queue).is_ok();
        }
        self.note_queue();
        failed
    }

    /// Ends the thread that checks the queue if there is nothing to check.
    fn note_queue(&self) {
        if self.is_checked && !self.has_queued() {
            QUEUE_IS_EMPTY.get().notify_one();
        }
    }

    fn start_lookups(&mut self) -> Vec<FailedQuery> {
        while let Some(task) = self.start_next() {
            if self.in_progress().count() > MAX_IN_PROGRESS {
                self.requeue(&task);
                return self.fail_queued(|host| {
                    let left = "lookups are still in progress";
                    let message = format!("look up {host}: {MAX_IN_PROGRESS} {left}");
                    Error::new(Kind::Resolve, message)
                });
            }
            let work = task.clone();
            if let Err(error) = thread::start("wsline-resolve", || run_lookups(work)) {
                self.requeue(&task);
                if self.in_progress().any(Query::is_awaited) {
                    // The threads of those take it next.
                    break;
                }
                return self.fail_queued(|host| {
                    let what = format!("look up {host}: start a thread");
                    Error::os(Kind::Resolve, what, &error)
                });
            }
        }
        Vec::new()
    }

    /// The next queued query with a waiter, if it may start now.
    fn start_next(&mut self) -> Option<Task> {
        self.queries
            .retain(|query| query.started.is_some() || query.is_awaited());
        if self.count_awaited() >= MAX_AWAITED {
            return None;
        }
        let mut queued = self.queries.iter_mut();
        let query = queued.find(|query| query.started.is_none())?;
        let started = Instant::now();
        query.started = Some(started);
        Some(Task {
            host: query.host.clone(),
            port: query.port,
            started,
        })
    }

    /// What the thread of `task` looks up: `task`, or the next query if all waiters have given up
    /// before the thread started.
    fn task_or_next(&mut self, task: Task) -> Option<Task> {
        let mut queries = self.queries.iter();
        let query = queries.find(|query| query.is_task(&task));
        if query.is_some_and(Query::is_awaited) {
            return Some(task);
        }
        self.end(&task);
        let next = self.start_next();
        self.note_queue();
        next
    }

    fn end(&mut self, task: &Task) -> Vec<Waiter> {
        let index = self.queries.iter().position(|query| query.is_task(task));
        let query = index.map(|index| self.queries.remove(index));
        query.map_or_else(Vec::new, |query| query.waiters)
    }

    /// Queues the query again, because no thread was started.
    fn requeue(&mut self, task: &Task) {
        let mut queries = self.queries.iter_mut();
        if let Some(query) = queries.find(|query| query.is_task(task)) {
            query.started = None;
        }
    }

    /// Fails all queued queries.
    fn fail_queued(&mut self, why: impl Fn(&str) -> Error) -> Vec<FailedQuery> {
        let mut failed = Vec::new();
        self.queries.retain_mut(|query| {
            let is_queued = query.started.is_none();
            if is_queued {
                let waiters = std::mem::take(&mut query.waiters);
                failed.push((waiters, why(&query.host)));
            }
            !is_queued
        });
        failed
    }

    fn in_progress(&self) -> impl Iterator<Item = &Query> {
        let queries = self.queries.iter();
        queries.filter(|query| query.started.is_some())
    }

    fn has_queued(&self) -> bool {
        let mut queries = self.queries.iter();
        queries.any(|query| query.started.is_none() && query.is_awaited())
    }

    /// The number of recent lookups in progress that have waiters.
    fn count_awaited(&self) -> usize {
        let is_recent = |started: Instant| started.elapsed() < RECENT;
        self.in_progress()
            .filter(|query| query.is_awaited() && query.started.is_some_and(is_recent))
            .count()
    }
}

impl Query {
    fn is_for(&self, host: &str, port: u16) -> bool {
        let is_fresh = self
            .started
            .is_none_or(|started| started.elapsed() < SHARED_FOR);
        is_fresh && self.host == host && self.port == port
    }

    fn is_task(&self, task: &Task) -> bool {
        self.host == task.host && self.port == task.port && self.started == Some(task.started)
    }

    fn is_awaited(&self) -> bool {
        self.waiters
            .iter()
            .any(|waiter| waiter.result.strong_count() > 0)
    }
}

fn run_lookups(task: Task) {
    let mut next = LOOKUPS.get().lock().task_or_next(task);
    while let Some(task) = next {
        let result = ask_system(&task.host, task.port);
        let mut lookups = LOOKUPS.get().lock();
        let waiters = lookups.end(&task);
        next = lookups.start_next();
        lookups.note_queue();
        drop(lookups);
        deliver_to_all(waiters, &result);
    }
}

/// Ends when nothing is queued.
fn check_queue() {
    loop {
        let mut lookups = LOOKUPS.get().lock();
        if lookups.has_queued() {
            lookups = QUEUE_IS_EMPTY.get().wait(lookups, Some(CHECK_INTERVAL));
        }
        let failed = lookups.start_lookups();
        lookups.is_checked = lookups.has_queued();
        let is_done = !lookups.is_checked;
        drop(lookups);
        deliver_failures(failed);
        if is_done {
            return;
        }
    }
}

fn ask_system(host: &str, port: u16) -> Addresses {
    let found = (host, port).to_socket_addrs();
    found.map(Iterator::collect).map_err(|error| {
        let what = format!("look up {host}");
        // The message already says what was attempted, so the standard library's prefix is removed.
        let text = error.to_string();
        match text.strip_prefix("failed to lookup address information: ") {
            Some(reason) => Error::os(Kind::Resolve, what, &io::Error::other(reason)),
            None => Error::os(Kind::Resolve, what, &error),
        }
    })
}

fn deliver_to_all(waiters: Vec<Waiter>, result: &Addresses) {
    for waiter in waiters {
        deliver(&waiter.result, &waiter.notify, Addresses::clone(result));
    }
}

pub(super) fn deliver(waiting: &Weak<LookupSlot>, notify: &Notify, result: Addresses) {
    if let Some(slot) = waiting.upgrade() {
        *slot.lock() = Some(result);
        notify.notify();
    }
}

/// Called without the pool's lock, because a notified waiter may start another lookup.
fn deliver_failures(failed: Vec<FailedQuery>) {
    for (waiters, why) in failed {
        deliver_to_all(waiters, &Err(why));
    }
}
