// SPDX-License-Identifier: Apache-2.0
//! Mistakes of servers, and of URLs, that the caller wants to be tolerated. None is by default.

/// A set of mistakes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mistakes(u8);

impl Mistakes {
    /// Frames from the server are masked (RFC 6455 section 5.1).
    pub const MASKED_FRAMES: Self = Self(1);
    /// The response to the upgrade is HTTP/1.0 (section 4.1, "HTTP/1.1 or higher").
    pub const HTTP_1_0: Self = Self(2);
    /// The server chooses a subprotocol that was not offered, or writes it in other case (section
    /// 4.1, item 6 of the second list).
    pub const SUBPROTOCOL: Self = Self(4);
    /// The server uses an extension that was not offered (section 4.1, item 5).
    pub const EXTENSIONS: Self = Self(8);
    /// The length of a frame is not in its shortest form (section 5.2).
    pub const LENGTHS: Self = Self(16);
    /// The URL has a fragment (section 3).
    pub const URL_FRAGMENT: Self = Self(32);

    const DESCRIPTIONS: [(Self, &str); 6] = [
        (Self::MASKED_FRAMES, "the server masks its frames"),
        (Self::HTTP_1_0, "the server responds with HTTP/1.0"),
        (
            Self::SUBPROTOCOL,
            "the server chose a subprotocol that was not offered",
        ),
        (
            Self::EXTENSIONS,
            "the server uses an extension that was not offered, which is ignored",
        ),
        (
            Self::LENGTHS,
            "the server sends frame lengths that are not in their shortest form",
        ),
        (
            Self::URL_FRAGMENT,
            "the URL has a fragment, which is ignored",
        ),
    ];

    /// `None` if there is another bit.
    pub fn from_bits(bits: u32) -> Option<Self> {
        let known = Self::DESCRIPTIONS
            .iter()
            .fold(0, |all, (one, _)| all | one.0);
        let bits = u8::try_from(bits).ok()?;
        (bits & !known == 0).then_some(Self(bits))
    }

    pub fn contains(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn add(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// Those that are in `self` but not in `other`.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The URL up to its fragment, if that is tolerated.
    pub fn without_fragment(self, url: &str) -> &str {
        if !self.contains(Self::URL_FRAGMENT) {
            return url;
        }
        url.split_once('#').map_or(url, |(before, _)| before)
    }

    /// One line for each, for the log.
    pub fn descriptions(self) -> impl Iterator<Item = &'static str> {
        let each = Self::DESCRIPTIONS.iter();
        each.filter(move |(one, _)| self.contains(*one))
            .map(|(_, text)| *text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_only_known_members() {
        assert_eq!(Mistakes::from_bits(64), None);
        let mut some = Mistakes::from_bits(1 | 16).expect("known");
        assert!(some.contains(Mistakes::LENGTHS) && !some.contains(Mistakes::HTTP_1_0));
        some.add(Mistakes::HTTP_1_0);
        assert_eq!(some.without(Mistakes::LENGTHS), Mistakes(1 | 2));
        assert_eq!(some.descriptions().count(), 3);
        assert!(Mistakes::default().is_empty());
        assert_eq!(
            Mistakes::URL_FRAGMENT.without_fragment("ws://h/?a#b#c"),
            "ws://h/?a"
        );
        assert_eq!(Mistakes::LENGTHS.without_fragment("ws://h/#b"), "ws://h/#b");
    }
}
