// SPDX-License-Identifier: Apache-2.0
//
// Echo server on the Node package `ws`: no compression, no limit on message size.
//
// usage: node echo_ws.js PKI LISTENER...   (LISTENER: plain or tls; PKI: see certs.sh)
//
// The paths are those of echo_websockets.py, and:
//   /fragment   echoes every message in three fragments

'use strict';

const http = require('http');
const { WebSocketServer } = require('ws');
const { serve } = require('./serving.js');

const SUBPROTOCOLS = ['chat.v1', 'chat.v2'];

const upgrader = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  maxPayload: 0,
  maxFragments: 0,
  maxBufferedChunks: 0,
  handleProtocols: (offered) => [...offered].find((name) => SUBPROTOCOLS.includes(name)) ?? false,
});

function answer(request, socket, head) {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname === '/status') {
    refuse(socket, searchParams);
  } else {
    upgrader.handleUpgrade(request, socket, head, (connection) => {
      converse(connection, request, pathname, searchParams);
    });
  }
}

function refuse(socket, query) {
  const code = query.get('code');
  const body = query.get('body') ?? '';
  socket.end([
    `HTTP/1.1 ${code} ${http.STATUS_CODES[code] ?? 'Unknown'}`,
    'Connection: close',
    'Content-Type: text/plain',
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n'));
}

function converse(connection, request, pathname, query) {
  connection.on('error', () => {}); // Some tests violate the protocol.
  const opened = OPENINGS[pathname]?.(connection, query, request);
  const echo = pathname === '/fragment' ? sendInThree : sendWhole;
  connection.on('message', async (data, isBinary) => {
    await opened;
    echo(connection, data, isBinary);
  });
}

function sendWhole(connection, data, isBinary) {
  connection.send(data, { binary: isBinary });
}

function sendInThree(connection, data, isBinary) {
  const third = Math.ceil(data.length / 3);
  connection.send(data.subarray(0, third), { binary: isBinary, fin: false });
  connection.send(data.subarray(third, 2 * third), { binary: isBinary, fin: false });
  connection.send(data.subarray(2 * third), { binary: isBinary, fin: true });
}

function close(connection, query) {
  connection.close(Number(query.get('code') ?? 1000), query.get('reason') ?? '');
}

async function push(connection, query) {
  const message = Buffer.alloc(Number(query.get('size')));
  for (let left = Number(query.get('n')); left > 0; left -= 1) {
    // Waiting for each send keeps unread messages out of this process's memory.
    await new Promise((sent) => { connection.send(message, sent); });
  }
}

function sendRequest(connection, query, request) {
  const headers = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    headers.push(request.rawHeaders.slice(i, i + 2));
  }
  connection.send(JSON.stringify({ path: request.url, headers }));
}

function ping(connection) {
  connection.ping('are you there?');
  return new Promise((answered) => { connection.once('pong', answered); });
}

const OPENINGS = { '/close': close, '/push': push, '/headers': sendRequest, '/ping': ping };

serve(process.argv[2], process.argv.slice(3), answer);
