// SPDX-License-Identifier: Apache-2.0
//! The date of an `Expires` attribute, in any form that servers write (RFC 6265 section 5.1.1).

use std::time::{Duration, SystemTime};

/// `None` if the text is not a date. Dates before 1970, which are in the past anyway, become the
/// start of 1970.
pub fn parse(text: &str) -> Option<SystemTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        // The first token that matches a field is used for it; each token is used for one field
        // only.
        let _ = set(&mut time, || time_of(token))
            || set(&mut day, || number(token, 1..=2))
            || set(&mut month, || month_of(token))
            || set(&mut year, || number(token, 2..=4));
    }
    let ((hour, minute, second), day, month) = (time?, day?, month?);
    let year = match year? {
        short @ 70..=99 => short + 1900,
        short @ 0..=69 => short + 2000,
        long => long,
    };
    let is_date = year >= 1601 && (1..=days_in(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    let since_1970 = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    SystemTime::UNIX_EPOCH.checked_add(since_1970)
}

fn is_delimiter(c: char) -> bool {
    matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// Whether `place` was empty and has been filled.
fn set<T>(place: &mut Option<T>, found: impl FnOnce() -> Option<T>) -> bool {
    place.is_none() && {
        *place = found();
        place.is_some()
    }
}

/// `hh:mm:ss`, followed by anything but a digit.
fn time_of(token: &str) -> Option<(i64, i64, i64)> {
    let (hour, rest) = token.split_once(':')?;
    let (minute, second) = rest.split_once(':')?;
    let whole = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !whole(hour) || !whole(minute) {
        return None;
    }
    let field = |text| number(text, 1..=2);
    Some((field(hour)?, field(minute)?, field(second)?))
}

fn month_of(token: &str) -> Option<i64> {
    const MONTHS: &str = "janfebmaraprmayjunjulaugsepoctnovdec";
    let name = token.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.match_indices(&name).find(|(at, _)| at % 3 == 0)?.0;
    i64::try_from(at / 3 + 1).ok()
}

/// The leading digits, if their number is in `lengths`.
fn number(token: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let end = token.find(|c: char| !c.is_ascii_digit());
    let digits = token.get(..end.unwrap_or(token.len()))?;
    lengths
        .contains(&digits.len())
        .then(|| digits.parse().ok())?
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Uses years that begin in March, so that a leap day is the last day of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days_before_month = (153 * month + 2) / 5;
    let leap_days = year / 4 - year / 100 + year / 400;
    // Day 719468 of this count is 1970-01-01.
    year * 365 + leap_days + days_before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn dates_are_parsed_in_every_form() {
        let table = [
            // The three forms of RFC 9110 section 5.6.7, then others that servers write.
            ("Sun, 06 Nov 1994 08:49:37 GMT",     784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT",    784_111_777),
            ("Sun Nov  6 08:49:37 1994",          784_111_777),
            ("Sun, 06-Nov-1994 08:49:37 GMT",     784_111_777),
            ("1994 nov 6 8:49:37",                784_111_777),
            ("6 november 94 8:49:37pm",           784_111_777),
            ("08:49:37 6th NOV 1994ad",           784_111_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT",     0),
            ("Wed, 31 Dec 1969 23:59:59 GMT",     0),
            ("1 Jan 1601 0:0:0",                  0),
            ("29 Feb 2000 00:00:00",              951_782_400),
            ("1 Mar 2000 00:00:00",               951_868_800),
            ("28 Feb 2100 23:59:59",              4_107_542_399),
            ("1 Mar 2100 00:00:00",               4_107_542_400),
            ("Tue, 19 Jan 2038 03:14:08 GMT",     2_147_483_648),
            ("1 Jan 69 0:0:0",                    3_124_224_000),
            ("1 Jan 70 0:0:0",                    0),
            ("Fri, 31 Dec 9999 23:59:59 GMT",     253_402_300_799),
        ];
        for (text, seconds) in table {
            let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_text_is_not_a_date() {
        for text in [
            "",
            "0",
            "-1",
            "Session",
            "06 Nov 1994",
            "Nov 1994 08:49:37",
            "06 1994 08:49:37",
            "06 Nov 08:49:37",
            "06 Nov 1994 08:49",
            "06 Nov 1994 24:00:00",
            "06 Nov 1994 08:60:00",
            "06 Nov 1994 08:49:60",
            "06 Nov 1994 008:49:37",
            "06 Nov 1994 8x:49:37",
            "00 Nov 1994 08:49:37",
            "31 Nov 1994 08:49:37",
            "29 Feb 2100 08:49:37",
            "06 Nov 1600 08:49:37",
            "06 Nov 19940 08:49:37",
            "06 anf 1994 08:49:37",
            "06 nö 1994 08:49:37",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
