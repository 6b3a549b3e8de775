// SPDX-License-Identifier: Apache-2.0
//! Limits and framing.

use super::object::{self, wsline_options};
use crate::base::error::{Error, Kind};
use crate::conn::send::keys::MaskKeyFn;
use crate::ffi::arguments;
use crate::ffi::handle::UserData;
use crate::ffi::status::wsline_status;
use crate::ffi::types::wsline_free_fn;
use std::ffi::c_void;
use std::sync::Arc;

/// Supplies the masking key of a frame, four bytes, for tests that need reproducible output.
///
/// Runs on the sending thread, before each frame; if it returns anything but WSLINE_OK, the send
/// fails with WSLINE_ERR_INTERNAL. It must not call the library.
pub type wsline_mask_key_fn =
    Option<unsafe extern "C-unwind" fn(key_out: *mut u8, userdata: *mut c_void) -> i32>;

/// @@ Limits and framing
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
///
/// Sets the largest message to receive; a larger one ends the connection with
/// WSLINE_ERR_MESSAGE_TOO_BIG.
///
/// Memory is allocated as a message arrives, never according to the length that a server announces.
/// With wsline_options_set_deliver_fragments() the limit applies to each fragment;
/// wsline_conn_recv_part() and wsline_app_on_part() have no limit. For a compressed message the
/// inflated size counts.
///
/// @param options  the options to modify.
/// @param bytes    the size in bytes, 64 MiB by default; 0 for no limit.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_max_message_bytes(
    options: *mut wsline_options,
    bytes: u64,
) -> wsline_status {
    let function = "wsline_options_set_max_message_bytes";
    object::set(function, options, |options, _| {
        options.limits.max_message_bytes = arguments::limit(bytes);
        Ok(())
    })
}

/// Sets the largest data frame to receive; a larger one ends the connection with
/// WSLINE_ERR_MESSAGE_TOO_BIG.
///
/// @param options  the options to modify.
/// @param bytes    the size in bytes; 0, the default, for no limit other than that of messages.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_max_frame_bytes(
    options: *mut wsline_options,
    bytes: u64,
) -> wsline_status {
    let function = "wsline_options_set_max_frame_bytes";
    object::set(function, options, |options, _| {
        options.limits.max_frame_bytes = arguments::limit(bytes);
        Ok(())
    })
}

/// Sets the largest number of fragments in a message to receive; more end the connection with
/// WSLINE_ERR_MESSAGE_TOO_BIG.
///
/// wsline_conn_recv_part() and wsline_app_on_part() have no such limit.
///
/// @param options    the options to modify.
/// @param fragments  the number, 1,048,576 by default; 0 for no limit.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_max_fragments(
    options: *mut wsline_options,
    fragments: u64,
) -> wsline_status {
    object::set("wsline_options_set_max_fragments", options, |options, _| {
        options.limits.max_fragments = arguments::limit(fragments);
        Ok(())
    })
}

/// Enables or disables the check that text is UTF-8.
///
/// @param options  the options to modify.
/// @param enable   true, the default: text is checked when a whole message is sent and when text is
///                 received, except by wsline_conn_recv_frame(); false: it is passed on as it is.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_utf8_validation(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    let function = "wsline_options_set_utf8_validation";
    object::set(function, options, |options, _| {
        options.check_utf8 = enable;
        Ok(())
    })
}

/// Makes receives deliver each fragment of a message as the server sent it, instead of the whole
/// message.
///
/// The flags of wsline_message mark the first and the last fragment. A character may be split
/// between two fragments; UTF-8 validation covers the whole message. A fragment is one frame of a
/// message, as the server sent it; a part, as delivered by wsline_conn_recv_part(), is whatever has
/// arrived so far, without waiting for a whole fragment. Apps ignore this option; use
/// wsline_app_on_part().
///
/// @param options  the options to modify.
/// @param enable   true: deliver each fragment as soon as it is complete; false, the default:
///                 deliver whole messages.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_deliver_fragments(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    let function = "wsline_options_set_deliver_fragments";
    object::set(function, options, |options, _| {
        options.deliver_fragments = enable;
        Ok(())
    })
}

/// Enables or disables automatic pongs.
///
/// If they are disabled, receive pings with wsline_conn_recv_event() and answer them with
/// wsline_conn_pong(); in an app, use wsline_app_on_ping() and wsline_app_pong().
///
/// @param options  the options to modify.
/// @param enable   true, the default: a ping is answered as soon as a receive call or an app reads
///                 it.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_auto_pong(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    object::set("wsline_options_set_auto_pong", options, |options, _| {
        options.auto_pong = enable;
        Ok(())
    })
}

/// Takes masking keys from a function; for tests only.
///
/// Keys that an attacker can guess defeat the purpose of masking (RFC 6455 section 10.3).
///
/// @param options        the options to modify.
/// @param fn             called for each frame; NULL, the default, for random keys.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// In callbacks: `fn` must not call the library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_mask_key_fn(
    options: *mut wsline_options,
    r#fn: wsline_mask_key_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let name = &"wsline_options_set_mask_key_fn";
    let userdata = UserData::new(name, userdata, userdata_free);
    object::set(name, options, |options, _| {
        options.mask_key = userdata.with_function(r#fn).map(|source| {
            Arc::new(move || {
                let mut key = [0; 4];
                match source.fill(&mut key) {
                    0 => Ok(key),
                    status => Err(Error::new(
                        Kind::Internal,
                        format!("the masking key function returned {status}"),
                    )),
                }
            }) as MaskKeyFn
        });
        Ok(())
    })
}
