// SPDX-License-Identifier: Apache-2.0
//! Masking keys and nonces. "The masking key MUST be derived from a strong source of entropy" (RFC 6455 section 5.3):
//! a ChaCha generator in this process, seeded by the system once per connection, so that no frame costs a system call.

use crate::base::error::{Error, Kind};
use crate::base::sync::Arc;
use crate::protocol::ws::mask::MaskKey;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};

/// A caller's source of keys, for tests.
pub type MaskKeyFn = Arc<dyn Fn() -> Result<MaskKey, Error> + Send + Sync>;

pub struct Keys(StdRng);

impl Keys {
    /// Fails where the system has no randomness; there is no weaker source to fall back to.
    pub fn new() -> Result<Self, Error> {
        StdRng::try_from_rng(&mut SysRng)
            .map(Self)
            .map_err(|error| {
                Error::new(
                    Kind::Internal,
                    format!("the system gave no random bytes: {error}"),
                )
            })
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
