// SPDX-License-Identifier: Apache-2.0
//! The authentication that a server or a proxy requires (RFC 9110 section 11.6.1).

use super::field::Fields;

/// The authentication schemes in a field of challenges.
pub fn schemes<'a>(fields: &'a Fields, name: &str) -> impl Iterator<Item = &'a [u8]> {
    let members = fields.all(name).flat_map(|value| {
        let mut is_quoted = false;
        value.to_bytes().split(move |byte| {
            is_quoted ^= *byte == b'"';
            *byte == b',' && !is_quoted
        })
    });
    // A member is a scheme, or another parameter of the previous scheme.
    members
        .filter_map(|member| member.trim_ascii().split(|byte| *byte == b' ').next())
        .filter(|word| !word.is_empty() && !word.contains(&b'='))
}
