// SPDX-License-Identifier: Apache-2.0
//! permessage-deflate (RFC 7692): messages to compressed payloads and back.
//!
//! A context is what has been seen before, to which later bytes refer. It is made when it is first needed; where it is
//! not taken over to the next message, the thread keeps it for whoever needs one next, and no connection holds any.

use crate::base::error::{Error, Kind};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::RefCell;

/// What every compressed message ends with, so it is not sent (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The window of zlib, of which the RFC allows 8 to 15 bits (section 7.1.2).
pub const MAX_WINDOW_BITS: u8 = 15;
/// zlib does not compress with less. With 9 it never looks back further than 250 bytes, because it keeps the longest
/// match ahead out of its window; so a peer with 8 understands it.
pub const MIN_WINDOW_BITS: u8 = 9;

/// Output is made room for in steps of this size.
const STEP: usize = 16 * 1024;

/// Messages up to this size are inflated at any ratio: zeros come to one of a thousand without malice.
const UNSUSPICIOUS_BYTES: u64 = 16 << 20;

/// What both sides have agreed on (section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub client_window_bits: u8,
    pub server_window_bits: u8,
    pub client_no_context_takeover: bool,
    pub server_no_context_takeover: bool,
}

thread_local! {
    static SPARE_COMPRESS: RefCell<Option<(Shape, Compress)>> = const { RefCell::new(None) };
    static SPARE_DECOMPRESS: RefCell<Option<Decompress>> = const { RefCell::new(None) };
}

/// What two compressing contexts must have in common to stand in for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub level: u8,
    pub window_bits: u8,
}

/// Our messages, on their way out.
#[derive(Debug)]
pub struct Deflater {
    shape: Shape,
    takes_over: bool,
    context: Option<Compress>,
}

impl Deflater {
    pub fn new(level: u8, agreement: &Agreement) -> Self {
        Self {
            shape: Shape {
                level,
                window_bits: agreement.client_window_bits.max(MIN_WINDOW_BITS),
            },
            takes_over: !agreement.client_no_context_takeover,
            context: None,
        }
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Appends the compressed form of the next part of a message to `out`; `fin` says that it is the last one.
    pub fn compress(&mut self, part: &[u8], fin: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        let shape = self.shape;
        let context = self.context.get_or_insert_with(|| spare_compress(shape));
        let begin = out.len();
        compress(context, part, out)?;
        if fin {
            if out.len() == begin {
                // The parts before have ended with the tail. An empty block of stored bytes, less its tail, ends the message.
                out.push(0);
            } else {
                out.truncate(out.len().saturating_sub(TAIL.len()).max(begin));
            }
            if !self.takes_over {
                self.forget();
            }
        }
        Ok(())
    }

    /// What comes next refers to nothing before it: something was not sent, or the peer has been sent something else.
    pub fn forget(&mut self) {
        if let Some(context) = self.context.take() {
            SPARE_COMPRESS.set(Some((self.shape, context)));
        }
    }
}

/// A whole message by itself.
pub fn compress_once(shape: Shape, message: &[u8]) -> Result<Vec<u8>, Error> {
    let agreement = Agreement {
        client_window_bits: shape.window_bits,
        server_window_bits: MAX_WINDOW_BITS,
        client_no_context_takeover: true,
        server_no_context_takeover: true,
    };
    let mut out = Vec::new();
    Deflater::new(shape.level, &agreement).compress(message, true, &mut out)?;
    Ok(out)
}

fn spare_compress(shape: Shape) -> Compress {
    match SPARE_COMPRESS.take() {
        Some((spare, mut context)) if spare == shape => {
            context.reset();
            context
        }
        _ => Compress::new_with_window_bits(
            Compression::new(shape.level.into()),
            false,
            shape.window_bits,
        ),
    }
}

fn compress(context: &mut Compress, mut part: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    if part.is_empty() {
        return Ok(());
    }
    loop {
        make_room(out, part.len() / 2)?;
        let before = context.total_in();
        let status = context.compress_vec(part, out, FlushCompress::Sync);
        status.map_err(|error| internal(&error))?;
        let taken = (context.total_in() - before) as usize;
        part = part.get(taken..).unwrap_or_default();
        // A full output may not be all of it.
        if part.is_empty() && out.len() < out.capacity() {
            return Ok(());
        }
    }
}

/// The peer's messages, on their way in.
#[derive(Debug)]
pub struct Inflater {
    window_bits: u8,
    takes_over: bool,
    max_ratio: u64,
    context: Option<Decompress>,
    /// Of the message in progress.
    compressed: u64,
    inflated: u64,
    /// How much of the tail has been put behind it.
    tail: usize,
}

impl Inflater {
    pub fn new(max_ratio: u64, agreement: &Agreement) -> Self {
        Self {
            window_bits: agreement.server_window_bits.max(MIN_WINDOW_BITS),
            takes_over: !agreement.server_no_context_takeover,
            max_ratio,
            context: None,
            compressed: 0,
            inflated: 0,
            tail: 0,
        }
    }

    pub fn takes_over(&self) -> bool {
        self.takes_over
    }

    /// Inflates from `input` into the room that `out` has, of which there is at least some afterwards unless more could
    /// be done at once. How much of `input` is done with.
    pub fn inflate(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Error> {
        let taken = self.run(input, out)?;
        self.compressed += taken as u64;
        self.check_ratio()?;
        Ok(taken)
    }

    /// After the last byte of a message: inflates what is left of it, likewise. True when that is all.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        let tail = TAIL.get(self.tail..).unwrap_or_default();
        self.tail += self.run(tail, out)?;
        self.check_ratio()?;
        if self.tail < TAIL.len() || out.len() == out.capacity() {
            return Ok(false);
        }
        (self.compressed, self.inflated, self.tail) = (0, 0, 0);
        if !self.takes_over {
            SPARE_DECOMPRESS.set(self.context.take());
        }
        Ok(true)
    }

    fn run(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<usize, Error> {
        let (window_bits, takes_over) = (self.window_bits, self.takes_over);
        let context = self
            .context
            .get_or_insert_with(|| new_decompress(window_bits, takes_over));
        let (len, before) = (input.len(), out.len());
        loop {
            let (taken, made) = (context.total_in(), out.len());
            let status = context.decompress_vec(input, out, FlushDecompress::Sync);
            let status = status.map_err(|error| corrupt(error.message()))?;
            let taken = (context.total_in() - taken) as usize;
            input = input.get(taken..).unwrap_or_default();
            match status {
                // Section 7.2.3.4: a sender may end a message, or a part of it, with a block that says it is the last.
                Status::StreamEnd => context.reset(false),
                _ if taken == 0 && out.len() == made => break,
                _ => {}
            }
            if input.is_empty() || out.len() == out.capacity() {
                break;
            }
        }
        self.inflated += (out.len() - before) as u64;
        Ok(len - input.len())
    }

    fn check_ratio(&self) -> Result<(), Error> {
        let limit = self.compressed.saturating_mul(self.max_ratio);
        if self.inflated <= limit.max(UNSUSPICIOUS_BYTES) {
            return Ok(());
        }
        let (inflated, compressed, limit) = (self.inflated, self.compressed, self.max_ratio);
        Err(Error::new(
            Kind::MessageTooBig,
            format!(
                "{compressed} bytes of a compressed message inflate to {inflated} or more, the limit is {limit} times \
                 as many (wsline_options_set_deflate_max_ratio)"
            ),
        ))
    }
}

/// A context that is kept for long has no larger window than it needs; for one message any will do.
fn new_decompress(window_bits: u8, takes_over: bool) -> Decompress {
    let spare = match takes_over {
        true => None,
        false => SPARE_DECOMPRESS.take(),
    };
    match spare {
        Some(mut context) => {
            context.reset(false);
            context
        }
        None => Decompress::new_with_window_bits(false, window_bits),
    }
}

/// Room for the next step, as much as is likely to be needed.
pub fn make_room(out: &mut Vec<u8>, likely: usize) -> Result<(), Error> {
    if out.len() < out.capacity() {
        return Ok(());
    }
    let room = likely.max(STEP);
    out.try_reserve_exact(room)
        .map_err(|_| Error::no_memory(room as u64))
}

fn internal(error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Internal, format!("compressing failed: {error}"))
}

fn corrupt(why: Option<&str>) -> Error {
    let why = why.unwrap_or("unknown");
    Error::new(
        Kind::Payload,
        format!("compressed message that cannot be inflated: {why}"),
    )
}
