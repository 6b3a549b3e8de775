// SPDX-License-Identifier: Apache-2.0
//! Nobody waits for a seat that is free, and two never sit in it. Where one waits, loom finds that all threads do.

use loom::thread;
use wsline_loom::base::sync::{Arc, AtomicBool, MutexGuard, Ordering};
use wsline_loom::net::wake::Wake;
use wsline_loom::seat::Handoff;

/// What the seat is for.
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

fn start(seat: &Arc<Handoff<Reader>>, work: fn(&Handoff<Reader>)) -> thread::JoinHandle<()> {
    let seat = Arc::clone(seat);
    thread::spawn(move || work(&seat))
}

/// As `Open::take_reader` in `conn/blocking.rs`.
fn receive(seat: &Handoff<Reader>) {
    let mut reader = take_reader(seat).expect("nobody else receives");
    reader.read();
    seat.leave(reader);
}

fn take_reader(seat: &Handoff<Reader>) -> Option<MutexGuard<'_, Reader>> {
    loop {
        if let Some(reader) = seat.try_take() {
            return Some(reader);
        }
        if !seat.has_priority_waiters() {
            return seat.try_take();
        }
        if let Some(reader) = seat.wait(None) {
            return Some(reader);
        }
    }
}

/// As `Connection::close`: one read for the closing handshake.
fn close(seat: &Handoff<Reader>) {
    seat.as_priority_waiter(|| await_close(seat, || false));
}

/// As one that finds the closing handshake done.
fn close_late(seat: &Handoff<Reader>) {
    seat.as_priority_waiter(|| linger(seat));
}

/// As `Open::await_close`.
fn await_close(seat: &Handoff<Reader>, is_over: impl Fn() -> bool) {
    while !is_over() {
        if let Some(mut reader) = seat.wait(None) {
            reader.read();
            return seat.leave(reader);
        }
    }
}

/// As `Open::linger`.
fn linger(seat: &Handoff<Reader>) {
    if let Some(mut reader) = seat.try_take() {
        reader.read();
        seat.leave(reader);
    }
}

#[test]
fn a_closer_behind_a_receiver() {
    explore(|seat| {
        let receiver = start(&seat, |seat| {
            linger(seat);
            linger(seat);
        });
        close(&seat);
        receiver.join().unwrap();
    });
}

#[test]
fn two_closers_behind_a_receiver() {
    explore(|seat| {
        let receiver = start(&seat, linger);
        let closer = start(&seat, close);
        close(&seat);
        receiver.join().unwrap();
        closer.join().unwrap();
    });
}

#[test]
fn a_receiver_behind_a_closer() {
    explore(|seat| {
        let receiver = start(&seat, receive);
        close(&seat);
        receiver.join().unwrap();
    });
}

#[test]
fn a_receiver_behind_a_late_closer() {
    explore(|seat| {
        let receiver = start(&seat, receive);
        close_late(&seat);
        receiver.join().unwrap();
    });
}

/// As `Open::end_with` in `conn/connection.rs`: what ends the connection ends the read, and the wait behind it.
#[test]
fn an_end_while_a_closer_waits() {
    explore(|seat| {
        let is_over = Arc::new(AtomicBool::new(false));
        let socket = Arc::new(Wake::new());
        let mut reader = seat.try_take().expect("nobody else is there");
        let closer = {
            let (seat, is_over) = (Arc::clone(&seat), Arc::clone(&is_over));
            thread::spawn(move || {
                seat.as_priority_waiter(|| await_close(&seat, || is_over.load(Ordering::Acquire)));
            })
        };
        let ender = {
            let (seat, socket) = (Arc::clone(&seat), Arc::clone(&socket));
            thread::spawn(move || {
                is_over.store(true, Ordering::Release);
                socket.signal();
                seat.rouse();
            })
        };
        socket.wait(true);
        reader.read();
        seat.leave(reader);
        closer.join().unwrap();
        ender.join().unwrap();
    });
}
