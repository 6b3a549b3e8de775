// SPDX-License-Identifier: Apache-2.0
//! Random bytes from proxies: the same outcome in every split. Random strings as proxies and lists:
//! none can inject a line into a request.

use crate::generate::{response, split};
use crate::proxy_handshake::run;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wsline::protocol::proxy::endpoint::Proxy;
use wsline::protocol::proxy::no_proxy::NoProxy;

const PROXIES: [&str; 5] = [
    "http://user:secret@h",
    "socks4://user@h",
    "socks4a://h",
    "socks5://h",
    "socks5h://user:secret@h",
];

/// The first bytes of replies of SOCKS proxies.
const STARTS: [&[u8]; 4] = [b"", b"\0\x5a", b"\x05\0\x05\0\0", b"\x05\x02\x01\0\x05\0\0"];

/// Random cases leave no files behind; a failing case is printed in its smallest form.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Bytes with a meaning in one of the protocols, and arbitrary ones.
fn socks() -> impl Strategy<Value = Vec<u8>> {
    let usual = select(&[0, 1, 2, 3, 4, 5, 6, 8, 90, 91, 93, 255][..]);
    let start = select(&STARTS[..]);
    (start, vec(prop_oneof![3 => usual, 1 => any::<u8>()], 0..30))
        .prop_map(|(start, rest)| [start, &rest].concat())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_answer_has_one_outcome_in_every_split(
        proxy in select(&PROXIES[..]),
        reply in prop_oneof![2 => socks(), 1 => response()],
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let whole = run(proxy, &[&reply]);
        prop_assert_eq!(&run(proxy, &split(&reply, &cuts)).0, &whole.0, "split");
        let each: Vec<&[u8]> = reply.chunks(1).collect();
        prop_assert_eq!(&run(proxy, &each).0, &whole.0, "byte by byte");
    }

    #[test]
    fn a_proxy_is_one_line_and_comes_back_as_it_was(
        text in prop_oneof![
            ".{0,30}",
            "(https?|socks(4a?|5h?))://([a-z%0-9]{0,6}(:\\PC{0,6})?@)?[a-z.:\\[\\]0-9ü]{0,12}/?",
        ]
    ) {
        if let Ok(mut proxy) = Proxy::parse(&text) {
            let shown = proxy.to_string();
            prop_assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()), "{}", shown);
            proxy.credentials = None;
            prop_assert_eq!(Proxy::parse(&shown), Ok(proxy));
        }
    }

    #[test]
    fn any_list_is_read(list in prop_oneof![".{0,30}", "[a-c.*:,/0-9\\[\\]]{0,30}"]) {
        let mut no_proxy = NoProxy::default();
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        let count = entries.filter(|entry| !entry.is_empty()).count();
        let problems = no_proxy.add(&list).expect("memory").len();
        prop_assert!(problems <= count);
        prop_assert_eq!(no_proxy.is_empty(), problems == count);
    }
}
