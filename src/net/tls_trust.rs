// SPDX-License-Identifier: Apache-2.0
//! Who may vouch for a server.

use super::tls_error::{config, config_error};
use super::tls_identity::read;
use crate::base::error::Error;
use openssl::ssl::SslContextBuilder;
use openssl::x509::X509;
use std::path::Path;

/// Any of the three replaces the system's trust store.
#[derive(Clone, Default)]
pub struct Trust {
    pub ca_file: Option<String>,
    pub ca_path: Option<String>,
    pub ca_pem: Option<Vec<u8>>,
}

impl Trust {
    pub fn apply(&self, builder: &mut SslContextBuilder) -> Result<(), Error> {
        if self.ca_file.is_none() && self.ca_path.is_none() && self.ca_pem.is_none() {
            return builder
                .set_default_verify_paths()
                .map_err(|error| config("load the system's CA certificates", &error));
        }
        if let Some(file) = &self.ca_file {
            let pem = read(file, "CA file")?;
            add_authorities(builder, &pem, format_args!("the CA file {file:?}"))?;
        }
        if let Some(path) = &self.ca_path {
            if !Path::new(path).is_dir() {
                return Err(config_error(format!(
                    "the CA path {path:?} is not a directory"
                )));
            }
            builder
                .load_verify_locations(None, Some(Path::new(path)))
                .map_err(|error| config(format_args!("use the CA path {path:?}"), &error))?;
        }
        if let Some(pem) = &self.ca_pem {
            add_authorities(builder, pem, format_args!("the CA PEM data"))?;
        }
        Ok(())
    }
}

fn add_authorities(
    builder: &mut SslContextBuilder,
    pem: &[u8],
    what: std::fmt::Arguments<'_>,
) -> Result<(), Error> {
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
