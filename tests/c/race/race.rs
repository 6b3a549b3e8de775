// SPDX-License-Identifier: Apache-2.0
//! The Rust side of `race.c`.

use std::sync::{Barrier, Mutex};
use std::thread;

static mut COUNT: u32 = 0;
static LOCK: Mutex<()> = Mutex::new(());

/// Two threads increment a counter: a data race, unless they hold a lock.
#[unsafe(no_mangle)]
pub extern "C" fn race_in_rust(locked: bool) {
    // Without the barrier, the second thread would often start after the first has ended, so that
    // no race occurs.
    let both = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                both.wait();
                let _guard = locked.then(|| LOCK.lock());
                // SAFETY: this is unsound on purpose; ThreadSanitizer must report it.
                unsafe { COUNT += 1 }
            });
        }
    });
}
