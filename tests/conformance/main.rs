// SPDX-License-Identifier: Apache-2.0
//! The protocol, rule by rule: tables of bytes in, events and bytes out, each row in every split.
//!
//! `row` runs the tables of the open connection, `answer` those of the upgrade, `proxy_dialogue` those of the proxies;
//! `reference` is a second, naive decoder against which random streams are compared.
#![forbid(unsafe_code)]
#![allow(
    clippy::indexing_slicing,
    reason = "a wrong index fails the test that has it"
)]

mod answer;
mod closing;
mod cookies;
mod delivery;
mod frames;
mod generate;
mod handshake;
mod messages;
mod outcome;
mod pings;
mod proxy_connect;
mod proxy_dialogue;
mod proxy_no_proxy;
mod proxy_random;
mod proxy_select;
mod proxy_socks;
mod reference;
mod refusals;
mod request;
mod row;
mod sending;
mod streams;
mod utf8;
mod utf8_sequences;
mod wire;
