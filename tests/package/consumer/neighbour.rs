// SPDX-License-Identifier: Apache-2.0
//! Another Rust archive in the same program: it brings a standard library of its own.

/// Does unwinding work with two standard libraries around? 1 when it does.
#[unsafe(no_mangle)]
pub extern "C" fn neighbour_unwinds() -> i32 {
    let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new("thrown")));
    i32::from(caught.is_err())
}
