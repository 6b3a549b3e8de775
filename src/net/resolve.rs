// SPDX-License-Identifier: Apache-2.0
//! Looks up names on threads of their own: `getaddrinfo(3)` has no timeout and cannot be
//! interrupted, so a lookup that takes too long is left to finish by itself.

use super::thread;
use crate::base::error::{Error, Kind, Phase};
use crate::base::process::PerProcess;
use crate::base::sync::{Arc, Mutex, Weak};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
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

/// The most lookups in progress that have waiters; further ones are queued. Thousands of names need
/// not start thousands of threads.
const MAX_AWAITED: usize = 64;
/// The most lookups in progress, including abandoned ones that are still inside `getaddrinfo(3)`.
const MAX_IN_PROGRESS: usize = 1024;
/// Requests for the same name within this time share one lookup. Later the network may have
/// changed; the C library's first attempt takes this long.
const SHARED_FOR: Duration = Duration::from_secs(5);

type Addresses = Result<Vec<SocketAddr>, Error>;
type LookupSlot = Mutex<Option<Addresses>>;

pub struct Lookup {
    host: String,
    result: Arc<LookupSlot>,
}

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
}

/// A child process has none of the threads, so it begins without queries.
static LOOKUPS: PerProcess<Mutex<LookupPool>> = PerProcess::new();

impl Lookup {
    pub fn start(host: &str, port: u16, notify: &Notify) -> Self {
        let known = is_localhost(host).then(|| Ok(loopback(port)));
        let is_known = known.is_some();
        let lookup = Self {
            host: host.to_owned(),
            result: Arc::new(Mutex::new(known)),
        };
        if !is_known {
            let waiter = Waiter {
                result: Arc::downgrade(&lookup.result),
                notify: Arc::clone(notify),
            };
            let failed = LOOKUPS.get().lock().add(host, port, waiter);
            deliver_failures(failed);
        }
        lookup
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// The addresses, in the order the system prefers; `None` while the lookup is in progress.
    pub fn poll(&self) -> Result<Option<Vec<SocketAddr>>, Error> {
        let result = self.result.lock().take().transpose();
        result.map_err(|error| error.in_phase(Phase::Resolve))
    }
}

impl Drop for Lookup {
    /// An abandoned lookup makes room for a queued one.
    fn drop(&mut self) {
        drop(std::mem::take(&mut self.result));
        let failed = LOOKUPS.get().lock().start_threads();
        deliver_failures(failed);
    }
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

    /// Starts a thread for each query that may start now.
    fn start_threads(&mut self) -> Vec<FailedQuery> {
        while let Some(task) = self.start_next() {
            if self.in_progress().count() > MAX_IN_PROGRESS {
                self.requeue(&task);
                return self.fail_queued(|host| {
                    let left = "abandoned lookups are still in progress";
                    let message = format!("look up {host}: {MAX_IN_PROGRESS} {left}");
                    Error::new(Kind::Resolve, message)
                });
            }
            let work = task.clone();
            if let Err(error) = thread::start("wsline-resolve", || run_lookups(work)) {
                self.requeue(&task);
                if self.count_awaited() > 0 {
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
        self.start_next()
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

    /// The number of lookups in progress that have waiters.
    fn count_awaited(&self) -> usize {
        self.in_progress().filter(|it| it.is_awaited()).count()
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

/// `localhost` and the names below it need no resolver (RFC 6761 section 6.3).
fn is_localhost(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    last.eq_ignore_ascii_case("localhost")
}

/// IPv4 first: a server that listens on only one of the two usually listens on IPv4, and a SOCKS
/// proxy is given only one address.
fn loopback(port: u16) -> Vec<SocketAddr> {
    vec![
        (Ipv4Addr::LOCALHOST, port).into(),
        (Ipv6Addr::LOCALHOST, port).into(),
    ]
}

fn run_lookups(task: Task) {
    let mut next = LOOKUPS.get().lock().task_or_next(task);
    while let Some(task) = next {
        let result = look_up(&task.host, task.port);
        let mut lookups = LOOKUPS.get().lock();
        let waiters = lookups.end(&task);
        next = lookups.start_next();
        drop(lookups);
        deliver(waiters, &result);
    }
}

fn look_up(host: &str, port: u16) -> Addresses {
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

fn deliver(waiters: Vec<Waiter>, result: &Addresses) {
    for waiter in waiters {
        if let Some(slot) = waiter.result.upgrade() {
            *slot.lock() = Some(Addresses::clone(result));
            waiter.notify.notify();
        }
    }
}

/// Called without the pool's lock, because a notified waiter may start another lookup.
fn deliver_failures(failed: Vec<FailedQuery>) {
    for (waiters, why) in failed {
        deliver(waiters, &Err(why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_below_localhost_are_local() {
        for (host, is_local) in [
            ("localhost", true),
            ("LocalHost.", true),
            ("app.localhost", true),
            ("notlocalhost", false),
            ("localhost.example", false),
            ("localhost..", false),
            ("", false),
        ] {
            assert_eq!(is_localhost(host), is_local, "{host}");
        }
    }
}
