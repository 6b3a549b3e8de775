// SPDX-License-Identifier: Apache-2.0
//! One attempt to connect to one URL, as a state machine that never waits: lookup → socket → TLS
//! with the proxy → proxy → TLS with the server → upgrade. Steps that do not apply are skipped.

use super::cookies;
use super::handshake_io::HandshakeIo;
use super::report::Report;
use super::transport::Transport;
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::Arc;
use crate::conn::options::{Options, Supplied};
use crate::conn::timings::ConnectPart;
use crate::conn::trace;
use crate::net::names::Lookup;
use crate::net::poll::Poll;
use crate::net::resolve::Notify;
use crate::net::socket::{Address, Family, KEEPALIVE_IDLE};
use crate::net::stream::Stream;
use crate::net::tcp::Dial;
use crate::net::tls::channel::Tls;
use crate::net::tls::role::Role;
use crate::protocol::http::reply::Response;
use crate::protocol::http::upgrade::Upgrade;
use crate::protocol::proxy::endpoint::{Proxy, Scheme};
use crate::protocol::proxy::target::Target;
use crate::protocol::proxy::tunnel;
use crate::protocol::url::Url;
use std::net::SocketAddr;
use std::time::Instant;

mod errors;

pub struct Attempt {
    options: Arc<Options>,
    notify: Notify,
    url: Arc<Url>,
    proxy: Option<Proxy>,
    /// What the proxy is asked to connect to.
    target: Target,
    /// When the connection through the proxy must be established.
    proxy_deadline: Deadline,
    /// Taken when it is sent.
    upgrade: Option<Box<Upgrade>>,
    stage: ConnectStage,
    response: Option<Arc<Response>>,
}

enum ConnectStage {
    /// For a proxy that accepts only addresses.
    LookUpTarget(Lookup),
    LookUp(Lookup),
    Dial(Dial),
    Secure(Box<Transport>, Counterpart),
    HandshakeIo(HandshakeIo, Counterpart),
    /// The caller has made all handshakes.
    Upgraded(Box<Transport>),
    Done,
}

/// The peer at the other end of the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counterpart {
    Proxy,
    Server,
}

enum Step {
    Next,
    Wait,
    Open(Box<Transport>),
}

impl Attempt {
    pub fn new(
        url: Arc<Url>,
        proxy: Option<Proxy>,
        upgrade: Upgrade,
        options: Arc<Options>,
        notify: Notify,
        now: Instant,
    ) -> Result<Self, Error> {
        let proxy_deadline = match &proxy {
            Some(_) => Deadline::after(now, options.proxy_timeout.span()),
            None => Deadline::NEVER,
        };
        let target = Target::of(options.connect_to.as_deref().unwrap_or(&url));
        let mut attempt = Self {
            options,
            notify,
            url,
            proxy,
            target,
            proxy_deadline,
            upgrade: Some(Box::new(upgrade)),
            stage: ConnectStage::Done,
            response: None,
        };
        attempt.begin(now)?;
        Ok(attempt)
    }

    /// Advances as far as possible; `poll` holds the result of the last wait. `None`: wait again,
    /// at most until `deadline`.
    pub fn step(
        &mut self,
        now: Instant,
        poll: &Poll,
        deadline: Deadline,
        report: &mut Report,
    ) -> Result<Option<Box<Transport>>, Error> {
        let is_late = deadline.or_earlier(self.proxy_deadline).has_passed(now);
        loop {
            match self.advance(now, poll, is_late, report)? {
                Step::Next => {}
                Step::Wait => {
                    self.probe_peer(deadline, now);
                    return if is_late {
                        Err(self.timed_out(now))
                    } else {
                        Ok(None)
                    };
                }
                Step::Open(transport) => return Ok(Some(transport)),
            }
        }
    }

    /// In a long wait, TCP keepalive detects a peer that has silently disappeared.
    fn probe_peer(&self, deadline: Deadline, now: Instant) {
        let is_long = || {
            let idle = now.checked_add(KEEPALIVE_IDLE);
            idle.is_some_and(|idle| !deadline.has_passed(idle))
        };
        match &self.stage {
            ConnectStage::Secure(transport, _) if is_long() => transport.stream.prepare(),
            ConnectStage::HandshakeIo(io, _) if is_long() => io.prepare(),
            _ => {}
        }
    }

    /// The current phase.
    pub fn phase(&self) -> Phase {
        match &self.stage {
            ConnectStage::LookUpTarget(_) | ConnectStage::LookUp(_) => Phase::Resolve,
            ConnectStage::Dial(_) => Phase::Connect,
            ConnectStage::Secure(..) => Phase::Tls,
            ConnectStage::HandshakeIo(_, Counterpart::Proxy) => Phase::Proxy,
            ConnectStage::HandshakeIo(_, Counterpart::Server)
            | ConnectStage::Upgraded(_)
            | ConnectStage::Done => Phase::Upgrade,
        }
    }

    /// What it waits for.
    pub fn part(&self) -> ConnectPart {
        match &self.stage {
            ConnectStage::LookUpTarget(_) | ConnectStage::LookUp(_) => ConnectPart::Lookup,
            ConnectStage::Dial(_) => ConnectPart::Dial,
            ConnectStage::Secure(_, Counterpart::Proxy) => ConnectPart::ProxyTls,
            ConnectStage::HandshakeIo(_, Counterpart::Proxy) => ConnectPart::Proxy,
            ConnectStage::Secure(_, Counterpart::Server) => ConnectPart::Tls,
            ConnectStage::HandshakeIo(_, Counterpart::Server)
            | ConnectStage::Upgraded(_)
            | ConnectStage::Done => ConnectPart::Upgrade,
        }
    }

    /// Adds the descriptors to wait for.
    pub fn add_interests(&self, poll: &mut Poll) {
        match &self.stage {
            ConnectStage::LookUpTarget(_)
            | ConnectStage::LookUp(_)
            | ConnectStage::Upgraded(_)
            | ConnectStage::Done => {}
            ConnectStage::Dial(dial) => dial.descriptors().for_each(|fd| poll.add(fd, false, true)),
            ConnectStage::Secure(transport, _) => transport.add_interests(poll),
            ConnectStage::HandshakeIo(io, _) => io.add_interests(poll),
        }
    }

    /// When to step even if no descriptor is ready.
    pub fn next_step(&self) -> Deadline {
        let own = match &self.stage {
            ConnectStage::Dial(dial) => dial.next_attempt(),
            ConnectStage::HandshakeIo(io, _) => io.next_step(),
            _ => Deadline::NEVER,
        };
        own.or_earlier(self.proxy_deadline)
    }

    /// The response of the server, or of a proxy that rejected the request. Taken when the attempt
    /// has ended.
    pub fn take_response(&mut self) -> Option<Arc<Response>> {
        match &mut self.stage {
            ConnectStage::HandshakeIo(io, _) => io.take_response(),
            _ => self.response.take(),
        }
    }

    /// Whether the server speaks TLS.
    pub fn is_secure(&self) -> bool {
        self.url.is_secure()
    }

    fn begin(&mut self, now: Instant) -> Result<(), Error> {
        self.options.check_upgraded(&self.url)?;
        if let Some(supplied) = &self.options.supplied {
            let stream = match supplied {
                Supplied::Socket(socket) => Stream::new(socket.take(&self.options.socket)?),
                Supplied::Transport(transport) => Stream::over(transport)?,
            };
            let transport = Box::new(Transport::new(stream));
            if self.options.is_upgraded {
                self.stage = ConnectStage::Upgraded(transport);
                return Ok(());
            }
            return self
                .connected_to(Counterpart::Server, transport)
                .map(|_| ());
        }
        if let Some(path) = self
            .options
            .unix_path
            .as_deref()
            .or_else(|| self.url.unix_path())
        {
            self.stage = self.dial(path, [Address::Unix(path.into())], now)?;
            return Ok(());
        }
        self.stage = match (&self.proxy, &self.target) {
            (Some(proxy), Target::Name(name, port)) if !proxy.looks_up_target() => {
                ConnectStage::LookUpTarget(self.look_up(name, *port))
            }
            _ => self.find_first_peer(now)?,
        };
        Ok(())
    }

    fn find_first_peer(&self, now: Instant) -> Result<ConnectStage, Error> {
        if let Some(proxy) = &self.proxy {
            trace::note(format_args!("connecting through the proxy {proxy}"));
        }
        let (name, ip, port) = match &self.proxy {
            Some(proxy) => (proxy.host().into(), proxy.ip(), proxy.port),
            None => {
                let url = self.options.connect_to.as_deref().unwrap_or(&self.url);
                let ip = url.ip().filter(|_| !url.has_zone());
                (url.host_and_zone(), ip, url.port())
            }
        };
        match ip {
            Some(ip) => self.dial(&name, [Address::Ip(SocketAddr::new(ip, port))], now),
            None => Ok(ConnectStage::LookUp(self.look_up(&name, port))),
        }
    }

    fn look_up(&self, name: &str, port: u16) -> Lookup {
        Lookup::start(name, port, &self.options.names, &self.notify)
    }

    fn dial(
        &self,
        name: &str,
        addresses: impl IntoIterator<Item = Address>,
        now: Instant,
    ) -> Result<ConnectStage, Error> {
        Dial::new(name, addresses, &self.options.socket, now)
            .map(ConnectStage::Dial)
            .map_err(|error| self.name_peer(self.first_peer(), error))
    }

    /// A stage that must wait stays in place; one that continues or fails is taken out.
    fn advance(
        &mut self,
        now: Instant,
        poll: &Poll,
        is_late: bool,
        report: &mut Report,
    ) -> Result<Step, Error> {
        let peer = self.first_peer();
        match &mut self.stage {
            ConnectStage::LookUpTarget(lookup) | ConnectStage::LookUp(lookup) => {
                let found = lookup.poll().transpose();
                let Some(found) = found else {
                    return Ok(Step::Wait);
                };
                self.use_addresses(found, now)
            }
            ConnectStage::Dial(dial) => {
                let options = &self.options.socket;
                let connected = dial.step(now, options, poll, &mut |it| report.note_trial(it));
                let Some(connected) = connected.transpose() else {
                    return Ok(Step::Wait);
                };
                self.take_stage();
                let connected = connected.map_err(|error| self.name_peer(peer, error))?;
                let transport = Box::new(Transport::new(Stream::new(connected)));
                self.connected_to(peer, transport)
            }
            ConnectStage::Secure(transport, _) => {
                let result = transport.handshake(poll);
                if let Ok(false) = result {
                    return Ok(Step::Wait);
                }
                self.finish_tls_handshake(result)
            }
            ConnectStage::HandshakeIo(io, peer) => {
                let result = io.advance(now, poll, is_late);
                if *peer == Counterpart::Server && io.has_received() {
                    report.timings.note_response();
                }
                if let Ok(false) = result {
                    return Ok(Step::Wait);
                }
                let (response, peer) = (io.take_response(), *peer);
                if peer == Counterpart::Server {
                    cookies::keep(&self.url, &self.options, response.as_deref());
                }
                self.finish_handshake(result, response, peer)
            }
            ConnectStage::Upgraded(_) => match self.take_stage() {
                ConnectStage::Upgraded(transport) => Ok(Step::Open(transport)),
                _ => Ok(Step::Wait),
            },
            ConnectStage::Done => Ok(Step::Wait),
        }
    }

    fn take_stage(&mut self) -> ConnectStage {
        std::mem::replace(&mut self.stage, ConnectStage::Done)
    }

    fn enter(&mut self, stage: ConnectStage) -> Step {
        self.stage = stage;
        Step::Next
    }

    fn use_addresses(
        &mut self,
        found: Result<Vec<SocketAddr>, Error>,
        now: Instant,
    ) -> Result<Step, Error> {
        let next = match self.take_stage() {
            ConnectStage::LookUpTarget(lookup) => {
                self.choose_target(lookup.host(), &found?)?;
                self.find_first_peer(now)?
            }
            ConnectStage::LookUp(lookup) => {
                let found = found.map_err(|error| self.name_peer(self.first_peer(), error))?;
                let addresses = found.into_iter().map(Address::Ip);
                self.dial(lookup.host(), addresses, now)?
            }
            other => other,
        };
        Ok(self.enter(next))
    }

    fn finish_tls_handshake(&mut self, result: Result<bool, Error>) -> Result<Step, Error> {
        let ConnectStage::Secure(transport, peer) = self.take_stage() else {
            return Ok(Step::Wait);
        };
        result.map_err(|error| self.name_peer(peer, error.or_in_phase(Phase::Tls)))?;
        trace::tls(&transport.stream, || self.name(peer));
        self.start_handshake(transport, peer)
    }

    fn finish_handshake(
        &mut self,
        result: Result<bool, Error>,
        response: Option<Arc<Response>>,
        peer: Counterpart,
    ) -> Result<Step, Error> {
        let ConnectStage::HandshakeIo(io, _) = self.take_stage() else {
            return Ok(Step::Wait);
        };
        match (result, peer) {
            (Err(error), _) => {
                self.response = response;
                Err(self.name_peer(peer, error))
            }
            (Ok(_), Counterpart::Proxy) => self.finish_proxy(io.into_transport()),
            (Ok(_), Counterpart::Server) => {
                trace::mistakes(response.as_ref().map(|it| it.tolerated).unwrap_or_default());
                self.response = response;
                Ok(Step::Open(io.into_transport()))
            }
        }
    }

    /// The transport is connected to `peer`: starts TLS if it is used, otherwise the handshake.
    fn connected_to(
        &mut self,
        peer: Counterpart,
        mut transport: Box<Transport>,
    ) -> Result<Step, Error> {
        let tls = &self.options.tls;
        let tls = match (peer, &self.proxy) {
            (Counterpart::Proxy, Some(proxy)) if proxy.is_secure() => {
                Tls::new(tls, &proxy.host(), proxy.port, Role::Proxy)?
            }
            (Counterpart::Server, _) if self.url.is_secure() => {
                Tls::new(tls, &self.url.host(), self.url.port(), Role::Server)?
            }
            _ => return self.start_handshake(transport, peer),
        };
        transport.stream.start_tls(tls);
        Ok(self.enter(ConnectStage::Secure(transport, peer)))
    }

    fn start_handshake(
        &mut self,
        transport: Box<Transport>,
        peer: Counterpart,
    ) -> Result<Step, Error> {
        let handshake = match (peer, &self.proxy, self.upgrade.take()) {
            (Counterpart::Proxy, Some(proxy), upgrade) => {
                self.upgrade = upgrade;
                tunnel::handshake(proxy, &self.target)?
            }
            (_, _, Some(upgrade)) => upgrade,
            (_, _, None) => {
                let message = "the upgrade request has already been sent";
                return Err(Error::new(Kind::Internal, message));
            }
        };
        let io = HandshakeIo::new(transport, handshake);
        Ok(self.enter(ConnectStage::HandshakeIo(io, peer)))
    }

    fn finish_proxy(&mut self, transport: Box<Transport>) -> Result<Step, Error> {
        if !transport.input.is_empty() {
            // Nothing has been sent to the server yet, so this is not its response.
            let count = transport.input.len();
            let message = format!(
                "{} sent {count} unexpected bytes after its response",
                self.name(Counterpart::Proxy)
            );
            return Err(Error::new(Kind::Proxy, message).in_phase(Phase::Proxy));
        }
        trace::note(format_args!("the proxy has connected to {}", self.target));
        self.proxy_deadline = Deadline::NEVER;
        self.connected_to(Counterpart::Server, transport)
    }

    /// Takes the first suitable address, because a proxy is given only one. SOCKS4 supports only
    /// IPv4.
    fn choose_target(&mut self, name: &str, addresses: &[SocketAddr]) -> Result<(), Error> {
        let is_socks4 = self
            .proxy
            .as_ref()
            .is_some_and(|proxy| proxy.scheme == Scheme::Socks4);
        let family = match self.options.socket.family {
            Family::Any if is_socks4 => Family::Ipv4,
            family => family,
        };
        let mut wanted = addresses.iter().filter(|address| family.admits(address));
        let address = wanted.next().ok_or_else(|| family.missing(name))?;
        self.target = Target::Address(*address);
        Ok(())
    }

    fn first_peer(&self) -> Counterpart {
        match self.proxy {
            Some(_) => Counterpart::Proxy,
            None => Counterpart::Server,
        }
    }
}
