// SPDX-License-Identifier: Apache-2.0
//! Another Rust archive in the same program, which contains its own standard library.

/// Returns 1 if unwinding works with two standard libraries in one program.
#[unsafe(no_mangle)]
pub extern "C" fn neighbour_unwinds() -> i32 {
    let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new("thrown")));
    i32::from(caught.is_err())
}
