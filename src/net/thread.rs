// SPDX-License-Identifier: Apache-2.0
//! Threads of the library's own.

use super::sys;
use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread that takes no signals: the host's handlers keep running on the host's own
/// threads.
pub fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let builder = Builder::new().name(name.to_owned());
    sys::without_signals(|| builder.spawn(work))
}
