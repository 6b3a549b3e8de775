// SPDX-License-Identifier: Apache-2.0
//! How long the parts of a connect take. A connector never waits, so all time passes between two of
//! its steps, in the part in which it waited; the time of each step is known anyway.

use crate::base::error::Phase;
use std::time::{Duration, Instant};

/// What a connect waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectPart {
    /// Everything before the last redirect.
    Redirects,
    Lookup,
    Dial,
    /// Talking to the proxy, also TLS with it.
    Proxy,
    Tls,
    Upgrade,
    /// Its time counts for `Proxy`.
    ProxyTls = Self::Proxy as isize + SLOTS as isize,
}

/// More than there are parts whose time is counted.
const SLOTS: usize = 8;

impl ConnectPart {
    fn slot(self) -> usize {
        self as usize % SLOTS
    }
}

/// Nanoseconds for each [`ConnectPart`], of the connect in progress or the last one.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// Until when the time of the current part has been counted; `None` once the connect has ended.
    counted_until: Option<Instant>,
    parts: [u64; 6],
    /// From the beginning; 0 if there was no response.
    first_byte: u64,
    addresses: u16,
    redirects: u16,
    part: ConnectPart,
    /// Where it failed, or `Open`. Until it has ended, the part counts.
    end: Phase,
}

impl Timings {
    pub fn begin(now: Instant) -> Self {
        Self {
            counted_until: Some(now),
            parts: [0; 6],
            first_byte: 0,
            addresses: 0,
            redirects: 0,
            part: ConnectPart::Lookup,
            end: Phase::None,
        }
    }

    /// Counts the time since the last call for the current part. The connect is in progress.
    pub fn spend(&mut self, now: Instant) {
        // Equal in the first step.
        if self.counted_until == Some(now) {
            return;
        }
        let part = self.parts.get_mut(self.part.slot());
        if let (Some(counted_until), Some(part)) = (self.counted_until, part) {
            *part += nanoseconds(now.saturating_duration_since(counted_until));
        }
        self.counted_until = Some(now);
    }

    /// From now on, time counts for `part`.
    pub fn enter(&mut self, part: ConnectPart) {
        self.part = part;
    }

    pub fn note_address(&mut self) {
        self.addresses = self.addresses.saturating_add(1);
    }

    /// Called when bytes of a response have arrived, which may not be the first ones.
    pub fn note_response(&mut self) {
        if self.first_byte == 0 {
            self.first_byte = self.total();
        }
    }

    /// Another server follows: what was measured so far becomes one part.
    pub fn note_redirect(&mut self) {
        self.parts = [self.total(), 0, 0, 0, 0, 0];
        self.redirects = self.redirects.saturating_add(1);
        self.addresses = 0;
        self.first_byte = 0;
    }

    /// The connect has succeeded.
    pub fn end_open(&mut self) {
        self.counted_until = None;
        self.end = Phase::Open;
    }

    /// The connect has failed in `phase`.
    pub fn fail(&mut self, phase: Phase) {
        if !self.has_ended() {
            // The time of a failure is that of no step.
            self.spend(Instant::now());
            self.counted_until = None;
        }
        self.end = phase;
    }

    /// What has been measured until `now`, if the connect is still in progress.
    pub fn until(mut self, now: Instant) -> Self {
        if !self.has_ended() {
            self.spend(now);
        }
        self
    }

    pub fn has_ended(&self) -> bool {
        self.counted_until.is_none()
    }

    /// The phase of a failure, `Open`, or the current phase.
    pub fn phase(&self) -> Phase {
        if self.has_ended() {
            return self.end;
        }
        match self.part {
            ConnectPart::Redirects | ConnectPart::Lookup => Phase::Resolve,
            ConnectPart::Dial => Phase::Connect,
            ConnectPart::Proxy => Phase::Proxy,
            ConnectPart::ProxyTls | ConnectPart::Tls => Phase::Tls,
            ConnectPart::Upgrade => Phase::Upgrade,
        }
    }

    /// Until when time has been counted, while the connect is in progress.
    pub fn counted_until(&self) -> Option<Instant> {
        self.counted_until
    }

    pub fn total(&self) -> u64 {
        self.parts.iter().sum()
    }

    pub fn of(&self, part: ConnectPart) -> u64 {
        self.parts.get(part.slot()).copied().unwrap_or_default()
    }

    pub fn first_byte(&self) -> u64 {
        self.first_byte
    }

    pub fn addresses(&self) -> u16 {
        self.addresses
    }

    pub fn redirects(&self) -> u16 {
        self.redirects
    }

    /// Changes when others must be shown more than the time that has passed.
    pub fn progress(&self) -> u64 {
        let numbers = u64::from(self.redirects) << 16 | u64::from(self.addresses);
        let has_response = u64::from(self.first_byte > 0);
        numbers << 16 | has_response << 8 | self.part as u64
    }
}

/// Avoids the 128-bit nanoseconds of the standard library; these last for 584 years.
fn nanoseconds(span: Duration) -> u64 {
    let seconds = span.as_secs().wrapping_mul(1_000_000_000);
    seconds.wrapping_add(span.subsec_nanos().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn time_counts_for_the_part_that_waits() {
        let start = Instant::now();
        let mut timings = Timings::begin(start);
        timings.spend(start);
        timings.enter(ConnectPart::Dial);
        timings.note_address();
        timings.spend(after(start, 3));
        assert_eq!(timings.phase(), Phase::Connect);
        assert_eq!(timings.until(after(start, 5)).of(ConnectPart::Dial), 5 * MS);
        timings.enter(ConnectPart::Upgrade);
        timings.spend(after(start, 10));
        let before = timings.progress();
        assert!(before == timings.progress());
        timings.note_response();
        assert!(before != timings.progress());
        timings.spend(after(start, 12));
        timings.note_response();
        timings.end_open();
        let ended = timings.until(after(start, 99));
        assert!(ended.has_ended());
        assert_eq!(ended.phase(), Phase::Open);
        let parts = [ConnectPart::Lookup, ConnectPart::Dial, ConnectPart::Upgrade]
            .map(|part| ended.of(part));
        assert_eq!(parts, [0, 3 * MS, 9 * MS]);
        assert_eq!((ended.first_byte(), ended.total()), (10 * MS, 12 * MS));
    }

    #[test]
    fn a_redirect_makes_one_part_of_all_before_it() {
        let start = Instant::now();
        let mut timings = Timings::begin(start);
        timings.note_address();
        timings.enter(ConnectPart::Upgrade);
        timings.spend(after(start, 7));
        timings.note_response();
        timings.note_redirect();
        timings.enter(ConnectPart::Tls);
        timings.spend(after(start, 9));
        assert_eq!((timings.redirects(), timings.addresses()), (1, 0));
        assert_eq!(timings.of(ConnectPart::Redirects), 7 * MS);
        assert_eq!(timings.of(ConnectPart::Tls), 2 * MS);
        assert_eq!(
            (timings.of(ConnectPart::Upgrade), timings.first_byte()),
            (0, 0)
        );
    }

    #[test]
    fn a_failure_has_its_own_phase_and_time() {
        let start = Instant::now();
        let mut timings = Timings::begin(start);
        timings.enter(ConnectPart::ProxyTls);
        assert_eq!(timings.phase(), Phase::Tls);
        timings.spend(after(start, 3));
        assert_eq!(timings.of(ConnectPart::Proxy), 3 * MS);
        timings.enter(ConnectPart::Proxy);
        timings.fail(Phase::Tls);
        assert_eq!(timings.phase(), Phase::Tls);
        let total = timings.total();
        assert_eq!(timings.until(after(start, 99)).total(), total);
        assert_eq!(timings.of(ConnectPart::Proxy), total);
    }
}
