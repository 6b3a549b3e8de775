// SPDX-License-Identifier: Apache-2.0
//! What a thread keeps for whoever needs such a thing next on it. A thread that is about to end
//! keeps nothing any more.

use std::cell::Cell;
use std::thread::LocalKey;

pub type ThreadCache<T> = Cell<Option<T>>;

pub fn take<T>(spare: &'static LocalKey<ThreadCache<T>>) -> Option<T> {
    spare.try_with(Cell::take).ok().flatten()
}

pub fn keep<T>(spare: &'static LocalKey<ThreadCache<T>>, thing: T) {
    // Where nothing is kept any more it is dropped.
    let _ = spare.try_with(|place| place.set(Some(thing)));
}
