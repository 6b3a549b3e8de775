// SPDX-License-Identifier: Apache-2.0
//
// What every server on Node does: as serving.py.

'use strict';

const { once } = require('events');
const fs = require('fs');
const http = require('http');
const https = require('https');
const path = require('path');

// Handles upgrade requests with `answer` on each of the listeners (plain or tls).
async function serve(pki, listeners, answer) {
  const ports = await Promise.all(listeners.map((name) => listen(pki, name, answer)));
  exitAtEndOfInput();
  // Like announce() in serving.py.
  const addresses = Object.fromEntries(listeners.map((name, i) => [name, ports[i]]));
  console.log(`READY ${JSON.stringify({ addresses, environment: {} })}`);
}

async function listen(pki, name, answer) {
  const server = name === 'tls'
    ? https.createServer({
      cert: fs.readFileSync(path.join(pki, 'server.pem')),
      key: fs.readFileSync(path.join(pki, 'server.key')),
    })
    : http.createServer();
  server.on('upgrade', answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

// A pipe on stdin ends even if run.py is killed.
function exitAtEndOfInput() {
  if (fs.fstatSync(0).isFIFO()) {
    process.stdin.on('end', () => process.exit()).resume();
  }
}

module.exports = { serve };
