// SPDX-License-Identifier: Apache-2.0
//! The C API: checks of pointers and numbers, conversion, one call into the library, the result.
//! No decision about WebSockets is taken here. The order of the modules is the order of the header.
#![allow(
    unsafe_code,
    reason = "exports and pointers from C; only ptr and handle do more than call those two"
)]
#![allow(
    non_camel_case_types,
    reason = "types carry their C names, so that a name seen in C is found here"
)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the contract stands in the @param lines, which C programmers read"
)]
#![deny(missing_docs)]

pub mod guard;
mod handle;
mod ptr;

pub mod status;

pub mod types;

pub mod library;

pub mod error;

pub mod log;

pub mod options;

pub mod options_request;

pub mod options_time;

pub mod options_proxy;

pub mod options_socket;

pub mod options_tls_trust;

pub mod options_tls_identity;

pub mod options_tls_protocol;

pub mod options_protocol;

pub mod options_deflate;

pub mod options_app;

pub mod cookie_jar;

pub mod conn;

pub mod send;

pub mod prepared;

pub mod receive;

pub mod close;

pub mod state;

pub mod app;

pub mod app_callbacks;

pub mod app_send;

pub mod app_state;

pub mod event_loop;

pub mod frame;

pub mod url;

pub mod string;
