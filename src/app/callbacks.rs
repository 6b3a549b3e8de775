// SPDX-License-Identifier: Apache-2.0
//! Calls the app's callbacks, unless it was aborted or freed.

use super::client::App;
use super::driver_lock::DriverLock;
use super::handlers::{Decision, HandlerCache, Handlers, MoreHandlers, UpcomingAttempt};
use crate::base::error::Error;
use crate::base::sync::Arc;
use crate::conn::receive::reader::Reader;
use crate::conn::send::queue::Unsent;
use crate::protocol::ws::close::CloseInfo;
use crate::protocol::ws::message::{Delivery, Message};
use std::time::Duration;

/// The callbacks of an app, called on the thread that drives it. No lock is held while one of them
/// runs.
pub struct Callbacks<'a> {
    pub app: &'a App,
    pub driver_lock: &'a DriverLock,
    pub cache: HandlerCache,
}

impl Callbacks<'_> {
    /// False once the app was aborted or freed, or its loop was freed: no more events are
    /// delivered.
    pub fn delivers_events(&self) -> bool {
        self.app.delivers_events() && !self.driver_lock.is_retired()
    }

    /// The same, but false also once the app was paused.
    pub fn delivers_more(&self) -> bool {
        self.app.delivers_more() && !self.driver_lock.is_retired()
    }

    /// The current handlers; `None` if no more events are delivered.
    pub fn handlers(&mut self) -> Option<&Handlers> {
        self.delivers_events()
            .then(|| self.cache.current(&self.app.handlers))
    }

    /// Whether messages are delivered in parts.
    pub fn delivers_parts(&mut self) -> bool {
        self.cache.current(&self.app.handlers).takes_parts()
    }

    /// The handlers that most apps do not set.
    fn more(&mut self) -> Option<&MoreHandlers> {
        self.handlers().and_then(Handlers::more)
    }

    /// Whether the user wants to be asked before each attempt.
    pub fn has_on_connecting(&mut self) -> bool {
        self.more().is_some_and(|more| more.connecting.is_some())
    }

    /// Without a function the app connects now.
    pub fn on_connecting(&mut self, attempt: &UpcomingAttempt<'_>) -> Decision {
        match self.more().and_then(|more| more.connecting.as_ref()) {
            Some(connecting) => connecting(attempt),
            None => Decision::Connect(Arc::clone(attempt.options)),
        }
    }

    pub fn on_open(&mut self, is_first: bool) {
        let Some(handlers) = self.handlers() else {
            return;
        };
        let reconnect = handlers.more().and_then(|more| more.reconnect.as_ref());
        let reconnect = reconnect.filter(|_| !is_first);
        if let Some(open) = reconnect.or(handlers.open.as_ref()) {
            open();
        }
    }

    pub fn on_error(&mut self, error: &Error, retry: Option<Duration>) {
        let handler = self.handlers().and_then(|handlers| handlers.error.as_ref());
        if let Some(on_error) = handler {
            on_error(error, retry);
        }
    }

    /// Called without a lock, after the connection has ended; also after an abort.
    pub fn on_close(&mut self, info: &CloseInfo<'_>, unsent: Unsent) {
        if self.app.is_freed() || self.driver_lock.is_retired() {
            return;
        }
        if let Some(close) = &self.cache.current(&self.app.handlers).close {
            close(info, unsent);
        }
    }

    /// Delivers the message or part that `reader` has received; to on_messages also those that can
    /// be lent together with it.
    pub fn on_data(&mut self, reader: &mut Reader) {
        let Some(mut handlers) = self.handlers() else {
            return;
        };
        let data = handlers.more().and_then(|more| more.data.as_ref());
        let sees_each = data.is_some();
        if let Some(data) = data {
            data(&reader.message());
            match self.handlers() {
                Some(current) => handlers = current,
                None => return,
            }
        }
        let more = handlers.more();
        let part = more.and_then(|more| more.part.as_ref());
        let messages = more.and_then(|more| more.messages.as_ref());
        match (part, messages, &handlers.message) {
            (None, Some(take), _) => take(&mut |put| {
                let mut wants_more = put(&reader.message()) && !sees_each;
                while wants_more {
                    match reader.next_beside(Delivery::Messages) {
                        Some(message) => wants_more = put(&message),
                        None => return,
                    }
                }
            }),
            (Some(take), ..) | (None, None, Some(take)) => take(&reader.message()),
            (None, None, None) => {}
        }
    }

    pub fn on_ping(&mut self, message: &Message<'_>) {
        let handler = self.more().and_then(|more| more.ping.as_ref());
        if let Some(ping) = handler {
            ping(message);
        }
    }

    pub fn on_pong(&mut self, message: &Message<'_>) {
        let handler = self.more().and_then(|more| more.pong.as_ref());
        if let Some(pong) = handler {
            pong(message);
        }
    }

    pub fn on_drain(&mut self) {
        let handler = self.more().and_then(|more| more.drain.as_ref());
        if let Some(drain) = handler {
            drain();
        }
    }
}
