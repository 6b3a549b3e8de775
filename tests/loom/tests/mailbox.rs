// SPDX-License-Identifier: Apache-2.0
//! No command stays in the mailbox while the driver sleeps and nothing wakes it. If one does, loom
//! detects a deadlock.

use loom::thread;
use wsline_loom::base::sync::{Arc, AtomicBool, Ordering};
use wsline_loom::mailbox::Mailbox;
use wsline_loom::net::wake::Wake;

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(4));
    builder.check(model);
}

/// Like `Reactor::turn` in `app/reactor.rs`: returns the commands that the turn found.
fn turn(mailbox: &Mailbox<u32>, may_wait: bool) -> Vec<u32> {
    let is_signaled = mailbox.wake().wait(may_wait);
    mailbox.woke_up(is_signaled);
    let commands = mailbox.take();
    mailbox.prepare_to_wait();
    commands
}

/// Like `EventLoop::run`, until there are `count` commands, in the order of their arrival.
fn drive(mailbox: &Mailbox<u32>, count: usize) -> Vec<u32> {
    let mut commands = turn(mailbox, false);
    while commands.len() < count {
        commands.extend(turn(mailbox, true));
    }
    commands
}

#[test]
fn two_commands_from_one_thread() {
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
fn one_command_from_each_of_two_threads() {
    explore(|| {
        let mailbox = Arc::new(Mailbox::new(Wake::new()));
        let posters = [1, 2].map(|command| {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.post(command))
        });
        let mut commands = drive(&mailbox, 2);
        commands.sort_unstable();
        assert_eq!(commands, [1, 2]);
        for poster in posters {
            poster.join().unwrap();
        }
    });
}

/// Like `EventLoop::stop` while another thread posts: the driver checks before each wait.
#[test]
fn a_stop_together_with_a_command() {
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
