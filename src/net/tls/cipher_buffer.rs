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
/// In memory of its own: a plain connection has none.
#[derive(Debug, Default)]
pub struct CipherBuffer(Option<Box<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    cipher: Vec<u8>,
    read_size: usize,
    held: Held,
}

/// What TLS has taken in and nobody has read. The descriptor does not become readable for it.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    /// There may be plaintext: the last read ran out of room, or there was none since the
    /// handshake.
    Bytes,
    /// The end; it stays.
    End,
    /// What went wrong right behind what was read before. The end follows.
    Failure(Error),
}

impl CipherBuffer {
    /// Whether the next read may bring something, an end or a failure included, that the descriptor
    /// does not show.
    pub fn has_more(&self) -> bool {
        let kept = self.0.as_ref();
        kept.is_some_and(|kept| !matches!(kept.held, Held::Nothing))
    }

    /// A failure that is held, before a handshake continues.
    pub fn check_held(&mut self) -> Result<(), Error> {
        match std::mem::take(&mut self.kept().held) {
            Held::Failure(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// What ended the handshake may have brought more.
    pub fn hold_bytes(&mut self) {
        self.kept().held = Held::Bytes;
    }

    /// An end or a failure that is held; then only [`CipherBuffer::decrypt`] or the socket brings
    /// more.
    pub fn take_end(&mut self) -> Option<Result<ReadOutcome, Error>> {
        let place = &mut self.kept().held;
        match std::mem::replace(place, Held::End) {
            Held::End => Some(Ok(ReadOutcome::End)),
            Held::Failure(error) => Some(Err(error)),
            held @ (Held::Nothing | Held::Bytes) => {
                *place = held;
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
        self.kept().held = match &decrypted {
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

    /// Room for ciphertext; reads grow while they fill it, like those of
    /// [`crate::base::buffer::Inbox`].
    pub fn space(&mut self) -> Result<&mut Vec<u8>, Error> {
        let kept = self.kept();
        kept.read_size = kept.read_size.max(READ_MIN);
        if kept.cipher.capacity() < kept.read_size {
            kept.cipher
                .try_reserve_exact(kept.read_size)
                .map_err(|_| Error::no_memory(kept.read_size as u64))?;
        }
        Ok(&mut kept.cipher)
    }

    /// Reads into `memory` from here on; see [`CipherBuffer::give_back`]. Without TLS nothing is
    /// taken.
    pub fn borrow(&mut self, memory: &mut Vec<u8>) {
        if let Some(kept) = &mut self.0 {
            if kept.cipher.capacity() == 0 {
                kept.cipher = std::mem::take(memory);
            }
        }
    }

    pub fn give_back(&mut self, memory: &mut Vec<u8>) {
        if let Some(kept) = &mut self.0 {
            if kept.cipher.is_empty() && kept.cipher.capacity() > 0 {
                keep_larger(memory, std::mem::take(&mut kept.cipher));
            }
        }
    }

    pub fn hand_to(&mut self, tls: &mut Tls) -> Result<(), Error> {
        let kept = self.kept();
        if kept.cipher.len() + 1 >= kept.cipher.capacity() {
            kept.read_size = (kept.read_size * 2).min(READ_MAX);
        }
        tls.feed(&mut kept.cipher)
    }

    fn kept(&mut self) -> &mut Kept {
        self.0.get_or_insert_default()
    }
}
