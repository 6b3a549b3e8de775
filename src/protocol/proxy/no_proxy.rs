// SPDX-License-Identifier: Apache-2.0
//! Which targets are reached without a proxy.
//!
//! No standard defines such a list; each rule here is common to most programs.

use crate::base::error::Error;
use crate::base::memory;
use crate::base::sync::Arc;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU16;
use url::Host;

/// The number of characters of an entry that a problem quotes.
const MAX_SHOWN: usize = 100;

#[derive(Clone, Debug, Default)]
pub struct NoProxy(Arc<Vec<Pattern>>);

#[derive(Clone, Debug)]
struct Pattern {
    hosts: Hosts,
    /// `None` for any port.
    port: Option<NonZeroU16>,
}

#[derive(Clone, Debug)]
enum Hosts {
    All,
    /// A name and all its subdomains.
    Name(String),
    /// Matches only literal addresses: names are not looked up for this.
    Net(IpNet),
}

impl NoProxy {
    /// Adds entries, separated by commas or white space. Skips malformed ones and returns what is
    /// wrong with them.
    pub fn add(&mut self, list: &str) -> Result<Vec<String>, Error> {
        let mut problems = Vec::new();
        let texts = list.split(|c: char| c == ',' || c.is_whitespace());
        for text in texts.filter(|text| !text.is_empty()) {
            match Pattern::parse(text) {
                Some(entry) => memory::push(memory::make_mut(&mut self.0)?, entry)?,
                None => memory::push(&mut problems, problem(text))?,
            }
        }
        Ok(problems)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the host of a URL, and its `ip` if it is an address.
    pub fn matches(&self, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
        let host = host.trim_end_matches('.');
        // ::ffff:192.0.2.1 is an IPv4 address.
        let ip = ip.map(|ip| ip.to_canonical());
        self.0.iter().any(|entry| {
            let is_port = entry.port.is_none_or(|only| only.get() == port);
            is_port && entry.hosts.contain(host, ip)
        })
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let any_port = |hosts| Self { hosts, port: None };
        if let Ok(net) = text.parse::<IpNet>() {
            return Some(any_port(Hosts::Net(net)));
        }
        if let Some(hosts) = Hosts::parse(text) {
            return Some(any_port(hosts));
        }
        let (hosts, port) = text.rsplit_once(':')?;
        Some(Self {
            hosts: Hosts::parse(hosts)?,
            port: Some(port.parse().ok()?),
        })
    }
}

impl Hosts {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        let text = text.trim_end_matches('.');
        if let Some(address) = address(text) {
            return Some(Self::Net(address.into()));
        }
        let name = text.strip_prefix("*.").unwrap_or(text);
        match Host::parse(name.trim_start_matches('.')) {
            Ok(Host::Domain(name)) if !name.contains('*') => Some(Self::Name(name)),
            // Also rejects addresses in other forms: "192.168." would mean 192.0.0.168, which is
            // not what the user wants.
            _ => None,
        }
    }

    fn contain(&self, host: &str, ip: Option<IpAddr>) -> bool {
        match (self, ip) {
            (Self::All, _) => true,
            (Self::Net(net), Some(ip)) => net.contains(&ip),
            (Self::Name(name), None) => host
                .strip_suffix(name.as_str())
                .is_some_and(|below| below.is_empty() || below.ends_with('.')),
            (Self::Net(_), None) | (Self::Name(_), Some(_)) => false,
        }
    }
}

/// An address with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match bracketed {
        Some(text) => text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        None => text.parse().ok(),
    }
}

/// Describes a malformed entry, without anything that may be a password.
fn problem(text: &str) -> String {
    // If the entry is a proxy's URL, a password may precede its `@`, or a comma in the password may
    // have split the entry before that.
    let shown = match (text.rsplit_once('@'), text.split_once("://")) {
        (Some((_, rest)), _) => format!("…@{rest}"),
        (None, Some((scheme, _))) => format!("{scheme}://…"),
        (None, None) => text.to_owned(),
    };
    let shown: String = shown.chars().take(MAX_SHOWN).collect();
    format!("{shown:?} is neither a host name, nor an address, nor a network")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_entries_are_added_and_others_returned() {
        let mut no_proxy = NoProxy::default();
        assert!(no_proxy.is_empty());
        let list = " a.example, <local>\tb.example,,http://u:secret@h:1 http://u:se,cret@h ";
        let problems = no_proxy.add(list).expect("memory");
        let text = "is neither a host name, nor an address, nor a network";
        let expected = ["<local>", "…@h:1", "http://…", "…@h"].map(|it| format!("{it:?} {text}"));
        assert_eq!(problems, expected);
        assert_eq!(no_proxy.0.len(), 2);
        assert!(no_proxy.add(" ,").expect("memory").is_empty());
    }

    #[test]
    fn a_problem_is_one_short_line() {
        let list = format!("\u{1b}[{}", "x".repeat(1000));
        let problems = NoProxy::default().add(&list).expect("memory");
        assert_eq!(problems.len(), 1);
        assert!(problems[0].len() < 200 && problems[0].starts_with("\"\\u{1b}["));
    }
}
