// SPDX-License-Identifier: Apache-2.0
//! Transports of the caller's.

use super::guard;
use super::handle::{
    self, Callback, Inner, Object, OfOneProcess, ReadFn, UserData, WaitFn, WriteFn,
};
use super::options::object::{self, wsline_options};
use super::status::wsline_status;
use super::types::wsline_free_fn;
use crate::base::deadline::whole_ms;
use crate::base::error::{Error, Kind};
use crate::base::process::ProcessMark;
use crate::base::sync::Arc;
use crate::conn::options::Supplied;
use crate::net::process::own_mark;
use crate::net::user_transport::{TransportFunctions, UserTransport};
use std::ffi::c_void;
use std::io;
use std::time::Duration;

/// Returned by the functions of a transport: nothing can be read or written now.
pub const WSLINE_TRANSPORT_NOT_READY: i32 = -1;

/// Returned by the functions of a transport: it has failed.
pub const WSLINE_TRANSPORT_FAILED: i32 = -2;

/// Flag for a wsline_transport_wait_fn: wait until something can be read.
pub const WSLINE_TRANSPORT_READABLE: u32 = 1;

/// Flag for a wsline_transport_wait_fn: wait until something can be written.
pub const WSLINE_TRANSPORT_WRITABLE: u32 = 2;

/// Carries bytes to and from a server with functions of yours instead of a socket: the TLS object
/// of a host language, a channel of an SSH library, a serial line.
///
/// Created by wsline_transport_new(), given to a connection by wsline_options_set_transport(),
/// freed by wsline_transport_free(). A transport serves one connection.
pub struct wsline_transport {
    transport: Arc<UserTransport>,
}

/// Reads up to `len` bytes into `data`, at least one, without waiting.
///
/// Returns the number of bytes, 0 at the end of the stream, WSLINE_TRANSPORT_NOT_READY or
/// WSLINE_TRANSPORT_FAILED. Runs on the thread that connects, receives or closes; for an app on the
/// driving thread.
pub type wsline_transport_read_fn = Option<
    unsafe extern "C-unwind" fn(data: *mut c_void, len: usize, userdata: *mut c_void) -> i64,
>;

/// Writes some of the `len` bytes of `data`, at least one, without waiting.
///
/// Returns the number of bytes, WSLINE_TRANSPORT_NOT_READY (0 means the same) or
/// WSLINE_TRANSPORT_FAILED. Runs on any thread that connects, sends, receives or closes.
pub type wsline_transport_write_fn = Option<
    unsafe extern "C-unwind" fn(data: *const c_void, len: usize, userdata: *mut c_void) -> i64,
>;

/// Waits until something can be read or written, whichever `events` names, at most `timeout_ms`
/// milliseconds.
///
/// `events` has WSLINE_TRANSPORT_READABLE, WSLINE_TRANSPORT_WRITABLE or both; `timeout_ms` is 0 to
/// 100, because between two waits the library looks for an abort. Returns 1 when the transport is
/// ready, or may be; 0 when the time is up; WSLINE_TRANSPORT_FAILED. Runs on the threads of
/// blocking calls, never for an app.
pub type wsline_transport_wait_fn =
    Option<unsafe extern "C-unwind" fn(events: u32, timeout_ms: i64, userdata: *mut c_void) -> i32>;

impl OfOneProcess for wsline_transport {
    fn process(&self) -> ProcessMark {
        self.transport.process()
    }
}

impl Object for wsline_transport {
    const NAME: &'static str = "transport";
    type Inner<'call> = Arc<UserTransport>;

    fn inner(&self) -> Arc<UserTransport> {
        Arc::clone(&self.transport)
    }
}

impl Inner for Arc<UserTransport> {}

/// @@ Transports
/// Threads: any.
/// Blocks: no.
/// Since: 0.2
///
/// Creates a transport from functions that read and write.
///
/// Only `wait` may wait. The functions run with locks of the connection held, so they must not call
/// functions of the connection or app that uses the transport; they may call
/// wsline_transport_ready(). One thread at a time calls `read`, and one calls `write`, but both may
/// run at once, and `wait` beside both and in several threads. If your transport cannot do that,
/// lock it in your functions. After an end or a failure of `read`, it is not called again.
///
/// Blocking calls wait with `wait`, if there is one. Otherwise, and for apps, a wait ends when
/// wsline_transport_ready() is called.
///
/// @param read           reads.
/// @param write          writes.
/// @param wait           waits; NULL if you call wsline_transport_ready() instead.
/// @param userdata       handed to the functions; may be NULL.
/// @param userdata_free  called once with `userdata`: after the transport, every options object
///                       that names it and the connection that uses it have been freed, or if this
///                       call fails. May be NULL.
/// @param transport_out  set to the transport; to NULL on failure.
/// @retval WSLINE_OK                    `*transport_out` is yours.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `read`, `write` or `transport_out` is NULL.
/// @retval WSLINE_ERR_IO                the system refuses to create a pair of sockets.
///
/// Ownership: free it with wsline_transport_free().
/// See also: wsline_options_set_fd(), for a transport that is a socket
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_transport_new(
    read: wsline_transport_read_fn,
    write: wsline_transport_write_fn,
    wait: wsline_transport_wait_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
    transport_out: *mut *mut wsline_transport,
) -> wsline_status {
    let name = &"wsline_transport_new";
    let userdata = Arc::new(UserData::new(name, userdata, userdata_free));
    guard::status(name, |arguments| {
        let place = arguments.out(transport_out, std::ptr::null_mut(), "transport_out")?;
        let functions = Functions {
            read: Callback::new(read.ok_or_else(|| is_null("read"))?, Arc::clone(&userdata)),
            write: Callback::new(
                write.ok_or_else(|| is_null("write"))?,
                Arc::clone(&userdata),
            ),
            wait: wait.map(|wait| Callback::new(wait, userdata)),
        };
        own_mark()?;
        let transport = UserTransport::new(Box::new(functions))
            .map_err(|error| Error::os(Kind::Io, "create a pair of sockets", &error))?;
        *place = handle::give(wsline_transport {
            transport: Arc::new(transport),
        });
        Ok(())
    })
}

/// Reports that a transport may be readable or writable again.
///
/// Call it whenever that may be so after a function has returned WSLINE_TRANSPORT_NOT_READY;
/// calling it too often does no harm. It wakes the threads and the loop that wait for the
/// transport, and whatever watches the descriptor of wsline_conn_poll_fd(). It is not needed if
/// only blocking calls use the transport, and it has a `wait` function.
///
/// @param transport  the transport.
/// @retval WSLINE_OK                    reported.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `transport` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       this is a child process that inherited the transport.
///
/// Threads: any; not in a signal handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_transport_ready(transport: *mut wsline_transport) -> wsline_status {
    guard::on("wsline_transport_ready", transport, |transport, _| {
        transport?.ready();
        Ok(())
    })
}

/// Frees a transport.
///
/// @param transport  the transport; may be NULL. A connection that uses it continues to.
///
/// Threads: any, while no other thread uses this pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_transport_free(transport: *mut wsline_transport) {
    guard::value((), |arguments| {
        arguments.free(transport, |inherited| inherited.transport.abandon());
    });
}

/// Uses a transport of yours instead of opening a socket.
///
/// The URL still determines the request, and `wss://` still means TLS, which runs over the
/// transport: if that is encrypted already, use `ws://`. With wsline_options_set_upgraded() the
/// transport is taken to be an open WebSocket connection. No proxy is used, no redirect is
/// followed, and options for sockets have no effect. An app reconnects only if on_connecting sets a
/// new transport in the options of each attempt, see wsline_app_on_connecting(). Of this function
/// and wsline_options_set_fd(), the last call counts.
///
/// wsline_conn_abort() and wsline_conn_shutdown() end a wait at once, or within 100 ms if it is one
/// with the `wait` function, which wsline_options_set_interruptible() does not end. Without `wait`,
/// the transport counts as writable until `write` refuses bytes: a send under TLS that then times
/// out drops the connection. The transport is not told that a connection has ended; close it when
/// you free the connection.
///
/// @param options    the options to modify.
/// @param transport  the transport; NULL, the default, for none. A second connect with it fails
///                   with WSLINE_ERR_WRONG_STATE.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       this is a child process that inherited the transport.
///
/// Threads: one at a time per options object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_transport(
    options: *mut wsline_options,
    transport: *mut wsline_transport,
) -> wsline_status {
    let function = "wsline_options_set_transport";
    object::set(function, options, |options, arguments| {
        options.supplied = match transport.is_null() {
            true => None,
            false => Some(Supplied::Transport(arguments.object(transport)?)),
        };
        Ok(())
    })
}

struct Functions {
    read: Callback<ReadFn, Arc<UserData>>,
    write: Callback<WriteFn, Arc<UserData>>,
    wait: Option<Callback<WaitFn, Arc<UserData>>>,
}

impl TransportFunctions for Functions {
    fn read(&self, into: &mut Vec<u8>) -> io::Result<usize> {
        let room = into.spare_capacity_mut().len().saturating_sub(1);
        count(self.read.read(into), room, "read")
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match count(self.write.write(bytes), bytes.len(), "write") {
            Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
            result => result,
        }
    }

    fn can_wait(&self) -> bool {
        self.wait.is_some()
    }

    fn wait(&self, readable: bool, writable: bool, span: Duration) -> io::Result<bool> {
        let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
        let events =
            flag(readable, WSLINE_TRANSPORT_READABLE) | flag(writable, WSLINE_TRANSPORT_WRITABLE);
        let ms = i64::try_from(whole_ms(span)).unwrap_or(i64::MAX);
        let result = self.wait.as_ref().map(|wait| wait.wait(events, ms));
        match result {
            Some(0) => Ok(false),
            Some(1..) => Ok(true),
            Some(_) | None => Err(failed("wait")),
        }
    }
}

/// The number of bytes that a function has returned, of at most `most`.
fn count(result: i64, most: usize, function: &str) -> io::Result<usize> {
    if result == WSLINE_TRANSPORT_NOT_READY.into() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    match usize::try_from(result) {
        Ok(count) if count <= most => Ok(count),
        Ok(_) => Err(io::Error::other(format!(
            "the {function} function of the transport returned {result} for at most {most} bytes"
        ))),
        Err(_) => Err(failed(function)),
    }
}

fn failed(function: &str) -> io::Error {
    io::Error::other(format!("the {function} function of the transport failed"))
}

fn is_null(name: &str) -> Error {
    Error::argument(name, "is NULL")
}
