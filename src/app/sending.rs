// SPDX-License-Identifier: Apache-2.0
//! Sending with an app, from any thread: on its connection, into its queue, and waiting for that.

use super::client::{App, not_connected};
use crate::base::deadline::Timeout;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::Ordering;
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
            self.submit_to(link, message, link.options.send_queue_limit)
        });
        sent.or_else(|error| self.blame_argument(error, message, name))
    }

    /// An invalid argument is reported as one even while there is no connection.
    #[cold]
    fn blame_argument(
        &self,
        error: Error,
        message: &Outbound<'_>,
        name: &str,
    ) -> Result<(), Error> {
        if error.kind() == Kind::WrongState && self.target().options.check_utf8 {
            message.check_utf8(name)?;
        }
        Err(error)
    }

    /// Keeps data from now on, until [`App::uncork`] or the end of the connection.
    pub fn cork(&self) -> Result<(), Error> {
        self.on_link(|link| link.writer().cork())
    }

    /// Sends or queues the corked messages.
    pub fn uncork(&self) -> Result<(), Error> {
        self.on_link(|link| {
            let uncorked = link.writer().uncork(WhenFull::Queue { limit: u64::MAX });
            self.announce(link);
            uncorked.map_err(|error| error.or_in_phase(Phase::Open))
        })
    }

    /// Waits until the system has accepted all that is queued or corked.
    pub fn flush(&self, timeout: Timeout) -> Result<(), Error> {
        let mut budget = WaitBudget::new(timeout);
        let link = self.connection.link().ok_or_else(not_connected)?;
        link.writer().end_batch();
        self.announce(&link);
        let mut state = self.state.lock();
        state.check_not_driving()?;
        // The driver notifies after each step as long as a thread is counted here.
        self.waiting_for_work.fetch_add(1, Ordering::SeqCst);
        let result = loop {
            let unsent = link.unsent().bytes;
            if unsent == 0 {
                break Ok(());
            }
            if !self.connection.is_link(&link) || !link.writer().is_open() {
                break Err(link.end());
            }
            if budget.is_over() {
                let message = format!("{unsent} bytes were not sent in time");
                break Err(Error::new(Kind::Timeout, message).in_phase(Phase::Open));
            }
            state = self.state_changed.wait(state, budget.remaining());
        };
        self.waiting_for_work.fetch_sub(1, Ordering::SeqCst);
        result
    }

    /// What is queued and has not been passed to the system yet.
    pub fn send_queue_bytes(&self) -> u64 {
        let link = self.connection.link();
        link.map_or(0, |link| link.writer().unsent_bytes())
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
