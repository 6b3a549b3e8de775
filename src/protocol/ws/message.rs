// SPDX-License-Identifier: Apache-2.0
//! What has arrived. The receiver makes it, and everybody up to the C caller hands it on as it is.

use super::opcode::Opcode;

/// In which pieces data is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Whole messages.
    Messages,
    /// A data frame as soon as it is whole; text is checked across them.
    Fragments,
    /// What has arrived of a message, whatever its size; text is checked across the pieces.
    Parts,
    /// Every frame as it came; it is not inflated, text is not checked, closing is left to the
    /// caller.
    Frames,
}

/// A message or a part of one, a control frame, or with [`Delivery::Frames`] any frame. A NUL
/// stands behind its payload, unless that is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// That of the message, also for its later parts; of a frame its own.
    pub opcode: Opcode,
    pub first: bool,
    pub last: bool,
    /// Another whole message has arrived already.
    pub more: bool,
    /// How it was received; `Frames` for frames alone.
    pub delivery: Delivery,
    /// The bit of compressed messages (RFC 7692 section 6), of a frame that was received as it
    /// came.
    pub rsv1: bool,
    pub payload: &'a [u8],
}

impl Message<'static> {
    /// What a whole message of nothing is like.
    pub const EMPTY: Self = Self {
        opcode: Opcode::Continuation,
        first: true,
        last: true,
        more: false,
        delivery: Delivery::Messages,
        rsv1: false,
        payload: &[],
    };
}
