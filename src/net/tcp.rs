// SPDX-License-Identifier: Apache-2.0
//! Connects to the first of several addresses that accepts (RFC 8305, "happy eyeballs").

use super::poll::Poll;
use super::socket::{
    Address, Connected, Family, SocketOptions, StartedConnect, connect_failed, start_connect,
};
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind, Phase};
use socket2::Socket;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

/// The "Connection Attempt Delay" of RFC 8305 section 8.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// How soon to try a Unix-domain server again whose queue is full.
const FULL_QUEUE_DELAY: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub struct Dial {
    /// In the order of their attempts.
    candidates: Vec<Candidate>,
    failures: Vec<Error>,
    next_attempt: Deadline,
}

#[derive(Debug)]
struct Candidate {
    address: Address,
    state: CandidateState,
}

#[derive(Debug)]
enum CandidateState {
    NotYet,
    InProgress(Socket),
    Failed,
}

/// What happens to one of the addresses.
#[derive(Clone, Copy, Debug)]
pub enum Trial<'a> {
    Begins(&'a Address),
    Fails(&'a Address, &'a Error),
}

impl Dial {
    /// Tries those of `name`'s `addresses` that `options` admit.
    pub fn new(
        name: &str,
        addresses: impl IntoIterator<Item = Address>,
        options: &SocketOptions,
        now: Instant,
    ) -> Result<Self, Error> {
        let admitted = addresses.into_iter().filter(|it| options.admit(it));
        let candidates: Vec<_> = admitted.map(Candidate::new).collect();
        if candidates.is_empty() {
            return Err(none_admitted(name, options));
        }
        Ok(Self {
            candidates: match candidates.len() {
                1 => candidates,
                _ => interleave(candidates),
            },
            failures: Vec::new(),
            next_attempt: Deadline::at(now),
        })
    }

    /// Checks the attempts in progress against `poll`, the result of the last wait, and starts
    /// those that are due. Reports to `note`.
    pub fn step(
        &mut self,
        now: Instant,
        options: &SocketOptions,
        poll: &Poll,
        note: &mut dyn FnMut(Trial<'_>),
    ) -> Result<Option<Connected>, Error> {
        for Candidate { address, state } in &mut self.candidates {
            let CandidateState::InProgress(socket) = state else {
                continue;
            };
            if !poll.is_ready(socket.as_raw_fd()) {
                continue;
            }
            // A failure shows as POLLERR or POLLHUP; only then ask the system which one it is.
            let failure = match poll.has_failed(socket.as_raw_fd()) {
                true => socket.take_error().unwrap_or_else(Some),
                false => None,
            };
            match (failure, std::mem::replace(state, CandidateState::Failed)) {
                (None, CandidateState::InProgress(socket)) => {
                    return Ok(Some(Connected::new(socket, address, options)));
                }
                (failure, _) => {
                    if let Some(failure) = failure {
                        let failure = connect_failed(address, &failure);
                        note(Trial::Fails(address, &failure));
                        self.failures.push(failure);
                    }
                    // A failure starts the next attempt at once (RFC 8305 section 5).
                    self.next_attempt = Deadline::at(now);
                }
            }
        }
        while self.next_attempt.has_passed(now) {
            let mut candidates = self.candidates.iter_mut();
            let Some(Candidate { address, state }) = candidates.find(|it| it.is_untried()) else {
                break;
            };
            let started = start_connect(address, options);
            if !matches!(started, Ok(StartedConnect::QueueFull)) {
                note(Trial::Begins(address));
            }
            match started {
                Ok(StartedConnect::Connected(socket)) => {
                    return Ok(Some(Connected::new(socket, address, options)));
                }
                Ok(StartedConnect::InProgress(socket)) => {
                    *state = CandidateState::InProgress(socket);
                    self.next_attempt = Deadline::after(now, Some(ATTEMPT_DELAY));
                }
                Ok(StartedConnect::QueueFull) => {
                    self.next_attempt = Deadline::after(now, Some(FULL_QUEUE_DELAY));
                }
                Err(error) => {
                    *state = CandidateState::Failed;
                    note(Trial::Fails(address, &error));
                    self.failures.push(error);
                    self.next_attempt = Deadline::at(now);
                }
            }
        }
        if self.candidates.iter().all(Candidate::has_failed) {
            return Err(self.error());
        }
        Ok(None)
    }

    /// The descriptors that become writable when their attempt succeeds or fails.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        self.candidates.iter().filter_map(|it| match &it.state {
            CandidateState::InProgress(socket) => Some(socket.as_raw_fd()),
            CandidateState::NotYet | CandidateState::Failed => None,
        })
    }

    /// When to step even if no descriptor is ready.
    pub fn next_attempt(&self) -> Deadline {
        if self.candidates.iter().any(Candidate::is_untried) {
            self.next_attempt
        } else {
            Deadline::NEVER
        }
    }

    /// One line for all addresses, with each reason once; the errno is that of the last one.
    fn error(&self) -> Error {
        let mut reasons: Vec<&str> = self.failures.iter().map(Error::message).collect();
        reasons.dedup();
        let message = reasons.join("; ");
        match self.failures.last() {
            Some(last) => last.clone().with_message(message),
            None => Error::new(Kind::Connect, "there is no address to connect to")
                .in_phase(Phase::Connect),
        }
    }
}

fn none_admitted(name: &str, options: &SocketOptions) -> Error {
    let family = match (options.family, options.bind) {
        (Family::Any, Some(bind)) if bind.is_ipv6() => Family::Ipv6,
        (Family::Any, Some(_)) => Family::Ipv4,
        (family, _) => family,
    };
    family.missing(name)
}

impl Candidate {
    fn new(address: Address) -> Self {
        Self {
            address,
            state: CandidateState::NotYet,
        }
    }

    fn is_untried(&self) -> bool {
        matches!(self.state, CandidateState::NotYet)
    }

    fn has_failed(&self) -> bool {
        matches!(self.state, CandidateState::Failed)
    }
}

/// Alternates the address families, starting with that of the first address (RFC 8305 section 4).
fn interleave(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let is_v6 = |it: &Candidate| matches!(it.address, Address::Ip(ip) if ip.is_ipv6());
    let first_is_v6 = candidates.first().is_some_and(is_v6);
    let (preferred, other): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .partition(|candidate| is_v6(candidate) == first_is_v6);
    let mut other = other.into_iter();
    let mut order = Vec::new();
    for candidate in preferred {
        order.push(candidate);
        order.extend(other.next());
    }
    order.extend(other);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::sync::Arc;
    use crate::net::poll::OnSignal;
    use crate::net::socket::SocketOption;
    use std::net::{SocketAddr, TcpListener};

    fn addresses(texts: &[&str]) -> Vec<Address> {
        let address = |text: &&str| Address::Ip(text.parse().expect("an address"));
        texts.iter().map(address).collect()
    }

    fn dial(addresses: &[SocketAddr], options: &SocketOptions) -> Result<Socket, Error> {
        let addresses = addresses.iter().copied().map(Address::Ip);
        let mut dial = Dial::new("it", addresses, options, Instant::now())?;
        let mut poll = Poll::default();
        loop {
            let step = dial.step(Instant::now(), options, &poll, &mut |_| ())?;
            if let Some(connected) = step {
                return Ok(connected.socket);
            }
            poll = Poll::default();
            dial.descriptors().for_each(|fd| poll.add(fd, false, true));
            poll.wait(dial.next_attempt(), OnSignal::Continue)
                .expect("poll");
        }
    }

    #[test]
    fn families_alternate_and_the_first_one_begins() {
        let texts = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"];
        let candidates = addresses(&texts).into_iter().map(Candidate::new);
        let order = interleave(candidates.collect()).into_iter();
        assert_eq!(
            order.map(|it| it.address).collect::<Vec<_>>(),
            addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"])
        );
    }

    #[test]
    fn a_refusing_address_does_not_stop_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let live = listener.local_addr().expect("address");
        let dead = TcpListener::bind("127.0.0.1:0")
            .and_then(|closed| closed.local_addr())
            .expect("address");
        let socket = dial(&[dead, live], &SocketOptions::default()).expect("connected");
        let peer = socket.peer_addr().expect("a peer").as_socket();
        assert_eq!(peer, Some(live));
    }

    #[test]
    fn only_addresses_of_the_wanted_family_are_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let live = [listener.local_addr().expect("address")];
        for (family, bind, expected) in [
            (Family::Ipv4, None, None),
            (Family::Any, Some("127.0.0.2:0"), None),
            (Family::Ipv6, None, Some("it has no IPv6 address")),
            (Family::Any, Some("[::1]:0"), Some("it has no IPv6 address")),
        ] {
            let options = SocketOptions {
                family,
                bind: bind.map(|bind| bind.parse().expect("an address")),
                ..SocketOptions::default()
            };
            let failure = dial(&live, &options).err();
            assert_eq!(failure.as_ref().map(Error::message), expected);
        }
    }

    #[test]
    fn an_option_that_one_address_rejects_does_not_affect_the_others() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let Ok(other) = TcpListener::bind("[::1]:0") else {
            println!("skipped: there is no IPv6 loopback");
            return;
        };
        let addresses = [&listener, &other].map(|it| it.local_addr().expect("address"));
        let options = SocketOptions {
            options: Arc::new(vec![SocketOption {
                level: libc::IPPROTO_IPV6,
                name: libc::IPV6_TCLASS,
                value: Arc::new(0i32.to_ne_bytes().to_vec()),
            }]),
            ..SocketOptions::default()
        };
        let socket = dial(&addresses, &options).expect("connected");
        let peer = socket.peer_addr().expect("a peer").as_socket();
        assert_eq!(peer, Some(addresses[1]));
    }

    #[test]
    fn a_reason_shared_by_all_addresses_is_given_once() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let taken = listener.local_addr().expect("address");
        let options = SocketOptions {
            bind: Some(taken),
            ..SocketOptions::default()
        };
        let error = dial(&[taken, taken], &options).expect_err("in use");
        let text = format!("bind to {taken}: address already in use");
        assert_eq!(error.message(), text);
    }

    #[test]
    fn every_trial_and_its_failure_are_reported() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let taken = listener.local_addr().expect("address");
        let options = SocketOptions {
            bind: Some(taken),
            ..SocketOptions::default()
        };
        let addresses = [taken, taken].map(Address::Ip);
        let now = Instant::now();
        let mut dial = Dial::new("it", addresses, &options, now).expect("addresses");
        let mut trials = Vec::new();
        let mut note = |trial: Trial<'_>| match trial {
            Trial::Begins(address) => trials.push(address.to_string()),
            Trial::Fails(_, error) => trials.push(error.message().to_owned()),
        };
        let result = dial.step(now, &options, &Poll::default(), &mut note);
        result.expect_err("in use");
        let begins = taken.to_string();
        let fails = format!("bind to {taken}: address already in use");
        let trials: Vec<_> = trials.iter().collect();
        assert_eq!(trials, [&begins, &fails, &begins, &fails]);
    }

    #[test]
    fn when_all_refuse_each_is_named() {
        let dead: Vec<SocketAddr> = (0..2)
            .map(|_| {
                TcpListener::bind("127.0.0.1:0")
                    .and_then(|closed| closed.local_addr())
                    .expect("address")
            })
            .collect();
        let error = dial(&dead, &SocketOptions::default()).expect_err("nobody listens");
        let text = format!(
            "connect to {}: connection refused; connect to {}: connection refused",
            dead[0], dead[1]
        );
        assert_eq!(
            (error.message(), error.os_errno()),
            (text.as_str(), libc::ECONNREFUSED)
        );
    }
}
