// SPDX-License-Identifier: Apache-2.0
//! Names to addresses, on a thread of their own: `getaddrinfo(3)` knows no deadline and cannot be interrupted,
//! so that a look-up that takes too long is left to finish by itself.

use super::sys;
use super::wake::Wake;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::{Arc, Mutex};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread;

type Answer = io::Result<Vec<SocketAddr>>;

#[derive(Debug)]
pub struct Lookup {
    host: String,
    answer: Arc<Mutex<Option<Answer>>>,
}

impl Lookup {
    /// Begins to look `host` up; `wake` is signalled when there is an answer.
    pub fn start(host: &str, port: u16, wake: &Arc<Wake>) -> Result<Self, Error> {
        let lookup = Self {
            host: host.to_owned(),
            answer: Arc::default(),
        };
        let (answer, wake, name) = (
            Arc::clone(&lookup.answer),
            Arc::clone(wake),
            host.to_owned(),
        );
        let work = move || {
            let found = (name.as_str(), port)
                .to_socket_addrs()
                .map(Iterator::collect);
            *answer.lock() = Some(found);
            wake.signal();
        };
        sys::without_signals(|| {
            thread::Builder::new()
                .name("wsline-resolve".to_owned())
                .spawn(work)
        })
        .map_err(|error| {
            Error::os(Kind::Resolve, "start a thread for the name look-up", &error)
                .in_phase(Phase::Resolve)
        })?;
        Ok(lookup)
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// The addresses, in the order the system prefers; `None` while the look-up goes on.
    pub fn poll(&self) -> Result<Option<Vec<SocketAddr>>, Error> {
        let host = &self.host;
        match self.answer.lock().take() {
            None => Ok(None),
            Some(Ok(addresses)) => Ok(Some(addresses)),
            Some(Err(error)) => {
                Err(
                    Error::os(Kind::Resolve, format_args!("look up {host}"), &error)
                        .in_phase(Phase::Resolve),
                )
            }
        }
    }
}
