// SPDX-License-Identifier: Apache-2.0
//! Which proxy a connection uses: that of the options, or else that of the environment.

use super::endpoint::Proxy;
use super::no_proxy::NoProxy;
use crate::base::error::{Error, Kind, Phase};
use crate::protocol::http::auth::Credentials;
use crate::protocol::url::Url;
use std::ffi::CStr;

#[derive(Clone, Debug)]
pub struct ProxyOptions {
    pub proxy: Option<Proxy>,
    /// Credentials for `proxy`, instead of its own; never for a proxy from the environment.
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
    /// `None` for a direct connection.
    pub proxy: Option<Proxy>,
    /// Problems in the environment that were ignored, for the log.
    pub ignored: Vec<String>,
}

/// `environment` returns the value of a variable, if it is set.
pub fn select(
    options: &ProxyOptions,
    url: &Url,
    environment: &dyn Fn(&CStr) -> Option<String>,
) -> Result<Selection, Error> {
    let environment = |name: &CStr| match options.uses_environment {
        true => environment(name),
        false => None,
    };
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
        if let Some((name, list)) = first(&[c"no_proxy", c"NO_PROXY"], &environment) {
            let problems = no_proxy.add(&list)?.into_iter();
            let name = name.to_string_lossy();
            ignored.extend(problems.map(|what| format!("the environment variable {name}: {what}")));
        }
    }
    let proxy = match variable {
        // Before the variable is parsed: a mistake in it does not matter if it is not used.
        _ if no_proxy.matches(&url.host(), url.ip(), url.port()) => None,
        Some((name, text)) => Some(Proxy::parse(text.trim()).map_err(|what| {
            let name = name.to_string_lossy();
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

const HTTP_PROXY: &CStr = c"HTTP_PROXY";

/// The variable to use, unless it is empty, which means no proxy.
fn proxy_variable(
    url: &Url,
    environment: &dyn Fn(&CStr) -> Option<String>,
) -> Option<(&'static CStr, String)> {
    let own: &[&CStr] = match url.is_secure() {
        true => &[c"https_proxy", c"HTTPS_PROXY"],
        false => &[c"http_proxy", HTTP_PROXY],
    };
    let of_this_program = |name: &CStr| match environment(name) {
        // In a CGI program HTTP_PROXY is the `Proxy` field of the request (CVE-2016-5385).
        Some(_) if name == HTTP_PROXY && environment(c"REQUEST_METHOD").is_some() => None,
        value => value,
    };
    let found = first(own, &of_this_program);
    let found = found.or_else(|| first(&[c"all_proxy", c"ALL_PROXY"], environment));
    found.filter(|(_, value)| !value.trim().is_empty())
}

/// The first variable that is set, even if it is empty.
fn first(
    names: &[&'static CStr],
    environment: &dyn Fn(&CStr) -> Option<String>,
) -> Option<(&'static CStr, String)> {
    names
        .iter()
        .find_map(|name| environment(name).map(|value| (*name, value)))
}
