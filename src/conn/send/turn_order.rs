// SPDX-License-Identifier: Apache-2.0
//! Whether the write turn is taken, and how many threads wait for it.

use crate::base::sync::MAX_PASSED_OVER;

#[derive(Default)]
pub(super) struct TurnState {
    /// A thread has taken the buffers, or the turn is reserved for one that waits.
    pub(super) is_taken: bool,
    /// The turn is reserved for a thread that has waited too long.
    is_reserved: bool,
    /// Threads that wait.
    pub(super) waiting: u32,
    /// How often a thread that had not waited went first.
    passed_over: u32,
}

impl TurnState {
    pub(super) fn is_free_for(&self, has_waited: bool) -> bool {
        !self.is_taken || (has_waited && self.is_reserved)
    }

    pub(super) fn begin(&mut self, has_waited: bool) {
        if has_waited {
            (self.is_taken, self.is_reserved) = (false, false);
            self.passed_over = 0;
        } else if self.waiting > 0 {
            self.passed_over += 1;
        }
    }

    /// Ends a turn. True if a waiting thread must be woken.
    pub(super) fn pass_on(&mut self) -> bool {
        if self.waiting > 0 && self.passed_over >= MAX_PASSED_OVER {
            (self.is_taken, self.is_reserved) = (true, true);
        }
        self.waiting > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_thread_is_passed_over_a_bounded_number_of_times() {
        let mut turn = TurnState::default();
        for _ in 0..1000 {
            turn.begin(false);
            assert!(!turn.pass_on() && turn.is_free_for(false));
        }
        turn.waiting = 1;
        for _ in 0..MAX_PASSED_OVER {
            assert!(turn.is_free_for(false));
            turn.begin(false);
            assert!(turn.pass_on());
        }
        assert!(!turn.is_free_for(false) && turn.is_free_for(true));
        turn.waiting = 0;
        turn.begin(true);
        assert!(!turn.pass_on() && turn.is_free_for(false));
    }
}
