// SPDX-License-Identifier: Apache-2.0
//! Compares `src/` with `src/ARCHITECTURE.md`: what each layer may name, no import cycles, `unsafe`
//! only in its places, every file in the table. Checks that the files of the repository are small.
#![allow(
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

#[path = "layering/imports.rs"]
mod imports;
mod repository;

use imports::Imports;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where `unsafe` code contains its own operations.
const UNSAFE_FILES: [&str; 5] = [
    "ffi/handle.rs",
    "ffi/ptr.rs",
    "net/aws_lc.rs",
    "net/openssl.rs",
    "net/sys.rs",
];

/// Where it only calls functions of those files.
const UNSAFE_CALLERS: [&str; 2] = ["ffi/arguments.rs", "ffi/options/tls_protocol.rs"];

/// Of each file with code that is written by hand. Data files have other extensions.
const MAX_LINES: usize = 500;
const CODE: [&str; 8] = ["bash", "c", "cpp", "h", "hpp", "py", "rs", "sh"];

/// cbindgen writes all that `src/ffi` exports into one header.
const GENERATED: &str = "include/wsline.h";

/// As in rustfmt.toml.
const MAX_COLUMNS: usize = 100;

#[test]
fn a_layer_names_exactly_the_layers_on_the_page() {
    let allowed = layers();
    let imports = imports_of_sources();
    let mut used: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (file, targets) in &imports {
        for target in targets.keys().filter(|target| layer(target) != layer(file)) {
            used.entry(layer(file)).or_default().insert(layer(target));
            let named = allowed.get(layer(file));
            if !named.is_some_and(|layers| layers.contains(layer(target))) && file != "lib.rs" {
                wrong.push(format!("{file} names {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (layer, named) in &allowed {
        let used = used.remove(layer.as_str()).unwrap_or_default();
        let unused: Vec<_> = named
            .iter()
            .filter(|layer| !used.contains(layer.as_str()))
            .collect();
        assert!(
            unused.is_empty(),
            "{layer} does not name {unused:?}: take it off the page"
        );
    }
}

#[test]
fn no_file_imports_itself_through_others() {
    let imports = imports_of_sources();
    let circles = imports::circles(&imports);
    let ties = |circle| format!("circle\n{}", imports::ties(circle, &imports));
    let wrong: String = circles.iter().map(ties).collect();
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_file_is_in_a_layer() {
    let layers = layers();
    let mut wrong = Vec::new();
    for file in sources() {
        let name = name(&file);
        if !layers.contains_key(layer(&name)) && name != "lib.rs" {
            wrong.push(format!("{name} is in no layer"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_file_is_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = repository::files(root.to_owned(), &CODE);
    for extension in CODE {
        let is_such = |file: &PathBuf| file.extension().is_some_and(|it| it == extension);
        assert!(files.iter().any(is_such), "no .{extension}");
    }
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| **file != root.join(GENERATED)) {
        let lines = fs::read_to_string(file).expect("readable").lines().count();
        if lines > MAX_LINES {
            let name = file.strip_prefix(root).expect("below").display();
            wrong.push(format!("{name} has {lines} lines"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// rustfmt handles code; this is for comments, which it wraps only on nightly.
#[test]
fn no_comment_is_wider_than_code() {
    let mut wrong = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).expect("readable");
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") && line.chars().count() > MAX_COLUMNS {
                wrong.push(format!("{}:{}", name(&file), number + 1));
            }
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
            if is_unsafe && !UNSAFE_CALLERS.contains(&name.as_str()) {
                wrong.push(format!("{name}: {}", line.trim()));
            }
            let derefs = ["from_raw", "as_ref()", "as_mut()", ".read()", ".write("];
            if is_unsafe && derefs.iter().any(|call| line.contains(call)) {
                wrong.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A value that reads C pointers represents the promise of an export's caller, so exports must not
/// create it themselves.
#[test]
fn only_the_guard_makes_what_reads_pointers() {
    let makes = |file: &PathBuf| code(file).contains("Arguments::of_an_export");
    let makers: Vec<_> = sources()
        .iter()
        .filter(|file| makes(file))
        .map(|file| name(file))
        .collect();
    assert_eq!(makers, ["ffi/guard.rs"]);
}

#[test]
fn the_architecture_page_names_every_file_and_no_other() {
    let named: BTreeSet<String> = page()
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

#[test]
fn the_walks_name_functions_that_exist() {
    let page = page();
    let walks = page.split("\n## Four walks\n").nth(1).expect("the section");
    let walks = walks.split("\n## ").next().unwrap_or_default();
    let steps: Vec<_> = walks.lines().filter(|line| line.contains(". `")).collect();
    assert!(steps.len() > 4, "{walks}");
    for step in steps {
        let mut names = step.split('`').skip(1).step_by(2);
        let (file, function) = (names.next().expect(step), names.next().expect(step));
        let text = fs::read_to_string(source_folder().join(file));
        let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
        let heads = [format!("fn {function}("), format!("fn {function}<")];
        assert!(
            heads.iter().any(|head| text.contains(head)),
            "{file} has no {function}()"
        );
    }
}

/// The functions that the models of tests/loom stand for.
#[test]
fn the_models_name_functions_that_exist() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/loom/tests");
    let code: String = sources().iter().map(|file| code(file)).collect();
    let mut count = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let model = fs::read_to_string(entry.expect("an entry").path()).expect("a file");
        for name in model.split("/// Like `").skip(1) {
            let name = name.split('`').next().unwrap_or_default();
            let (_, function) = name.split_once("::").expect("Type::function");
            count += 1;
            if !code.contains(&format!("fn {function}(")) {
                wrong.push(name.to_owned());
            }
        }
    }
    assert!(count > 0, "no model names a function");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn page() -> String {
    fs::read_to_string(source_folder().join("ARCHITECTURE.md")).expect("readable")
}

/// The first two columns of the page's table: each layer, and the layers that it may name.
fn layers() -> BTreeMap<String, BTreeSet<String>> {
    let page = page();
    let rows = page
        .lines()
        .skip_while(|line| !line.starts_with("| layer | may name |"));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    let layers: BTreeMap<_, _> = rows.map(row).collect();
    assert!(!layers.is_empty(), "the page has no table of layers");
    layers
}

fn row(line: &str) -> (String, BTreeSet<String>) {
    let cells: Vec<_> = line.split('|').map(str::trim).collect();
    let named = cells[2].split(", ").filter(|name| *name != "–");
    (cells[1].to_owned(), named.map(str::to_owned).collect())
}

fn layer(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

fn imports_of_sources() -> Imports {
    let text = |file: &PathBuf| fs::read_to_string(file).expect("readable");
    imports::imports(
        &sources()
            .iter()
            .map(|file| (name(file), text(file)))
            .collect(),
    )
}

#[test]
fn no_type_name_stands_for_two_types() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in sources() {
        for line in code(&file).lines().filter(|line| !line.starts_with(' ')) {
            let words = line
                .trim_start_matches("pub ")
                .trim_start_matches("pub(super) ");
            let Some((kind, rest)) = words.split_once(' ') else {
                continue;
            };
            if matches!(kind, "struct" | "enum" | "trait" | "type") {
                let place = places.entry(first_word(rest).to_owned()).or_default();
                place.push(name(&file));
            }
        }
    }
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<PathBuf> {
    let files = repository::files(source_folder(), &["rs"]);
    assert!(!files.is_empty());
    files
}

/// Relative to `src/`.
fn name(file: &Path) -> String {
    let relative = file.strip_prefix(source_folder()).expect("below src");
    relative.display().to_string()
}

/// The file without comments and without its unit tests, which are at the end.
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
