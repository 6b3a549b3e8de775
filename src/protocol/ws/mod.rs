// SPDX-License-Identifier: Apache-2.0
//! RFC 6455: frames, messages and the closing handshake.

pub mod close;
pub mod deflate;
pub mod frame;
pub mod frame_sequence;
pub mod gzip;
pub mod inflate;
pub mod mask;
pub mod message;
pub mod message_assembler;
pub mod message_inflater;
pub mod opcode;
pub mod receiver;
pub mod sender;
pub mod utf8;
