// SPDX-License-Identifier: Apache-2.0
//! permessage-deflate on the sending side: which messages are compressed, and what becomes of the context when one of
//! them is not sent after all.

use super::prepared::Prepared;
use crate::base::error::Error;
use crate::base::sync::{Arc, Mutex};
use crate::protocol::http::extension::Offer;
use crate::protocol::ws::deflate::{Agreement, Deflater};
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::sender::{Frame, Sender};
use crate::protocol::ws::utf8;
use std::cell::RefCell;

/// Above this, memory that a thread keeps for compressed messages is given back.
const MAX_KEPT_BYTES: usize = 256 * 1024;

thread_local! {
    /// Where messages are compressed to; so a connection holds no memory for it.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[derive(Clone)]
pub struct DeflateOptions {
    pub is_offered: bool,
    pub offer: Offer,
    pub level: u8,
    /// Messages with fewer bytes are not compressed.
    pub threshold: u64,
    /// How many times as large as what came a message may be.
    pub max_ratio: u64,
}

/// A frame with its payload.
#[derive(Clone, Copy)]
pub struct Parcel<'a> {
    pub frame: Frame,
    pub payload: Payload<'a>,
}

#[derive(Clone, Copy)]
pub enum Payload<'a> {
    /// Compressed where that was agreed on, and is worth it.
    Any(&'a [u8]),
    /// Never compressed.
    Plain(&'a [u8]),
    /// Compressed once for all connections.
    Prepared(&'a Prepared),
}

impl<'a> Parcel<'a> {
    pub fn new(frame: Frame, payload: Payload<'a>) -> Self {
        Self { frame, payload }
    }

    /// A control frame, or a frame that the caller has made.
    pub fn plain(frame: Frame, payload: &'a [u8]) -> Self {
        Self::new(frame, Payload::Plain(payload))
    }

    /// A message that is sent whole must be text where it says so; `name` is the caller's for the payload.
    pub fn check_utf8(&self, name: &str) -> Result<(), Error> {
        let is_text = matches!(self.frame, Frame::Whole(Opcode::Text));
        match self.payload {
            Payload::Any(bytes) | Payload::Plain(bytes) if is_text && !utf8::is_valid(bytes) => {
                Err(Error::argument(name, "is not UTF-8"))
            }
            _ => Ok(()),
        }
    }

    /// As the user knows it.
    pub fn bytes(&self) -> &'a [u8] {
        match self.payload {
            Payload::Any(bytes) | Payload::Plain(bytes) => bytes,
            Payload::Prepared(prepared) => prepared.payload(),
        }
    }
}

/// What a parcel has become.
pub(super) enum Packed {
    Own(Vec<u8>),
    Shared(Arc<[u8]>),
}

pub(super) struct Compression {
    /// Taken before the writer's lock, and kept until what was compressed is on its way: peers inflate in the order of
    /// sending.
    pub(super) deflater: Mutex<Deflater>,
    threshold: u64,
}

impl Compression {
    pub(super) fn new(options: &DeflateOptions, agreement: &Agreement) -> Self {
        Self {
            deflater: Mutex::new(Deflater::new(options.level, agreement)),
            threshold: options.threshold,
        }
    }

    /// Whether `parcel` is compressed.
    pub(super) fn wants(&self, parcel: &Parcel<'_>, sender: &Sender) -> bool {
        let is_data = match parcel.frame {
            Frame::Whole(opcode) => matches!(opcode, Opcode::Text | Opcode::Binary),
            Frame::Fragment { .. } => true,
            Frame::Close | Frame::Made(_) | Frame::Raw(_) => false,
        };
        let is_plain = match parcel.payload {
            Payload::Any(_) => false,
            Payload::Plain(_) => true,
            Payload::Prepared(prepared) => prepared.is_plain(),
        };
        match sender.is_compressed(parcel.frame) {
            Some(is_compressed) => is_compressed,
            None if !is_data || is_plain => false,
            // Of a message in parts nobody knows the length.
            None if matches!(parcel.frame, Frame::Fragment { .. }) => true,
            None => parcel.bytes().len() as u64 >= self.threshold.max(1),
        }
    }
}

/// Compresses the payload; [`settle`] must follow.
pub(super) fn pack(deflater: &mut Deflater, parcel: &Parcel<'_>) -> Result<Packed, Error> {
    if let Payload::Prepared(prepared) = parcel.payload {
        return prepared.compressed(deflater.shape()).map(Packed::Shared);
    }
    let fin = !matches!(parcel.frame, Frame::Fragment { fin: false, .. });
    let mut out = SCRATCH.take();
    match deflater.compress(parcel.bytes(), fin, &mut out) {
        Ok(()) => Ok(Packed::Own(out)),
        Err(error) => {
            deflater.forget();
            Err(error)
        }
    }
}

/// The payload is on its way, or will never be.
pub(super) fn settle(deflater: &mut Deflater, packed: Packed, is_sent: bool) {
    match packed {
        // What we send later must not refer to what the peer has not got, nor count past what we did not compress.
        Packed::Shared(_) => deflater.forget(),
        Packed::Own(mut out) => {
            if !is_sent {
                deflater.forget();
            }
            out.clear();
            out.shrink_to(MAX_KEPT_BYTES);
            SCRATCH.set(out);
        }
    }
}

impl Packed {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}
