// SPDX-License-Identifier: Apache-2.0
//! The Rust side of `race.c`.

use std::sync::{Barrier, Mutex};
use std::thread;

static mut COUNT: u32 = 0;
static LOCK: Mutex<()> = Mutex::new(());

/// Two threads count: a data race, unless they hold a lock.
#[unsafe(no_mangle)]
pub extern "C" fn race_in_rust(locked: bool) {
    // Without it, the second thread would often start after the first has ended, which is no race.
    let both = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                both.wait();
                let _guard = locked.then(|| LOCK.lock());
                // SAFETY: it is none. That is to be found out.
                unsafe { COUNT += 1 }
            });
        }
    });
}
