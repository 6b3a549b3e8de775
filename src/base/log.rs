// SPDX-License-Identifier: Apache-2.0
//! The process-wide log. While no sink is set, a line costs one relaxed load.

use super::memory;
use super::process::PerProcess;
use super::sync::{Arc, AtomicU32, Mutex, Ordering};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Error = 1,
    Warn,
    Info,
    Debug,
    /// Handshake heads and every frame.
    Trace,
}

/// The lines of requests and responses can have any length.
const MAX_LINE_BYTES: usize = 2000;

impl Level {
    pub const OFF: u32 = 0;
}

pub type Sink = Arc<dyn Fn(Level, &str) + Send + Sync>;

static LEVEL: AtomicU32 = AtomicU32::new(Level::OFF);
static SINK: PerProcess<Mutex<Option<Sink>>> = PerProcess::new();

/// Sends lines up to `level` to `sink` from now on; `None` turns the log off. The old sink is
/// dropped outside the lock, because that may run the user's code.
pub fn set(sink: Option<(Level, Sink)>) {
    let (level, sink) = match sink {
        Some((level, sink)) => (level as u32, Some(sink)),
        None => (Level::OFF, None),
    };
    let old = {
        let mut place = sink_of_process().lock();
        LEVEL.store(level, Ordering::Relaxed);
        std::mem::replace(&mut *place, sink)
    };
    drop(old);
}

pub fn is_on(level: Level) -> bool {
    level as u32 <= LEVEL.load(Ordering::Relaxed)
}

/// Passes one line to the sink. Call [`is_on`] first if the line is expensive to build.
pub fn write(level: Level, line: fmt::Arguments<'_>) {
    if !is_on(level) {
        return;
    }
    // The sink is the user's code, so it runs outside the lock.
    let sink = sink_of_process().lock().clone();
    if let Some(sink) = sink {
        sink(level, &memory::truncated(line, MAX_LINE_BYTES));
    }
}

/// A child process inherits its parent's sink, unless a thread of the parent was changing it during
/// the fork.
fn sink_of_process() -> &'static Mutex<Option<Sink>> {
    SINK.get_or_make(|inherited| {
        let inherited = inherited.and_then(Mutex::try_lock);
        Mutex::new(inherited.and_then(|sink| sink.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_above_the_level_are_dropped_and_the_sink_is_released() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&lines);
        set(Some((
            Level::Info,
            Arc::new(move |level, line: &str| into.lock().push((level, line.to_owned()))),
        )));
        write(Level::Info, format_args!("kept"));
        write(Level::Debug, format_args!("dropped"));
        set(None);
        write(Level::Error, format_args!("nobody listens"));
        assert_eq!(*lines.lock(), [(Level::Info, "kept".to_owned())]);
        assert_eq!(Arc::strong_count(&lines), 1);
    }
}
