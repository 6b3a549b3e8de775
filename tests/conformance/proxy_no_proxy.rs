// SPDX-License-Identifier: Apache-2.0
//! Lists of targets to connect to without a proxy, and what they match.

use wsline::protocol::proxy::no_proxy::NoProxy;
use wsline::protocol::url::Url;

#[test]
#[rustfmt::skip]
fn entries_match() {
    //   list                   URL                               matches
    let table = [
        ("",                    "ws://example.com/",              false),
        (" , ,",                "ws://example.com/",              false),
        ("*",                   "ws://example.com/",              true),
        ("*",                   "ws://127.0.0.1/",                true),
        ("*",                   "ws://[::1]/",                    true),
        ("other.example,*",     "ws://example.com/",              true),
        ("*:80",                "ws://example.com/",              true),
        ("*:80",                "wss://example.com/",             false),
        ("example.com",         "ws://example.com/",              true),
        ("example.com",         "ws://www.example.com/",          true),
        ("example.com",         "ws://a.b.example.com/",          true),
        ("example.com",         "ws://notexample.com/",           false),
        ("example.com",         "ws://example.com.evil.example/", false),
        ("example.com",         "ws://example.org/",              false),
        ("example.com",         "ws://com/",                      false),
        ("www.example.com",     "ws://example.com/",              false),
        (".example.com",        "ws://example.com/",              true),
        (".example.com",        "ws://www.example.com/",          true),
        (".example.com",        "ws://notexample.com/",           false),
        ("..example.com",       "ws://www.example.com/",          true),
        ("*.example.com",       "ws://example.com/",              true),
        ("*.example.com",       "ws://www.example.com/",          true),
        ("*.example.com",       "ws://notexample.com/",           false),
        ("com",                 "ws://example.com/",              true),
        ("EXAMPLE.com",         "ws://www.example.COM/",          true),
        ("example.com.",        "ws://example.com/",              true),
        ("example.com",         "ws://example.com./",             true),
        ("example.com..",       "ws://www.example.com./",         true),
        ("localhost",           "ws://localhost/",                true),
        ("localhost",           "ws://127.0.0.1/",                false),
        ("exämple.com",         "ws://xn--exmple-cua.com/",       true),
        ("xn--exmple-cua.com",  "ws://www.EXÄMPLE.com/",          true),
        ("my_host",             "ws://my_host/",                  true),
        ("a.example,b.example", "ws://b.example/",                true),
        ("a.example b.example", "ws://b.example/",                true),
        (" a.example ,\tb.example\n", "ws://b.example/",          true),
        ("a.example,b.example", "ws://c.example/",                false),
        ("example.com:80",      "ws://example.com/",              true),
        ("example.com:80",      "ws://www.example.com:80/",       true),
        ("example.com:80",      "ws://example.com:8080/",         false),
        ("example.com:443",     "wss://example.com/",             true),
        (".example.com:8080",   "ws://www.example.com:8080/",     true),
        ("*.example.com:8080",  "ws://www.example.com/",          false),
        ("127.0.0.1",           "ws://127.0.0.1/",                true),
        ("127.0.0.1.",          "ws://127.0.0.1/",                true),
        ("127.0.0.1",           "ws://127.1/",                    true),
        ("127.0.0.1",           "ws://127.0.0.2/",                false),
        ("127.0.0.1:9001",      "ws://127.0.0.1:9001/",           true),
        ("127.0.0.1:9001",      "ws://127.0.0.1/",                false),
        ("10.0.0.0/8",          "ws://10.1.2.3/",                 true),
        ("10.1.2.5/8",          "ws://10.200.0.1/",               true),
        ("10.0.0.0/8",          "ws://11.0.0.1/",                 false),
        ("10.0.0.0/8",          "ws://10.example/",               false),
        ("192.168.1.128/25",    "ws://192.168.1.127/",            false),
        ("192.168.1.128/25",    "ws://192.168.1.255/",            true),
        ("0.0.0.0/0",           "ws://203.0.113.1/",              true),
        ("0.0.0.0/0",           "ws://[::1]/",                    false),
        ("::1",                 "ws://[::1]/",                    true),
        ("[::1]",               "ws://[::1]/",                    true),
        ("0:0:0:0:0:0:0:1",     "ws://[::1]:80/",                 true),
        ("::1",                 "ws://[::2]/",                    false),
        ("[::1]:8080",          "ws://[::1]:8080/",               true),
        ("[::1]:8080",          "ws://[::1]/",                    false),
        ("2001:db8::/32",       "ws://[2001:db8:ffff::1]/",       true),
        ("2001:db8::/32",       "ws://[2001:db9::1]/",            false),
        ("2001:db8::ff/32",     "ws://[2001:DB8::1]/",            true),
        ("::/0",                "ws://127.0.0.1/",                false),
    ];
    for (list, url, expected) in table {
        let mut no_proxy = NoProxy::default();
        assert_eq!(no_proxy.add(list).expect("memory"), [""; 0], "{list}");
        let parsed = Url::parse(url).expect("a URL");
        let matches = no_proxy.matches(&parsed.host(), parsed.ip(), parsed.port());
        assert_eq!(matches, expected, "{list:?} and {url}");
    }
}

#[test]
fn malformed_entries_are_ignored() {
    let table = [
        ".",
        "*.",
        "**",
        "*example.com",
        "example.*",
        "<local>",
        "http://example.com",
        "example.com/",
        "example.com:",
        "example.com:0",
        "example.com:65536",
        "example.com:http",
        "example.com:80:80",
        ":80",
        "user@example.com",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/",
        "10.0.0.0/8:80",
        "10/8",
        "192.168.",
        "1.2.3.256",
        "0x7f.1",
        "2001:db8::/129",
        "[::1",
        "[::1]/64",
        "[127.0.0.1]",
        "fe80::1%eth0",
    ];
    for entry in table {
        let mut no_proxy = NoProxy::default();
        let list = format!("{entry},good.example");
        let problems = no_proxy.add(&list).expect("memory");
        assert_eq!(problems.len(), 1, "{entry}");
        assert!(no_proxy.matches("good.example", None, 80), "{entry}");
    }
}
