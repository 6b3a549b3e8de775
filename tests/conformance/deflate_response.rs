// SPDX-License-Identifier: Apache-2.0
//! Rows of the table about the server's response to our offer of compression.

use crate::outcome::check_rows;
use crate::response::{ACCEPT, CONNECTION, NONCE, UPGRADE, switching};
use std::sync::LazyLock;
use wsline::base::error::Kind;
use wsline::base::sync::Arc;
use wsline::protocol::handshake::Handshake;
use wsline::protocol::http::extension::Offer;
use wsline::protocol::http::request::RequestOptions;
use wsline::protocol::http::upgrade::Upgrade;
use wsline::protocol::url::Url;
use wsline::protocol::ws::deflate::Agreement;

pub(crate) static URL: LazyLock<Arc<Url>> =
    LazyLock::new(|| Arc::new(Url::parse("ws://example.com/").expect("a URL")));

pub(crate) const FIELD: &str = "Sec-WebSocket-Extensions: ";

pub(crate) const fn agreement(
    client_bits: u8,
    server_bits: u8,
    client: bool,
    server: bool,
) -> Agreement {
    Agreement {
        client_window_bits: client_bits,
        server_window_bits: server_bits,
        client_no_context_takeover: client,
        server_no_context_takeover: server,
    }
}

pub(crate) struct Row {
    id: String,
    section: &'static str,
    offer: Option<Offer>,
    /// The lines that the server adds to its response.
    fields: Vec<Vec<u8>>,
    /// Or the text that the error must contain.
    outcome: Result<Option<Agreement>, String>,
}

pub(crate) fn accepted<const N: usize>(
    id: &str,
    section: &'static str,
    offer: Agreement,
    values: [&str; N],
    agreement: Option<Agreement>,
) -> Row {
    row(id, section, offer, &values, Ok(agreement))
}

pub(crate) fn refused<const N: usize>(
    id: &str,
    section: &'static str,
    offer: Agreement,
    values: [&str; N],
    culprit: &str,
) -> Row {
    row(id, section, offer, &values, Err(culprit.to_owned()))
}

/// The extension with these parameters is negotiated.
pub(crate) fn with(
    id: &str,
    section: &'static str,
    offer: Agreement,
    parameters: &str,
    agreement: Agreement,
) -> Row {
    let value = format!("permessage-deflate{parameters}");
    accepted(id, section, offer, [&value], Some(agreement))
}

/// The response is rejected.
pub(crate) fn wrong(
    id: &str,
    section: &'static str,
    offer: Agreement,
    parameters: &str,
    culprit: &str,
) -> Row {
    let value = format!("permessage-deflate{parameters}");
    refused(id, section, offer, [&value], culprit)
}

fn row(
    id: &str,
    section: &'static str,
    offer: Agreement,
    values: &[&str],
    outcome: Result<Option<Agreement>, String>,
) -> Row {
    let lines = values.iter().map(|value| format!("{FIELD}{value}"));
    Row {
        id: id.to_owned(),
        section,
        offer: Some(Offer(offer)),
        fields: lines.map(String::into_bytes).collect(),
        outcome,
    }
}

impl Row {
    /// The client has offered nothing.
    pub(crate) fn offering_nothing(mut self) -> Self {
        self.offer = None;
        self
    }

    /// The server sends this line.
    pub(crate) fn in_field(mut self, field: Vec<u8>) -> Self {
        self.fields = vec![field];
        self
    }

    fn check(&self) -> Result<(), String> {
        let own = [UPGRADE, CONNECTION, ACCEPT].map(|field| field.as_bytes().to_vec());
        let mut input = switching(own.iter().chain(&self.fields));
        let mut upgrade =
            Upgrade::new(&URL, &RequestOptions::default(), self.offer, NONCE).expect("memory");
        match (upgrade.receive(&mut input), &self.outcome) {
            (Ok(true), Ok(expected)) => {
                let got = upgrade.take_response().expect("a response").deflate;
                if got == *expected {
                    return Ok(());
                }
                Err(format!("expected {expected:?}, got {got:?}"))
            }
            (Err(error), Err(culprit)) => {
                assert_eq!(error.kind(), Kind::BadUpgrade);
                assert_eq!(error.http_status(), 101);
                let message = error.message();
                let is_printable = !message.chars().any(is_unprintable);
                if message.contains(culprit) && is_printable && message.len() < 400 {
                    return Ok(());
                }
                Err(format!("the error is {message:?}, without {culprit:?}"))
            }
            (got, expected) => Err(format!("expected {expected:?}, got {got:?}")),
        }
    }
}

/// Line ends, and characters that would change the meaning of their surroundings.
fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}')
}

pub(crate) fn check_all(rows: impl IntoIterator<Item = Row>) {
    check_rows(rows.into_iter().map(|row| {
        let name = format!("{} (section {})", row.id, row.section);
        (name, row.check())
    }));
}
