// SPDX-License-Identifier: Apache-2.0
//! The user's functions, which may be exchanged at any time, by themselves, too.

use crate::base::error::Error;
use crate::base::sync::{Arc, AtomicU64, Mutex, Ordering};
use crate::conn::send::queue::Unsent;
use crate::protocol::ws::close::CloseInfo;
use crate::protocol::ws::message::Message;
use std::time::Duration;

pub type Notice = Arc<dyn Fn() + Send + Sync>;
pub type OnMessage = Arc<dyn Fn(&Message<'_>) + Send + Sync>;
/// Is called with what calls the function that it is given for each message that is there, while
/// that returns true.
pub type OnMessages = Arc<dyn Fn(ForEachMessage<'_>) + Send + Sync>;
pub type ForEachMessage<'a> = &'a mut dyn FnMut(&mut dyn FnMut(&Message<'_>) -> bool);
/// With the time until the next attempt, if there will be one.
pub type OnError = Arc<dyn Fn(&Error, Option<Duration>) + Send + Sync>;
pub type OnClose = Arc<dyn Fn(&CloseInfo<'_>, Unsent) + Send + Sync>;

#[derive(Clone, Default)]
pub struct Handlers {
    pub open: Option<Notice>,
    pub message: Option<OnMessage>,
    pub error: Option<OnError>,
    pub close: Option<OnClose>,
    more: Option<Box<MoreHandlers>>,
}

/// Those that most apps do without, in memory of their own.
#[derive(Clone, Default)]
pub struct MoreHandlers {
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

    /// Whether messages are told piece by piece.
    pub fn takes_parts(&self) -> bool {
        self.more().is_some_and(|more| more.part.is_some())
    }

    pub fn more_mut(&mut self) -> &mut MoreHandlers {
        self.more.get_or_insert_default()
    }
}

/// Where any thread exchanges them.
#[derive(Default)]
pub struct HandlerTable {
    current: Mutex<Arc<Handlers>>,
    changes: AtomicU64,
}

/// What the driving thread calls for a while without a look at the exchange that would cost a lock.
/// What has been replaced lives on in here, because it may be running.
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
        // What it ends is the user's to free, which may call anything.
        drop(replaced);
    }

    pub fn view(&self) -> HandlerCache {
        let current = self.current.lock();
        HandlerCache {
            handlers: Arc::clone(&current),
            changes: self.changes.load(Ordering::Acquire),
        }
    }
}

impl HandlerCache {
    pub fn current(&mut self, exchange: &HandlerTable) -> &Handlers {
        if exchange.changes.load(Ordering::Acquire) != self.changes {
            *self = exchange.view();
        }
        &self.handlers
    }
}
