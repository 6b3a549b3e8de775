// SPDX-License-Identifier: Apache-2.0
//! How long to wait for a closing handshake.

use crate::base::deadline::Deadline;
use std::time::{Duration, Instant};

/// The limit for a closing handshake during which bytes still move, or the close timeout if that is
/// longer.
const LIMIT: Duration = Duration::from_secs(60);

/// No control frame is longer (RFC 6455 section 5.5: 125 bytes and a header of 6), including a TLS
/// record around it. When no more than this is undelivered, its delivery is not progress.
pub const CONTROL_FRAME_BYTES: u64 = 256;

/// The byte counters of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    pub received: u64,
    /// Bytes that the peer's system has acknowledged.
    pub delivered: u64,
    /// Bytes that were sent or queued and are not delivered yet.
    pub undelivered: u64,
}

impl Progress {
    /// Movement of other data counts, because close frames cannot overtake it (RFC 6455 section
    /// 5.4).
    fn has_moved_since(self, before: Self) -> bool {
        let out = before.undelivered > CONTROL_FRAME_BYTES && self.delivered > before.delivered;
        out || self.received > before.received
    }
}

#[derive(Debug)]
pub struct CloseWait {
    /// How long to wait while nothing moves; `None` is forever.
    span: Option<Duration>,
    next_step: Deadline,
    limit: Deadline,
    seen: Progress,
}

impl CloseWait {
    /// Waits until nothing has moved for `span`, or the limit is reached. A zero `span` is not
    /// extended.
    pub fn while_moving(span: Option<Duration>, now: Instant, progress: Progress) -> Self {
        let limit = span.map(|span| {
            if span.is_zero() {
                span
            } else {
                span.max(LIMIT)
            }
        });
        Self {
            span,
            next_step: Deadline::after(now, span),
            limit: Deadline::after(now, limit),
            seen: progress,
        }
    }

    /// Waits for `span`, whether or not bytes move.
    pub fn fixed(span: Option<Duration>, now: Instant) -> Self {
        let limit = Deadline::after(now, span);
        Self {
            span,
            next_step: limit,
            limit,
            seen: Progress::default(),
        }
    }

    /// When to check the progress.
    pub fn next_step(&self) -> Deadline {
        self.next_step
    }

    /// When the wait ends even if bytes still move.
    pub fn limit(&self) -> Deadline {
        self.limit
    }

    pub fn is_over(&mut self, now: Instant, progress: Progress) -> bool {
        if !self.next_step.has_passed(now) {
            return false;
        }
        let has_moved = progress.has_moved_since(self.seen);
        if !has_moved || self.limit.has_passed(now) {
            return true;
        }
        self.seen = progress;
        self.next_step = Deadline::after(now, self.span).or_earlier(self.limit);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(3);

    fn progress(received: u64, delivered: u64, undelivered: u64) -> Progress {
        Progress {
            received,
            delivered,
            undelivered,
        }
    }

    #[test]
    fn it_ends_when_nothing_has_moved_for_the_span() {
        let now = Instant::now();
        let start = progress(10, 1000, 5000);
        let mut wait = CloseWait::while_moving(Some(SPAN), now, start);
        let almost = SPAN - Duration::from_millis(1);
        assert!(!wait.is_over(now + almost, start));
        assert_eq!(wait.next_step(), Deadline::at(now + SPAN));
        assert!(wait.is_over(now + SPAN, start));
    }

    #[test]
    fn bytes_in_either_direction_restart_it() {
        let now = Instant::now();
        let mut wait = CloseWait::while_moving(Some(SPAN), now, progress(0, 0, 5000));
        assert!(!wait.is_over(now + SPAN, progress(0, 1000, 4000)));
        assert_eq!(wait.next_step(), Deadline::at(now + 2 * SPAN));
        assert!(!wait.is_over(now + 2 * SPAN, progress(1, 1000, 4000)));
        assert!(wait.is_over(now + 3 * SPAN, progress(1, 1000, 4000)));
    }

    #[test]
    fn the_delivery_of_the_close_frame_alone_is_no_progress() {
        let now = Instant::now();
        let mut wait = CloseWait::while_moving(Some(SPAN), now, progress(0, 1000, 131));
        assert!(wait.is_over(now + SPAN, progress(0, 1131, 0)));
    }

    #[test]
    fn progress_does_not_extend_it_past_the_limit() {
        for (span, limit) in [(SPAN, LIMIT), (2 * LIMIT, 2 * LIMIT)] {
            let now = Instant::now();
            let mut wait = CloseWait::while_moving(Some(span), now, Progress::default());
            let mut received = 0;
            while {
                received += 1;
                let step = wait.next_step().moment().expect("a moment");
                assert!(step <= now + limit);
                !wait.is_over(step, progress(received, 0, 0))
            } {}
            assert_eq!(wait.next_step(), Deadline::at(now + limit));
        }
    }

    #[test]
    fn zero_and_fixed_timeouts_are_not_extended() {
        let now = Instant::now();
        let moved = progress(1, 0, 0);
        let none = Some(Duration::ZERO);
        assert!(CloseWait::while_moving(none, now, Progress::default()).is_over(now, moved));
        assert!(CloseWait::fixed(Some(SPAN), now).is_over(now + SPAN, moved));
        let mut forever = CloseWait::while_moving(None, now, Progress::default());
        assert!(!forever.is_over(now + 1000 * LIMIT, Progress::default()));
    }
}
