// SPDX-License-Identifier: Apache-2.0
//! permessage-deflate on the sending side: which messages are compressed, in which order, and what becomes of the context
//! when one of them is not sent after all.
//!
//! Whoever compresses borrows the context, and gives it back when the frame is on its way: peers inflate in the order of
//! sending. The writer stays free meanwhile for whatever is not compressed.

use super::prepared::Prepared;
use super::turn::timed_out;
use super::writer::{SendState, Writer};
use crate::base::error::Error;
use crate::base::sync::{Arc, Condvar};
use crate::base::thread_cache::{self, ThreadCache};
use crate::conn::wait_budget::WaitBudget;
use crate::protocol::http::extension::Offer;
use crate::protocol::ws::deflate::Deflater;
use crate::protocol::ws::frame::Header;
use crate::protocol::ws::mask::MaskKey;
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::sender::{Frame, Sender};
use crate::protocol::ws::utf8;
use std::cell::Cell;
use std::time::Duration;

/// Above this, memory that a thread keeps for compressed messages is given back.
const MAX_KEPT_BYTES: usize = 256 * 1024;

thread_local! {
    /// Where messages are compressed to; so a connection holds no memory for it.
    static SCRATCH: ThreadCache<Vec<u8>> = const { Cell::new(None) };
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

/// Where compression was agreed on.
pub(in crate::conn) struct Compression {
    threshold: u64,
    context_is_back: Condvar,
}

/// What a parcel has become.
pub(in crate::conn) enum Packed {
    Own(Vec<u8>),
    Shared(Arc<Vec<u8>>),
    /// The caller has compressed it.
    AsItWas,
}

impl Compression {
    pub(in crate::conn) fn new(options: &DeflateOptions) -> Self {
        Self {
            threshold: options.threshold,
            context_is_back: Condvar::new(),
        }
    }

    /// Whether `parcel` needs the context.
    fn wants(&self, parcel: &Parcel<'_>, sender: &Sender) -> bool {
        let is_plain = match parcel.payload {
            Payload::Any(_) => false,
            Payload::Plain(_) => true,
            Payload::Prepared(prepared) => prepared.is_plain(),
        };
        let len = parcel.bytes().len() as u64;
        match parcel.frame {
            Frame::Whole(Opcode::Text | Opcode::Binary) => {
                !is_plain && len >= self.threshold.max(1)
            }
            // Of a message in parts nobody knows the length.
            Frame::Fragment { .. } => sender.is_compressed(parcel.frame).unwrap_or(!is_plain),
            Frame::Raw(Header { rsv1, .. }) => rsv1,
            _ => false,
        }
    }
}

/// The context, on loan.
pub(in crate::conn) struct Compressor<'a> {
    writer: &'a Writer,
    compression: &'a Compression,
    /// `None` only when it has been given back.
    deflater: Option<Deflater>,
}

impl Writer {
    /// What compresses `parcel`, if it is compressed. Another thread that compresses is waited for; without a budget the
    /// parcel goes as it is, except where it continues a compressed message.
    pub(in crate::conn) fn compressor_for(
        &self,
        parcel: &Parcel<'_>,
        mut budget: Option<&mut WaitBudget>,
    ) -> Result<Option<Compressor<'_>>, Error> {
        let Some(compression) = &self.compression else {
            return Ok(None);
        };
        let mut state = self.state.lock();
        while compression.wants(parcel, &state.sender) {
            // What may not be sent is not worth the work.
            let (frame, len) = (parcel.frame, parcel.bytes().len());
            state.sender.header(frame, len, MaskKey::default())?;
            if let Some(deflater) = state.deflater.take() {
                return Ok(Some(Compressor {
                    writer: self,
                    compression,
                    deflater: Some(deflater),
                }));
            }
            let span = match &mut budget {
                Some(budget) => budget.remaining(),
                None if state.sender.is_compressed(frame) == Some(true) => None,
                None => return Ok(None),
            };
            if span == Some(Duration::ZERO) {
                return Err(timed_out("another thread's message is being compressed"));
            }
            state.waiting_for_context += 1;
            state = compression.context_is_back.wait(state, span);
            state.waiting_for_context -= 1;
        }
        Ok(None)
    }
}

impl Compressor<'_> {
    /// Compresses the payload; [`Compressor::settle`] must follow. Ends when the connection does, or the time is up. `None`: without
    /// a budget it is better sent as it is.
    pub(in crate::conn) fn pack(
        &mut self,
        parcel: &Parcel<'_>,
        mut budget: Option<&mut WaitBudget>,
    ) -> Result<Option<Packed>, Error> {
        let (writer, Some(deflater)) = (self.writer, &mut self.deflater) else {
            return Ok(None);
        };
        let may_wait = budget.as_ref().is_some_and(|budget| budget.may_wait());
        let goes_on = || {
            if budget
                .as_mut()
                .is_some_and(|budget| budget.expired_while_processing())
            {
                return Err(timed_out("the message was still being compressed"));
            }
            writer.state.lock().check_end()
        };
        match (parcel.frame, parcel.payload) {
            (Frame::Raw(_), _) => return Ok(Some(Packed::AsItWas)),
            (_, Payload::Prepared(prepared)) => {
                let compressed = prepared.compressed(deflater.shape(), may_wait, goes_on);
                return Ok(compressed?.map(Packed::Shared));
            }
            _ => {}
        }
        let fin = !matches!(parcel.frame, Frame::Fragment { fin: false, .. });
        let mut out = thread_cache::take(&SCRATCH).unwrap_or_default();
        let result = deflater.compress(parcel.bytes(), fin, &mut out, goes_on);
        let packed = Packed::Own(out);
        if let Err(error) = result {
            self.settle(packed, false);
            return Err(error);
        }
        Ok(Some(packed))
    }

    /// The payload is on its way, or will never be.
    pub(in crate::conn) fn settle(&mut self, packed: Packed, is_sent: bool) {
        let Some(deflater) = &mut self.deflater else {
            return;
        };
        match packed {
            // What we send later must not refer to what the peer has not got, nor count past what we did not compress.
            Packed::Shared(_) | Packed::AsItWas => deflater.forget(),
            Packed::Own(mut out) => {
                if !is_sent {
                    deflater.forget();
                }
                out.clear();
                out.shrink_to(MAX_KEPT_BYTES);
                thread_cache::keep(&SCRATCH, out);
            }
        }
    }
}

impl Drop for Compressor<'_> {
    fn drop(&mut self) {
        let mut state = self.writer.state.lock();
        state.deflater = self.deflater.take();
        if state.waiting_for_context > 0 {
            // All: one that has run out of time would not pass it on.
            self.compression.context_is_back.notify_all();
        }
    }
}

impl Packed {
    /// What goes over the wire.
    pub(in crate::conn) fn bytes<'a>(&'a self, parcel: &Parcel<'a>) -> &'a [u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
            Self::AsItWas => parcel.bytes(),
        }
    }
}

impl SendState {
    /// Why nothing can be sent any more, if so.
    pub(in crate::conn) fn check_end(&self) -> Result<(), Error> {
        let end = self.sender.closing().send_error();
        end.or_else(|| self.broken.clone()).map_or(Ok(()), Err)
    }
}
