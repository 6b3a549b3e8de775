// SPDX-License-Identifier: Apache-2.0
//! The offer of compression (RFC 7692 section 7.1).

use crate::deflate_response::{FIELD, URL, agreement};
use crate::response::NONCE;
use crate::row::UNRESTRICTED;
use wsline::protocol::handshake::Handshake;
use wsline::protocol::http::extension::Offer;
use wsline::protocol::http::request::RequestOptions;
use wsline::protocol::http::upgrade::Upgrade;

#[test]
#[rustfmt::skip]
fn what_is_offered() {
    let table = [
        (UNRESTRICTED, "permessage-deflate; client_max_window_bits"),
        (agreement(15, 12, false, true), "permessage-deflate; server_no_context_takeover; server_max_window_bits=12; client_max_window_bits"),
        (agreement(10, 15, true, false), "permessage-deflate; client_no_context_takeover; client_max_window_bits=10"),
        (agreement(9, 9, true, true),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=9; client_max_window_bits=9"),
    ];
    for (offer, value) in table {
        assert_eq!(Offer(offer).value(), value);
    }
    assert_eq!(Offer::default(), Offer(UNRESTRICTED));
}

/// Every combination: what is not restricted is not mentioned, but for the permission that section
/// 7.1.2.2 gives.
#[test]
fn every_offer_is_one_line_of_the_request() {
    for client_bits in 8..=15 {
        for server_bits in 8..=15 {
            for (client, server) in [(false, false), (true, false), (false, true), (true, true)] {
                let mut value = "permessage-deflate".to_owned();
                if server {
                    value += "; server_no_context_takeover";
                }
                if client {
                    value += "; client_no_context_takeover";
                }
                if server_bits != 15 {
                    value += &format!("; server_max_window_bits={server_bits}");
                }
                value += "; client_max_window_bits";
                if client_bits != 15 {
                    value += &format!("={client_bits}");
                }
                let offer = Offer(agreement(client_bits, server_bits, client, server));
                let request = request(Some(offer));
                let lines: Vec<&str> = request.split("\r\n").collect();
                let ours: Vec<_> = lines
                    .iter()
                    .filter(|line| line.contains("eflate"))
                    .collect();
                assert_eq!(ours, [&format!("{FIELD}{value}")]);
            }
        }
    }
}

#[test]
fn nothing_is_offered_by_default() {
    let request = request(None).to_lowercase();
    assert!(!request.contains("extensions"), "{request}");
}

fn request(offer: Option<Offer>) -> String {
    let mut upgrade = Upgrade::new(&URL, &RequestOptions::default(), offer, NONCE).expect("memory");
    String::from_utf8(upgrade.output().expect("a request").bytes).expect("UTF-8")
}
