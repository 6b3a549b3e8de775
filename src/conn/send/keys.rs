// SPDX-License-Identifier: Apache-2.0
//! Masking keys and nonces. "The masking key MUST be derived from a strong source of entropy" (RFC 6455 section 5.3):
//! a ChaCha generator of the connection's, seeded by one of the process's, which the system has seeded. So neither a
//! frame nor a connect costs a system call. A child process seeds one of its own.

use crate::base::error::{Error, Kind};
use crate::base::process::PerProcess;
use crate::base::sync::{Arc, Mutex};
use crate::protocol::ws::mask::MaskKey;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use std::time::SystemTime;

/// A caller's source of keys, for tests.
pub type MaskKeyFn = Arc<dyn Fn() -> Result<MaskKey, Error> + Send + Sync>;

/// Boxed, because it is some 300 bytes that a connect hands on from one owner to the next.
pub struct Keys(Box<StdRng>);

/// What seeds the generators of connections.
static SEEDS: PerProcess<Mutex<Option<StdRng>>> = PerProcess::new();

impl Keys {
    /// Fails where the system has no randomness; there is no weaker source to fall back to.
    pub fn new() -> Result<Self, Error> {
        let mut seeds = SEEDS.get().lock();
        let seeds = match &mut *seeds {
            Some(seeds) => seeds,
            none => none.insert(seeded_by_system()?),
        };
        let mut seed = <StdRng as SeedableRng>::Seed::default();
        seeds.fill_bytes(&mut seed);
        // A process that was copied without fork(3), by _Fork(3) or as a machine, has the same generator, but not the
        // same time.
        let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let time = time.as_nanos().to_ne_bytes();
        for (byte, time) in seed.iter_mut().zip(time) {
            *byte ^= time;
        }
        Ok(Self(Box::new(StdRng::from_seed(seed))))
    }

    pub fn mask_key(&mut self) -> MaskKey {
        self.0.next_u32().to_ne_bytes()
    }

    /// At least 0, less than 1.
    pub fn fraction(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / (f64::from(u32::MAX) + 1.0)
    }

    pub fn nonce(&mut self) -> [u8; 16] {
        let mut nonce = [0; 16];
        self.0.fill_bytes(&mut nonce);
        nonce
    }
}

fn seeded_by_system() -> Result<StdRng, Error> {
    StdRng::try_from_rng(&mut SysRng).map_err(|error| {
        Error::new(
            Kind::Internal,
            format!("the system gave no random bytes: {error}"),
        )
    })
}
