// SPDX-License-Identifier: Apache-2.0
//! When a message may be sent, if only so much may be sent in any span of time.
//!
//! The limits are strict, because servers ban clients that exceed theirs. A token bucket would not
//! do: with a full bucket, up to twice the limit is sent in one span.

use crate::base::error::Error;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendRateOptions {
    pub messages: Option<RateLimit>,
    pub bytes: Option<RateLimit>,
}

/// At most `max` in any `span`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub max: u64,
    pub span: Duration,
}

/// What was sent, as far as it still counts.
#[derive(Debug, Default)]
pub struct SendRate {
    messages: Window,
    bytes: Window,
}

impl SendRate {
    /// When a message of `bytes` may be sent: `now` or later. Fails without memory to record it.
    pub fn next_send(
        &mut self,
        options: &SendRateOptions,
        bytes: u64,
        now: Instant,
    ) -> Result<Instant, Error> {
        let by_messages = self.messages.next_send(options.messages, 1, now)?;
        let by_bytes = self.bytes.next_send(options.bytes, bytes, now)?;
        Ok(by_messages.max(by_bytes))
    }

    pub fn note_sent(
        &mut self,
        options: &SendRateOptions,
        messages: u64,
        bytes: u64,
        now: Instant,
    ) {
        self.messages.note_sent(options.messages, messages, 1, now);
        // A message of three times the limit counts for three spans.
        let spans = options.bytes.map_or(1, |limit| bytes.div_ceil(limit.max));
        let spans = u32::try_from(spans).unwrap_or(u32::MAX);
        self.bytes.note_sent(options.bytes, bytes, spans, now);
    }
}

/// From this many entries on, those that are close together become one, so that no limit of the
/// caller's needs much memory.
const MANY_ENTRIES: usize = 1024;

#[derive(Debug, Default)]
struct Window {
    /// The oldest first.
    entries: VecDeque<SentAmount>,
    /// The sum of their amounts.
    total: u64,
}

#[derive(Clone, Copy, Debug)]
struct SentAmount {
    amount: u64,
    counts_until: Instant,
}

impl Window {
    fn next_send(
        &mut self,
        limit: Option<RateLimit>,
        amount: u64,
        now: Instant,
    ) -> Result<Instant, Error> {
        let Some(limit) = limit else {
            return Ok(now);
        };
        self.drop_expired(now);
        // For `note_sent`, which cannot fail.
        let reserved = self.entries.try_reserve(1);
        reserved.map_err(|_| Error::no_memory(size_of::<SentAmount>() as u64))?;
        let mut excess = self.total.saturating_add(amount).saturating_sub(limit.max);
        let mut next = now;
        // If all entries must expire, an amount above the limit is sent, too.
        for entry in &self.entries {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(entry.amount);
            next = next.max(entry.counts_until);
        }
        Ok(next)
    }

    /// `spans` is for how many spans of the limit the amount counts.
    fn note_sent(&mut self, limit: Option<RateLimit>, amount: u64, spans: u32, now: Instant) {
        let Some(limit) = limit.filter(|_| amount > 0) else {
            return;
        };
        self.drop_expired(now);
        let counts_until = now.checked_add(limit.span.saturating_mul(spans));
        let entry = SentAmount {
            amount,
            counts_until: counts_until.unwrap_or(now + limit.span),
        };
        self.total += amount;
        let has_room = self.entries.len() < self.entries.capacity();
        let is_many = self.entries.len() >= MANY_ENTRIES;
        let is_near = |last: &&mut SentAmount| {
            let later = entry
                .counts_until
                .saturating_duration_since(last.counts_until);
            !has_room || is_many && later < limit.span / MANY_ENTRIES as u32
        };
        match self.entries.back_mut().filter(is_near) {
            // The last entry counts for longer than it should.
            Some(last) => {
                last.amount += amount;
                last.counts_until = last.counts_until.max(entry.counts_until);
            }
            None => self.entries.push_back(entry),
        }
    }

    fn drop_expired(&mut self, now: Instant) {
        while let Some(entry) = self.entries.front().filter(|it| it.counts_until <= now) {
            self.total -= entry.amount;
            self.entries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn messages(max: u64, span: Duration) -> SendRateOptions {
        SendRateOptions {
            messages: Some(RateLimit { max, span }),
            bytes: None,
        }
    }

    fn bytes(max: u64) -> SendRateOptions {
        SendRateOptions {
            messages: None,
            bytes: Some(RateLimit {
                max,
                span: 1000 * MS,
            }),
        }
    }

    /// Sends messages of these sizes, the next one `pause` after the one before at the earliest;
    /// returns when each is sent, in milliseconds.
    fn send(options: &SendRateOptions, sizes: &[u64], pause: Duration) -> Vec<u128> {
        let start = Instant::now();
        let (mut rate, mut now) = (SendRate::default(), start);
        let send_one = |size: &u64| {
            now = rate.next_send(options, *size, now).expect("memory");
            rate.note_sent(options, 1, *size, now);
            let at = now - start;
            now += pause;
            at.as_millis()
        };
        sizes.iter().map(send_one).collect()
    }

    #[test]
    fn no_span_holds_more_messages_than_the_limit() {
        let at = send(&messages(3, 1000 * MS), &[1; 10], Duration::ZERO);
        assert_eq!(at, [0, 0, 0, 1000, 1000, 1000, 2000, 2000, 2000, 3000]);
        // A bucket that is full again at 1000 would let five through between 900 and 1000.
        let mut at = send(&messages(3, 1000 * MS), &[1; 12], 450 * MS);
        assert_eq!(at[..6], [0, 450, 900, 1350, 1800, 2250]);
        at = send(&messages(3, 1000 * MS), &[1; 12], 200 * MS);
        for (i, third) in at.iter().skip(3).enumerate() {
            assert!(third - at[i] >= 1000, "{at:?}");
        }
    }

    #[test]
    fn messages_of_irregular_times_stay_within_the_limit() {
        for max in 1..8 {
            let options = messages(max, 100 * MS);
            let (mut rate, mut now) = (SendRate::default(), Instant::now());
            let (mut sent, mut seed) = (Vec::<Instant>::new(), 12345_u32);
            for _ in 0..500 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                now += Duration::from_micros(u64::from(seed >> 16));
                let at = rate.next_send(&options, 1, now).expect("memory");
                // Never later than it must be.
                let first = sent.len().checked_sub(max as usize).map(|i| sent[i]);
                let earliest = first.map_or(now, |first| now.max(first + 100 * MS));
                assert_eq!(at, earliest);
                now = at;
                rate.note_sent(&options, 1, 1, now);
                sent.push(now);
            }
            assert!(rate.messages.entries.len() <= max as usize);
        }
    }

    #[test]
    fn a_large_limit_needs_little_memory() {
        let options = messages(100_000, 1000 * MS);
        let (mut rate, start) = (SendRate::default(), Instant::now());
        let mut now = start;
        for _ in 0..100_000 {
            assert_eq!(rate.next_send(&options, 1, now).expect("memory"), now);
            rate.note_sent(&options, 1, 1, now);
            now += Duration::from_micros(7);
        }
        assert!(rate.messages.entries.len() <= 2 * MANY_ENTRIES);
        // Never too early, and hardly too late.
        let next = rate.next_send(&options, 1, now).expect("memory") - start;
        assert!((1000 * MS..1002 * MS).contains(&next), "{next:?}");
    }

    #[test]
    fn bytes_are_limited_per_second() {
        let at = send(&bytes(1000), &[600, 400, 1, 999, 1], Duration::ZERO);
        assert_eq!(at, [0, 0, 1000, 1000, 2000]);
    }

    #[test]
    fn a_message_above_the_limit_is_sent_alone_and_counts_for_longer() {
        let at = send(&bytes(1000), &[10, 2500, 10, 1000], Duration::ZERO);
        assert_eq!(at, [0, 1000, 4000, 5000]);
        let at = send(&bytes(1), &[u64::MAX / 2, 1], Duration::ZERO);
        assert_eq!(at[0], 0);
        assert!(at[1] >= 1000);
    }

    #[test]
    fn both_limits_apply() {
        let options = SendRateOptions {
            messages: messages(2, 500 * MS).messages,
            bytes: bytes(100).bytes,
        };
        let at = send(&options, &[10, 10, 10, 80, 10], Duration::ZERO);
        assert_eq!(at, [0, 0, 500, 1000, 1000]);
    }

    #[test]
    fn frames_that_did_not_wait_count_too() {
        let options = messages(2, 1000 * MS);
        let (mut rate, now) = (SendRate::default(), Instant::now());
        rate.note_sent(&options, 5, 0, now);
        let next = rate.next_send(&options, 1, now).expect("memory");
        assert_eq!(next - now, 1000 * MS);
    }
}
