// SPDX-License-Identifier: Apache-2.0
//! System calls and foreign functions for which no crate has a safe form. One of the files that may
//! use `unsafe`.
#![allow(
    unsafe_code,
    reason = "each block is one call to the system or to OpenSSL"
)]

use crate::base::deadline::whole_ms;
use crate::base::sync::Arc;
use openssl::error::ErrorStack;
use openssl::ssl::{SslRef, SslSessionRef, SslStream};
use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// Appends the bytes of one `recv(2)` to `into`, up to its spare capacity less one byte. Returns
/// their number; 0 means the end of the stream.
///
/// The spare capacity is not zeroed first: zeroing would cost a quarter of the time of a small
/// echo.
#[inline(always)]
pub fn receive(socket: BorrowedFd<'_>, into: &mut Vec<u8>, flags: c_int) -> io::Result<usize> {
    let (_, room) = into.spare_capacity_mut().split_last_mut().unzip();
    let room = room.unwrap_or_default();
    debug_assert!(!room.is_empty(), "a read into no space looks like the end");
    let (place, len) = (room.as_mut_ptr().cast(), room.len());
    let count = without_cancellation(|| {
        // SAFETY: `place` is writable for `len` bytes and the descriptor is open while it is
        // borrowed.
        let count = unsafe { libc::recv(socket.as_raw_fd(), place, len, flags) };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    })?;
    let len = into.len() + count;
    // SAFETY: recv has initialised the first `count` bytes of the spare capacity.
    unsafe { into.set_len(len) };
    Ok(count)
}

/// [`receive`] with `recvmsg(2)`: also returns when the last of the bytes arrived, if the socket
/// has [`stamp_arrivals`]; 0 if the system does not know.
pub fn receive_stamped(
    socket: BorrowedFd<'_>,
    into: &mut Vec<u8>,
    flags: c_int,
) -> io::Result<(usize, u64)> {
    let (_, room) = into.spare_capacity_mut().split_last_mut().unzip();
    let room = room.unwrap_or_default();
    debug_assert!(!room.is_empty(), "a read into no space looks like the end");
    let mut part = libc::iovec {
        iov_base: room.as_mut_ptr().cast(),
        iov_len: room.len(),
    };
    // Room for one SCM_TIMESTAMPING: three times of at most 16 bytes each. Words, to be aligned.
    let mut control = [0usize; 16];
    // SAFETY: all members are integers or pointers, for which zero is valid.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    let count = without_cancellation(|| {
        let flags = flags | libc::MSG_CMSG_CLOEXEC;
        // SAFETY: `message` names one writable part and a writable buffer for control messages,
        // both with their sizes; the descriptor is open while it is borrowed.
        let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    })?;
    let len = into.len() + count;
    // SAFETY: recvmsg has initialised the first `count` bytes of the spare capacity.
    unsafe { into.set_len(len) };
    Ok((count, arrival_ns(&message)))
}

/// The software time stamp in the control messages that recvmsg(2) has stored; 0 if there is none.
fn arrival_ns(message: &libc::msghdr) -> u64 {
    // SAFETY: the system has set the length of the control buffer, which is still valid.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: a header within the control buffer, which is aligned to a word, or null.
    while let Some(header) = unsafe { next.as_ref() } {
        if (header.cmsg_level, header.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) {
            #[allow(clippy::unnecessary_cast, reason = "the type depends on the C library")]
            let len = header.cmsg_len as usize;
            // SAFETY: takes an integer.
            let head = unsafe { libc::CMSG_LEN(0) } as usize;
            // SAFETY: the data follow the header.
            let data = unsafe { libc::CMSG_DATA(header) };
            // Three times, the first of which is the software's; each is a pair of numbers, of 32
            // bits in the old form on 32-bit systems.
            let (seconds, nanoseconds) = match len - head {
                // SAFETY: the length says that the numbers are there.
                48.. => unsafe { data.cast::<[i64; 2]>().read_unaligned() }.into(),
                // SAFETY: as above.
                24.. => match unsafe { data.cast::<[i32; 2]>().read_unaligned() } {
                    [seconds, nanoseconds] => (seconds.into(), nanoseconds.into()),
                },
                _ => (0, 0),
            };
            return u64::try_from(seconds * 1_000_000_000 + nanoseconds).unwrap_or(0);
        }
        // SAFETY: as for the first header.
        next = unsafe { libc::CMSG_NXTHDR(message, header) };
    }
    0
}

/// From now on the system notes when bytes arrive (Documentation/networking/timestamping in Linux).
pub fn stamp_arrivals(socket: BorrowedFd<'_>) -> io::Result<()> {
    let flags = libc::SOF_TIMESTAMPING_RX_SOFTWARE | libc::SOF_TIMESTAMPING_SOFTWARE;
    set_socket_option(
        socket,
        libc::SOL_SOCKET,
        libc::SO_TIMESTAMPING,
        &flags.to_ne_bytes(),
    )
}

/// One `send(2)`. Returns how many of `bytes` the system took.
#[inline(always)]
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], flags: c_int) -> io::Result<usize> {
    let (place, len) = (bytes.as_ptr().cast(), bytes.len());
    without_cancellation(|| {
        // SAFETY: `bytes` is readable for `len` bytes and the descriptor is open while it is
        // borrowed.
        let count = unsafe { libc::send(socket.as_raw_fd(), place, len, flags) };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    })
}

/// Appends decrypted bytes to `into`, up to its spare capacity less one byte. The result is that of
/// `SSL_read`.
pub fn tls_read<S: io::Read + io::Write>(
    tls: &mut SslStream<S>,
    into: &mut Vec<u8>,
) -> Result<usize, openssl::ssl::Error> {
    let (_, room) = into.spare_capacity_mut().split_last_mut().unzip();
    let count = without_cancellation(|| tls.ssl_read_uninit(room.unwrap_or_default()))?;
    let len = into.len() + count;
    // SAFETY: SSL_read has initialised the first `count` bytes of the spare capacity.
    unsafe { into.set_len(len) };
    Ok(count)
}

/// Encrypts `plain`. The result is that of `SSL_write`.
pub fn tls_write<S: io::Read + io::Write>(
    tls: &mut SslStream<S>,
    plain: &[u8],
) -> Result<usize, openssl::ssl::Error> {
    without_cancellation(|| tls.ssl_write(plain))
}

/// Waits until one of `fds` is ready, `timeout` has passed (`None`: forever) or a signal arrives.
/// Returns how many are ready.
pub fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    let (place, len) = (fds.as_mut_ptr(), fds.len() as libc::nfds_t);
    without_cancellation(|| {
        // SAFETY: `fds` is writable for its length.
        let ready = unsafe { libc::poll(place, len, milliseconds(timeout)) };
        usize::try_from(ready).map_err(|_| io::Error::last_os_error())
    })
}

/// A descriptor that any thread can make readable.
pub fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: takes two integers.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    owned(fd)
}

/// Makes an [`eventfd`] readable. Async-signal-safe; keeps errno.
pub fn signal_eventfd(fd: RawFd) {
    let one = 1u64.to_ne_bytes();
    let write = || {
        // SAFETY: `one` is readable for its length; a descriptor that is not open is an error. It
        // never blocks: a counter that is full is readable already.
        unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) };
    };
    keep_errno(|| without_cancellation(write));
}

/// Shuts down one direction of a socket, or both: `SHUT_WR`, `SHUT_RDWR`. Async-signal-safe.
pub fn shutdown(socket: RawFd, how: c_int) {
    keep_errno(|| {
        // SAFETY: takes integers; a descriptor that is not open is an error.
        unsafe { libc::shutdown(socket, how) };
    });
}

/// Sets blocking mode with one call; fcntl(2) would need two.
pub fn set_blocking(socket: BorrowedFd<'_>) -> io::Result<()> {
    let mut off: c_int = 0;
    // SAFETY: FIONBIO reads an int.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::FIONBIO, &raw mut off) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn keep_errno(work: impl FnOnce()) {
    // SAFETY: returns the address of this thread's errno, which is valid while the thread lives.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let old = unsafe { place.read() };
    work();
    // SAFETY: as above.
    unsafe { place.write(old) };
}

pub fn epoll_create() -> io::Result<OwnedFd> {
    // SAFETY: takes an integer.
    let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    owned(fd)
}

/// `operation` is one of `EPOLL_CTL_…`; a descriptor that is not open is an error.
pub fn epoll_control(
    epoll: BorrowedFd<'_>,
    operation: c_int,
    fd: RawFd,
    mut event: libc::epoll_event,
) -> io::Result<()> {
    // SAFETY: `event` is readable, and not kept.
    let result = unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &raw mut event) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Waits as [`poll`] does. Fills the first entries of `events` and returns their number.
pub fn epoll_wait(
    epoll: BorrowedFd<'_>,
    events: &mut [libc::epoll_event],
    timeout: Option<Duration>,
) -> io::Result<usize> {
    let (place, len) = (events.as_mut_ptr(), events.len() as c_int);
    // SAFETY: `place` is writable for `len` events.
    let ready = unsafe { libc::epoll_wait(epoll.as_raw_fd(), place, len, milliseconds(timeout)) };
    usize::try_from(ready).map_err(|_| io::Error::last_os_error())
}

/// A second descriptor for the caller's `fd`.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: takes integers; a descriptor that is not open is an error.
    let fd = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) };
    owned(fd)
}

/// The number of sent bytes that the peer's system has not acknowledged.
pub fn unacknowledged(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let mut count: c_int = 0;
    // SAFETY: SIOCOUTQ, which is TIOCOUTQ, writes an int to `count` (tcp(7), unix(7)).
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::try_from(count).unwrap_or(0))
}

pub fn set_socket_option(
    socket: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
    value: &[u8],
) -> io::Result<()> {
    let len = value.len() as libc::socklen_t;
    // SAFETY: `value` is readable for `len` bytes.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value.as_ptr().cast(), len) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Runs `start`, which starts a thread, with all signals blocked: the thread inherits the mask, so
/// the host's signal handlers run only on the host's own threads.
pub fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    let mut old = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `all` is writable.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: `all` was filled above, `old` is writable.
    let blocked =
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), old.as_mut_ptr()) } == 0;
    let result = start();
    if blocked {
        // SAFETY: `old` was filled by the call above.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, old.as_ptr(), std::ptr::null_mut()) };
    }
    result
}

unsafe extern "C" {
    /// POSIX; the libc crate does not declare it.
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

/// The value in the GNU C library and in musl.
const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// Runs `work` with cancellation disabled, so that a pthread_cancel(3) of this thread stays
/// pending: most system calls are cancellation points, and the unwinding that follows cannot cross
/// Rust.
///
/// Most exports run inside this as a whole. Those that are called for each message do not, because
/// this costs more than they do; instead each cancellation point that they reach runs inside it:
/// mainly [`receive`], [`send`], [`poll`], [`signal_eventfd`] and the calls of OpenSSL, which may
/// open files and call the host's functions.
#[inline]
pub fn without_cancellation<T>(work: impl FnOnce() -> T) -> T {
    let mut old: c_int = 0;
    // SAFETY: `old` is writable.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut old) };
    let _restored = CancelState(old);
    work()
}

/// Restores the cancel state when it is dropped, also after a panic.
struct CancelState(c_int);

impl Drop for CancelState {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a state that the system returned; with NULL it returns no old state.
        unsafe { pthread_setcancelstate(self.0, std::ptr::null_mut()) };
    }
}

/// Drops a reference. The last one may close descriptors, and close(2) is a cancellation point.
#[inline]
pub fn release<T>(counted: Arc<T>) {
    if let Some(last) = Arc::into_inner(counted) {
        without_cancellation(|| drop(last));
    }
}

/// Clears errors that earlier OpenSSL calls on this thread, including the host's, left in the
/// queue.
pub fn clear_openssl_errors() {
    drop(ErrorStack::get());
}

/// Offers the server a session to resume. It must come from another connection of the same context.
pub fn offer_session(ssl: &mut SslRef, session: &SslSessionRef) -> Result<(), ErrorStack> {
    // SAFETY: the session comes from the same context, as required; OpenSSL takes a reference to
    // it.
    unsafe { ssl.set_session(session) }
}

unsafe extern "C" {
    /// In the C library; the libc crate declares it only for other systems.
    fn secure_getenv(name: *const c_char) -> *const c_char;

    /// In the C library; the libc crate does not declare it for Linux.
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
}

/// Where OpenSSL looks for certificate authorities by default, and the environment variables that
/// override this.
pub struct DefaultTrust {
    pub file: &'static CStr,
    pub file_variable: &'static CStr,
    pub directories: &'static CStr,
    pub directory_variable: &'static CStr,
}

pub fn default_trust() -> DefaultTrust {
    // SAFETY: string literals of OpenSSL's.
    let text =
        |literal: unsafe extern "C" fn() -> *const c_char| unsafe { CStr::from_ptr(literal()) };
    DefaultTrust {
        file: text(openssl_sys::X509_get_default_cert_file),
        file_variable: text(openssl_sys::X509_get_default_cert_file_env),
        directories: text(openssl_sys::X509_get_default_cert_dir),
        directory_variable: text(openssl_sys::X509_get_default_cert_dir_env),
    }
}

/// An environment variable. Each connect reads several; this allocates nothing for one that is not
/// set.
pub fn environment(name: &CStr) -> Option<OsString> {
    // SAFETY: `name` ends with a NUL.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    owned_text(value)
}

/// An environment variable, as OpenSSL reads it: `None` if the program has more privileges than its
/// user.
pub fn secure_environment(name: &CStr) -> Option<OsString> {
    // SAFETY: `name` ends with a NUL.
    let value = unsafe { secure_getenv(name.as_ptr()) };
    owned_text(value)
}

fn owned_text(value: *const c_char) -> Option<OsString> {
    if value.is_null() {
        return None;
    }
    // SAFETY: a string of the environment, which the program must not modify while other threads
    // read it (getenv(3)).
    let value = unsafe { CStr::from_ptr(value) };
    Some(OsStr::from_bytes(value.to_bytes()).to_owned())
}

/// Calls `child` in each future child process, before `fork(2)` returns there.
pub fn call_after_fork(child: extern "C" fn()) -> io::Result<()> {
    // SAFETY: the function exists as long as the handler: the shared library is never unloaded (-z
    // nodelete), and when another library that contains this code is unloaded, glibc removes its
    // handlers.
    match unsafe { pthread_atfork(None, None, Some(child)) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Closes a descriptor whose owner is leaked, so that it is not closed again.
pub fn close_abandoned(fd: RawFd) {
    // SAFETY: takes an integer; a descriptor that is not open is an error.
    unsafe { libc::close(fd) };
}

/// Rounded up, so that a wait never ends too early; -1 means forever.
fn milliseconds(timeout: Option<Duration>) -> c_int {
    timeout.map_or(-1, |span| {
        c_int::try_from(whole_ms(span)).unwrap_or(c_int::MAX)
    })
}

fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system has just opened `fd`, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
