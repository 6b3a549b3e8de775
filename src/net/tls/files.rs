// SPDX-License-Identifier: Apache-2.0
//! A snapshot of the files that configure TLS. Comparing two snapshots shows whether a file was
//! replaced.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

#[derive(Clone, PartialEq, Eq)]
pub struct Files(Vec<(PathBuf, Option<Stamp>)>);

/// Metadata, part of which changes with a file's content or a directory's entries.
#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Files {
    /// Makes one system call for each path. A missing file is part of the snapshot, because it may
    /// be created later.
    pub fn stat(paths: Vec<PathBuf>) -> Self {
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
