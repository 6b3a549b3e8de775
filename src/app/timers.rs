// SPDX-License-Identifier: Apache-2.0
//! Functions to call at a later time. Any thread adds and cancels them; the driver calls them.

use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind};
use crate::base::sync::Mutex;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::{Duration, Instant};

pub type TimedWork = Box<dyn FnOnce() + Send>;

/// The timers of one app or one loop. Most have none, so memory is allocated for the first.
#[derive(Default)]
pub struct Timers(Mutex<Option<Box<TimerQueue>>>);

#[derive(Default)]
struct TimerQueue {
    last_id: u64,
    work: HashMap<u64, TimedWork>,
    /// The earliest first; those of the same moment in the order in which they were added. A timer
    /// that was cancelled leaves its entry behind.
    order: BinaryHeap<Reverse<(Instant, u64)>>,
}

/// With no more entries of cancelled timers than this, removing them is not worth a search.
const MANY_STALE: usize = 64;

impl Timers {
    /// Returns the number of the timer, never 0, and whether it is the next one to expire.
    pub fn add(&self, delay: Duration, work: TimedWork) -> Result<(u64, bool), Error> {
        let Some(moment) = Instant::now().checked_add(delay) else {
            return Err(Error::argument("delay_ms", "is too long"));
        };
        let mut queue = self.0.lock();
        let queue = queue.get_or_insert_default();
        // Before `work` is moved: a failure must not drop it under the lock.
        queue.reserve()?;
        Ok(queue.add(moment, work))
    }

    /// The caller drops the work, without the lock: this may call a function of the user's.
    pub fn cancel(&self, id: u64) -> Result<TimedWork, Error> {
        let mut queue = self.0.lock();
        let work = queue.as_deref_mut().and_then(|queue| queue.cancel(id));
        work.ok_or_else(|| {
            let message =
                format!("post {id} cannot be cancelled: it has already run or was cancelled");
            Error::new(Kind::WrongState, message)
        })
    }

    /// Drops all timers.
    pub fn clear(&self) {
        let queue = self.0.lock().take();
        drop(queue);
    }

    /// When the next timer expires.
    pub fn next_step(&self) -> Deadline {
        let mut queue = self.0.lock();
        let first = queue.as_deref_mut().and_then(TimerQueue::first);
        first.map_or(Deadline::NEVER, |(moment, _)| Deadline::at(moment))
    }

    /// Calls the timers that have expired by `now`, without the lock, while `may_continue` returns
    /// true. Timers that they add wait for the next call, so that none prolongs this one.
    pub fn run_expired(&self, now: Instant, mut may_continue: impl FnMut() -> bool) {
        let last_id = self.0.lock().as_ref().map_or(0, |queue| queue.last_id);
        while may_continue() {
            let expired = match &mut *self.0.lock() {
                Some(queue) => queue.take_expired(now, last_id),
                None => None,
            };
            match expired {
                Some(work) => work(),
                None => return,
            }
        }
    }
}

impl TimerQueue {
    fn reserve(&mut self) -> Result<(), Error> {
        let reserved = self.order.try_reserve(1);
        let reserved = reserved.and_then(|()| self.work.try_reserve(1));
        reserved.map_err(|_| Error::no_memory(size_of::<(Instant, u64, TimedWork)>() as u64))
    }

    fn add(&mut self, moment: Instant, work: TimedWork) -> (u64, bool) {
        self.last_id += 1;
        let id = self.last_id;
        self.work.insert(id, work);
        self.order.push(Reverse((moment, id)));
        (id, self.first().is_some_and(|(_, first)| first == id))
    }

    fn cancel(&mut self, id: u64) -> Option<TimedWork> {
        let work = self.work.remove(&id)?;
        if self.order.len() > 2 * self.work.len() + MANY_STALE {
            let known = &self.work;
            self.order.retain(|Reverse((_, id))| known.contains_key(id));
        }
        Some(work)
    }

    /// The next timer to expire; drops the entries of cancelled ones before it.
    fn first(&mut self) -> Option<(Instant, u64)> {
        loop {
            let Reverse(first) = *self.order.peek()?;
            if self.work.contains_key(&first.1) {
                return Some(first);
            }
            self.order.pop();
        }
    }

    fn take_expired(&mut self, now: Instant, last_id: u64) -> Option<TimedWork> {
        let (moment, id) = self.first()?;
        if moment > now || id > last_id {
            return None;
        }
        self.order.pop();
        self.work.remove(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    const MS: Duration = Duration::from_millis(1);

    /// Timers that record their names when they expire.
    #[derive(Default)]
    struct Tested {
        timers: Timers,
        expired: Arc<Mutex<Vec<u32>>>,
    }

    impl Tested {
        fn add(&self, delay: Duration, name: u32) -> u64 {
            let expired = Arc::clone(&self.expired);
            let work = move || expired.lock().unwrap().push(name);
            self.timers.add(delay, Box::new(work)).unwrap().0
        }

        fn run_after(&self, delay: Duration) -> Vec<u32> {
            self.timers.run_expired(Instant::now() + delay, || true);
            std::mem::take(&mut *self.expired.lock().unwrap())
        }
    }

    #[test]
    fn timers_expire_in_the_order_of_their_times_and_then_of_their_numbers() {
        let tested = Tested::default();
        tested.add(900 * MS, 9);
        tested.add(Duration::ZERO, 1);
        tested.add(Duration::ZERO, 2);
        tested.add(500 * MS, 5);
        assert_eq!(tested.run_after(Duration::ZERO), [1, 2]);
        assert_eq!(tested.run_after(1000 * MS), [5, 9]);
        assert_eq!(tested.run_after(1000 * MS), []);
        assert_eq!(tested.timers.next_step(), Deadline::NEVER);
    }

    #[test]
    fn add_reports_whether_the_timer_is_the_next_to_expire() {
        let timers = Timers::default();
        let add = |delay| timers.add(delay, Box::new(|| ())).unwrap();
        assert_eq!(add(800 * MS), (1, true));
        assert_eq!(add(900 * MS), (2, false));
        assert_eq!(add(700 * MS), (3, true));
        assert!(timers.cancel(3).is_ok() && timers.cancel(1).is_ok());
        assert_eq!(add(850 * MS), (4, true));
        assert!(timers.add(Duration::MAX, Box::new(|| ())).is_err());
    }

    #[test]
    fn a_cancelled_timer_never_expires_and_leaves_no_memory_behind() {
        let tested = Tested::default();
        let first = tested.add(Duration::ZERO, 1);
        tested.add(Duration::ZERO, 2);
        assert!(tested.timers.cancel(first).is_ok());
        assert!(tested.timers.cancel(first).is_err());
        assert_eq!(tested.run_after(Duration::ZERO), [2]);
        assert!(tested.timers.cancel(2).is_err(), "it has run");
        for name in 0..10_000 {
            let id = tested.add(3_600_000 * MS, name);
            assert!(tested.timers.cancel(id).is_ok());
        }
        let queue = tested.timers.0.lock();
        let entries = queue.as_ref().map_or(0, |queue| queue.order.len());
        assert!(entries <= MANY_STALE + 1, "{entries} entries");
    }

    #[test]
    fn a_timer_that_adds_one_without_delay_does_not_keep_the_driver_busy() {
        let timers = Arc::new(Timers::default());
        let again = Arc::clone(&timers);
        let work = move || {
            again.add(Duration::ZERO, Box::new(|| ())).unwrap();
        };
        timers.add(Duration::ZERO, Box::new(work)).unwrap();
        timers.run_expired(Instant::now() + MS, || true);
        assert_ne!(timers.next_step(), Deadline::NEVER);
        timers.clear();
        assert_eq!(timers.next_step(), Deadline::NEVER);
    }
}
