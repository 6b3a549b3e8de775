// SPDX-License-Identifier: Apache-2.0
//! Sets the name of the shared library (SONAME) and compares `include/wsline.h` with `src/ffi`,
//! from which it is generated.
//!
//! `WSLINE_HEADER` selects what happens to an outdated header: `warn` (default) warns, `write`,
//! which `make header` sets, rewrites it, `check` fails, `skip` does not check. Only `write`
//! modifies the source tree.

#[path = "tools/header/mod.rs"]
mod header;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, fs, io};

/// The number in the SONAME. Raised only if existing programs would break. CMake reads this line.
const SOVERSION: &str = "1";

/// The sources of the header.
const SOURCES: [&str; 4] = ["src/ffi", "cbindgen.toml", "tools/header", "Cargo.toml"];
const HEADER: &str = "include/wsline.h";

fn main() -> Result<(), Box<dyn Error>> {
    for path in SOURCES.iter().chain([&HEADER]) {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rerun-if-env-changed=WSLINE_HEADER");

    link_arguments();
    let mode = env::var("WSLINE_HEADER").unwrap_or_else(|_| "warn".to_owned());
    match mode.as_str() {
        "warn" => warn_of_stale_header(),
        "write" => update_header(),
        "check" => check_header(),
        "skip" => Ok(()),
        _ => Err(format!("WSLINE_HEADER is warn, write, check or skip, not {mode}").into()),
    }
}

fn link_arguments() {
    let link = |argument: &str| println!("cargo:rustc-cdylib-link-arg=-Wl,{argument}");
    link(&format!("-soname,libwsline.so.{SOVERSION}"));
    link("-Bsymbolic-functions");
    // Rust's threads and thread locals do not survive dlclose(3).
    link("-z,nodelete");
    // The runtime of a sanitizer is only in the executable, so the library has undefined symbols.
    if !cargo("CARGO_ENCODED_RUSTFLAGS").contains("sanitizer") {
        link("-z,defs");
    }
}

fn check_header() -> Result<(), Box<dyn Error>> {
    let (root, fresh) = (root(), fresh_header()?);
    if fs::read_to_string(root.join(HEADER))? == fresh {
        return Ok(());
    }
    Err(format!("{HEADER} is stale: run `make header` and commit it").into())
}

/// Do not fail if cbindgen cannot parse the source text, because rustc reports it better.
fn warn_of_stale_header() -> Result<(), Box<dyn Error>> {
    match fresh_header() {
        Err(error) => println!("cargo:warning={HEADER} was not compared: {error}"),
        Ok(fresh) if fs::read_to_string(root().join(HEADER))? != fresh => {
            println!("cargo:warning={HEADER} is stale: run `make header`");
        }
        Ok(_) => {}
    }
    Ok(())
}

fn update_header() -> Result<(), Box<dyn Error>> {
    let (path, fresh) = (root().join(HEADER), fresh_header()?);
    if fs::read_to_string(&path).is_ok_and(|old| old == fresh) {
        return Ok(());
    }
    Ok(write_header(&path, &fresh)?)
}

/// The generated header; a copy is written to `OUT_DIR` for the drift test.
fn fresh_header() -> Result<String, Box<dyn Error>> {
    let text = header::generate(&root())?;
    fs::write(Path::new(&cargo("OUT_DIR")).join("wsline.h"), &text)?;
    Ok(text)
}

/// Cargo runs this script again if a watched file is newer than its last run. The header gets the
/// time of its newest source, or each change of the API would build the crate twice.
fn write_header(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)?;
    let mut youngest = SystemTime::UNIX_EPOCH;
    for source in SOURCES {
        youngest = youngest.max(modified(&root().join(source))?);
    }
    fs::File::options()
        .append(true)
        .open(path)?
        .set_modified(youngest)
}

/// When a file, or the newest file in a directory, was last written.
fn modified(path: &Path) -> io::Result<SystemTime> {
    let mut youngest = fs::metadata(path)?.modified()?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            youngest = youngest.max(modified(&entry?.path())?);
        }
    }
    Ok(youngest)
}

fn root() -> PathBuf {
    cargo("CARGO_MANIFEST_DIR").into()
}

/// A variable that cargo sets for build scripts.
fn cargo(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
