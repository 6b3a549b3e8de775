// SPDX-License-Identifier: Apache-2.0
//! Names to addresses, on threads of their own: `getaddrinfo(3)` knows no deadline and cannot be interrupted, so that a
//! look-up that takes too long is left to finish by itself.

use super::thread;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::{Arc, Mutex, Weak};
use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// Called, on a thread of this room, when there is an answer.
pub type Notify = Arc<dyn Fn() + Send + Sync>;

/// How many look-ups go on at once; further ones wait. Thousands of connections that come back together need not start
/// thousands of threads.
const MAX_THREADS: usize = 16;

type Answer = io::Result<Vec<SocketAddr>>;

pub struct Lookup {
    host: String,
    answer: Arc<Mutex<Option<Answer>>>,
}

struct Question {
    host: String,
    port: u16,
    /// Gone when nobody waits for it any more.
    answer: Weak<Mutex<Option<Answer>>>,
    notify: Notify,
}

struct Desk {
    waiting: VecDeque<Question>,
    threads: usize,
}

static DESK: Mutex<Desk> = Mutex::new(Desk {
    waiting: VecDeque::new(),
    threads: 0,
});

impl Lookup {
    pub fn start(host: &str, port: u16, notify: &Notify) -> Result<Self, Error> {
        let lookup = Self {
            host: host.to_owned(),
            answer: Arc::default(),
        };
        let mut desk = DESK.lock();
        desk.waiting.push_back(Question {
            host: host.to_owned(),
            port,
            answer: Arc::downgrade(&lookup.answer),
            notify: Arc::clone(notify),
        });
        if desk.threads < MAX_THREADS {
            match thread::start("wsline-resolve", answer_all) {
                Ok(_) => desk.threads += 1,
                // Those that there are will come to it.
                Err(_) if desk.threads > 0 => {}
                Err(error) => {
                    desk.waiting.pop_back();
                    return Err(Error::os(
                        Kind::Resolve,
                        "start a thread for the name look-up",
                        &error,
                    )
                    .in_phase(Phase::Resolve));
                }
            }
        }
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

fn answer_all() {
    while let Some(question) = next_question() {
        if question.answer.strong_count() == 0 {
            continue;
        }
        let found = (question.host.as_str(), question.port)
            .to_socket_addrs()
            .map(Iterator::collect);
        if let Some(answer) = question.answer.upgrade() {
            *answer.lock() = Some(found);
            (question.notify)();
        }
    }
}

/// The next one that waits; where there is none, this thread counts no longer.
fn next_question() -> Option<Question> {
    let mut desk = DESK.lock();
    let question = desk.waiting.pop_front();
    if question.is_none() {
        desk.threads -= 1;
    }
    question
}
