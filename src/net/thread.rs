// SPDX-License-Identifier: Apache-2.0
//! The library's own threads.

use super::sys;
use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread with all signals blocked, so that the host's handlers run only on the host's own
/// threads.
pub fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let builder = Builder::new().name(name.to_owned());
    sys::without_signals(|| builder.spawn(work))
}
