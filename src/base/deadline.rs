// SPDX-License-Identifier: Apache-2.0
//! Timeouts (spans) and deadlines (moments). The clock is always an argument.

use super::sync::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// The timeout of a call: milliseconds (0: try once without waiting), or one of the two negative
/// constants. It is stored as C passes it, because most calls need not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout(i64);

impl Timeout {
    /// The timeout set for the connection, or else for the process.
    pub const DEFAULT: Self = Self(-2);
    pub const FOREVER: Self = Self(-1);
    pub const ZERO: Self = Self(0);

    /// Rounded up, so that no caller waits once more for a fraction of a millisecond.
    pub fn after(span: Duration) -> Self {
        Self(i64::try_from(whole_ms(span)).unwrap_or(i64::MAX))
    }

    /// `None` means forever.
    pub fn of_span(span: Option<Duration>) -> Self {
        span.map_or(Self::FOREVER, Self::after)
    }

    pub fn is_limited(self) -> bool {
        self.0 >= 0
    }

    /// `None` if `ms` is less than both constants.
    pub fn from_ms(ms: i64) -> Option<Self> {
        (ms >= Self::DEFAULT.0).then_some(Self(ms))
    }

    pub fn to_ms(self) -> i64 {
        self.0
    }

    /// `other` if `self` is [`Timeout::DEFAULT`].
    pub fn or(self, other: Self) -> Self {
        if self == Self::DEFAULT { other } else { self }
    }

    /// The span to wait; `None` means forever.
    pub fn span(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_millis)
    }
}

/// In milliseconds, rounded up. Avoids the 128-bit nanoseconds of the standard library.
pub fn whole_ms(span: Duration) -> u64 {
    let begun = u64::from(span.subsec_nanos().div_ceil(1_000_000));
    span.as_secs().saturating_mul(1000).saturating_add(begun)
}

/// A timeout that any thread may change.
#[derive(Debug)]
pub struct SharedTimeout(AtomicI64);

impl SharedTimeout {
    pub const fn forever() -> Self {
        Self(AtomicI64::new(Timeout::FOREVER.0))
    }

    pub fn new(timeout: Timeout) -> Self {
        Self(AtomicI64::new(timeout.to_ms()))
    }

    pub fn get(&self) -> Timeout {
        Timeout(self.0.load(Ordering::Relaxed))
    }

    pub fn set(&self, timeout: Timeout) {
        self.0.store(timeout.to_ms(), Ordering::Relaxed);
    }
}

/// The moment on the monotonic clock at which waiting ends, if any; by default never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    pub const NEVER: Self = Self(None);

    /// A span too long for the clock means never.
    pub fn after(now: Instant, span: Option<Duration>) -> Self {
        Self(span.and_then(|span| now.checked_add(span)))
    }

    pub fn at(moment: Instant) -> Self {
        Self(Some(moment))
    }

    pub fn has_passed(self, now: Instant) -> bool {
        self.0.is_some_and(|at| at <= now)
    }

    /// The remaining time; `None` means forever.
    pub fn remaining(self, now: Instant) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(now))
    }

    /// `None` means never.
    pub fn moment(self) -> Option<Instant> {
        self.0
    }

    pub fn or_earlier(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(a), Some(b)) => Self(Some(a.min(b))),
            (a, b) => Self(a.or(b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes_when_its_moment_is_reached() {
        let now = Instant::now();
        let deadline = Deadline::after(now, Some(Duration::from_millis(5)));
        assert!(!deadline.has_passed(now));
        assert_eq!(deadline.remaining(now), Some(Duration::from_millis(5)));
        assert!(deadline.has_passed(now + Duration::from_millis(5)));
        assert_eq!(
            deadline.remaining(now + Duration::from_secs(1)),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn timeouts_are_the_numbers_that_c_uses() {
        for ms in [-2, -1, 0, 1, 86_400_000] {
            assert_eq!(Timeout::from_ms(ms).map(Timeout::to_ms), Some(ms));
        }
        assert_eq!(Timeout::from_ms(-3), None);
    }

    #[test]
    fn a_missing_or_endless_span_never_passes() {
        let now = Instant::now();
        assert_eq!(Deadline::after(now, None), Deadline::NEVER);
        assert_eq!(Deadline::after(now, Some(Duration::MAX)), Deadline::NEVER);
        assert_eq!(
            Deadline::NEVER.or_earlier(Deadline::at(now)),
            Deadline::at(now)
        );
    }
}
