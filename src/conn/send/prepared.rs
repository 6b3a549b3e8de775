// SPDX-License-Identifier: Apache-2.0
//! One message for many connections: copied, validated and compressed once. Each connection masks
//! it with its own keys (RFC 6455 section 5.3), so masking cannot be shared.

use crate::base::error::Error;
use crate::base::memory;
use crate::base::sync::{Arc, Condvar, Mutex};
use crate::protocol::ws::deflate::{self, Shape};
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::utf8;
use std::time::Duration;

/// How often a thread that waits for another one to compress checks its own call.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

pub struct Prepared {
    opcode: Opcode,
    payload: Vec<u8>,
    is_uncompressed: bool,
    compressed: Mutex<Variants>,
    is_done: Condvar,
}

#[derive(Default)]
struct Variants {
    /// One for each level and window size that a connection has used.
    known: Vec<(Shape, Arc<Vec<u8>>)>,
    /// Those that a thread is compressing for, with the lock released.
    in_progress: Vec<Shape>,
}

/// Held by the thread that compresses for `shape`.
struct Work<'a> {
    prepared: &'a Prepared,
    shape: Shape,
}

impl Prepared {
    /// `name` is the caller's name of the payload, for errors.
    pub fn new(
        opcode: Opcode,
        payload: &[u8],
        is_uncompressed: bool,
        name: &str,
    ) -> Result<Self, Error> {
        if opcode == Opcode::Text && !utf8::is_valid(payload) {
            return Err(Error::argument(name, "is not UTF-8"));
        }
        Ok(Self {
            opcode,
            payload: memory::copy(payload)?,
            is_uncompressed,
            compressed: Mutex::default(),
            is_done: Condvar::new(),
        })
    }

    pub fn opcode(&self) -> Opcode {
        self.opcode
    }

    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub fn is_uncompressed(&self) -> bool {
        self.is_uncompressed
    }

    /// The compressed payload. Threads that need the same shape at the same time wait for the one
    /// that compresses. `check` is called now and then; its error ends the call. `None` if the
    /// caller may not wait.
    pub fn compressed(
        &self,
        shape: Shape,
        may_wait: bool,
        mut check: impl FnMut() -> Result<(), Error>,
    ) -> Result<Option<Arc<Vec<u8>>>, Error> {
        let work = loop {
            let mut compressed = self.compressed.lock();
            let mut known = compressed.known.iter();
            if let Some((_, bytes)) = known.find(|(known, _)| *known == shape) {
                return Ok(Some(Arc::clone(bytes)));
            }
            if !compressed.in_progress.contains(&shape) {
                compressed.in_progress.push(shape);
                break Work {
                    prepared: self,
                    shape,
                };
            }
            if !may_wait {
                return Ok(None);
            }
            // An abort of the caller's connection does not end this wait.
            drop(self.is_done.wait(compressed, Some(CHECK_INTERVAL)));
            check()?;
        };
        let bytes = deflate::compress_once(shape, &self.payload, check)?;
        let bytes = Arc::new(bytes);
        work.note(&bytes);
        Ok(Some(bytes))
    }
}

impl Work<'_> {
    fn note(&self, bytes: &Arc<Vec<u8>>) {
        let mut compressed = self.prepared.compressed.lock();
        compressed.known.push((self.shape, Arc::clone(bytes)));
    }
}

impl Drop for Work<'_> {
    /// If it has failed, one of the waiting threads starts again.
    fn drop(&mut self) {
        let mut compressed = self.prepared.compressed.lock();
        compressed.in_progress.retain(|shape| *shape != self.shape);
        self.prepared.is_done.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Kind;

    const SHAPE: Shape = Shape {
        level: 1,
        window_bits: 15,
    };

    /// Large enough that compressing it calls `check`.
    fn prepared() -> Prepared {
        let payload = vec![b'a'; 1 << 20];
        Prepared::new(Opcode::Text, &payload, false, "payload").expect("it is text")
    }

    fn is_over() -> Result<(), Error> {
        Err(Error::new(Kind::Timeout, "over"))
    }

    #[test]
    fn compressing_ends_with_the_call_and_may_begin_again() {
        let prepared = prepared();
        let error = prepared.compressed(SHAPE, true, is_over).expect_err("over");
        assert_eq!(error.kind(), Kind::Timeout);
        let first = prepared.compressed(SHAPE, true, || Ok(()));
        let second = prepared.compressed(SHAPE, true, is_over);
        let first = first.expect("continues").expect("may wait");
        let second = second.expect("there already").expect("may wait");
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn waiting_for_another_call_ends_with_the_own_call() {
        let prepared = prepared();
        let mut others = 0;
        let compressed = prepared.compressed(SHAPE, true, || {
            // Another call is in progress here.
            let waiting = prepared.compressed(SHAPE, true, is_over);
            assert_eq!(waiting.expect_err("over").kind(), Kind::Timeout);
            let impatient = prepared.compressed(SHAPE, false, is_over);
            assert!(impatient.expect("does not wait").is_none());
            // For another level there is nothing to wait for.
            let other = Shape { level: 2, ..SHAPE };
            let other = prepared.compressed(other, false, || Ok(()));
            assert!(other.expect("continues").is_some());
            others += 1;
            Ok(())
        });
        assert!(compressed.expect("continues").is_some());
        assert!(others > 0);
    }
}
