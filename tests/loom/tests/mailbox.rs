// SPDX-License-Identifier: Apache-2.0
//! No letter lies in the box while the driver sleeps and nothing wakes it. Where one does, loom
//! finds that all threads wait.

use loom::thread;
use wsline_loom::base::sync::{Arc, AtomicBool, Ordering};
use wsline_loom::mailbox::Mailbox;
use wsline_loom::net::wake::Wake;

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(4));
    builder.check(model);
}

/// As `Reactor::turn` in `app/reactor.rs`: what the turn found in the box.
fn turn(mailbox: &Mailbox<u32>, may_wait: bool) -> Vec<u32> {
    let is_signaled = mailbox.wake().wait(may_wait);
    mailbox.woke_up(is_signaled);
    let letters = mailbox.take();
    mailbox.prepare_to_wait();
    letters
}

/// As `EventLoop::run`, until there are `count` letters: in the order in which they came.
fn drive(mailbox: &Mailbox<u32>, count: usize) -> Vec<u32> {
    let mut letters = turn(mailbox, false);
    while letters.len() < count {
        letters.extend(turn(mailbox, true));
    }
    letters
}

#[test]
fn two_letters_of_one_poster() {
    explore(|| {
        let mailbox = Arc::new(Mailbox::new(Wake::new()));
        let poster = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                mailbox.post(1);
                mailbox.post(2);
            })
        };
        assert_eq!(drive(&mailbox, 2), [1, 2]);
        poster.join().unwrap();
    });
}

#[test]
fn a_letter_each_of_two_posters() {
    explore(|| {
        let mailbox = Arc::new(Mailbox::new(Wake::new()));
        let posters = [1, 2].map(|letter| {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.post(letter))
        });
        let mut letters = drive(&mailbox, 2);
        letters.sort_unstable();
        assert_eq!(letters, [1, 2]);
        for poster in posters {
            poster.join().unwrap();
        }
    });
}

/// As `EventLoop::stop`, while another thread posts: the driver looks before each wait.
#[test]
fn a_stop_beside_a_letter() {
    explore(|| {
        let mailbox = Arc::new(Mailbox::new(Wake::new()));
        let is_stopped = Arc::new(AtomicBool::new(false));
        let poster = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.post(1))
        };
        let stopper = {
            let (mailbox, is_stopped) = (Arc::clone(&mailbox), Arc::clone(&is_stopped));
            thread::spawn(move || {
                is_stopped.store(true, Ordering::Release);
                mailbox.wake_driver();
            })
        };
        turn(&mailbox, false);
        while !is_stopped.load(Ordering::Acquire) {
            turn(&mailbox, true);
        }
        poster.join().unwrap();
        stopper.join().unwrap();
    });
}
