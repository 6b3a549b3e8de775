// SPDX-License-Identifier: Apache-2.0
//! The process-wide log. Silent until a sink is set; one relaxed load per line while it is.

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

/// The request and the response have lines of any length.
const MAX_LINE_BYTES: usize = 2000;

impl Level {
    pub const OFF: u32 = 0;
}

pub type Sink = Arc<dyn Fn(Level, &str) + Send + Sync>;

static LEVEL: AtomicU32 = AtomicU32::new(Level::OFF);
static SINK: PerProcess<Mutex<Option<Sink>>> = PerProcess::new();

/// Lines up to `level` go to `sink` from now on; `None` ends it. The old sink is dropped outside
/// the lock.
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

/// Hands one line to the sink. Call [`is_on`] first where making the line costs something.
pub fn write(level: Level, line: fmt::Arguments<'_>) {
    if !is_on(level) {
        return;
    }
    // The sink is the user's code: it runs on a reference of its own, outside the lock.
    let sink = sink_of_process().lock().clone();
    if let Some(sink) = sink {
        sink(level, &memory::cut(line, MAX_LINE_BYTES));
    }
}

/// A child begins with its parent's sink, unless a thread of the parent's was just changing it.
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
