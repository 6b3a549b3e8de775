// SPDX-License-Identifier: Apache-2.0
//! Frames as bytes, built independently so that no table relies on the encoder that it tests.

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

pub(crate) const FIN: u8 = 0x80;
/// "Per-Message Compressed" (RFC 7692 section 6).
pub(crate) const RSV1: u8 = 0x40;
const MASKED: u8 = 0x80;

/// The key of every sent frame: it leaves the payload readable.
pub(crate) const KEY: [u8; 4] = [0; 4];

/// No bytes.
pub(crate) const NOTHING: [u8; 0] = [];

/// The types that a column of a table accepts as bytes.
pub(crate) trait Bytes {
    fn bytes(self) -> Vec<u8>;
}

impl Bytes for Vec<u8> {
    fn bytes(self) -> Vec<u8> {
        self
    }
}

impl<const N: usize> Bytes for [u8; N] {
    fn bytes(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl<const N: usize> Bytes for [Vec<u8>; N] {
    fn bytes(self) -> Vec<u8> {
        self.concat()
    }
}

/// A frame from the server that is final.
pub(crate) fn frame(opcode: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    first_byte(FIN | opcode, payload)
}

/// A frame from the server that is not final.
pub(crate) fn part(opcode: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    first_byte(opcode, payload)
}

/// The same two, with the bit of a compressed message.
pub(crate) fn compressed(opcode: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    first_byte(FIN | RSV1 | opcode, payload)
}

pub(crate) fn compressed_part(opcode: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    first_byte(RSV1 | opcode, payload)
}

/// A frame from the server with an arbitrary first byte.
pub(crate) fn first_byte(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    [header(first, payload.len() as u64), payload.to_vec()].concat()
}

/// A fragment that is neither the first nor the last of its message.
pub(crate) fn more(payload: impl AsRef<[u8]>) -> Vec<u8> {
    part(CONTINUATION, payload)
}

/// The last fragment of a message.
pub(crate) fn last(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(CONTINUATION, payload)
}

/// A final frame from the server, with only the header and the start of its payload.
pub(crate) fn cut(opcode: u8, len: usize, start: impl AsRef<[u8]>) -> Vec<u8> {
    [header(FIN | opcode, len as u64), start.as_ref().to_vec()].concat()
}

/// The same, not final.
pub(crate) fn cut_part(opcode: u8, len: usize, start: impl AsRef<[u8]>) -> Vec<u8> {
    [header(opcode, len as u64), start.as_ref().to_vec()].concat()
}

/// The header of a frame from the server with the shortest length form (RFC 6455 section 5.2).
pub(crate) fn header(first: u8, len: u64) -> Vec<u8> {
    if len < 126 {
        vec![first, len as u8]
    } else if len < 65536 {
        header16(first, len as u16)
    } else {
        header64(first, len)
    }
}

/// A header with a length in two bytes, shortest or not.
pub(crate) fn header16(first: u8, len: u16) -> Vec<u8> {
    [&[first, 126][..], &len.to_be_bytes()].concat()
}

/// A header with a length in eight bytes, shortest or not.
pub(crate) fn header64(first: u8, len: u64) -> Vec<u8> {
    [&[first, 127][..], &len.to_be_bytes()].concat()
}

/// A header with a masking key, which only a client may send.
pub(crate) fn masked_header(first: u8, len: u64, key: [u8; 4]) -> Vec<u8> {
    let mut bytes = header(first, len);
    bytes[1] |= MASKED;
    bytes.extend(key);
    bytes
}

/// The payload of a close frame.
pub(crate) fn status(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason.as_ref()].concat()
}

pub(crate) fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    frame(CLOSE, status(code, reason))
}

/// A final frame from the client, masked with [`KEY`].
pub(crate) fn sent(opcode: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let header = masked_header(FIN | opcode, payload.len() as u64, KEY);
    [header, payload.to_vec()].concat()
}

/// The client's close frame.
pub(crate) fn sent_close(code: u16) -> Vec<u8> {
    sent(CLOSE, status(code, ""))
}
