// SPDX-License-Identifier: Apache-2.0
//! Names to addresses, on threads of their own: `getaddrinfo(3)` knows no deadline and cannot be interrupted, so that a
//! lookup that takes too long is left to finish by itself.

use super::thread;
use crate::base::error::{Error, Kind, Phase};
use crate::base::process::PerProcess;
use crate::base::sync::{Arc, Mutex, Weak};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Called, on any thread, when there is an answer.
pub type Notify = Arc<dyn Fn() + Send + Sync>;

/// How many lookups that somebody waits for are in progress at once; further ones wait. Thousands of names need not start
/// thousands of threads.
const MAX_AWAITED: usize = 64;
/// The same with those that nobody waits for any more, which `getaddrinfo(3)` still holds.
const MAX_IN_PROGRESS: usize = 1024;
/// Whoever asks for the same soon after gets the same answer. Later the network may be another: the C library's first
/// try ends by then.
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
    askers: Vec<Waiter>,
    /// Since it is being answered.
    since: Option<Instant>,
}

struct Waiter {
    /// Gone when it does not wait any more.
    answer: Weak<LookupSlot>,
    notify: Notify,
}

/// A question on its way to the resolver.
#[derive(Clone)]
struct Task {
    host: String,
    port: u16,
    since: Instant,
}

/// Who asked a question, and why it cannot be answered.
type Refusal = (Vec<Waiter>, Error);

/// The questions that wait, and those in progress, each on a thread of its own.
#[derive(Default)]
struct LookupPool {
    questions: Vec<Query>,
}

/// The threads are not there in a child process, so it begins without questions.
static DESK: PerProcess<Mutex<LookupPool>> = PerProcess::new();

impl Lookup {
    pub fn start(host: &str, port: u16, notify: &Notify) -> Self {
        let lookup = Self {
            host: host.to_owned(),
            answer: Arc::default(),
        };
        let asker = Waiter {
            answer: Arc::downgrade(&lookup.answer),
            notify: Arc::clone(notify),
        };
        let refused = DESK.get().lock().ask(host, port, asker);
        deliver_refusals(refused);
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
        let refused = DESK.get().lock().start_threads();
        deliver_refusals(refused);
    }
}

impl LookupPool {
    fn ask(&mut self, host: &str, port: u16, asker: Waiter) -> Vec<Refusal> {
        let same = self
            .questions
            .iter_mut()
            .find(|question| question.is_for(host, port));
        if let Some(question) = same {
            question.askers.push(asker);
            return Vec::new();
        }
        self.questions.push(Query {
            host: host.to_owned(),
            port,
            askers: vec![asker],
            since: None,
        });
        self.start_threads()
    }

    /// Starts a thread for each question that may begin now.
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

    /// The next question that somebody waits for, if it may begin now.
    fn begin(&mut self) -> Option<Task> {
        self.questions
            .retain(|question| question.since.is_some() || question.is_awaited());
        if self.count_awaited() >= MAX_AWAITED {
            return None;
        }
        let mut waiting = self.questions.iter_mut();
        let question = waiting.find(|question| question.since.is_none())?;
        let since = Instant::now();
        question.since = Some(since);
        Some(Task {
            host: question.host.clone(),
            port: question.port,
            since,
        })
    }

    /// What the thread of `task` looks up: that, or the next one if all who asked have left before the thread began.
    fn confirm(&mut self, task: Task) -> Option<Task> {
        let mut questions = self.questions.iter();
        let question = questions.find(|question| question.is_task(&task));
        if question.is_some_and(Query::is_awaited) {
            return Some(task);
        }
        self.end(&task);
        self.begin()
    }

    fn end(&mut self, task: &Task) -> Vec<Waiter> {
        let index = self
            .questions
            .iter()
            .position(|question| question.is_task(task));
        let question = index.map(|index| self.questions.remove(index));
        question.map_or_else(Vec::new, |question| question.askers)
    }

    /// It did not begin after all.
    fn take_back(&mut self, task: &Task) {
        let mut questions = self.questions.iter_mut();
        if let Some(question) = questions.find(|question| question.is_task(task)) {
            question.since = None;
        }
    }

    /// Gives up those that wait.
    fn refuse(&mut self, why: impl Fn(&str) -> Error) -> Vec<Refusal> {
        let mut refused = Vec::new();
        self.questions.retain_mut(|question| {
            let waits = question.since.is_none();
            if waits {
                let askers = std::mem::take(&mut question.askers);
                refused.push((askers, why(&question.host)));
            }
            !waits
        });
        refused
    }

    fn in_progress(&self) -> impl Iterator<Item = &Query> {
        let questions = self.questions.iter();
        questions.filter(|question| question.since.is_some())
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
        self.askers
            .iter()
            .any(|asker| asker.answer.strong_count() > 0)
    }
}

fn answer_all(task: Task) {
    let mut next = DESK.get().lock().confirm(task);
    while let Some(task) = next {
        let answer = look_up(&task.host, task.port);
        let mut desk = DESK.get().lock();
        let askers = desk.end(&task);
        next = desk.begin();
        drop(desk);
        deliver(askers, &answer);
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

fn deliver(askers: Vec<Waiter>, answer: &Addresses) {
    for asker in askers {
        if let Some(slot) = asker.answer.upgrade() {
            *slot.lock() = Some(Addresses::clone(answer));
            (asker.notify)();
        }
    }
}

/// Without the lock of the desk, because a waiter that is notified may ask again.
fn deliver_refusals(refused: Vec<Refusal>) {
    for (askers, why) in refused {
        deliver(askers, &Err(why));
    }
}
