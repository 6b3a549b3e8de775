// SPDX-License-Identifier: Apache-2.0
//! A connection inside an event loop that waits for descriptors.

use super::object::wsline_conn;
use crate::ffi::guard;
use crate::ffi::status::wsline_status;

/// @@ Polling a connection
/// Threads: any.
/// Blocks: no.
/// Since: 0.2
///
/// Creates a descriptor that is readable when a receive would return something.
///
/// Watch it for reading with poll(2), epoll(7), libuv, GLib, asyncio or any other event loop. It
/// covers everything that a receive can return: messages that have arrived, decrypted or not, or
/// are buffered already, control and close frames, and the end of the connection, after which it
/// stays readable. When it is readable, receive with a timeout of 0 until WSLINE_ERR_TIMEOUT. You
/// may receive less with a level-triggered watcher, but not with an edge-triggered one (EPOLLET, as
/// in Go's netpoller and tokio's AsyncFd).
///
/// Nothing reads the socket while you wait, so the descriptor is also readable for bytes that turn
/// out to be a part of a message, or, with wsline_conn_recv(), a ping; and when there is room again
/// to send a pong that the socket did not take. The receive then handles them and returns
/// WSLINE_ERR_TIMEOUT. It also returns that after some 16,000 pings or 8 MiB, and while another
/// thread closes; then the descriptor becomes readable again. What counts depends on the function
/// that received last: to change it, receive with the other one until WSLINE_ERR_TIMEOUT. A mistake
/// in a message that is still incomplete, such as text that is not UTF-8, may show only when more
/// of it arrives.
///
/// It takes two descriptors of the process, and each receive that changes whether something is
/// buffered makes one system call more. Remove it from your loop before you free the connection.
///
/// @param conn    an open connection.
/// @param fd_out  set to the descriptor, the same for each call; to -1 on failure. It belongs to
///                the connection, which closes it when it is freed, and must not be read, written
///                or closed.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
/// @retval WSLINE_ERR_ABORTED           it was aborted before it was connected.
/// @retval WSLINE_ERR_IO                the system refuses to create a descriptor.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// See also: wsline_conn_pending(), wsline_loop_fd()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_poll_fd(
    conn: *mut wsline_conn,
    fd_out: *mut i32,
) -> wsline_status {
    guard::on("wsline_conn_poll_fd", conn, |conn, arguments| {
        let place = arguments.out(fd_out, -1, "fd_out");
        let (conn, place) = (conn?, place?);
        *place = conn.poll_fd()?;
        Ok(())
    })
}

/// Returns whether a receive would return something that has been read from the socket already.
///
/// That is a message, a control or close frame, or the end of the connection; which messages count
/// depends on the function that received last, as for wsline_conn_poll_fd(). While nothing is
/// pending, a program that wants no further descriptors may poll wsline_conn_fd(); then a pong that
/// the socket did not take waits for the next receive or send.
///
/// @param conn  a connection; may be NULL.
/// @return      true if so; false if not, if another thread is receiving, or before the connect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_pending(conn: *mut wsline_conn) -> bool {
    guard::value(false, |arguments| {
        let conn = arguments.object(conn);
        conn.is_ok_and(|conn| conn.has_pending())
    })
}
