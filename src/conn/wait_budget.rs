// SPDX-License-Identifier: Apache-2.0
//! How long one call still waits. The clock is read when the first wait begins, so that a call that
//! need not wait does not read it at all.

use crate::base::deadline::{Deadline, Timeout};
use crate::net::stream::Wait;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct WaitBudget {
    /// From the first wait on.
    timeout: Timeout,
    /// Known from the first wait on.
    deadline: Option<Deadline>,
    /// A signal has interrupted one wait, so the call does not begin another.
    is_interrupted: bool,
}

impl WaitBudget {
    pub fn new(timeout: Timeout) -> Self {
        Self {
            timeout,
            deadline: None,
            is_interrupted: false,
        }
    }

    pub fn is_limited(&self) -> bool {
        self.timeout.is_limited()
    }

    pub fn may_wait(&self) -> bool {
        self.timeout != Timeout::ZERO
    }

    /// A signal came when the call could not return any more: it ends without further waits.
    pub fn interrupt(&mut self) {
        self.is_interrupted = true;
    }

    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

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

    /// After a first wait the time may be up although there is always something to read.
    pub fn expired_after_waiting(&mut self) -> bool {
        self.deadline.is_some() && self.is_over()
    }

    /// While what has come is looked through, which takes time, too, where it is a flood of pings.
    /// A call that does not wait looks through all of it.
    pub fn expired_while_processing(&mut self) -> bool {
        self.may_wait() && self.is_over()
    }

    pub fn remaining(&mut self) -> Option<Duration> {
        self.deadline().remaining(Instant::now())
    }

    /// For a read: the first wait is the whole span, which the socket mostly has set; later ones
    /// are what is left.
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
