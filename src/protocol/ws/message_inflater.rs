// SPDX-License-Identifier: Apache-2.0
//! Inflates what the server has compressed itself: binary messages that contain gzip (RFC 1952),
//! zlib (RFC 1950) or raw DEFLATE (RFC 1951), without an extension.

use super::gzip::{self, GzipHeader, GzipTrailer};
use super::inflate::{
    InflateStep, Inflated, Ratio, TAIL, append, corrupt, inflate, inflate_once, keep_context,
    take_context,
};
use crate::base::error::Error;
use flate2::{Crc, Decompress};

/// How a server compresses its binary messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateMode {
    /// As gzip or zlib, or not at all; the first bytes show it.
    Auto,
    /// As gzip or not at all.
    Gzip,
    /// As zlib or not at all.
    Zlib,
    /// All of them, each as raw DEFLATE.
    Raw,
    /// All of them, as one zlib stream. A message ends where the stream was flushed, so what was
    /// not flushed continues in the next one.
    Stream,
}

#[derive(Debug)]
pub struct MessageInflater {
    mode: InflateMode,
    ratio: Ratio,
    stage: InflateStage,
    context: Option<Decompress>,
    /// Of what a gzip member has inflated to.
    crc: Crc,
    /// The last four bytes of the stream, in network byte order.
    last_four: u32,
    /// The message is compressed, as far as its bytes have shown.
    is_inflated: bool,
}

#[derive(Debug)]
enum InflateStage {
    /// The first bytes, which do not yet show the format.
    Start {
        bytes: [u8; 3],
        len: usize,
    },
    /// The message is not compressed.
    Unchanged,
    Data(Format),
    /// It is empty after a member, which another one may follow (RFC 1952 section 2.2).
    GzipHeader(GzipHeader),
    GzipTrailer(GzipTrailer),
    /// The compressed data has ended.
    End(Format),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Gzip,
    Zlib,
    Raw,
    Stream,
}

impl Format {
    /// For errors.
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip message",
            Self::Zlib => "zlib message",
            Self::Raw => "raw DEFLATE message",
            Self::Stream => "message of a zlib stream",
        }
    }
}

impl MessageInflater {
    pub fn new(mode: InflateMode, max_ratio: u64) -> Self {
        Self {
            mode,
            ratio: Ratio::new(max_ratio),
            stage: InflateStage::first(mode),
            context: None,
            crc: Crc::new(),
            last_four: u32::MAX,
            is_inflated: false,
        }
    }

    /// Whether the message is compressed, as far as its bytes have shown.
    pub fn is_inflated(&self) -> bool {
        self.is_inflated
    }

    /// Inflates the next bytes of a message; `is_last` says that it ends with them. Appends at most
    /// `most` bytes to `out`.
    pub fn inflate(
        &mut self,
        input: &[u8],
        is_last: bool,
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<Inflated, Error> {
        let (taken, is_all) = inflate(input, most, out, |input, place| self.step(input, place))?;
        self.is_inflated = !matches!(
            self.stage,
            InflateStage::Start { .. } | InflateStage::Unchanged
        );
        Ok(Inflated {
            taken,
            is_all,
            ends_message: is_all && is_last && self.finish(out)?,
        })
    }

    /// After the last byte of a message. False if its data continues in the next one.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        let format = match &self.stage {
            InflateStage::Data(Format::Stream) if self.last_four != u32::from_be_bytes(TAIL) => {
                return Ok(false);
            }
            InflateStage::Start { bytes, len } => {
                // If that is too much, the message is too big.
                append(out, bytes.get(..*len).unwrap_or_default())?;
                None
            }
            InflateStage::GzipHeader(header) if header.is_empty() => None,
            InflateStage::Unchanged | InflateStage::End(_) | InflateStage::Data(Format::Stream) => {
                None
            }
            InflateStage::Data(format) => Some(*format),
            InflateStage::GzipHeader(_) | InflateStage::GzipTrailer(_) => Some(Format::Gzip),
        };
        if let Some(format) = format {
            return Err(corrupt(format.name(), "it is truncated"));
        }
        self.ratio.begin_message();
        self.last_four = u32::MAX;
        if self.mode != InflateMode::Stream {
            self.stage = InflateStage::first(self.mode);
        }
        Ok(true)
    }

    fn step(&mut self, input: &[u8], place: &mut [u8]) -> Result<InflateStep, Error> {
        let step = match &mut self.stage {
            InflateStage::Start { .. } => self.recognize(input, place)?,
            InflateStage::Unchanged => InflateStep::copy(input, place),
            InflateStage::Data(format) => {
                let format = *format;
                self.inflate_data(format, input, place)?
            }
            InflateStage::GzipHeader(header) => {
                let (taken, is_end) = take_bytes(input, |byte| header.push(byte))?;
                if is_end {
                    self.crc.reset();
                    self.stage = InflateStage::Data(Format::Gzip);
                }
                InflateStep::taken(taken)
            }
            InflateStage::GzipTrailer(trailer) => {
                let (taken, is_end) = take_bytes(input, |byte| trailer.push(byte, &self.crc))?;
                if is_end {
                    self.stage = InflateStage::GzipHeader(GzipHeader::default());
                }
                InflateStep::taken(taken)
            }
            InflateStage::End(_) if input.is_empty() => InflateStep::default(),
            InflateStage::End(format) => {
                return Err(corrupt(format.name(), "bytes follow its end"));
            }
        };
        self.ratio.count(&step)?;
        Ok(step)
    }

    /// Takes bytes until they show the format, and processes them in it.
    fn recognize(&mut self, input: &[u8], place: &mut [u8]) -> Result<InflateStep, Error> {
        let InflateStage::Start { bytes, len } = &mut self.stage else {
            return Ok(InflateStep::default());
        };
        let mut taken = 0;
        let format = loop {
            let (Some(byte), Some(place)) = (input.get(taken), bytes.get_mut(*len)) else {
                return Ok(InflateStep::taken(taken));
            };
            *place = *byte;
            (taken, *len) = (taken + 1, *len + 1);
            match recognize(self.mode, bytes.get(..*len).unwrap_or_default()) {
                Recognized::NotYet => {}
                Recognized::Compressed(format) => break Some(format),
                Recognized::Uncompressed => break None,
            }
        };
        let (bytes, len) = (*bytes, *len);
        let first = bytes.get(..len).unwrap_or_default();
        let step = match format {
            // All of them are copied, unless `place` ends one byte behind the limit for messages.
            None => {
                self.stage = InflateStage::Unchanged;
                InflateStep::copy(first, place)
            }
            Some(Format::Gzip) => {
                let mut header = GzipHeader::default();
                take_bytes(first, |byte| header.push(byte))?;
                self.stage = InflateStage::GzipHeader(header);
                InflateStep::default()
            }
            Some(format) => {
                self.stage = InflateStage::Data(format);
                self.inflate_data(format, first, place)?
            }
        };
        Ok(InflateStep { taken, ..step })
    }

    fn inflate_data(
        &mut self,
        format: Format,
        input: &[u8],
        place: &mut [u8],
    ) -> Result<InflateStep, Error> {
        let has_zlib_header = matches!(format, Format::Zlib | Format::Stream);
        let context = match &mut self.context {
            Some(context) => context,
            none => none.insert(take_context(has_zlib_header)?),
        };
        let (step, is_end) = inflate_once(context, input, place, format.name());
        match format {
            Format::Gzip => self.crc.update(place.get(..step.made).unwrap_or_default()),
            Format::Stream => {
                let taken = input.get(..step.taken).unwrap_or_default();
                let from = taken.len().saturating_sub(TAIL.len());
                for byte in taken.get(from..).unwrap_or_default() {
                    self.last_four = self.last_four << 8 | u32::from(*byte);
                }
            }
            Format::Zlib | Format::Raw => {}
        }
        if is_end {
            self.context.take().into_iter().for_each(keep_context);
            self.stage = match format {
                Format::Gzip => InflateStage::GzipTrailer(GzipTrailer::default()),
                _ => InflateStage::End(format),
            };
        }
        Ok(step)
    }
}

impl InflateStage {
    /// The stage in which a connection or, except for a stream, each message begins.
    fn first(mode: InflateMode) -> Self {
        match mode {
            InflateMode::Auto | InflateMode::Gzip | InflateMode::Zlib => Self::Start {
                bytes: [0; 3],
                len: 0,
            },
            InflateMode::Raw => Self::Data(Format::Raw),
            InflateMode::Stream => Self::Data(Format::Stream),
        }
    }
}

enum Recognized {
    /// More bytes are needed.
    NotYet,
    Compressed(Format),
    Uncompressed,
}

/// What the first bytes of a message show; at most three.
fn recognize(mode: InflateMode, bytes: &[u8]) -> Recognized {
    let is_gzip =
        matches!(mode, InflateMode::Auto | InflateMode::Gzip) && gzip::MAGIC.starts_with(bytes);
    let is_zlib =
        matches!(mode, InflateMode::Auto | InflateMode::Zlib) && may_begin_with_zlib(bytes);
    match bytes.len() {
        3 if is_gzip => Recognized::Compressed(Format::Gzip),
        2 if is_zlib => Recognized::Compressed(Format::Zlib),
        _ if is_gzip || is_zlib => Recognized::NotYet,
        _ => Recognized::Uncompressed,
    }
}

/// RFC 1950 section 2.2: CM is 8, CINFO at most 7, CMF and FLG together are a multiple of 31. FDICT
/// requires a dictionary, which a message cannot name.
fn may_begin_with_zlib(bytes: &[u8]) -> bool {
    let is_method = |cmf: u8| cmf & 0x0f == 8 && cmf >> 4 <= 7;
    match *bytes {
        [cmf] => is_method(cmf),
        [cmf, flg] => is_method(cmf) && u16::from_be_bytes([cmf, flg]) % 31 == 0 && flg & 0x20 == 0,
        _ => false,
    }
}

/// Passes bytes to `push` until it returns true. Returns their number, and whether it did.
fn take_bytes(
    input: &[u8],
    mut push: impl FnMut(u8) -> Result<bool, &'static str>,
) -> Result<(usize, bool), Error> {
    for (at, byte) in input.iter().enumerate() {
        if push(*byte).map_err(|why| corrupt(Format::Gzip.name(), why))? {
            return Ok((at + 1, true));
        }
    }
    Ok((input.len(), false))
}
