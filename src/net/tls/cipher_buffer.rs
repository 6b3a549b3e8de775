// SPDX-License-Identifier: Apache-2.0
//! The result of a read, and the state that is kept between two reads under TLS.

use super::channel::{Decrypted, Tls};
use crate::base::buffer::{READ_MAX, READ_MIN, keep_larger};
use crate::base::error::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    Bytes,
    /// Bytes arrived, but TLS has no plaintext yet.
    Nothing,
    /// The timeout expired first.
    TimedOut,
    /// A signal handler ran first; see [`crate::net::stream::Stream::end_waits_on_signal`].
    Interrupted,
    End,
}

/// The state of the reading thread between two reads: received bytes that TLS has not seen. Boxed,
/// because a plain connection has none.
#[derive(Debug, Default)]
pub struct CipherBuffer(Option<Box<CipherState>>);

#[derive(Debug, Default)]
struct CipherState {
    cipher: Vec<u8>,
    read_size: usize,
    was_filled: bool,
    held: Held,
}

/// What TLS has taken in and has not been read yet. The descriptor does not become readable for it.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    /// There may be plaintext: the last read filled its buffer, or nothing was read since the
    /// handshake.
    Bytes,
    /// The end of the stream; later reads return it again.
    End,
    /// An error right after the bytes that were read. The end follows.
    Failure(Error),
}

impl CipherBuffer {
    /// Whether the next read may return something, including the end or a failure, for which the
    /// descriptor does not become readable.
    pub fn has_more(&self) -> bool {
        let state = self.0.as_ref();
        state.is_some_and(|state| !matches!(state.held, Held::Nothing))
    }

    /// Returns a held failure, before a handshake continues.
    pub fn check_held(&mut self) -> Result<(), Error> {
        match std::mem::take(&mut self.state().held) {
            Held::Failure(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// The read that completed the handshake may contain more.
    pub fn hold_bytes(&mut self) {
        self.state().held = Held::Bytes;
    }

    /// A held end or failure. If `None`, more can only come from [`CipherBuffer::decrypt`] or the
    /// socket.
    pub fn take_end(&mut self) -> Option<Result<ReadOutcome, Error>> {
        let place = &mut self.state().held;
        match std::mem::replace(place, Held::End) {
            Held::End => Some(Ok(ReadOutcome::End)),
            Held::Failure(error) => Some(Err(error)),
            held @ (Held::Nothing | Held::Bytes) => {
                *place = held;
                None
            }
        }
    }

    /// Decrypts what TLS was fed into `out`. Also returns whether TLS has something to send.
    pub fn decrypt(
        &mut self,
        tls: &mut Tls,
        out: &mut Vec<u8>,
    ) -> (Result<ReadOutcome, Error>, bool) {
        let before = out.len();
        let decrypted = tls.decrypt(out);
        let has_bytes = out.len() > before;
        self.state().held = match &decrypted {
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

    /// Space for ciphertext; reads grow while they fill it, as in [`crate::base::buffer::Inbox`].
    pub fn space(&mut self) -> Result<&mut Vec<u8>, Error> {
        let state = self.state();
        state.read_size = state.read_size.max(READ_MIN);
        if state.cipher.capacity() < state.read_size {
            state
                .cipher
                .try_reserve_exact(state.read_size)
                .map_err(|_| Error::no_memory(state.read_size as u64))?;
        }
        Ok(&mut state.cipher)
    }

    /// Reads into `memory` from now on; see [`CipherBuffer::give_back`]. Takes nothing without TLS.
    pub fn borrow(&mut self, memory: &mut Vec<u8>) {
        if let Some(state) = &mut self.0 {
            if state.cipher.capacity() == 0 {
                state.cipher = std::mem::take(memory);
            }
        }
    }

    pub fn give_back(&mut self, memory: &mut Vec<u8>) {
        if let Some(state) = &mut self.0 {
            if state.cipher.is_empty() && state.cipher.capacity() > 0 {
                keep_larger(memory, std::mem::take(&mut state.cipher));
            }
        }
    }

    /// Whether the last bytes that arrived filled the space for them.
    pub fn was_filled(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.was_filled)
    }

    pub fn hand_to(&mut self, tls: &mut Tls) -> Result<(), Error> {
        let state = self.state();
        state.was_filled = state.cipher.len() + 1 >= state.cipher.capacity();
        if state.was_filled {
            state.read_size = (state.read_size * 2).min(READ_MAX);
        }
        tls.feed(&mut state.cipher)
    }

    fn state(&mut self) -> &mut CipherState {
        self.0.get_or_insert_default()
    }
}
