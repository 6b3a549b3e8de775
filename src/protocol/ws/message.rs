// SPDX-License-Identifier: Apache-2.0
//! A received message. The receiver creates it, and it is passed unchanged up to the C caller.

use super::opcode::Opcode;

/// In which pieces data is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Whole messages.
    Messages,
    /// Each data frame once it is complete; text is validated across frames.
    Fragments,
    /// Parts of any size, as they arrive; text is validated across parts.
    Parts,
    /// Every frame as it was received; it is not inflated, text is not validated, and closing is
    /// left to the caller.
    Frames,
}

/// A message or a part of one, a control frame, or with [`Delivery::Frames`] any frame. Its payload
/// is followed by a NUL, unless it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The opcode of the message, also for its later parts; for a frame, its own opcode.
    pub opcode: Opcode,
    pub first: bool,
    pub last: bool,
    /// Another whole message has already arrived.
    pub more: bool,
    /// How it was received; `Frames` only for frames.
    pub delivery: Delivery,
    /// RSV1, the bit of compressed messages (RFC 7692 section 6); only set with
    /// [`Delivery::Frames`].
    pub rsv1: bool,
    /// When its last byte arrived, in nanoseconds since 1970; 0 if that is not known.
    pub received_ns: u64,
    pub payload: &'a [u8],
}

impl Message<'static> {
    /// A whole message with an empty payload.
    pub const EMPTY: Self = Self {
        opcode: Opcode::Continuation,
        first: true,
        last: true,
        more: false,
        delivery: Delivery::Messages,
        rsv1: false,
        received_ns: 0,
        payload: &[],
    };
}
