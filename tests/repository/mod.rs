// SPDX-License-Identifier: Apache-2.0
//! The files of the repository, for tests that check all of a kind.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file below `folder` with one of these extensions.
pub(crate) fn files(folder: PathBuf, extensions: &[&str]) -> Vec<PathBuf> {
    let mut folders = vec![folder];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                if !is_skipped(&path) {
                    folders.push(path);
                }
            } else if extensions
                .iter()
                .any(|it| path.extension() == Some(it.as_ref()))
            {
                files.push(path);
            }
        }
    }
    files
}

/// Build results, as in .gitignore, and Git's own files.
fn is_skipped(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name == ".git" || name == "target" || name.starts_with("build")
}
