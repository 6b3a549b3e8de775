// SPDX-License-Identifier: Apache-2.0
//! Frames as bytes, for tests of servers and for tools.

use super::arguments::Arguments;
use super::guard;
use super::status::wsline_status;
use crate::base::error::{Error, Kind};
use crate::protocol::ws::frame::{Header, MAX_HEADER_BYTES};
use crate::protocol::ws::mask;
use crate::protocol::ws::message::{Message, MessageFlags};
use crate::protocol::ws::opcode::Opcode;
use std::ffi::c_void;

/// One frame (RFC 6455 section 5.2).
#[repr(C)]
pub struct wsline_frame {
    /// 1: the last, or only, frame of its message.
    pub fin: u8,
    /// The first reserved bit, 0 or 1.
    pub rsv1: u8,
    /// The second reserved bit, 0 or 1.
    pub rsv2: u8,
    /// The third reserved bit, 0 or 1.
    pub rsv3: u8,
    /// A wsline_opcode; if `raw` is 1, also a reserved one, 3 to 7 or 11 to 15.
    pub opcode: i32,
    /// The payload.
    pub data: *const u8,
    /// Bytes in `data`.
    pub len: usize,
    /// 1: the payload is masked with `mask_key`.
    pub masked: u8,
    /// The masking key; zero if `masked` is 0.
    pub mask_key: [u8; 4],
    /// 1: wsline_conn_send_frame() and wsline_frame_encode() accept the frame even if it violates
    /// the protocol.
    pub raw: u8,
    /// Reserved for future fields; 0.
    pub reserved0: [u8; 2],
    /// Reserved for future fields; 0.
    pub reserved: [u64; 2],
}

impl wsline_frame {
    pub(super) const NOTHING: Self = Self {
        fin: 0,
        rsv1: 0,
        rsv2: 0,
        rsv3: 0,
        opcode: 0,
        data: std::ptr::null(),
        len: 0,
        masked: 0,
        mask_key: [0; 4],
        raw: 0,
        reserved0: [0; 2],
        reserved: [0; 2],
    };

    pub(super) fn of(header: &Header, payload: &[u8]) -> Self {
        Self {
            fin: header.fin.into(),
            rsv1: header.rsv1.into(),
            rsv2: header.rsv2.into(),
            rsv3: header.rsv3.into(),
            opcode: header.opcode.number().into(),
            data: payload.as_ptr(),
            len: payload.len(),
            masked: header.mask.is_some().into(),
            mask_key: header.mask.unwrap_or_default(),
            ..Self::NOTHING
        }
    }

    /// From a frame that was received unchanged. It has no mask and no reserved bit except the
    /// first.
    pub(super) fn of_message(message: &Message<'_>) -> Self {
        Self {
            fin: message.flags.contains(MessageFlags::LAST).into(),
            rsv1: message.rsv1.into(),
            opcode: message.opcode.number().into(),
            data: message.payload.as_ptr(),
            len: message.payload.len(),
            ..Self::NOTHING
        }
    }

    /// The header of a frame with this payload.
    pub(super) fn header(&self, payload: &[u8]) -> Result<Header, Error> {
        if self.reserved0 != [0; 2] || self.reserved != [0; 2] {
            let what = "has reserved fields that are not 0: initialize it, for example with {0}";
            return Err(Error::argument("frame", what));
        }
        let opcode = if self.is_raw()? {
            Opcode::from_any_i32(self.opcode)
        } else {
            Opcode::from_i32(self.opcode)
        };
        let opcode = opcode.ok_or_else(|| {
            Error::argument(
                "frame",
                format!(
                    "has the opcode {}, which is not a wsline_opcode",
                    self.opcode
                ),
            )
        })?;
        Ok(Header {
            fin: bit(self.fin, "fin")?,
            rsv1: bit(self.rsv1, "rsv1")?,
            rsv2: bit(self.rsv2, "rsv2")?,
            rsv3: bit(self.rsv3, "rsv3")?,
            opcode,
            mask: bit(self.masked, "masked")?.then_some(self.mask_key),
            len: payload.len() as u64,
        })
    }

    pub(super) fn is_raw(&self) -> Result<bool, Error> {
        bit(self.raw, "raw")
    }

    pub(super) fn payload<'call>(&self, arguments: Arguments<'call>) -> Result<&'call [u8], Error> {
        arguments.payload(self.data.cast(), self.len, "frame->data")
    }
}

fn bit(value: u8, name: &str) -> Result<bool, Error> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::argument(
            "frame",
            format!("has {name} {value}; it must be 0 or 1"),
        )),
    }
}

/// @@ Frames as bytes
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
///
/// Encodes a frame into a buffer, with the payload length in its shortest form.
///
/// Reserved bits, masks and the order of frames are not checked. What wsline_frame_decode() rejects
/// is rejected here too, unless `raw` is 1: then reserved opcodes and long or fragmented control
/// frames are written as well, to test servers.
///
/// @param frame     the frame; its payload is masked with `mask_key` if `masked` is 1.
/// @param buffer    where to write it; must not overlap the payload; may be NULL if `capacity` is
///                  0.
/// @param capacity  bytes in `buffer`; `frame->len` + 14 always suffice.
/// @param len_out   set to the size of the frame in bytes, even if `capacity` is too small.
/// @retval WSLINE_OK                    written.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, a bit is neither 0 nor 1, the opcode is
///                                      out of range or, unless `raw` is 1, reserved, the frame is
///                                      otherwise invalid, or `capacity` is too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_frame_encode(
    frame: *const wsline_frame,
    buffer: *mut c_void,
    capacity: usize,
    len_out: *mut usize,
) -> wsline_status {
    guard::status("wsline_frame_encode", |arguments| {
        let len_out = arguments.out(len_out, 0, "len_out")?;
        let frame = arguments.get(frame, "frame")?;
        let payload = frame.payload(arguments)?;
        let buffer = arguments.bytes_mut(buffer, capacity, "buffer")?;
        let header = frame.header(payload)?;
        if !frame.is_raw()? {
            header
                .check_control()
                .map_err(|error| Error::argument("frame", format!("is a {error}")))?;
        }
        let mut head = Vec::with_capacity(MAX_HEADER_BYTES);
        header.encode(&mut head);
        let len = head.len() + payload.len();
        *len_out = len;
        let Some(place) = buffer.get_mut(..len) else {
            return Err(Error::argument(
                "capacity",
                format!("is {capacity}; the frame needs {len} bytes"),
            ));
        };
        let (head_place, payload_place) = place.split_at_mut(head.len());
        head_place.copy_from_slice(&head);
        payload_place.copy_from_slice(payload);
        if let Some(key) = header.mask {
            mask::apply(key, payload_place);
        }
        Ok(())
    })
}

/// Reads the frame at the start of a buffer.
///
/// The payload is not copied: `frame_out->data` points into `data`, and is still masked if
/// `frame_out->masked` is 1, see wsline_mask(). Reserved bits and masks are not checked; reserved
/// opcodes, lengths that are not in the shortest form, and long or fragmented control frames are
/// rejected.
///
/// @param data       bytes that begin with a frame; NULL with `len` 0 means no bytes.
/// @param len        bytes in `data`.
/// @param frame_out  filled; zero on failure.
/// @param len_out    set to the size of the frame in bytes, including its header. With
///                   WSLINE_ERR_WOULD_BLOCK it is the smallest possible size, which is exact once
///                   the header is complete: at least `*len_out` - `len` more bytes are needed. 0
///                   on other failures.
/// @retval WSLINE_OK                    a frame is in `frame_out`.
/// @retval WSLINE_ERR_WOULD_BLOCK       the frame is not complete yet; the error message gives the
///                                      minimum number of bytes still needed.
/// @retval WSLINE_ERR_PROTOCOL          the frame violates RFC 6455; the error message says how.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `frame_out` or `len_out` is NULL, or `data` is NULL and
///                                      `len` is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_frame_decode(
    data: *const c_void,
    len: usize,
    frame_out: *mut wsline_frame,
    len_out: *mut usize,
) -> wsline_status {
    guard::status("wsline_frame_decode", |arguments| {
        let frame = arguments.out(frame_out, wsline_frame::NOTHING, "frame_out");
        let len_out = arguments.out(len_out, 0, "len_out");
        let (frame, len_out) = (frame?, len_out?);
        let bytes = arguments.payload(data, len, "data")?;
        let Some((header, head_len)) = Header::decode(bytes)? else {
            *len_out = Header::least_frame_bytes(bytes);
            return Err(incomplete(*len_out - bytes.len()));
        };
        header.check_control()?;
        let payload_len = usize::try_from(header.len).unwrap_or(usize::MAX);
        *len_out = head_len.saturating_add(payload_len);
        let payload = bytes
            .get(head_len..*len_out)
            .ok_or_else(|| incomplete(*len_out - bytes.len()))?;
        *frame = wsline_frame::of(&header, payload);
        Ok(())
    })
}

fn incomplete(missing: usize) -> Error {
    let message = format!("the frame is incomplete: at least {missing} bytes are missing");
    Error::new(Kind::WouldBlock, message)
}

/// Masks or unmasks a payload in place; both are the same operation (RFC 6455 section 5.3).
///
/// @param key   four bytes.
/// @param data  the payload from its first byte on; NULL with `len` 0 means no bytes.
/// @param len   bytes in `data`.
/// @retval WSLINE_OK                    done.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `key` is NULL, or `data` is NULL and `len` is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_mask(
    key: *const u8,
    data: *mut c_void,
    len: usize,
) -> wsline_status {
    guard::status("wsline_mask", |arguments| {
        let key = arguments.get(key.cast::<[u8; 4]>(), "key")?;
        let data = arguments.bytes_mut(data, len, "data")?;
        mask::apply(*key, data);
        Ok(())
    })
}
