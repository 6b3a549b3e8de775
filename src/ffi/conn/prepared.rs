// SPDX-License-Identifier: Apache-2.0
//! One message for many connections.

use super::object::wsline_conn;
use crate::base::error::Error;
use crate::base::process::ProcessMark;
use crate::conn::send::outbound::Outbound;
use crate::conn::send::prepared::Prepared;
use crate::ffi::app::object::wsline_app;
use crate::ffi::arguments::Arguments;
use crate::ffi::guard;
use crate::ffi::handle::{self, Inner, Object, OfOneProcess};
use crate::ffi::send::{self, SendKind};
use crate::ffi::status::wsline_status;
use crate::net::process::own_mark;
use std::ffi::c_void;

/// A message to send to many connections, or many times.
///
/// Created by wsline_prepared_new(), sent by wsline_conn_send_prepared() and
/// wsline_app_send_prepared(), freed by wsline_prepared_free(). The message is copied and checked
/// once, and compressed once for each level and window size in use; only masking is repeated,
/// because each frame needs its own key (RFC 6455 section 5.3). Any number of threads and
/// connections may use it at once.
pub struct wsline_prepared {
    prepared: Prepared,
    process: ProcessMark,
}

impl OfOneProcess for wsline_prepared {
    fn process(&self) -> ProcessMark {
        self.process
    }
}

impl Object for wsline_prepared {
    const NAME: &'static str = "prepared";
    type Inner<'call> = &'call Prepared;

    fn inner(&self) -> &Prepared {
        &self.prepared
    }
}

impl Inner for &Prepared {}

/// @@ One message for many connections
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
///
/// Creates a message to send to many connections.
///
/// @param opcode        WSLINE_OPCODE_TEXT or WSLINE_OPCODE_BINARY; add WSLINE_SEND_UNCOMPRESSED to
///                      never compress it.
/// @param data          the payload; text must be UTF-8; NULL with `len` 0 is an empty one.
/// @param len           bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @param prepared_out  set to the message; to NULL on failure.
/// @retval WSLINE_OK                    `*prepared_out` is yours.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `prepared_out` is NULL, `data` is NULL and `len` is not 0,
///                                      `opcode` is another number, or text is not UTF-8.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
///
/// Ownership: free it with wsline_prepared_free().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_prepared_new(
    opcode: i32,
    data: *const c_void,
    len: usize,
    prepared_out: *mut *mut wsline_prepared,
) -> wsline_status {
    guard::status("wsline_prepared_new", |arguments| {
        let place = arguments.out(prepared_out, std::ptr::null_mut(), "prepared_out")?;
        let payload = arguments.payload(data, len, "data")?;
        let SendKind {
            opcode,
            is_uncompressed,
        } = SendKind::of_message(opcode)?;
        let prepared = Prepared::new(opcode, payload, is_uncompressed, "data")?;
        let process = own_mark()?;
        *place = handle::give(wsline_prepared { prepared, process });
        Ok(())
    })
}

/// Frees a prepared message.
///
/// @param prepared  the message; may be NULL. Sends of it that have returned WSLINE_OK are not
///                  affected.
///
/// Threads: any, while no other thread uses this pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_prepared_free(prepared: *mut wsline_prepared) {
    guard::value((), |arguments| arguments.free(prepared, |_| ()));
}

/// Sends a prepared message.
///
/// If the message is compressed, it is compressed on its own, and later messages cannot refer to
/// messages before it; for many similar messages, ordinary sends compress better.
///
/// @param conn      an open connection.
/// @param prepared  the message to send.
/// @retval WSLINE_OK                    the system has accepted all of the data, or it is corked;
///                                      see wsline_conn_cork().
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: see wsline_conn_send_text().
///
/// Threads: any number at once.
/// Blocks: as wsline_conn_send_text().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send_prepared(
    conn: *mut wsline_conn,
    prepared: *const wsline_prepared,
) -> wsline_status {
    send::outbound("wsline_conn_send_prepared", conn, "prepared", |arguments| {
        outbound(arguments, prepared)
    })
}

/// Sends a prepared message with an app, as wsline_app_send() does.
///
/// @param app       an app.
/// @param prepared  the message to send.
/// @retval WSLINE_OK                    sent, or queued.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
/// @retval WSLINE_ERR_WOULD_BLOCK       and all others: see wsline_app_send_text().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_send_prepared(
    app: *mut wsline_app,
    prepared: *const wsline_prepared,
) -> wsline_status {
    send::outbound("wsline_app_send_prepared", app, "prepared", |arguments| {
        outbound(arguments, prepared)
    })
}

fn outbound(
    arguments: Arguments<'_>,
    prepared: *const wsline_prepared,
) -> Result<Outbound<'_>, Error> {
    Ok(Outbound::prepared(arguments.object(prepared)?))
}
