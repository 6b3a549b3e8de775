// SPDX-License-Identifier: Apache-2.0
//! How long one call may still wait. The clock is read when the first wait begins, so a call that
//! does not wait does not read it.

use crate::base::deadline::{Deadline, Timeout};
use crate::net::stream::Wait;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct WaitBudget {
    /// Counted from the first wait.
    timeout: Timeout,
    /// Set by the first wait.
    deadline: Option<Deadline>,
    /// A signal has interrupted one wait, so the call does not begin another.
    is_interrupted: bool,
    /// What a call that does not wait has done, counted in control frames.
    work: u32,
}

/// The most that a call that does not wait does: 16 reads, which is enough for a message that fills
/// the buffer of the socket, or 1,024 control frames. Without a limit, a flood could keep it busy
/// forever.
const MOST_WORK: u32 = 16 * READ_WORK;
/// A read counts as much as this many control frames.
const READ_WORK: u32 = 64;

impl WaitBudget {
    pub fn new(timeout: Timeout) -> Self {
        Self {
            timeout,
            deadline: None,
            is_interrupted: false,
            work: 0,
        }
    }

    /// For a close: if it must not wait, it reads once, because the server may send without end.
    pub fn for_close(timeout: Timeout) -> Self {
        Self {
            work: MOST_WORK - READ_WORK,
            ..Self::new(timeout)
        }
    }

    pub fn is_limited(&self) -> bool {
        self.timeout.is_limited()
    }

    #[inline]
    pub fn may_wait(&self) -> bool {
        self.timeout != Timeout::ZERO
    }

    /// A signal arrived when the call could no longer return early: it finishes without waiting
    /// again.
    pub fn interrupt(&mut self) {
        self.is_interrupted = true;
    }

    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

    #[inline]
    pub fn deadline(&mut self) -> Deadline {
        let span = self.timeout.span();
        *self.deadline.get_or_insert_with(|| match span {
            None => Deadline::NEVER,
            span => Deadline::after(Instant::now(), span),
        })
    }

    pub fn is_over(&mut self) -> bool {
        self.is_limited() && self.deadline().has_passed(Instant::now())
    }

    /// Whether the time is up, checked only after a first wait: if there is always something to
    /// read, no wait ends by a timeout. A call that does not wait reads what has arrived, so that
    /// an edge-triggered watcher learns of whatever arrives after it.
    pub fn expired_after_waiting(&mut self) -> bool {
        self.deadline.is_some()
            && match self.may_wait() {
                true => self.is_over(),
                false => self.work >= MOST_WORK,
            }
    }

    /// Whether the time is up after a control frame was processed: a flood of pings may take long.
    pub fn expired_while_processing(&mut self) -> bool {
        if self.may_wait() {
            return self.is_over();
        }
        self.work += 1;
        self.work >= MOST_WORK
    }

    pub fn remaining(&mut self) -> Option<Duration> {
        self.deadline().remaining(Instant::now())
    }

    /// For a read: the first wait is the whole timeout, which the socket usually has set already;
    /// later waits are for the time that is left.
    #[inline]
    pub fn wait(&mut self) -> Wait {
        let is_first = self.deadline.is_none();
        let (span, deadline) = (self.timeout.span(), self.deadline());
        match span {
            Some(Duration::ZERO) => {
                self.work += READ_WORK;
                Wait::No
            }
            span if is_first => Wait::For { span, deadline },
            _ => Wait::Until(deadline),
        }
    }
}
