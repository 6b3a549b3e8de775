// SPDX-License-Identifier: Apache-2.0
//! Holds `src/` to `src/ARCHITECTURE.md`: arrows one way, small files, `unsafe` in its places, every file named.
#![allow(
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may name.
const ARROWS: [(&str, &[&str]); 6] = [
    ("base", &["base"]),
    ("protocol", &["base", "protocol"]),
    ("net", &["base", "net"]),
    ("conn", &["base", "protocol", "net", "conn"]),
    ("app", &["base", "protocol", "net", "conn", "app"]),
    ("ffi", &["base", "protocol", "net", "conn", "app", "ffi"]),
];

/// Where `unsafe` does more than call what stands here.
const UNSAFE_FILES: [&str; 3] = ["ffi/handle.rs", "ffi/ptr.rs", "net/sys.rs"];

const MAX_LINES: usize = 500;

#[test]
fn arrows_point_one_way() {
    let mut wrong = Vec::new();
    for file in sources() {
        let name = name(&file);
        let Some((_, allowed)) = ARROWS.iter().find(|(room, _)| name.starts_with(room)) else {
            continue;
        };
        for room in code(&file).split("crate::").skip(1).map(first_word) {
            if !allowed.contains(&room) {
                wrong.push(format!("{name} names crate::{room}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_is_in_a_room_and_short() {
    let mut wrong = Vec::new();
    for file in sources() {
        let name = name(&file);
        let lines = code(&file).lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{name} has {lines} lines of code"));
        }
        let in_room = ARROWS.iter().any(|(room, _)| name.starts_with(room));
        if !in_room && name != "lib.rs" {
            wrong.push(format!("{name} is in no room"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn unsafe_is_a_place() {
    let mut wrong = Vec::new();
    for file in sources() {
        let name = name(&file);
        if UNSAFE_FILES.contains(&name.as_str()) {
            continue;
        }
        for line in code(&file).lines() {
            let is_unsafe = line.contains("unsafe {") || line.contains("unsafe impl");
            if is_unsafe && !name.starts_with("ffi/") {
                wrong.push(format!("{name}: {}", line.trim()));
            }
            // In ffi, a block holds calls of ptr, handle and what is built of them alone; a raw
            // pointer is dereferenced nowhere else.
            let derefs = ["from_raw", "as_ref()", "as_mut()", ".read()", ".write("];
            if is_unsafe && derefs.iter().any(|call| line.contains(call)) {
                wrong.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_architecture_page_names_every_file_and_no_other() {
    let page = fs::read_to_string(source_folder().join("ARCHITECTURE.md")).expect("readable");
    let named: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.ends_with(".rs"))
        .map(str::to_owned)
        .collect();
    let there: BTreeSet<String> = sources()
        .iter()
        .map(|file| name(file))
        .filter(|name| !name.ends_with("mod.rs"))
        .collect();
    let missing: Vec<_> = there.difference(&named).collect();
    let gone: Vec<_> = named.difference(&there).collect();
    assert!(missing.is_empty(), "not in ARCHITECTURE.md: {missing:#?}");
    assert!(gone.is_empty(), "in ARCHITECTURE.md only: {gone:#?}");
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<PathBuf> {
    let mut folders = vec![source_folder()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty());
    files
}

/// Relative to `src/`.
fn name(file: &Path) -> String {
    let relative = file.strip_prefix(source_folder()).expect("below src");
    relative.display().to_string()
}

/// The file without comments and without its unit tests, which stand last.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("readable");
    let code = text.split("#[cfg(test)]\nmod tests").next();
    let lines = code.unwrap_or_default().lines();
    let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| format!("{line}\n")).collect()
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}
