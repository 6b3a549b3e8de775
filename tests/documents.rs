// SPDX-License-Identifier: Apache-2.0
//! Checks the Markdown of the repository: its width, and that the files and make targets that it
//! names exist. Checks that CI installs what its targets need.

mod repository;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// As in .editorconfig.
const MAX_COLUMNS: usize = 120;

/// Written by `make bench`.
const GENERATED: &str = "benches/results.md";

/// The guides for contributors.
const GUIDES: [&str; 4] = [
    "AGENTS.md",
    "CONTRIBUTING.md",
    "RELEASING.md",
    "SECURITY.md",
];

/// Where short file names in guides are found: `test_limit.c`, `conformance/utf8.rs`, `keys.rs`.
const FOLDERS: [&str; 5] = ["", "tests", "tests/c", "tests/conformance", "src/conn/send"];

const EXTENSIONS: [&str; 10] = [
    "c", "h", "lock", "md", "py", "rs", "sh", "supp", "symbols", "toml",
];

/// Tables have one line per row, and code keeps its width.
#[test]
fn no_line_is_wider_than_120_columns() {
    let mut wrong = Vec::new();
    for file in markdown() {
        let mut is_code = false;
        for (number, line) in read(&file).lines().enumerate() {
            is_code ^= line.trim_start().starts_with("```");
            let is_free = is_code || line.starts_with('|');
            if !is_free && line.chars().count() > MAX_COLUMNS {
                wrong.push(format!("{file}:{}", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_that_a_guide_names_exist() {
    let mut wrong = Vec::new();
    for guide in GUIDES {
        let text = read(guide);
        let names: Vec<_> = text.split('`').skip(1).step_by(2).filter(is_file).collect();
        assert!(!names.is_empty(), "{guide} names no file");
        for name in names {
            let exists = |folder: &&str| root().join(folder).join(name).exists();
            if !FOLDERS.iter().any(exists) {
                wrong.push(format!("{guide}: {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn make_targets_that_a_document_names_exist() {
    let makefile = read("Makefile");
    let rules = makefile.lines().filter(|line| !line.starts_with('\t'));
    let heads = rules.filter_map(|line| Some(line.split_once(':')?.0));
    let targets: BTreeSet<_> = heads.flat_map(str::split_whitespace).collect();
    let mut wrong = Vec::new();
    for file in markdown() {
        let text = read(&file);
        for call in text.split("`make ").skip(1) {
            let call = call.split('`').next().unwrap_or_default();
            let words = call.split_whitespace();
            for word in words.take_while(|word| !word.contains(['=', '\''])) {
                if !targets.contains(word) {
                    wrong.push(format!("{file}: make {word}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `{ target: docs, groups: peers checks, minutes: 20 }`, and `docs: TOOLS = peers checks`.
#[test]
fn ci_installs_the_tools_of_its_targets() {
    let makefile = read("Makefile");
    let workflow = read(".github/workflows/ci.yml");
    let rows: Vec<_> = workflow.split("{ target: ").skip(1).collect();
    assert!(rows.len() > 4, "{rows:?}");
    let mut wrong = Vec::new();
    for row in rows {
        let (target, rest) = row.split_once(", groups: ").expect("groups");
        let groups = rest.split(',').next().unwrap_or_default();
        let groups: Vec<_> = groups.split_whitespace().collect();
        for line in makefile.lines() {
            let Some((targets, tools)) = line.split_once(": TOOLS = ") else {
                continue;
            };
            let is_meant = targets.split_whitespace().any(|name| name == target);
            if is_meant && tools.split_whitespace().any(|tool| !groups.contains(&tool)) {
                wrong.push(format!("{target} needs {tools}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn is_file(name: &&str) -> bool {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let is_built = name.starts_with("target/") || name.starts_with("build/");
    name.chars().all(is_path)
        && !is_built
        && extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

/// Every handwritten Markdown file.
fn markdown() -> Vec<String> {
    let short = |file: PathBuf| {
        let short = file.strip_prefix(root()).expect("below");
        short.to_string_lossy().into_owned()
    };
    let files = repository::files(root(), &["md"]).into_iter();
    let mut files: Vec<_> = files.map(short).collect();
    files.retain(|file| file != GENERATED);
    assert!(files.len() > 4, "{files:#?}");
    files
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
