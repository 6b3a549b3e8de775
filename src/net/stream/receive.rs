// SPDX-License-Identifier: Apache-2.0
//! One read of the socket, and waiting for its first byte.

use super::{Stream, Uncommon, Wait};
use crate::base::deadline::Deadline;
use crate::base::sync::Ordering;
use crate::net::poll::{OnSignal, Poll, Waited};
use crate::net::sys;
use crate::net::tls::cipher_buffer::ReadOutcome;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

impl Stream {
    pub(super) fn receive(&self, into: &mut Vec<u8>, wait: Wait) -> io::Result<ReadOutcome> {
        match (&self.uncommon, wait) {
            (Some(it), Wait::For { deadline, .. } | Wait::Until(deadline))
                if !it.spin.is_zero() =>
            {
                self.spin_and_receive(into, wait, it.spin, deadline)
            }
            _ => self.wait_and_receive(into, wait),
        }
    }

    #[cold]
    fn spin_and_receive(
        &self,
        into: &mut Vec<u8>,
        wait: Wait,
        spin: Duration,
        deadline: Deadline,
    ) -> io::Result<ReadOutcome> {
        let end = Deadline::after(Instant::now(), Some(spin)).or_earlier(deadline);
        while !end.has_passed(Instant::now()) {
            match self.wait_and_receive(into, Wait::No)? {
                ReadOutcome::TimedOut => std::hint::spin_loop(),
                outcome => return Ok(outcome),
            }
        }
        match wait {
            Wait::For {
                span: Some(_),
                deadline,
            } => self.wait_and_receive(into, Wait::Until(deadline)),
            wait => self.wait_and_receive(into, wait),
        }
    }

    fn wait_and_receive(&self, into: &mut Vec<u8>, wait: Wait) -> io::Result<ReadOutcome> {
        self.process.check()?;
        let deadline = match wait {
            Wait::No => None,
            Wait::For { deadline, .. } | Wait::Until(deadline) => Some(deadline),
        };
        let mut flags = match wait {
            Wait::For { span, .. } if self.waits_in_read() => {
                self.set_receive_timeout(span).map(|()| 0)?
            }
            Wait::Until(Deadline::NEVER) if self.waits_in_read() => {
                self.set_receive_timeout(None).map(|()| 0)?
            }
            _ => libc::MSG_DONTWAIT,
        };
        let mut must_wait = self.expects_response() && deadline.is_some();
        loop {
            if !std::mem::take(&mut must_wait) {
                match self.receive_once(into, flags) {
                    Ok(0) => return Ok(ReadOutcome::End),
                    Ok(count) => {
                        self.bytes_received.add(count as u64);
                        return Ok(ReadOutcome::Bytes);
                    }
                    Err(error) => match error.kind() {
                        io::ErrorKind::Interrupted if flags != 0 => continue,
                        // Part or all of the socket's timeout has passed; the deadline decides
                        // which.
                        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => {}
                        _ => return Err(error),
                    },
                }
            }
            let Some(deadline) = deadline else {
                return Ok(ReadOutcome::TimedOut);
            };
            let mut poll = Poll::default();
            poll.add(self.fd(), true, false);
            match self.wait(&mut poll, deadline)? {
                Waited::Ready => {}
                Waited::TimedOut => return Ok(ReadOutcome::TimedOut),
                Waited::Interrupted => return Ok(ReadOutcome::Interrupted),
            }
            flags = libc::MSG_DONTWAIT;
        }
    }

    #[inline]
    fn receive_once(&self, into: &mut Vec<u8>, flags: libc::c_int) -> io::Result<usize> {
        match &self.uncommon {
            None => sys::receive(self.socket.as_fd(), into, flags),
            Some(uncommon) => self.receive_otherwise(uncommon, into, flags),
        }
    }

    #[cold]
    fn receive_otherwise(
        &self,
        uncommon: &Uncommon,
        into: &mut Vec<u8>,
        flags: libc::c_int,
    ) -> io::Result<usize> {
        if let Some(transport) = &uncommon.transport {
            return match self.check_shut_down() {
                Ok(()) => transport.read(&self.socket, into),
                Err(_) => Ok(0),
            };
        }
        let Some(last_arrival_ns) = &uncommon.last_arrival_ns else {
            return sys::receive(self.socket.as_fd(), into, flags);
        };
        let (count, ns) = sys::receive_stamped(self.socket.as_fd(), into, flags)?;
        last_arrival_ns.store(ns, Ordering::Relaxed);
        Ok(count)
    }

    /// Whether a read may wait inside `recv(2)`.
    fn waits_in_read(&self) -> bool {
        self.on_signal == OnSignal::Continue && self.is_blocking.load(Ordering::Relaxed)
    }

    /// Whether to wait in `poll(2)` before the first read attempt, which would find nothing:
    /// something was sent since the last read, and the response takes a while.
    fn expects_response(&self) -> bool {
        if self.is_prepared.load(Ordering::Relaxed) {
            return false;
        }
        let sent = self.bytes_sent.get();
        self.sent_at_last_read.swap(sent, Ordering::Relaxed) != sent
    }

    /// Makes a system call only when the value changes; a caller's usual timeout stays set.
    fn set_receive_timeout(&self, span: Option<Duration>) -> io::Result<()> {
        // Zero would mean no timeout (socket(7)).
        let us = span.map_or(0, |span| {
            u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1)
        });
        if self.receive_timeout_us.swap(us, Ordering::Relaxed) != us {
            self.socket
                .set_read_timeout(span.map(|_| Duration::from_micros(us)))?;
        }
        Ok(())
    }
}
