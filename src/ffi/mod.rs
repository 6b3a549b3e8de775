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
#![allow(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    reason = "the text is that of the header, where URLs and [::1] stand as they are"
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

pub mod conn;

pub mod app;

pub mod frame;

pub mod url;

pub mod string;
