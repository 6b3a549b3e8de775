// SPDX-License-Identifier: Apache-2.0
//! One message for many connections: copied, checked and compressed once. Each connection masks it with keys of its own
//! (RFC 6455 section 5.3), so that cannot be shared.

use crate::base::error::Error;
use crate::base::sync::{Arc, Mutex};
use crate::protocol::ws::deflate::{self, Shape};
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::utf8;

pub struct Prepared {
    opcode: Opcode,
    payload: Vec<u8>,
    is_plain: bool,
    /// For each level and window that a connection has come with.
    compressed: Mutex<Vec<(Shape, Arc<[u8]>)>>,
}

impl Prepared {
    /// `name` is the caller's for the payload.
    pub fn new(opcode: Opcode, payload: &[u8], is_plain: bool, name: &str) -> Result<Self, Error> {
        if opcode == Opcode::Text && !utf8::is_valid(payload) {
            return Err(Error::argument(name, "is not UTF-8"));
        }
        let mut copy = Vec::new();
        copy.try_reserve_exact(payload.len())
            .map_err(|_| Error::no_memory(payload.len() as u64))?;
        copy.extend_from_slice(payload);
        Ok(Self {
            opcode,
            payload: copy,
            is_plain,
            compressed: Mutex::default(),
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

    /// `None` where another thread is about to make it, and the caller may not wait.
    pub fn compressed(&self, shape: Shape, may_wait: bool) -> Result<Option<Arc<[u8]>>, Error> {
        // Under the lock, or many threads that come at once would do the same work.
        let locked = match may_wait {
            true => Some(self.compressed.lock()),
            false => self.compressed.try_lock(),
        };
        let Some(mut compressed) = locked else {
            return Ok(None);
        };
        let mut known = compressed.iter();
        if let Some((_, bytes)) = known.find(|(known, _)| *known == shape) {
            return Ok(Some(Arc::clone(bytes)));
        }
        let bytes: Arc<[u8]> = deflate::compress_once(shape, &self.payload)?.into();
        compressed.push((shape, Arc::clone(&bytes)));
        Ok(Some(bytes))
    }
}
