// SPDX-License-Identifier: Apache-2.0
//! Names to addresses, on threads of their own: `getaddrinfo(3)` knows no deadline and cannot be
//! interrupted, so that a lookup that takes too long is left to finish by itself.

use super::thread;
use crate::base::error::{Error, Kind, Phase};
use crate::base::process::PerProcess;
use crate::base::sync::{Arc, Mutex, Weak};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Called, on any thread, when there is an answer.
pub type Notify = Arc<dyn Notified>;

pub trait Notified: Send + Sync {
    fn notify(&self);
}

impl<F: Fn() + Send + Sync> Notified for F {
    fn notify(&self) {
        self();
    }
}

/// How many lookups that somebody waits for are in progress at once; further ones wait. Thousands
/// of names need not start thousands of threads.
const MAX_AWAITED: usize = 64;
/// The same with those that nobody waits for any more, which `getaddrinfo(3)` still holds.
const MAX_IN_PROGRESS: usize = 1024;
/// Whoever asks for the same name soon after shares the lookup. Later the network may be another:
/// the C library's first try ends by then.
const SHARED_FOR: Duration = Duration::from_secs(5);

type Addresses = Result<Vec<SocketAddr>, Error>;
type LookupSlot = Mutex<Option<Addresses>>;

pub struct Lookup {
    host: String,
    answer: Arc<LookupSlot>,
}

struct Query {
    host: String,
    port: u16,
    waiters: Vec<Waiter>,
    /// Since it is being answered.
    since: Option<Instant>,
}

struct Waiter {
    /// Gone when it does not wait any more.
    answer: Weak<LookupSlot>,
    notify: Notify,
}

/// A query on its way to the resolver.
#[derive(Clone)]
struct Task {
    host: String,
    port: u16,
    since: Instant,
}

/// Who waits for a query, and why it cannot be answered.
type Refusal = (Vec<Waiter>, Error);

/// The queries that wait, and those in progress, each on a thread of its own.
#[derive(Default)]
struct LookupPool {
    queries: Vec<Query>,
}

/// The threads are not there in a child process, so it begins without queries.
static LOOKUPS: PerProcess<Mutex<LookupPool>> = PerProcess::new();

impl Lookup {
    pub fn start(host: &str, port: u16, notify: &Notify) -> Self {
        let known = is_localhost(host).then(|| Ok(loopback(port)));
        let is_known = known.is_some();
        let lookup = Self {
            host: host.to_owned(),
            answer: Arc::new(Mutex::new(known)),
        };
        if !is_known {
            let waiter = Waiter {
                answer: Arc::downgrade(&lookup.answer),
                notify: Arc::clone(notify),
            };
            let refused = LOOKUPS.get().lock().add(host, port, waiter);
            deliver_refusals(refused);
        }
        lookup
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// The addresses, in the order the system prefers; `None` while the lookup is in progress.
    pub fn poll(&self) -> Result<Option<Vec<SocketAddr>>, Error> {
        let answer = self.answer.lock().take().transpose();
        answer.map_err(|error| error.in_phase(Phase::Resolve))
    }
}

impl Drop for Lookup {
    /// A lookup that nobody waits for any more makes room for another one.
    fn drop(&mut self) {
        drop(std::mem::take(&mut self.answer));
        let refused = LOOKUPS.get().lock().start_threads();
        deliver_refusals(refused);
    }
}

impl LookupPool {
    fn add(&mut self, host: &str, port: u16, waiter: Waiter) -> Vec<Refusal> {
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
            since: None,
        });
        self.start_threads()
    }

    /// Starts a thread for each query that may begin now.
    fn start_threads(&mut self) -> Vec<Refusal> {
        while let Some(task) = self.begin() {
            if self.in_progress().count() > MAX_IN_PROGRESS {
                self.take_back(&task);
                return self.refuse(|host| {
                    let left = "earlier lookups that nobody waits for have not ended yet";
                    let message = format!("look up {host}: {MAX_IN_PROGRESS} {left}");
                    Error::new(Kind::Resolve, message)
                });
            }
            let work = task.clone();
            if let Err(error) = thread::start("wsline-resolve", || answer_all(work)) {
                self.take_back(&task);
                if self.count_awaited() > 0 {
                    // The threads of those continue with it.
                    break;
                }
                return self.refuse(|host| {
                    let what = format!("look up {host}: start a thread");
                    Error::os(Kind::Resolve, what, &error)
                });
            }
        }
        Vec::new()
    }

    /// The next query that somebody waits for, if it may begin now.
    fn begin(&mut self) -> Option<Task> {
        self.queries
            .retain(|query| query.since.is_some() || query.is_awaited());
        if self.count_awaited() >= MAX_AWAITED {
            return None;
        }
        let mut waiting = self.queries.iter_mut();
        let query = waiting.find(|query| query.since.is_none())?;
        let since = Instant::now();
        query.since = Some(since);
        Some(Task {
            host: query.host.clone(),
            port: query.port,
            since,
        })
    }

    /// What the thread of `task` looks up: that, or the next one if all who waited have left before
    /// the thread began.
    fn confirm(&mut self, task: Task) -> Option<Task> {
        let mut queries = self.queries.iter();
        let query = queries.find(|query| query.is_task(&task));
        if query.is_some_and(Query::is_awaited) {
            return Some(task);
        }
        self.end(&task);
        self.begin()
    }

    fn end(&mut self, task: &Task) -> Vec<Waiter> {
        let index = self.queries.iter().position(|query| query.is_task(task));
        let query = index.map(|index| self.queries.remove(index));
        query.map_or_else(Vec::new, |query| query.waiters)
    }

    /// It did not begin after all.
    fn take_back(&mut self, task: &Task) {
        let mut queries = self.queries.iter_mut();
        if let Some(query) = queries.find(|query| query.is_task(task)) {
            query.since = None;
        }
    }

    /// Gives up those that wait.
    fn refuse(&mut self, why: impl Fn(&str) -> Error) -> Vec<Refusal> {
        let mut refused = Vec::new();
        self.queries.retain_mut(|query| {
            let waits = query.since.is_none();
            if waits {
                let waiters = std::mem::take(&mut query.waiters);
                refused.push((waiters, why(&query.host)));
            }
            !waits
        });
        refused
    }

    fn in_progress(&self) -> impl Iterator<Item = &Query> {
        let queries = self.queries.iter();
        queries.filter(|query| query.since.is_some())
    }

    /// How many in progress somebody waits for.
    fn count_awaited(&self) -> usize {
        self.in_progress().filter(|it| it.is_awaited()).count()
    }
}

impl Query {
    fn is_for(&self, host: &str, port: u16) -> bool {
        let is_fresh = self.since.is_none_or(|since| since.elapsed() < SHARED_FOR);
        is_fresh && self.host == host && self.port == port
    }

    fn is_task(&self, task: &Task) -> bool {
        self.host == task.host && self.port == task.port && self.since == Some(task.since)
    }

    fn is_awaited(&self) -> bool {
        self.waiters
            .iter()
            .any(|waiter| waiter.answer.strong_count() > 0)
    }
}

/// `localhost` and the names below it need no resolver (RFC 6761 section 6.3).
fn is_localhost(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    last.eq_ignore_ascii_case("localhost")
}

/// IPv4 first: a server that listens on one of the two mostly listens there, and a SOCKS proxy is
/// told but one address.
fn loopback(port: u16) -> Vec<SocketAddr> {
    vec![
        (Ipv4Addr::LOCALHOST, port).into(),
        (Ipv6Addr::LOCALHOST, port).into(),
    ]
}

fn answer_all(task: Task) {
    let mut next = LOOKUPS.get().lock().confirm(task);
    while let Some(task) = next {
        let answer = look_up(&task.host, task.port);
        let mut lookups = LOOKUPS.get().lock();
        let waiters = lookups.end(&task);
        next = lookups.begin();
        drop(lookups);
        deliver(waiters, &answer);
    }
}

fn look_up(host: &str, port: u16) -> Addresses {
    let found = (host, port).to_socket_addrs();
    found.map(Iterator::collect).map_err(|error| {
        let what = format!("look up {host}");
        // The standard library says in front of the resolver's reason what is said here already.
        let text = error.to_string();
        match text.strip_prefix("failed to lookup address information: ") {
            Some(reason) => Error::os(Kind::Resolve, what, &io::Error::other(reason)),
            None => Error::os(Kind::Resolve, what, &error),
        }
    })
}

fn deliver(waiters: Vec<Waiter>, answer: &Addresses) {
    for waiter in waiters {
        if let Some(slot) = waiter.answer.upgrade() {
            *slot.lock() = Some(Addresses::clone(answer));
            waiter.notify.notify();
        }
    }
}

/// Without the lock of the pool, because a waiter that is notified may ask again.
fn deliver_refusals(refused: Vec<Refusal>) {
    for (waiters, why) in refused {
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
