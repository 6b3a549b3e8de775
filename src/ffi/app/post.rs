// SPDX-License-Identifier: Apache-2.0
//! Functions that the driving thread calls soon, or at a later time.

use super::event_loop::wsline_loop;
use super::object::wsline_app;
use crate::app::timers::TimedWork;
use crate::base::error::Error;
use crate::ffi::app::callbacks::wsline_app_fn;
use crate::ffi::arguments;
use crate::ffi::guard;
use crate::ffi::handle::{Lent, ObjectFn, UserData};
use crate::ffi::status::wsline_status;
use crate::ffi::types::wsline_free_fn;
use std::ffi::c_void;
use std::time::Duration;

/// A function passed to wsline_loop_post(); called once, by the thread that drives the loop.
pub type wsline_post_fn =
    Option<unsafe extern "C-unwind" fn(r#loop: *mut wsline_loop, userdata: *mut c_void)>;

/// @@ Posts and timers
/// Threads: any. `fn` runs on the thread that drives the loop or the app.
/// Blocks: no.
/// In callbacks: allowed; `fn` is not called inside this call.
/// Since: 0.2
///
/// Schedules a function on the thread that drives the loop.
///
/// Functions posted by one thread are called in the order in which they were posted, after the work
/// that the loop is doing now.
///
/// @param loop           a loop.
/// @param fn             the function; called once.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata`, after `fn`, or instead of it if the loop is
///                       freed first or if this call fails; may be NULL.
/// @retval WSLINE_OK                    `fn` will be called, unless the loop is freed first.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `loop` or `fn` is NULL.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_loop_post(
    r#loop: *mut wsline_loop,
    r#fn: wsline_post_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let name = &"wsline_loop_post";
    let userdata = UserData::new(name, userdata, userdata_free);
    guard::on(name, r#loop, |event_loop, _| {
        let work = work(r#loop, userdata, r#fn)?;
        event_loop?.post(work)
    })
}

/// Schedules a function on the thread that drives the loop, after a delay.
///
/// The function runs when the delay has passed on the monotonic clock and the loop is being driven.
/// It does not keep wsline_loop_run() from returning when all apps have ended. A timer that waits
/// costs only its memory.
///
/// @param loop           a loop.
/// @param delay_ms       milliseconds, 0 or more.
/// @param fn             the function; called once.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata`, after `fn`, or instead of it if the post is
///                       cancelled, if the loop is freed first, or if this call fails; may be NULL.
/// @param post_id_out    set to the number to cancel it by, never 0; to 0 on failure. May be NULL.
/// @retval WSLINE_OK                    `fn` will be called, unless the loop is freed first.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `loop` or `fn` is NULL, or `delay_ms` is out of range.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
///
/// See also: wsline_loop_cancel_post(), wsline_app_post_after()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_loop_post_after(
    r#loop: *mut wsline_loop,
    delay_ms: i64,
    r#fn: wsline_post_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
    post_id_out: *mut u64,
) -> wsline_status {
    let name = &"wsline_loop_post_after";
    let userdata = UserData::new(name, userdata, userdata_free);
    guard::on(name, r#loop, |event_loop, arguments| {
        let place = arguments.out(post_id_out, 0, "post_id_out").ok();
        let delay = arguments::span(delay_ms, "delay_ms");
        let work = work(r#loop, userdata, r#fn)?;
        put(place, event_loop?.post_after(delay?, work)?);
        Ok(())
    })
}

/// Cancels a function scheduled with wsline_loop_post_after().
///
/// @param loop     a loop.
/// @param post_id  its number.
/// @retval WSLINE_OK                    it will not be called; its `userdata` has been freed.
/// @retval WSLINE_ERR_WRONG_STATE       it has been called or cancelled, or is running now.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `loop` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_loop_cancel_post(
    r#loop: *mut wsline_loop,
    post_id: u64,
) -> wsline_status {
    guard::on("wsline_loop_cancel_post", r#loop, |event_loop, _| {
        event_loop?.cancel_post(post_id)
    })
}

/// Schedules a function on the thread that drives the app.
///
/// It runs like a callback of the app: never inside another one, and not after the app has been
/// aborted or freed or has ended. Functions posted by one thread are called in the order in which
/// they were posted.
///
/// @param app            an app that is being driven.
/// @param fn             the function; called once.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata`, after `fn`, or instead of it if the app ends
///                       first or if this call fails; may be NULL.
/// @retval WSLINE_OK                    `fn` will be called, unless the app ends first.
/// @retval WSLINE_ERR_WRONG_STATE       the app is not being driven.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` or `fn` is NULL.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
///
/// See also: wsline_app_post_after()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_post(
    app: *mut wsline_app,
    r#fn: wsline_app_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let name = &"wsline_app_post";
    let userdata = UserData::new(name, userdata, userdata_free);
    guard::on(name, app, |inner, _| {
        let work = work(app, userdata, r#fn)?;
        inner?.post_after(Duration::ZERO, work).map(drop)
    })
}

/// Schedules a function on the thread that drives the app, after a delay.
///
/// For heartbeats of protocols such as MQTT or STOMP, and for whatever an app does from time to
/// time: call it again in `fn` to repeat it. It does not depend on a connection: it also runs while
/// the app waits for its next attempt. A timer that waits costs only its memory.
///
/// @param app            an app that is being driven.
/// @param delay_ms       milliseconds, 0 or more, on the monotonic clock.
/// @param fn             the function; called once.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata`, after `fn`, or instead of it if the post is
///                       cancelled, if the app ends first, or if this call fails; may be NULL.
/// @param post_id_out    set to the number to cancel it by, never 0; to 0 on failure. May be NULL.
/// @retval WSLINE_OK                    `fn` will be called, unless the app ends first.
/// @retval WSLINE_ERR_WRONG_STATE       the app is not being driven.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` or `fn` is NULL, or `delay_ms` is out of range.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
///
/// See also: wsline_app_cancel_post(), wsline_loop_post_after()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_post_after(
    app: *mut wsline_app,
    delay_ms: i64,
    r#fn: wsline_app_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
    post_id_out: *mut u64,
) -> wsline_status {
    let name = &"wsline_app_post_after";
    let userdata = UserData::new(name, userdata, userdata_free);
    guard::on(name, app, |inner, arguments| {
        let place = arguments.out(post_id_out, 0, "post_id_out").ok();
        let delay = arguments::span(delay_ms, "delay_ms");
        let work = work(app, userdata, r#fn)?;
        put(place, inner?.post_after(delay?, work)?);
        Ok(())
    })
}

/// Cancels a function scheduled with wsline_app_post_after().
///
/// @param app      an app.
/// @param post_id  its number.
/// @retval WSLINE_OK                    it will not be called; its `userdata` has been freed.
/// @retval WSLINE_ERR_WRONG_STATE       it has been called or cancelled, is running now, or the app
///                                      has ended since.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_cancel_post(
    app: *mut wsline_app,
    post_id: u64,
) -> wsline_status {
    guard::on("wsline_app_cancel_post", app, |app, _| {
        app?.cancel_post(post_id)
    })
}

/// The work that the driver runs once.
fn work<T: Send + Sync + 'static>(
    object: *mut T,
    userdata: UserData,
    function: Option<ObjectFn<T>>,
) -> Result<TimedWork, Error> {
    let callback = userdata.with_function(function);
    let callback = callback.ok_or_else(|| Error::argument("fn", "is NULL"))?;
    let lent = Lent::new(object);
    Ok(Box::new(move || callback.call(&lent)))
}

fn put(place: Option<&mut u64>, id: u64) {
    if let Some(place) = place {
        *place = id;
    }
}
