// SPDX-License-Identifier: Apache-2.0
//! A server that compresses (RFC 7692 section 7.2.1), implemented with zlib and without the
//! library.

use flate2::{Compress, Compression, FlushCompress};

/// Section 7.2.1: the end of every message, which is not sent.
pub(crate) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// An empty last block with the fixed codes (RFC 1951 section 3.2.6).
pub(crate) const END: [u8; 2] = [3, 0];

pub(crate) struct Packer {
    context: Compress,
}

impl Packer {
    pub(crate) fn new() -> Self {
        Self::with(6, 15)
    }

    pub(crate) fn with(level: u32, window_bits: u8) -> Self {
        Self {
            context: Compress::new_with_window_bits(Compression::new(level), false, window_bits),
        }
    }

    /// The payload of a message, which may refer to earlier ones.
    pub(crate) fn message(&mut self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        let mut payload = self.part(bytes);
        if payload.is_empty() {
            // Nothing to flush: the payload of section 7.2.3.6.
            return vec![0];
        }
        assert!(payload.ends_with(&TAIL));
        payload.truncate(payload.len() - TAIL.len());
        payload
    }

    /// The payload of a fragment that is not the last, completely flushed.
    pub(crate) fn part(&mut self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        self.run(bytes.as_ref(), FlushCompress::Sync)
    }

    /// The payload of a message whose block is marked as the last one (section 7.2.3.4).
    pub(crate) fn final_block(&mut self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        let mut payload = self.bare_final_block(bytes);
        payload.push(0);
        payload
    }

    /// The same without the empty block after it, as produced by senders that do not know this
    /// rule.
    pub(crate) fn bare_final_block(&mut self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        let payload = self.run(bytes.as_ref(), FlushCompress::Finish);
        self.context.reset();
        payload
    }

    fn run(&mut self, bytes: &[u8], flush: FlushCompress) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() * 2 + 1000);
        let before = self.context.total_in();
        let status = self.context.compress_vec(bytes, &mut out, flush);
        status.expect("zlib compresses anything");
        assert_eq!(self.context.total_in() - before, bytes.len() as u64);
        assert!(out.len() < out.capacity(), "there is room for all of it");
        out
    }
}

/// A message that refers to no other.
pub(crate) fn pack(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    Packer::new().message(bytes)
}

/// An uncompressed block that is not the last one (RFC 1951 section 3.2.4).
pub(crate) fn stored(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let len = bytes.len() as u16;
    [&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes(), bytes].concat()
}

/// Incompressible bytes, the same in every run.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}
