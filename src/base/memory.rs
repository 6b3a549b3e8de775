// SPDX-License-Identifier: Apache-2.0
//! Memory whose size a caller or a peer chooses: a failed allocation is an error and never aborts
//! the process.

use super::error::Error;
use super::sync::Arc;
use std::ffi::CString;
use std::fmt::{self, Write as _};
use std::ops::Deref;

/// Reserves space for `more` elements at the end of `list`.
#[inline]
pub fn reserve<T>(list: &mut Vec<T>, more: usize) -> Result<(), Error> {
    // The standard library makes the same check, but it is not always inlined.
    if list.capacity() - list.len() >= more {
        return Ok(());
    }
    list.try_reserve(more)
        .map_err(|_| no_memory::<T>(list.len().saturating_add(more)))
}

pub fn push<T>(list: &mut Vec<T>, element: T) -> Result<(), Error> {
    reserve(list, 1)?;
    list.push(element);
    Ok(())
}

pub fn copy<T: Clone>(elements: &[T]) -> Result<Vec<T>, Error> {
    copy_with_room(elements, 0)
}

pub fn string(text: &str) -> Result<String, Error> {
    let mut copy = String::new();
    copy.try_reserve_exact(text.len())
        .map_err(|_| no_memory::<u8>(text.len()))?;
    copy.push_str(text);
    Ok(copy)
}

/// Appends all of `parts` to `text`, or none.
pub fn append(text: &mut String, parts: &[&str]) -> Result<(), Error> {
    let more = parts.iter().map(|part| part.len()).sum();
    text.try_reserve(more)
        .map_err(|_| no_memory::<u8>(text.len().saturating_add(more)))?;
    parts.iter().for_each(|part| text.push_str(part));
    Ok(())
}

/// `None` if `text` contains a NUL.
pub fn c_string(text: &[u8]) -> Result<Option<CString>, Error> {
    // With room for the NUL that `CString::new` appends.
    Ok(CString::new(copy_with_room(text, 1)?).ok())
}

pub fn concat(parts: &[&str]) -> Result<String, Error> {
    let mut text = String::new();
    append(&mut text, parts)?;
    Ok(text)
}

/// The elements of a shared list, to be modified; copies them if they are shared.
pub fn make_mut<T: Clone>(list: &mut Arc<Vec<T>>) -> Result<&mut Vec<T>, Error> {
    if Arc::get_mut(list).is_none() {
        *list = Arc::new(copy_with_room(list, 1)?);
    }
    Ok(Arc::make_mut(list))
}

/// Text from the caller. It is shared, so copies of options need no memory for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Arc<String>);

impl Text {
    pub fn copy(text: &str) -> Result<Self, Error> {
        string(text).map(Self::from)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Arc::new(text))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// At most `most` bytes of a line, followed by "…" if it is longer.
pub fn truncated(line: fmt::Arguments<'_>, most: usize) -> String {
    struct Truncated {
        text: String,
        most: usize,
    }
    impl fmt::Write for Truncated {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            let room = self.most - self.text.len();
            if part.len() <= room {
                self.text.push_str(part);
                return Ok(());
            }
            let end = (0..=room).rev().find(|end| part.is_char_boundary(*end));
            let start = part.get(..end.unwrap_or_default());
            self.text.push_str(start.unwrap_or_default());
            Err(fmt::Error)
        }
    }
    let mut line_start = Truncated {
        text: String::new(),
        most,
    };
    if line_start.write_fmt(line).is_err() {
        line_start.text.push('…');
    }
    line_start.text
}

pub fn copy_with_room<T: Clone>(elements: &[T], room: usize) -> Result<Vec<T>, Error> {
    let count = elements.len().saturating_add(room);
    let mut copy = Vec::new();
    copy.try_reserve_exact(count)
        .map_err(|_| no_memory::<T>(count))?;
    copy.extend_from_slice(elements);
    Ok(copy)
}

fn no_memory<T>(count: usize) -> Error {
    Error::no_memory(count.saturating_mul(size_of::<T>()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Kind;

    #[test]
    fn copies_are_equal_and_no_larger() {
        assert_eq!(string("äb").expect("memory"), "äb");
        assert_eq!(string("äb").expect("memory").capacity(), 3);
        assert_eq!(copy(&[1, 2]).expect("memory").capacity(), 2);
        let text = c_string(b"ab").expect("memory");
        assert_eq!(text.as_deref(), Some(c"ab"));
        assert_eq!(c_string(b"a\0b").expect("memory"), None);
        assert_eq!(concat(&["a", "", "bc"]).expect("memory"), "abc");
    }

    #[test]
    fn an_impossible_size_is_an_error() {
        let mut list = vec![1_u64];
        let error = reserve(&mut list, usize::MAX).expect_err("too much");
        assert_eq!((error.kind(), list.len()), (Kind::NoMemory, 1));
    }

    #[test]
    fn a_shared_list_is_copied_before_it_changes() {
        let mut list = Arc::new(vec![1]);
        let other = Arc::clone(&list);
        push(make_mut(&mut list).expect("memory"), 2).expect("memory");
        assert_eq!((&**list, &**other), (&[1, 2][..], &[1][..]));
        let place = list.as_ptr();
        make_mut(&mut list).expect("memory").clear();
        assert_eq!(list.as_ptr(), place, "copied although it is not shared");
    }

    #[test]
    fn a_line_is_truncated_between_characters() {
        for (most, expected) in [
            (9, "ab äöü"),
            (8, "ab äö…"),
            (4, "ab …"),
            (2, "ab…"),
            (0, "…"),
        ] {
            assert_eq!(truncated(format_args!("ab {}", "äöü"), most), expected);
        }
        assert_eq!(truncated(format_args!(""), 0), "");
    }
}
