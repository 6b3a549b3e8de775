// SPDX-License-Identifier: Apache-2.0
//! Options for servers that break the protocol.

use super::object::{self, wsline_options};
use crate::base::error::Error;
use crate::ffi::status::wsline_status;
use crate::protocol::tolerance::Mistakes;

/// The server may mask its frames (RFC 6455 section 5.1 forbids it).
pub const WSLINE_LENIENT_MASKED_FRAMES: u32 = 1;
/// The response to the upgrade may be HTTP/1.0 (section 4.1 requires HTTP/1.1).
pub const WSLINE_LENIENT_HTTP_1_0: u32 = 2;
/// The server may choose a subprotocol that was not offered, or that differs in case (section 4.1).
pub const WSLINE_LENIENT_SUBPROTOCOL: u32 = 4;
/// The server may name an extension that was not offered (section 9.1); it is ignored.
pub const WSLINE_LENIENT_EXTENSIONS: u32 = 8;
/// The length of a frame may be longer than its shortest form (section 5.2).
pub const WSLINE_LENIENT_LENGTHS: u32 = 16;
/// The URL may have a fragment (section 3); it is not sent.
pub const WSLINE_LENIENT_URL_FRAGMENT: u32 = 32;

/// @@ Servers that break the protocol
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.2
///
/// Tolerates certain mistakes, for servers that cannot be fixed.
///
/// By default each of them fails the connect or the connection. A mistake that was tolerated is
/// logged as a warning, once for each connection.
///
/// @param options   the options to modify.
/// @param mistakes  WSLINE_LENIENT_MASKED_FRAMES and others, combined by `|`; 0, the default, for
///                  none.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `mistakes` has an unknown bit.
///
/// See also: wsline_set_log()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_lenient(
    options: *mut wsline_options,
    mistakes: u32,
) -> wsline_status {
    object::set("wsline_options_set_lenient", options, |options, _| {
        options.tolerated = Mistakes::from_bits(mistakes).ok_or_else(|| {
            let what = format!("is {mistakes}, which has an unknown bit");
            Error::argument("mistakes", what)
        })?;
        Ok(())
    })
}
