// SPDX-License-Identifier: Apache-2.0
//! Domains below which anybody can have a name, such as `com` and `co.uk`: cookies for all of one
//! would reach strangers (RFC 6265 section 5.3, item 5).

use std::cmp::Ordering;

/// A comment, an empty line, then the rules, sorted; renewed by `tools/public_suffixes.py`. As text
/// they add 150 KB to the library; the `psl` crate, which makes code of them, adds 800 KB.
static FILE: &str = include_str!("public_suffixes.txt");

/// Whether `domain`, in lower case and A-labels, is itself a public suffix
/// (<https://github.com/publicsuffix/list/wiki/Format>).
pub fn is_public_suffix(domain: &str) -> bool {
    // The dot of the root names the same domain.
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let Some((_, parent)) = domain.split_once('.') else {
        // The list says nothing about names that only this network knows; its rule for all others
        // is `*`.
        return true;
    };
    let is_exception = is_listed(&format!("!{domain}"));
    !is_exception && (is_listed(domain) || is_listed(&format!("*.{parent}")))
}

/// Looks for a line, by halves.
fn is_listed(rule: &str) -> bool {
    let (_, mut lines) = FILE.split_once("\n\n").unwrap_or_default();
    while !lines.is_empty() {
        let (before, _) = lines.split_at(lines.len() / 2);
        let (lower, rest) = lines.split_at(before.rfind('\n').map_or(0, |end| end + 1));
        let (line, higher) = rest.split_once('\n').unwrap_or((rest, ""));
        lines = match rule.cmp(line) {
            Ordering::Less => lower,
            Ordering::Equal => return true,
            Ordering::Greater => higher,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_found_in_a_sorted_list_of_a_labels() {
        let (_, rules) = FILE.split_once("\n\n").expect("a comment and rules");
        let rules: Vec<&str> = rules.lines().collect();
        assert!(rules.is_sorted());
        for rule in rules {
            assert!(
                rule.is_ascii() && !rule.contains(char::is_whitespace),
                "{rule}"
            );
            assert!(is_listed(rule), "{rule}");
        }
        for rule in [
            "",
            "!",
            "zzz",
            "example.com",
            "co.u",
            "o.uk",
            "co.uk\n",
            "\n",
        ] {
            assert!(!is_listed(rule), "{rule}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn the_rules_are_those_of_the_list() {
        let suffixes = [
            "com", "co.uk", "github.io", "xn--p1ai", "xn--55qx5d.cn", "com.", "co.uk.",
            // *.ck, *.kawasaki.jp
            "ck", "anything.ck", "anything.kawasaki.jp",
            // The rule for what is not listed.
            "localhost", "local",
        ];
        let domains = [
            "example.com", "example.co.uk", "example.github.io", "a.b.com", "example.com.",
            // !www.ck, !city.kawasaki.jp
            "www.ck", "a.anything.ck", "city.kawasaki.jp", "a.city.kawasaki.jp", "kawasaki.jp",
            "printer.local",
        ];
        for suffix in suffixes {
            assert!(is_public_suffix(suffix), "{suffix}");
        }
        for domain in domains {
            assert!(!is_public_suffix(domain), "{domain}");
        }
    }
}
