// SPDX-License-Identifier: Apache-2.0
//! Sending with an app, from any thread: on its connection, into its queue, and waiting for that.

use super::client::{App, not_connected};
use crate::base::deadline::Timeout;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::{Arc, Ordering};
use crate::conn::link::Link;
use crate::conn::send::outbound::{Outbound, WhenFull};
use crate::conn::wait_budget::WaitBudget;
use crate::net::sys;

impl App {
    /// `name` is the caller's name of the payload, for errors.
    pub fn send(&self, message: &Outbound<'_>, name: &str) -> Result<(), Error> {
        let sent = self.on_link(|link| {
            if link.options.check_utf8 {
                message.check_utf8(name)?;
            }
            if link.options.message_queue.is_some() {
                return sys::without_cancellation(|| self.send_queued(message));
            }
            self.submit_to(link, message, link.options.send_queue_limit)
        });
        sent.or_else(|error| match error.kind() {
            Kind::WrongState => self.send_without_connection(message, name),
            _ => Err(error),
        })
    }

    /// An invalid argument is reported as one.
    #[cold]
    fn send_without_connection(&self, message: &Outbound<'_>, name: &str) -> Result<(), Error> {
        if self.target().options.check_utf8 {
            message.check_utf8(name)?;
        }
        sys::without_cancellation(|| self.queue_for_next(message))
    }

    /// Keeps data from now on, until [`App::uncork`] or the end of the connection.
    pub fn cork(&self) -> Result<(), Error> {
        self.on_link(|link| {
            if link.writer().is_ending()
                || self.with_queue(|queue| queue.waiting().cork()).is_none()
            {
                return link.writer().cork();
            }
            Ok(())
        })
    }

    /// Sends or queues the corked messages.
    pub fn uncork(&self) -> Result<(), Error> {
        self.on_link(|link| {
            if self.with_queue(|queue| queue.waiting().uncork()).is_some() {
                sys::without_cancellation(|| self.pass_waiting());
            }
            let uncorked = link.writer().uncork(WhenFull::Queue { limit: u64::MAX });
            self.announce(link);
            uncorked.map_err(|error| error.or_in_phase(Phase::Open))
        })
    }

    /// Waits until the system has accepted all that is queued or corked.
    pub fn flush(&self, timeout: Timeout) -> Result<(), Error> {
        let mut budget = WaitBudget::new(timeout);
        let link = self.connection.link();
        if let Some(link) = &link {
            link.writer().end_batch();
            self.announce(link);
            if self
                .with_queue(|queue| queue.waiting().release_corked())
                .is_some()
            {
                self.pass_waiting();
            }
        }
        let mut state = self.state.lock();
        state.check_not_driving()?;
        // The driver notifies after each step as long as a thread is counted here.
        self.waiting_for_work.fetch_add(1, Ordering::SeqCst);
        let result = loop {
            let unsent = match self.left_to_send(link.as_ref()) {
                Ok(0) => break Ok(()),
                Ok(unsent) => unsent,
                Err(error) => break Err(error),
            };
            if budget.is_over() {
                let message = format!("{unsent} bytes were not sent in time");
                break Err(Error::new(Kind::Timeout, message).in_phase(Phase::Open));
            }
            state = self.state_changed.wait(state, budget.remaining());
        };
        self.waiting_for_work.fetch_sub(1, Ordering::SeqCst);
        result
    }

    /// For a flush that began with `link`. Fails if the rest will not be sent.
    fn left_to_send(&self, link: Option<&Arc<Link>>) -> Result<u64, Error> {
        if self.keeps_messages() {
            return Ok(self.send_queue_bytes());
        }
        let link = link.ok_or_else(not_connected)?;
        let unsent = self.queued_bytes(Some(link));
        let is_sent = unsent == 0 && link.options.message_queue.is_none();
        if is_sent || self.connection.is_link(link) && link.writer().is_open() {
            return Ok(unsent);
        }
        Err(link.end())
    }

    /// What is queued and has not been passed to the system yet.
    pub fn send_queue_bytes(&self) -> u64 {
        let link = self.connection.link();
        self.queued_bytes(link.as_deref())
    }

    #[inline]
    pub(super) fn submit_to(
        &self,
        link: &Link,
        message: &Outbound<'_>,
        limit: u64,
    ) -> Result<(), Error> {
        let submitted = link.writer().send(message, WhenFull::Queue { limit });
        self.announce(link);
        submitted.map_err(|error| error.or_in_phase(Phase::Open))
    }

    /// Runs a call on the open connection, which may end meanwhile.
    pub(super) fn on_link(
        &self,
        work: impl FnOnce(&Link) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let link = self.connection.link().ok_or_else(not_connected)?;
        let result = work(&link);
        sys::release(link);
        result
    }

    /// Wakes the driver if something is pending, so that it watches for room.
    fn announce(&self, link: &Link) {
        if link.writer().take_watch() {
            self.wake_driver();
        }
    }
}
