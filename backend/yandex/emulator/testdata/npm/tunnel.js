// Sends every https request of a program that knows no proxies through the
// proxy in EMULATOR_PROXY. Loaded before the program with node --require.
const http = require('http');
const https = require('https');
const tls = require('tls');

const proxy = new URL(process.env.EMULATOR_PROXY);

class TunnelAgent extends https.Agent {
  createConnection(options, done) {
    const target = `${options.host}:${options.port}`;
    const connect = http.request({ host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: target });
    connect.once('error', done);
    connect.once('connect', (res, socket) => {
      if (res.statusCode !== 200) {
        done(new Error(`the proxy refuses ${target}: ${res.statusCode}`));
        return;
      }
      done(null, tls.connect({ ...options, socket, servername: options.host }));
    });
    connect.end();
  }
}

https.globalAgent = new TunnelAgent();
