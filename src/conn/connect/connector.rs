// SPDX-License-Identifier: Apache-2.0
//! Connects to a URL and follows redirects, as a state machine that never waits. Its driver waits
//! for the descriptors that it names and steps it again.

use super::attempt::Attempt;
use super::cookies;
use super::report::Report;
use super::transport::Transport;
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind, Phase};
use crate::base::process::ProcessMark;
use crate::base::sync::Arc;
use crate::conn::events::EventKind;
use crate::conn::options::Options;
use crate::conn::send::keys::Keys;
use crate::conn::trace;
use crate::net::poll::Poll;
use crate::net::resolve::Notify;
use crate::net::sys;
use crate::protocol::http::redirect::Redirects;
use crate::protocol::http::reply::Response;
use crate::protocol::http::upgrade::Upgrade;
use crate::protocol::proxy::endpoint::Proxy;
use crate::protocol::proxy::select::select;
use crate::protocol::url::Url;
use crate::protocol::ws::deflate::Agreement;
use std::ffi::CStr;
use std::time::Instant;

pub struct Connector {
    process: ProcessMark,
    options: Arc<Options>,
    /// Taken when the connection is established.
    keys: Option<Keys>,
    notify: Notify,
    deadline: Deadline,
    redirects: Redirects,
    attempt: Attempt,
    /// The server's response, also if it rejected the upgrade.
    response: Option<Arc<Response>>,
}

/// The result of a successful connect.
pub struct Established {
    pub transport: Box<Transport>,
    pub keys: Keys,
    /// The server speaks TLS.
    pub is_secure: bool,
    pub deflate: Option<Agreement>,
}

impl Connector {
    /// `notify` is called on another thread when there is a reason to step that no descriptor
    /// shows.
    pub fn new(
        url: Arc<Url>,
        options: Arc<Options>,
        mut keys: Keys,
        notify: Notify,
        deadline: Deadline,
        report: &mut Report,
        now: Instant,
    ) -> Result<Self, Error> {
        // What the caller supplies serves only one request.
        let limit = match options.supplied {
            Some(_) => 0,
            None => options.request.max_redirects,
        };
        let redirects = Redirects::new(url, limit);
        let attempt = attempt(&redirects, &options, &mut keys, &notify, report, now)?;
        report.timings.enter(attempt.part());
        Ok(Self {
            process: ProcessMark::own(),
            options,
            keys: Some(keys),
            notify,
            deadline,
            redirects,
            attempt,
            response: None,
        })
    }

    /// Advances as far as possible; `poll` holds the result of the last wait. `None`: wait again.
    pub fn step(
        &mut self,
        now: Instant,
        poll: &Poll,
        report: &mut Report,
    ) -> Result<Option<Established>, Error> {
        if self.process.is_inherited() {
            let message = "this is a child process: the connect began before fork()";
            return Err(Error::new(Kind::WrongState, message));
        }
        report.timings.spend(now);
        match self.attempt.step(now, poll, self.deadline, report) {
            Ok(None) => {
                report.timings.enter(self.attempt.part());
                Ok(None)
            }
            Ok(Some(transport)) => {
                report.timings.end_open();
                self.response = self.attempt.take_response();
                let response = self.response.as_ref();
                let keys = self.keys.take().ok_or_else(established_before)?;
                Ok(Some(Established {
                    keys,
                    is_secure: self.attempt.is_secure(),
                    deflate: response.and_then(|response| response.deflate),
                    transport,
                }))
            }
            Err(error) => {
                self.response = self.attempt.take_response();
                self.follow(error, now, report)
            }
        }
    }

    /// The current phase.
    pub fn phase(&self) -> Phase {
        self.attempt.phase()
    }

    /// Adds the descriptors to wait for.
    pub fn add_interests(&self, poll: &mut Poll) {
        self.attempt.add_interests(poll);
    }

    /// When to step even if no descriptor is ready.
    pub fn next_step(&self) -> Deadline {
        self.attempt.next_step().or_earlier(self.deadline)
    }

    /// The server's last response, once the connect has ended.
    pub fn take_response(&mut self) -> Option<Arc<Response>> {
        let of_attempt = self.attempt.take_response();
        of_attempt.or_else(|| self.response.take())
    }

    /// Follows a redirect; any other error fails the connect.
    fn follow(
        &mut self,
        error: Error,
        now: Instant,
        report: &mut Report,
    ) -> Result<Option<Established>, Error> {
        let is_followed = match &self.response {
            Some(response) if error.kind() == Kind::BadStatus => {
                let followed = self.redirects.follow(&response.head);
                followed.map_err(|error| error.in_phase(Phase::Upgrade))?
            }
            _ => false,
        };
        if !is_followed {
            return Err(error);
        }
        self.response = None;
        report.timings.note_redirect();
        trace::note(format_args!("redirected to {}", self.redirects.url()));
        let keys = self.keys.as_mut().ok_or_else(established_before)?;
        let (redirects, options) = (&self.redirects, &self.options);
        self.attempt = attempt(redirects, options, keys, &self.notify, report, now)?;
        report.timings.enter(self.attempt.part());
        // The old socket is closed, and the new one may have the same number.
        self.step(now, &Poll::default(), report)
    }
}

fn established_before() -> Error {
    Error::new(Kind::Internal, "the connect has already succeeded")
}

fn attempt(
    redirects: &Redirects,
    options: &Arc<Options>,
    keys: &mut Keys,
    notify: &Notify,
    report: &Report,
    now: Instant,
) -> Result<Attempt, Error> {
    let url = redirects.url();
    report.emit(EventKind::Connecting(url));
    let proxy = proxy(url, options)?;
    let mut request = redirects.request_options(&options.request)?;
    cookies::add(url, options, &mut request)?;
    let offer = options.deflate.is_offered.then_some(options.deflate.offer);
    let mut upgrade = Upgrade::new(url, &request, offer, keys.nonce())?;
    upgrade.tolerate(options.tolerated);
    let (options, notify) = (Arc::clone(options), Arc::clone(notify));
    Attempt::new(Arc::clone(url), proxy, upgrade, options, notify, now)
}

/// A value that is not UTF-8 still counts as set; it is just unusable.
fn environment(name: &CStr) -> Option<String> {
    sys::environment(name).map(|value| value.to_string_lossy().into_owned())
}

/// The proxy for `url`; `None` if the options or the URL name a socket.
pub fn proxy(url: &Url, options: &Options) -> Result<Option<Proxy>, Error> {
    if options.supplied.is_some() || options.unix_path.is_some() || url.unix_path().is_some() {
        return Ok(None);
    }
    let selection = select(&options.proxy, url, &environment)?;
    for entry in &selection.ignored {
        trace::warn(format_args!("no_proxy: {entry}"));
    }
    Ok(selection.proxy)
}
