// SPDX-License-Identifier: Apache-2.0
//! permessage-deflate (RFC 7692): compresses and inflates messages.
//!
//! A context is the compression state with the window of earlier bytes. It is created on first use.
//! Without context takeover the thread keeps it for the next message of any connection, and no
//! connection holds one.

use super::inflate::{
    InflateStep, Inflated, Ratio, TAIL, append, catch_no_memory, corrupt, inflate, inflate_once,
    keep_context, take_context, with_output_buffer,
};
use crate::base::error::{Error, Kind};
use crate::base::thread_cache::{self, ThreadCache};
use flate2::{Compress, Compression, Decompress, FlushCompress};
use std::cell::Cell;

/// In errors.
const WHAT: &str = "compressed message";

/// The tail, which ends every compressed message and is not sent (section 7.2.1), followed by an
/// empty last block (RFC 1951 section 3.2.6: `fixed`, end of block).
const TAIL_AND_END: [u8; 6] = [0, 0, 0xff, 0xff, 3, 0];

/// The largest window; the RFC allows 8 to 15 bits (section 7.1.2).
pub const MAX_WINDOW_BITS: u8 = 15;
/// zlib cannot compress with a smaller window. With 9 bits it never refers back more than 250
/// bytes, because it keeps the longest possible match out of its window; so a peer with 8 bits can
/// inflate it.
pub const MIN_WINDOW_BITS: u8 = 9;

/// The number of bytes compressed between two checks of the deadline.
const STEP: usize = 256 * 1024;

/// The negotiated parameters (section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub client_window_bits: u8,
    pub server_window_bits: u8,
    pub client_no_context_takeover: bool,
    pub server_no_context_takeover: bool,
}

thread_local! {
    static COMPRESS: ThreadCache<(Shape, Compress)> = const { Cell::new(None) };
}

/// The parameters that two contexts must share to be interchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub level: u8,
    pub window_bits: u8,
}

/// Compresses sent messages.
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

    /// Appends the compressed form of the next part of a message to `out`; `fin` marks the last
    /// one. Calls `may_continue` now and then, whose error ends the compression.
    pub fn compress(
        &mut self,
        part: &[u8],
        fin: bool,
        out: &mut Vec<u8>,
        mut goes_on: impl FnMut() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let shape = self.shape;
        let context = match &mut self.context {
            Some(context) => context,
            none => none.insert(new_compress(shape)?),
        };
        let begin = out.len();
        let mut steps = part.chunks(STEP).peekable();
        while let Some(step) = steps.next() {
            if steps.peek().is_some() {
                compress(context, step, FlushCompress::None, out)?;
                goes_on()?;
            } else {
                compress(context, step, FlushCompress::Sync, out)?;
            }
        }
        if fin {
            if out.len() == begin {
                // The previous parts have ended with the tail. An empty block of stored bytes
                // without its tail ends the message.
                out.push(0);
            } else {
                out.truncate(out.len().saturating_sub(TAIL.len()).max(begin));
            }
            if !self.takes_over {
                if let Some(context) = self.context.take() {
                    thread_cache::keep(&COMPRESS, (shape, context));
                }
            }
        }
        Ok(())
    }

    /// Later messages will not refer to earlier ones: something was compressed but not sent, or
    /// sent without this context.
    pub fn forget(&mut self) {
        // Not kept for another message: resetting zlib-rs does not discard an unfinished block.
        self.context = None;
    }
}

/// Compresses a whole message that does not refer to earlier ones. `may_continue` as for
/// [`Deflater::compress`].
pub fn compress_once(
    shape: Shape,
    message: &[u8],
    goes_on: impl FnMut() -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let mut deflater = Deflater {
        shape,
        takes_over: false,
        context: None,
    };
    let mut out = Vec::new();
    deflater.compress(message, true, &mut out, goes_on)?;
    Ok(out)
}

fn new_compress(shape: Shape) -> Result<Compress, Error> {
    match thread_cache::take(&COMPRESS) {
        Some((cached, mut context)) if cached == shape => {
            context.reset();
            Ok(context)
        }
        _ => {
            let level = Compression::new(shape.level.into());
            catch_no_memory(|| Compress::new_with_window_bits(level, false, shape.window_bits))
        }
    }
}

fn compress(
    context: &mut Compress,
    mut part: &[u8],
    flush: FlushCompress,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    with_output_buffer(|output| {
        loop {
            let (taken, made) = (context.total_in(), context.total_out());
            let status = context.compress(part, output, flush);
            status.map_err(|error| internal(&error))?;
            let taken = (context.total_in() - taken) as usize;
            part = part.get(taken..).unwrap_or_default();
            let made = (context.total_out() - made) as usize;
            append(out, output.get(..made).unwrap_or_default())?;
            // If the output is full, there may be more.
            if part.is_empty() && made < output.len() {
                return Ok(());
            }
        }
    })
}

/// Inflates received messages.
#[derive(Debug)]
pub struct Inflater {
    window_bits: u8,
    takes_over: bool,
    ratio: Ratio,
    context: Option<Decompress>,
    /// How much of the tail has been inflated after the last byte.
    tail: usize,
    /// The last block so far was marked as the final one.
    is_ended: bool,
}

impl Inflater {
    pub fn new(max_ratio: u64, agreement: &Agreement) -> Self {
        Self {
            window_bits: agreement.server_window_bits.max(MIN_WINDOW_BITS),
            takes_over: !agreement.server_no_context_takeover,
            ratio: Ratio::new(max_ratio),
            context: None,
            tail: 0,
            is_ended: false,
        }
    }

    pub fn takes_over(&self) -> bool {
        self.takes_over
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
        let before = out.len();
        let (taken, is_taken) = inflate(input, most, out, |input, place| self.step(input, place))?;
        let left = most - (out.len() - before);
        let is_all = is_taken && (!is_last || self.finish(left, out)?);
        Ok(Inflated {
            taken,
            is_all,
            ends_message: is_all && is_last,
        })
    }

    /// After the last byte of a message: inflates the rest, at most `most` bytes. Returns true when
    /// that is everything.
    fn finish(&mut self, most: usize, out: &mut Vec<u8>) -> Result<bool, Error> {
        if self.is_ended && self.tail == 0 {
            // Section 7.2.3.4 requires an empty block after a final one. Some senders omit it; then
            // nothing is missing, and adding the tail would begin a block that the next message
            // does not end.
            self.begin_message();
            return Ok(true);
        }
        // Without context takeover, adding a final block shows whether the one before it was
        // complete.
        let tail = match self.takes_over {
            true => TAIL.as_slice(),
            false => TAIL_AND_END.as_slice(),
        };
        let left = tail.get(self.tail..).unwrap_or_default();
        let (taken, is_all) = inflate(left, most, out, |input, place| self.step(input, place))?;
        self.tail += taken;
        if !is_all {
            return Ok(false);
        }
        if !self.takes_over && !self.is_ended {
            return Err(corrupt(WHAT, "it ends in the middle of a block"));
        }
        self.begin_message();
        Ok(true)
    }

    /// Prepares for the next message.
    fn begin_message(&mut self) {
        self.ratio.begin_message();
        self.tail = 0;
        self.is_ended = false;
        if !self.takes_over {
            if let Some(context) = self.context.take() {
                keep_context(context);
            }
        }
    }

    fn step(&mut self, input: &[u8], place: &mut [u8]) -> Result<InflateStep, Error> {
        let (window_bits, takes_over) = (self.window_bits, self.takes_over);
        let context = match &mut self.context {
            Some(context) => context,
            none => none.insert(new_decompress(window_bits, takes_over)?),
        };
        let (step, is_end) = inflate_once(context, input, place, WHAT);
        if is_end {
            // Section 7.2.3.4: a sender may end a message, or a part of it, with a final block.
            // After it we begin a new stream without the earlier window, as zlib's own deflate, ws
            // and Chromium do. The RFC would let a sender refer back across such a block, but zlib
            // does not expose its window, and keeping a second one for each connection is too much
            // for senders that are not known to exist.
            context.reset(false);
            self.is_ended = true;
        } else if step.taken > 0 {
            self.is_ended = false;
        }
        self.ratio.count(&step)?;
        Ok(step)
    }
}

/// Without context takeover any window works that is not smaller than the peer's.
fn new_decompress(window_bits: u8, takes_over: bool) -> Result<Decompress, Error> {
    match takes_over {
        true => catch_no_memory(|| Decompress::new_with_window_bits(false, window_bits)),
        false => take_context(false),
    }
}

fn internal(error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Internal, format!("compression failed: {error}"))
}
