// SPDX-License-Identifier: Apache-2.0
//! RFC 6455: frames, messages, the closing handshake.

pub mod close;
pub mod content;
pub mod deflate;
pub mod frame;
pub mod mask;
pub mod opcode;
pub mod order;
pub mod receiver;
pub mod sender;
pub mod session;
pub mod utf8;
