// SPDX-License-Identifier: Apache-2.0
//! A value that a thread keeps for the next time it is needed on that thread. A thread that is
//! about to end keeps nothing.

use std::cell::Cell;
use std::thread::LocalKey;

pub type ThreadCache<T> = Cell<Option<T>>;

pub fn take<T>(cache: &'static LocalKey<ThreadCache<T>>) -> Option<T> {
    cache.try_with(Cell::take).ok().flatten()
}

pub fn keep<T>(cache: &'static LocalKey<ThreadCache<T>>, value: T) {
    // The value is dropped if the thread is about to end.
    let _ = cache.try_with(|place| place.set(Some(value)));
}
