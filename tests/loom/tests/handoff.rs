// SPDX-License-Identifier: Apache-2.0
//! No thread waits for a free handoff, and two never hold it. If one waits, loom detects a
//! deadlock.

use loom::thread;
use wsline_loom::base::sync::{Arc, AtomicBool, MutexGuard, Ordering};
use wsline_loom::net::wake::Wake;
use wsline_loom::handoff::Handoff;

/// What the handoff protects.
struct Reader {
    is_in_use: AtomicBool,
}

impl Reader {
    fn read(&mut self) {
        assert!(!self.is_in_use.swap(true, Ordering::Relaxed));
        self.is_in_use.swap(false, Ordering::Relaxed);
    }
}

fn explore(model: impl Fn(Arc<Handoff<Reader>>) + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(4));
    builder.check(move || {
        let is_in_use = AtomicBool::new(false);
        model(Arc::new(Handoff::new(Reader { is_in_use })));
    });
}

fn start(handoff: &Arc<Handoff<Reader>>, work: fn(&Handoff<Reader>)) -> thread::JoinHandle<()> {
    let handoff = Arc::clone(handoff);
    thread::spawn(move || work(&handoff))
}

/// Like `Connection::receive` in `conn/blocking.rs`.
fn receive(handoff: &Handoff<Reader>) {
    let mut reader = take_busy_reader(handoff).expect("nobody else receives");
    reader.read();
    handoff.release(reader);
}

/// Like `Open::take_busy_reader`.
fn take_busy_reader(handoff: &Handoff<Reader>) -> Option<MutexGuard<'_, Reader>> {
    loop {
        if let Some(reader) = handoff.try_take() {
            return Some(reader);
        }
        if !handoff.has_priority_waiters() {
            return handoff.try_take();
        }
        if let Some(reader) = handoff.wait(None) {
            return Some(reader);
        }
    }
}

/// Like `Connection::close`: one read for the closing handshake.
fn close(handoff: &Handoff<Reader>) {
    handoff.as_priority_waiter(|| await_close(handoff, || false));
}

/// Like a close that finds the closing handshake completed.
fn close_late(handoff: &Handoff<Reader>) {
    handoff.as_priority_waiter(|| linger(handoff));
}

/// Like `Open::await_close`.
fn await_close(handoff: &Handoff<Reader>, is_over: impl Fn() -> bool) {
    while !is_over() {
        if let Some(mut reader) = handoff.wait(None) {
            reader.read();
            return handoff.release(reader);
        }
    }
}

/// Like `Open::linger`.
fn linger(handoff: &Handoff<Reader>) {
    if let Some(mut reader) = handoff.try_take() {
        reader.read();
        handoff.release(reader);
    }
}

#[test]
fn a_closer_waits_for_a_receiver() {
    explore(|handoff| {
        let receiver = start(&handoff, |handoff| {
            linger(handoff);
            linger(handoff);
        });
        close(&handoff);
        receiver.join().unwrap();
    });
}

#[test]
fn two_closers_wait_for_a_receiver() {
    explore(|handoff| {
        let receiver = start(&handoff, linger);
        let closer = start(&handoff, close);
        close(&handoff);
        receiver.join().unwrap();
        closer.join().unwrap();
    });
}

#[test]
fn a_receiver_waits_for_a_closer() {
    explore(|handoff| {
        let receiver = start(&handoff, receive);
        close(&handoff);
        receiver.join().unwrap();
    });
}

#[test]
fn a_receiver_waits_for_a_late_closer() {
    explore(|handoff| {
        let receiver = start(&handoff, receive);
        close_late(&handoff);
        receiver.join().unwrap();
    });
}

/// Like `Open::end_with` in `conn/connection.rs`: ending the connection ends the read and the wait
/// after it.
#[test]
fn the_connection_ends_while_a_closer_waits() {
    explore(|handoff| {
        let is_over = Arc::new(AtomicBool::new(false));
        let socket = Arc::new(Wake::new());
        let mut reader = handoff.try_take().expect("nobody else is there");
        let closer = {
            let (handoff, is_over) = (Arc::clone(&handoff), Arc::clone(&is_over));
            thread::spawn(move || {
                handoff.as_priority_waiter(|| await_close(&handoff, || is_over.load(Ordering::Acquire)));
            })
        };
        let ender = {
            let (handoff, socket) = (Arc::clone(&handoff), Arc::clone(&socket));
            thread::spawn(move || {
                is_over.store(true, Ordering::Release);
                socket.signal();
                handoff.wake_all();
            })
        };
        socket.wait(true);
        reader.read();
        handoff.release(reader);
        closer.join().unwrap();
        ender.join().unwrap();
    });
}

/// However the first call of `watch` meets a receive, the watcher sees the value as it was released
/// last.
#[test]
fn a_watcher_sees_the_value_that_was_released_last() {
    explore(|handoff| {
        let seen = Arc::new(AtomicBool::new(false));
        let reader = handoff.try_take().expect("nobody else is there");
        let watcher = {
            let (handoff, seen) = (Arc::clone(&handoff), Arc::clone(&seen));
            thread::spawn(move || {
                handoff.watch(Box::new(move |reader, _| {
                    seen.store(reader.is_in_use.load(Ordering::Relaxed), Ordering::Relaxed);
                }));
            })
        };
        reader.is_in_use.store(true, Ordering::Relaxed);
        handoff.release(reader);
        watcher.join().unwrap();
        assert!(seen.load(Ordering::Relaxed));
    });
}

/// Like `Open::take_busy_reader` in `conn/blocking.rs`: a thread that finds the value taken by one
/// that only looks has either got it in the end, or the watcher is told.
#[test]
fn a_watcher_is_told_of_a_thread_that_was_turned_away() {
    explore(|handoff| {
        let told = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&told);
        handoff.watch(Box::new(move |_, has_turned_away| {
            if has_turned_away {
                seen.store(true, Ordering::Relaxed);
            }
        }));
        let looker = start(&handoff, linger);
        handoff.note_turned_away();
        let taken = handoff.try_take();
        let is_taken = taken.is_some();
        if let Some(reader) = taken {
            handoff.release(reader);
        }
        looker.join().unwrap();
        assert!(is_taken || told.load(Ordering::Relaxed));
    });
}
