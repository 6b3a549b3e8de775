// SPDX-License-Identifier: Apache-2.0
//! The parts of HTTP/1.1 that an upgrade needs (RFC 9110, RFC 9112).

pub mod auth;
pub mod body;
pub mod challenge;
pub mod cookie;
pub mod cookie_date;
pub mod extension;
pub mod field;
pub mod head;
pub mod public_suffix;
pub mod redirect;
pub mod reply;
pub mod request;
pub mod retry_after;
pub mod set_cookie;
pub mod upgrade;
