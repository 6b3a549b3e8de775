// SPDX-License-Identifier: Apache-2.0
//! Responses to the offer of permessage-deflate (RFC 7692 section 7.1).
//!
//! Section numbers refer to RFC 7692 unless another RFC is named. `response` tests responses in
//! different pieces.

use crate::deflate_response::{Row, accepted, agreement, check_all, refused, with, wrong};
use crate::row::UNRESTRICTED;
use wsline::protocol::ws::deflate::Agreement;

/// No parameters requested.
const ANY: Agreement = UNRESTRICTED;
/// The server is asked for every restriction.
const ASKING: Agreement = agreement(15, 12, false, true);
/// This side offers every restriction of its own.
const MODEST: Agreement = agreement(10, 15, true, false);

#[test]
#[rustfmt::skip]
fn responses_without_parameters() {
    check_all([
        accepted("no field",           "5.1", ANY, [], None),
        accepted("empty field",        "9110 5.6.1", ANY, [""], None),
        accepted("empty members",      "9110 5.6.1", ANY, [" , ,"], None),
        accepted("the name",           "5.1", ANY, ["permessage-deflate"], Some(ANY)),
        accepted("upper case",         "5.1", ANY, ["PerMessage-DEFLATE"], Some(ANY)),
        accepted("empty members around", "9110 5.6.1", ANY, [" ,, permessage-deflate\t, "], Some(ANY)),
        accepted("empty fields around",  "9110 5.3", ANY, ["", "permessage-deflate", ""], Some(ANY)),
        refused("another",             "6455 9.1", ANY, ["x-webkit-deflate-frame"], "x-webkit-deflate-frame"),
        refused("one letter less",     "6455 9.1", ANY, ["permessage-deflat"], "\"permessage-deflat\""),
        refused("one letter more",     "6455 9.1", ANY, ["permessage-deflate2"], "permessage-deflate2"),
        refused("quoted",              "6455 9.1", ANY, ["\"permessage-deflate\""], "permessage-deflate"),
        refused("a value",             "6455 9.1", ANY, ["permessage-deflate=1"], "permessage-deflate=1"),
        refused("two words",           "6455 9.1", ANY, ["permessage-deflate x"], "permessage-deflate x"),
        refused("no name",             "6455 9.1", ANY, ["; server_no_context_takeover"], "server_no_context_takeover"),
        refused("a semicolon",         "6455 9.1", ANY, [";"], "\";\""),
        refused("a parameter's name",  "6455 9.1", ANY, ["server_no_context_takeover"], "server_no_context_takeover"),
        refused("another before",      "6455 9.1", ANY, ["x-other, permessage-deflate"], "x-other"),
        refused("another behind",      "6455 9.1", ANY, ["permessage-deflate, x-other; a=1"], "x-other; a=1"),
        refused("another in a line behind", "6455 9.1", ANY, ["permessage-deflate", "x-other"], "x-other"),
        refused("another in a line before", "6455 9.1", ANY, ["x-other", "permessage-deflate"], "x-other"),
        refused("twice",               "5.1", ANY, ["permessage-deflate, permessage-deflate"], "permessage-deflate"),
        refused("twice, in two lines", "5.1", ANY, ["permessage-deflate", "permessage-deflate"], "permessage-deflate"),
        refused("twice, one restricted", "5.1", ANY,
            ["permessage-deflate, permessage-deflate; server_max_window_bits=9"], "server_max_window_bits=9"),
    ]);
}

#[test]
#[rustfmt::skip]
fn nothing_was_offered() {
    let rows = [
        ("permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; server_no_context_takeover", "permessage-deflate; server"),
        ("x-other", "x-other"),
        ("permessage-deflate, x-other", "permessage-deflate"),
    ];
    check_all(rows.map(|(value, culprit)| refused(value, "6455 9.1", ANY, [value], culprit).offering_nothing()));
    let none = [accepted("no field", "5.1", ANY, [], None), accepted("empty", "9110 5.6.1", ANY, [""], None)];
    check_all(none.map(Row::offering_nothing));
}

#[test]
#[rustfmt::skip]
fn flags() {
    check_all([
        with("server", "7.1.1.1", ANY, "; server_no_context_takeover", agreement(15, 15, false, true)),
        with("client", "7.1.1.2", ANY, "; client_no_context_takeover", agreement(15, 15, true, false)),
        with("both", "7.1.1", ANY, "; server_no_context_takeover; client_no_context_takeover",
            agreement(15, 15, true, true)),
        with("both, turned round", "7.1.1", ANY, "; client_no_context_takeover; server_no_context_takeover",
            agreement(15, 15, true, true)),
        with("upper case", "6455 9.1", ANY, "; SERVER_No_Context_Takeover", agreement(15, 15, false, true)),
        with("no blank", "6455 9.1", ANY, ";server_no_context_takeover", agreement(15, 15, false, true)),
        with("blanks", "6455 9.1", ANY, " \t;\t server_no_context_takeover \t", agreement(15, 15, false, true)),
        wrong("server, twice", "7.1", ANY, "; server_no_context_takeover; server_no_context_takeover",
            "\"server_no_context_takeover\" appears twice"),
        wrong("client, twice", "7.1", ANY, "; client_no_context_takeover; Client_no_context_takeover",
            "\"Client_no_context_takeover\" appears twice"),
        wrong("server=true", "7.1.1.1", ANY, "; server_no_context_takeover=true", "server_no_context_takeover=true"),
        wrong("server=",     "7.1.1.1", ANY, "; server_no_context_takeover=",     "server_no_context_takeover="),
        wrong("server=\"\"", "7.1.1.1", ANY, "; server_no_context_takeover=\"\"", "server_no_context_takeover="),
        wrong("client=15",   "7.1.1.2", ANY, "; client_no_context_takeover=15",   "client_no_context_takeover=15"),
        wrong("client = 1",  "7.1.1.2", ANY, "; client_no_context_takeover = 1",  "client_no_context_takeover = 1"),
        wrong("=true",       "7.1", ANY, "; =true",  "=true"),
        wrong("quoted",      "7.1", ANY, "; \"server_no_context_takeover\"", "server_no_context_takeover"),
        wrong("two words",   "7.1", ANY, "; server_no_context_takeover x", "server_no_context_takeover x"),
        wrong("no semicolon", "6455 9.1", ANY, " server_no_context_takeover", "permessage-deflate server"),
        wrong("unknown",     "7.1", ANY, "; no_context_takeover", "\"no_context_takeover\" is unknown"),
        wrong("unknown, with a value", "7.1", ANY, "; x=1", "\"x=1\" is unknown"),
        wrong("unknown, between", "7.1", ANY,
            "; server_no_context_takeover; x; client_no_context_takeover", "\"x\" is unknown"),
        wrong("a dash",      "7.1", ANY, "; server-no-context-takeover", "server-no-context-takeover"),
        wrong("empty",       "6455 9.1", ANY, ";", "\"permessage-deflate;\""),
        wrong("a blank",     "6455 9.1", ANY, "; ; server_no_context_takeover", "parameter \"\""),
        wrong("empty, last", "6455 9.1", ANY, "; server_no_context_takeover;", "parameter \"\""),
    ]);
}

/// Each in a response to an offer without restrictions, so that only the bits decide.
#[test]
fn every_window_size() {
    for (name, section) in [
        ("server_max_window_bits", "7.1.2.1"),
        ("client_max_window_bits", "7.1.2.2"),
    ] {
        let restricted = |bits| match name {
            "server_max_window_bits" => agreement(15, bits, false, false),
            _ => agreement(bits, 15, false, false),
        };
        let fine = (8..=15).flat_map(|bits| {
            [
                format!("; {name}={bits}"),
                format!("; {name}=\"{bits}\""),
                format!(";{name} = {bits}\t"),
                format!(" ; \t{}\t=\t\"{bits}\" ", name.to_uppercase()),
            ]
            .map(|parameters| with(&parameters, section, ANY, &parameters, restricted(bits)))
        });
        check_all(fine);

        let out_of_range = [
            0,
            1,
            5,
            6,
            7,
            16,
            17,
            32,
            80,
            100,
            150,
            256 + 10,
            65536 + 10,
        ];
        let mut values: Vec<String> = out_of_range.map(|bits| bits.to_string()).into();
        values.extend((8..=15).map(|bits| format!("0{bits}")));
        values.extend((8..=15).map(|bits| format!("+{bits}")));
        values.extend((7..=16).map(|bits| format!("-{bits}")));
        let others = [
            "",
            " ",
            "\"\"",
            "\"",
            "\"\"10\"\"",
            "\"10",
            "10\"",
            "'10'",
            "\" 10\"",
            "\"10 \"",
            "10.0",
            "1e1",
            "0xa",
            "10 11",
            "=10",
            "10=",
            "1 0",
            "ten",
            "true",
            "*",
            "１０",
            "18446744073709551626",
        ];
        values.extend(others.map(str::to_owned));
        check_all(values.iter().map(|value| {
            let parameter = format!("{name}={value}");
            let shown = parameter.trim_end().escape_debug().to_string();
            wrong(&parameter, section, ANY, &format!("; {parameter}"), &shown)
        }));
        let missing = format!("\"{name}\" has no value");
        check_all([wrong(name, section, ANY, &format!("; {name}"), &missing)]);
    }
}

#[test]
#[rustfmt::skip]
fn bits_twice() {
    check_all([
        wrong("server, equal", "7.1", ANY, "; server_max_window_bits=10; server_max_window_bits=10",
            "\"server_max_window_bits=10\" appears twice"),
        wrong("server, not equal", "7.1", ANY, "; server_max_window_bits=10; server_max_window_bits=11",
            "\"server_max_window_bits=11\" appears twice"),
        wrong("client, quoted", "7.1", ANY, "; client_max_window_bits=10; client_max_window_bits=\"10\"", "appears twice"),
        wrong("client, then without", "7.1", ANY, "; client_max_window_bits=10; client_max_window_bits",
            "\"client_max_window_bits\""),
    ]);
}

#[test]
#[rustfmt::skip]
fn requested_parameters_must_be_answered() {
    let all = "; server_no_context_takeover; server_max_window_bits=12";
    check_all([
        with("both", "7.1", ASKING, all, agreement(15, 12, false, true)),
        with("smaller", "7.1.2.1", ASKING, "; server_max_window_bits=8; server_no_context_takeover",
            agreement(15, 8, false, true)),
        with("everything", "7.1", ASKING,
            "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=9",
            agreement(9, 12, true, true)),
        wrong("larger by one", "7.1.2.1", ASKING, "; server_no_context_takeover; server_max_window_bits=13",
            "server_max_window_bits is above the 12"),
        wrong("as large as can be", "7.1.2.1", ASKING, "; server_no_context_takeover; server_max_window_bits=15",
            "server_max_window_bits is above the 12"),
        wrong("no bits", "7.1.2.1", ASKING, "; server_no_context_takeover", "without server_max_window_bits"),
        wrong("no flag", "7.1.1.1", ASKING, "; server_max_window_bits=12", "without server_no_context_takeover"),
        wrong("the client's flag", "7.1.1.1", ASKING, "; client_no_context_takeover; server_max_window_bits=12",
            "without server_no_context_takeover"),
        wrong("the client's bits", "7.1.2.1", ASKING, "; server_no_context_takeover; client_max_window_bits=12",
            "without server_max_window_bits"),
        wrong("neither", "7.1", ASKING, "", "without server_no_context_takeover"),
        accepted("no compression at all", "5.1", ASKING, [], None),
    ]);
    for asked in 8..=15 {
        let offer = agreement(15, asked, false, false);
        check_all((8..=15).map(|bits| {
            let parameter = format!("; server_max_window_bits={bits}");
            if bits <= asked {
                with(&parameter, "7.1.2.1", offer, &parameter, agreement(15, bits, false, false))
            } else {
                wrong(&parameter, "7.1.2.1", offer, &parameter, &format!("server_max_window_bits is above the {asked}"))
            }
        }));
    }
}

/// A restriction that this side announces is binding, whether or not the server repeats it.
#[test]
#[rustfmt::skip]
fn announced_parameters_may_be_answered() {
    check_all([
        with("nothing", "7.1.2.2", MODEST, "", MODEST),
        with("the flag", "7.1.1.2", MODEST, "; client_no_context_takeover", MODEST),
        with("the bits", "7.1.2.2", MODEST, "; client_max_window_bits=10", MODEST),
        with("fewer bits", "7.1.2.2", MODEST, "; client_max_window_bits=8", agreement(8, 15, true, false)),
        with("the server's own", "7.1", MODEST, "; server_no_context_takeover; server_max_window_bits=9",
            agreement(10, 9, true, true)),
        wrong("more bits", "7.1.2.2", MODEST, "; client_max_window_bits=11", "client_max_window_bits is above the 10"),
        wrong("all bits",  "7.1.2.2", MODEST, "; client_max_window_bits=15", "client_max_window_bits is above the 10"),
    ]);
    for announced in 8..=15 {
        let offer = agreement(announced, 15, false, false);
        check_all((8..=15).map(|bits| {
            let parameter = format!("; client_max_window_bits={bits}");
            if bits <= announced {
                with(&parameter, "7.1.2.2", offer, &parameter, agreement(bits, 15, false, false))
            } else {
                wrong(&parameter, "7.1.2.2", offer, &parameter,
                    &format!("client_max_window_bits is above the {announced}"))
            }
        }));
    }
}

/// Whatever a server sends, the error is a short printable line.
#[test]
#[rustfmt::skip]
fn quoted_text_is_safe() {
    let long = format!("; {}", "x".repeat(5000));
    let odd = "; server_max_window_bits=\u{202e}1\u{85}\u{2028}\u{7}";
    check_all([
        wrong("long", "6455 9.1", ANY, &long, "\"xxxxxxxxxx"),
        wrong("long, the culprit last", "6455 9.1", ANY, &format!("; server_max_window_bits={}; y", "9".repeat(500)),
            "server_max_window_bits=999"),
        wrong("a quotation mark", "6455 9.1", ANY, "; a\"b", "a\\\"b"),
        wrong("a backslash", "6455 9.1", ANY, "; a\\b", "a\\\\b"),
        wrong("not ASCII", "6455 9.1", ANY, "; größe=9", "größe=9"),
        wrong("a line end of Unicode", "6455 9.1", ANY, odd.trim_end_matches('\u{7}'), "server_max_window_bits"),
        wrong("a tab inside", "6455 9.1", ANY, "; a\tb", "a\\tb"),
    ]);
    let mut bytes = b"Sec-WebSocket-Extensions: permessage-deflate; x=".to_vec();
    bytes.extend(b"\xff\xfe");
    check_all([wrong("not UTF-8", "6455 9.1", ANY, "", "x=").in_field(bytes)]);
}
