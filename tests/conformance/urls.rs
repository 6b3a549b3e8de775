// SPDX-License-Identifier: Apache-2.0
//! URLs: their components, how references are resolved, and which URLs are rejected.

use wsline::base::error::Kind;
use wsline::protocol::url::Url;

fn parts(text: &str) -> (bool, String, u16, String, String) {
    let url = Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    (
        url.is_secure(),
        url.host().into_owned(),
        url.port(),
        url.resource().to_owned(),
        url.authority().to_owned(),
    )
}

#[test]
fn urls_are_split_into_components() {
    let table = [
        ("ws://h", false, "h", 80, "/", "h"),
        ("wss://h", true, "h", 443, "/", "h"),
        (
            "WSS://Exa-MPLE.com/A",
            true,
            "exa-mple.com",
            443,
            "/A",
            "exa-mple.com",
        ),
        ("ws://h:443/", false, "h", 443, "/", "h:443"),
        ("wss://h:80/", true, "h", 80, "/", "h:80"),
        ("wss://h:443/", true, "h", 443, "/", "h"),
        ("ws://h?x=1", false, "h", 80, "/?x=1", "h"),
        ("ws://h/?", false, "h", 80, "/?", "h"),
        ("ws://h//a;p=1?q=%20", false, "h", 80, "//a;p=1?q=%20", "h"),
        ("ws://h/a b/ü", false, "h", 80, "/a%20b/%C3%BC", "h"),
        ("ws://[::1]:8080/r", false, "::1", 8080, "/r", "[::1]:8080"),
        ("ws://127.0.0.1/", false, "127.0.0.1", 80, "/", "127.0.0.1"),
        (
            "ws://exämple.com/",
            false,
            "xn--exmple-cua.com",
            80,
            "/",
            "xn--exmple-cua.com",
        ),
    ];
    for (text, secure, host, port, resource, authority) in table {
        assert_eq!(
            parts(text),
            (secure, host.into(), port, resource.into(), authority.into()),
            "{text}"
        );
    }
}

#[test]
fn user_zone_and_socket_are_extracted() {
    let url = |text: &str| Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let user = url("ws://u%40x:p%3Aw@h/");
    let credentials = user.credentials().map(|it| (it.user(), it.password()));
    assert_eq!(credentials, Some(("u@x", "p:w")));
    assert_eq!(user.authority(), "h");

    let zone = url("ws://u@[fe80::1%25eth0%2E1]:81/%25eth0");
    assert_eq!(zone.host_and_zone(), "fe80::1%eth0.1");
    assert_eq!(zone.host(), "fe80::1");
    assert_eq!(zone.authority(), "[fe80::1]:81");
    assert_eq!(zone.resource(), "/%25eth0");

    // RFC 9844.
    let zone = url("ws://u@[fe80::1%eth0]:8080/%eth0");
    assert_eq!(zone.host_and_zone(), "fe80::1%eth0");
    assert_eq!(zone.authority(), "[fe80::1]:8080");
    assert_eq!(zone.origin(), "http://[fe80::1]:8080");
    assert_eq!(zone.resource(), "/%eth0");

    for (text, path, resource) in [
        (
            "ws+unix:///run/a.sock:/chat?x=1",
            "/run/a.sock",
            "/chat?x=1",
        ),
        ("WS+UNIX:///run/a%20b%3A1", "/run/a b:1", "/"),
        ("ws+unix:///s?x=1", "/s", "/?x=1"),
    ] {
        let unix = url(text);
        assert_eq!((unix.unix_path(), unix.resource()), (Some(path), resource));
        assert_eq!(unix.authority(), "localhost");
    }
}

#[test]
fn references_are_resolved_against_the_url_they_came_from() {
    let table = [
        ("ws://h/a/b?q", "c", "ws://h/a/c"),
        ("ws://h/a/b", "../c?x=1", "ws://h/c"),
        ("ws://h/a/b", "/c", "ws://h/c"),
        ("ws://h/a/b", "//i:81/c", "ws://i:81/c"),
        ("wss://h/a", "//i/c", "wss://i/c"),
        ("ws://h/", "http://i/c#top", "ws://i/c"),
        ("ws://h/", "HTTPS://user:secret@i/c", "wss://i/c"),
        ("ws://h/", "wss://i", "wss://i/"),
        ("ws://[fe80::1%25lo]/", "/c", "ws://[fe80::1]/c"),
        ("ws+unix:///s:/a", "b", "ws+unix:///s:/b"),
        ("ws+unix:///s:/a", "ws://i/b", "ws://i/b"),
    ];
    for (from, reference, to) in table {
        let from = Url::parse(from).expect("a URL");
        let joined = from
            .join(reference)
            .unwrap_or_else(|error| panic!("{reference}: {error}"));
        assert_eq!(joined.to_string(), to, "{from} + {reference}");
        assert_eq!(joined.credentials(), None);
        assert!(
            joined.is_same_origin(&from)
                != (joined.authority() != from.authority()
                    || joined.is_secure() != from.is_secure())
        );
    }
    let from = Url::parse("ws://h/").expect("a URL");
    for bad in [
        "ws+unix:///s:/",
        "ftp://i/",
        "mailto:a@b",
        "//",
        "http://",
        "/a\tb",
        "\\\\i\\c",
        "ws://i:0/",
        "//.i/",
    ] {
        from.join(bad).expect_err(bad);
    }
}

#[test]
fn what_is_not_a_websocket_url_is_refused() {
    let table = [
        "",
        "h",
        "http://h/",
        "ws:h",
        "ws:/h",
        "ws://",
        "ws:///path",
        "ws://:80/",
        "ws://h:0/",
        "ws://h:65536/",
        "ws://h:x/",
        "ws://h/#f",
        "ws://h/#",
        " ws://h/",
        "ws://h/\r\nX: y",
        "ws://h/\t",
        "ws://[::1/",
        "ws://h\\p",
        "ws://a b/",
        "ws://a%3Ab:c@h/",
        "ws://a%0Ab@h/",
        "ws://.h/",
        "wss://.example/",
        "wss://a..b/",
        "wss://h../",
        "ws://./",
        "ws://[fe80::1%]/",
        "ws://[fe80::1%25]/",
        "ws://[fe80::1%a%2E]/",
        "ws://[fe80::1%25a%25]/",
        "ws://[eth0%eth0]/",
        "ws://h%25eth0/",
        "ws+unix://h/s",
        "ws+unix://",
        "ws+unix:///s%00:/",
        "ws+unix:///s:chat",
        "wss+unix:///s:/",
        "2001:db8::1",
    ];
    for text in table {
        let error = Url::parse(text).expect_err(text);
        assert_eq!(error.kind(), Kind::InvalidUrl, "{text}");
    }
}

#[test]
#[rustfmt::skip]
fn a_rejection_suggests_the_intended_url() {
    let table = [
        ("localhost:8080",         "\"localhost:8080\" has no scheme; did you mean ws://localhost:8080/?"),
        ("Example.com",            "\"Example.com\" has no scheme; did you mean ws://example.com/?"),
        ("h/a?x=1",                "\"h/a\" has no scheme; did you mean ws://h/a?"),
        ("//h/",                   "\"//h/\" has no scheme; did you mean ws://h/?"),
        ("[::1]:80",               "\"[::1]:80\" has no scheme; did you mean ws://[::1]/?"),
        ("2001:db8::1",            "\"2001:db8::1\" has no scheme; did you mean ws://[2001:db8::1]/?"),
        ("user:secret@h",          "\"…@h\" has no scheme; did you mean ws://h/?"),
        ("ws:h",                   "\"ws:h\" lacks the // after its scheme; did you mean ws://h/?"),
        ("WSS:/h",                 "\"WSS:/h\" lacks the // after its scheme; did you mean wss://h/?"),
        ("http:h",                 "\"http:h\" lacks the // after its scheme; did you mean ws://h/?"),
        ("http://host/",           "\"http://host/\" has the scheme http, not ws, wss or ws+unix; did you mean ws://host/?"),
        ("https://u:secret@h:8443/a?secret",
            "\"…@h:8443/a\" has the scheme https, not ws, wss or ws+unix; did you mean wss://h:8443/a?"),
        ("ftp://h/",               "\"ftp://h/\" has the scheme ftp, not ws, wss or ws+unix"),
        ("wss+unix:///s:/",        "\"wss+unix:///s:/\" has the scheme wss+unix, not ws, wss or ws+unix"),
        // No suggestion, or it might reveal what was not to be shown.
        ("",                       "\"\" is empty"),
        ("8080",                   "\"8080\" has no scheme"),
        ("h:x",                    "\"h:x\" has no scheme"),
        ("http://",                "\"http://\" has the scheme http, not ws, wss or ws+unix"),
        ("http://u:1/secret@h/",   "\"…@h/\" has the scheme http, not ws, wss or ws+unix"),
        ("http://u:1?secret@h/",   "\"…@h/\" has the scheme http, not ws, wss or ws+unix"),
    ];
    for (text, expected) in table {
        let error = Url::parse(text).expect_err(text);
        assert_eq!(error.message(), format!("URL {expected}"));
    }
    let long = Url::parse(&format!("{}://h/", "x".repeat(1000))).expect_err("unknown");
    assert!(long.message().len() < 300, "{long}");
}

#[test]
fn a_password_in_a_url_is_never_quoted() {
    for text in [
        "ws://us%3Aer:secret@h/",
        "ws://user:secret?word@h/",
        "ws://user:secret/word@h:x/",
        "http://user:secret@h/",
        "ws://user:secret@h/#f",
        "ws:user:secret@h",
        "user:secret@h",
        "http://h/?token=secret",
    ] {
        let error = Url::parse(text).expect_err(text);
        assert!(!error.message().contains("secret"), "{}", error.message());
    }
}
