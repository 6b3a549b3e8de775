// SPDX-License-Identifier: Apache-2.0
//! Turns `pub const WSLINE_X: T = v;` into `#define WSLINE_X v` with a value of the right C type.
//!
//! Reads the source text, because cbindgen loses the type and omits `usize::MAX`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// All constants of the modules in the directory, with their doc comments.
pub(super) fn defines(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    for file in module_files(folder)? {
        let mut doc: Vec<String> = Vec::new();
        for line in fs::read_to_string(file)?.lines() {
            if let Some(sentence) = line.strip_prefix("///") {
                doc.push(format!(" *{sentence}\n"));
            } else if let Some(constant) = line.strip_prefix("pub const WSLINE_") {
                let define = define(constant).ok_or_else(|| format!("unknown form: {line}"))?;
                text += &format!("/**\n{} */\n{define}\n\n", doc.concat());
                doc.clear();
            } else {
                doc.clear();
            }
        }
    }
    Ok(text)
}

/// The files of the modules in the order of `mod.rs`, which is the order of the header.
fn module_files(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut files = Vec::new();
    for line in fs::read_to_string(folder.join("mod.rs"))?.lines() {
        let module = line.strip_prefix("pub ").unwrap_or(line);
        let module = module.strip_prefix("mod ");
        let Some(name) = module.and_then(|module| module.strip_suffix(';')) else {
            continue;
        };
        let file = folder.join(format!("{name}.rs"));
        if file.exists() {
            files.push(file);
        } else {
            files.extend(module_files(&folder.join(name))?);
        }
    }
    Ok(files)
}

/// `FOREVER: i64 = -1;` as a macro.
fn define(constant: &str) -> Option<String> {
    let (name, rest) = constant.split_once(": ")?;
    let (kind, value) = rest.strip_suffix(';')?.split_once(" = ")?;
    let value = match (kind, value) {
        ("usize", "usize::MAX") => "SIZE_MAX".to_owned(),
        // No cast: C++ compilers would warn about it where the macro is used.
        ("i64", number) => match number.strip_prefix('-') {
            Some(positive) => format!("(-INT64_C({positive}))"),
            None => format!("INT64_C({number})"),
        },
        ("u32", number) => format!("{number}u"),
        ("i32", number) if number.starts_with('-') => format!("({number})"),
        ("i32", number) => number.to_owned(),
        _ => return None,
    };
    Some(format!("#define WSLINE_{name} {value}"))
}
