// SPDX-License-Identifier: Apache-2.0
//! Compression options.

use super::object::{self, wsline_options};
use crate::base::error::Error;
use crate::ffi::arguments;
use crate::ffi::status::wsline_status;
use crate::ffi::types::wsline_inflate::*;
use crate::protocol::ws::deflate::{MAX_WINDOW_BITS, MIN_WINDOW_BITS};
use crate::protocol::ws::message_inflater::InflateMode;

const INFLATE_MODES: [(i32, Option<InflateMode>); 6] = [
    (WSLINE_INFLATE_NONE as i32, None),
    (WSLINE_INFLATE_AUTO as i32, Some(InflateMode::Auto)),
    (WSLINE_INFLATE_GZIP as i32, Some(InflateMode::Gzip)),
    (WSLINE_INFLATE_ZLIB as i32, Some(InflateMode::Zlib)),
    (WSLINE_INFLATE_RAW as i32, Some(InflateMode::Raw)),
    (WSLINE_INFLATE_STREAM as i32, Some(InflateMode::Stream)),
];

/// @@ Compression options
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
///
/// Offers permessage-deflate (RFC 7692): messages are compressed both ways if the server agrees.
///
/// wsline_conn_extensions() returns what was negotiated. Compression saves bytes on the wire and
/// costs time. It also costs memory for each connection: some 370 KiB once a compressed message has
/// been sent and 50 KiB once one has been received, unless
/// wsline_options_set_deflate_no_context_takeover() is used.
///
/// While one thread compresses a message, other threads may send pings and uncompressed messages.
/// Sends of compressed messages by other threads wait; with an app, those messages are sent
/// uncompressed instead.
///
/// An attacker who can place text beside a secret in compressed messages, and observe their length,
/// can guess the secret. Send secrets with WSLINE_SEND_UNCOMPRESSED.
///
/// @param options  the options to modify.
/// @param enable   true: offer it; false, the default: do not, and reject servers that use it.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_deflate(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    object::set("wsline_options_set_deflate", options, |options, _| {
        options.deflate.is_offered = enable;
        Ok(())
    })
}

/// Sets the compression level.
///
/// @param options  the options to modify.
/// @param level    1 (fastest, the default) to 9 (smallest).
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `level` is another number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_deflate_level(
    options: *mut wsline_options,
    level: i32,
) -> wsline_status {
    object::set("wsline_options_set_deflate_level", options, |options, _| {
        options.deflate.level = arguments::in_range(level, 1, 9, "level")?;
        Ok(())
    })
}

/// Sets the sizes of the compression windows: how far back compressed data may refer.
///
/// Smaller windows compress less, and need less memory on some servers. On this side, sending takes
/// some 250 KiB with the smallest window; for receiving the size makes no difference.
///
/// @param options      the options to modify.
/// @param client_bits  the window for messages that are sent, as a power of 2: 9 (512 bytes) to 15
///                     (32 KiB, the default). The library announces this size to the server, which
///                     may request a smaller one.
/// @param server_bits  the window for messages that are received, 9 to 15, the default. If it is
///                     below 15, the library requests that the server use no larger window; if the
///                     server does not agree, the connect fails with WSLINE_ERR_BAD_UPGRADE.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or a number is not in its range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_deflate_window_bits(
    options: *mut wsline_options,
    client_bits: i32,
    server_bits: i32,
) -> wsline_status {
    let function = "wsline_options_set_deflate_window_bits";
    object::set(function, options, |options, _| {
        let client = window_bits(client_bits, "client_bits")?;
        let server = window_bits(server_bits, "server_bits")?;
        options.deflate.offer.0.client_window_bits = client;
        options.deflate.offer.0.server_window_bits = server;
        Ok(())
    })
}

/// Sets whether each message is compressed on its own, which needs no memory between messages but
/// compresses small ones less.
///
/// @param options  the options to modify.
/// @param client   true: for messages that are sent; false, the default: they may refer to earlier
///                 messages, unless the server asks for the opposite.
/// @param server   true: for messages that are received; if the server does not agree, the connect
///                 fails with WSLINE_ERR_BAD_UPGRADE. false, the default: the server may choose.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_deflate_no_context_takeover(
    options: *mut wsline_options,
    client: bool,
    server: bool,
) -> wsline_status {
    let function = "wsline_options_set_deflate_no_context_takeover";
    object::set(function, options, |options, _| {
        options.deflate.offer.0.client_no_context_takeover = client;
        options.deflate.offer.0.server_no_context_takeover = server;
        Ok(())
    })
}

/// Sets the smallest size of a message to compress.
///
/// @param options  the options to modify.
/// @param bytes    the size in bytes, 128 by default; smaller messages are sent uncompressed. With
///                 0 all messages except empty ones are compressed.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_deflate_threshold_bytes(
    options: *mut wsline_options,
    bytes: u64,
) -> wsline_status {
    let function = "wsline_options_set_deflate_threshold_bytes";
    object::set(function, options, |options, _| {
        options.deflate.threshold = bytes;
        Ok(())
    })
}

/// Limits how much a compressed message may grow when it is inflated; more ends the connection with
/// WSLINE_ERR_MESSAGE_TOO_BIG.
///
/// A message can inflate to a thousand times its size. This limit applies in addition to
/// wsline_options_set_max_message_bytes(): it stops a server that wastes processor time, and also
/// covers messages received in parts, which have no maximum size.
///
/// @param options  the options to modify.
/// @param ratio    inflated bytes per compressed byte, 200 by default; 0 for no limit. It is
///                 checked once a message has inflated to 16 MiB.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_deflate_max_ratio(
    options: *mut wsline_options,
    ratio: u32,
) -> wsline_status {
    let function = "wsline_options_set_deflate_max_ratio";
    object::set(function, options, |options, _| {
        options.deflate.max_ratio = arguments::limit(ratio.into());
        Ok(())
    })
}

/// Inflates binary messages that the server has compressed itself, without permessage-deflate.
///
/// An inflated message keeps its opcode and gets the flag WSLINE_MESSAGE_INFLATED; it is not
/// validated as UTF-8. Text messages are never inflated. If permessage-deflate was negotiated, too,
/// it is undone first. With WSLINE_INFLATE_AUTO, _GZIP and _ZLIB, a binary message that does not
/// begin like the format is delivered unchanged; so WSLINE_INFLATE_AUTO and _ZLIB are not for
/// servers that also send other data, some of which would begin like zlib by chance.
///
/// A message that is corrupt or truncated, has a wrong checksum, or is followed by other bytes ends
/// the connection with WSLINE_ERR_INVALID_PAYLOAD; several gzip members in one message (RFC 1952
/// section 2.2) are joined. wsline_options_set_max_message_bytes() limits the inflated size,
/// wsline_options_set_deflate_max_ratio() the ratio.
///
/// With WSLINE_INFLATE_STREAM, a message that does not end with 00 00 ff ff, the end of flushed
/// data, is delivered together with the following ones, as one message, once one of them ends so.
/// Each connection begins a new stream. wsline_conn_recv_frame() returns WSLINE_ERR_WRONG_STATE,
/// because later messages may refer to what frames contain; with all other modes frames are
/// delivered as received. Fragments and parts are inflated as they arrive. Use one receive function
/// for a stream: after wsline_conn_recv_part() has delivered the beginning of a message that the
/// next one continues, wsline_conn_recv() would return the rest alone.
///
/// A connection with a stream keeps what inflating needs, as with permessage-deflate; otherwise
/// messages are inflated in memory of the thread.
///
/// @param options  the options to modify.
/// @param mode     a wsline_inflate; WSLINE_INFLATE_NONE, the default, delivers everything as
///                 received.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `mode` is unknown.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_inflate_messages(
    options: *mut wsline_options,
    mode: i32,
) -> wsline_status {
    let function = "wsline_options_set_inflate_messages";
    object::set(function, options, |options, _| {
        let mode = arguments::one_of(mode, &INFLATE_MODES, "wsline_inflate", "mode")?;
        options.inflate_messages = mode;
        Ok(())
    })
}

fn window_bits(bits: i32, name: &str) -> Result<u8, Error> {
    arguments::in_range(bits, MIN_WINDOW_BITS, MAX_WINDOW_BITS, name)
}
