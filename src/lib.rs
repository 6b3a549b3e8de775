// SPDX-License-Identifier: Apache-2.0
//! The Rust side of wsline, a WebSocket client with a C API.
//!
//! The public API is the C header `include/wsline.h`, generated from [`ffi`]. The modules are
//! public only for the tests of this repository; they are not a stable API. `src/ARCHITECTURE.md`
//! describes the layers and files.
#![allow(
    missing_docs,
    reason = "internal names are clear enough; ffi, whose docs become the header, denies it"
)]

pub mod app;
pub mod base;
pub mod conn;
pub mod ffi;
pub mod net;
pub mod protocol;
