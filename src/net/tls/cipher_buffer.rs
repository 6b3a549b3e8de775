// SPDX-License-Identifier: Apache-2.0
//! What a read brings, and what is kept between two reads under TLS.

use super::channel::{Decrypted, Tls};
use crate::base::buffer::{READ_MAX, READ_MIN, keep_larger};
use crate::base::error::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    Bytes,
    /// Something came, but TLS has no plaintext yet.
    Nothing,
    /// The time was up first.
    TimedOut,
    /// A signal handler ran first; see [`crate::net::stream::Stream::end_waits_on_signal`].
    Interrupted,
    End,
}

/// What the reading thread keeps between two reads: received bytes that TLS has not seen.
#[derive(Debug, Default)]
pub struct CipherBuffer {
    cipher: Vec<u8>,
    read_size: usize,
    held: Held,
}

/// What TLS has taken in and nobody has read. The descriptor does not become readable for it.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    /// There may be plaintext: the last read ran out of room, or there was none since the handshake.
    Bytes,
    /// The end; it stays.
    End,
    /// What went wrong right behind what was read before. The end follows.
    Failure(Error),
}

impl CipherBuffer {
    /// Whether the next read may bring something, an end or a failure included, that the descriptor does not show.
    pub fn has_more(&self) -> bool {
        !matches!(self.held, Held::Nothing)
    }

    /// A failure that is held, before a handshake continues.
    pub fn check_held(&mut self) -> Result<(), Error> {
        match std::mem::take(&mut self.held) {
            Held::Failure(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// What ended the handshake may have brought more.
    pub fn hold_bytes(&mut self) {
        self.held = Held::Bytes;
    }

    /// An end or a failure that is held; then only [`CipherBuffer::decrypt`] or the socket brings more.
    pub fn take_end(&mut self) -> Option<Result<ReadOutcome, Error>> {
        match std::mem::replace(&mut self.held, Held::End) {
            Held::End => Some(Ok(ReadOutcome::End)),
            Held::Failure(error) => Some(Err(error)),
            held @ (Held::Nothing | Held::Bytes) => {
                self.held = held;
                None
            }
        }
    }

    /// What TLS makes of what it was fed, into `out`; and whether it has something to send.
    pub fn decrypt(
        &mut self,
        tls: &mut Tls,
        out: &mut Vec<u8>,
    ) -> (Result<ReadOutcome, Error>, bool) {
        let before = out.len();
        let decrypted = tls.decrypt(out);
        let has_bytes = out.len() > before;
        self.held = match &decrypted {
            Ok(Decrypted::All) => Held::Nothing,
            Ok(Decrypted::Full) => Held::Bytes,
            Err(error) if has_bytes => Held::Failure(error.clone()),
            Ok(Decrypted::End) | Err(_) => Held::End,
        };
        let outcome = match decrypted {
            _ if has_bytes => Ok(ReadOutcome::Bytes),
            Ok(Decrypted::End) => Ok(ReadOutcome::End),
            Ok(_) => Ok(ReadOutcome::Nothing),
            Err(error) => Err(error),
        };
        (outcome, tls.has_output())
    }

    /// Room for ciphertext; reads grow while they fill it, like those of [`crate::base::buffer::Inbox`].
    pub fn space(&mut self) -> Result<&mut Vec<u8>, Error> {
        self.read_size = self.read_size.max(READ_MIN);
        if self.cipher.capacity() < self.read_size {
            self.cipher
                .try_reserve_exact(self.read_size)
                .map_err(|_| Error::no_memory(self.read_size as u64))?;
        }
        Ok(&mut self.cipher)
    }

    /// Reads into `memory` from here on; see [`CipherBuffer::give_back`].
    pub fn borrow(&mut self, memory: &mut Vec<u8>) {
        if self.cipher.capacity() == 0 {
            self.cipher = std::mem::take(memory);
        }
    }

    pub fn give_back(&mut self, memory: &mut Vec<u8>) {
        if self.cipher.is_empty() && self.cipher.capacity() > 0 {
            keep_larger(memory, std::mem::take(&mut self.cipher));
        }
    }

    pub fn hand_to(&mut self, tls: &mut Tls) -> Result<(), Error> {
        if self.cipher.len() + 1 >= self.cipher.capacity() {
            self.read_size = (self.read_size * 2).min(READ_MAX);
        }
        tls.feed(&mut self.cipher)
    }
}
