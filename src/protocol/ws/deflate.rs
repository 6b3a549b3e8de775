// SPDX-License-Identifier: Apache-2.0
//! permessage-deflate (RFC 7692): compresses and inflates messages.
//!
//! A context is the compression state with the window of earlier bytes. It is created on first use.
//! Without context takeover the thread keeps it for the next message of any connection, and no
//! connection holds one.

use crate::base::error::{Error, Kind};
use crate::base::memory;
use crate::base::thread_cache::{self, ThreadCache};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The end of every compressed message, which is not sent (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// The tail, followed by an empty last block (RFC 1951 section 3.2.6: `fixed`, end of block).
const TAIL_AND_END: [u8; 6] = [0, 0, 0xff, 0xff, 3, 0];

/// The largest window; the RFC allows 8 to 15 bits (section 7.1.2).
pub const MAX_WINDOW_BITS: u8 = 15;
/// zlib cannot compress with a smaller window. With 9 bits it never refers back more than 250
/// bytes, because it keeps the longest possible match out of its window; so a peer with 8 bits can
/// inflate it.
pub const MIN_WINDOW_BITS: u8 = 9;

/// Output goes through a buffer of this size that the thread keeps: flate2 zeroes all the spare
/// capacity that it is given.
const OUTPUT_BYTES: usize = 32 * 1024;
/// The approximate size of a context, for errors: zlib does not report it.
const CONTEXT_BYTES: u64 = 256 * 1024;
/// The number of bytes compressed between two checks of the deadline.
const STEP: usize = 256 * 1024;

/// Messages up to this size are inflated at any ratio: a harmless run of zeros is compressed a
/// thousandfold.
const ANY_RATIO_BYTES: u64 = 16 << 20;

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
    static DECOMPRESS: ThreadCache<Decompress> = const { Cell::new(None) };
    static OUTPUT: ThreadCache<Vec<u8>> = const { Cell::new(None) };
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
            part = rest(part, context.total_in() - taken);
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
    max_ratio: u64,
    context: Option<Decompress>,
    /// The sizes of the message in progress.
    compressed: u64,
    inflated: u64,
    /// How much of the tail has been inflated after the last byte.
    tail: usize,
    /// The last block so far was marked as the final one.
    is_ended: bool,
}

struct InflateStep {
    taken: u64,
    made: usize,
    /// An error after the output.
    failure: Option<Error>,
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
            is_ended: false,
        }
    }

    pub fn takes_over(&self) -> bool {
        self.takes_over
    }

    /// Inflates from `input` and appends at most `most` bytes to `out`. Returns how much of `input`
    /// was consumed, and whether it yields no more output.
    pub fn inflate(
        &mut self,
        mut input: &[u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<(usize, bool), Error> {
        let len = input.len();
        let mut room = most;
        with_output_buffer(|output| {
            while room > 0 {
                let most = room.min(output.len());
                let place = output.get_mut(..most).unwrap_or_default();
                let step = self.step(input, place)?;
                input = rest(input, step.taken);
                append(out, place.get(..step.made).unwrap_or_default())?;
                room -= step.made;
                self.compressed += step.taken;
                self.inflated += step.made as u64;
                self.check_ratio()?;
                if let Some(failure) = step.failure.filter(|_| room > 0) {
                    return Err(failure);
                }
                if input.is_empty() && step.made < most {
                    return Ok((len, true));
                }
                if step.taken == 0 && step.made == 0 {
                    return Err(corrupt(Some("no progress")));
                }
            }
            Ok((len - input.len(), false))
        })
    }

    /// After the last byte of a message: inflates the rest, at most `most` bytes. Returns true when
    /// that is everything.
    pub fn finish(&mut self, most: usize, out: &mut Vec<u8>) -> Result<bool, Error> {
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
        let (taken, is_all) = self.inflate(left, most, out)?;
        self.tail += taken;
        if !is_all {
            return Ok(false);
        }
        if !self.takes_over && !self.is_ended {
            return Err(corrupt(Some("it ends in the middle of a block")));
        }
        self.begin_message();
        Ok(true)
    }

    /// Prepares for the next message.
    fn begin_message(&mut self) {
        (self.compressed, self.inflated, self.tail) = (0, 0, 0);
        self.is_ended = false;
        if !self.takes_over {
            if let Some(context) = self.context.take() {
                thread_cache::keep(&DECOMPRESS, context);
            }
        }
    }

    fn step(&mut self, input: &[u8], place: &mut [u8]) -> Result<InflateStep, Error> {
        let (window_bits, takes_over) = (self.window_bits, self.takes_over);
        let context = match &mut self.context {
            Some(context) => context,
            none => none.insert(new_decompress(window_bits, takes_over)?),
        };
        let (taken, made) = (context.total_in(), context.total_out());
        let result = context.decompress(input, place, FlushDecompress::Sync);
        let status = result.as_ref().ok().copied();
        let step = InflateStep {
            taken: context.total_in() - taken,
            made: (context.total_out() - made) as usize,
            failure: result.err().map(|error| corrupt(error.message())),
        };
        if status == Some(Status::StreamEnd) {
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
        Ok(step)
    }

    fn check_ratio(&self) -> Result<(), Error> {
        let limit = self.compressed.saturating_mul(self.max_ratio);
        if self.inflated <= limit.max(ANY_RATIO_BYTES) {
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

/// Without context takeover any window works that is not smaller than the peer's: reset() sets the
/// largest one, whatever the context was created with.
fn new_decompress(window_bits: u8, takes_over: bool) -> Result<Decompress, Error> {
    let cached = match takes_over {
        true => None,
        false => thread_cache::take(&DECOMPRESS),
    };
    match cached {
        Some(mut context) => {
            context.reset(false);
            Ok(context)
        }
        None => catch_no_memory(|| Decompress::new_with_window_bits(false, window_bits)),
    }
}

/// zlib-rs panics if there is no memory for a context.
fn catch_no_memory<T>(make: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(make)).map_err(|_| Error::no_memory(CONTEXT_BYTES))
}

/// Runs `work` with the thread's output buffer.
fn with_output_buffer<T>(work: impl FnOnce(&mut [u8]) -> Result<T, Error>) -> Result<T, Error> {
    let mut output = thread_cache::take(&OUTPUT).unwrap_or_default();
    let missing = OUTPUT_BYTES.saturating_sub(output.len());
    memory::reserve(&mut output, missing)?;
    output.resize(OUTPUT_BYTES, 0);
    let result = work(&mut output);
    thread_cache::keep(&OUTPUT, output);
    result
}

fn append(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Error> {
    memory::reserve(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

fn rest(input: &[u8], taken: u64) -> &[u8] {
    input.get(taken as usize..).unwrap_or_default()
}

fn internal(error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Internal, format!("compression failed: {error}"))
}

fn corrupt(why: Option<&str>) -> Error {
    let why = why.unwrap_or("unknown");
    Error::new(
        Kind::Payload,
        format!("compressed message that cannot be inflated: {why}"),
    )
}
