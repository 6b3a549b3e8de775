// SPDX-License-Identifier: Apache-2.0
//! A handshake over a transport, with the peer at its other end.

use super::transport::Transport;
use crate::base::deadline::Deadline;
use crate::base::error::Error;
use crate::base::log::{self, Level};
use crate::base::sync::Arc;
use crate::conn::trace;
use crate::net::poll::Poll;
use crate::net::tls::cipher_buffer::ReadOutcome;
use crate::protocol::handshake::Handshake;
use crate::protocol::http::reply::Response;
use std::time::{Duration, Instant};

/// How long the body of a refusal is waited for: the status is known, the body only helps.
const BODY_WAIT: Duration = Duration::from_secs(2);

pub struct HandshakeIo {
    transport: Box<Transport>,
    handshake: Box<dyn Handshake + Send>,
    body_deadline: Deadline,
}

impl HandshakeIo {
    pub fn new(transport: Box<Transport>, handshake: Box<dyn Handshake + Send>) -> Self {
        Self {
            transport,
            handshake,
            body_deadline: Deadline::NEVER,
        }
    }

    /// Goes on as far as the socket allows; true when the handshake is settled.
    pub fn advance(&mut self, now: Instant, poll: &Poll, is_late: bool) -> Result<bool, Error> {
        let is_late = is_late || self.body_deadline.has_passed(now);
        if self.handshake.is_refused() && is_late {
            return Err(self.handshake.end());
        }
        self.say()?;
        // A peer may refuse before it has read all of a long request, and then end the stream: its
        // answer counts.
        let sent = self.transport.send();
        if !poll.is_readable(self.transport.stream.fd()) {
            return sent.map(|()| false);
        }
        // One read a step: between two the driver looks at the clock and for an abort.
        match self.transport.read() {
            // The status says more than how the connection ended.
            Err(_) if self.handshake.is_refused() => return Err(self.handshake.end()),
            Err(error) => return Err(error),
            Ok(ReadOutcome::TimedOut | ReadOutcome::Nothing | ReadOutcome::Interrupted) => {
                return sent.map(|()| false);
            }
            Ok(ReadOutcome::End) => return Err(self.handshake.end()),
            Ok(ReadOutcome::Bytes) => {}
        }
        let is_settled = self.handshake.receive(&mut self.transport.input)?;
        if self.say()? {
            self.transport.send()?;
        }
        if !is_settled && self.handshake.is_refused() && self.body_deadline == Deadline::NEVER {
            self.body_deadline = Deadline::after(now, Some(BODY_WAIT));
        }
        Ok(is_settled)
    }

    pub fn prepare(&self) {
        self.transport.stream.prepare();
    }

    pub fn add_interests(&self, poll: &mut Poll) {
        self.transport.add_interests(poll);
    }

    /// When to advance even if nothing has come.
    pub fn next_step(&self) -> Deadline {
        self.body_deadline
    }

    /// What has been answered, in the form in which it is kept. Asked once, at the end.
    pub fn take_response(&mut self) -> Option<Arc<Response>> {
        let response = self.handshake.take_response().map(Arc::new);
        if let Some(response) = &response {
            trace::response(&response.head);
        }
        response
    }

    pub fn into_transport(self) -> Box<Transport> {
        self.transport
    }

    /// True if there was something to say.
    fn say(&mut self) -> Result<bool, Error> {
        let mut has_said = false;
        while let Some(output) = self.handshake.output() {
            if log::is_on(Level::Trace) {
                trace::said(output.shown());
            }
            self.transport.say(output.bytes)?;
            has_said = true;
        }
        Ok(has_said)
    }
}
