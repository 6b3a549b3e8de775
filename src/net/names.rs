// SPDX-License-Identifier: Apache-2.0
//! Where the addresses of a name come from: from the caller's list, from the caller's function, or
//! from the system. `localhost` is known.

use super::resolve::{self, Addresses, LookupSlot, Notify};
use crate::base::error::{Error, Kind, Phase};
use crate::base::memory::Text;
use crate::base::sync::{Arc, Mutex, Weak};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What the caller decides about names.
#[derive(Clone, Default)]
pub struct NameOptions {
    /// Of several entries for a name and port, the last one counts.
    pub known: Arc<Vec<KnownName>>,
    /// Called for all other names.
    pub resolver: Option<ResolverFn>,
}

#[derive(Clone)]
pub struct KnownName {
    /// As in a URL: in lower case, in A-labels.
    pub host: Text,
    pub port: u16,
    pub addresses: Arc<Vec<IpAddr>>,
}

/// Begins a lookup, which ends when the `PendingLookup` is finished.
pub type ResolverFn = Arc<dyn Fn(PendingLookup) + Send + Sync>;

/// A lookup, for the one who waits.
pub struct Lookup {
    host: String,
    result: Arc<LookupSlot>,
}

/// A lookup, for the one who makes it. Dropped unfinished, it fails.
pub struct PendingLookup {
    host: String,
    port: u16,
    /// Dead once the waiter has given up.
    result: Weak<LookupSlot>,
    notify: Notify,
    is_finished: bool,
}

impl Lookup {
    pub fn start(host: &str, port: u16, names: &NameOptions, notify: &Notify) -> Self {
        let known = names.known(host, port);
        let is_known = known.is_some();
        let lookup = Self {
            host: host.to_owned(),
            result: Arc::new(Mutex::new(known.map(Ok))),
        };
        if !is_known {
            let pending = PendingLookup {
                host: host.to_owned(),
                port,
                result: Arc::downgrade(&lookup.result),
                notify: Arc::clone(notify),
                is_finished: false,
            };
            match &names.resolver {
                // Only the system knows the zones of addresses (RFC 4007 section 11).
                Some(resolver) if !host.contains('%') => resolver(pending),
                _ => pending.by_system(),
            }
        }
        lookup
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// The addresses, in the preferred order; `None` while the lookup is in progress.
    pub fn poll(&self) -> Result<Option<Vec<SocketAddr>>, Error> {
        let result = self.result.lock().take().transpose();
        result.map_err(|error| error.in_phase(Phase::Resolve))
    }
}

impl Drop for Lookup {
    /// An abandoned lookup makes room for a queued one.
    fn drop(&mut self) {
        drop(std::mem::take(&mut self.result));
        resolve::note_abandoned();
    }
}

impl PendingLookup {
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether nobody waits any more.
    pub fn is_cancelled(&self) -> bool {
        self.result.strong_count() == 0
    }

    pub fn finish(self, addresses: Vec<IpAddr>) {
        let port = self.port;
        let with_port = |ip| SocketAddr::new(ip, port);
        self.end(Ok(addresses.into_iter().map(with_port).collect()));
    }

    pub fn fail(self, reason: &str) {
        let error = self.failure(reason);
        self.end(Err(error));
    }

    /// Lets the system look it up.
    pub fn by_system(mut self) {
        self.is_finished = true;
        let result = std::mem::take(&mut self.result);
        resolve::look_up(&self.host, self.port, result, &self.notify);
    }

    fn end(mut self, result: Addresses) {
        self.is_finished = true;
        resolve::deliver(&self.result, &self.notify, result);
    }

    fn failure(&self, reason: &str) -> Error {
        Error::new(Kind::Resolve, format!("look up {}: {reason}", self.host))
    }
}

impl Drop for PendingLookup {
    fn drop(&mut self) {
        if !self.is_finished {
            let error = self.failure("the resolver has dropped the lookup");
            resolve::deliver(&self.result, &self.notify, Err(error));
        }
    }
}

impl NameOptions {
    fn known(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let mut entries = self.known.iter().rev();
        let entry = entries.find(|entry| entry.port == port && &*entry.host == host);
        match entry {
            Some(entry) => {
                let addresses = entry.addresses.iter();
                Some(addresses.map(|ip| SocketAddr::new(*ip, port)).collect())
            }
            None => is_localhost(host).then(|| loopback(port)),
        }
    }
}

/// `localhost` and the names below it need no resolver (RFC 6761 section 6.3).
fn is_localhost(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    last.eq_ignore_ascii_case("localhost")
}

/// IPv4 first: a server that listens on only one of the two usually listens on IPv4, and a SOCKS
/// proxy is given only one address.
fn loopback(port: u16) -> Vec<SocketAddr> {
    vec![
        (Ipv4Addr::LOCALHOST, port).into(),
        (Ipv6Addr::LOCALHOST, port).into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_below_localhost_are_local() {
        for (host, is_local) in [
            ("localhost", true),
            ("LocalHost.", true),
            ("app.localhost", true),
            ("notlocalhost", false),
            ("localhost.example", false),
            ("localhost..", false),
            ("", false),
        ] {
            assert_eq!(is_localhost(host), is_local, "{host}");
        }
    }

    #[test]
    fn the_last_entry_for_a_name_and_port_counts() {
        let entry = |host: &str, port, ip: &str| KnownName {
            host: Text::copy(host).expect("memory"),
            port,
            addresses: Arc::new(vec![ip.parse().expect("an address")]),
        };
        let names = NameOptions {
            known: Arc::new(vec![
                entry("a.example", 80, "192.0.2.1"),
                entry("a.example", 81, "192.0.2.2"),
                entry("a.example", 80, "192.0.2.3"),
                entry("localhost", 80, "192.0.2.4"),
            ]),
            resolver: None,
        };
        let known = |host, port| {
            let addresses = names.known(host, port)?;
            addresses.first().map(ToString::to_string)
        };
        assert_eq!(known("a.example", 80).as_deref(), Some("192.0.2.3:80"));
        assert_eq!(known("a.example", 81).as_deref(), Some("192.0.2.2:81"));
        assert_eq!(known("a.example", 82), None);
        assert_eq!(known("localhost", 80).as_deref(), Some("192.0.2.4:80"));
        assert_eq!(known("localhost", 81).as_deref(), Some("127.0.0.1:81"));
    }

    /// A resolver that keeps what it is asked.
    fn keeping() -> (NameOptions, Arc<Mutex<Vec<PendingLookup>>>) {
        let asked = Arc::<Mutex<Vec<PendingLookup>>>::default();
        let kept = Arc::clone(&asked);
        let resolver: ResolverFn = Arc::new(move |pending| kept.lock().push(pending));
        let names = NameOptions {
            resolver: Some(resolver),
            ..NameOptions::default()
        };
        (names, asked)
    }

    fn start(names: &NameOptions) -> Lookup {
        let notify: Notify = Arc::new(|| ());
        Lookup::start("b.example", 443, names, &notify)
    }

    #[test]
    fn a_function_finishes_fails_or_drops_a_lookup() {
        let (names, asked) = keeping();
        let lookup = start(&names);
        assert!(matches!(lookup.poll(), Ok(None)));
        let pending = asked.lock().pop().expect("a lookup");
        assert_eq!((pending.host(), pending.port()), ("b.example", 443));
        assert!(!pending.is_cancelled());
        pending.finish(vec![Ipv4Addr::LOCALHOST.into()]);
        let found = lookup.poll().expect("addresses").expect("finished");
        assert_eq!(found, [SocketAddr::from((Ipv4Addr::LOCALHOST, 443))]);
        for (fails, expected) in [
            (true, "look up b.example: no such plan"),
            (
                false,
                "look up b.example: the resolver has dropped the lookup",
            ),
        ] {
            let lookup = start(&names);
            let pending = asked.lock().pop().expect("a lookup");
            if fails {
                pending.fail("no such plan");
            } else {
                drop(pending);
            }
            let error = lookup.poll().expect_err("a failure");
            assert_eq!(error.message(), expected);
        }
    }

    #[test]
    fn a_lookup_nobody_waits_for_is_cancelled() {
        let (names, asked) = keeping();
        drop(start(&names));
        let pending = asked.lock().pop().expect("a lookup");
        assert!(pending.is_cancelled());
        pending.finish(Vec::new());
    }
}
