// SPDX-License-Identifier: Apache-2.0
//! The protocol, rule by rule: tables of bytes in, and events and bytes out, with each row in every
//! split.
//!
//! `row` runs the tables of the open connection, `response` those of the upgrade, `deflate_response`
//! those of the offer of compression, and `proxy_handshake` those of the proxies. `reference` is a
//! second, naive decoder with which random streams are compared, and `inflate` a second decoder of
//! compressed data.
#![forbid(unsafe_code)]
#![allow(
    clippy::indexing_slicing,
    reason = "a wrong index fails the test that has it"
)]

mod closing;
mod cookies;
mod deflate_delivery;
mod deflate_frames;
mod deflate_limits;
mod deflate_negotiation;
mod deflate_offer;
mod deflate_response;
mod deflate_sending;
mod deflate_streams;
mod delivery;
mod frames;
mod generate;
mod handshake;
mod has_more;
mod inflate;
mod inflate_messages;
mod messages;
mod outcome;
mod packer;
mod parts;
mod pings;
mod proxy_connect;
mod proxy_handshake;
mod proxy_no_proxy;
mod proxy_random;
mod proxy_select;
mod proxy_socks;
mod raw_frames;
mod reference;
mod rejections;
mod request;
mod response;
mod row;
mod sending;
mod session;
mod streams;
mod text;
mod urls;
mod utf8;
mod utf8_sequences;
mod wire;
