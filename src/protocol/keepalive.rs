// SPDX-License-Identifier: Apache-2.0
//! When to ping, which pong answers which ping, and when a peer is considered dead (RFC 6455
//! sections 5.5.2 and 5.5.3).

use crate::base::deadline::Deadline;
use crate::base::sync::Arc;
use crate::protocol::ws::frame::MAX_CONTROL_BYTES;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The number at the end of a ping.
const NUMBER_BYTES: usize = size_of::<u64>();

/// The most unanswered pings to remember: without a timeout, pings are sent whether or not they are
/// answered.
const MAX_AWAITED: usize = 16;

#[derive(Clone, Debug)]
pub struct KeepaliveOptions {
    /// From one ping to the next; `None`: no pings.
    pub interval: Option<Duration>,
    /// The time within which the pong must arrive; `None`: without limit.
    pub timeout: Option<Duration>,
    pub payload: Vec<u8>,
    /// Pings end with their number, so that each pong can be told from others.
    pub is_numbered: bool,
}

impl Default for KeepaliveOptions {
    fn default() -> Self {
        Self {
            interval: None,
            timeout: None,
            payload: Vec::new(),
            is_numbered: true,
        }
    }
}

impl KeepaliveOptions {
    /// The longest payload.
    pub fn max_payload_bytes(&self) -> usize {
        match self.is_numbered {
            true => MAX_CONTROL_BYTES - NUMBER_BYTES,
            false => MAX_CONTROL_BYTES,
        }
    }
}

#[derive(Debug)]
pub struct Keepalive {
    options: Arc<KeepaliveOptions>,
    next_ping: Deadline,
    /// Set while a pong with a timeout is pending: when the peer is considered dead, unless bytes
    /// have moved by then.
    pong_deadline: Option<Deadline>,
    /// Unanswered pings, the newest last; a peer may answer only the newest one (section 5.5.3).
    awaited: VecDeque<AwaitedPong>,
    pings: u64,
}

/// An unanswered ping.
#[derive(Debug)]
struct AwaitedPong {
    number: u64,
    sent_at: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    Nothing,
    /// A ping with this payload.
    Ping(Vec<u8>),
    /// The peer has not answered.
    Dead,
}

impl Keepalive {
    pub fn new(options: Arc<KeepaliveOptions>, now: Instant) -> Self {
        Self {
            next_ping: Deadline::after(now, options.interval),
            options,
            pong_deadline: None,
            awaited: VecDeque::new(),
            pings: 0,
        }
    }

    /// When to call [`Keepalive::step`].
    pub fn next_step(&self) -> Deadline {
        // The next ping is sent after the pong for this one.
        self.pong_deadline.unwrap_or(self.next_ping)
    }

    /// Returns what to do now. `has_moved`: since the ping or the last step, bytes have moved that
    /// delay the ping or its pong, which cannot overtake a long frame (section 5.4). `is_queued`:
    /// the last ping has not been sent yet, so another one would be useless.
    pub fn step(&mut self, now: Instant, has_moved: bool, is_queued: bool) -> Due {
        if !self.next_step().has_passed(now) {
            return Due::Nothing;
        }
        match &mut self.pong_deadline {
            Some(deadline) => {
                if !has_moved {
                    return Due::Dead;
                }
                *deadline = Deadline::after(now, self.options.timeout);
                Due::Nothing
            }
            None if is_queued => {
                self.next_ping = Deadline::after(now, self.options.interval);
                Due::Nothing
            }
            None => self.ping(now),
        }
    }

    /// Returns the round-trip time, if this is the pong of one of the pings.
    ///
    /// With a timeout there is only one unanswered ping at a time, and any pong shows that the peer
    /// is alive: some servers answer every ping with an empty pong.
    pub fn note_pong(&mut self, payload: &[u8], now: Instant) -> Option<Duration> {
        self.pong_deadline = None;
        let index = match self.options.is_numbered {
            true => {
                let (user, number) = payload.split_last_chunk::<NUMBER_BYTES>()?;
                let number = u64::from_be_bytes(*number);
                let index = self.awaited.iter().position(|ping| ping.number == number);
                index.filter(|_| user == self.options.payload)?
            }
            // All are alike; most servers answer each of them.
            false if payload == self.options.payload => 0,
            false => {
                if self.options.timeout.is_some() {
                    // It answers the only one.
                    self.awaited.clear();
                }
                return None;
            }
        };
        if index >= self.awaited.len() {
            return None;
        }
        let answered = self.awaited.drain(..=index).next_back()?;
        Some(now.saturating_duration_since(answered.sent_at))
    }

    fn ping(&mut self, now: Instant) -> Due {
        self.pings += 1;
        self.next_ping = Deadline::after(now, self.options.interval);
        let timeout = self.options.timeout;
        self.pong_deadline = timeout.map(|_| Deadline::after(now, timeout));
        if self.awaited.len() == MAX_AWAITED {
            self.awaited.pop_front();
        }
        self.awaited.push_back(AwaitedPong {
            number: self.pings,
            sent_at: now,
        });
        let mut payload = self.options.payload.clone();
        if self.options.is_numbered {
            payload.extend_from_slice(&self.pings.to_be_bytes());
        }
        Due::Ping(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn keepalive(interval: u64, timeout: u64, now: Instant) -> Keepalive {
        let some = |span| (span > 0).then_some(ms(span));
        let options = KeepaliveOptions {
            interval: some(interval),
            timeout: some(timeout),
            payload: b"hi".to_vec(),
            is_numbered: true,
        };
        Keepalive::new(Arc::new(options), now)
    }

    #[test]
    fn without_numbers_pings_are_exactly_the_payload() {
        let start = Instant::now();
        let options = KeepaliveOptions {
            interval: Some(ms(10)),
            payload: b"hi".to_vec(),
            is_numbered: false,
            ..KeepaliveOptions::default()
        };
        let mut keepalive = Keepalive::new(Arc::new(options), start);
        assert_eq!(keepalive.note_pong(b"hi", start), None);
        assert_eq!(ping(keepalive.step(start + ms(10), false, false)), b"hi");
        assert_eq!(ping(keepalive.step(start + ms(20), false, false)), b"hi");
        assert_eq!(keepalive.note_pong(b"", start + ms(21)), None);
        let rtt = |at| Some(ms(at));
        assert_eq!(keepalive.note_pong(b"hi", start + ms(25)), rtt(15));
        assert_eq!(keepalive.note_pong(b"hi", start + ms(26)), rtt(6));
        assert_eq!(keepalive.note_pong(b"hi", start + ms(27)), None);
        // With a timeout, an empty pong answers the ping, too.
        let options = KeepaliveOptions {
            timeout: Some(ms(5)),
            ..KeepaliveOptions::clone(&keepalive.options)
        };
        let mut keepalive = Keepalive::new(Arc::new(options), start);
        ping(keepalive.step(start + ms(10), false, false));
        assert_eq!(keepalive.note_pong(b"", start + ms(11)), None);
        ping(keepalive.step(start + ms(20), false, false));
        assert_eq!(keepalive.note_pong(b"hi", start + ms(21)), rtt(1));
    }

    fn ping(due: Due) -> Vec<u8> {
        match due {
            Due::Ping(payload) => payload,
            due => panic!("{due:?}"),
        }
    }

    #[test]
    fn pings_are_sent_at_intervals_and_differ() {
        let start = Instant::now();
        let mut keepalive = keepalive(100, 30, start);
        assert_eq!(keepalive.step(start + ms(99), false, false), Due::Nothing);
        let first = ping(keepalive.step(start + ms(100), false, false));
        assert_eq!(first, b"hi\0\0\0\0\0\0\0\x01");
        assert_eq!(
            keepalive.note_pong(&first, start + ms(120)),
            Some(ms(20)),
            "the pong of this ping"
        );
        assert_eq!(keepalive.note_pong(&first, start + ms(121)), None, "again");
        assert_eq!(keepalive.next_step(), Deadline::at(start + ms(200)));
        let second = ping(keepalive.step(start + ms(200), false, false));
        assert_ne!(first, second);
    }

    #[test]
    fn a_ping_without_a_pong_means_a_dead_peer() {
        let start = Instant::now();
        let mut keepalive = keepalive(100, 30, start);
        // A pong before the ping does not count.
        assert_eq!(keepalive.note_pong(b"", start + ms(99)), None);
        ping(keepalive.step(start + ms(100), false, false));
        assert_eq!(keepalive.step(start + ms(129), false, false), Due::Nothing);
        assert_eq!(keepalive.step(start + ms(130), false, false), Due::Dead);
    }

    #[test]
    fn any_pong_is_a_sign_of_life_but_only_the_matching_one_is_measured() {
        for other in [
            &b""[..],
            b"hi",
            b"hi\0\0\0\0\0\0\0\x02",
            b"ho\0\0\0\0\0\0\0\x01",
        ] {
            let start = Instant::now();
            let mut keepalive = keepalive(100, 30, start);
            let first = ping(keepalive.step(start + ms(100), false, false));
            assert_eq!(keepalive.note_pong(other, start + ms(110)), None);
            assert_eq!(keepalive.next_step(), Deadline::at(start + ms(200)));
            let second = ping(keepalive.step(start + ms(200), false, false));
            // A ping answered by another pong may still get its own, late.
            assert_eq!(keepalive.note_pong(&first, start + ms(210)), Some(ms(110)));
            assert_eq!(keepalive.note_pong(&second, start + ms(215)), Some(ms(15)));
        }
    }

    #[test]
    fn a_pong_counts_for_the_pending_ping_and_not_for_the_next() {
        let start = Instant::now();
        let mut keepalive = keepalive(100, 30, start);
        ping(keepalive.step(start + ms(100), false, false));
        keepalive.note_pong(b"", start + ms(110));
        keepalive.note_pong(b"", start + ms(120));
        ping(keepalive.step(start + ms(200), false, false));
        assert_eq!(keepalive.step(start + ms(230), false, false), Due::Dead);
    }

    #[test]
    fn a_long_frame_extends_the_timeout_while_it_moves() {
        let start = Instant::now();
        let mut keepalive = keepalive(100, 30, start);
        ping(keepalive.step(start + ms(100), false, false));
        assert_eq!(keepalive.step(start + ms(130), true, false), Due::Nothing);
        assert_eq!(keepalive.next_step(), Deadline::at(start + ms(160)));
        assert_eq!(keepalive.step(start + ms(160), false, false), Due::Dead);
    }

    #[test]
    fn a_driver_that_was_busy_does_not_send_a_burst() {
        let start = Instant::now();
        let mut keepalive = keepalive(100, 0, start);
        ping(keepalive.step(start + ms(1000), false, false));
        assert_eq!(keepalive.step(start + ms(1099), false, false), Due::Nothing);
        let second = ping(keepalive.step(start + ms(1100), false, false));
        assert_eq!(
            keepalive.note_pong(&second, start + ms(1500)),
            Some(ms(400))
        );
    }

    #[test]
    fn a_round_trip_may_be_longer_than_the_interval() {
        let start = Instant::now();
        let mut keepalive = keepalive(10, 0, start);
        let pings: Vec<_> = (1..=100)
            .map(|i| ping(keepalive.step(start + ms(10 * i), false, false)))
            .collect();
        let now = start + ms(1000);
        assert_eq!(keepalive.note_pong(&pings[83], now), None, "forgotten");
        assert_eq!(keepalive.note_pong(&pings[95], now), Some(ms(40)));
        assert_eq!(keepalive.note_pong(&pings[94], now), None, "older");
        assert_eq!(keepalive.note_pong(&pings[99], now), Some(ms(0)));
    }

    #[test]
    fn an_interval_may_be_shorter_than_the_timeout() {
        let start = Instant::now();
        let mut keepalive = keepalive(10, 100, start);
        let first = ping(keepalive.step(start + ms(10), false, false));
        assert_eq!(keepalive.step(start + ms(60), false, false), Due::Nothing);
        keepalive.note_pong(&first, start + ms(70));
        ping(keepalive.step(start + ms(70), false, false));
        assert_eq!(keepalive.step(start + ms(170), false, false), Due::Dead);
    }

    #[test]
    fn a_queued_ping_is_not_followed_by_another() {
        let start = Instant::now();
        let mut keepalive = keepalive(10, 0, start);
        ping(keepalive.step(start + ms(10), false, false));
        assert_eq!(keepalive.step(start + ms(20), false, true), Due::Nothing);
        assert_eq!(keepalive.next_step(), Deadline::at(start + ms(30)));
        ping(keepalive.step(start + ms(30), false, false));
    }

    #[test]
    fn without_an_interval_nothing_is_ever_due() {
        let start = Instant::now();
        let mut keepalive = keepalive(0, 0, start);
        assert_eq!(keepalive.next_step(), Deadline::NEVER);
        assert_eq!(
            keepalive.step(start + ms(1_000_000), false, false),
            Due::Nothing
        );
    }
}
