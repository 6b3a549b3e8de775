# SPDX-License-Identifier: Apache-2.0
"""wsline for Python with ctypes: the parts that the tests need, as a model to copy.

$WSLINE_LIBRARY is the path of libwsline.so. It is loaded as a CDLL, never as a PyDLL: a CDLL lets
other threads run Python during each call, so a waiting call does not block callbacks.
"""

import ctypes
import enum
import itertools
import os
from ctypes import (
    byref,
    c_bool,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint64,
    c_void_p,
)

FOREVER = -1
TEXT, BINARY = 1, 2


class Status(enum.IntEnum):
    OK = 0
    INVALID_ARGUMENT = -100
    WRONG_STATE = -101
    TIMEOUT = -200
    PONG_TIMEOUT = -201
    INTERRUPTED = -203
    INVALID_URL = -300
    TLS_VERIFY = -501
    HTTP_STATUS = -600
    CLOSED = -800
    CONNECTION_LOST = -801
    ABORTED = -802


# ---- structs ----


class MessageStruct(ctypes.Structure):
    _fields_ = [
        ("data", c_void_p),
        ("len", c_size_t),
        ("opcode", c_int32),
        ("flags", ctypes.c_uint32),
        ("received_ns", ctypes.c_uint64),
        ("reserved", ctypes.c_uint64 * 1),
    ]

    def payload(self):
        """A copy, because the payload is only lent: str for text, otherwise bytes."""
        data = ctypes.string_at(self.data, self.len)
        return data.decode() if self.opcode == TEXT else data


class ErrorInfo(ctypes.Structure):
    _fields_ = [
        ("status", c_int32),
        ("phase", c_int32),
        ("os_errno", c_int32),
        ("http_status", c_int32),
        ("tls_verify_result", c_int64),
        ("close_code", c_int32),
        ("message", c_char_p),
        ("retry_in_ms", c_int64),
        ("reserved", ctypes.c_uint64 * 3),
    ]


class CloseInfo(ctypes.Structure):
    _fields_ = [
        ("code", c_int32),
        ("closed_by", c_int32),
        ("clean", c_bool),
        ("reason", c_char_p),
        ("reason_len", c_size_t),
        ("unsent_messages", ctypes.c_uint64),
        ("unsent_bytes", ctypes.c_uint64),
        ("reserved", ctypes.c_uint64 * 2),
    ]


class Error(Exception):
    """A failure, copied from a wsline_error_info."""

    def __init__(self, info):
        super().__init__(info.message.decode())
        self.status = Status(info.status)
        self.phase = info.phase
        self.http_status = info.http_status
        self.retry_in_ms = info.retry_in_ms


# ---- functions ----

APP_FN = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)
MESSAGE_FN = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(MessageStruct), c_void_p)
ERROR_FN = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(ErrorInfo), c_void_p)
CLOSE_FN = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(CloseInfo), c_void_p)
POST_FN = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)
FREE_FN = ctypes.CFUNCTYPE(None, c_void_p)

lib = ctypes.CDLL(os.environ["WSLINE_LIBRARY"])


def raise_if_failed(status, _function, _arguments):
    """Runs right after the call on the same thread, so the last error belongs to that call."""
    if status != Status.OK:
        info = ErrorInfo()
        lib.wsline_last_error(byref(info))
        raise Error(info)


def returning(result, name, *argument_types):
    function = getattr(lib, "wsline_" + name)
    function.restype = result
    function.argtypes = argument_types
    return function


def failing(name, *argument_types):
    """A function that raises an Error on failure."""
    returning(c_int32, name, *argument_types).errcheck = raise_if_failed


HANDLE, HANDLE_OUT = c_void_p, ctypes.POINTER(c_void_p)

returning(c_char_p, "last_error_message")
returning(c_char_p, "status_name", c_int32)
returning(c_int32, "last_error", ctypes.POINTER(ErrorInfo))

failing("options_new", HANDLE_OUT)
failing("options_set_tls_ca_file", HANDLE, c_char_p)
failing("options_set_interruptible", HANDLE, c_bool)
failing("options_set_ping", HANDLE, c_int64, c_int64)
failing("options_set_ping_payload", HANDLE, c_char_p, c_size_t)
failing("options_set_reconnect", HANDLE, c_bool)
failing("options_set_reconnect_delay_ms", HANDLE, c_int64, c_int64)
failing("options_set_reconnect_backoff", HANDLE, c_double, c_double)
failing("options_set_reconnect_max_attempts", HANDLE, c_uint64)
returning(None, "options_free", HANDLE)

failing("connect", c_char_p, HANDLE, HANDLE_OUT)
failing("conn_send", HANDLE, c_int32, c_char_p, c_size_t)
failing("conn_recv", HANDLE, c_int64, ctypes.POINTER(MessageStruct))
failing("conn_close", HANDLE, c_int32, c_char_p, c_int64)
failing("conn_close_info", HANDLE, ctypes.POINTER(CloseInfo))
failing("conn_abort", HANDLE)
returning(None, "conn_free", HANDLE)

failing("app_new", c_char_p, HANDLE, HANDLE_OUT)
failing("app_on_open", HANDLE, APP_FN, c_void_p, FREE_FN)
failing("app_on_reconnect", HANDLE, APP_FN, c_void_p, FREE_FN)
failing("app_on_message", HANDLE, MESSAGE_FN, c_void_p, FREE_FN)
failing("app_on_pong", HANDLE, MESSAGE_FN, c_void_p, FREE_FN)
failing("app_on_error", HANDLE, ERROR_FN, c_void_p, FREE_FN)
failing("app_on_close", HANDLE, CLOSE_FN, c_void_p, FREE_FN)
failing("app_run", HANDLE)
failing("app_start", HANDLE)
failing("app_join", HANDLE, c_int64)
failing("app_send", HANDLE, c_int32, c_char_p, c_size_t)
failing("app_close", HANDLE, c_int32, c_char_p)
failing("app_abort", HANDLE)
failing("app_abort_from_signal", HANDLE)
returning(c_int64, "app_rtt_us", HANDLE)
returning(None, "app_free", HANDLE)

failing("loop_new", HANDLE_OUT)
failing("loop_add", HANDLE, HANDLE)
failing("loop_run_once", HANDLE, c_int64)
failing("loop_post", HANDLE, POST_FN, c_void_p, FREE_FN)
returning(c_int32, "loop_fd", HANDLE)
returning(c_int64, "loop_next_timeout_ms", HANDLE)
returning(None, "loop_free", HANDLE)


# ---- callbacks ----

# The library receives one C function for each kind of callback, and a number as userdata, which
# identifies the Python function here. The library calls userdata_free when it will not call the
# function again.
registered = {}
_numbers = itertools.count(1)


def register(function):
    number = next(_numbers)
    registered[number] = function
    return number


@FREE_FN
def release(number):
    del registered[number]


# ctypes reports an exception through sys.unraisablehook; the library never sees it.


@APP_FN
def call_on_app(_app, number):
    registered[number]()


@MESSAGE_FN
def call_on_message(_app, message, number):
    registered[number](message.contents.payload())


@ERROR_FN
def call_on_error(_app, info, number):
    registered[number](Error(info.contents))


@CLOSE_FN
def call_on_close(_app, info, number):
    registered[number](info.contents.code, info.contents.reason.decode())


@POST_FN
def call_posted(_loop, number):
    registered[number]()


# ---- objects ----


class Handle:
    """An object of the library, freed at the end of a `with` block. Passed as its pointer."""

    free_name = None

    def __init__(self):
        self._as_parameter_ = c_void_p()

    def free(self):
        pointer, self._as_parameter_ = self._as_parameter_, c_void_p()
        getattr(lib, self.free_name)(pointer)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.free()


def pack(payload):
    """The opcode, the bytes and their length."""
    opcode, data = (TEXT, payload.encode()) if isinstance(payload, str) else (BINARY, payload)
    return opcode, data, len(data)


class Options(Handle):
    free_name = "wsline_options_free"

    def __init__(self):
        super().__init__()
        lib.wsline_options_new(byref(self._as_parameter_))

    def set_tls_ca_file(self, path):
        lib.wsline_options_set_tls_ca_file(self, os.fsencode(path))

    def set_interruptible(self, enable):
        lib.wsline_options_set_interruptible(self, enable)

    def set_ping(self, interval_ms, timeout_ms, payload=b""):
        lib.wsline_options_set_ping(self, interval_ms, timeout_ms)
        lib.wsline_options_set_ping_payload(self, payload, len(payload))

    def set_reconnect(self, initial_ms, max_ms, multiplier=1.0, jitter=0.0, max_attempts=0):
        lib.wsline_options_set_reconnect(self, True)
        lib.wsline_options_set_reconnect_delay_ms(self, initial_ms, max_ms)
        lib.wsline_options_set_reconnect_backoff(self, multiplier, jitter)
        lib.wsline_options_set_reconnect_max_attempts(self, max_attempts)


class Conn(Handle):
    free_name = "wsline_conn_free"

    def __init__(self, url, options=None):
        super().__init__()
        lib.wsline_connect(url.encode(), options, byref(self._as_parameter_))

    def send(self, payload):
        lib.wsline_conn_send(self, *pack(payload))

    def recv(self, timeout_ms):
        message = MessageStruct()
        lib.wsline_conn_recv(self, timeout_ms, byref(message))
        return message.payload()

    def close(self, code, reason, timeout_ms):
        lib.wsline_conn_close(self, code, reason.encode(), timeout_ms)

    def close_info(self):
        info = CloseInfo()
        lib.wsline_conn_close_info(self, byref(info))
        return info

    def abort(self):
        lib.wsline_conn_abort(self)


class App(Handle):
    """The functions given to on_...() run on the thread that drives it; None removes one."""

    free_name = "wsline_app_free"

    def __init__(self, url, options=None):
        super().__init__()
        lib.wsline_app_new(url.encode(), options, byref(self._as_parameter_))

    def on_open(self, function):
        self._on(lib.wsline_app_on_open, APP_FN, call_on_app, function)

    def on_reconnect(self, function):
        self._on(lib.wsline_app_on_reconnect, APP_FN, call_on_app, function)

    def on_message(self, function):
        """function(payload)"""
        self._on(lib.wsline_app_on_message, MESSAGE_FN, call_on_message, function)

    def on_pong(self, function):
        """function(payload)"""
        self._on(lib.wsline_app_on_pong, MESSAGE_FN, call_on_message, function)

    def on_error(self, function):
        """function(error), where error is an Error"""
        self._on(lib.wsline_app_on_error, ERROR_FN, call_on_error, function)

    def on_close(self, function):
        """function(code, reason)"""
        self._on(lib.wsline_app_on_close, CLOSE_FN, call_on_close, function)

    def _on(self, setter, kind, caller, function):
        if function is None:
            setter(self, kind(), None, FREE_FN())  # kind() is a NULL pointer of that type
        else:
            setter(self, caller, register(function), release)

    def run(self):
        lib.wsline_app_run(self)

    def start(self):
        lib.wsline_app_start(self)

    def join(self, timeout_ms):
        lib.wsline_app_join(self, timeout_ms)

    def send(self, payload):
        lib.wsline_app_send(self, *pack(payload))

    def close(self, code=1000, reason=""):
        lib.wsline_app_close(self, code, reason.encode())

    def abort(self):
        lib.wsline_app_abort(self)

    def interrupt(self):
        lib.wsline_app_abort_from_signal(self)

    def rtt_us(self):
        return lib.wsline_app_rtt_us(self)


class Loop(Handle):
    free_name = "wsline_loop_free"

    def __init__(self):
        super().__init__()
        lib.wsline_loop_new(byref(self._as_parameter_))

    def add(self, app):
        lib.wsline_loop_add(self, app)

    def run_once(self, timeout_ms):
        lib.wsline_loop_run_once(self, timeout_ms)

    def fd(self):
        return lib.wsline_loop_fd(self)

    def next_timeout_ms(self):
        return lib.wsline_loop_next_timeout_ms(self)

    def post(self, function):
        lib.wsline_loop_post(self, call_posted, register(function), release)
