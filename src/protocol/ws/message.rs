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

/// A set of facts about a message; the C API has the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageFlags(u8);

impl MessageFlags {
    pub const NONE: Self = Self(0);
    /// It is the beginning of the message.
    pub const FIRST: Self = Self(1);
    /// It is the end of the message.
    pub const LAST: Self = Self(2);
    /// Another whole message has already arrived.
    pub const MORE: Self = Self(4);
    /// The server itself had compressed it, and it was inflated.
    pub const INFLATED: Self = Self(8);
    /// It is a whole message.
    pub const WHOLE: Self = Self(1 | 2);

    /// Also `one`, if `is_set`.
    #[inline]
    #[must_use]
    pub fn with(self, one: Self, is_set: bool) -> Self {
        Self(self.0 | if is_set { one.0 } else { 0 })
    }

    pub fn contains(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }

    pub fn bits(self) -> u32 {
        self.0.into()
    }
}

/// A message or a part of one, a control frame, or with [`Delivery::Frames`] any frame. Its payload
/// is followed by a NUL, unless it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The opcode of the message, also for its later parts; for a frame, its own opcode.
    pub opcode: Opcode,
    pub flags: MessageFlags,
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
        flags: MessageFlags::WHOLE,
        delivery: Delivery::Messages,
        rsv1: false,
        received_ns: 0,
        payload: &[],
    };
}
