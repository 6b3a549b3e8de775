// SPDX-License-Identifier: Apache-2.0
//! Which proxy is selected, from options and environment.

use std::ffi::CStr;
use wsline::base::error::{Kind, Phase};
use wsline::protocol::http::auth::Credentials;
use wsline::protocol::proxy::endpoint::Proxy;
use wsline::protocol::proxy::no_proxy::NoProxy;
use wsline::protocol::proxy::select::{ProxyOptions, Selection, select};
use wsline::protocol::url::Url;

const DIRECT: &str = "direct";
const WS: &str = "ws://example.com/";
const WSS: &str = "wss://example.com/";

/// Variables as `name=value`, separated by `;`.
type Environment = &'static str;

#[test]
#[rustfmt::skip]
fn the_environment_names_a_proxy() {
    //   environment                                URL   proxy
    let table: [(Environment, &str, &str); 40] = [
        ("",                                        WS,   DIRECT),
        ("",                                        WSS,  DIRECT),
        ("http_proxy=http://a:1",                   WS,   "http://a:1"),
        ("http_proxy=http://a:1",                   WSS,  DIRECT),
        ("https_proxy=http://a:1",                  WSS,  "http://a:1"),
        ("https_proxy=http://a:1",                  WS,   DIRECT),
        ("HTTP_PROXY=http://a:1",                   WS,   "http://a:1"),
        ("HTTPS_PROXY=http://a:1",                  WSS,  "http://a:1"),
        ("HTTP_PROXY=http://a:1",                   WSS,  DIRECT),
        ("HTTPS_PROXY=http://a:1",                  WS,   DIRECT),
        ("all_proxy=socks5://a:1",                  WS,   "socks5://a:1"),
        ("all_proxy=socks5://a:1",                  WSS,  "socks5://a:1"),
        ("ALL_PROXY=socks5://a:1",                  WS,   "socks5://a:1"),
        ("ALL_PROXY=socks5://a:1",                  WSS,  "socks5://a:1"),
        ("ws_proxy=http://a:1",                     WS,   DIRECT),
        ("Http_Proxy=http://a:1",                   WS,   DIRECT),
        ("http_proxy=http://a:1;HTTP_PROXY=http://b:2",   WS,  "http://a:1"),
        ("https_proxy=http://a:1;HTTPS_PROXY=http://b:2", WSS, "http://a:1"),
        ("all_proxy=http://a:1;ALL_PROXY=http://b:2",     WSS, "http://a:1"),
        ("all_proxy=http://a:1;http_proxy=http://b:2",    WS,  "http://b:2"),
        ("all_proxy=http://a:1;HTTPS_PROXY=http://b:2",   WSS, "http://b:2"),
        ("all_proxy=http://a:1;HTTP_PROXY=http://b:2",    WSS, "http://a:1"),
        ("http_proxy=",                             WS,   DIRECT),
        ("http_proxy=  ",                           WS,   DIRECT),
        ("http_proxy=;HTTP_PROXY=http://b:2",       WS,   DIRECT),
        ("https_proxy= ;HTTPS_PROXY=http://b:2",    WSS,  DIRECT),
        ("http_proxy=;all_proxy=http://b:2",        WS,   DIRECT),
        ("HTTP_PROXY=;ALL_PROXY=http://b:2",        WS,   DIRECT),
        ("all_proxy=;ALL_PROXY=http://b:2",         WS,   DIRECT),
        ("https_proxy=;all_proxy=http://b:2",       WS,   "http://b:2"),
        ("HTTP_PROXY=http://a:1;REQUEST_METHOD=GET", WS,  DIRECT),
        ("HTTP_PROXY=http://a:1;REQUEST_METHOD=",   WS,   DIRECT),
        ("HTTP_PROXY=http://a:1;REQUEST_METHOD=GET;all_proxy=http://b:2", WS, "http://b:2"),
        ("http_proxy=http://a:1;REQUEST_METHOD=GET", WS,  "http://a:1"),
        ("HTTPS_PROXY=http://a:1;REQUEST_METHOD=GET", WSS, "http://a:1"),
        ("ALL_PROXY=http://a:1;REQUEST_METHOD=GET", WS,   "http://a:1"),
        ("http_proxy= http://a:1 ",                 WS,   "http://a:1"),
        ("http_proxy=a:1",                          WS,   "http://a:1"),
        ("http_proxy=a",                            WS,   "http://a:80"),
        ("https_proxy=SOCKS5H://u:secret@a/",       WSS,  "socks5h://a:1080"),
    ];
    for (variables, url, expected) in table {
        assert_eq!(chosen(&ProxyOptions::default(), variables, url), expected, "{variables:?} and {url}");
    }
}

#[test]
#[rustfmt::skip]
fn options_take_precedence() {
    let options = |proxy: &str, no_proxy: &str, uses_environment| ProxyOptions {
        proxy: Some(proxy).filter(|text| !text.is_empty()).map(|text| Proxy::parse(text).expect("a proxy")),
        no_proxy: list(no_proxy),
        uses_environment,
        ..ProxyOptions::default()
    };
    //   proxy         no proxy         environment?  environment                              URL
    //   proxy
    let table: [(&str, &str, bool, Environment, &str, &str); 20] = [
        ("http://o:1", "",              true,  "",                                             WS,  "http://o:1"),
        ("http://o:1", "",              true,  "",                                             WSS, "http://o:1"),
        ("http://o:1", "",              true,  "http_proxy=http://a:1",                        WS,  "http://o:1"),
        ("http://o:1", "",              true,  "http_proxy=",                                  WS,  "http://o:1"),
        ("http://o:1", "",              true,  "http_proxy=%",                                 WS,  "http://o:1"),
        ("http://o:1", "example.com",   true,  "",                                             WS,  DIRECT),
        ("http://o:1", "other.example", true,  "",                                             WS,  "http://o:1"),
        ("http://o:1", "",              true,  "no_proxy=example.com",                         WS,  DIRECT),
        ("http://o:1", "",              false, "no_proxy=example.com",                         WS,  "http://o:1"),
        ("http://o:1", "other.example", true,  "no_proxy=example.com",                         WS,  "http://o:1"),
        ("socks5://o", "example.com:80", true, "",                                             WS,  DIRECT),
        ("socks5://o", "example.com:80", true, "",                                             WSS, "socks5://o:1080"),
        ("",           "example.com",   true,  "http_proxy=http://a:1",                        WS,  DIRECT),
        ("",           "other.example", true,  "http_proxy=http://a:1",                        WS,  "http://a:1"),
        ("",           "other.example", true,  "http_proxy=http://a:1;no_proxy=*",             WS,  "http://a:1"),
        ("",           "",              false, "http_proxy=http://a:1",                        WS,  DIRECT),
        ("",           "",              false, "https_proxy=http://a:1",                       WSS, DIRECT),
        ("",           "",              false, "all_proxy=http://a:1",                         WS,  DIRECT),
        ("",           "",              false, "http_proxy=%",                                 WS,  DIRECT),
        ("",           "example.com",   true,  "http_proxy=%",                                 WS,  DIRECT),
    ];
    for (proxy, no_proxy, uses_environment, variables, url, expected) in table {
        let options = options(proxy, no_proxy, uses_environment);
        assert_eq!(chosen(&options, variables, url), expected, "{options:?}, {variables:?} and {url}");
    }
}

#[test]
#[rustfmt::skip]
fn the_environment_names_targets_without_a_proxy() {
    //   in addition to all_proxy=http://a:1        URL                  proxy
    let table: [(Environment, &str, &str); 12] = [
        ("no_proxy=example.com",                    WS,                  DIRECT),
        ("NO_PROXY=example.com",                    WSS,                 DIRECT),
        ("no_proxy=other.example",                  WS,                  "http://a:1"),
        ("no_proxy=other.example;NO_PROXY=example.com", WS,              "http://a:1"),
        ("no_proxy=;NO_PROXY=example.com",          WS,                  "http://a:1"),
        ("no_proxy=*",                              WS,                  DIRECT),
        ("no_proxy=<local>,example.com",            WS,                  DIRECT),
        ("no_proxy=.example.com",                   "ws://a.example.com", DIRECT),
        ("no_proxy=.example.com",                   "ws://aexample.com", "http://a:1"),
        ("no_proxy=127.0.0.0/8",                    "ws://127.0.0.1:81", DIRECT),
        ("no_proxy=[::1]:443",                      "wss://[::1]",       DIRECT),
        ("no_proxy=[::1]:443",                      "ws://[::1]",        "http://a:1"),
    ];
    for (variables, url, expected) in table {
        let all = format!("all_proxy=http://a:1;{variables}");
        assert_eq!(chosen(&ProxyOptions::default(), &all, url), expected, "{variables:?} and {url}");
    }
}

#[test]
fn credentials_apply_only_to_the_proxy_that_was_set() {
    let set = Credentials::new("set", "secret").expect("credentials");
    let own = Credentials::new("own", "secret").expect("credentials");
    let variable = |name: &CStr| (name == c"http_proxy").then(|| "http://own:secret@a".to_owned());
    for (proxy, credentials, expected) in [
        (Some("http://own:secret@o"), None, &own),
        (Some("http://own:secret@o"), Some(&set), &set),
        (None, Some(&set), &own),
    ] {
        let options = ProxyOptions {
            proxy: proxy.map(|text| Proxy::parse(text).expect("a proxy")),
            credentials: credentials.cloned(),
            ..ProxyOptions::default()
        };
        let url = Url::parse(WS).expect("a URL");
        let proxy = select(&options, &url, &variable).expect("a proxy").proxy;
        assert_eq!(
            proxy.and_then(|proxy| proxy.credentials).as_ref(),
            Some(expected)
        );
    }
}

#[test]
fn an_invalid_proxy_is_an_error_that_names_its_variable() {
    for (variables, url, expected) in [
        (
            "http_proxy=ftp://u:secret@h",
            WS,
            "http_proxy has the unknown scheme \"ftp\"; known schemes are http,",
        ),
        (
            "HTTPS_PROXY=http://u:secret@h:0",
            WSS,
            "HTTPS_PROXY has port 0",
        ),
        (
            "all_proxy=http://u:secret@",
            WS,
            "all_proxy is not a proxy URL: empty host",
        ),
        (
            "ALL_PROXY=http://u:secret@h/p",
            WSS,
            "ALL_PROXY has a path,",
        ),
        (
            "http_proxy=http://u:secret%00@h",
            WS,
            "http_proxy has a control character",
        ),
        (
            "http_proxy=http://u:se cret@h",
            WS,
            "http_proxy contains whitespace",
        ),
    ] {
        let error = selection(&ProxyOptions::default(), variables, url).expect_err(variables);
        assert_eq!((error.kind(), error.phase()), (Kind::Proxy, Phase::Proxy));
        let what = error.message().strip_prefix("the environment variable ");
        assert!(
            what.is_some_and(|what| what.starts_with(expected)),
            "{error}"
        );
        assert!(!error.message().contains("secret"), "{error}");
    }
}

#[test]
fn ignored_input_is_reported_if_it_may_matter() {
    let ignored = |options: &ProxyOptions, variables| {
        let selection = selection(options, variables, WS);
        selection.expect("a selection").ignored
    };
    let both = "http_proxy=http://a:1;NO_PROXY=<local>,b.example";
    let text = "the environment variable NO_PROXY: \"<local>\" is neither a host name, nor an address, nor a network";
    assert_eq!(ignored(&ProxyOptions::default(), both), [text]);
    let own = ProxyOptions {
        no_proxy: list("c.example"),
        ..ProxyOptions::default()
    };
    assert_eq!(ignored(&own, both), [""; 0]);
    assert_eq!(
        ignored(&ProxyOptions::default(), "no_proxy=<local>"),
        [""; 0]
    );
}

fn list(text: &str) -> NoProxy {
    let mut no_proxy = NoProxy::default();
    let problems = no_proxy.add(text).expect("memory");
    assert!(problems.is_empty(), "{text}");
    no_proxy
}

fn chosen(options: &ProxyOptions, variables: &str, url: &str) -> String {
    let selection = selection(options, variables, url);
    let selection = selection.unwrap_or_else(|error| panic!("{variables:?}: {error}"));
    selection
        .proxy
        .map_or_else(|| DIRECT.to_owned(), |proxy| proxy.to_string())
}

fn selection(
    options: &ProxyOptions,
    variables: &str,
    url: &str,
) -> Result<Selection, wsline::base::error::Error> {
    let url = Url::parse(url).expect("a URL");
    select(options, &url, &|name| {
        let mut pairs = variables.split(';').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(set, _)| set.as_bytes() == name.to_bytes())
            .map(|(_, value)| value.to_owned())
    })
}
