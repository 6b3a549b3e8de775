// SPDX-License-Identifier: Apache-2.0
//! From a URL to an open connection, as a state machine that never waits:
//! look-up → TCP → TLS → upgrade. Whoever drives it waits for what it names and steps it again.

use super::options::Options;
use super::trace;
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind, Phase};
use crate::base::outbox::Outbox;
use crate::base::sync::Arc;
use crate::net::poll::Poll;
use crate::net::resolve::Lookup;
use crate::net::socket;
use crate::net::stream::{Intake, Received, Stream, Wait, lost};
use crate::net::tcp::Dial;
use crate::net::tls::Tls;
use crate::net::wake::Wake;
use crate::protocol::dialogue::Dialogue;
use crate::protocol::http::reply::Response;
use crate::protocol::http::upgrade::Upgrade;
use crate::protocol::url::Url;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// How long the body of a refusal is waited for: the status is known, the body only helps.
const BODY_WAIT: Duration = Duration::from_secs(2);

/// A read of the answer; an upgrade response is a few hundred bytes, and what follows it belongs to the open connection.
const READ_BYTES: usize = 16 * 1024;

pub struct Connector<'a> {
    url: Url,
    options: &'a Options,
    nonce: [u8; 16],
    wake: Arc<Wake>,
    deadline: Deadline,
    stage: Stage,
    /// What the server answered, also when it was no yes.
    response: Option<Response>,
}

enum Stage {
    Resolve(Lookup),
    Dial(Dial),
    Tls(Wire),
    Upgrade {
        wire: Wire,
        upgrade: Box<Upgrade>,
        input: Vec<u8>,
        body_deadline: Deadline,
    },
    Done,
}

/// A connected stream on which somebody talks before it is open.
struct Wire {
    stream: Stream,
    intake: Intake,
    output: Outbox,
}

/// What a connect has made.
pub struct Established {
    pub stream: Stream,
    pub intake: Intake,
    /// What came behind the answer.
    pub input: Vec<u8>,
    /// What has not found room yet.
    pub output: Outbox,
}

impl<'a> Connector<'a> {
    /// `nonce` is the random part of the upgrade.
    pub fn new(
        url: Url,
        options: &'a Options,
        nonce: [u8; 16],
        wake: Arc<Wake>,
        deadline: Deadline,
        now: Instant,
    ) -> Result<Self, Error> {
        let stage = match (options.fd, url.ip()) {
            (Some(fd), _) => {
                let stream = Stream::new(socket::adopt(fd, &options.socket_options)?);
                Stage::Tls(Wire::new(&url, options, stream)?)
            }
            (None, Some(ip)) => Stage::Dial(Dial::new(vec![SocketAddr::new(ip, url.port())], now)),
            (None, None) => Stage::Resolve(Lookup::start(&url.host(), url.port(), &wake)?),
        };
        Ok(Self {
            url,
            options,
            nonce,
            wake,
            deadline,
            stage,
            response: None,
        })
    }

    /// What the server has answered so far. Taken out when the connect has ended.
    pub fn take_response(&mut self) -> Option<Response> {
        let response = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Upgrade { mut upgrade, .. } => upgrade.take_response(),
            _ => self.response.take(),
        };
        if let Some(response) = &response {
            trace::response(&response.head);
        }
        response
    }

    /// Goes on as far as possible; `poll` holds what the last wait brought. `None`: wait again.
    pub fn step(&mut self, now: Instant, poll: &Poll) -> Result<Option<Established>, Error> {
        if poll.is_ready(self.wake.as_raw_fd()) {
            self.wake.clear();
        }
        loop {
            match self
                .advance(now, poll)
                .map_err(|error| self.name_server(error))?
            {
                Step::Next(stage) => self.stage = stage,
                Step::Open(established) => return Ok(Some(established)),
                Step::Wait if self.deadline.has_passed(now) => return Err(self.timed_out()),
                Step::Wait => return Ok(None),
            }
        }
    }

    /// What it is busy with.
    pub fn phase(&self) -> Phase {
        match &self.stage {
            Stage::Resolve(_) => Phase::Resolve,
            Stage::Dial(_) => Phase::Connect,
            Stage::Tls(_) => Phase::Tls,
            Stage::Upgrade { .. } | Stage::Done => Phase::Upgrade,
        }
    }

    /// Names what is waited for.
    pub fn add_interests(&self, poll: &mut Poll) {
        poll.add(self.wake.as_raw_fd(), true, false);
        match &self.stage {
            Stage::Resolve(_) | Stage::Done => {}
            Stage::Dial(dial) => dial.descriptors().for_each(|fd| poll.add(fd, false, true)),
            Stage::Tls(wire) | Stage::Upgrade { wire, .. } => {
                poll.add(wire.stream.fd(), true, !wire.output.is_empty())
            }
        }
    }

    /// When to step even if nothing has come.
    pub fn next_step(&self) -> Deadline {
        let own = match &self.stage {
            Stage::Dial(dial) => dial.next_attempt(),
            Stage::Upgrade { body_deadline, .. } => *body_deadline,
            Stage::Resolve(_) | Stage::Tls(_) | Stage::Done => Deadline::NEVER,
        };
        own.or_earlier(self.deadline)
    }

    fn advance(&mut self, now: Instant, poll: &Poll) -> Result<Step, Error> {
        match &mut self.stage {
            Stage::Resolve(lookup) => Ok(match lookup.poll()? {
                Some(addresses) => Step::Next(Stage::Dial(Dial::new(addresses, now))),
                None => Step::Wait,
            }),
            Stage::Dial(dial) => {
                let Some((_, socket)) =
                    dial.step(now, &self.options.socket_options, |fd| poll.is_ready(fd))?
                else {
                    return Ok(Step::Wait);
                };
                let mut stream = Stream::new(socket);
                stream.finish_connecting()?;
                Ok(Step::Next(Stage::Tls(Wire::new(
                    &self.url,
                    self.options,
                    stream,
                )?)))
            }
            Stage::Tls(wire) => {
                if !wire.handshake(poll)? {
                    return Ok(Step::Wait);
                }
                self.begin_upgrade()
            }
            Stage::Upgrade { .. } => self
                .advance_upgrade(now, poll)
                .map_err(|error| error.or_in_phase(Phase::Upgrade)),
            Stage::Done => Ok(Step::Wait),
        }
    }

    fn begin_upgrade(&mut self) -> Result<Step, Error> {
        let Stage::Tls(mut wire) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return Ok(Step::Wait);
        };
        let mut upgrade = Box::new(Upgrade::new(&self.url, &self.options.request, self.nonce));
        if let Some(mut output) = upgrade.output() {
            trace::said(&output.shown);
            wire.stream.seal(&mut output.bytes, &mut wire.output)?;
        }
        Ok(Step::Next(Stage::Upgrade {
            wire,
            upgrade,
            input: Vec::new(),
            body_deadline: Deadline::NEVER,
        }))
    }

    fn advance_upgrade(&mut self, now: Instant, poll: &Poll) -> Result<Step, Error> {
        let Stage::Upgrade {
            wire,
            upgrade,
            input,
            body_deadline,
        } = &mut self.stage
        else {
            return Ok(Step::Wait);
        };
        let is_late = body_deadline.has_passed(now) || self.deadline.has_passed(now);
        if upgrade.is_refused() && is_late {
            return Err(upgrade.end());
        }
        // A server may refuse before it has read all of a long request, and then end the stream: its answer counts.
        let sent = wire.send();
        if !poll.is_readable(wire.stream.fd()) {
            return sent.map(|()| Step::Wait);
        }
        // One read of the socket a step: between two the driver looks at the clock and for an abort.
        loop {
            input.reserve(READ_BYTES);
            match wire.stream.read(&mut wire.intake, input, Wait::No)? {
                Received::TimedOut | Received::Nothing => return sent.map(|()| Step::Wait),
                Received::End => return Err(upgrade.end()),
                Received::Bytes => {}
            }
            if wire.intake.owes_output {
                wire.stream.seal(&mut Vec::new(), &mut wire.output)?;
                wire.send()?;
            }
            if upgrade.receive(input)? {
                return Ok(self.open());
            }
            if upgrade.is_refused() && *body_deadline == Deadline::NEVER {
                *body_deadline = Deadline::after(now, Some(BODY_WAIT));
            }
            if !wire.intake.has_more {
                return Ok(Step::Wait);
            }
        }
    }

    fn open(&mut self) -> Step {
        let Stage::Upgrade {
            wire,
            mut upgrade,
            input,
            ..
        } = std::mem::replace(&mut self.stage, Stage::Done)
        else {
            return Step::Wait;
        };
        self.response = upgrade.take_response();
        Step::Open(Established {
            stream: wire.stream,
            intake: wire.intake,
            input,
            output: wire.output,
        })
    }

    fn timed_out(&self) -> Error {
        let (host, authority) = (self.url.host(), self.url.authority());
        let what = match self.phase() {
            Phase::Resolve => format!("looking up {host}"),
            Phase::Connect => format!("connecting to {authority}"),
            Phase::Tls => format!("agreeing on TLS with {authority}"),
            _ => format!("waiting for the answer of {authority} to the upgrade"),
        };
        let message = format!("the time for connecting was up while {what}");
        Error::new(Kind::Timeout, message).in_phase(self.phase())
    }

    /// A transport that ends during the handshake says whose it was.
    fn name_server(&self, error: Error) -> Error {
        if !matches!(error.kind(), Kind::ConnectionLost | Kind::Io) {
            return error;
        }
        let message = format!("{}: {error}", self.url.authority());
        error.with_message(message)
    }
}

enum Step {
    Next(Stage),
    Open(Established),
    Wait,
}

impl Wire {
    fn new(url: &Url, options: &Options, mut stream: Stream) -> Result<Self, Error> {
        if url.is_secure() {
            stream.start_tls(Tls::new(&options.tls, &url.host())?);
        }
        Ok(Self {
            stream,
            intake: Intake::default(),
            output: Outbox::default(),
        })
    }

    /// Goes on with the TLS handshake, if there is one, as far as the socket allows; true when it is done.
    fn handshake(&mut self, poll: &Poll) -> Result<bool, Error> {
        let in_phase = |error: Error| error.in_phase(Phase::Tls);
        let mut may_read = poll.is_readable(self.stream.fd());
        loop {
            let result = self.stream.handshake();
            // An alert that says why the handshake failed must leave, too.
            self.stream.seal(&mut Vec::new(), &mut self.output)?;
            let sent = self.send();
            if result? {
                return sent.map(|()| true);
            }
            sent.map_err(in_phase)?;
            if !may_read {
                return Ok(false);
            }
            self.stream.feed_tls(&mut self.intake).map_err(in_phase)?;
            may_read = false;
        }
    }

    fn send(&mut self) -> Result<(), Error> {
        let pushed = self.stream.push(&mut self.output);
        pushed.map(|_| ()).map_err(|error| lost(&error))
    }
}
