// SPDX-License-Identifier: Apache-2.0
//! Options for names: which addresses they have, and where to connect to instead.

use super::object::{self, wsline_options};
use crate::base::error::Error;
use crate::base::memory::{self, Text};
use crate::base::process::ProcessMark;
use crate::base::sync::Arc;
use crate::ffi::arguments::Arguments;
use crate::ffi::guard;
use crate::ffi::handle::{Inner, Object, OfOneProcess, UserData};
use crate::ffi::status::wsline_status;
use crate::ffi::types::wsline_free_fn;
use crate::net::names::{KnownName, PendingLookup, ResolverFn};
use crate::protocol::url::Url;
use std::ffi::{CString, c_char, c_void};
use std::net::IpAddr;

/// The lookup of a name by a wsline_resolver_fn.
///
/// It ends with exactly one call of wsline_lookup_finish(), wsline_lookup_fail() or
/// wsline_lookup_by_system(), on any thread, which frees it.
pub struct wsline_lookup {
    pending: PendingLookup,
    process: ProcessMark,
}

impl OfOneProcess for wsline_lookup {
    fn process(&self) -> ProcessMark {
        self.process
    }
}

impl Object for wsline_lookup {
    const NAME: &'static str = "lookup";
    type Inner<'call> = &'call PendingLookup;

    fn inner(&self) -> &PendingLookup {
        &self.pending
    }
}

impl Inner for &PendingLookup {}

/// Begins to look up the addresses of `host`.
///
/// Runs on the connecting thread; for an app on the driving thread. It must not block: end the
/// lookup before it returns, if the addresses are known, or later on any thread. `host` is lent
/// until it returns; `port` is needed only by those who look up services.
pub type wsline_resolver_fn = Option<
    unsafe extern "C-unwind" fn(
        lookup: *mut wsline_lookup,
        host: *const c_char,
        port: i32,
        userdata: *mut c_void,
    ),
>;

/// @@ Names and addresses
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.2
///
/// Sets the addresses of a host, which is then not looked up.
///
/// They apply to every name that the library would look up: of the server, of a proxy, of the
/// target of a redirect. An HTTP proxy, SOCKS4a and SOCKS5h look the server up themselves. The URL
/// still determines the request and which certificate is expected. Addresses are tried as those of
/// a lookup are: the families in turn, each 250 ms after the one before (RFC 8305). A later entry
/// for the same host and port replaces an earlier one.
///
/// @param options  the options to modify.
/// @param entry    "host:port:address[,address...]", for example
///                 "api.example.com:443:192.0.2.1,2001:db8::1".
/// @retval WSLINE_OK                    added.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `entry` has another form.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_add_resolve(
    options: *mut wsline_options,
    entry: *const c_char,
) -> wsline_status {
    let function = "wsline_options_add_resolve";
    object::set(function, options, |options, arguments| {
        let known = read_entry(arguments.string(entry, "entry")?)?;
        memory::push(memory::make_mut(&mut options.names.known)?, known)
    })
}

/// Removes all entries added with wsline_options_add_resolve().
///
/// @param options  the options to modify.
/// @retval WSLINE_OK                    removed, if there were any.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_clear_resolve(
    options: *mut wsline_options,
) -> wsline_status {
    object::set("wsline_options_clear_resolve", options, |options, _| {
        options.names.known = Arc::default();
        Ok(())
    })
}

/// Connects to another host and port than those in the URL, also through a proxy, for example to
/// one machine behind a load balancer.
///
/// The URL still determines the request, the server name for TLS, and which certificate is
/// expected. It also applies to redirects, but not to Unix-domain sockets and sockets of yours.
///
/// @param options  the options to modify.
/// @param place    "host:port", with an IPv6 address in brackets; NULL, the default, for those in
///                 the URL.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `place` has another form.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_connect_to(
    options: *mut wsline_options,
    place: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_connect_to";
    object::set(function, options, |options, arguments| {
        let place = arguments.optional_string(place, "place")?;
        let place = place.map(|place| {
            read_place(place).ok_or_else(|| {
                let what = format!("is {place:?}; it must be \"host:port\"");
                Error::argument("place", what)
            })
        });
        options.connect_to = place.transpose()?.map(Arc::new);
        Ok(())
    })
}

/// Sets a function that looks up names instead of the system.
///
/// It is called for each name that a connect needs, except `localhost`, names given with
/// wsline_options_add_resolve(), and addresses. The connect continues when the lookup ends, or
/// fails at its timeout, whichever is first.
///
/// @param options        the options to modify.
/// @param fn             the function; NULL, the default, for the system.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released once no
///                                      connection uses it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_resolver(
    options: *mut wsline_options,
    r#fn: wsline_resolver_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let name = &"wsline_options_set_resolver";
    let userdata = UserData::new(name, userdata, userdata_free);
    object::set(name, options, |options, _| {
        options.names.resolver = userdata.with_function(r#fn).map(|resolver| {
            Arc::new(move |pending: PendingLookup| {
                // A name of a URL contains no NUL.
                let host = CString::new(pending.host()).unwrap_or_default();
                let port = i32::from(pending.port());
                let process = ProcessMark::own();
                resolver.give(wsline_lookup { pending, process }, &host, port);
            }) as ResolverFn
        });
        Ok(())
    })
}

/// Ends a lookup with the addresses of the host.
///
/// @param lookup     the lookup; freed if this succeeds.
/// @param addresses  one or more IP addresses, separated by commas, the preferred one first.
/// @retval WSLINE_OK                    done, also if the connect has ended meanwhile.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `addresses` has another form; the
///                                      lookup is still yours.
/// @retval WSLINE_ERR_WRONG_STATE       this is a child process that inherited the lookup.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_lookup_finish(
    lookup: *mut wsline_lookup,
    addresses: *const c_char,
) -> wsline_status {
    guard::status("wsline_lookup_finish", |arguments| {
        let text = arguments.string(addresses, "addresses")?;
        let addresses = read_addresses(text).ok_or_else(|| {
            let what = format!("is {text:?}, which is not a list of IP addresses");
            Error::argument("addresses", what)
        })?;
        take(arguments, lookup)?.finish(addresses);
        Ok(())
    })
}

/// Ends a lookup without addresses; the connect fails with WSLINE_ERR_RESOLVE.
///
/// @param lookup  the lookup; freed if this succeeds.
/// @param reason  for the error message; NULL for none.
/// @retval WSLINE_OK                    done, also if the connect has ended meanwhile.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `lookup` is NULL, or `reason` is not UTF-8.
/// @retval WSLINE_ERR_WRONG_STATE       this is a child process that inherited the lookup.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_lookup_fail(
    lookup: *mut wsline_lookup,
    reason: *const c_char,
) -> wsline_status {
    guard::status("wsline_lookup_fail", |arguments| {
        let reason = arguments.optional_string(reason, "reason")?;
        take(arguments, lookup)?.fail(reason.unwrap_or("the resolver has no address"));
        Ok(())
    })
}

/// Lets the system look up the name after all.
///
/// @param lookup  the lookup; freed if this succeeds.
/// @retval WSLINE_OK                    done, also if the connect has ended meanwhile.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `lookup` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       this is a child process that inherited the lookup.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_lookup_by_system(lookup: *mut wsline_lookup) -> wsline_status {
    guard::status("wsline_lookup_by_system", |arguments| {
        take(arguments, lookup)?.by_system();
        Ok(())
    })
}

/// Returns whether the addresses are of no use any more.
///
/// That is so when the connect has timed out or was aborted, or its object was freed. The lookup
/// must still be ended.
///
/// @param lookup  a lookup; may be NULL.
/// @return        true if it was cancelled, or for NULL.
///
/// Threads: any, until the lookup ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_lookup_is_cancelled(lookup: *const wsline_lookup) -> bool {
    guard::value(true, |arguments| {
        let pending = arguments.object(lookup);
        pending.map_or(true, |pending| pending.is_cancelled())
    })
}

fn take(arguments: Arguments<'_>, lookup: *mut wsline_lookup) -> Result<PendingLookup, Error> {
    Ok(arguments.take(lookup, wsline_lookup::NAME)?.pending)
}

fn read_entry(entry: &str) -> Result<KnownName, Error> {
    let read = || {
        let (port_end, _) = entry.match_indices(':').nth(1)?;
        let (place, addresses) = entry.split_at_checked(port_end)?;
        let url = read_place(place).filter(|url| url.ip().is_none())?;
        Some((url, read_addresses(addresses.strip_prefix(':')?)?))
    };
    let (url, addresses) = read().ok_or_else(|| {
        let what = format!("is {entry:?}; it must be \"host:port:address[,address...]\"");
        Error::argument("entry", what)
    })?;
    Ok(KnownName {
        host: Text::copy(&url.host())?,
        port: url.port(),
        addresses: Arc::new(addresses),
    })
}

/// A host and a port, and nothing else.
fn read_place(place: &str) -> Option<Url> {
    let (host, port) = place.rsplit_once(':')?;
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let has_more = host.is_empty() || host.contains(['/', '?', '#', '@', '\\']);
    let url = Url::parse(&format!("ws://{place}/"));
    url.ok().filter(|_| is_number && !has_more)
}

/// Separated by commas, at least one; IPv6 addresses may be in brackets.
fn read_addresses(list: &str) -> Option<Vec<IpAddr>> {
    let read = |text: &str| {
        let text = text.trim();
        let inside = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        match inside {
            Some(inside) => inside.parse().map(IpAddr::V6).ok(),
            None => text.parse().ok(),
        }
    };
    list.split(',').map(read).collect()
}
