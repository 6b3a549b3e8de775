// SPDX-License-Identifier: Apache-2.0
//! permessage-deflate on the sending side: which messages are compressed, in which order, and what
//! happens to the context when one of them is not sent after all.
//!
//! A thread that compresses takes the context, and returns it once the frame has been sent or
//! queued: peers inflate in the order of sending. Meanwhile the writer is free for frames that are
//! not compressed.

use super::outbound::{Compress, Outbound};
use super::state::SendSide;
use super::turn::timed_out;
use crate::base::error::Error;
use crate::base::sync::Arc;
use crate::base::thread_cache::{self, ThreadCache};
use crate::conn::wait_budget::WaitBudget;
use crate::protocol::ws::deflate::Deflater;
use crate::protocol::ws::frame::Header;
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::sender::{Frame, Sender};
use std::cell::Cell;
use std::time::Duration;

/// The most memory that a thread keeps for compressed messages.
const MAX_KEPT_BYTES: usize = 256 * 1024;

thread_local! {
    /// The output buffer, which belongs to the thread so that a connection needs none.
    static SCRATCH: ThreadCache<Vec<u8>> = const { Cell::new(None) };
}

/// The compression context, taken by one thread.
pub(super) struct Compressor<'a> {
    side: &'a SendSide,
    /// `None` only after it has been returned.
    deflater: Option<Box<Deflater>>,
    output: CompressedPayload,
    is_committed: bool,
}

enum CompressedPayload {
    /// Nothing was compressed.
    Unused,
    Own(Vec<u8>),
    Shared(Arc<Vec<u8>>),
    /// The caller has compressed it.
    Unchanged,
}

/// Whether the context is needed to send this; messages of fewer than `threshold` bytes are sent
/// uncompressed.
fn needs_context(message: &Outbound<'_>, threshold: u64, sender: &Sender) -> bool {
    let may_compress = message.may_compress();
    match message.frame {
        Frame::Whole(Opcode::Text | Opcode::Binary) => {
            may_compress && message.payload.len() as u64 >= threshold.max(1)
        }
        // The length of a fragmented message is not known.
        Frame::Fragment { .. } => sender.is_compressed(message.frame).unwrap_or(may_compress),
        Frame::Raw(Header { rsv1, .. }) => rsv1,
        _ => false,
    }
}

impl<'a> Compressor<'a> {
    /// Takes the context if `message` needs it. Waits while another thread is compressing; without
    /// a budget, `None` means to send the message uncompressed, unless it continues a compressed
    /// one.
    pub(super) fn take(
        side: &'a SendSide,
        message: &Outbound<'_>,
        threshold: u64,
        mut budget: Option<&mut WaitBudget>,
    ) -> Result<Option<Self>, Error> {
        let mut state = side.state.lock();
        while needs_context(message, threshold, &state.sender) {
            // Fails before compressing if the message may not be sent.
            let (frame, len) = (message.frame, message.payload.len());
            state.sender.header(frame, len, [0; 4])?;
            if let Some(deflater) = state.deflater.take() {
                return Ok(Some(Self {
                    side,
                    deflater: Some(deflater),
                    output: CompressedPayload::Unused,
                    is_committed: false,
                }));
            }
            let span = match &mut budget {
                Some(budget) => budget.remaining(),
                None if state.sender.is_compressed(frame) == Some(true) => None,
                None => return Ok(None),
            };
            if span == Some(Duration::ZERO) {
                return Err(timed_out(
                    "while another thread's message was being compressed",
                ));
            }
            state.waiting_for_context += 1;
            state = side.context_is_back.wait(state, span);
            state.waiting_for_context -= 1;
        }
        Ok(None)
    }

    /// Compresses the message; the caller calls [`Compressor::commit`] after sending it. Fails when
    /// the connection ends or the time is up. `None`: without a budget, send it uncompressed.
    pub(super) fn compress<'m>(
        &'m mut self,
        message: &Outbound<'m>,
        mut budget: Option<&mut WaitBudget>,
    ) -> Result<Option<Outbound<'m>>, Error> {
        let (side, Some(deflater)) = (self.side, &mut self.deflater) else {
            return Ok(None);
        };
        let may_wait = budget.as_ref().is_some_and(|budget| budget.may_wait());
        let check = || {
            let budget = budget.as_mut();
            if budget.is_some_and(|budget| budget.expired_while_processing()) {
                return Err(timed_out("while the message was being compressed"));
            }
            side.state.lock().check_end()
        };
        match (message.frame, message.compress) {
            (Frame::Raw(_), _) => self.output = CompressedPayload::Unchanged,
            (_, Compress::Prepared(prepared)) => {
                let compressed = prepared.compressed(deflater.shape(), may_wait, check)?;
                let Some(bytes) = compressed else {
                    return Ok(None);
                };
                self.output = CompressedPayload::Shared(bytes);
            }
            _ => {
                let fin = !matches!(message.frame, Frame::Fragment { fin: false, .. });
                let mut out = thread_cache::take(&SCRATCH).unwrap_or_default();
                let compressed = deflater.compress(message.payload, fin, &mut out, check);
                // Even after a failure: if this is dropped without a commit, the context is reset.
                self.output = CompressedPayload::Own(out);
                compressed?;
            }
        }
        Ok(Some(self.compressed(message)))
    }

    /// The message has been sent or queued.
    pub(super) fn commit(&mut self) {
        self.is_committed = true;
    }

    fn compressed<'m>(&'m self, message: &Outbound<'m>) -> Outbound<'m> {
        let payload = match &self.output {
            CompressedPayload::Own(bytes) => bytes.as_slice(),
            CompressedPayload::Shared(bytes) => bytes.as_slice(),
            CompressedPayload::Unused | CompressedPayload::Unchanged => message.payload,
        };
        Outbound {
            payload,
            is_compressed: true,
            ..*message
        }
    }
}

impl Drop for Compressor<'_> {
    fn drop(&mut self) {
        let mut deflater = self.deflater.take();
        // Later messages must not refer to data that the peer has not received, and distances must
        // not span data that this context did not compress.
        let is_lost = match &self.output {
            CompressedPayload::Unused => false,
            CompressedPayload::Own(_) => !self.is_committed,
            CompressedPayload::Shared(_) | CompressedPayload::Unchanged => true,
        };
        if let Some(deflater) = deflater.as_mut().filter(|_| is_lost) {
            deflater.forget();
        }
        if let CompressedPayload::Own(out) = &mut self.output {
            out.clear();
            out.shrink_to(MAX_KEPT_BYTES);
            thread_cache::keep(&SCRATCH, std::mem::take(out));
        }
        let mut state = self.side.state.lock();
        state.deflater = deflater;
        if state.waiting_for_context > 0 {
            // Wakes all: a thread whose time is up would not wake the next one.
            self.side.context_is_back.notify_all();
        }
    }
}
