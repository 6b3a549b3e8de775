// SPDX-License-Identifier: Apache-2.0
//! How long to wait before the next attempt to connect: longer after each failure, with random
//! jitter.

use std::time::Duration;

/// A connection that was open for this long shows that the server works, so a failure after it
/// starts a new series.
const STABLE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct BackoffOptions {
    pub is_enabled: bool,
    pub initial: Duration,
    pub max: Duration,
    /// 1 or more.
    pub multiplier: f64,
    /// 0 to 1: the largest share of a delay that is randomly subtracted.
    pub jitter: f64,
    /// Consecutive attempts; `None`: without limit.
    pub max_attempts: Option<u64>,
}

/// If enabled: 1, 2, 4, … 60 seconds, minus up to half of that, without limit.
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

/// All calls must pass the same options.
#[derive(Debug)]
pub struct Backoff {
    attempts: u64,
    /// The next delay, without jitter.
    delay: Duration,
}

impl Backoff {
    pub fn new(options: &BackoffOptions) -> Self {
        Self {
            delay: options.initial,
            attempts: 0,
        }
    }

    /// Notes the end of a connection that was open for `span`.
    pub fn note_open_for(&mut self, span: Duration, options: &BackoffOptions) {
        if span >= STABLE {
            *self = Self::new(options);
        }
    }

    /// How long to wait before the next attempt; `None` if there shall be none. `random` is at
    /// least 0 and less than 1. `retry_after` is the minimum that the server asked for, if any.
    pub fn next(
        &mut self,
        options: &BackoffOptions,
        random: f64,
        retry_after: Option<Duration>,
    ) -> Option<Duration> {
        let is_over = options.max_attempts.is_some_and(|max| self.attempts >= max);
        if !options.is_enabled || is_over {
            return None;
        }
        self.attempts += 1;
        let delay = scaled(self.delay, 1.0 - options.jitter * random, self.delay);
        self.delay = scaled(self.delay, options.multiplier, options.max);
        Some(delay.max(retry_after.unwrap_or_default()))
    }
}

/// At most `max`, also if the product overflows a `Duration`.
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
    fn delays_grow_up_to_the_maximum() {
        let mut backoff = backoff(0.0, None);
        let delays: Vec<_> = (0..6).map_while(|_| backoff.next(0.9, None)).collect();
        assert_eq!(delays, [1, 2, 4, 8, 10, 10].map(Duration::from_secs));
    }

    #[test]
    fn jitter_subtracts_at_most_its_share() {
        for (random, ms) in [(0.0, 1000), (0.5, 750), (0.999_999, 500)] {
            let delay = backoff(0.5, None).next(random, None).expect("a delay");
            assert!(delay.abs_diff(Duration::from_millis(ms)) < Duration::from_millis(1));
        }
    }

    #[test]
    fn attempts_are_limited_and_a_stable_connection_resets_their_count() {
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
    fn retry_after_is_the_minimum() {
        let mut backoff = backoff(1.0, None);
        assert_eq!(backoff.next(0.9, Some(SECOND * 30)), Some(SECOND * 30));
        assert_eq!(backoff.next(0.0, Some(SECOND)), Some(SECOND * 2));
    }

    #[test]
    fn extreme_numbers_do_not_overflow() {
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
