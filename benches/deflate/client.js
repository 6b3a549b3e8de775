// SPDX-License-Identifier: Apache-2.0
// node client.js compress|inflate URL MESSAGES SIZE COUNT LEVEL: see run.py.

'use strict';

const fs = require('fs');
const path = require('path');

const peers = path.join(__dirname, '..', '..', 'target', 'peers');
const { WebSocket } = require(require.resolve('ws', { paths: [peers] }));

const MESSAGES = 16;
const [work, url, file, sizeText, countText, level] = process.argv.slice(2);
const size = Number(sizeText);
const count = Number(countText);
const text = fs.readFileSync(file, 'latin1');
const messages = Array.from({ length: MESSAGES }, (_, i) => text.slice(i * size, (i + 1) * size));

const connection = new WebSocket(url, {
  perMessageDeflate: { threshold: 0, zlibDeflateOptions: { level: Number(level) } },
});
let missing = work === 'compress' ? 1 : count;

connection.on('message', () => {
  missing -= 1;
  if (missing === 0) process.exit(0); // without a closing handshake, which the server does not support
});

connection.on('open', async () => {
  if (work !== 'compress') return;
  for (let i = 0; i < count; i += 1) {
    // Waiting for each send keeps messages from being copied before the first one is sent.
    await new Promise((sent) => { connection.send(messages[i % MESSAGES], sent); });
  }
});
