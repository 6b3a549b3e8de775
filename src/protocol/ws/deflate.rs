// SPDX-License-Identifier: Apache-2.0
//! permessage-deflate (RFC 7692): messages to compressed payloads and back.
//!
//! A context is what has been seen before, to which later bytes refer. It is made when it is first
//! needed; where it is not taken over to the next message, the thread keeps it for whoever needs
//! one next, and no connection holds any.

use crate::base::error::{Error, Kind};
use crate::base::memory;
use crate::base::thread_cache::{self, ThreadCache};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What every compressed message ends with, so it is not sent (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// The same, and a last block that is empty (RFC 1951 section 3.2.6: `fixed`, end of block).
const TAIL_AND_END: [u8; 6] = [0, 0, 0xff, 0xff, 3, 0];

/// The window of zlib, of which the RFC allows 8 to 15 bits (section 7.1.2).
pub const MAX_WINDOW_BITS: u8 = 15;
/// zlib does not compress with less. With 9 it never looks back further than 250 bytes, because it
/// keeps the longest match ahead out of its window; so a peer with 8 understands it.
pub const MIN_WINDOW_BITS: u8 = 9;

/// Output comes in pieces of this size, through a buffer of the thread's: flate2 fills with zeros
/// whatever it is given room in.
const PIECE: usize = 32 * 1024;
/// Some such is in a context, for an error's text: zlib does not say.
const CONTEXT_BYTES: u64 = 256 * 1024;
/// So much is compressed at once; between two of them a caller may run out of time.
const STEP: usize = 256 * 1024;

/// Messages up to this size are inflated at any ratio: zeros come to one of a thousand without
/// malice.
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
    static COMPRESS: ThreadCache<(Shape, Compress)> = const { Cell::new(None) };
    static DECOMPRESS: ThreadCache<Decompress> = const { Cell::new(None) };
    static OUTPUT: ThreadCache<Vec<u8>> = const { Cell::new(None) };
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

    /// Appends the compressed form of the next part of a message to `out`; `fin` says that it is
    /// the last one. Asks `goes_on` now and then, which may put an end to it.
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
                // The parts before have ended with the tail. An empty block of stored bytes, less
                // its tail, ends the message.
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

    /// What comes next refers to nothing before it: something was not sent, or the peer has been
    /// sent something else.
    pub fn forget(&mut self) {
        // Not kept for another message: of a block that was begun zlib-rs does not let go when it
        // begins afresh.
        self.context = None;
    }
}

/// A whole message by itself. `goes_on` as for [`Deflater::compress`].
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
        Some((spare, mut context)) if spare == shape => {
            context.reset();
            Ok(context)
        }
        _ => {
            let level = Compression::new(shape.level.into());
            made(|| Compress::new_with_window_bits(level, false, shape.window_bits))
        }
    }
}

fn compress(
    context: &mut Compress,
    mut part: &[u8],
    flush: FlushCompress,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    through_piece(|piece| {
        loop {
            let (taken, made) = (context.total_in(), context.total_out());
            let status = context.compress(part, piece, flush);
            status.map_err(|error| internal(&error))?;
            part = rest(part, context.total_in() - taken);
            let made = (context.total_out() - made) as usize;
            append(out, piece.get(..made).unwrap_or_default())?;
            // A full output may not be all of it.
            if part.is_empty() && made < piece.len() {
                return Ok(());
            }
        }
    })
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
    /// How much of what follows its last byte has been put there.
    tail: usize,
    /// Its last block so far was one that says so.
    is_ended: bool,
}

struct InflateStep {
    taken: u64,
    made: usize,
    /// Behind what was made.
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

    /// Inflates from `input` and appends to `out`, some `most` bytes at most. How much of `input`
    /// is done with, and whether nothing more comes of it.
    pub fn inflate(
        &mut self,
        mut input: &[u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<(usize, bool), Error> {
        let len = input.len();
        let mut room = most;
        through_piece(|piece| {
            while room > 0 {
                let most = room.min(piece.len());
                let place = piece.get_mut(..most).unwrap_or_default();
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
                    return Err(corrupt(Some("nothing comes of it")));
                }
            }
            Ok((len - input.len(), false))
        })
    }

    /// After the last byte of a message: inflates what is left of it, likewise. True when that is
    /// all.
    pub fn finish(&mut self, most: usize, out: &mut Vec<u8>) -> Result<bool, Error> {
        if self.is_ended && self.tail == 0 {
            // Section 7.2.3.4 wants an empty block behind a last one. Some senders leave it out;
            // then nothing is missing, and what was taken off the end of other messages would begin
            // a block that the next message does not end.
            self.begin_afresh();
            return Ok(true);
        }
        // Where nothing follows that refers to the message, a last block shows whether the one
        // before it was complete.
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
        self.begin_afresh();
        Ok(true)
    }

    /// The message is over.
    fn begin_afresh(&mut self) {
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
            // Section 7.2.3.4: a sender may end a message, or a part of it, with a block that says
            // it is the last. Zlib then begins a new stream, which refers to nothing before it, for
            // its own deflate does the same; so do ws and Chromium. The RFC would let a sender
            // refer across such a block, but zlib does not give its window away, and a second one
            // for each connection is too much for senders that nobody has seen.
            context.reset(false);
            self.is_ended = true;
        } else if step.taken > 0 {
            self.is_ended = false;
        }
        Ok(step)
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

/// For one message by itself any window will do that is not smaller than the peer's: reset() leaves
/// the largest one, whatever the context was made with.
fn new_decompress(window_bits: u8, takes_over: bool) -> Result<Decompress, Error> {
    let spare = match takes_over {
        true => None,
        false => thread_cache::take(&DECOMPRESS),
    };
    match spare {
        Some(mut context) => {
            context.reset(false);
            Ok(context)
        }
        None => made(|| Decompress::new_with_window_bits(false, window_bits)),
    }
}

/// zlib-rs panics where there is no memory for a context.
fn made<T>(make: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(make)).map_err(|_| Error::no_memory(CONTEXT_BYTES))
}

/// Lends the thread's buffer for output.
fn through_piece<T>(work: impl FnOnce(&mut [u8]) -> Result<T, Error>) -> Result<T, Error> {
    let mut piece = thread_cache::take(&OUTPUT).unwrap_or_default();
    let missing = PIECE.saturating_sub(piece.len());
    memory::reserve(&mut piece, missing)?;
    piece.resize(PIECE, 0);
    let result = work(&mut piece);
    thread_cache::keep(&OUTPUT, piece);
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
    Error::new(Kind::Internal, format!("compressing failed: {error}"))
}

fn corrupt(why: Option<&str>) -> Error {
    let why = why.unwrap_or("unknown");
    Error::new(
        Kind::Payload,
        format!("compressed message that cannot be inflated: {why}"),
    )
}
