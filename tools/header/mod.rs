// SPDX-License-Identifier: Apache-2.0
//! Generates the text of `wsline.h`: cbindgen reads `src/ffi`, and `cbindgen.toml` has the fixed
//! parts.

mod constants;
mod fill;
mod prettify;

use std::env;
use std::error::Error;
use std::path::Path;

pub(super) fn generate(root: &Path) -> Result<String, Box<dyn Error>> {
    let ffi = root.join("src/ffi");
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    let constants = constants::defines(&ffi)?;
    for part in [&mut config.header, &mut config.after_includes]
        .into_iter()
        .flatten()
    {
        *part = fill_in(part)?.replace("@CONSTANTS@", constants.trim_end());
    }

    // Not with_crate(): it runs `cargo metadata`, which may need the network and cargo's lock.
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(ffi.join("mod.rs"))
        .generate()?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    Ok(prettify::prettify(&String::from_utf8(text)?))
}

/// Replaces the version placeholders with the version in Cargo.toml.
fn fill_in(template: &str) -> Result<String, env::VarError> {
    let mut text = template.replace("@VERSION@", &env::var("CARGO_PKG_VERSION")?);
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let value = env::var(format!("CARGO_PKG_VERSION_{part}"))?;
        text = text.replace(&format!("@{part}@"), &value);
    }
    Ok(text)
}
