// SPDX-License-Identifier: Apache-2.0
//! The long-lived client: creating, driving, waiting, freeing.

use crate::app::client::App;
use crate::base::error::Error;
use crate::base::process::ProcessMark;
use crate::base::sync::Arc;
use crate::conn::send::outbound::Outbound;
use crate::ffi::arguments;
use crate::ffi::guard;
use crate::ffi::handle::{self, Inner, Object, OfOneProcess};
use crate::ffi::options::object::wsline_options;
use crate::ffi::send::Sends;
use crate::ffi::status::wsline_status;
use crate::net::process::own_mark;
use crate::net::sys;
use std::ffi::c_char;

/// A client with callbacks: it calls your functions with what arrives and, if enabled, sends pings
/// and reconnects.
///
/// Created by wsline_app_new(), freed by wsline_app_free(). One thread drives it, that is,
/// connects, receives and calls its callbacks: the thread that calls wsline_app_run(), a thread of
/// the app's own after wsline_app_start(), or the thread that drives the wsline_loop to which the
/// app was added. All callbacks run on that thread, one at a time, never under a lock of the
/// library, and never inside a call other than the one that drives the app. They may call any
/// function, including wsline_app_free(). Any thread may send, close, and query the app.
pub struct wsline_app {
    app: Arc<App>,
    process: ProcessMark,
}

impl OfOneProcess for wsline_app {
    fn process(&self) -> ProcessMark {
        self.process
    }
}

impl Object for wsline_app {
    const NAME: &'static str = "app";
    /// Another thread or a callback may free the app during a call.
    type Inner<'call> = Arc<App>;

    fn inner(&self) -> Arc<App> {
        Arc::clone(&self.app)
    }
}

impl Inner for Arc<App> {
    fn keep(&self, error: &Error) {
        self.set_last_error(error);
    }

    fn release(self) {
        sys::release(self);
    }
}

impl Sends for Arc<App> {
    fn send(&self, message: &Outbound<'_>, name: &str) -> Result<(), Error> {
        (**self).send(message, name)
    }
}

/// @@ App
/// Since: 0.1
///
/// Creates an app; nothing is connected yet.
///
/// @param url      as for wsline_connect().
/// @param options  the options; NULL for the defaults. wsline_options_set_ping() and the options
///                 for reconnecting take effect only in apps.
/// @param app_out  set to the app; to NULL on failure.
/// @retval WSLINE_OK                    `*app_out` is yours.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `url` or `app_out` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       `options` has a cookie jar that was created before fork().
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
/// @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
///                                      why.
///
/// Ownership: free it with wsline_app_free().
/// Threads: any.
/// Blocks: no.
/// See also: wsline_app_on_message(), wsline_app_run()
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_app_new(
    url: *const c_char,
    options: *const wsline_options,
    app_out: *mut *mut wsline_app,
) -> wsline_status {
    guard::status("wsline_app_new", |arguments| {
        let place = arguments.out(app_out, std::ptr::null_mut(), "app_out")?;
        let url = arguments.long_string(url, "url")?;
        let options = wsline_options::of(arguments, options)?;
        let process = own_mark()?;
        let app = Arc::new(App::new(url, options)?);
        let handle = handle::give(wsline_app {
            app: Arc::clone(&app),
            process,
        });
        app.set_handle(handle.expose_provenance());
        *place = handle;
        Ok(())
    })
}

/// Frees an app.
///
/// An open connection is dropped without a closing handshake; no callback is called. Once this
/// function has returned, no callback runs any more: if called on a thread other than the driving
/// one, it waits for a running callback, and for the thread of wsline_app_start() to end. So do not
/// call it while holding a lock that the callback needs. In a callback of the app itself it returns
/// at once, and that callback is the last one.
///
/// @param app  the app; may be NULL.
///
/// Threads: any, provided that no other thread begins a call on the app at the same time or later.
/// Blocks: until a running callback has returned; not in a callback of the app itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_free(app: *mut wsline_app) {
    guard::value((), |arguments| {
        if let Ok(freed) = arguments.object(app) {
            freed.free();
        }
        arguments.free(app, |inherited| inherited.app.abandon());
    });
}

/// @@ Driving an app
/// Since: 0.1
///
/// Connects, and drives the app on this thread until it has ended.
///
/// An app ends when it is closed or aborted, or when a connect has failed or a connection has ended
/// and the app does not reconnect. It can then be run again.
///
/// @param app  an app that is not being driven.
/// @retval WSLINE_OK                    a closing handshake ended the connection, whichever side
///                                      began it, or wsline_app_close() was called while the app
///                                      was not connected.
/// @retval WSLINE_ERR_ABORTED           wsline_app_abort(), wsline_app_abort_from_signal() or
///                                      wsline_app_free() ended it, or on_connecting returned
///                                      WSLINE_CONNECT_GIVE_UP and no failure came before; from
///                                      wsline_app_join() also: wsline_loop_remove() or
///                                      wsline_loop_free() ended it.
/// @retval WSLINE_ERR_CONNECTION_LOST   the transport ended without a closing handshake.
/// @retval WSLINE_ERR_PONG_TIMEOUT      the server did not answer a ping.
/// @retval WSLINE_ERR_TIMEOUT           the server did not answer the close frame, or the connect
///                                      timed out; `phase` in wsline_last_error() says which.
/// @retval WSLINE_ERR_HTTP_STATUS       and all others: see wsline_connect() and
///                                      wsline_conn_recv().
/// @retval WSLINE_ERR_BUSY              the app is already being driven.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
///
/// Threads: any. Callbacks run on the calling thread.
/// Blocks: until the app has ended; wsline_app_close() and wsline_app_abort() make it end.
/// In callbacks: WSLINE_ERR_BUSY for the app of the callback.
/// See also: wsline_app_start(), wsline_loop_add()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_run(app: *mut wsline_app) -> wsline_status {
    guard::on("wsline_app_run", app, |app, _| App::run(app?))
}

/// Drives the app on a thread of its own, as wsline_app_run() does.
///
/// The thread blocks all signals.
///
/// @param app  an app that is not being driven.
/// @retval WSLINE_OK                    the app is being driven by its own thread.
/// @retval WSLINE_ERR_BUSY              the app is already being driven.
/// @retval WSLINE_ERR_IO                the system could not create a thread or descriptors.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
///
/// Threads: any. Callbacks run on the app's own thread.
/// Blocks: no.
/// See also: wsline_app_join()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_start(app: *mut wsline_app) -> wsline_status {
    guard::on("wsline_app_start", app, |app, _| App::start(app?))
}

/// Waits until an app has ended, whatever drives it, and reports why.
///
/// It does not end the app; use wsline_app_close() for that.
///
/// @param app         an app.
/// @param timeout_ms  milliseconds; 0 does not wait, WSLINE_FOREVER and WSLINE_DEFAULT_TIMEOUT wait
///                    indefinitely.
/// @retval WSLINE_OK                    and all others: what wsline_app_run() would have returned.
/// @retval WSLINE_ERR_TIMEOUT           the app has not ended in time, or it has ended with this
///                                      status; in the second case wsline_app_is_running() returns
///                                      false.
/// @retval WSLINE_ERR_WRONG_STATE       the app was never driven, or this thread is driving it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, or `timeout_ms` is another negative number.
///
/// Threads: any but the driving one.
/// Blocks: up to `timeout_ms`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_join(app: *mut wsline_app, timeout_ms: i64) -> wsline_status {
    guard::after_failure("wsline_app_join", app, |app, _| {
        let app = app?;
        app.join(arguments::timeout(timeout_ms, "timeout_ms")?)
    })
}

/// Stops receiving: nothing is read from the socket until wsline_app_resume().
///
/// TCP then holds the server back, and memory stays bounded by what one read has brought. Meanwhile
/// pings of the server are not answered, and its close frame or the end of the connection is not
/// noticed, unless a send fails. The app sends no pings of its own, so keepalive does not drop the
/// connection. If this function is called in on_message, no further message is delivered after the
/// callback has returned. Sending works as usual. wsline_app_close() and wsline_app_reconnect() end
/// the pause, because the closing handshake must be read; the pause also ends when the app ends. A
/// connection that opens during the pause is paused, too.
///
/// @param app  an app.
/// @retval WSLINE_OK                    paused.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
///
/// Threads: any.
/// Blocks: no.
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_pause(app: *mut wsline_app) -> wsline_status {
    guard::on("wsline_app_pause", app, |app, _| {
        app?.pause();
        Ok(())
    })
}

/// Continues to receive after wsline_app_pause().
///
/// Keepalive starts over: the next ping is due after a whole interval.
///
/// @param app  an app.
/// @retval WSLINE_OK                    not paused.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
///
/// Threads: any.
/// Blocks: no.
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_resume(app: *mut wsline_app) -> wsline_status {
    guard::on("wsline_app_resume", app, |app, _| {
        app?.resume();
        Ok(())
    })
}
