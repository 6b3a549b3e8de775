// SPDX-License-Identifier: Apache-2.0
//! The meaning of a frame (RFC 6455 section 5.2).

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
    /// Never received; sent by who tests how a server takes it.
    Reserved(u8),
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

    /// The same, the reserved ones included.
    pub fn from_any_i32(number: i32) -> Option<Self> {
        let reserved = || u8::try_from(number).ok().filter(|number| *number < 16);
        Self::from_i32(number).or_else(|| reserved().map(Self::Reserved))
    }

    pub fn number(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
            Self::Reserved(number) => number,
        }
    }

    /// Control frames have the top bit of the opcode set (section 5.5).
    pub fn is_control(self) -> bool {
        self.number() & 0x8 != 0
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Continuation => "continuation",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Close => "close",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Reserved(_) => "reserved",
        }
    }
}
