// SPDX-License-Identifier: Apache-2.0
//! Encodes and decodes frame headers (RFC 6455 section 5.2).

use super::mask::{self, MaskKey};
use super::opcode::Opcode;
use crate::base::error::Error;

/// Two bytes, eight for the extended length, four for the masking key.
pub const MAX_HEADER_BYTES: usize = 14;

/// The longest payload of a control frame (section 5.5).
pub const MAX_CONTROL_BYTES: usize = 125;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub fin: bool,
    pub rsv1: bool,
    pub rsv2: bool,
    pub rsv3: bool,
    pub opcode: Opcode,
    pub mask: Option<MaskKey>,
    /// The length of the payload.
    pub len: u64,
}

impl Header {
    /// The header of a client's frame: masked, without reserved bits.
    pub fn masked(opcode: Opcode, fin: bool, len: usize, key: MaskKey) -> Self {
        Self {
            fin,
            rsv1: false,
            rsv2: false,
            rsv3: false,
            opcode,
            mask: Some(key),
            len: len as u64,
        }
    }

    /// Decodes the header at the start of `bytes`, and returns it with its length. `None` while it
    /// is incomplete.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        Self::decode_form(bytes, true)
    }

    /// The same, with the length in any form.
    pub fn decode_any_length(bytes: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        Self::decode_form(bytes, false)
    }

    #[inline(always)]
    fn decode_form(bytes: &[u8], is_shortest: bool) -> Result<Option<(Self, usize)>, Error> {
        let least = |least: u64| if is_shortest { least } else { 0 };
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        let Some(opcode) = Opcode::from_number(first & 0x0f) else {
            return Err(Error::protocol(format!(
                "frame with the reserved opcode {}",
                first & 0x0f
            )));
        };
        let (len, rest) = match second & 0x7f {
            126 => {
                let Some((len, rest)) = rest.split_first_chunk() else {
                    return Ok(None);
                };
                (
                    extended(u64::from(u16::from_be_bytes(*len)), least(126))?,
                    rest,
                )
            }
            127 => {
                let Some((len, rest)) = rest.split_first_chunk() else {
                    return Ok(None);
                };
                (extended(u64::from_be_bytes(*len), least(65536))?, rest)
            }
            short => (u64::from(short), rest),
        };
        let (mask, rest) = if second & 0x80 == 0 {
            (None, rest)
        } else {
            let Some((key, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            (Some(*key), rest)
        };
        let header = Self {
            fin: first & 0x80 != 0,
            rsv1: first & 0x40 != 0,
            rsv2: first & 0x20 != 0,
            rsv3: first & 0x10 != 0,
            opcode,
            mask,
            len,
        };
        Ok(Some((header, bytes.len() - rest.len())))
    }

    /// The minimum length of a frame, header and payload, whose incomplete header begins with
    /// `bytes`.
    pub fn least_frame_bytes(bytes: &[u8]) -> usize {
        let Some(second) = bytes.get(1) else {
            return 2;
        };
        // A length must be in its shortest form.
        let (extended, payload) = match second & 0x7f {
            126 => (2, 126),
            127 => (8, 65536),
            short => (0, usize::from(short)),
        };
        let key = if second & 0x80 == 0 { 0 } else { 4 };
        2 + extended + key + payload
    }

    /// Appends the header with its length in the shortest form, as section 5.2 requires.
    #[inline(always)]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let bit = |set: bool, at: u8| u8::from(set) << at;
        let first = bit(self.fin, 7)
            | bit(self.rsv1, 6)
            | bit(self.rsv2, 5)
            | bit(self.rsv3, 4)
            | self.opcode.number();
        let masked = bit(self.mask.is_some(), 7);
        match (self.len, self.mask) {
            // The most common headers, in one call.
            (len @ 0..126, Some([a, b, c, d])) => {
                return out.extend_from_slice(&[first, masked | len as u8, a, b, c, d]);
            }
            (len @ 126..65536, Some([a, b, c, d])) => {
                let [high, low] = (len as u16).to_be_bytes();
                return out.extend_from_slice(&[first, masked | 126, high, low, a, b, c, d]);
            }
            (len @ 0..126, None) => out.extend_from_slice(&[first, masked | len as u8]),
            (len @ 126..65536, None) => {
                out.extend_from_slice(&[first, masked | 126]);
                out.extend_from_slice(&(len as u16).to_be_bytes());
            }
            (len, _) => {
                out.extend_from_slice(&[first, masked | 127]);
                out.extend_from_slice(&len.to_be_bytes());
            }
        }
        if let Some(key) = self.mask {
            out.extend_from_slice(&key);
        }
    }

    /// Appends the payload, or a piece of it that begins at a multiple of four, masked if the
    /// header has a key.
    #[inline(always)]
    pub fn append_payload(&self, payload: &[u8], out: &mut Vec<u8>) {
        match self.mask {
            Some(key) => mask::append(key, payload, out),
            None => out.extend_from_slice(payload),
        }
    }

    /// The rules of control frames (section 5.5), the same for both directions.
    pub fn check_control(&self) -> Result<(), Error> {
        if self.opcode.is_control() {
            if !self.fin {
                return Err(Error::protocol(format!(
                    "fragmented {} frame",
                    self.opcode.name()
                )));
            }
            if self.len > MAX_CONTROL_BYTES as u64 {
                let (name, len) = (self.opcode.name(), self.len);
                return Err(Error::protocol(format!(
                    "{name} frame of {len} bytes, the limit is {MAX_CONTROL_BYTES}"
                )));
            }
        }
        Ok(())
    }
}

/// "The minimal number of bytes MUST be used", "the most significant bit MUST be 0" (section 5.2).
fn extended(len: u64, least: u64) -> Result<u64, Error> {
    if len < least {
        return Err(Error::protocol(format!(
            "frame length {len} is not in its shortest form"
        )));
    }
    if len > i64::MAX as u64 {
        return Err(Error::protocol("frame length has its top bit set"));
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_length_form_round_trip() {
        for len in [0, 1, 125, 126, 127, 65535, 65536, 1 << 20, i64::MAX as u64] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let header = Header {
                    fin: true,
                    rsv1: true,
                    rsv2: false,
                    rsv3: true,
                    opcode: Opcode::Binary,
                    mask,
                    len,
                };
                let mut bytes = Vec::new();
                header.encode(&mut bytes);
                for cut in 0..bytes.len() {
                    assert_eq!(
                        Header::decode(&bytes[..cut]).expect("no error in a prefix"),
                        None
                    );
                    let least = Header::least_frame_bytes(&bytes[..cut]) as u64;
                    assert!(cut as u64 <= least && least <= bytes.len() as u64 + len);
                }
                assert_eq!(
                    Header::decode(&bytes).expect("valid"),
                    Some((header, bytes.len()))
                );
            }
        }
    }

    #[test]
    fn lengths_that_are_not_minimal_or_have_the_top_bit_are_rejected() {
        for bytes in [
            &[0x82, 126, 0, 125][..],
            &[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
            &[0x82, 127, 0x80, 0, 0, 0, 0, 1, 0, 0],
        ] {
            Header::decode(bytes).expect_err("refused");
            let any = Header::decode_any_length(bytes);
            assert_eq!(any.is_ok(), bytes[2] == 0, "only the top bit matters");
        }
    }
}
