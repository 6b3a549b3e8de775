// SPDX-License-Identifier: Apache-2.0
//
// Echo server on the Node package `ws`, with permessage-deflate as the query requests.
//
// usage: node deflate_ws.js PKI LISTENER...   (LISTENER: plain or tls; PKI: see certs.sh)
//
// Paths, query and the text "report" are those of deflate_websockets.py; /fragment sends the
// pieces alone. client_max_window_bits=N refuses clients that offer fewer or none.

'use strict';

const { WebSocketServer } = require('ws');
const { serve } = require('./serving.js');

const NOISE_BYTES = 65521;
const CHARACTERS = Buffer.from('aä€😀');
const CHARACTER_STARTS = [0, 1, 3, 6];

function answer(request, socket, head) {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const upgrader = new WebSocketServer({
    noServer: true,
    perMessageDeflate: deflateOptions(searchParams),
    maxPayload: 0,
    maxFragments: 0,
    maxBufferedChunks: 0,
  });
  let agreed = null;
  upgrader.on('headers', (lines) => {
    const name = 'Sec-WebSocket-Extensions: ';
    agreed = lines.find((line) => line.startsWith(name))?.slice(name.length) ?? null;
  });
  upgrader.handleUpgrade(request, socket, head, (connection) => {
    const counter = new FrameCounter();
    counter.feed(head);
    socket.on('data', (data) => counter.feed(data));
    converse(connection, pathname, searchParams, () => JSON.stringify({
      offered: request.headers['sec-websocket-extensions'] ?? null,
      agreed,
      ...counter.counts,
    }));
  });
}

function deflateOptions(query) {
  // Undefined means the client's choice.
  const number = (name) => (query.has(name) ? Number(query.get(name)) : undefined);
  return {
    serverNoContextTakeover: query.has('server_no_context_takeover') || undefined,
    clientNoContextTakeover: query.has('client_no_context_takeover') || undefined,
    serverMaxWindowBits: number('server_max_window_bits'),
    clientMaxWindowBits: number('client_max_window_bits'),
    zlibDeflateOptions: { level: number('level') ?? 6 },
    threshold: 0,
  };
}

function converse(connection, path, query, report) {
  connection.on('error', () => {}); // Some tests violate the protocol.
  const opened = path === '/push' ? push(connection, query) : undefined;
  connection.on('message', async (data, isBinary) => {
    await opened;
    if (!isBinary && data.length === 6 && data.toString() === 'report') {
      connection.send(report());
    } else if (path === '/fragment') {
      sendInPieces(connection, data, isBinary, Number(query.get('n') ?? 3));
    } else {
      connection.send(data, { binary: isBinary });
    }
  });
}

async function push(connection, query) {
  const kind = query.get('kind');
  const data = PAYLOADS[kind](Number(query.get('size')));
  for (let left = Number(query.get('n')); left > 0; left -= 1) {
    // Waiting for each send keeps unread messages out of this process's memory.
    await new Promise((sent) => { connection.send(data, { binary: kind !== 'text' }, sent); });
  }
}

function sendInPieces(connection, data, isBinary, count) {
  const size = Math.max(1, Math.ceil(data.length / count));
  for (let i = 0; i < count; i += 1) {
    const piece = data.subarray(i * size, (i + 1) * size);
    connection.send(piece, { binary: isBinary, fin: i === count - 1 });
    connection.ping();
  }
}

// Like payloads.py.
const PAYLOADS = {
  zeros: (size) => Buffer.alloc(size),
  text: (size) => {
    const cut = size % CHARACTERS.length;
    const start = CHARACTER_STARTS.findLast((place) => place <= cut);
    return Buffer.alloc(size, CHARACTERS).fill('a', size - cut + start);
  },
  noise: (size) => Buffer.alloc(size, noiseBlock()),
};

function noiseBlock() {
  const block = Buffer.alloc(NOISE_BYTES);
  let state = 1;
  for (let i = 0; i < NOISE_BYTES; i += 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    block[i] = state >>> 24;
  }
  return block;
}

// Like frame_counter.py.
class FrameCounter {
  constructor() {
    this.header = [];
    this.payloadLeft = 0;
    this.counts = {
      messages: 0, compressed: 0, frames: 0, pings_and_pongs: 0, wire_bytes: 0,
    };
  }

  feed(data) {
    for (let at = 0; at < data.length;) {
      if (this.payloadLeft > 0) {
        const skipped = Math.min(this.payloadLeft, data.length - at);
        this.payloadLeft -= skipped;
        at += skipped;
      } else {
        this.header.push(data[at]);
        at += 1;
        this.endHeader();
      }
    }
  }

  endHeader() {
    const { header } = this;
    if (header.length < 2) return;
    const short = header[1] & 127;
    const extended = { 126: 2, 127: 8 }[short] ?? 0;
    if (header.length < 2 + extended + 4) return; // clients mask
    const bytes = header.slice(2, 2 + extended);
    this.payloadLeft = extended ? bytes.reduce((sum, byte) => sum * 256 + byte, 0) : short;
    this.count(header[0] & 15, (header[0] & 64) !== 0);
    this.header = [];
  }

  count(opcode, rsv1) {
    const { counts } = this;
    if (opcode >= 8) {
      counts.pings_and_pongs += opcode > 8;
      return;
    }
    counts.messages += opcode > 0;
    counts.compressed += rsv1;
    counts.frames += 1;
    counts.wire_bytes += this.payloadLeft;
  }
}

serve(process.argv[2], process.argv.slice(3), answer);
