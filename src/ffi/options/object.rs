// SPDX-License-Identifier: Apache-2.0
//! The options object itself.

use crate::base::error::{Error, Kind};
use crate::base::process::{PerProcess, ProcessMark};
use crate::base::sync::Arc;
use crate::conn::options::Options;
use crate::ffi::arguments::Arguments;
use crate::ffi::guard;
use crate::ffi::handle::{self, OfOneProcess};
use crate::ffi::status::wsline_status;
use crate::net::process::own_mark;

/// Settings for connections, copied when a connection or an app is created.
///
/// Created by wsline_options_new() or wsline_options_clone(), freed by wsline_options_free() at any
/// time: existing connections no longer need it. One thread at a time may modify it; any number may
/// use it while no thread modifies it. Connections created from one options object share its TLS
/// context, so use one object for many connections.
pub struct wsline_options {
    /// Shared with the objects created from it, until it is modified.
    pub(in crate::ffi) options: Arc<Options>,
    process: ProcessMark,
}

impl OfOneProcess for wsline_options {
    fn process(&self) -> ProcessMark {
        self.process
    }
}

impl wsline_options {
    /// A copy to lend to a callback.
    pub(in crate::ffi) fn lent(options: &Arc<Options>) -> Self {
        Self {
            options: Arc::clone(options),
            process: ProcessMark::own(),
        }
    }

    /// The options behind a pointer; NULL stands for the defaults, which share one TLS context,
    /// like the connections of one options object.
    pub(in crate::ffi) fn of(
        arguments: Arguments<'_>,
        options: *const Self,
    ) -> Result<Arc<Options>, Error> {
        static DEFAULT: PerProcess<Arc<Options>> = PerProcess::new();
        let options = arguments.get(options, "options");
        // NULL is not an error here.
        let options = options.map_or_else(|_| DEFAULT.get(), |options| &options.options);
        let jar = options.cookie_jar.as_ref();
        if jar.is_some_and(|jar| jar.process().is_inherited()) {
            let message = "the cookie jar of argument `options` was made before fork()";
            return Err(Error::new(Kind::WrongState, message));
        }
        Ok(Arc::clone(options))
    }
}

/// Runs a setter on the options.
pub(in crate::ffi) fn set(
    function: &'static str,
    options: *mut wsline_options,
    set: impl FnOnce(&mut Options, Arguments<'_>) -> Result<(), Error>,
) -> wsline_status {
    guard::status(function, |arguments| {
        let options = arguments.get_mut(options, "options")?;
        set(Arc::make_mut(&mut options.options), arguments)
    })
}

/// @@ Options
/// Blocks: no.
/// Since: 0.1
///
/// Creates an options object with all settings at their defaults.
///
/// @param options_out  set to the object; to NULL on failure.
/// @retval WSLINE_OK                    `*options_out` is yours.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options_out` is NULL.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
///
/// Ownership: free it with wsline_options_free().
/// Threads: any.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_options_new(
    options_out: *mut *mut wsline_options,
) -> wsline_status {
    guard::status("wsline_options_new", |arguments| {
        let place = arguments.out(options_out, std::ptr::null_mut(), "options_out")?;
        *place = handle::give(wsline_options {
            options: Arc::default(),
            process: own_mark()?,
        });
        Ok(())
    })
}

/// Frees an options object.
///
/// @param options  the object; may be NULL. Connections created from it are not affected.
///
/// Threads: any, while no other thread uses the object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_free(options: *mut wsline_options) {
    guard::value((), |arguments| arguments.free(options, |_| ()));
}

/// Copies an options object.
///
/// @param options      the object to copy.
/// @param options_out  set to the copy; to NULL on failure.
/// @retval WSLINE_OK                    `*options_out` is yours.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  an argument is NULL.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
///
/// Ownership: free it with wsline_options_free().
/// Threads: any, while no other thread modifies `options`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_options_clone(
    options: *const wsline_options,
    options_out: *mut *mut wsline_options,
) -> wsline_status {
    guard::status("wsline_options_clone", |arguments| {
        let place = arguments.out(options_out, std::ptr::null_mut(), "options_out")?;
        let options = arguments.get(options, "options")?;
        *place = handle::give(wsline_options {
            options: Arc::clone(&options.options),
            process: own_mark()?,
        });
        Ok(())
    })
}
