// SPDX-License-Identifier: Apache-2.0
//! The meaning of a frame (RFC 6455 section 5.2).

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    /// `None` for the numbers that are reserved, 3–7 and 11–15.
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    /// A number from outside, of any size.
    pub fn from_i32(number: i32) -> Option<Self> {
        u8::try_from(number).ok().and_then(Self::from_number)
    }

    /// Control frames have the top bit of the opcode set (section 5.5).
    pub fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Continuation => "continuation",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Close => "close",
            Self::Ping => "ping",
            Self::Pong => "pong",
        }
    }
}
