// SPDX-License-Identifier: Apache-2.0
//! When an app connects, to which server, and with which options.

use super::callbacks::Callbacks;
use super::client::App;
use super::handlers::{Decision, UpcomingAttempt};
use super::open_connection::End;
use super::retryable::{concerns_credentials, is_retryable};
use super::target::Servers;
use crate::base::error::{Error, Kind, Phase};
use crate::base::memory::Text;
use crate::base::sync::Arc;
use crate::conn::options::{Options, Supplied};
use crate::conn::send::keys::Keys;
use crate::protocol::backoff::{Backoff, BackoffOptions};
use std::time::Duration;

pub(super) struct Attempts {
    servers: Servers,
    backoff: Backoff,
    /// Of the current attempt or connection.
    pub(super) options: Arc<Options>,
    /// Since the app was connected.
    number: u64,
    last_error: Option<Error>,
    /// The user is asked before each attempt, and may use other credentials then.
    asks: bool,
    /// The user has asked for the next attempt.
    is_requested: bool,
}

pub(super) enum NextAttempt {
    Connect(Text),
    /// Ask again when the user says so.
    Later,
    GiveUp(Error),
    /// The app was closed, aborted or freed when the user was asked.
    End,
}

impl Attempts {
    pub(super) fn new(app: &App) -> Self {
        let options = app.target().options;
        Self {
            servers: Servers::default(),
            backoff: Backoff::new(&options.reconnect),
            options,
            number: 0,
            last_error: None,
            asks: false,
            is_requested: false,
        }
    }

    /// What to do now that an attempt is due.
    pub(super) fn next(&mut self, callbacks: &mut Callbacks<'_>) -> NextAttempt {
        let app = callbacks.app;
        let target = app.target();
        let url = self.servers.next(&target);
        self.asks = callbacks.has_on_connecting();
        if !self.asks {
            self.number += 1;
            self.options = target.options;
            return NextAttempt::Connect(url);
        }
        // Before the user is asked, who may call proceed() before the answer is known here.
        app.clear_proceed();
        let decision = callbacks.on_connecting(&UpcomingAttempt {
            number: self.number + 1,
            url: &url,
            error: self.last_error.as_ref(),
            options: &target.options,
        });
        if app.is_ending() {
            return NextAttempt::End;
        }
        match decision {
            Decision::Connect(options) => {
                self.number += 1;
                self.options = options;
                let now = app.target();
                if now.has_url_of(&target) {
                    return NextAttempt::Connect(url);
                }
                self.servers.restart();
                NextAttempt::Connect(self.servers.next(&now))
            }
            Decision::Later => {
                self.servers.put_back();
                NextAttempt::Later
            }
            Decision::GiveUp => {
                let gave_up = || Error::new(Kind::Aborted, "on_connecting gave up");
                let error = self.last_error.clone();
                NextAttempt::GiveUp(error.unwrap_or_else(gave_up).or_in_phase(Phase::Connect))
            }
        }
    }

    /// The number of the current attempt.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn note_open(&mut self) {
        self.servers.note_open();
        self.number = 0;
        self.last_error = None;
    }

    pub(super) fn note_open_for(&mut self, span: Duration) {
        self.backoff.note_open_for(span, &self.options.reconnect);
    }

    /// The next attempt is made whether or not reconnecting is enabled.
    pub(super) fn request(&mut self) {
        self.is_requested = true;
    }

    /// The time until the next attempt; `None` if there is none.
    pub(super) fn retry(
        &mut self,
        end: &End,
        retry_after_span: Option<Duration>,
        is_ending: bool,
    ) -> Option<Duration> {
        let is_requested = std::mem::take(&mut self.is_requested);
        self.last_error = end.as_ref().err().cloned();
        let may_succeed = |error: &Error| {
            self.options.reconnect_always
                || is_retryable(error)
                || self.asks && concerns_credentials(error)
        };
        let may_succeed = end.as_ref().err().is_none_or(may_succeed);
        let has_more = self.servers.note_failure(may_succeed);
        // What the caller supplies serves only one connection, but on_connecting may supply another
        // transport. A used one is refused then; a used socket would be tried again and again.
        let may_have_another = match &self.options.supplied {
            None => true,
            Some(Supplied::Transport(_)) => self.asks,
            Some(Supplied::Socket(_)) => false,
        };
        if is_ending || !may_have_another {
            return None;
        }
        if has_more {
            return Some(Duration::ZERO);
        }
        if !self.servers.is_retryable() {
            return None;
        }
        let options = BackoffOptions {
            is_enabled: self.options.reconnect.is_enabled || is_requested,
            ..self.options.reconnect.clone()
        };
        let random = Keys::new().map_or(0.0, |mut keys| keys.fraction());
        self.backoff.next(&options, random, retry_after_span)
    }
}
