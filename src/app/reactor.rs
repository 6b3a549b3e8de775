// SPDX-License-Identifier: Apache-2.0
//! What the thread that drives a loop works with: the apps, what they wait for, and until when.

use super::client::{App, Command, LOOP_KEY, NO_KEY, interrupts};
use super::driver_lock::DriverLock;
use super::mailbox::Mailbox;
use super::runner::Runner;
use super::timers::Timers;
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind};
use crate::base::sync::Arc;
use crate::conn::link::aborted;
use crate::conn::receive::reader::ReadBuffers;
use crate::net::epoll::{Epoll, Events, Readiness};
use crate::net::poll::{Interest, Poll};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// The mailbox's in the set of descriptors; apps have smaller ones.
const MAILBOX_KEY: u64 = NO_KEY;

pub struct Reactor {
    epoll: Epoll,
    events: Events,
    mailbox: Arc<Mailbox<Command>>,
    driver_lock: Arc<DriverLock>,
    slots: Vec<AppSlot>,
    free: Vec<usize>,
    /// When to step which app; with [`TIMERS`] added to its key, when to call its timers.
    deadlines: BTreeSet<(Instant, u64)>,
    /// Those of the loop, and the next one in `deadlines`.
    timers: Arc<Timers>,
    next_timer: Deadline,
    memory: ReadBuffers,
    interrupts_seen: u64,
    /// How long a wait looks before it sleeps: as the app wants that wants it longest.
    spin: Duration,
    /// For a while what an app waits for.
    wanted: Poll,
}

/// The place of an app. A key names a place and who has it, so that news for one that has left
/// reach nobody else.
#[derive(Default)]
struct AppSlot {
    generation: u32,
    entry: Option<Box<Entry>>,
}

impl AppSlot {
    fn key(&self, index: usize) -> u64 {
        u64::from(self.generation) << 32 | index as u64
    }
}

struct Entry {
    runner: Runner,
    watched: Watched,
    deadline: Deadline,
    next_timer: Deadline,
}

/// The descriptors of an app that are watched. That of an open connection lies in here.
#[derive(Default)]
struct Watched {
    first: Option<Interest>,
    more: Vec<Interest>,
}

impl Watched {
    fn iter(&self) -> impl Iterator<Item = Interest> {
        self.first.iter().chain(&self.more).copied()
    }

    fn is_only(&self, interest: Interest) -> bool {
        self.first == Some(interest) && self.more.is_empty()
    }

    fn push(&mut self, interest: Interest) {
        match self.first {
            None => self.first = Some(interest),
            Some(_) => self.more.push(interest),
        }
    }

    /// Before what is watched may be closed: the system keeps watching what somebody else has, and
    /// numbers are used again.
    fn clear(&mut self, epoll: &Epoll) {
        for interest in std::mem::take(self).iter() {
            epoll.remove(interest.fd);
        }
    }
}

impl Reactor {
    pub fn new(
        epoll: Epoll,
        mailbox: Arc<Mailbox<Command>>,
        driver_lock: Arc<DriverLock>,
        timers: Arc<Timers>,
    ) -> io::Result<Self> {
        let wake = Interest {
            fd: mailbox.wake().as_raw_fd(),
            readable: true,
            writable: false,
        };
        epoll.add(wake, MAILBOX_KEY)?;
        Ok(Self {
            epoll,
            events: Events::default(),
            mailbox,
            driver_lock,
            slots: Vec::new(),
            free: Vec::new(),
            deadlines: BTreeSet::new(),
            timers,
            next_timer: Deadline::NEVER,
            memory: ReadBuffers::default(),
            interrupts_seen: interrupts(),
            spin: Duration::ZERO,
            wanted: Poll::default(),
        })
    }

    /// Closes the descriptors of a loop that was inherited and is never dropped.
    pub fn abandon(&self) {
        self.epoll.abandon();
        self.mailbox.wake().abandon();
    }

    /// No app is left to drive.
    pub fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// When to turn even if nothing has come.
    pub fn next_step(&self) -> Deadline {
        let first = self.deadlines.first();
        first.map_or(Deadline::NEVER, |(moment, _)| Deadline::at(*moment))
    }

    /// Waits for something to do, at most until `deadline`, and does it.
    pub fn turn(&mut self, deadline: Deadline) -> Result<(), Error> {
        let deadline = deadline.or_earlier(self.next_step());
        let mut events = std::mem::take(&mut self.events);
        let waited = self.epoll.wait(&mut events, deadline, self.spin);
        let is_roused = events.iter().any(|(key, _)| key == MAILBOX_KEY);
        self.mailbox.woke_up(is_roused);
        let now = Instant::now();
        for (key, ready) in events.iter() {
            self.step(key, ready, now);
        }
        self.events = events;
        if is_roused {
            self.look_for_interrupts(now);
        }
        self.read_commands(now);
        self.keep_time(now);
        if self.driver_lock.is_retired() {
            self.abort_all();
        }
        self.mailbox.prepare_to_wait();
        waited.map_err(|error| Error::os(Kind::Io, "wait for events", &error))
    }

    /// Lets go of all apps, without a word to them.
    pub fn abort_all(&mut self) {
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(index) else {
                continue;
            };
            let key = slot.key(index);
            if let Some(mut entry) = slot.entry.take() {
                entry.runner.abort_all();
                self.remove(key, entry, Err(aborted()));
            }
        }
        for command in self.mailbox.take() {
            if let Command::Add(app) = command {
                app.finish(Err(aborted()));
            }
        }
    }

    fn look_for_interrupts(&mut self, now: Instant) {
        let count = interrupts();
        if std::mem::replace(&mut self.interrupts_seen, count) == count {
            return;
        }
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get(index) else {
                continue;
            };
            let key = slot.key(index);
            let entry = slot.entry.as_ref();
            if entry.is_some_and(|entry| entry.runner.app().is_interrupted()) {
                self.step(key, Readiness::default(), now);
            }
        }
    }

    fn read_commands(&mut self, now: Instant) {
        if self.mailbox.is_empty() {
            return;
        }
        for command in self.mailbox.take() {
            match command {
                Command::Add(app) if self.driver_lock.is_retired() => app.finish(Err(aborted())),
                Command::Add(app) => self.add(app, now),
                Command::Look(key) => self.step(key, Readiness::default(), now),
                Command::Run(work) if !self.driver_lock.is_retired() => work(),
                Command::Run(_) => {}
                Command::Timers(key) => self.note_timers(key),
            }
        }
    }

    fn keep_time(&mut self, now: Instant) {
        if !self.next_step().has_passed(now) {
            return;
        }
        // What they set anew is for the next turn, so that none keeps this one going.
        let later = self.deadlines.split_off(&(now, MAILBOX_KEY));
        for (_, key) in std::mem::replace(&mut self.deadlines, later) {
            if key == LOOP_KEY {
                self.run_timers(now);
            } else if key & TIMERS != 0 {
                self.run_timers_of(key & !TIMERS, now);
            } else {
                if let Some(entry) = self.entry(key) {
                    entry.deadline = Deadline::NEVER;
                }
                self.step(key, Readiness::default(), now);
            }
        }
    }

    #[cold]
    fn run_timers(&mut self, now: Instant) {
        self.next_timer = Deadline::NEVER;
        let (timers, driver_lock) = (Arc::clone(&self.timers), Arc::clone(&self.driver_lock));
        timers.run_expired(now, || !driver_lock.is_retired());
        self.note_timers(LOOP_KEY);
    }

    #[cold]
    fn run_timers_of(&mut self, key: u64, now: Instant) {
        if self.driver_lock.is_retired() {
            return;
        }
        let Some(mut entry) = self.slot(key).and_then(|slot| slot.entry.take()) else {
            return;
        };
        entry.next_timer = Deadline::NEVER;
        entry.runner.run_timers(now, &self.driver_lock);
        self.put_back(key, entry);
        self.note_timers(key);
    }

    /// The next timer of the app with this key, or of the loop, may be another one.
    #[cold]
    fn note_timers(&mut self, key: u64) {
        if key == LOOP_KEY {
            let next = self.timers.next_step();
            set_deadline(&mut self.deadlines, &mut self.next_timer, key, next);
            return;
        }
        let slot = slot_of(&mut self.slots, key);
        if let Some(entry) = slot.and_then(|slot| slot.entry.as_mut()) {
            let next = entry.runner.app().timers.next_step();
            set_deadline(
                &mut self.deadlines,
                &mut entry.next_timer,
                key | TIMERS,
                next,
            );
        }
    }

    fn add(&mut self, app: Arc<App>, now: Instant) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(AppSlot::default());
            self.slots.len() - 1
        });
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        let key = slot.key(index);
        app.set_key(key);
        self.spin = self.spin.max(app.options.spin);
        slot.entry = Some(Box::new(Entry {
            runner: Runner::new(app),
            watched: Watched::default(),
            deadline: Deadline::NEVER,
            next_timer: Deadline::NEVER,
        }));
        self.step(key, Readiness::default(), now);
        self.note_timers(key);
    }

    fn step(&mut self, key: u64, ready: Readiness, now: Instant) {
        if self.driver_lock.is_retired() {
            return;
        }
        // It is out of its place meanwhile: what it calls may add others.
        let Some(mut entry) = self.slot(key).and_then(|slot| slot.entry.take()) else {
            return;
        };
        if entry.runner.is_connecting() {
            entry.watched.clear(&self.epoll);
        }
        entry
            .runner
            .step(now, ready, &mut self.memory, &self.driver_lock);
        let watched = match entry.runner.open_interest() {
            Some((interest, is_held)) if entry.watched.is_only(interest) => Ok(is_held),
            _ => self.watch(&mut entry, key),
        };
        let is_held = watched.unwrap_or_else(|error| {
            entry.watched.clear(&self.epoll);
            let error = Error::os(Kind::Io, "watch the connection", &error);
            entry.runner.break_off(error, &self.driver_lock);
            false
        });
        entry.runner.forget_retired();
        let next = match is_held {
            // Nobody wakes the loop for it.
            true => Deadline::at(now),
            false => entry.runner.next_step(),
        };
        set_deadline(&mut self.deadlines, &mut entry.deadline, key, next);
        match entry.runner.end() {
            None => self.put_back(key, entry),
            Some(end) => self.remove(key, entry, end),
        }
    }

    /// Watches what the app waits for, where that has changed; whether there is something to read
    /// that no descriptor shows.
    #[cold]
    fn watch(&mut self, entry: &mut Entry, key: u64) -> io::Result<bool> {
        let wanted = &mut self.wanted;
        wanted.clear();
        entry.runner.add_interests(wanted);
        if entry.watched.iter().eq(wanted.interests()) {
            return Ok(wanted.is_held());
        }
        for old in entry.watched.iter() {
            if !wanted.interests().any(|interest| interest.fd == old.fd) {
                self.epoll.remove(old.fd);
            }
        }
        let old = std::mem::take(&mut entry.watched);
        for interest in wanted.interests() {
            match old.iter().find(|old| old.fd == interest.fd) {
                None => self.epoll.add(interest, key)?,
                Some(old) if old != interest => self.epoll.change(interest, key)?,
                Some(_) => {}
            }
            entry.watched.push(interest);
        }
        Ok(wanted.is_held())
    }

    fn put_back(&mut self, key: u64, entry: Box<Entry>) {
        if let Some(slot) = self.slot(key) {
            slot.entry = Some(entry);
        }
    }

    #[cold]
    fn remove(&mut self, key: u64, mut entry: Box<Entry>, end: Result<(), Error>) {
        entry.watched.clear(&self.epoll);
        let never = Deadline::NEVER;
        set_deadline(&mut self.deadlines, &mut entry.deadline, key, never);
        set_deadline(
            &mut self.deadlines,
            &mut entry.next_timer,
            key | TIMERS,
            never,
        );
        if let Some(slot) = self.slot(key) {
            slot.generation = slot.generation.wrapping_add(1) & GENERATIONS;
            self.free.push(key as u32 as usize);
        }
        let app = Arc::clone(entry.runner.app());
        // Its descriptors first: who waits for the end may open others.
        drop(entry);
        app.finish(end);
    }

    fn entry(&mut self, key: u64) -> Option<&mut Entry> {
        self.slot(key).and_then(|slot| slot.entry.as_deref_mut())
    }

    fn slot(&mut self, key: u64) -> Option<&mut AppSlot> {
        slot_of(&mut self.slots, key)
    }
}

fn slot_of(slots: &mut [AppSlot], key: u64) -> Option<&mut AppSlot> {
    let slot = slots.get_mut(key as u32 as usize)?;
    (u64::from(slot.generation) == key >> 32).then_some(slot)
}

/// Replaces the deadline of a key, `current`, by `next`.
fn set_deadline(
    deadlines: &mut BTreeSet<(Instant, u64)>,
    current: &mut Deadline,
    key: u64,
    next: Deadline,
) {
    if next == *current {
        return;
    }
    if let Some(moment) = current.moment() {
        deadlines.remove(&(moment, key));
    }
    if let Some(moment) = next.moment() {
        deadlines.insert((moment, key));
    }
    *current = next;
}

/// So that no key of an app has the bit of [`TIMERS`], or is one of the other keys.
const GENERATIONS: u32 = u32::MAX >> 2;
/// Added to the key of an app.
const TIMERS: u64 = 1 << 62;

impl Drop for Reactor {
    fn drop(&mut self) {
        self.abort_all();
    }
}
