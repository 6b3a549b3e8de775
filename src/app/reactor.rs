// SPDX-License-Identifier: Apache-2.0
//! The state of the thread that drives a loop: the apps, their descriptors and their timers.

use super::client::{App, Command, LOOP_KEY, NO_KEY};
use super::driver_lock::DriverLock;
use super::mailbox::Mailbox;
use super::requests::interrupts;
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

/// The mailbox's key in the set of descriptors; apps have smaller keys.
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
    /// The timers of the loop, and the next one in `deadlines`.
    timers: Arc<Timers>,
    next_timer: Deadline,
    memory: ReadBuffers,
    interrupts_seen: u64,
    /// Other descriptors are watched than at the last wait, or it has failed.
    has_changed: bool,
    /// How long a wait polls before it sleeps: the longest time that an app asks for.
    spin: Duration,
    /// Scratch memory for what one app waits for.
    wanted: Poll,
}

/// The slot of an app. A key consists of the slot's index and generation, so that events for an app
/// that was removed do not reach its successor.
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

/// The watched descriptors of an app. That of an open connection is stored inline.
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

    /// Called before the descriptors may be closed: epoll keeps watching a closed socket that has
    /// another descriptor, and numbers are reused.
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
            has_changed: true,
            spin: Duration::ZERO,
            wanted: Poll::default(),
        })
    }

    /// Closes the descriptors of an inherited loop, which is never dropped.
    pub fn abandon(&self) {
        self.epoll.abandon();
        self.mailbox.wake().abandon();
    }

    /// Whether no app is left to drive.
    pub fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// When to turn even if no descriptor is ready.
    pub fn next_step(&self) -> Deadline {
        let first = self.deadlines.first();
        first.map_or(Deadline::NEVER, |(moment, _)| Deadline::at(*moment))
    }

    /// Whether a descriptor may be ready that was ready when the last turn ended its wait. After
    /// the most frequent turn this is known, without a system call: one connection had something to
    /// read, or none.
    pub fn may_be_ready(&self) -> bool {
        let mut events = self.events.iter();
        let is_done = match (events.next(), events.next()) {
            (None | Some((MAILBOX_KEY, _)), None) => true,
            (Some((key, Readiness::READABLE)), None) => self.has_emptied_socket(key),
            _ => false,
        };
        self.has_changed || !is_done
    }

    fn has_emptied_socket(&self, key: u64) -> bool {
        let slot = self.slots.get(key as u32 as usize);
        let slot = slot.filter(|slot| u64::from(slot.generation) == key >> 32);
        let entry = slot.and_then(|slot| slot.entry.as_ref());
        entry.is_some_and(|entry| entry.runner.has_emptied_socket())
    }

    /// Waits for something to do, at most until `deadline`, and does it.
    pub fn turn(&mut self, deadline: Deadline) -> Result<(), Error> {
        let deadline = deadline.or_earlier(self.next_step());
        let mut events = std::mem::take(&mut self.events);
        let waited = self.epoll.wait(&mut events, deadline, self.spin);
        let is_signaled = events.iter().any(|(key, _)| key == MAILBOX_KEY);
        self.mailbox.woke_up(is_signaled);
        self.has_changed = waited.is_err();
        let now = Instant::now();
        for (key, ready) in events.iter() {
            self.step(key, ready, now);
        }
        self.events = events;
        if is_signaled {
            self.look_for_interrupts(now);
        }
        self.read_commands(now);
        self.handle_deadlines(now);
        if self.driver_lock.is_retired() {
            self.abort_all();
        }
        self.mailbox.prepare_to_wait();
        waited.map_err(|error| Error::os(Kind::Io, "wait for events", &error))
    }

    /// Aborts and removes all apps, without callbacks of theirs. The caller holds the driver lock.
    pub fn abort_all(&mut self) {
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(index) else {
                continue;
            };
            let key = slot.key(index);
            if let Some(mut entry) = slot.entry.take() {
                entry.runner.abort(&self.driver_lock);
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
                self.step(key, Readiness::NONE, now);
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
                Command::Look(key) => self.step(key, Readiness::NONE, now),
                Command::Run(work) if !self.driver_lock.is_retired() => work(),
                Command::Run(_) => {}
                Command::Timers(key) => self.note_timers(key),
            }
        }
    }

    fn handle_deadlines(&mut self, now: Instant) {
        if !self.next_step().has_passed(now) {
            return;
        }
        // Timers that are set now are for the next turn, so that no app prolongs this one.
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
                self.step(key, Readiness::NONE, now);
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

    /// Called when the next timer of the app with this key, or of the loop, may have changed.
    #[cold]
    fn note_timers(&mut self, key: u64) {
        if key == LOOP_KEY {
            let next = self.timers.next_step();
            set_deadline(&mut self.deadlines, &mut self.next_timer, key, next);
            return;
        }
        let slot = slot_of(&mut self.slots, key);
        if let Some(entry) = slot.and_then(|slot| slot.entry.as_mut()) {
            let next = entry.runner.app().next_timer();
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
        self.spin = self.spin.max(app.target().options.spin);
        slot.entry = Some(Box::new(Entry {
            runner: Runner::new(app),
            watched: Watched::default(),
            deadline: Deadline::NEVER,
            next_timer: Deadline::NEVER,
        }));
        self.step(key, Readiness::NONE, now);
        self.note_timers(key);
    }

    fn step(&mut self, key: u64, ready: Readiness, now: Instant) {
        if self.driver_lock.is_retired() {
            return;
        }
        // Taken out of its slot meanwhile: its callbacks may add other apps.
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
            entry.runner.fail_from_outside(error, &self.driver_lock);
            false
        });
        entry.runner.forget_retired();
        let next = match is_held {
            // No descriptor wakes the loop for it.
            true => Deadline::at(now),
            false => entry.runner.next_step(),
        };
        set_deadline(&mut self.deadlines, &mut entry.deadline, key, next);
        match entry.runner.end() {
            None => self.put_back(key, entry),
            Some(end) => self.remove(key, entry, end),
        }
    }

    /// Watches what the app waits for, if that has changed; returns whether there is something to
    /// read that no descriptor shows.
    #[cold]
    fn watch(&mut self, entry: &mut Entry, key: u64) -> io::Result<bool> {
        self.has_changed = true;
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

    #[inline(always)]
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
        // Closes its descriptors first: a thread that waits for the end may open others.
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

/// Replaces `current`, the deadline of a key, with `next`.
#[inline(always)]
fn set_deadline(
    deadlines: &mut BTreeSet<(Instant, u64)>,
    current: &mut Deadline,
    key: u64,
    next: Deadline,
) {
    // After most messages it is the same.
    if next != *current {
        replace_deadline(deadlines, current, key, next);
    }
}

#[cold]
fn replace_deadline(
    deadlines: &mut BTreeSet<(Instant, u64)>,
    current: &mut Deadline,
    key: u64,
    next: Deadline,
) {
    if let Some(moment) = current.moment() {
        deadlines.remove(&(moment, key));
    }
    if let Some(moment) = next.moment() {
        deadlines.insert((moment, key));
    }
    *current = next;
}

/// Keeps the keys of apps free of the bit [`TIMERS`], and smaller than the other keys.
const GENERATIONS: u32 = u32::MAX >> 2;
/// Added to the key of an app.
const TIMERS: u64 = 1 << 62;

impl Drop for Reactor {
    fn drop(&mut self) {
        let driver_lock = Arc::clone(&self.driver_lock);
        driver_lock.hold(|| self.abort_all());
    }
}
