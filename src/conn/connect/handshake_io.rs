// SPDX-License-Identifier: Apache-2.0
//! Performs a handshake with the peer at the other end of a transport.

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

/// How long to wait for the body of a rejection: the status is known, the body only adds detail.
const BODY_WAIT: Duration = Duration::from_secs(2);

pub struct HandshakeIo {
    transport: Box<Transport>,
    handshake: Box<dyn Handshake + Send>,
    body_deadline: Deadline,
    has_received: bool,
}

impl HandshakeIo {
    pub fn new(transport: Box<Transport>, handshake: Box<dyn Handshake + Send>) -> Self {
        Self {
            transport,
            handshake,
            body_deadline: Deadline::NEVER,
            has_received: false,
        }
    }

    /// Advances as far as the socket allows; true when the handshake is complete.
    pub fn advance(&mut self, now: Instant, poll: &Poll, is_late: bool) -> Result<bool, Error> {
        let is_late = is_late || self.body_deadline.has_passed(now);
        if self.handshake.is_refused() && is_late {
            return Err(self.handshake.end());
        }
        self.queue_output()?;
        // A peer may reject a long request before it has read all of it, and then end the stream:
        // its response counts.
        let sent = self.transport.send();
        if !poll.is_readable(self.transport.stream.fd()) {
            return sent.map(|()| false);
        }
        // One read per step: between reads the driver checks the clock and looks for an abort.
        match self.transport.read() {
            // The status says more than how the connection ended.
            Err(_) if self.handshake.is_refused() => return Err(self.handshake.end()),
            Err(error) => return Err(error),
            Ok(ReadOutcome::TimedOut | ReadOutcome::Nothing | ReadOutcome::Interrupted) => {
                return sent.map(|()| false);
            }
            Ok(ReadOutcome::End) => return Err(self.handshake.end()),
            Ok(ReadOutcome::Bytes) => self.has_received = true,
        }
        let is_complete = self.handshake.receive(&mut self.transport.input)?;
        if self.queue_output()? {
            self.transport.send()?;
        }
        if !is_complete && self.handshake.is_refused() && self.body_deadline == Deadline::NEVER {
            self.body_deadline = Deadline::after(now, Some(BODY_WAIT));
        }
        Ok(is_complete)
    }

    /// Whether the peer has begun to reply.
    pub fn has_received(&self) -> bool {
        self.has_received
    }

    pub fn prepare(&self) {
        self.transport.stream.prepare();
    }

    pub fn add_interests(&self, poll: &mut Poll) {
        self.transport.add_interests(poll);
    }

    /// When to advance even if no descriptor is ready.
    pub fn next_step(&self) -> Deadline {
        self.body_deadline
    }

    /// The response. Called once, at the end.
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

    /// Queues what the handshake wants to send; true if there was something.
    fn queue_output(&mut self) -> Result<bool, Error> {
        let mut has_output = false;
        while let Some(output) = self.handshake.output() {
            if log::is_on(Level::Trace) {
                trace::sent(output.shown());
            }
            self.transport.queue(output.bytes)?;
            has_output = true;
        }
        Ok(has_output)
    }
}
