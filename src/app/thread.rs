// SPDX-License-Identifier: Apache-2.0
//! Runs an app without a loop of the user's, until it has ended, on this thread or on one of its
//! own.

use super::client::App;
use super::event_loop::EventLoop;
use crate::base::error::{Error, Kind};
use crate::base::sync::Arc;
use crate::net::thread;

impl App {
    /// Drives the app on this thread; returns how it ended.
    pub fn run(self: &Arc<Self>) -> Result<(), Error> {
        let event_loop = EventLoop::new()?;
        event_loop.add(self)?;
        event_loop.run()?;
        self.outcome()
    }

    /// Drives the app on a thread of its own.
    pub fn start(self: &Arc<Self>) -> Result<(), Error> {
        let event_loop = EventLoop::new()?;
        event_loop.add(self)?;
        let work = move || {
            // If the loop itself fails, its apps end when it is dropped.
            let _ = event_loop.run();
        };
        let thread = thread::start("wsline-app", work)
            .map_err(|error| Error::os(Kind::Io, "start a thread for the app", &error))?;
        self.set_thread(thread);
        Ok(())
    }
}
