// SPDX-License-Identifier: Apache-2.0
//! Loops that drive apps.

use super::object::wsline_app;
use crate::app::client::App;
use crate::app::event_loop::EventLoop;
use crate::base::deadline::Timeout;
use crate::base::process::ProcessMark;
use crate::base::sync::Arc;
use crate::ffi::arguments;
use crate::ffi::guard;
use crate::ffi::handle::{self, Inner, Object, OfOneProcess};
use crate::ffi::status::wsline_status;
use crate::net::process::own_mark;

/// Drives any number of apps on one thread.
///
/// Created by wsline_loop_new(), freed by wsline_loop_free(). One thread at a time drives it, with
/// wsline_loop_run() or wsline_loop_run_once(); a second one gets WSLINE_ERR_BUSY. Any thread may
/// call any other function, but wsline_loop_free() only while no other thread uses the loop.
/// Another event loop can watch the whole loop through one descriptor; see wsline_loop_fd().
pub struct wsline_loop {
    event_loop: Arc<EventLoop>,
    process: ProcessMark,
}

impl OfOneProcess for wsline_loop {
    fn process(&self) -> ProcessMark {
        self.process
    }
}

impl Object for wsline_loop {
    const NAME: &'static str = "loop";
    /// A callback may free the loop that runs it.
    type Inner<'call> = Arc<EventLoop>;

    fn inner(&self) -> Arc<EventLoop> {
        Arc::clone(&self.event_loop)
    }
}

impl Inner for Arc<EventLoop> {}

/// For exports on a loop and an app.
impl Inner for (Arc<EventLoop>, Arc<App>) {}

/// @@ Loop
/// Blocks: no.
/// Since: 0.1
///
/// Creates a loop without apps.
///
/// @param loop_out  set to the loop; to NULL on failure.
/// @retval WSLINE_OK                    `*loop_out` is yours.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `loop_out` is NULL.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
/// @retval WSLINE_ERR_IO                the system could not create descriptors; a loop needs two.
///
/// Ownership: free it with wsline_loop_free().
/// Threads: any.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_loop_new(loop_out: *mut *mut wsline_loop) -> wsline_status {
    guard::status("wsline_loop_new", |arguments| {
        let place = arguments.out(loop_out, std::ptr::null_mut(), "loop_out")?;
        let process = own_mark()?;
        let event_loop = Arc::new(EventLoop::new()?);
        *place = handle::give(wsline_loop {
            event_loop,
            process,
        });
        Ok(())
    })
}

/// Frees a loop.
///
/// Apps in it end with WSLINE_ERR_ABORTED: their connections are dropped, and no callback is called
/// except that of wsline_options_set_event_callback(). You still have to free them. In a callback
/// of the loop it returns at once, and the function that drives the loop returns after the
/// callback.
///
/// What wsline_loop_post_after() has scheduled is freed before the loop: while its `userdata_free`
/// runs, any thread may still call wsline_loop_post() and wsline_loop_cancel_post().
///
/// @param loop  the loop; may be NULL.
///
/// Threads: any, while no other thread drives or uses the loop.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_loop_free(r#loop: *mut wsline_loop) {
    guard::value((), |arguments| {
        if let Ok(event_loop) = arguments.object(r#loop) {
            event_loop.retire();
        }
        arguments.free(r#loop, |inherited| inherited.event_loop.abandon());
    });
}

/// Adds an app to a loop, which connects it and drives it until it has ended.
///
/// An app that has ended is in no loop and may be added again.
///
/// @param loop  a loop.
/// @param app   an app that is not being driven.
/// @retval WSLINE_OK                    the app will connect as soon as the loop is driven.
/// @retval WSLINE_ERR_BUSY              the app is already being driven, by this loop or otherwise.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// Ownership: the app stays yours; it may be freed while it is in a loop.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_loop_add(
    r#loop: *mut wsline_loop,
    app: *mut wsline_app,
) -> wsline_status {
    guard::on("wsline_loop_add", r#loop, |event_loop, arguments| {
        event_loop?.add(&arguments.object(app)?)
    })
}

/// Removes an app from a loop, and ends it as wsline_app_abort() does.
///
/// @param loop  a loop.
/// @param app   an app.
/// @retval WSLINE_OK                    the app will end with WSLINE_ERR_ABORTED.
/// @retval WSLINE_ERR_WRONG_STATE       the app is not in this loop.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_loop_remove(
    r#loop: *mut wsline_loop,
    app: *mut wsline_app,
) -> wsline_status {
    guard::after_failure_of(
        "wsline_loop_remove",
        |arguments| Ok((arguments.object(r#loop)?, arguments.object(app)?)),
        |both, _| {
            let (event_loop, app) = both?;
            event_loop.remove(app)
        },
    )
}

/// Drives all apps of a loop on this thread until all have ended, or wsline_loop_stop() is called.
///
/// To wait for apps that are yet to be added, drive the loop with wsline_loop_run_once().
///
/// @param loop  a loop.
/// @retval WSLINE_OK                    all apps have ended, or it was stopped.
/// @retval WSLINE_ERR_BUSY              the loop is already being driven.
/// @retval WSLINE_ERR_IO                waiting failed.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `loop` is NULL.
///
/// Threads: any, one at a time. Callbacks run on the calling thread.
/// Blocks: until all apps have ended; wsline_loop_stop() ends it.
/// In callbacks: WSLINE_ERR_BUSY for the loop of the callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_loop_run(r#loop: *mut wsline_loop) -> wsline_status {
    guard::on("wsline_loop_run", r#loop, |event_loop, _| event_loop?.run())
}

/// Waits until there is something to do, does it, and returns.
///
/// @param loop        a loop.
/// @param timeout_ms  milliseconds; 0 does not wait, WSLINE_FOREVER and WSLINE_DEFAULT_TIMEOUT wait
///                    indefinitely.
/// @retval WSLINE_OK                    done, or nothing had to be done before the timeout.
/// @retval WSLINE_ERR_BUSY              the loop is already being driven.
/// @retval WSLINE_ERR_IO                waiting failed.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `loop` is NULL, or `timeout_ms` is another negative number.
///
/// Threads: any, one at a time. Callbacks run on the calling thread.
/// Blocks: up to `timeout_ms`; wsline_loop_stop() ends the wait.
/// In callbacks: WSLINE_ERR_BUSY for the loop of the callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_loop_run_once(
    r#loop: *mut wsline_loop,
    timeout_ms: i64,
) -> wsline_status {
    guard::on("wsline_loop_run_once", r#loop, |event_loop, _| {
        let event_loop = event_loop?;
        event_loop.run_once(arguments::timeout(timeout_ms, "timeout_ms")?.span())
    })
}

/// Makes wsline_loop_run() return, or wsline_loop_run_once() stop waiting: the call in progress or,
/// if there is none, the next one.
///
/// It does not end any app, and the loop can be driven again. It may be called in a signal handler.
///
/// @param loop  a loop.
/// @retval WSLINE_OK                    the call will return.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `loop` is NULL. In a signal handler it must not be.
///
/// Threads: any; async-signal-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_loop_stop(r#loop: *mut wsline_loop) -> wsline_status {
    guard::after_failure("wsline_loop_stop", r#loop, |event_loop, _| {
        event_loop?.stop();
        Ok(())
    })
}

/// @@ A loop inside another event loop
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
///
/// Returns a descriptor that is readable when wsline_loop_run_once() has something to do.
///
/// Watch it for reading with poll(2), epoll(7), libuv, GLib, asyncio or any other event loop. When
/// it is readable, or when wsline_loop_next_timeout_ms() has passed, call wsline_loop_run_once()
/// with 0, and ask for the next timeout.
///
/// Edge-triggered watching works too (EPOLLET, as in Go's netpoller and tokio's AsyncFd). One call
/// of wsline_loop_run_once() may leave work for the next, without another edge; then
/// wsline_loop_next_timeout_ms() returns 0. So ask for the timeout after each call, and call again
/// while it is 0.
///
/// @param loop  a loop.
/// @return      the descriptor, which belongs to the loop and must not be read, written or closed;
///              -1 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_loop_fd(r#loop: *const wsline_loop) -> i32 {
    guard::value(-1, |arguments| {
        let event_loop = arguments.object(r#loop);
        event_loop.map_or(-1, |event_loop| event_loop.fd())
    })
}

/// Returns the longest time to wait on wsline_loop_fd() before wsline_loop_run_once() must be
/// called anyway, for example for a ping, a timeout or the next attempt to connect.
///
/// Call it after each wsline_loop_run_once(). If another thread needs the loop earlier, the
/// descriptor becomes readable.
///
/// @param loop  a loop.
/// @return      milliseconds, rounded up; 0 if something is due now, or was left over by the last
///              call; WSLINE_FOREVER if nothing is scheduled, and for NULL. What has arrived since
///              then makes the descriptor readable, and does not change the result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_loop_next_timeout_ms(r#loop: *const wsline_loop) -> i64 {
    guard::value(0, |arguments| {
        let event_loop = arguments.object(r#loop).ok();
        let next = event_loop.and_then(|event_loop| event_loop.next_step());
        Timeout::of_span(next).to_ms()
    })
}
