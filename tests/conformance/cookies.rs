// SPDX-License-Identifier: Apache-2.0
//! The cookie jar: what a server sets, and what a later request sends (RFC 6265 section 5).

use std::thread;
use std::time::{Duration, SystemTime};
use wsline::protocol::http::cookie::{CookieJar, NotKept};
use wsline::protocol::url::Url;

/// The Cookie header of the request, or why no cookie was stored.
type Outcome = Result<Option<&'static str>, &'static str>;

const NOTHING: Outcome = Ok(None);

const fn sent(cookies: &'static str) -> Outcome {
    Ok(Some(cookies))
}

/// 2024-01-01 00:00:00.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_704_067_200)
}

fn later(seconds: u64) -> SystemTime {
    now() + Duration::from_secs(seconds)
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}

fn told(kept: Result<(), NotKept>) -> Result<(), &'static str> {
    kept.map_err(|why| match why {
        NotKept::Rejected(why) => why,
        NotKept::NoMemory(error) => panic!("{error}"),
    })
}

fn add(jar: &CookieJar, from: &str, set_cookie: &str) -> Result<(), &'static str> {
    told(jar.add(&url(from), set_cookie.as_bytes(), now()))
}

fn header(jar: &CookieJar, to: &str) -> Option<String> {
    jar.header(&url(to), now()).expect("memory")
}

/// Sets one cookie and makes one request.
fn check(table: &[(&str, &str, &str, Outcome)]) {
    for (from, set_cookie, to, expected) in table {
        let jar = CookieJar::default();
        let found = add(&jar, from, set_cookie).map(|()| header(&jar, to));
        let found = found.as_ref().map(Option::as_deref).map_err(|e| *e);
        assert_eq!(found, *expected, "{set_cookie:?} from {from} to {to}");
    }
}

const FOREIGN: Outcome = Err("has a Domain that its server does not belong to");
const PUBLIC: Outcome = Err("has a Domain that is a public suffix");
const NO_HOST: Outcome = Err("has a Domain that is not a host name");

/// Sections 5.1.2, 5.1.3 and 5.3, items 4 to 6.
#[test]
#[rustfmt::skip]
fn hosts_and_domains() {
    check(&[
        // Without a Domain: only that host.
        ("ws://a.example/",     "k=v",                    "ws://a.example/",     sent("k=v")),
        ("ws://a.example/",     "k=v",                    "ws://a.example:81/",  sent("k=v")),
        ("ws://A.Example/",     "k=v",                    "ws://a.EXAMPLE/",     sent("k=v")),
        ("ws://a.example/",     "k=v",                    "ws://b.a.example/",   NOTHING),
        ("ws://b.a.example/",   "k=v",                    "ws://a.example/",     NOTHING),
        ("ws://a.example/",     "k=v; Domain",            "ws://b.a.example/",   NOTHING),
        ("ws://a.example/",     "k=v; Domain=",           "ws://b.a.example/",   NOTHING),
        ("ws://a.example/",     "k=v; Domain=.",          "ws://b.a.example/",   NOTHING),
        ("ws://localhost/",     "k=v",                    "ws://localhost/",     sent("k=v")),
        // With a Domain: the domain and its subdomains.
        ("ws://a.example/",     "k=v; Domain=a.example",  "ws://a.example/",     sent("k=v")),
        ("ws://a.example/",     "k=v; Domain=a.example",  "ws://b.a.example/",   sent("k=v")),
        ("ws://a.example/",     "k=v; Domain=a.example",  "ws://c.b.a.example/", sent("k=v")),
        ("ws://a.example/",     "k=v; Domain=.a.example", "ws://b.a.example/",   sent("k=v")),
        ("ws://a.example/",     "k=v; dOmAiN=A.eXample",  "ws://b.a.example/",   sent("k=v")),
        ("ws://b.a.example/",   "k=v; Domain=a.example",  "ws://a.example/",     sent("k=v")),
        ("ws://b.a.example/",   "k=v; Domain=a.example",  "ws://c.a.example/",   sent("k=v")),
        ("ws://a.example/",     "k=v; Domain=a.example",  "ws://xa.example/",    NOTHING),
        ("ws://a.example/",     "k=v; Domain=a.example",  "ws://a.example.org/", NOTHING),
        ("ws://b.a.example/",   "k=v; Domain=x.example; Domain=a.example", "ws://a.example/", sent("k=v")),
        ("ws://b.a.example/",   "k=v; Domain=a.example; Domain=x.example", "ws://a.example/", FOREIGN),
        ("ws://ä.example/",     "k=v; Domain=Ä.example",  "ws://b.ä.example/",   sent("k=v")),
        ("ws://ä.example/",     "k=v; Domain=xn--4ca.example", "ws://b.ä.example/", sent("k=v")),
        // Foreign domains.
        ("ws://a.example/",     "k=v; Domain=b.example",   "ws://b.example/",    FOREIGN),
        ("ws://a.example/",     "k=v; Domain=b.a.example", "ws://b.a.example/",  FOREIGN),
        ("ws://xa.example/",    "k=v; Domain=a.example",   "ws://a.example/",    FOREIGN),
        ("ws://a.example/",     "k=v; Domain=..a.example", "ws://a.example/",    FOREIGN),
        ("ws://a.example/",     "k=v; Domain=a.example.",  "ws://a.example/",    FOREIGN),
        ("ws://a.example/",     "k=v; Domain=\"a.example\"", "ws://a.example/",  FOREIGN),
        ("ws://a.example/",     "k=v; Domain=a.example:80", "ws://a.example/",   NO_HOST),
        ("ws://a.example/",     "k=v; Domain=a b",         "ws://a.example/",    NO_HOST),
        // Public suffixes, from the list and by its default rule; a host may set cookies for
        // itself.
        ("ws://a.com/",         "k=v; Domain=com",         "ws://b.com/",        PUBLIC),
        ("ws://a.com/",         "k=v; Domain=.COM",        "ws://b.com/",        PUBLIC),
        ("ws://a.com./",        "k=v; Domain=com.",        "ws://b.com./",       PUBLIC),
        ("ws://a.co.uk/",       "k=v; Domain=co.uk",       "ws://b.co.uk/",      PUBLIC),
        ("ws://a.co.uk/",       "k=v; Domain=uk",          "ws://b.co.uk/",      PUBLIC),
        ("ws://a.github.io/",   "k=v; Domain=github.io",   "ws://b.github.io/",  PUBLIC),
        ("ws://a.b.ck/",        "k=v; Domain=b.ck",        "ws://c.b.ck/",       PUBLIC),
        ("ws://a.公司.cn/",     "k=v; Domain=公司.cn",     "ws://b.公司.cn/",    PUBLIC),
        ("ws://a.intranet/",    "k=v; Domain=intranet",    "ws://b.intranet/",   PUBLIC),
        ("ws://a.b.github.io/", "k=v; Domain=b.github.io", "ws://c.b.github.io/", sent("k=v")),
        ("ws://a.www.ck/",      "k=v; Domain=www.ck",      "ws://b.www.ck/",     sent("k=v")),
        ("ws://github.io/",     "k=v; Domain=github.io",   "ws://github.io/",    sent("k=v")),
        ("ws://github.io/",     "k=v; Domain=github.io",   "ws://a.github.io/",  NOTHING),
        ("ws://localhost/",     "k=v; Domain=localhost",   "ws://localhost/",    sent("k=v")),
        ("ws://localhost/",     "k=v; Domain=localhost",   "ws://a.localhost/",  NOTHING),
        // An IP address has no domain, so it must be equal.
        ("ws://127.0.0.1/",     "k=v",                     "ws://127.0.0.1:9/",  sent("k=v")),
        ("ws://127.0.0.1/",     "k=v; Domain=127.0.0.1",   "ws://127.0.0.1/",    sent("k=v")),
        ("ws://127.0.0.1/",     "k=v; Domain=0.0.1",       "ws://127.0.0.1/",    FOREIGN),
        ("ws://127.0.0.1/",     "k=v; Domain=1",           "ws://127.0.0.1/",    FOREIGN),
        ("ws://[::1]/",         "k=v",                     "ws://[0::1]/",       sent("k=v")),
        ("ws://[::1]/",         "k=v; Domain=[::1]",       "ws://[::1]/",        sent("k=v")),
        ("ws://[::1]/",         "k=v; Domain=::1",         "ws://[::1]/",        NO_HOST),
        ("ws://[::1]/",         "k=v",                     "ws://127.0.0.1/",    NOTHING),
    ]);
}

/// Section 5.1.4.
#[test]
#[rustfmt::skip]
fn paths() {
    check(&[
        ("ws://h/",         "k=v",                  "ws://h/a/b",       sent("k=v")),
        ("ws://h",          "k=v",                  "ws://h",           sent("k=v")),
        ("ws://h/a",        "k=v",                  "ws://h/b",         sent("k=v")),
        ("ws://h/a/b",      "k=v",                  "ws://h/a",         sent("k=v")),
        ("ws://h/a/b",      "k=v",                  "ws://h/a/c/d",     sent("k=v")),
        ("ws://h/a/b",      "k=v",                  "ws://h/a?x",       sent("k=v")),
        ("ws://h/a/b",      "k=v",                  "ws://h/ab",        NOTHING),
        ("ws://h/a/b",      "k=v",                  "ws://h/",          NOTHING),
        ("ws://h/a/",       "k=v",                  "ws://h/a/b",       sent("k=v")),
        ("ws://h?q=/a/b",   "k=v",                  "ws://h/",          sent("k=v")),
        ("ws://h/?q=/a/b",  "k=v",                  "ws://h/",          sent("k=v")),
        ("ws://h/",         "k=v; Path=/a",         "ws://h/a",         sent("k=v")),
        ("ws://h/",         "k=v; Path=/a",         "ws://h/a/",        sent("k=v")),
        ("ws://h/",         "k=v; Path=/a",         "ws://h/a?q",       sent("k=v")),
        ("ws://h/",         "k=v; Path=/a",         "ws://h/ab",        NOTHING),
        ("ws://h/",         "k=v; Path=/a",         "ws://h/A",         NOTHING),
        ("ws://h/",         "k=v; Path=/a",         "ws://h/?/a",       NOTHING),
        ("ws://h/",         "k=v; Path=/a/",        "ws://h/a/b",       sent("k=v")),
        ("ws://h/",         "k=v; Path=/a/",        "ws://h/a",         NOTHING),
        ("ws://h/a/b",      "k=v; Path",            "ws://h/a",         sent("k=v")),
        ("ws://h/a/b",      "k=v; Path=",           "ws://h/",          NOTHING),
        ("ws://h/a/b",      "k=v; Path=x",          "ws://h/a",         sent("k=v")),
        ("ws://h/a/b",      "k=v; Path=\"/\"",      "ws://h/",          NOTHING),
        ("ws://h/a/b",      "k=v; path=/x; PATH=/", "ws://h/c",         sent("k=v")),
        ("ws://h/a/b",      "k=v; Path=/; Path=",   "ws://h/c",         NOTHING),
        ("ws://h/ä/b",      "k=v",                  "ws://h/%C3%A4/c",  sent("k=v")),
    ]);
}

/// Section 5.2.5; draft-ietf-httpbis-rfc6265bis for who may set them, and for the prefixes.
#[test]
#[rustfmt::skip]
fn secure_ones() {
    const NOT_SECURE: Outcome = Err("is Secure, which only wss:// may set");
    const PREFIX_SECURE: Outcome = Err("has the prefix __Secure-, but lacks Secure");
    const PREFIX_HOST: Outcome = Err("has the prefix __Host-, but lacks Secure or Path=/, or has a Domain");
    check(&[
        ("wss://h/",        "k=v; Secure",              "wss://h/",         sent("k=v")),
        ("wss://h/",        "k=v; Secure",              "ws://h/",          NOTHING),
        ("wss://h/",        "k=v; Secure",              "ws://h:443/",      NOTHING),
        ("wss://localhost/", "k=v; Secure",             "ws://localhost/",  NOTHING),
        ("wss://h/",        "k=v; secure=no",           "ws://h/",          NOTHING),
        ("wss://h/",        "k=v",                      "ws://h/",          sent("k=v")),
        ("ws://h/",         "k=v",                      "wss://h/",         sent("k=v")),
        ("ws://h/",         "k=v; Secure",              "wss://h/",         NOT_SECURE),
        ("wss://h/",        "__Secure-k=v; Secure",     "wss://h/",         sent("__Secure-k=v")),
        ("wss://h/",        "__Secure-k=v",             "wss://h/",         PREFIX_SECURE),
        ("wss://h/",        "__secure-k=v",             "wss://h/",         PREFIX_SECURE),
        ("wss://h/",        "__Host-k=v; Secure; Path=/", "wss://h/",       sent("__Host-k=v")),
        ("wss://h/",        "__Host-k=v; Path=/",       "wss://h/",         PREFIX_HOST),
        ("wss://h/",        "__Host-k=v; Secure",       "wss://h/",         PREFIX_HOST),
        ("wss://h/a/",      "__HOST-k=v; Secure; Path=/a", "wss://h/a",     PREFIX_HOST),
        ("wss://a.example/", "__Host-k=v; Secure; Path=/; Domain=a.example", "wss://a.example/", PREFIX_HOST),
        // Pages and scripts do not exist here.
        ("ws://h/",         "k=v; HttpOnly",            "ws://h/",          sent("k=v")),
        ("ws://h/",         "k=v; SameSite=Strict",     "ws://h/",          sent("k=v")),
        ("wss://h/",        "k=v; Secure; HttpOnly; SameSite=None; Partitioned; Priority=High; x=y; ;=;", "wss://h/", sent("k=v")),
    ]);
}

/// Section 5.2.
#[test]
#[rustfmt::skip]
fn names_and_values() {
    const CONTROL: Outcome = Err("has a control character");
    let table: [(&str, Outcome); 21] = [
        ("k=v",                 sent("k=v")),
        ("K=V",                 sent("K=V")),
        (" \tk \t= \tv \t;\tPath=/", sent("k=v")),
        ("k=",                  sent("k=")),
        ("k=;",                 sent("k=")),
        ("k=a=b==",             sent("k=a=b==")),
        ("k=\"v w\"",           sent("k=\"v w\"")),
        ("k=\"a;b\"",           sent("k=\"a")),
        ("k=a,b c",             sent("k=a,b c")),
        ("k=ü",                 sent("k=ü")),
        ("k=%3B%0a",            sent("k=%3B%0a")),
        ("$Version=1",          sent("$Version=1")),
        ("",                    Err("has no \"=\"")),
        ("k",                   Err("has no \"=\"")),
        ("k; Path=/",           Err("has no \"=\"")),
        ("=v",                  Err("has no name")),
        (" =",                  Err("has no name")),
        ("k=v\r\nX: y",         CONTROL),
        ("k\0=v",               CONTROL),
        ("k=v\tw",              CONTROL),
        ("k=v; Path=/\u{7f}",   CONTROL),
    ];
    check(&table.map(|(set_cookie, expected)| ("ws://h/", set_cookie, "ws://h/", expected)));
    let jar = CookieJar::default();
    assert_eq!(told(jar.add(&url("ws://h/"), b"k=\xfc", now())), Err("is not UTF-8"));
}

/// Sections 5.2.1, 5.2.2 and 5.3, item 3.
#[test]
#[rustfmt::skip]
fn expiry() {
    const FOREVER: u64 = 100 * 365 * 86400;
    //  attributes                                                  lifetime in seconds
    let table = [
        ("",                                                        FOREVER),
        ("; Max-Age=60",                                            60),
        ("; MAX-AGE=60",                                            60),
        ("; Max-Age=1; Max-Age=60",                                 60),
        ("; Max-Age=60; Max-Age=x",                                 60),
        ("; Max-Age=0",                                             0),
        ("; Max-Age=-60",                                           0),
        ("; Max-Age=99999999999999999999999",                       FOREVER),
        ("; Max-Age=-99999999999999999999999",                      0),
        ("; Max-Age",                                               FOREVER),
        ("; Max-Age=",                                              FOREVER),
        ("; Max-Age=-",                                             FOREVER),
        ("; Max-Age=+60",                                           FOREVER),
        ("; Max-Age=60s",                                           FOREVER),
        ("; Max-Age=\"60\"",                                        FOREVER),
        ("; Expires=Mon, 01 Jan 2024 00:01:00 GMT",                 60),
        ("; expires=Monday, 01-Jan-24 00:01:00 GMT",                60),
        ("; Expires=Mon Jan  1 00:01:00 2024",                      60),
        ("; Expires=Thu, 01 Jan 1970 00:00:00 GMT",                 0),
        ("; Expires=Mon, 01 Jan 2024 00:00:00 GMT",                 0),
        ("; Expires=soon",                                          FOREVER),
        ("; Expires=0",                                             FOREVER),
        ("; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",     60),
        ("; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60",     60),
        ("; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Max-Age=0",      0),
    ];
    for (attributes, life) in table {
        let jar = CookieJar::default();
        let h = url("ws://h/");
        add(&jar, "ws://h/", "k=old").expect(attributes);
        add(&jar, "ws://h/", &format!("k=v{attributes}")).expect(attributes);
        if life > 0 {
            assert_eq!(jar.header(&h, later(life - 1)).expect("memory").as_deref(), Some("k=v"), "{attributes}");
        }
        if life < FOREVER {
            assert_eq!(jar.header(&h, later(life)).expect("memory"), None, "{attributes}");
        }
    }
}

/// Section 5.3, item 11: name, domain and path identify a cookie.
#[test]
#[rustfmt::skip]
fn replacing_and_deleting() {
    //  set in this order from wss://b.a.example/p/                 sent back
    let table: [(&[&str], Option<&str>); 11] = [
        (&["k=1", "k=2"],                                           Some("k=2")),
        (&["k=1", "K=2"],                                           Some("k=1; K=2")),
        (&["k=1", "k=2; Path=/p"],                                  Some("k=2")),
        (&["k=1", "k=2; Path=/"],                                   Some("k=1; k=2")),
        (&["k=1", "k=2; Domain=b.a.example"],                       Some("k=2")),
        (&["k=1", "k=2; Domain=a.example"],                         Some("k=1; k=2")),
        (&["k=1; Secure", "k=2"],                                   Some("k=2")),
        (&["k=1", "k=; Max-Age=0"],                                 None),
        (&["k=1", "k=; Max-Age=0; Path=/"],                         Some("k=1")),
        (&["k=1", "k=; Max-Age=0; Domain=a.example"],               Some("k=1")),
        (&["k=1", "k=; Max-Age=0", "k=2"],                          Some("k=2")),
    ];
    for (cookies, expected) in table {
        let jar = CookieJar::default();
        for cookie in cookies {
            add(&jar, "wss://b.a.example/p/", cookie).expect(cookie);
        }
        assert_eq!(header(&jar, "wss://b.a.example/p/").as_deref(), expected, "{cookies:?}");
    }
}

/// Section 5.4, item 2: longer paths first, then older cookies; a new value keeps the age of a
/// cookie.
#[test]
fn order() {
    let jar = CookieJar::default();
    for cookie in [
        "a=1; Path=/",
        "b=1; Path=/p/q",
        "c=1; Path=/p",
        "d=1; Path=/p/q",
        "e=1; Path=/p",
    ] {
        add(&jar, "ws://h/p/q", cookie).expect(cookie);
    }
    let sent = header(&jar, "ws://h/p/q/r");
    assert_eq!(sent.as_deref(), Some("b=1; d=1; c=1; e=1; a=1"));
    add(&jar, "ws://h/p/q", "b=2; Path=/p/q").expect("b");
    add(&jar, "ws://h/p/q", "c=2; Path=/p").expect("c");
    let sent = header(&jar, "ws://h/p/q/r");
    assert_eq!(sent.as_deref(), Some("b=2; d=1; c=2; e=1; a=1"));
    assert_eq!(header(&jar, "ws://h/p").as_deref(), Some("c=2; e=1; a=1"));
}

/// draft-ietf-httpbis-rfc6265bis: a server without TLS cannot modify Secure cookies.
#[test]
#[rustfmt::skip]
fn secure_cookies_are_not_modified() {
    const HIDDEN: Result<(), &str> = Err("would hide a Secure cookie from its server");
    //  set without TLS      in addition to "k=1; Secure; Path=/p; Domain=a.example"
    let table = [
        ("ws://a.example/p/",   "k=2",                      HIDDEN),
        ("ws://a.example/p/q/", "k=2",                      HIDDEN),
        ("ws://a.example/p/",   "k=; Max-Age=0",            HIDDEN),
        ("ws://b.a.example/p/", "k=2",                      HIDDEN),
        ("ws://b.a.example/p/", "k=2; Domain=a.example",    HIDDEN),
        ("ws://a.example/",     "k=2",                      Ok(())),
        ("ws://a.example/p/",   "other=2",                  Ok(())),
        ("ws://xa.example/p/",  "k=2",                      Ok(())),
        ("wss://a.example/p/",  "k=2",                      Ok(())),
    ];
    for (from, cookie, expected) in table {
        let jar = CookieJar::default();
        add(&jar, "wss://a.example/p/", "k=1; Secure; Path=/p; Domain=a.example").expect("set");
        assert_eq!(add(&jar, from, cookie), expected, "{cookie} from {from}");
    }
    let jar = CookieJar::default();
    add(&jar, "wss://h/", "k=1; Secure; Max-Age=60").expect("set");
    assert_eq!(told(jar.add(&url("ws://h/"), b"k=2", later(59))), HIDDEN);
    assert_eq!(told(jar.add(&url("ws://h/"), b"k=2", later(60))), Ok(()));
}

#[test]
fn set_replaces_the_cookies_that_the_server_would_get() {
    let jar = CookieJar::default();
    let add = |from, cookie| add(&jar, from, cookie).expect(cookie);
    add("ws://a.example/", "k=1");
    add("ws://a.example/", "l=1; Domain=a.example");
    add("ws://a.example/", "m=1; Path=/deep");
    add("wss://a.example/", "n=1; Secure");
    add("ws://other.example/", "o=1");
    let host = url("ws://a.example/");
    assert_eq!(
        told(jar.set(&host, b"no cookie", now())),
        Err("has no \"=\"")
    );
    assert_eq!(header(&jar, "ws://a.example/").as_deref(), Some("k=1; l=1"));
    jar.set(&host, b"p=2", now()).expect("a cookie");
    assert_eq!(header(&jar, "ws://a.example/").as_deref(), Some("p=2"));
    let all = header(&jar, "wss://a.example/deep");
    assert_eq!(all.as_deref(), Some("m=1; n=1; p=2"));
    assert_eq!(header(&jar, "ws://other.example/").as_deref(), Some("o=1"));
    jar.clear();
    assert_eq!(header(&jar, "wss://a.example/deep"), None);
    assert_eq!(header(&jar, "ws://other.example/"), None);
}

#[test]
fn a_cookie_has_at_most_4096_bytes() {
    let jar = CookieJar::default();
    let cookie = |len| format!("name={}; Path=/", "v".repeat(len));
    add(&jar, "ws://h/", &cookie(4092)).expect("just fits");
    assert_eq!(
        add(&jar, "ws://h/", &cookie(4093)),
        Err("is longer than 4096 bytes")
    );
    let path = |len| format!("k=v; Path=/{}", "p".repeat(len));
    add(&jar, "ws://h/", &path(1023)).expect("just fits");
    let refused = Err("is for a path longer than 1024 bytes");
    assert_eq!(add(&jar, "ws://h/", &path(1024)), refused);
    let long_url = format!("ws://h/{}/", "p".repeat(1024));
    assert_eq!(add(&jar, &long_url, "k=v"), refused);
}

/// The number of cookies that a request sends, and whether this is one of them.
fn holds(jar: &CookieJar, to: &str, cookie: &str) -> (usize, bool) {
    let header = header(jar, to).unwrap_or_default();
    let pairs: Vec<&str> = header.split("; ").filter(|pair| !pair.is_empty()).collect();
    (pairs.len(), pairs.contains(&cookie))
}

#[test]
fn a_domain_has_at_most_50_cookies() {
    let jar = CookieJar::default();
    add(&jar, "ws://other/", "o=1").expect("a cookie");
    for i in 0..50 {
        add(&jar, "ws://h/", &format!("k{i}=1; Path=/{i}")).expect("a cookie");
    }
    // Cookies sent or set again are not evicted.
    assert_eq!(header(&jar, "ws://h/0").as_deref(), Some("k0=1"));
    add(&jar, "ws://h/", "k1=2; Path=/1").expect("a cookie");
    add(&jar, "ws://h/", "new=1; Path=/2").expect("a cookie");
    let sent = |path| header(&jar, path);
    assert_eq!(sent("ws://h/0").as_deref(), Some("k0=1"));
    assert_eq!(sent("ws://h/1").as_deref(), Some("k1=2"));
    assert_eq!(sent("ws://h/2").as_deref(), Some("new=1"));
    assert_eq!(sent("ws://h/3").as_deref(), Some("k3=1"));
    assert_eq!(sent("ws://other/").as_deref(), Some("o=1"));
}

#[test]
fn expired_cookies_are_evicted_first() {
    let jar = CookieJar::default();
    let h = url("ws://h/");
    add(&jar, "ws://h/", "oldest=1").expect("a cookie");
    for i in 0..49 {
        add(&jar, "ws://h/", &format!("k{i}=1; Max-Age=60")).expect("a cookie");
    }
    jar.add(&h, b"new=1", later(60)).expect("a cookie");
    assert_eq!(
        jar.header(&h, later(60)).expect("memory").as_deref(),
        Some("oldest=1; new=1")
    );
}

#[test]
fn secure_cookies_are_evicted_last() {
    let jar = CookieJar::default();
    add(&jar, "wss://h/", "s=1; Secure").expect("a cookie");
    for i in 0..200 {
        add(&jar, "ws://h/", &format!("k{i}=1")).expect("a cookie");
    }
    assert_eq!(holds(&jar, "wss://h/", "s=1"), (50, true));
    assert_eq!(holds(&jar, "wss://h/", "k150=1"), (50, false));
    assert_eq!(holds(&jar, "wss://h/", "k151=1"), (50, true));
}

#[test]
fn a_jar_has_at_most_3000_cookies() {
    let jar = CookieJar::default();
    let host = |i: usize| format!("ws://h{}.example/", i / 50);
    for i in 0..3050 {
        add(&jar, &host(i), &format!("k{i}=1")).expect("a cookie");
    }
    assert_eq!(holds(&jar, &host(0), "k0=1"), (0, false));
    let kept: usize = (0..61).map(|i| holds(&jar, &host(i * 50), "").0).sum();
    assert_eq!(kept, 3000);
}

#[test]
fn threads_share_a_jar() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 200;
    let jar = CookieJar::default();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let jar = &jar;
            scope.spawn(move || {
                let own = format!("ws://h{thread}/");
                for round in 0..ROUNDS {
                    add(jar, &own, &format!("own={round}")).expect("a cookie");
                    add(jar, "ws://all/", &format!("k{thread}={round}")).expect("a cookie");
                    assert_eq!(header(jar, &own), Some(format!("own={round}")));
                    let (_, is_there) = holds(jar, "ws://all/", &format!("k{thread}={round}"));
                    assert!(is_there, "k{thread}={round}");
                }
            });
        }
    });
    let last = ROUNDS - 1;
    for thread in 0..THREADS {
        let found = holds(&jar, "ws://all/", &format!("k{thread}={last}"));
        assert_eq!(found, (THREADS, true));
    }
}
