// SPDX-License-Identifier: Apache-2.0
//! What may be negotiated: versions, ciphers, groups, the application protocol.

use super::error::{config, config_error};
use crate::base::error::Error;
use crate::net::tls_library;
use openssl::error::ErrorStack;
use openssl::ssl::{SslContextBuilder, SslVersion};
use std::fmt;

#[derive(Clone, Default)]
pub struct Protocol {
    pub min_version: Version,
    pub max_version: Option<Version>,
    /// Lists in OpenSSL's format; `None` for its default.
    pub ciphers: Option<String>,
    pub ciphersuites: Option<String>,
    pub groups: Option<String>,
    pub alpn: Alpn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Version {
    Tls1_0,
    Tls1_1,
    /// The default minimum (RFC 9325 section 3.1.1).
    #[default]
    Tls1_2,
    Tls1_3,
}

/// The application protocols to offer (RFC 7301), encoded as in the extension.
#[derive(Clone)]
pub struct Alpn(Vec<u8>);

impl Default for Alpn {
    /// The WebSocket upgrade needs HTTP/1.1, so the server must not choose h2.
    fn default() -> Self {
        Self(b"\x08http/1.1".to_vec())
    }
}

impl Protocol {
    pub fn apply(&self, builder: &mut SslContextBuilder) -> Result<(), Error> {
        self.apply_versions(builder)?;
        type Apply = fn(&mut SslContextBuilder, &str) -> Result<(), ErrorStack>;
        let lists: [(_, _, _, Apply); 3] = [
            (
                "ciphers",
                "wsline_options_set_tls_ciphers",
                &self.ciphers,
                SslContextBuilder::set_cipher_list,
            ),
            (
                "cipher suites",
                "wsline_options_set_tls_ciphersuites",
                &self.ciphersuites,
                tls_library::set_ciphersuites,
            ),
            (
                "groups",
                "wsline_options_set_tls_groups",
                &self.groups,
                SslContextBuilder::set_groups_list,
            ),
        ];
        for (what, option, list, apply) in lists {
            if let Some(list) = list {
                let what = format!("TLS {what} {list:?} ({option})");
                apply(builder, list).map_err(|error| config(&what, &error))?;
            }
        }
        if !self.alpn.0.is_empty() {
            builder
                .set_alpn_protos(&self.alpn.0)
                .map_err(|error| config("TLS ALPN (wsline_options_set_tls_alpn)", &error))?;
        }
        Ok(())
    }

    fn apply_versions(&self, builder: &mut SslContextBuilder) -> Result<(), Error> {
        let (min, max) = (self.min_version, self.max_version);
        if let Some(max) = max.filter(|max| *max < min) {
            return Err(config_error(format!(
                "the maximum TLS version, {max} (wsline_options_set_tls_max_version), is below the \
                 minimum, {min} (wsline_options_set_tls_min_version)"
            )));
        }
        builder
            .set_min_proto_version(Some(min.into()))
            .map_err(|error| {
                config(
                    format_args!("minimum TLS version {min} (wsline_options_set_tls_min_version)"),
                    &error,
                )
            })?;
        builder
            .set_max_proto_version(max.map(SslVersion::from))
            .map_err(|error| {
                config(
                    "maximum TLS version (wsline_options_set_tls_max_version)",
                    &error,
                )
            })
    }
}

impl Alpn {
    /// From names separated by commas; an empty list offers nothing.
    pub fn from_list(list: &str) -> Result<Self, Error> {
        let mut wire = Vec::new();
        if list.is_empty() {
            return Ok(Self(wire));
        }
        for name in list.split(',') {
            match u8::try_from(name.len()) {
                Ok(len @ 1..) => wire.push(len),
                _ => {
                    let what = format!("contains a name of {} bytes, not 1 to 255", name.len());
                    return Err(Error::argument("protocols", what));
                }
            }
            wire.extend_from_slice(name.as_bytes());
        }
        // RFC 7301 section 3.1: the length of the list has 16 bits.
        if wire.len() > usize::from(u16::MAX) {
            return Err(Error::argument("protocols", "is too long"));
        }
        Ok(Self(wire))
    }
}

impl From<Version> for SslVersion {
    fn from(version: Version) -> Self {
        match version {
            Version::Tls1_0 => Self::TLS1,
            Version::Tls1_1 => Self::TLS1_1,
            Version::Tls1_2 => Self::TLS1_2,
            Version::Tls1_3 => Self::TLS1_3,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls1_0 => "1.0",
            Self::Tls1_1 => "1.1",
            Self::Tls1_2 => "1.2",
            Self::Tls1_3 => "1.3",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::TlsOptions;
    use super::super::test_server::Site;
    use super::*;
    use crate::base::error::Kind;

    fn options(site: &Site, change: impl FnOnce(&mut Protocol)) -> TlsOptions {
        let mut options = site.trusted();
        change(&mut options.settings_mut().protocol);
        options
    }

    fn message(site: &Site, change: impl FnOnce(&mut Protocol), kind: Kind) -> String {
        let error = site.connect(&options(site, change)).err().unwrap();
        assert_eq!(kind, error.kind());
        error.message().to_owned()
    }

    #[test]
    fn the_newest_version_that_both_sides_allow_is_used() {
        for (version, text) in [(Version::Tls1_2, c"TLSv1.2"), (Version::Tls1_3, c"TLSv1.3")] {
            let site = Site::usual();
            let options = options(&site, |protocol| {
                protocol.min_version = version;
                protocol.max_version = Some(version);
            });
            let info = site.connect(&options).unwrap().info();
            assert_eq!(text, info.version.as_c_str());
        }
        let newest = Site::with_version(SslVersion::TLS1_3);
        let set = |protocol: &mut Protocol| protocol.max_version = Some(Version::Tls1_2);
        let message = message(&newest, set, Kind::Tls);
        assert!(message.ends_with("alert protocol version"), "{message}");
    }

    #[test]
    fn a_maximum_below_the_minimum_is_a_configuration_error() {
        let set = |protocol: &mut Protocol| protocol.max_version = Some(Version::Tls1_1);
        assert_eq!(
            "the maximum TLS version, 1.1 (wsline_options_set_tls_max_version), is below the \
             minimum, 1.2 (wsline_options_set_tls_min_version)",
            message(&Site::usual(), set, Kind::TlsConfig)
        );
    }

    #[test]
    fn requested_ciphers_are_used() {
        let site = Site::usual();
        let asked = options(&site, |protocol| {
            protocol.max_version = Some(Version::Tls1_2);
            protocol.ciphers = Some("ECDHE-ECDSA-AES256-GCM-SHA384".to_owned());
        });
        let info = site.connect(&asked).unwrap().info();
        assert_eq!(c"ECDHE-ECDSA-AES256-GCM-SHA384", info.cipher.as_c_str());
        let asked = options(&site, |protocol| {
            protocol.ciphersuites = Some("TLS_CHACHA20_POLY1305_SHA256".to_owned());
            protocol.groups = Some("P-384:P-256".to_owned());
        });
        let info = site.connect(&asked).unwrap().info();
        assert_eq!(c"TLS_CHACHA20_POLY1305_SHA256", info.cipher.as_c_str());
    }

    #[test]
    fn unknown_names_in_lists_are_reported() {
        type Set = fn(&mut Protocol);
        let rows: [(&str, Set); 3] = [
            (
                "TLS ciphers \"none such\" (wsline_options_set_tls_ciphers): no cipher match",
                |protocol| {
                    protocol.ciphers = Some("none such".to_owned());
                },
            ),
            (
                "TLS cipher suites \"none such\" (wsline_options_set_tls_ciphersuites): no cipher match",
                |protocol| {
                    protocol.ciphersuites = Some("none such".to_owned());
                },
            ),
            (
                "TLS groups \"none such\" (wsline_options_set_tls_groups): ",
                |protocol| {
                    protocol.groups = Some("none such".to_owned());
                },
            ),
        ];
        for (start, set) in rows {
            let message = message(&Site::usual(), set, Kind::TlsConfig);
            assert!(message.starts_with(start), "{message}");
        }
    }

    #[test]
    fn without_a_common_curve_the_servers_alert_is_reported() {
        let site = Site::with(|builder| builder.set_groups_list("P-256").unwrap());
        let set = |protocol: &mut Protocol| protocol.groups = Some("P-384".to_owned());
        let message = message(&site, set, Kind::Tls);
        assert!(message.ends_with("alert handshake failure"), "{message}");
    }

    #[test]
    fn requested_alpn_is_offered() {
        for (list, chosen) in [
            ("http/1.1", c"http/1.1"),
            ("h2", c"h2"),
            ("other,h2", c"h2"),
            ("other", c""),
            ("", c""),
        ] {
            let site = Site::usual();
            let options = options(&site, |protocol| {
                protocol.alpn = Alpn::from_list(list).unwrap();
            });
            let info = site.connect(&options).unwrap().info();
            assert_eq!(chosen, info.alpn.as_c_str(), "{list}");
        }
        let site = Site::usual();
        let info = site.connect(&site.trusted()).unwrap().info();
        assert_eq!(c"http/1.1", info.alpn.as_c_str());
    }

    #[test]
    fn a_name_for_alpn_has_1_to_255_bytes() {
        let longest = "x".repeat(255);
        assert!(Alpn::from_list(&longest).is_ok());
        for bad in [",", "a,", ",a", "a,,b", &format!("{longest}x")] {
            let error = Alpn::from_list(bad).err().unwrap();
            assert_eq!(Kind::InvalidArgument, error.kind(), "{bad}");
        }
        assert!(Alpn::from_list(&format!("{longest},").repeat(255)).is_err());
        assert!(Alpn::from_list(&vec![&longest[..]; 256].join(",")).is_err());
    }
}
