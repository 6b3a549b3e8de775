// SPDX-License-Identifier: Apache-2.0
//! Names to addresses, on threads of their own: `getaddrinfo(3)` knows no deadline and cannot be interrupted, so that a
//! look-up that takes too long is left to finish by itself.

use super::thread;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::{Arc, Mutex, Weak};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Called, on a thread of this room, when there is an answer.
pub type Notify = Arc<dyn Fn() + Send + Sync>;

/// How many look-ups go on at once, with those that nobody waits for any more; further ones wait. Thousands of names
/// need not start thousands of threads.
const MAX_THREADS: usize = 64;
/// Whoever asks for the same soon after gets the same answer. Later the network may be another: the C library's first
/// try ends by then.
const SHARED_FOR: Duration = Duration::from_secs(5);

type Answer = Result<Vec<SocketAddr>, Arc<io::Error>>;
type Slot = Mutex<Option<Answer>>;

pub struct Lookup {
    host: String,
    answer: Arc<Slot>,
}

struct Question {
    host: String,
    port: u16,
    askers: Vec<Asker>,
    /// Since it is being answered.
    since: Option<Instant>,
}

struct Asker {
    /// Gone when it does not wait any more.
    answer: Weak<Slot>,
    notify: Notify,
}

struct Desk {
    /// Those that wait, and those that are being answered.
    questions: Vec<Question>,
    threads: usize,
}

static DESK: Mutex<Desk> = Mutex::new(Desk {
    questions: Vec::new(),
    threads: 0,
});

impl Lookup {
    pub fn start(host: &str, port: u16, notify: &Notify) -> Result<Self, Error> {
        let lookup = Self {
            host: host.to_owned(),
            answer: Arc::default(),
        };
        let asker = Asker {
            answer: Arc::downgrade(&lookup.answer),
            notify: Arc::clone(notify),
        };
        let asked = DESK.lock().ask(host, port, asker);
        asked.map_err(|error| {
            Error::os(Kind::Resolve, "start a thread for the name look-up", &error)
                .in_phase(Phase::Resolve)
        })?;
        Ok(lookup)
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// The addresses, in the order the system prefers; `None` while the look-up goes on.
    pub fn poll(&self) -> Result<Option<Vec<SocketAddr>>, Error> {
        let host = &self.host;
        match self.answer.lock().take() {
            None => Ok(None),
            Some(Ok(addresses)) => Ok(Some(addresses)),
            Some(Err(error)) => {
                Err(
                    Error::os(Kind::Resolve, format_args!("look up {host}"), &error)
                        .in_phase(Phase::Resolve),
                )
            }
        }
    }
}

impl Desk {
    fn ask(&mut self, host: &str, port: u16, asker: Asker) -> io::Result<()> {
        let same = self
            .questions
            .iter_mut()
            .find(|question| question.is_for(host, port));
        if let Some(question) = same {
            question.askers.push(asker);
            return Ok(());
        }
        self.questions.push(Question {
            host: host.to_owned(),
            port,
            askers: vec![asker],
            since: None,
        });
        if self.threads == MAX_THREADS {
            return Ok(());
        }
        match thread::start("wsline-resolve", answer_all) {
            Ok(_) => self.threads += 1,
            // Those that there are will come to it.
            Err(_) if self.threads > 0 => {}
            Err(error) => {
                self.questions.pop();
                return Err(error);
            }
        }
        Ok(())
    }

    /// The next that waits, and that somebody waits for.
    fn begin(&mut self) -> Option<(String, u16, Instant)> {
        self.questions
            .retain(|question| question.since.is_some() || question.is_awaited());
        let mut waiting = self.questions.iter_mut();
        let question = waiting.find(|question| question.since.is_none())?;
        let now = Instant::now();
        question.since = Some(now);
        Some((question.host.clone(), question.port, now))
    }

    fn end(&mut self, host: &str, port: u16, since: Instant) -> Vec<Asker> {
        let index = self.questions.iter().position(|question| {
            question.host == host && question.port == port && question.since == Some(since)
        });
        let question = index.map(|index| self.questions.remove(index));
        question.map_or_else(Vec::new, |question| question.askers)
    }
}

impl Question {
    fn is_for(&self, host: &str, port: u16) -> bool {
        let is_fresh = self.since.is_none_or(|since| since.elapsed() < SHARED_FOR);
        is_fresh && self.host == host && self.port == port
    }

    fn is_awaited(&self) -> bool {
        self.askers
            .iter()
            .any(|asker| asker.answer.strong_count() > 0)
    }
}

fn answer_all() {
    while let Some((host, port, since)) = next_question() {
        let found = (host.as_str(), port).to_socket_addrs();
        let answer = found.map(Iterator::collect).map_err(Arc::new);
        let askers = DESK.lock().end(&host, port, since);
        for asker in askers {
            if let Some(slot) = asker.answer.upgrade() {
                *slot.lock() = Some(Answer::clone(&answer));
                (asker.notify)();
            }
        }
    }
}

/// Where there is none this thread counts no longer.
fn next_question() -> Option<(String, u16, Instant)> {
    let mut desk = DESK.lock();
    let question = desk.begin();
    if question.is_none() {
        desk.threads -= 1;
    }
    question
}
