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
    /// What a call that does not wait has done, counted in bytes.
    work: usize,
}

/// The most that a call that does not wait does: enough for a message that fills the buffer of the
/// socket (net.ipv4.tcp_rmem, 6 MiB by default). Without a limit, a flood could keep it busy
/// forever.
const MOST_WORK: usize = 8 << 20;
/// For a close, which discards what it reads.
const CLOSE_WORK: usize = 256 << 10;
/// A read counts at least as much, and a control frame so much: they take time, however small they
/// are.
const READ_WORK: usize = 1024;
const CONTROL_WORK: usize = 512;

impl WaitBudget {
    pub fn new(timeout: Timeout) -> Self {
        Self {
            timeout,
            deadline: None,
            is_interrupted: false,
            work: 0,
        }
    }

    /// For a close: if it must not wait, it reads less, because the server may send without end.
    pub fn for_close(timeout: Timeout) -> Self {
        Self {
            work: MOST_WORK - CLOSE_WORK,
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
        self.work += CONTROL_WORK;
        self.work >= MOST_WORK
    }

    /// Notes a read that did not wait.
    pub fn note_read(&mut self, bytes: usize) {
        self.work += bytes.max(READ_WORK);
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
            Some(Duration::ZERO) => Wait::No,
            span if is_first => Wait::For { span, deadline },
            _ => Wait::Until(deadline),
        }
    }
}
