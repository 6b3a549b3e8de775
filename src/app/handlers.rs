// SPDX-License-Identifier: Apache-2.0
//! The user's callbacks, which may be replaced at any time, even while they run.

use crate::base::error::Error;
use crate::base::sync::{Arc, AtomicU64, Mutex, Ordering};
use crate::conn::options::Options;
use crate::conn::send::queue::Unsent;
use crate::protocol::ws::close::CloseInfo;
use crate::protocol::ws::message::Message;
use std::time::Duration;

pub type Notice = Arc<dyn Fn() + Send + Sync>;
pub type OnMessage = Arc<dyn Fn(&Message<'_>) + Send + Sync>;
/// Called with a function that iterates over the available messages: it passes each to its
/// argument, as long as that returns true.
pub type OnMessages = Arc<dyn Fn(ForEachMessage<'_>) + Send + Sync>;
pub type ForEachMessage<'a> = &'a mut dyn FnMut(&mut dyn FnMut(&Message<'_>) -> bool);
/// Called with the error and the time until the next attempt, if there will be one.
pub type OnError = Arc<dyn Fn(&Error, Option<Duration>) + Send + Sync>;
pub type OnClose = Arc<dyn Fn(&CloseInfo<'_>, Unsent) + Send + Sync>;

/// What is known before an attempt to connect.
pub struct UpcomingAttempt<'a> {
    /// 1 for the first since the app was connected.
    pub number: u64,
    pub url: &'a str,
    /// The failure before.
    pub error: Option<&'a Error>,
    pub options: &'a Arc<Options>,
}

pub enum Decision {
    /// Connect now, with these options.
    Connect(Arc<Options>),
    /// Ask again after [`super::client::App::proceed`].
    Later,
    GiveUp,
}

pub type OnConnecting = Arc<dyn Fn(&UpcomingAttempt<'_>) -> Decision + Send + Sync>;

#[derive(Clone, Default)]
pub struct Handlers {
    pub open: Option<Notice>,
    pub message: Option<OnMessage>,
    pub error: Option<OnError>,
    pub close: Option<OnClose>,
    more: Option<Box<MoreHandlers>>,
}

/// The handlers that most apps do not set, allocated separately.
#[derive(Clone, Default)]
pub struct MoreHandlers {
    pub connecting: Option<OnConnecting>,
    pub reconnect: Option<Notice>,
    pub messages: Option<OnMessages>,
    pub data: Option<OnMessage>,
    pub part: Option<OnMessage>,
    pub ping: Option<OnMessage>,
    pub pong: Option<OnMessage>,
    pub drain: Option<Notice>,
}

impl Handlers {
    pub fn more(&self) -> Option<&MoreHandlers> {
        self.more.as_deref()
    }

    /// Whether messages are delivered in parts.
    pub fn takes_parts(&self) -> bool {
        self.more().is_some_and(|more| more.part.is_some())
    }

    pub fn more_mut(&mut self) -> &mut MoreHandlers {
        self.more.get_or_insert_default()
    }
}

/// The current handlers, which any thread may replace.
#[derive(Default)]
pub struct HandlerTable {
    current: Mutex<Arc<Handlers>>,
    changes: AtomicU64,
}

/// The driving thread's copy of the handlers, so that it takes the lock only after a change.
/// Replaced handlers stay alive in here, because one of them may be running.
pub struct HandlerCache {
    handlers: Arc<Handlers>,
    changes: u64,
}

impl HandlerTable {
    pub fn change(&self, change: impl FnOnce(&mut Handlers)) {
        let mut current = self.current.lock();
        let mut changed = Handlers::clone(&current);
        change(&mut changed);
        let replaced = std::mem::replace(&mut *current, Arc::new(changed));
        self.changes.fetch_add(1, Ordering::Release);
        drop(current);
        // Dropped without the lock: this may call a free function of the user's, which may call
        // anything.
        drop(replaced);
    }

    pub fn cache(&self) -> HandlerCache {
        let current = self.current.lock();
        HandlerCache {
            handlers: Arc::clone(&current),
            changes: self.changes.load(Ordering::Acquire),
        }
    }
}

impl HandlerCache {
    pub fn current(&mut self, table: &HandlerTable) -> &Handlers {
        if table.changes.load(Ordering::Acquire) != self.changes {
            *self = table.cache();
        }
        &self.handlers
    }
}
