// SPDX-License-Identifier: Apache-2.0
//! How long to wait before the next attempt to connect: longer from failure to failure, never quite
//! the same.

use std::time::Duration;

/// A connection that was open for as long has shown that the server is well: what fails after it is
/// a new trouble.
const STABLE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct BackoffOptions {
    pub is_enabled: bool,
    pub initial: Duration,
    pub max: Duration,
    /// 1 or more.
    pub multiplier: f64,
    /// 0 to 1: the share of a delay that chance may take off.
    pub jitter: f64,
    /// In a row; `None`: any number.
    pub max_attempts: Option<u64>,
}

/// Where it is enabled: 1, 2, 4, … 60 seconds, less up to a half, without limit.
impl Default for BackoffOptions {
    fn default() -> Self {
        Self {
            is_enabled: false,
            initial: Duration::from_secs(1),
            max: Duration::from_secs(60),
            multiplier: 2.0,
            jitter: 0.5,
            max_attempts: None,
        }
    }
}

/// What it is told each time are the same options.
#[derive(Debug)]
pub struct Backoff {
    attempts: u64,
    /// Of the next attempt, before chance.
    delay: Duration,
}

impl Backoff {
    pub fn new(options: &BackoffOptions) -> Self {
        Self {
            delay: options.initial,
            attempts: 0,
        }
    }

    /// A connection has ended that was open for `span`.
    pub fn note_open_for(&mut self, span: Duration, options: &BackoffOptions) {
        if span >= STABLE {
            *self = Self::new(options);
        }
    }

    /// How long to wait before the next attempt; `None` where there shall be none. `random` is at
    /// least 0 and less than 1; the server may have named a time, which is the least then.
    pub fn next(
        &mut self,
        options: &BackoffOptions,
        random: f64,
        named: Option<Duration>,
    ) -> Option<Duration> {
        let is_over = options.max_attempts.is_some_and(|max| self.attempts >= max);
        if !options.is_enabled || is_over {
            return None;
        }
        self.attempts += 1;
        let delay = scaled(self.delay, 1.0 - options.jitter * random, self.delay);
        self.delay = scaled(self.delay, options.multiplier, options.max);
        Some(delay.max(named.unwrap_or_default()))
    }
}

/// At most `max`, also where a `Duration` could not hold it.
fn scaled(span: Duration, factor: f64, max: Duration) -> Duration {
    let scaled = Duration::try_from_secs_f64(span.as_secs_f64() * factor);
    scaled.map_or(max, |scaled| scaled.min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Tested(Backoff, BackoffOptions);

    impl Tested {
        fn new(options: BackoffOptions) -> Self {
            Self(Backoff::new(&options), options)
        }

        fn next(&mut self, random: f64, named: Option<Duration>) -> Option<Duration> {
            self.0.next(&self.1, random, named)
        }

        fn note_open_for(&mut self, span: Duration) {
            self.0.note_open_for(span, &self.1);
        }
    }

    fn backoff(jitter: f64, max_attempts: Option<u64>) -> Tested {
        Tested::new(BackoffOptions {
            is_enabled: true,
            initial: SECOND,
            max: SECOND * 10,
            multiplier: 2.0,
            jitter,
            max_attempts,
        })
    }

    #[test]
    fn delays_grow_up_to_the_longest() {
        let mut backoff = backoff(0.0, None);
        let delays: Vec<_> = (0..6).map_while(|_| backoff.next(0.9, None)).collect();
        assert_eq!(delays, [1, 2, 4, 8, 10, 10].map(Duration::from_secs));
    }

    #[test]
    fn chance_takes_off_its_share_and_no_more() {
        for (random, ms) in [(0.0, 1000), (0.5, 750), (0.999_999, 500)] {
            let delay = backoff(0.5, None).next(random, None).expect("a delay");
            assert!(delay.abs_diff(Duration::from_millis(ms)) < Duration::from_millis(1));
        }
    }

    #[test]
    fn after_so_many_attempts_in_a_row_it_is_over_unless_a_connection_was_stable() {
        let mut backoff = backoff(0.0, Some(2));
        assert_eq!(backoff.next(0.0, None), Some(SECOND));
        assert_eq!(backoff.next(0.0, None), Some(SECOND * 2));
        backoff.note_open_for(STABLE - Duration::from_nanos(1));
        assert_eq!(backoff.next(0.0, None), None);
        backoff.note_open_for(STABLE);
        assert_eq!(backoff.next(0.0, None), Some(SECOND));
        assert_eq!(Tested::new(BackoffOptions::default()).next(0.0, None), None);
    }

    #[test]
    fn a_time_named_by_the_server_is_the_least() {
        let mut backoff = backoff(1.0, None);
        assert_eq!(backoff.next(0.9, Some(SECOND * 30)), Some(SECOND * 30));
        assert_eq!(backoff.next(0.0, Some(SECOND)), Some(SECOND * 2));
    }

    #[test]
    fn no_number_makes_it_overflow() {
        for (initial, multiplier) in [
            (Duration::ZERO, f64::MAX),
            (Duration::MAX, f64::MAX),
            (SECOND, 1e308),
        ] {
            let mut backoff = Tested::new(BackoffOptions {
                is_enabled: true,
                initial,
                max: Duration::MAX,
                multiplier,
                jitter: 1.0,
                max_attempts: Some(u64::MAX),
            });
            for random in [0.5, 0.0, 0.999_999, 0.1] {
                assert!(backoff.next(random, None).is_some());
            }
        }
    }
}
