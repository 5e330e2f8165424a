// Stands between page and server: passes everything on, watches what passes, and can cut the connection.
//
// It sees the WebSocket's messages as the page does, so what a test says about credit and sequence numbers is
// observed on the wire and not taken from the page's own word.

import http from "node:http";
import { WebSocket, WebSocketServer } from "ws";

/** Starts a relay to the server on `port`. */
export async function startRelay(port) {
  const pairs = new Set();
  const seen = newRecord();

  const web = http.createServer((request, response) => {
    const { method, url, headers } = request;
    const onward = http.request({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });

  const sockets = new WebSocketServer({ noServer: true });
  web.on("upgrade", (request, socket, head) => {
    const protocols = request.headers["sec-websocket-protocol"]?.split(/, */) ?? [];
    const upstream = new WebSocket(`ws://127.0.0.1:${port}${request.url}`, protocols, {
      headers: { origin: request.headers.origin, host: request.headers.host },
      perMessageDeflate: false,
    });
    upstream.on("error", () => socket.destroy());
    upstream.once("upgrade", () => upstream.pause());
    upstream.once("open", () => {
      sockets.handleUpgrade(request, socket, head, (viewer) => {
        const pair = { viewer, upstream };
        pairs.add(pair);
        seen.connections += 1;
        viewer.once("message", (data) => seen.first_messages.push(data.toString()));
        viewer.on("message", (data, binary) => {
          if (!binary) watchViewer(seen, JSON.parse(data.toString()));
          upstream.send(data, { binary });
        });
        upstream.on("message", (data, binary) => {
          if (binary) watchBatch(seen, data);
          else watchServer(seen, JSON.parse(data.toString()));
          viewer.send(data, { binary });
        });
        const drop = () => {
          pairs.delete(pair);
          viewer.terminate();
          upstream.terminate();
        };
        viewer.on("close", drop).on("error", drop);
        upstream.on("close", drop).on("error", drop);
        upstream.resume();
      });
    });
  });

  await new Promise((ready) => web.listen(0, "127.0.0.1", ready));
  const cut = () => {
    for (const { viewer, upstream } of pairs) {
      viewer.terminate();
      upstream.terminate();
    }
    pairs.clear();
  };
  return {
    url: `http://127.0.0.1:${web.address().port}/`,
    seen,
    /** How many pages are connected. */
    n_open: () => pairs.size,
    /** Drops every WebSocket without a closing handshake, as a pulled cable would. */
    cut,
    async stop() {
      cut();
      web.closeAllConnections();
      await new Promise((closed) => web.close(closed));
    },
  };
}

function newRecord() {
  return {
    connections: 0,
    /** The first message of each connection's page. */
    first_messages: [],
    /** Every `subscribe` that the page sent. */
    subscriptions: [],
    /** Every `gap` that the server sent. */
    gaps: [],
    /** The newest `stats`. */
    stats: null,
    /** Batches sent to this connection's page and not acknowledged in full: `{ from, until }`. */
    in_flight: [],
    max_in_flight: 0,
    /** How often each sequence number was sent to the page. */
    n_sent: new Map(),
  };
}

function watchViewer(seen, message) {
  if (message.op === "subscribe") {
    seen.subscriptions.push(message);
    // What an earlier connection had in flight is gone with it.
    seen.in_flight = [];
  } else if (message.op === "ack") {
    for (const batch of seen.in_flight) batch.from = Math.max(batch.from, message.next_seq);
    seen.in_flight = seen.in_flight.filter((batch) => batch.from < batch.until);
  }
}

function watchServer(seen, message) {
  if (message.op === "stats") seen.stats = message;
  if (message.op === "gap") seen.gaps.push(message);
}

/** See docs/protocol.md: the first sequence number is at byte 8, the number of readings at byte 24. */
function watchBatch(seen, data) {
  const from = Number(data.readBigUInt64LE(8));
  const until = from + data.readUInt32LE(24);
  for (let seq = from; seq < until; seq += 1) seen.n_sent.set(seq, (seen.n_sent.get(seq) ?? 0) + 1);
  seen.in_flight.push({ from, until });
  const n = seen.in_flight.reduce((sum, batch) => sum + batch.until - batch.from, 0);
  seen.max_in_flight = Math.max(seen.max_in_flight, n);
}
