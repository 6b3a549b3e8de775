// SPDX-License-Identifier: Apache-2.0
//! How long one call still waits. The clock is read when the first wait begins, so that a call that need not wait
//! does not read it at all.

use crate::base::deadline::Deadline;
use crate::net::stream::Wait;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct Patience {
    span: Option<Duration>,
    deadline: Option<Deadline>,
    has_waited: bool,
}

impl Patience {
    /// `span` from the first wait on; `None` is for ever.
    pub fn new(span: Option<Duration>) -> Self {
        Self {
            span,
            deadline: None,
            has_waited: false,
        }
    }

    pub fn deadline(&mut self) -> Deadline {
        let span = self.span;
        *self.deadline.get_or_insert_with(|| {
            if span.is_none() {
                Deadline::NEVER
            } else {
                Deadline::after(Instant::now(), span)
            }
        })
    }

    pub fn is_over(&mut self) -> bool {
        self.span.is_some() && self.deadline().has_passed(Instant::now())
    }

    pub fn remaining(&mut self) -> Option<Duration> {
        self.deadline().remaining(Instant::now())
    }

    /// For a read: the first wait is the whole span, which the socket mostly has set; later ones are what is left.
    pub fn wait(&mut self) -> Wait {
        if self.span == Some(Duration::ZERO) {
            return Wait::No;
        }
        let deadline = self.deadline();
        if std::mem::replace(&mut self.has_waited, true) {
            return Wait::Until(deadline);
        }
        Wait::For {
            span: self.span,
            deadline,
        }
    }
}
