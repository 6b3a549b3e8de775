// SPDX-License-Identifier: Apache-2.0
//
// Node with koffi: blocking connections, and apps that run callbacks from their own thread.

'use strict';

try {
  require.resolve('koffi');
} catch {
  console.log('skipped: koffi is not installed');
  process.exit();
}

const assert = require('assert/strict');
const { EventEmitter, once } = require('events');
const { afterEach, beforeEach, test } = require('node:test');
const koffi = require('koffi');
const { App, Conn, Options, STATUS, hooks, lib, registered } = require('./wsline.js');

const WAIT_MS = 30000;
const DEADLINE_S = 60;
const LIMITED = { timeout: WAIT_MS };

// Node's own timeouts do not work while the main thread is stuck in a call; SIGALRM does.
const alarm = koffi.load(null).func('unsigned int alarm(unsigned int seconds)');

beforeEach(() => { alarm(DEADLINE_S); });

afterEach(() => {
  assert.equal(registered.size, 0, 'callbacks that were not released');
});

// The address of a server that tests/peers/run.py has started.
function url(peer, path = '/') {
  return process.env[`WSLINE_TEST_${peer}_URL`] + path;
}

function trustingOptions() {
  const options = new Options();
  options.setTlsCaFile(process.env.WSLINE_TEST_CA);
  return options;
}

// Events from callbacks, for `await told.next()` in order.
class Told {
  #items = [];
  #changed = new EventEmitter();

  put(item) {
    this.#items.push(item);
    this.#changed.emit('put');
  }

  async next() {
    if (this.#items.length === 0) {
      await once(this.#changed, 'put');
    }
    return this.#items.shift();
  }
}

// ---- connections ----

test('messages are echoed', LIMITED, () => {
  const options = trustingOptions();
  for (const peer of ['WEBSOCKETS', 'WS_TLS']) {
    const conn = Conn.connect(url(peer), options);
    const long = 'x'.repeat(100000);
    for (const payload of ['grüße', Buffer.from([0, 255]), '', Buffer.alloc(0), long]) {
      conn.send(payload);
      assert.deepEqual(conn.recv(WAIT_MS), payload);
    }
    conn.close(1000, 'done', WAIT_MS);
    conn.free();
  }
  options.free();
});

test('errors describe what happened', LIMITED, () => {
  assert.throws(() => Conn.connect('http://localhost/'), (error) => {
    assert.equal(error.status, STATUS.INVALID_URL);
    assert.match(error.message, /http/);
    assert.equal(lib.last_error_message(), error.message);
    return true;
  });
  assert.throws(() => Conn.connect(url('WEBSOCKETS', '/status?code=403')), {
    status: STATUS.HTTP_STATUS,
    httpStatus: 403,
    phase: 5, // WSLINE_PHASE_UPGRADE
  });
  const conn = Conn.connect(url('WEBSOCKETS'));
  assert.throws(() => conn.recv(0), { status: STATUS.TIMEOUT });
  conn.free();
  assert.throws(() => conn.send('after free'), { status: STATUS.INVALID_ARGUMENT });
});

test('close info has the code and reason of the server', LIMITED, () => {
  const conn = Conn.connect(url('WEBSOCKETS', '/close?code=3001&reason=bye'));
  assert.throws(() => conn.recv(WAIT_MS), { status: STATUS.CLOSED });
  const { code, reason, clean } = conn.closeInfo();
  assert.deepEqual({ code, reason, clean }, { code: 3001, reason: 'bye', clean: true });
  conn.free();
});

test('waiting calls need not block Node', LIMITED, async () => {
  const conn = await Conn.connectAsync(url('WEBSOCKETS'));
  const received = conn.recvAsync(WAIT_MS);
  conn.send('sent meanwhile');
  assert.equal(await received, 'sent meanwhile');
  await assert.rejects(conn.recvAsync(1), { status: STATUS.TIMEOUT });
  conn.free();
  await assert.rejects(Conn.connectAsync(url('WEBSOCKETS', '/status?code=403')), {
    status: STATUS.HTTP_STATUS,
    httpStatus: 403,
    message: /403/,
  });
});

// ---- apps ----

test('an app runs callbacks', LIMITED, async () => {
  const told = new Told();
  const app = new App(url('WEBSOCKETS'));
  app.onOpen(() => told.put('open'));
  app.onMessage((payload) => told.put(payload));
  app.onClose((code, reason) => told.put([code, reason]));
  app.start();
  assert.equal(await told.next(), 'open');
  for (const payload of ['grüße', Buffer.from([0, 255]), '']) {
    app.send(payload);
    assert.deepEqual(await told.next(), payload);
  }
  app.close(1000, 'done');
  assert.deepEqual(await told.next(), [1000, 'done']);
  assert.equal(await app.join(WAIT_MS), STATUS.OK);
  await app.free();
});

test('several apps run concurrently', LIMITED, async () => {
  const options = trustingOptions();
  const peers = ['WEBSOCKETS', 'WS', 'WEBSOCKETS_TLS', 'WS_TLS'];
  await Promise.all([...peers, ...peers, ...peers].map(async (peer) => {
    const told = new Told();
    const app = new App(url(peer), options);
    app.onOpen(() => app.send('0'));
    app.onMessage((payload) => {
      if (payload === '100') app.close();
      else app.send(`${Number(payload) + 1}`);
    });
    app.onClose((code) => told.put(code));
    app.start();
    assert.equal(await told.next(), 1000);
    await app.free();
  }));
  options.free();
});

test('callbacks are replaced while the app runs', LIMITED, async () => {
  const told = new Told();
  const app = new App(url('WEBSOCKETS'));
  app.onOpen(() => { app.send('a'); app.send('b'); });
  app.onMessage((first) => {
    told.put(['first', first]);
    app.onMessage((second) => told.put(['second', second]));
  });
  app.start();
  assert.deepEqual(await told.next(), ['first', 'a']);
  assert.deepEqual(await told.next(), ['second', 'b']);

  app.onMessage((third) => told.put(['third', third]));
  app.send('c');
  assert.deepEqual(await told.next(), ['third', 'c']);

  app.onMessage(null);
  app.onClose(() => told.put('closed'));
  app.send('d');
  app.close();
  assert.equal(await told.next(), 'closed');
  await app.free();
});

test('exceptions in callbacks do not break the app', LIMITED, async (context) => {
  const told = new Told();
  context.mock.method(hooks, 'onCallbackError', (error) => told.put(error.message));
  const app = new App(url('WEBSOCKETS'));
  app.onOpen(() => { app.send('a'); app.send('b'); });
  app.onMessage((payload) => { throw new Error(payload); });
  app.start();
  assert.equal(await told.next(), 'a');
  assert.equal(await told.next(), 'b');
  await app.free();
});

test('failures are reported to onError', LIMITED, async () => {
  const told = new Told();
  const app = new App(url('WEBSOCKETS', '/status?code=403'));
  app.onError((error) => told.put(error));
  app.start();
  const { status, httpStatus, retryInMs, message } = await told.next();
  assert.deepEqual([status, httpStatus, retryInMs], [STATUS.HTTP_STATUS, 403, -1]);
  assert.match(message, /403/);
  assert.equal(await app.join(WAIT_MS), STATUS.HTTP_STATUS);
  await app.free();
});

test('an app is freed while messages arrive', LIMITED, async () => {
  const told = new Told();
  const app = new App(url('WEBSOCKETS', '/push?n=1000000&size=10'));
  app.onMessage((payload) => told.put(payload.length));
  app.start();
  assert.equal(await told.next(), 10);
  // Keeps Node busy; meanwhile the app's thread starts to wait for it with the next message.
  Conn.connect(url('WEBSOCKETS')).free();
  await app.free();
});
