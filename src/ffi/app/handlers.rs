// SPDX-License-Identifier: Apache-2.0
//! Turns the functions that C has set into the handlers of an app.

use super::object::wsline_app;
use crate::app::handlers::{Notice, OnClose, OnError, OnMessage, OnMessages};
use crate::base::error::Error;
use crate::conn::send::queue::Unsent;
use crate::ffi::conn::close::wsline_close_info;
use crate::ffi::conn::receive::wsline_message;
use crate::ffi::handle::{Callback, Lent, ListFn, ObjectFn, UserData, ValueFn};
use crate::ffi::last_error::{lend, wsline_error_info};
use crate::protocol::ws::close::CloseInfo;
use crate::protocol::ws::message::Message;
use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

/// Userdata of one callback, or of several.
pub(super) trait AnyUserData: Borrow<UserData> + Send + Sync + 'static {}

impl<D: Borrow<UserData> + Send + Sync + 'static> AnyUserData for D {}

pub(super) fn notice<D: AnyUserData>(
    callback: Callback<ObjectFn<wsline_app>, D>,
    app: Lent<wsline_app>,
) -> Notice {
    Arc::new(move || callback.call(&app))
}

pub(super) fn on_message<D: AnyUserData>(
    callback: Callback<ValueFn<wsline_app, wsline_message>, D>,
    app: Lent<wsline_app>,
) -> OnMessage {
    Arc::new(move |message: &Message<'_>| callback.call_with(&app, &wsline_message::new(message)))
}

pub(super) fn on_messages<D: AnyUserData>(
    callback: Callback<ListFn<wsline_app, wsline_message>, D>,
    app: Lent<wsline_app>,
) -> OnMessages {
    Arc::new(move |for_each| {
        let mut list = [wsline_message::NOTHING; MOST_AT_ONCE];
        let mut places = list.iter_mut();
        for_each(&mut |message| {
            if let Some(place) = places.next() {
                *place = wsline_message::new(message);
            }
            places.len() > 0
        });
        let unused = places.len();
        let count = list.len() - unused;
        callback.call_with_list(&app, list.get(..count).unwrap_or_default());
    })
}

/// How many messages a callback of wsline_app_on_messages() gets at most.
const MOST_AT_ONCE: usize = 64;

pub(super) fn on_error<D: AnyUserData>(
    callback: Callback<ValueFn<wsline_app, wsline_error_info>, D>,
    app: Lent<wsline_app>,
) -> OnError {
    Arc::new(move |error: &Error, retry: Option<Duration>| {
        let lent = lend(error.clone());
        callback.call_with(&app, &wsline_error_info::with_retry(&lent, retry));
    })
}

pub(super) fn on_close<D: AnyUserData>(
    callback: Callback<ValueFn<wsline_app, wsline_close_info>, D>,
    app: Lent<wsline_app>,
) -> OnClose {
    Arc::new(move |closed: &CloseInfo<'_>, unsent: Unsent| {
        callback.call_with(&app, &wsline_close_info::with_unsent(closed, unsent));
    })
}
