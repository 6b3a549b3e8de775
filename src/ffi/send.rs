// SPDX-License-Identifier: Apache-2.0
//! What sending on connections and on apps has in common: the kinds of messages, and how their
//! arguments are read.

use super::arguments::Arguments;
use super::guard;
use super::handle::{Inner, Object};
use super::status::wsline_status;
use crate::base::error::Error;
use crate::conn::send::outbound::{Compress, Outbound};
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::sender::Frame;
use std::ffi::c_void;

/// Flag to combine with an opcode by `|`: do not compress the message.
pub const WSLINE_SEND_UNCOMPRESSED: i32 = 256;

/// An opcode, and whether it was combined with WSLINE_SEND_UNCOMPRESSED.
#[derive(Clone, Copy)]
pub(super) struct SendKind {
    pub(super) opcode: Opcode,
    pub(super) is_uncompressed: bool,
}

impl SendKind {
    const fn of(opcode: Opcode) -> Self {
        Self {
            opcode,
            is_uncompressed: false,
        }
    }

    /// Text or binary.
    pub(super) fn of_message(number: i32) -> Result<Self, Error> {
        let kind = Self::read(number).filter(|kind| !kind.opcode.is_control());
        kind.ok_or_else(|| {
            let must = format!("is {number}; it must be text or binary");
            Error::argument("opcode", must)
        })
    }

    /// Text, binary, ping or pong.
    fn of_whole(number: i32) -> Result<Self, Error> {
        Self::read(number).ok_or_else(|| {
            let must = format!("is {number}; it must be text, binary, ping or pong");
            Error::argument("opcode", must)
        })
    }

    fn whole(self, payload: &[u8]) -> Outbound<'_> {
        Outbound::new(Frame::Whole(self.opcode), payload, self.compress())
    }

    fn fragment(self, payload: &[u8], fin: bool) -> Outbound<'_> {
        let opcode = self.opcode;
        Outbound::new(Frame::Fragment { opcode, fin }, payload, self.compress())
    }

    fn compress(self) -> Compress<'static> {
        if self.is_uncompressed {
            Compress::Never
        } else {
            Compress::IfNegotiated
        }
    }

    fn read(number: i32) -> Option<Self> {
        let opcode = Opcode::from_i32(number & !WSLINE_SEND_UNCOMPRESSED)?;
        let is_uncompressed = number & WSLINE_SEND_UNCOMPRESSED != 0;
        let may_be_sent = !matches!(opcode, Opcode::Continuation | Opcode::Close);
        may_be_sent.then_some(Self {
            opcode,
            is_uncompressed,
        })
    }
}

/// An object on which messages can be sent.
pub(super) trait Sends: Inner {
    /// `name` is the caller's name of the payload, for errors.
    fn send(&self, message: &Outbound<'_>, name: &str) -> Result<(), Error>;
}

/// Runs an export that sends a whole message, or a control frame, of one kind.
#[inline(always)]
pub(super) fn whole<'call, T: Object<Inner<'call>: Sends>>(
    function: &'static str,
    object: *const T,
    opcode: Opcode,
    data: *const c_void,
    len: usize,
    name: &str,
) -> wsline_status {
    outbound(function, object, name, |arguments| {
        let kind = SendKind::of(opcode);
        Ok(kind.whole(arguments.payload(data, len, name)?))
    })
}

/// Runs an export that sends a whole message, or a control frame, whose kind is a number.
pub(super) fn numbered<'call, T: Object<Inner<'call>: Sends>>(
    function: &'static str,
    object: *const T,
    opcode: i32,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    outbound(function, object, "data", |arguments| {
        let kind = SendKind::of_whole(opcode)?;
        Ok(kind.whole(arguments.payload(data, len, "data")?))
    })
}

/// Runs an export that sends a fragment of a message.
pub(super) fn fragment<'call, T: Object<Inner<'call>: Sends>>(
    function: &'static str,
    object: *const T,
    opcode: i32,
    data: *const c_void,
    len: usize,
    fin: bool,
) -> wsline_status {
    outbound(function, object, "data", |arguments| {
        let kind = SendKind::of_message(opcode)?;
        Ok(kind.fragment(arguments.payload(data, len, "data")?, fin))
    })
}

/// Runs an export that sends the message that `make` builds from its arguments.
#[inline(always)]
pub(super) fn outbound<'call, T: Object<Inner<'call>: Sends>>(
    function: &'static str,
    object: *const T,
    name: &str,
    make: impl FnOnce(Arguments<'call>) -> Result<Outbound<'call>, Error>,
) -> wsline_status {
    guard::often(function, object, |object, arguments| {
        object?.send(&make(arguments)?, name)
    })
}
