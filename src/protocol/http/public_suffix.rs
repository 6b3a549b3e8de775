// SPDX-License-Identifier: Apache-2.0
//! Domains under which anybody can register a name, such as `com` and `co.uk`: a cookie for such a
//! domain would be sent to unrelated servers (RFC 6265 section 5.3, item 5).

use std::cmp::Ordering;

/// A comment, an empty line, then the sorted rules; updated by `tools/public_suffixes.py`. As text
/// they add 150 KB to the library; the `psl` crate, which compiles them to code, adds 800 KB.
static FILE: &str = include_str!("public_suffixes.txt");

/// Whether `domain`, in lower case and A-labels, is itself a public suffix
/// (<https://github.com/publicsuffix/list/wiki/Format>).
pub fn is_public_suffix(domain: &str) -> bool {
    // A trailing dot does not change the domain.
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let Some((_, parent)) = domain.split_once('.') else {
        // The list has no rules for names of the local network; its default rule is `*`.
        return true;
    };
    let is_exception = is_listed(&format!("!{domain}"));
    !is_exception && (is_listed(domain) || is_listed(&format!("*.{parent}")))
}

/// Finds a line by binary search.
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
    fn every_rule_is_found_and_the_list_is_sorted() {
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
            // The default rule.
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
