// SPDX-License-Identifier: Apache-2.0
//! Writes the secrets of connections to a file, for programs such as Wireshark that decrypt them.
//!
//! Only the caller can enable this, by naming the file; no environment variable can.

use crate::base::error::{Error, Kind, Phase};
use openssl::ssl::SslContextBuilder;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

/// Appends to the file, in the format of NSS; several contexts and processes may share it.
pub fn append_to(path: &str, builder: &mut SslContextBuilder) -> Result<(), Error> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| {
            let what =
                format!("open the TLS key log {path:?} (wsline_options_set_tls_keylog_file)");
            Error::os(Kind::TlsConfig, what, &error).in_phase(Phase::Tls)
        })?;
    builder.set_keylog_callback(move |_, line| {
        // One write, so that lines of several connections do not mix. Errors such as a full disk
        // are ignored: they must not end a connection.
        let _ = (&file).write_all(format!("{line}\n").as_bytes());
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::test_server::Site;
    use crate::base::error::Kind;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn secrets_are_appended_to_a_file_only_the_owner_can_read() {
        let name = format!("wsline-keylog-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_file(&path);
        let site = Site::usual();
        let mut options = site.trusted();
        options.settings_mut().keylog_file = path.to_str().map(str::to_owned);
        let clone = {
            // Another context, the same file.
            let mut clone = options.clone();
            clone.settings_mut();
            clone
        };
        site.connect(&options).unwrap();
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert_eq!(
            0o600,
            fs::metadata(&path).unwrap().permissions().mode() & 0o777
        );
        site.connect(&clone).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(2 * lines, text.lines().count());
        assert!(text.ends_with('\n'));
        assert_eq!(2, text.matches("CLIENT_TRAFFIC_SECRET_0 ").count());
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_a_configuration_error() {
        let site = Site::usual();
        let mut options = site.trusted();
        options.settings_mut().keylog_file = Some("/no/such/folder/keys".to_owned());
        let error = site.connect(&options).err().unwrap();
        assert_eq!(Kind::TlsConfig, error.kind());
        assert!(
            error
                .message()
                .contains("\"/no/such/folder/keys\" (wsline_options_set_tls_keylog_file)"),
            "{error}"
        );
    }
}
