// SPDX-License-Identifier: Apache-2.0
//! Turns a successful connect into an open connection.

use super::connect::connector::Established;
use super::connect::transport::Transport;
use super::events::EventSink;
use super::link::Link;
use super::options::Options;
use super::receive::reader::Reader;
use super::send::writer::Writer;
use crate::base::buffer::keep_read_memory;
use crate::base::error::Error;
use crate::base::memory;
use crate::base::sync::{Arc, AtomicBool};
use crate::protocol::ws::deflate::{Deflater, Inflater};
use crate::protocol::ws::message_inflater::MessageInflater;
use crate::protocol::ws::receiver::Receiver;

/// Returns the connection and its reader. `is_aborted` is the owner's abort flag, if it has one; it
/// is shared so that an abort between connecting and this call is not lost.
pub fn open(
    established: Established,
    options: &Arc<Options>,
    is_aborted: Option<Arc<AtomicBool>>,
    events: Option<Arc<EventSink>>,
) -> Result<(Arc<Link>, Reader), Error> {
    let Established {
        transport,
        keys,
        is_secure,
        deflate,
    } = established;
    let Transport {
        mut stream,
        cipher,
        input,
        output,
    } = *transport;
    let mut receiver = Receiver::new(options.limits, options.check_utf8);
    receiver.tolerate(options.tolerated);
    if !input.is_empty() {
        // Bytes that arrived after the handshake, with room for a NUL, which every read leaves.
        let space = receiver.space()?;
        memory::reserve(space, input.len() + 1)?;
        space.extend_from_slice(&input);
    }
    keep_read_memory(input);
    receiver.note_arrival(stream.last_arrival_ns().unwrap_or(0));
    if let Some(agreement) = &deflate {
        receiver.set_inflater(Inflater::new(options.deflate.max_ratio, agreement));
    }
    if let Some(mode) = options.inflate_messages {
        let inflater = MessageInflater::new(mode, options.deflate.max_ratio);
        receiver.set_message_inflater(inflater);
    }
    let deflate = deflate.map(|agreement| {
        let deflater = Deflater::new(options.deflate.level, &agreement);
        (options.deflate.threshold, Box::new(deflater))
    });
    if options.is_interruptible {
        stream.end_waits_on_signal();
    }
    stream.spin_before_waits(options.spin);
    let writer = Writer::new(stream, keys, options.mask_key.clone(), deflate, output);
    let link = Link::new(writer, Arc::clone(options), is_aborted, is_secure, events);
    let link = Arc::new(link);
    let reader = Reader::new(Arc::clone(&link), receiver, cipher);
    Ok((link, reader))
}
