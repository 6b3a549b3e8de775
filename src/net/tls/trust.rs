// SPDX-License-Identifier: Apache-2.0
//! The certificate authorities that are trusted to sign server certificates.

use super::error::{config, config_error, unreadable};
use crate::base::error::Error;
use crate::base::sync::Arc;
use crate::net::sys;
use openssl::error::ErrorStack;
use openssl::ssl::SslContextBuilder;
use openssl::x509::X509;
use openssl::x509::verify::X509VerifyFlags;
use std::ffi::{CStr, OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Any of the three replaces the system's trust store.
#[derive(Clone, Default)]
pub struct Trust {
    pub ca_file: Option<String>,
    pub ca_path: Option<String>,
    pub ca_pem: Option<Arc<Vec<u8>>>,
}

/// Where OpenSSL looks for the system's certificate authorities.
struct SystemStore {
    file: PathBuf,
    /// The environment variable that names the file, if one is set.
    variable: Option<&'static str>,
    /// Separated by colons.
    directories: OsString,
}

impl Trust {
    pub fn apply(&self, builder: &mut SslContextBuilder) -> Result<(), Error> {
        if self.is_the_systems() {
            return SystemStore::find().apply(builder);
        }
        // The caller's certificates are trusted even if they are not roots: an intermediate, or the
        // server's own certificate.
        builder
            .verify_param_mut()
            .set_flags(X509VerifyFlags::PARTIAL_CHAIN)
            .map_err(|error| config("trust certificates that are not roots", &error))?;
        if let Some(file) = &self.ca_file {
            let what = format!("the CA file {file:?} (wsline_options_set_tls_ca_file)");
            let pem = fs::read(file).map_err(|error| unreadable(&what, &error))?;
            add_authorities(builder, &pem, &what)?;
        }
        if let Some(path) = &self.ca_path {
            let what = format!("the CA path {path:?} (wsline_options_set_tls_ca_path)");
            fs::read_dir(path).map_err(|error| unreadable(&what, &error))?;
            builder
                .load_verify_locations(None, Some(Path::new(path)))
                .map_err(|error| config(format_args!("use {what}"), &error))?;
        }
        if let Some(pem) = &self.ca_pem {
            add_authorities(
                builder,
                pem,
                "the CA PEM data (wsline_options_set_tls_ca_pem)",
            )?;
        }
        Ok(())
    }

    /// The files and directories that the authorities are read from.
    pub fn paths(&self) -> Vec<PathBuf> {
        if self.is_the_systems() {
            let store = SystemStore::find();
            let directories = std::env::split_paths(&store.directories);
            return directories.chain([store.file]).collect();
        }
        let named = [&self.ca_file, &self.ca_path].into_iter().flatten();
        named.map(PathBuf::from).collect()
    }

    fn is_the_systems(&self) -> bool {
        self.ca_file.is_none() && self.ca_path.is_none() && self.ca_pem.is_none()
    }
}

impl SystemStore {
    fn find() -> Self {
        let places = sys::default_trust();
        let named = sys::secure_environment(places.file_variable);
        let directories = sys::secure_environment(places.directory_variable);
        let directories = directories.unwrap_or_else(|| os_text(places.directories));
        Self {
            variable: named
                .as_ref()
                .and_then(|_| places.file_variable.to_str().ok()),
            file: named.unwrap_or_else(|| os_text(places.file)).into(),
            directories,
        }
    }

    fn apply(&self, builder: &mut SslContextBuilder) -> Result<(), Error> {
        let what = self.to_string();
        let len = match File::open(&self.file).and_then(|file| file.metadata()) {
            Ok(found) => found.len(),
            // Without the variable, there may be only the directories.
            Err(error) if error.kind() == ErrorKind::NotFound && self.variable.is_none() => 0,
            Err(error) => return Err(unreadable(&what, &error)),
        };
        // Not with set_default_verify_paths(), which skips a file that it cannot read: then no
        // server would be trusted, and no error would say why.
        let using = |error: ErrorStack| config(format_args!("use {what}"), &error);
        if len > 0 || self.variable.is_some() {
            builder.set_ca_file(&self.file).map_err(using)?;
        }
        builder
            .load_verify_locations(None, Some(Path::new(&self.directories)))
            .map_err(using)
    }
}

impl fmt::Display for SystemStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the system's CA file {:?}", self.file)?;
        match self.variable {
            Some(variable) => write!(f, " ({variable})"),
            None => Ok(()),
        }
    }
}

fn os_text(text: &CStr) -> OsString {
    OsStr::from_bytes(text.to_bytes()).to_owned()
}

fn add_authorities(builder: &mut SslContextBuilder, pem: &[u8], what: &str) -> Result<(), Error> {
    let authorities =
        X509::stack_from_pem(pem).map_err(|error| config(format_args!("read {what}"), &error))?;
    if authorities.is_empty() {
        return Err(config_error(format!("there is no certificate in {what}")));
    }
    for authority in authorities {
        builder
            .cert_store_mut()
            .add_cert(authority)
            .map_err(|error| config(format_args!("use {what}"), &error))?;
    }
    Ok(())
}
