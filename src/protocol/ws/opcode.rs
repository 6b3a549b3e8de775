// SPDX-License-Identifier: Apache-2.0
//! Opcodes (RFC 6455 section 5.2).

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    // Reserved opcodes are rejected when received, and sent only to test how a server reacts.
    Reserved3 = 3,
    Reserved4 = 4,
    Reserved5 = 5,
    Reserved6 = 6,
    Reserved7 = 7,
    Close = 8,
    Ping = 9,
    Pong = 10,
    Reserved11 = 11,
    Reserved12 = 12,
    Reserved13 = 13,
    Reserved14 = 14,
    Reserved15 = 15,
}

/// Indexed by number.
const ALL: [Opcode; 16] = [
    Opcode::Continuation,
    Opcode::Text,
    Opcode::Binary,
    Opcode::Reserved3,
    Opcode::Reserved4,
    Opcode::Reserved5,
    Opcode::Reserved6,
    Opcode::Reserved7,
    Opcode::Close,
    Opcode::Ping,
    Opcode::Pong,
    Opcode::Reserved11,
    Opcode::Reserved12,
    Opcode::Reserved13,
    Opcode::Reserved14,
    Opcode::Reserved15,
];

impl Opcode {
    /// `None` for the reserved numbers, 3–7 and 11–15.
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

    /// Any number, from the caller.
    pub fn from_i32(number: i32) -> Option<Self> {
        u8::try_from(number).ok().and_then(Self::from_number)
    }

    /// As [`Opcode::from_i32`], including the reserved ones.
    pub fn from_any_i32(number: i32) -> Option<Self> {
        let index = usize::try_from(number).ok()?;
        ALL.get(index).copied()
    }

    pub fn number(self) -> u8 {
        self as u8
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
            _ => "reserved",
        }
    }
}
