// SPDX-License-Identifier: Apache-2.0
//! Threads with priority and threads that wait for them: all of them get the lock in the end. A
//! lost wake-up is a deadlock for loom.

use loom::thread;
use wsline_loom::base::priority::PriorityMutex;
use wsline_loom::base::sync::{Arc, AtomicU32, MAX_PASSED_OVER, Ordering};

struct Model {
    lock: PriorityMutex<u32>,
    inside: AtomicU32,
}

impl Model {
    fn enter(&self, count: &mut u32) {
        assert_eq!(self.inside.swap(1, Ordering::Relaxed), 0);
        *count += 1;
        self.inside.store(0, Ordering::Relaxed);
    }

    fn send(&self) {
        self.enter(&mut self.lock.lock());
    }

    fn answer(&self) {
        self.enter(&mut self.lock.lock_ahead());
    }
}

fn explore(sends: u32, answering: u32) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(move || {
        let model = Arc::new(Model {
            lock: PriorityMutex::new(0),
            inside: AtomicU32::new(0),
        });
        let threads: Vec<_> = (0..answering)
            .map(|_| {
                let model = Arc::clone(&model);
                thread::spawn(move || model.answer())
            })
            .collect();
        for _ in 0..sends {
            model.send();
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*model.lock.lock(), sends + answering);
    });
}

#[test]
fn a_thread_overtakes_a_sender() {
    explore(MAX_PASSED_OVER + 2, 1);
}

#[test]
fn two_threads_overtake_a_sender() {
    explore(MAX_PASSED_OVER + 1, 2);
}
