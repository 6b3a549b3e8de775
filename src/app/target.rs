// SPDX-License-Identifier: Apache-2.0
//! Where an app connects to: its URL and options, which may change between attempts, and which of
//! its servers is next.

use crate::base::error::Error;
use crate::base::memory::Text;
use crate::base::sync::Arc;
use crate::conn::options::Options;
use crate::protocol::url::Url;

/// For the next attempt.
#[derive(Clone)]
pub(super) struct AppTarget {
    /// Parsed for each connect, because a parsed URL is larger.
    url: Text,
    pub(super) options: Arc<Options>,
}

impl AppTarget {
    pub(super) fn new(url: &str, options: Arc<Options>) -> Result<Self, Error> {
        let url = checked(url, &options)?;
        Ok(Self { url, options })
    }

    pub(super) fn set_url(&mut self, url: &str) -> Result<(), Error> {
        self.url = checked(url, &self.options)?;
        Ok(())
    }

    /// The same URL, not only an equal one.
    pub(super) fn has_url_of(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

/// Rejects an invalid URL now instead of when connecting.
fn checked(url: &str, options: &Options) -> Result<Text, Error> {
    Url::parse(options.tolerated.without_fragment(url))?;
    Text::copy(url)
}

/// The servers of an app: its URL and the fallback URLs of its options, which are tried in turn.
/// Each is tried once in a round; the delay of reconnecting is between rounds.
#[derive(Default)]
pub(super) struct Servers {
    current: Option<Text>,
    /// The server of the last connection, which is tried first.
    preferred: Option<Text>,
    /// Those that are still to be tried in this round, the next one last.
    remaining: Vec<Text>,
    /// A failure of this round was retryable.
    is_retryable: bool,
}

impl Servers {
    /// The server to connect to now.
    pub(super) fn next(&mut self, target: &AppTarget) -> Text {
        if self.remaining.is_empty() {
            self.is_retryable = false;
            if target.options.fallback_urls.is_empty() {
                // Most apps have one server, and need no memory for others.
                self.current = None;
                return target.url.clone();
            }
            self.begin_round(target);
        }
        let next = self.remaining.pop();
        self.current.clone_from(&next);
        next.unwrap_or_else(|| target.url.clone())
    }

    fn begin_round(&mut self, target: &AppTarget) {
        let fallbacks = target.options.fallback_urls.iter().rev();
        self.remaining.extend(fallbacks.cloned());
        self.remaining.push(target.url.clone());
        let preferred = self.preferred.as_ref();
        if let Some(at) = self.remaining.iter().position(|url| Some(url) == preferred) {
            let url = self.remaining.remove(at);
            self.remaining.push(url);
        }
    }

    /// The attempt has not begun: the same server is next.
    pub(super) fn put_back(&mut self) {
        self.remaining.extend(self.current.take());
    }

    /// The app has another URL: a new round begins.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    pub(super) fn note_open(&mut self) {
        self.preferred = self.current.take();
        self.remaining = Vec::new();
        self.is_retryable = false;
    }

    /// Whether there is another server to try in this round.
    pub(super) fn note_failure(&mut self, is_retryable: bool) -> bool {
        self.is_retryable |= is_retryable;
        !self.remaining.is_empty()
    }

    /// Whether another round may succeed.
    pub(super) fn is_retryable(&self) -> bool {
        self.is_retryable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(fallbacks: &[&str]) -> AppTarget {
        let mut options = Options::default();
        let text = |url: &&str| Text::copy(url).unwrap();
        let urls = fallbacks.iter().map(text).collect();
        options.fallback_urls = Arc::new(urls);
        AppTarget::new("ws://a/", Arc::new(options)).unwrap()
    }

    /// The hosts that fail one after the other, and "|" at the end of a round.
    fn fail(servers: &mut Servers, target: &AppTarget, count: usize) -> String {
        let mut order = String::new();
        for _ in 0..count {
            let url = servers.next(target);
            order += &url["ws://".len()..url.len() - 1];
            if !servers.note_failure(true) {
                order += "|";
            }
        }
        order
    }

    #[test]
    fn servers_are_tried_in_turn_round_by_round() {
        let mut servers = Servers::default();
        assert_eq!(
            fail(&mut servers, &target(&["ws://b/", "ws://c/"]), 7),
            "abc|abc|a"
        );
        let mut servers = Servers::default();
        assert_eq!(fail(&mut servers, &target(&[]), 3), "a|a|a|");
    }

    #[test]
    fn the_server_of_the_last_connection_is_tried_first() {
        let target = target(&["ws://b/", "ws://c/"]);
        let mut servers = Servers::default();
        assert_eq!(fail(&mut servers, &target, 1), "a");
        assert_eq!(&*servers.next(&target), "ws://b/");
        servers.note_open();
        assert_eq!(fail(&mut servers, &target, 4), "bac|b");
    }

    #[test]
    fn a_round_is_final_only_if_every_failure_was() {
        let target = target(&["ws://b/"]);
        let mut servers = Servers::default();
        for (first, second) in [(false, false), (true, false), (false, true)] {
            servers.next(&target);
            assert!(servers.note_failure(first));
            servers.next(&target);
            assert!(!servers.note_failure(second));
            assert_eq!(servers.is_retryable(), first || second);
        }
    }

    #[test]
    fn an_attempt_that_is_put_back_is_the_next_one() {
        let target = target(&["ws://b/"]);
        let mut servers = Servers::default();
        servers.next(&target);
        servers.put_back();
        assert_eq!(fail(&mut servers, &target, 2), "ab|");
    }
}
