// SPDX-License-Identifier: Apache-2.0
//! The C API: each export checks its arguments, converts them, and calls the library. No decision
//! about WebSockets is made here. The order of the modules is the order of the header.
#![allow(
    unsafe_code,
    reason = "exports and pointers from C; only ptr and handle do more than call them"
)]
#![allow(
    non_camel_case_types,
    reason = "types have their C names, so that a name seen in C is found here"
)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the contract is in the @param lines, which C programmers read"
)]
#![allow(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    reason = "the text becomes the header, where URLs and [::1] need no markup"
)]
#![deny(missing_docs)]

mod handle;
mod ptr;

pub mod status;

pub mod types;

pub mod last_error;

pub mod arguments;

pub mod guard;

pub mod send;

pub mod library;

pub mod error;

pub mod log;

pub mod options;

pub mod cookie_jar;

pub mod transport;

pub mod conn;

pub mod app;

pub mod timings;

pub mod events;

pub mod frame;

pub mod url;

pub mod string;
