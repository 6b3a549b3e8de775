// SPDX-License-Identifier: Apache-2.0
//! The library itself: its version, its features, the process's timeout.

use super::arguments;
use super::guard;
use super::status::wsline_status;
use crate::base::deadline::Timeout;
use crate::base::error::Error;
use crate::conn::options::DEFAULT_TIMEOUT;
use crate::net::tls_library;
use std::ffi::{CStr, c_char};

/// The features of this build.
const FEATURES: [&str; 3] = ["permessage-deflate", "tls", tls_library::FEATURE];

/// @@ Library
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
///
/// Returns the version of the loaded library, for example "0.2.0".
///
/// @return  a static string, never NULL, which you must not free.
#[unsafe(no_mangle)]
pub extern "C" fn wsline_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// Returns the version of the loaded library as a number to compare with WSLINE_VERSION_NUMBER.
///
/// @return  major << 16 | minor << 8 | patch.
#[unsafe(no_mangle)]
pub extern "C" fn wsline_version_number() -> u32 {
    guard::value(0, |_| {
        let parts = env!("CARGO_PKG_VERSION").split(['.', '-']).take(3);
        parts.fold(0, |number, part| {
            number << 8 | part.parse::<u32>().unwrap_or_default()
        })
    })
}

/// Returns whether this build of the library has a feature.
///
/// A build uses either OpenSSL or AWS-LC for TLS. AWS-LC is part of the library and does not clash
/// with an OpenSSL in the same program. A build with AWS-LC supports the same options, except
/// wsline_options_set_tls_ssl_ctx(), but fewer ciphers and groups.
///
/// @param name  "permessage-deflate" or "tls", which every build has, "tls-openssl" or
///              "tls-aws-lc"; for any other name the result is false.
/// @return      true if this build has the feature; false for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_has_feature(name: *const c_char) -> bool {
    guard::value(false, |arguments| {
        let name = arguments.string(name, "name");
        name.is_ok_and(|name| FEATURES.contains(&name))
    })
}

/// Sets the timeout of all connections of the process that have none of their own.
///
/// @param timeout_ms  milliseconds, 0 or more, or WSLINE_FOREVER, the default.
/// @retval WSLINE_OK                    done; calls that are waiting are not affected.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `timeout_ms` is another negative number.
///
/// See also: wsline_options_set_timeout_ms()
#[unsafe(no_mangle)]
pub extern "C" fn wsline_set_default_timeout_ms(timeout_ms: i64) -> wsline_status {
    guard::status(
        "wsline_set_default_timeout_ms",
        |_| match arguments::timeout(timeout_ms, "timeout_ms")? {
            Timeout::DEFAULT => Err(Error::argument(
                "timeout_ms",
                "cannot be WSLINE_DEFAULT_TIMEOUT here",
            )),
            timeout => {
                DEFAULT_TIMEOUT.set(timeout);
                Ok(())
            }
        },
    )
}

/// Returns the timeout set by wsline_set_default_timeout_ms().
///
/// @return  milliseconds, or WSLINE_FOREVER.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub extern "C" fn wsline_default_timeout_ms() -> i64 {
    guard::value(0, |_| DEFAULT_TIMEOUT.get().to_ms())
}
