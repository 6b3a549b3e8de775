// SPDX-License-Identifier: Apache-2.0
//! Which proxy a connection goes through: what was set, else what the environment says.

use super::endpoint::Proxy;
use super::no_proxy::NoProxy;
use crate::base::error::{Error, Kind, Phase};
use crate::protocol::http::auth::Credentials;
use crate::protocol::url::Url;

#[derive(Clone, Debug)]
pub struct ProxyOptions {
    pub proxy: Option<Proxy>,
    /// For `proxy`, in place of its own; never for one of the environment.
    pub credentials: Option<Credentials>,
    pub no_proxy: NoProxy,
    pub uses_environment: bool,
}

impl Default for ProxyOptions {
    fn default() -> Self {
        Self {
            proxy: None,
            credentials: None,
            no_proxy: NoProxy::default(),
            uses_environment: true,
        }
    }
}

#[derive(Debug, Default)]
pub struct Selection {
    /// `None`: straight to the server.
    pub proxy: Option<Proxy>,
    /// What was wrong with the environment and left out, for the log.
    pub ignored: Vec<String>,
}

/// `environment` gives the value of a variable that is set.
pub fn select(
    options: &ProxyOptions,
    url: &Url,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Selection, Error> {
    let environment = |name: &str| environment(name).filter(|_| options.uses_environment);
    let variable = match options.proxy {
        Some(_) => None,
        None => proxy_variable(url, &environment),
    };
    if options.proxy.is_none() && variable.is_none() {
        return Ok(Selection::default());
    }
    let mut ignored = Vec::new();
    let mut no_proxy = options.no_proxy.clone();
    if no_proxy.is_empty() {
        if let Some((name, list)) = first(&["no_proxy", "NO_PROXY"], &environment) {
            let problems = no_proxy.add(&list)?.into_iter();
            ignored.extend(problems.map(|what| format!("the environment variable {name}: {what}")));
        }
    }
    let proxy = match variable {
        // Before the variable is read: a mistake in it is none where it does not count.
        _ if no_proxy.matches(&url.host(), url.ip(), url.port()) => None,
        Some((name, text)) => Some(Proxy::parse(text.trim()).map_err(|what| {
            let message = format!("the environment variable {name} {what}");
            Error::new(Kind::Proxy, message).in_phase(Phase::Proxy)
        })?),
        None => options.proxy.clone().map(|proxy| Proxy {
            credentials: options.credentials.clone().or(proxy.credentials),
            ..proxy
        }),
    };
    Ok(Selection { proxy, ignored })
}

/// The variable that counts, unless it is empty, which means no proxy.
fn proxy_variable(
    url: &Url,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Option<(&'static str, String)> {
    let names: &[&str] = if url.is_secure() {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else if environment("REQUEST_METHOD").is_some() {
        // A CGI program: HTTP_PROXY is the `Proxy` field of the request that it serves (CVE-2016-5385).
        &["http_proxy", "all_proxy", "ALL_PROXY"]
    } else {
        &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
    };
    first(names, environment).filter(|(_, value)| !value.trim().is_empty())
}

/// The first that is set, be it empty.
fn first(
    names: &[&'static str],
    environment: &dyn Fn(&str) -> Option<String>,
) -> Option<(&'static str, String)> {
    names
        .iter()
        .find_map(|name| environment(name).map(|value| (*name, value)))
}
