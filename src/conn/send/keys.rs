// SPDX-License-Identifier: Apache-2.0
//! Masking keys and nonces. "The masking key MUST be derived from a strong source of entropy" (RFC
//! 6455 section 5.3): a ChaCha generator for the whole process, seeded by the system. A connection
//! takes a batch of numbers at a time, so it needs no generator of its own, and neither a frame nor
//! a connect costs a system call. A child process has another generator.

use crate::base::error::{Error, Kind};
use crate::base::process::PerProcess;
use crate::base::sync::{Arc, Mutex, OnceLock};
use crate::protocol::ws::mask::MaskKey;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use std::time::SystemTime;

/// A caller's source of keys, for tests.
pub type MaskKeyFn = Arc<dyn Fn() -> Result<MaskKey, Error> + Send + Sync>;

/// How many keys are taken at a time.
const BATCH: usize = 16;

static GENERATOR: PerProcess<OnceLock<Mutex<StdRng>>> = PerProcess::new();

pub struct Keys {
    generator: &'static Mutex<StdRng>,
    /// The time of creation. A process that was copied without fork(3), by _Fork(3) or as part of a
    /// virtual machine, has the same generator, but not the same time.
    salt: u32,
    batch: [MaskKey; BATCH],
    used: u8,
}

impl Keys {
    /// Fails if the system has no randomness; there is no fallback to a weaker source.
    pub fn new() -> Result<Self, Error> {
        let place = GENERATOR.get();
        let generator = match place.get() {
            Some(generator) => generator,
            None => {
                let generator = seeded_by_system()?;
                place.get_or_init(|| Mutex::new(generator))
            }
        };
        let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Ok(Self {
            generator,
            salt: time.as_nanos() as u32,
            batch: [MaskKey::default(); BATCH],
            used: BATCH as u8,
        })
    }

    pub fn mask_key(&mut self) -> MaskKey {
        self.number().to_ne_bytes()
    }

    /// At least 0, less than 1.
    pub fn fraction(&mut self) -> f64 {
        f64::from(self.number()) / (f64::from(u32::MAX) + 1.0)
    }

    pub fn nonce(&mut self) -> [u8; 16] {
        let mut nonce = [0; 16];
        for bytes in nonce.chunks_exact_mut(4) {
            bytes.copy_from_slice(&self.number().to_ne_bytes());
        }
        nonce
    }

    #[inline]
    fn number(&mut self) -> u32 {
        if usize::from(self.used) >= BATCH {
            self.take_more();
        }
        let bytes = self
            .batch
            .get(usize::from(self.used))
            .copied()
            .unwrap_or_default();
        self.used += 1;
        u32::from_ne_bytes(bytes) ^ self.salt
    }

    #[cold]
    fn take_more(&mut self) {
        let mut generator = self.generator.lock();
        generator.fill_bytes(self.batch.as_flattened_mut());
        self.used = 0;
    }
}

fn seeded_by_system() -> Result<StdRng, Error> {
    StdRng::try_from_rng(&mut SysRng).map_err(|error| {
        Error::new(
            Kind::Internal,
            format!("the system returned no random bytes: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_do_not_repeat() {
        let mut connections = [Keys::new(), Keys::new()].map(|keys| keys.expect("randomness"));
        let mut seen = HashSet::new();
        for _ in 0..3 * BATCH {
            for keys in &mut connections {
                assert!(seen.insert(keys.mask_key()), "of {} keys", seen.len());
            }
        }
    }

    #[test]
    fn fractions_lie_between_0_and_1() {
        let mut keys = Keys::new().expect("randomness");
        let fractions: Vec<f64> = (0..1000).map(|_| keys.fraction()).collect();
        assert!(fractions.iter().all(|one| (0.0..1.0).contains(one)));
        assert!(fractions.iter().any(|one| *one < 0.1) && fractions.iter().any(|one| *one > 0.9));
    }
}
