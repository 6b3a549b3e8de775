// SPDX-License-Identifier: Apache-2.0
//! The header and the trailer of a gzip member (RFC 1952 section 2.3). Nothing of them is stored,
//! so names and comments of any length need no memory.

use flate2::Crc;

/// ID1, ID2, and CM for DEFLATE (section 2.3.1).
pub const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// From ID1 to OS.
const FIXED_BYTES: u16 = 10;

/// The flags (section 2.3.1).
const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;
/// Section 2.3.1.2: a decompressor must reject a member with one of these bits.
const RESERVED: u8 = 0xe0;

/// The header, byte by byte.
#[derive(Debug)]
pub struct GzipHeader {
    field: GzipField,
    /// How many bytes of the field follow.
    left: u16,
    /// The last two bytes, as a number.
    number: u16,
    /// The optional fields that follow.
    flags: u8,
    crc: Crc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GzipField {
    Fixed,
    ExtraLength,
    Extra,
    /// The name or the comment, which ends with a NUL.
    Text,
    Crc,
}

impl Default for GzipHeader {
    fn default() -> Self {
        Self {
            field: GzipField::Fixed,
            left: FIXED_BYTES,
            number: 0,
            flags: 0,
            crc: Crc::new(),
        }
    }
}

impl GzipHeader {
    pub fn is_empty(&self) -> bool {
        self.field == GzipField::Fixed && self.left == FIXED_BYTES
    }

    /// Takes the next byte; true if it is the last one of the header. An error says what is wrong.
    pub fn push(&mut self, byte: u8) -> Result<bool, &'static str> {
        if self.field != GzipField::Crc {
            self.crc.update(&[byte]);
        }
        match self.field {
            GzipField::Fixed => self.check_fixed(byte)?,
            GzipField::Text if byte != 0 => return Ok(false),
            GzipField::Text => return Ok(!self.begin_next_field()),
            _ => {}
        }
        let [_, high] = self.number.to_le_bytes();
        self.number = u16::from_le_bytes([high, byte]);
        self.left -= 1;
        match self.field {
            _ if self.left > 0 => Ok(false),
            GzipField::ExtraLength if self.number > 0 => {
                (self.field, self.left) = (GzipField::Extra, self.number);
                Ok(false)
            }
            // The lower half of the CRC-32 of the header before it.
            GzipField::Crc if self.number != self.crc.sum() as u16 => {
                Err("the CRC of a gzip header is wrong")
            }
            _ => Ok(!self.begin_next_field()),
        }
    }

    fn check_fixed(&mut self, byte: u8) -> Result<(), &'static str> {
        let at = usize::from(FIXED_BYTES - self.left);
        if MAGIC.get(at).is_some_and(|expected| *expected != byte) {
            return Err("bytes that are not gzip follow its end");
        }
        if at == MAGIC.len() {
            if byte & RESERVED != 0 {
                return Err("a gzip header has a reserved flag");
            }
            self.flags = byte;
        }
        Ok(())
    }

    /// False if the header has ended.
    fn begin_next_field(&mut self) -> bool {
        let fields = [
            (FEXTRA, GzipField::ExtraLength, 2),
            (FNAME, GzipField::Text, 0),
            (FCOMMENT, GzipField::Text, 0),
            (FHCRC, GzipField::Crc, 2),
        ];
        let next = fields.iter().find(|(flag, ..)| self.flags & flag != 0);
        if let Some((flag, field, left)) = next {
            self.flags &= !flag;
            (self.field, self.left) = (*field, *left);
        }
        next.is_some()
    }
}

/// The trailer: CRC32 and ISIZE.
#[derive(Debug, Default)]
pub struct GzipTrailer {
    bytes: [u8; 8],
    len: usize,
}

impl GzipTrailer {
    /// Takes the next byte; true if it is the last one. `crc` is that of the data before. An error
    /// says what is wrong.
    pub fn push(&mut self, byte: u8, crc: &Crc) -> Result<bool, &'static str> {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
        }
        self.len += 1;
        if self.len < self.bytes.len() {
            return Ok(false);
        }
        let [a, b, c, d, e, f, g, h] = self.bytes;
        if u32::from_le_bytes([a, b, c, d]) != crc.sum() {
            return Err("its CRC-32 is wrong");
        }
        // Modulo 2^32, like `amount`.
        if u32::from_le_bytes([e, f, g, h]) != crc.amount() {
            return Err("it has another length than its trailer says");
        }
        Ok(true)
    }
}
