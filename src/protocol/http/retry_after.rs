// SPDX-License-Identifier: Apache-2.0
//! When a server wants the next attempt (RFC 9110 section 10.2.3).

use super::cookie_date;
use super::field::Fields;
use std::time::{Duration, SystemTime};

/// No server can delay a client for longer.
const MAX: Duration = Duration::from_secs(3600);

/// `None` if there is no time, or it cannot be parsed. A date is compared with the server's own
/// clock if the response contains that, so that neither clock needs to be right.
pub fn retry_after(fields: &Fields, wall_clock: SystemTime) -> Option<Duration> {
    let value = text(fields, "retry-after")?;
    let span = if value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().map_or(MAX, Duration::from_secs)
    } else {
        let from = text(fields, "date").and_then(cookie_date::parse);
        let until = cookie_date::parse(value)?;
        let span = until.duration_since(from.unwrap_or(wall_clock));
        span.unwrap_or(Duration::ZERO)
    };
    Some(span.min(MAX))
}

fn text<'a>(fields: &'a Fields, name: &'a str) -> Option<&'a str> {
    let value = fields.all(name).next()?.to_str().ok()?;
    Some(value.trim_ascii()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "Fri, 20 Nov 2026 12:00:00 GMT";
    const NOON_SECONDS: u64 = 1_795_176_000;

    fn named(value: &str, date: Option<&str>, wall_clock: u64) -> Option<u64> {
        let mut fields = Fields::default();
        fields.push(b"Retry-After", value.as_bytes());
        if let Some(date) = date {
            fields.push(b"Date", date.as_bytes());
        }
        let wall_clock = SystemTime::UNIX_EPOCH + Duration::from_secs(wall_clock);
        retry_after(&fields, wall_clock).map(|span| span.as_secs())
    }

    #[test]
    fn seconds_are_seconds_up_to_an_hour() {
        for (value, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("999999", Some(3600)),
            ("99999999999999999999999", Some(3600)),
            ("-1", None),
            ("+5", None),
            ("5s", None),
            ("5, 6", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(named(value, None, 0), seconds, "{value:?}");
        }
        assert_eq!(
            retry_after(&Fields::default(), SystemTime::UNIX_EPOCH),
            None
        );
    }

    #[test]
    fn a_date_is_compared_with_the_servers_clock_if_that_is_known() {
        let later = "Fri, 20 Nov 2026 12:00:30 GMT";
        assert_eq!(named(later, Some(NOON), 0), Some(30));
        assert_eq!(named(later, None, NOON_SECONDS), Some(30));
        assert_eq!(named(NOON, Some(later), 0), Some(0), "over already");
        assert_eq!(
            named("Sat, 21 Nov 2026 12:00:00 GMT", Some(NOON), 0),
            Some(3600)
        );
    }
}
