// SPDX-License-Identifier: Apache-2.0
//! The library's own files, with replacements at the paths that they name: loom decides which
//! thread continues, and which of the values allowed by the memory model it reads.

pub mod base {
    #[path = "../../../../src/base/priority.rs"]
    pub mod priority;
    pub mod sync;
}

pub mod net {
    pub mod wake;
}

#[path = "../../../src/app/mailbox.rs"]
pub mod mailbox;

#[path = "../../../src/conn/receive/handoff.rs"]
pub mod handoff;
