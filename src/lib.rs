// SPDX-License-Identifier: Apache-2.0
//! The Rust side of wsline, a WebSocket client with a C API.
//!
//! The product is the C header, `include/wsline.h`, generated from [`ffi`]. The modules are public
//! for the tests of this repository alone; nothing about them is promised. `src/ARCHITECTURE.md`
//! says what lives where.
#![allow(
    missing_docs,
    reason = "names say enough inside the library; ffi, which makes the header, denies it"
)]

pub mod app;
pub mod base;
pub mod conn;
pub mod ffi;
pub mod net;
pub mod protocol;
