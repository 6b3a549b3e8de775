// SPDX-License-Identifier: Apache-2.0
//
// wsline for Node with koffi: the parts that the tests need, as a model to copy.
//
// $WSLINE_LIBRARY is the path of libwsline.so.
//
// An app's own thread cannot run JavaScript: koffi runs it on the main thread while the app's thread
// waits. So the main thread must never wait for an app: functions that do are called with koffi's
// `.async`, on one of the four threads of Node's pool, which suits calls that end soon.

'use strict';

const { promisify } = require('util');
const koffi = require('koffi');

const FOREVER = -1;
const TEXT = 1;
const BINARY = 2;

const STATUS = {
  OK: 0,
  INVALID_ARGUMENT: -100,
  TIMEOUT: -200,
  INVALID_URL: -300,
  HTTP_STATUS: -600,
  CLOSED: -800,
};

// ---- types ----

koffi.alias('wsline_status', 'int32_t');
for (const name of ['wsline_options', 'wsline_conn', 'wsline_app']) {
  koffi.opaque(name);
}

koffi.struct('wsline_message', {
  data: 'uint8_t *',
  len: 'size_t',
  opcode: 'int32_t',
  flags: 'uint32_t',
  received_ns: 'uint64_t',
  reserved: koffi.array('uint64_t', 1),
});
koffi.struct('wsline_error_info', {
  status: 'wsline_status',
  phase: 'int32_t',
  os_errno: 'int32_t',
  http_status: 'int32_t',
  tls_verify_result: 'int64_t',
  close_code: 'int32_t',
  message: 'const char *',
  retry_in_ms: 'int64_t',
  reserved: koffi.array('uint64_t', 3),
});
koffi.struct('wsline_close_info', {
  code: 'int32_t',
  closed_by: 'int32_t',
  clean: 'bool',
  reason: 'const char *',
  reason_len: 'size_t',
  unsent_messages: 'uint64_t',
  unsent_bytes: 'uint64_t',
  reserved: koffi.array('uint64_t', 2),
});

koffi.proto('void wsline_free_fn(void *userdata)');
koffi.proto('void wsline_app_fn(wsline_app *app, void *userdata)');
for (const kind of ['message', 'error', 'close']) {
  const info = kind === 'message' ? 'wsline_message' : `wsline_${kind}_info`;
  koffi.proto(`void wsline_${kind}_fn(wsline_app *app, const ${info} *info, void *userdata)`);
}

// ---- functions ----

const library = koffi.load(process.env.WSLINE_LIBRARY);

// The functions by their names without "wsline_".
const lib = Object.fromEntries([
  'const char *wsline_last_error_message()',
  'wsline_status wsline_last_error(_Out_ wsline_error_info *info_out)',

  'wsline_status wsline_options_new(_Out_ wsline_options **options_out)',
  'void wsline_options_free(wsline_options *options)',
  'wsline_status wsline_options_set_tls_ca_file(wsline_options *options, const char *path)',

  'wsline_status wsline_connect(const char *url, const wsline_options *options,'
    + ' _Out_ wsline_conn **conn_out)',
  'wsline_status wsline_conn_new(const wsline_options *options, _Out_ wsline_conn **conn_out)',
  'wsline_status wsline_conn_connect(wsline_conn *conn, const char *url)',
  'wsline_status wsline_conn_last_error(const wsline_conn *conn,'
    + ' _Out_ wsline_error_info *info_out)',
  'wsline_status wsline_conn_send(wsline_conn *conn, int32_t opcode, const void *data, size_t len)',
  'wsline_status wsline_conn_recv(wsline_conn *conn, int64_t timeout_ms,'
    + ' _Out_ wsline_message *message_out)',
  'wsline_status wsline_conn_close(wsline_conn *conn, int32_t code, const char *reason,'
    + ' int64_t timeout_ms)',
  'wsline_status wsline_conn_close_info(const wsline_conn *conn,'
    + ' _Out_ wsline_close_info *info_out)',
  'void wsline_conn_free(wsline_conn *conn)',

  'wsline_status wsline_app_new(const char *url, const wsline_options *options,'
    + ' _Out_ wsline_app **app_out)',
  ...['open:app', 'message:message', 'error:error', 'close:close'].map((pair) => {
    const [event, kind] = pair.split(':');
    return `wsline_status wsline_app_on_${event}(wsline_app *app, wsline_${kind}_fn *fn,`
      + ' void *userdata, wsline_free_fn *userdata_free)';
  }),
  'wsline_status wsline_app_start(wsline_app *app)',
  'wsline_status wsline_app_join(wsline_app *app, int64_t timeout_ms)',
  'wsline_status wsline_app_send(wsline_app *app, int32_t opcode, const void *data, size_t len)',
  'wsline_status wsline_app_close(wsline_app *app, int32_t code, const char *reason)',
  'void wsline_app_free(wsline_app *app)',
].map((prototype) => [prototype.match(/wsline_(\w+)\(/)[1], library.func(prototype)]));

// ---- errors ----

class WslineError extends Error {
  // `info` is a wsline_error_info.
  constructor(info) {
    super(info.message);
    this.status = info.status;
    this.phase = info.phase;
    this.httpStatus = info.http_status;
    this.retryInMs = Number(info.retry_in_ms);
  }
}

// Only for calls without `.async`, because the last error is per thread.
function check(status) {
  if (status !== STATUS.OK) {
    const info = {};
    lib.last_error(info);
    throw new WslineError(info);
  }
}

// ---- callbacks ----

// The library receives one C function for each kind of callback, because koffi has only a few
// thousand, and a number as userdata, which identifies the JavaScript function here. The library
// calls userdata_free when it will not call the function again.
const registered = new Map();
let lastNumber = 0n;

function register(fn) {
  lastNumber += 1n;
  registered.set(lastNumber, fn);
  return lastNumber;
}

const release = koffi.register((number) => { registered.delete(number); }, 'wsline_free_fn *');

const hooks = {
  // Catches exceptions of callbacks, which koffi would hide, and makes them uncaught exceptions, as
  // in any event handler.
  onCallbackError: (error) => { process.nextTick(() => { throw error; }); },
};

// The C function that calls the functions of one kind; `decode` turns the pointer into their
// arguments.
function caller(kind, decode) {
  return koffi.register((app, info, number) => {
    try {
      registered.get(number)(...decode(info));
    } catch (error) {
      hooks.onCallbackError(error);
    }
  }, `wsline_${kind}_fn *`);
}

const callOnMessage = caller('message', (info) => [
  payloadOf(koffi.decode(info, 'wsline_message')),
]);
const callOnError = caller('error', (info) => [
  new WslineError(koffi.decode(info, 'wsline_error_info')),
]);
const callOnClose = caller('close', (info) => {
  const { code, reason } = koffi.decode(info, 'wsline_close_info');
  return [code, reason];
});
const callOnApp = koffi.register((app, number) => {
  try {
    registered.get(number)();
  } catch (error) {
    hooks.onCallbackError(error);
  }
}, 'wsline_app_fn *');

// ---- payloads ----

// A copy, because the payload is only lent: a string for text, otherwise a Buffer.
function payloadOf({ data, len, opcode }) {
  const bytes = Buffer.from(new Uint8Array(koffi.view(data, Number(len))));
  return opcode === TEXT ? bytes.toString() : bytes;
}

// The opcode, the bytes and their length.
function pack(payload) {
  const isText = typeof payload === 'string';
  const bytes = isText ? Buffer.from(payload) : payload;
  return [isText ? TEXT : BINARY, bytes, bytes.length];
}

// ---- objects ----

// The value of a constructor's output parameter.
function made(constructor, ...args) {
  const out = [null];
  check(constructor(...args, out));
  return out[0];
}

class Options {
  constructor() {
    this.pointer = made(lib.options_new);
  }

  setTlsCaFile(path) {
    check(lib.options_set_tls_ca_file(this.pointer, path));
  }

  free() {
    lib.options_free(this.pointer);
    this.pointer = null;
  }
}

// One connection. Its calls block Node, except for connectAsync() and recvAsync().
class Conn {
  static connect(url, options = null) {
    return new Conn(made(lib.connect, url, options && options.pointer));
  }

  static async connectAsync(url, options = null) {
    const conn = new Conn(made(lib.conn_new, options && options.pointer));
    try {
      conn.check(await promisify(lib.conn_connect.async)(conn.pointer, url));
    } catch (error) {
      conn.free();
      throw error;
    }
    return conn;
  }

  constructor(pointer) {
    this.pointer = pointer;
  }

  send(payload) {
    check(lib.conn_send(this.pointer, ...pack(payload)));
  }

  recv(timeoutMs) {
    const message = {};
    check(lib.conn_recv(this.pointer, timeoutMs, message));
    return payloadOf(message);
  }

  async recvAsync(timeoutMs) {
    const message = {};
    this.check(await promisify(lib.conn_recv.async)(this.pointer, timeoutMs, message));
    return payloadOf(message);
  }

  close(code, reason, timeoutMs) {
    check(lib.conn_close(this.pointer, code, reason, timeoutMs));
  }

  closeInfo() {
    const info = {};
    check(lib.conn_close_info(this.pointer, info));
    return info;
  }

  free() {
    lib.conn_free(this.pointer);
    this.pointer = null;
  }

  // For calls with `.async`: another thread made them, but the connection keeps the error.
  check(status) {
    if (status !== STATUS.OK) {
      const info = {};
      check(lib.conn_last_error(this.pointer, info));
      throw new WslineError(info);
    }
  }
}

// A long-lived client on its own thread. on...() take a function, or null to remove it.
class App {
  constructor(url, options = null) {
    this.pointer = made(lib.app_new, url, options && options.pointer);
  }

  // fn()
  onOpen(fn) {
    this.#on(lib.app_on_open, callOnApp, fn);
  }

  // fn(payload)
  onMessage(fn) {
    this.#on(lib.app_on_message, callOnMessage, fn);
  }

  // fn(error)
  onError(fn) {
    this.#on(lib.app_on_error, callOnError, fn);
  }

  // fn(code, reason)
  onClose(fn) {
    this.#on(lib.app_on_close, callOnClose, fn);
  }

  #on(setter, callerOfKind, fn) {
    if (fn === null) {
      check(setter(this.pointer, null, null, null));
    } else {
      check(setter(this.pointer, callerOfKind, register(fn), release));
    }
  }

  start() {
    check(lib.app_start(this.pointer));
    // Node does not know about the app's thread: without anything to wait for, it would exit.
    this.keepingNodeAlive = setInterval(() => {}, 0x7fffffff);
  }

  // Resolves to the status with which the app ended.
  join(timeoutMs) {
    return promisify(lib.app_join.async)(this.pointer, timeoutMs);
  }

  send(payload) {
    check(lib.app_send(this.pointer, ...pack(payload)));
  }

  close(code = 1000, reason = null) {
    check(lib.app_close(this.pointer, code, reason));
  }

  // Waits for a running callback, which may be waiting for the main thread.
  async free() {
    const { pointer } = this;
    this.pointer = null;
    await promisify(lib.app_free.async)(pointer);
    clearInterval(this.keepingNodeAlive);
  }
}

module.exports = { App, Conn, FOREVER, Options, STATUS, WslineError, hooks, lib, registered };
