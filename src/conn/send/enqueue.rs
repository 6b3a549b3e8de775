// SPDX-License-Identifier: Apache-2.0
//! Sending without waiting: what the socket does not take at once is queued. No thread takes the
//! buffers out of such a writer, so no thread waits for the write turn.

use super::buffers::{Buffers, MAX_KEPT_BYTES, PIECE};
use super::outbound::Outbound;
use super::queue::{Queued, queue_is_full};
use super::state::{SendSide, SendState, is_message};
use crate::base::error::Error;
use crate::base::sync::MutexGuard;
use crate::base::thread_cache::{self, ThreadCache};
use crate::protocol::ws::frame::{Header, MAX_HEADER_BYTES};
use crate::protocol::ws::opcode::Opcode;
use std::cell::Cell;

thread_local! {
    /// The buffers in which frames are built; a connection with an empty queue needs none of its
    /// own.
    static SCRATCH: ThreadCache<Buffers> = const { Cell::new(None) };
}

/// Sends, corks or queues one frame, in a queue of at most `limit` bytes.
pub(super) fn enqueue<'a>(
    side: &'a SendSide,
    mut state: MutexGuard<'a, SendState>,
    message: &Outbound<'_>,
    limit: u64,
) -> Result<Header, Error> {
    let len = message.payload.len();
    let mut header = begin(side, &mut state, message, limit)?;
    if side.fits_cork(&state, message, limit) {
        return side.append_corked(&mut state, message);
    }
    if len > PIECE {
        // Masked without the lock, so that no thread waits while a large message is masked.
        drop(state);
        let frame = encode(&header, message.payload)?;
        let key = header.mask;
        state = side.lock_for(message);
        header = begin(side, &mut state, message, limit)?;
        header.mask = key;
        state.queue.add(frame, queued_as(&header))?;
        side.push(&mut state);
    } else if state.has_backlog() {
        let queue = &mut state.queue;
        queue.append(&header, message.payload, queued_as(&header))?;
        side.push(&mut state);
    } else {
        send_at_once(side, &mut state, &header, message.payload)?;
    }
    side.commit(&mut state, message.frame, &header);
    Ok(header)
}

/// Makes room for `len` bytes, or fails. Corked data is sent first, so that it alone never causes a
/// rejection.
pub(super) fn make_room(
    side: &SendSide,
    state: &mut SendState,
    len: usize,
    limit: u64,
) -> Result<(), Error> {
    let len = len + MAX_HEADER_BYTES;
    if !state.has_room(len, limit) {
        side.flush_cork(state)?;
    }
    if state.has_room(len, limit) {
        return Ok(());
    }
    let queued = state.queued_bytes();
    side.want_room(true);
    Err(queue_is_full(queued as u64, limit))
}

/// The frame's header, if it may be sent now and there is room.
fn begin(
    side: &SendSide,
    state: &mut SendState,
    message: &Outbound<'_>,
    limit: u64,
) -> Result<Header, Error> {
    let header = state.header(message)?;
    side.flush_cork(state)?;
    state.check_broken()?;
    make_room(side, state, message.payload.len(), limit)?;
    Ok(header)
}

/// Sends a frame with nothing queued before it.
fn send_at_once(
    side: &SendSide,
    state: &mut SendState,
    header: &Header,
    payload: &[u8],
) -> Result<(), Error> {
    let stream = &side.stream;
    let mut buffers = thread_cache::take(&SCRATCH).unwrap_or_default();
    if let Err(error) = buffers.reserve(stream, payload.len()) {
        thread_cache::keep(&SCRATCH, buffers);
        return Err(error);
    }
    buffers.begin(header, payload);
    let pushed = buffers.seal_and_push(stream);
    if let Err(error) = pushed {
        // The caller learns that the frame was not sent, so nothing of it counts as queued.
        return Err(side.fail_sending(state, error));
    }
    let unsent = buffers.wire.unsent().len() as u64;
    if unsent > 0 {
        // The thread's buffer is large enough for any message, more than this queue needs.
        buffers.shrink();
        state.buffers = buffers;
    } else if buffers.capacity() <= MAX_KEPT_BYTES {
        thread_cache::keep(&SCRATCH, buffers);
    }
    let sent = stream.bytes_sent.get();
    state.queue.note_on_wire(queued_as(header), sent, unsent);
    Ok(())
}

fn queued_as(header: &Header) -> Queued {
    match header.opcode {
        Opcode::Ping => Queued::Ping,
        _ if is_message(header) => Queued::MessageEnd,
        _ => Queued::Other,
    }
}

/// The whole frame, in memory of exactly its size.
fn encode(header: &Header, payload: &[u8]) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let len = MAX_HEADER_BYTES + payload.len();
    bytes
        .try_reserve_exact(len)
        .map_err(|_| Error::no_memory(len as u64))?;
    header.encode(&mut bytes);
    header.append_payload(payload, &mut bytes);
    Ok(bytes)
}
