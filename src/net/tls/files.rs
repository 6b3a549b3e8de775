// SPDX-License-Identifier: Apache-2.0
//! The files that TLS is configured by, as they are on disk at one moment: who compares two such
//! moments sees that a file was replaced.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

#[derive(Clone, PartialEq, Eq)]
pub struct Files(Vec<(PathBuf, Option<Stamp>)>);

/// What a change of a file or of a directory's entries does not leave as it is.
#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Files {
    /// One call to the system for each; one that is not there may be there later.
    pub fn look(paths: Vec<PathBuf>) -> Self {
        let stamped = paths.into_iter().map(|path| {
            let stamp = fs::metadata(&path).ok().map(|found| Stamp {
                device: found.dev(),
                inode: found.ino(),
                size: found.size(),
                modified: (found.mtime(), found.mtime_nsec()),
            });
            (path, stamp)
        });
        Self(stamped.collect())
    }
}
