// SPDX-License-Identifier: Apache-2.0
//! Inflates piece by piece, within limits (RFC 1951).

use crate::base::error::{Error, Kind};
use crate::base::memory;
use crate::base::thread_cache::{self, ThreadCache};
use flate2::{Decompress, FlushDecompress, Status};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The end of data that was flushed: an empty block of stored bytes (RFC 1951 section 3.2.4),
/// without the bits before its length.
pub const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Output goes through a buffer of this size that the thread keeps: flate2 zeroes all the spare
/// capacity that it is given.
const OUTPUT_BYTES: usize = 32 * 1024;
/// The approximate size of a context, for errors: zlib does not report it.
const CONTEXT_BYTES: u64 = 256 * 1024;

/// Messages up to this size are inflated at any ratio: a harmless run of zeros is compressed a
/// thousandfold.
const ANY_RATIO_BYTES: u64 = 16 << 20;

thread_local! {
    static DECOMPRESS: ThreadCache<Decompress> = const { Cell::new(None) };
    static OUTPUT: ThreadCache<Vec<u8>> = const { Cell::new(None) };
}

/// The sizes of the message in progress, and how many times larger it may become.
#[derive(Debug)]
pub struct Ratio {
    limit: u64,
    compressed: u64,
    inflated: u64,
}

impl Ratio {
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            compressed: 0,
            inflated: 0,
        }
    }

    pub fn begin_message(&mut self) {
        (self.compressed, self.inflated) = (0, 0);
    }

    /// Counts a step, and checks the limit.
    pub fn count(&mut self, step: &InflateStep) -> Result<(), Error> {
        self.compressed += step.taken as u64;
        self.inflated += step.made as u64;
        let most = self.compressed.saturating_mul(self.limit);
        if self.inflated <= most.max(ANY_RATIO_BYTES) {
            return Ok(());
        }
        let (inflated, compressed, limit) = (self.inflated, self.compressed, self.limit);
        Err(Error::new(
            Kind::MessageTooBig,
            format!(
                "{compressed} bytes of a compressed message inflate to {inflated} or more, the limit is {limit} times \
                 as many (wsline_options_set_deflate_max_ratio)"
            ),
        ))
    }
}

/// What one step has consumed of the input and written to the output.
#[derive(Debug, Default)]
pub struct InflateStep {
    pub taken: usize,
    pub made: usize,
    /// An error after the output.
    pub failure: Option<Error>,
}

impl InflateStep {
    pub fn taken(taken: usize) -> Self {
        Self {
            taken,
            ..Self::default()
        }
    }

    /// Copies as much as there is room for.
    pub fn copy(input: &[u8], place: &mut [u8]) -> Self {
        let len = input.len().min(place.len());
        let copied = place.iter_mut().zip(input);
        copied.for_each(|(place, byte)| *place = *byte);
        Self {
            made: len,
            ..Self::taken(len)
        }
    }
}

/// The progress of an inflation.
#[derive(Clone, Copy, Debug)]
pub struct Inflated {
    pub taken: usize,
    /// The input yields no more output.
    pub is_all: bool,
    /// The message ends with the output.
    pub ends_message: bool,
}

/// Repeats `step` with the rest of `input`, and appends at most `most` bytes to `out`. Returns how
/// much of `input` was consumed, and whether it yields no more output.
pub fn inflate(
    mut input: &[u8],
    most: usize,
    out: &mut Vec<u8>,
    mut step: impl FnMut(&[u8], &mut [u8]) -> Result<InflateStep, Error>,
) -> Result<(usize, bool), Error> {
    let len = input.len();
    let mut room = most;
    with_output_buffer(|output| {
        while room > 0 {
            let most = room.min(output.len());
            let place = output.get_mut(..most).unwrap_or_default();
            let step = step(input, place)?;
            input = input.get(step.taken..).unwrap_or_default();
            append(out, place.get(..step.made).unwrap_or_default())?;
            room -= step.made;
            if let Some(failure) = step.failure.filter(|_| room > 0) {
                return Err(failure);
            }
            if input.is_empty() && step.made < most {
                return Ok((len, true));
            }
            if step.taken == 0 && step.made == 0 {
                return Err(corrupt("compressed message", "no progress"));
            }
        }
        Ok((len - input.len(), false))
    })
}

/// One call of zlib; `what` is the name of the data in errors. The second value says that the
/// compressed data has ended.
pub fn inflate_once(
    context: &mut Decompress,
    input: &[u8],
    place: &mut [u8],
    what: &str,
) -> (InflateStep, bool) {
    let (taken, made) = (context.total_in(), context.total_out());
    let result = context.decompress(input, place, FlushDecompress::Sync);
    let is_end = matches!(result, Ok(Status::StreamEnd));
    let step = InflateStep {
        taken: (context.total_in() - taken) as usize,
        made: (context.total_out() - made) as usize,
        failure: result.err().map(|error| {
            let why = match error.needs_dictionary() {
                Some(_) => Some("it needs a preset dictionary"),
                None => error.message(),
            };
            corrupt(what, why.unwrap_or("unknown"))
        }),
    };
    (step, is_end)
}

/// A context for data that refers to nothing before it, with the largest window: that of the
/// thread, or a new one. `has_zlib_header` selects the format of RFC 1950.
pub fn take_context(has_zlib_header: bool) -> Result<Decompress, Error> {
    match thread_cache::take(&DECOMPRESS) {
        Some(mut context) => {
            context.reset(has_zlib_header);
            Ok(context)
        }
        None => catch_no_memory(|| Decompress::new(has_zlib_header)),
    }
}

/// Keeps a context for the next use on this thread, in whatever state it is.
pub fn keep_context(context: Decompress) {
    thread_cache::keep(&DECOMPRESS, context);
}

/// zlib-rs panics if there is no memory for a context.
pub fn catch_no_memory<T>(make: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(make)).map_err(|_| Error::no_memory(CONTEXT_BYTES))
}

/// Runs `work` with the thread's output buffer.
pub fn with_output_buffer<T>(work: impl FnOnce(&mut [u8]) -> Result<T, Error>) -> Result<T, Error> {
    let mut output = thread_cache::take(&OUTPUT).unwrap_or_default();
    let missing = OUTPUT_BYTES.saturating_sub(output.len());
    memory::reserve(&mut output, missing)?;
    output.resize(OUTPUT_BYTES, 0);
    let result = work(&mut output);
    thread_cache::keep(&OUTPUT, output);
    result
}

pub fn append(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Error> {
    memory::reserve(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// An error about `what`, for example "compressed message".
pub fn corrupt(what: &str, why: &str) -> Error {
    Error::new(
        Kind::Payload,
        format!("{what} that cannot be inflated: {why}"),
    )
}
