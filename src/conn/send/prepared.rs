// SPDX-License-Identifier: Apache-2.0
//! One message for many connections: copied, checked and compressed once. Each connection masks it
//! with keys of its own (RFC 6455 section 5.3), so that cannot be shared.

use crate::base::error::Error;
use crate::base::memory;
use crate::base::sync::{Arc, Condvar, Mutex};
use crate::protocol::ws::deflate::{self, Shape};
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::utf8;
use std::time::Duration;

/// How often a thread that waits for another one to compress looks after its own call.
const LOOK: Duration = Duration::from_millis(20);

pub struct Prepared {
    opcode: Opcode,
    payload: Vec<u8>,
    is_plain: bool,
    compressed: Mutex<Variants>,
    is_done: Condvar,
}

#[derive(Default)]
struct Variants {
    /// For each level and window that a connection has come with.
    known: Vec<(Shape, Arc<Vec<u8>>)>,
    /// Those for which a thread is compressing, with the lock released.
    under_way: Vec<Shape>,
}

/// The work of the thread that compresses for `shape`.
struct Work<'a> {
    prepared: &'a Prepared,
    shape: Shape,
}

impl Prepared {
    /// `name` is the caller's for the payload.
    pub fn new(opcode: Opcode, payload: &[u8], is_plain: bool, name: &str) -> Result<Self, Error> {
        if opcode == Opcode::Text && !utf8::is_valid(payload) {
            return Err(Error::argument(name, "is not UTF-8"));
        }
        Ok(Self {
            opcode,
            payload: memory::copy(payload)?,
            is_plain,
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

    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Compressed once: threads that need the same at the same time wait for the one that
    /// compresses. `goes_on` is asked now and then, and may end either. `None` where the caller may
    /// not wait.
    pub fn compressed(
        &self,
        shape: Shape,
        may_wait: bool,
        mut goes_on: impl FnMut() -> Result<(), Error>,
    ) -> Result<Option<Arc<Vec<u8>>>, Error> {
        let work = loop {
            let mut compressed = self.compressed.lock();
            let mut known = compressed.known.iter();
            if let Some((_, bytes)) = known.find(|(known, _)| *known == shape) {
                return Ok(Some(Arc::clone(bytes)));
            }
            if !compressed.under_way.contains(&shape) {
                compressed.under_way.push(shape);
                break Work {
                    prepared: self,
                    shape,
                };
            }
            if !may_wait {
                return Ok(None);
            }
            // An abort of the caller's connection does not wake it here.
            drop(self.is_done.wait(compressed, Some(LOOK)));
            goes_on()?;
        };
        let bytes = deflate::compress_once(shape, &self.payload, goes_on)?;
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
    /// Done, or given up: then one of those that wait begins anew.
    fn drop(&mut self) {
        let mut compressed = self.prepared.compressed.lock();
        compressed.under_way.retain(|shape| *shape != self.shape);
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

    /// Large enough that compressing it asks whether to go on.
    fn prepared() -> Prepared {
        let payload = vec![b'a'; 1 << 20];
        Prepared::new(Opcode::Text, &payload, false, "payload").expect("it is text")
    }

    fn is_over() -> Result<(), Error> {
        Err(Error::new(Kind::Timeout, "over"))
    }

    #[test]
    fn compressing_ends_when_the_call_does_and_may_begin_again() {
        let prepared = prepared();
        let error = prepared.compressed(SHAPE, true, is_over).expect_err("over");
        assert_eq!(error.kind(), Kind::Timeout);
        let first = prepared.compressed(SHAPE, true, || Ok(()));
        let second = prepared.compressed(SHAPE, true, is_over);
        let first = first.expect("goes on").expect("may wait");
        let second = second.expect("there already").expect("may wait");
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn waiting_for_another_call_ends_when_the_own_one_does() {
        let prepared = prepared();
        let mut others = 0;
        let compressed = prepared.compressed(SHAPE, true, || {
            // Here another call is under way.
            let waiting = prepared.compressed(SHAPE, true, is_over);
            assert_eq!(waiting.expect_err("over").kind(), Kind::Timeout);
            let impatient = prepared.compressed(SHAPE, false, is_over);
            assert!(impatient.expect("does not wait").is_none());
            // Another level is nothing to wait for.
            let other = Shape { level: 2, ..SHAPE };
            let other = prepared.compressed(other, false, || Ok(()));
            assert!(other.expect("goes on").is_some());
            others += 1;
            Ok(())
        });
        assert!(compressed.expect("goes on").is_some());
        assert!(others > 0);
    }
}
