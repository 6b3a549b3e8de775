// SPDX-License-Identifier: Apache-2.0
//! What any thread requests of the one that drives an app: to end, to connect again or elsewhere.

use super::client::{
    App, END_REQUESTED, EndRequest, INTERRUPTED, MUTED, PAUSE_CHANGED, PAUSED, PROCEED, not_driven,
};
use crate::base::error::Error;
use crate::base::sync::{Arc, AtomicU64, Ordering};
use crate::conn::options::Options;
use crate::conn::send::outbound::Outbound;
use crate::protocol::ws::close::CloseFrame;
use crate::protocol::ws::sender::Frame;

impl App {
    /// Begins the closing handshake. If the app is not driven yet, the first run ends at once; if
    /// it has ended, does nothing.
    pub fn close(&self, frame: &CloseFrame) {
        if self.request_end(EndRequest::Close(Box::new(frame.clone()))) {
            self.submit_close(frame, false);
        }
    }

    /// Closes the connection, and makes the driver reconnect.
    pub fn reconnect(&self, frame: &CloseFrame) -> Result<(), Error> {
        let mut state = self.state.lock();
        if state.driver.is_none() {
            return Err(not_driven());
        }
        if state.end_request.is_none() {
            state.end_request = Some(EndRequest::Reconnect(Box::new(frame.clone())));
            self.flags.fetch_or(END_REQUESTED, Ordering::SeqCst);
        }
        drop(state);
        self.submit_close(frame, true);
        Ok(())
    }

    /// Stops reading, until [`App::resume`] or the end of the connection is requested.
    pub fn pause(&self) {
        self.flags
            .fetch_or(PAUSED | PAUSE_CHANGED, Ordering::SeqCst);
        self.wake_driver();
    }

    pub fn resume(&self) {
        self.end_pause();
        self.wake_driver();
    }

    /// Where the driver is woken for another reason.
    fn end_pause(&self) {
        if self.flags.fetch_and(!PAUSED, Ordering::SeqCst) & PAUSED != 0 {
            self.flags.fetch_or(PAUSE_CHANGED, Ordering::SeqCst);
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & PAUSED != 0
    }

    /// Whether the user has paused or resumed since the last call.
    pub(super) fn take_pause_change(&self) -> bool {
        self.flags.fetch_and(!PAUSE_CHANGED, Ordering::SeqCst) & PAUSE_CHANGED != 0
    }

    /// Makes the driver ask the user again whether to connect.
    pub fn proceed(&self) {
        self.flags.fetch_or(PROCEED, Ordering::SeqCst);
        self.wake_driver();
    }

    /// For the next attempt.
    pub fn set_url(&self, url: &str) -> Result<(), Error> {
        self.target.lock().set_url(url)
    }

    /// For the next attempt.
    pub fn set_options(&self, options: Arc<Options>) {
        let replaced = std::mem::replace(&mut self.target.lock().options, options);
        // What it ends is the user's to free, which may call any function.
        drop(replaced);
    }

    /// Ends the app now, in any phase.
    pub fn abort(&self) {
        if self.request_end(EndRequest::Abort) {
            self.drop_connection();
        }
    }

    /// Like [`App::abort`], but async-signal-safe: the driver does the work. If no thread drives
    /// the app, the next run ends at once.
    pub fn interrupt(&self) {
        self.flags.fetch_or(INTERRUPTED, Ordering::SeqCst);
        INTERRUPTS.fetch_add(1, Ordering::SeqCst);
        self.driver_wake.signal();
    }

    #[inline]
    pub(super) fn end_request(&self) -> Option<EndRequest> {
        if self.may_have_end_request() {
            self.known_end_request()
        } else {
            None
        }
    }

    /// Whether there may be an [`EndRequest`].
    #[inline]
    pub(super) fn may_have_end_request(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & (END_REQUESTED | INTERRUPTED | PAUSE_CHANGED) != 0
    }

    #[cold]
    fn known_end_request(&self) -> Option<EndRequest> {
        let state = self.state.lock();
        if state.is_freed || self.is_interrupted() {
            Some(EndRequest::Abort)
        } else {
            state.end_request.clone()
        }
    }

    pub(super) fn clear_proceed(&self) {
        self.flags.fetch_and(!PROCEED, Ordering::SeqCst);
    }

    pub(super) fn may_proceed(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & PROCEED != 0
    }

    /// Whether the user has asked for the end of the app, not only of its connection.
    pub(super) fn is_ending(&self) -> bool {
        let request = self.end_request();
        request.is_some_and(|request| !matches!(request, EndRequest::Reconnect(_)))
    }

    pub(super) fn is_aborted(&self) -> bool {
        self.end_request() == Some(EndRequest::Abort)
    }

    /// Takes a request to reconnect; another one stays.
    pub(super) fn take_reconnect_request(&self) {
        let mut state = self.state.lock();
        if let Some(EndRequest::Reconnect(_)) = state.end_request {
            state.end_request = None;
            if !state.is_freed {
                self.flags.fetch_and(!END_REQUESTED, Ordering::SeqCst);
            }
        }
    }

    /// False if there is nothing to end.
    fn request_end(&self, end_request: EndRequest) -> bool {
        let mut state = self.state.lock();
        if state.driver.is_none() && state.outcome.is_some() {
            return false;
        }
        if end_request == EndRequest::Abort {
            // Under the lock, or the end of this run could reset a flag that is meant for the next.
            self.flags.fetch_or(MUTED, Ordering::SeqCst);
        }
        if state.end_request != Some(EndRequest::Abort) {
            state.end_request = Some(end_request);
            self.flags.fetch_or(END_REQUESTED, Ordering::SeqCst);
        }
        true
    }

    fn submit_close(&self, frame: &CloseFrame, reconnects: bool) {
        // The closing handshake must be read.
        self.end_pause();
        let payload = frame.payload();
        let message = Outbound::uncompressed(Frame::Close, &payload);
        // The driver notices, too, if the connection is closed already or nothing can be sent.
        let _ = self.on_link(|link| {
            self.close_after_waiting(link, reconnects, || {
                let _ = self.submit_to(link, &message, u64::MAX);
            });
            Ok(())
        });
        self.wake_driver();
    }
}

/// Counts the calls of [`App::interrupt`] in this process: a signal handler cannot tell a driver
/// which app it means.
static INTERRUPTS: AtomicU64 = AtomicU64::new(0);

/// A driver that is woken checks all of its apps if this has changed.
pub(super) fn interrupts() -> u64 {
    INTERRUPTS.load(Ordering::SeqCst)
}
