// SPDX-License-Identifier: Apache-2.0
//! The negotiation of permessage-deflate: our offer, and the valid responses to it (RFC 6455
//! section 9.1, RFC 7692 section 7.1).

use super::head::Head;
use crate::base::error::{Error, Kind};
use crate::protocol::ws::deflate::{Agreement, MAX_WINDOW_BITS};
use std::borrow::Cow;

const NAME: &str = "permessage-deflate";
/// The number of characters from the server that an error shows.
const MAX_SHOWN: usize = 100;

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// What we offer. A window of [`MAX_WINDOW_BITS`] is no restriction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer(pub Agreement);

impl Default for Offer {
    fn default() -> Self {
        Self(Agreement {
            client_window_bits: MAX_WINDOW_BITS,
            server_window_bits: MAX_WINDOW_BITS,
            client_no_context_takeover: false,
            server_no_context_takeover: false,
        })
    }
}

impl Offer {
    /// The value of `Sec-WebSocket-Extensions`.
    pub fn value(&self) -> String {
        let offer = &self.0;
        let mut value = NAME.to_owned();
        let mut add = |parameter: &str| value.extend(["; ", parameter]);
        if offer.server_no_context_takeover {
            add(SERVER_NO_CONTEXT_TAKEOVER);
        }
        if offer.client_no_context_takeover {
            add(CLIENT_NO_CONTEXT_TAKEOVER);
        }
        if offer.server_window_bits < MAX_WINDOW_BITS {
            let bits = offer.server_window_bits;
            add(&format!("{SERVER_MAX_WINDOW_BITS}={bits}"));
        }
        // Even without a value it allows the server to request a smaller window (section 7.1.2.2).
        match offer.client_window_bits {
            MAX_WINDOW_BITS => add(CLIENT_MAX_WINDOW_BITS),
            bits => add(&format!("{CLIENT_MAX_WINDOW_BITS}={bits}")),
        }
        value
    }
}

/// The parameters that the server has accepted, if any; `offer` is our offer, if any.
pub fn accepted(
    head: &Head,
    offer: Option<&Offer>,
    ignores_others: bool,
) -> Result<Accepted, Error> {
    let mut accepted = Accepted::default();
    let members = || head.fields.members("Sec-WebSocket-Extensions");
    for extension in members() {
        let Ok(text) = std::str::from_utf8(extension) else {
            return Err(bad(&lossy(extension), "which is not UTF-8"));
        };
        let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
        let is_deflate = name.trim_matches(BLANK).eq_ignore_ascii_case(NAME);
        let Some(offer) = offer.filter(|_| is_deflate && accepted.deflate.is_none()) else {
            if ignores_others {
                accepted.has_others = true;
                continue;
            }
            return Err(bad(text, "which was not offered"));
        };
        if let Some(second) = members().nth(1).filter(|_| !ignores_others) {
            let what = "in addition to the one that was offered";
            return Err(bad(&lossy(second), what));
        }
        accepted.deflate = Some(read(text, parameters, offer)?);
    }
    Ok(accepted)
}

/// Whether a field value contains the name of our extension.
pub fn names_deflate(value: &[u8]) -> bool {
    let mut windows = value.windows(NAME.len());
    windows.any(|window| window.eq_ignore_ascii_case(NAME.as_bytes()))
}

/// What a server has chosen.
#[derive(Debug, Default)]
pub struct Accepted {
    pub deflate: Option<Agreement>,
    /// There were others, which are ignored.
    pub has_others: bool,
}

/// The beginning of `text`, for an error.
fn lossy(text: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(text.get(..MAX_SHOWN).unwrap_or(text))
}

/// Optional white space (RFC 9110 section 5.6.3).
const BLANK: [char; 2] = [' ', '\t'];

fn read(text: &str, parameters: &str, Offer(offer): &Offer) -> Result<Agreement, Error> {
    let mut response = DeflateResponse::default();
    let given = parameters.split(';').map(|one| one.trim_matches(BLANK));
    for parameter in given.filter(|_| text.contains(';')) {
        response.take(parameter).map_err(|why| {
            bad(
                text,
                &format!("whose parameter {} {why}", quoted(parameter)),
            )
        })?;
    }
    if offer.server_no_context_takeover && !response.server_no_context_takeover {
        let why = format!("without {SERVER_NO_CONTEXT_TAKEOVER}, which was requested");
        return Err(bad(text, &why));
    }
    let server_window_bits = match response.server_max_window_bits {
        Some(bits) if bits > offer.server_window_bits => {
            let limit = offer.server_window_bits;
            let why = format!("whose {SERVER_MAX_WINDOW_BITS} is above the {limit} requested");
            return Err(bad(text, &why));
        }
        None if offer.server_window_bits < MAX_WINDOW_BITS => {
            let why = format!("without {SERVER_MAX_WINDOW_BITS}, which was requested");
            return Err(bad(text, &why));
        }
        bits => bits.unwrap_or(MAX_WINDOW_BITS),
    };
    let client_window_bits = match response.client_max_window_bits {
        Some(bits) if bits > offer.client_window_bits => {
            let limit = offer.client_window_bits;
            let why = format!("whose {CLIENT_MAX_WINDOW_BITS} is above the {limit} offered");
            return Err(bad(text, &why));
        }
        bits => bits.unwrap_or(offer.client_window_bits),
    };
    Ok(Agreement {
        client_window_bits,
        server_window_bits,
        // We offered not to take over our context, so we do not, even if the response omits the
        // parameter.
        client_no_context_takeover: offer.client_no_context_takeover
            || response.client_no_context_takeover,
        server_no_context_takeover: response.server_no_context_takeover,
    })
}

#[derive(Default)]
struct DeflateResponse {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Option<u8>,
}

impl DeflateResponse {
    /// Fails with what is wrong with the parameter.
    fn take(&mut self, parameter: &str) -> Result<(), &'static str> {
        let (name, value) = match parameter.split_once('=') {
            None => (parameter, None),
            Some((name, value)) => (name.trim_matches(BLANK), Some(value.trim_matches(BLANK))),
        };
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is(SERVER_NO_CONTEXT_TAKEOVER) {
            set_flag(&mut self.server_no_context_takeover, value)
        } else if is(CLIENT_NO_CONTEXT_TAKEOVER) {
            set_flag(&mut self.client_no_context_takeover, value)
        } else if is(SERVER_MAX_WINDOW_BITS) {
            set_bits(&mut self.server_max_window_bits, value)
        } else if is(CLIENT_MAX_WINDOW_BITS) {
            set_bits(&mut self.client_max_window_bits, value)
        } else {
            Err("is unknown")
        }
    }
}

const TWICE: &str = "appears twice";

fn set_flag(flag: &mut bool, value: Option<&str>) -> Result<(), &'static str> {
    match value {
        Some(_) => Err("must not have a value"),
        None if *flag => Err(TWICE),
        None => {
            *flag = true;
            Ok(())
        }
    }
}

/// "A decimal integer value without leading zeroes between 8 to 15 inclusive" (section 7.1.2), as a
/// token or a quoted string.
fn set_bits(place: &mut Option<u8>, value: Option<&str>) -> Result<(), &'static str> {
    let value = value.ok_or("has no value")?;
    let quoted = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let bits = match quoted.unwrap_or(value) {
        "8" => 8,
        "9" => 9,
        "10" => 10,
        "11" => 11,
        "12" => 12,
        "13" => 13,
        "14" => 14,
        "15" => 15,
        _ => return Err("is not a number from 8 to 15"),
    };
    match place.replace(bits) {
        None => Ok(()),
        Some(_) => Err(TWICE),
    }
}

fn bad(extension: &str, why: &str) -> Error {
    let message = format!("the server uses the extension {}, {why}", quoted(extension));
    Error::new(Kind::BadUpgrade, message).with_http_status(101)
}

/// Text from the server, escaped so that it is safe to print.
fn quoted(text: &str) -> String {
    let shown: String = text.escape_debug().take(MAX_SHOWN).collect();
    format!("\"{shown}\"")
}
