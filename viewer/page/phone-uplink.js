/**
 * The phone's connection to `/ingest/NAME`: opened, opened again when it is lost, and never ahead of the network.
 *
 * Nothing is kept while there is no connection, and a reading is given up, and counted, when more than MAX_BUFFERED_BYTES wait to be
 * sent: an old movement is of no use to anyone who watches.
 */

const MAX_BUFFERED_BYTES = 64 * 1024;
const FIRST_WAIT_MILLIS = 500;
const LONGEST_WAIT_MILLIS = 8000;
/** What the server closes with when the token is missing or wrong (docs/protocol.md). */
export const UNAUTHORISED = 4401;

/** @typedef {"idle"|"connecting"|"open"|"lost"|"unauthorised"} UplinkState */
/**
 * @typedef {object} Uplink
 * @property {UplinkState} state
 * @property {number} n_sent readings handed to the socket
 * @property {number} n_taken readings that the server says it took
 * @property {number} n_dropped readings given up: no connection, or a slow one
 * @property {string|null} complaint what the server said last against what was sent
 * @property {(reading: object) => boolean} send whether it was sent
 * @property {() => void} open
 * @property {() => void} close
 */

/**
 * @param {() => string} address of the WebSocket, asked for at each try
 * @param {() => string|null} token sent as the first message if there is one
 * @param {() => void} changed called after anything but a count has changed
 * @returns {Uplink}
 */
export function uplink(address, token, changed) {
  /** @type {WebSocket|null} */
  let socket = null;
  let wait_millis = FIRST_WAIT_MILLIS;
  let timer = 0;
  /** What moves before the first `hello` is not missed by anyone. */
  let was_open = false;

  /** @type {Uplink} */
  const link = {
    state: "idle", n_sent: 0, n_taken: 0, n_dropped: 0, complaint: null,
    send(reading) {
      if (link.state !== "open" || !socket || socket.bufferedAmount > MAX_BUFFERED_BYTES) {
        if (was_open) link.n_dropped += 1;
        return false;
      }
      socket.send(JSON.stringify(reading));
      link.n_sent += 1;
      return true;
    },
    open() {
      link.close();
      connect();
    },
    close() {
      clearTimeout(timer);
      const old = socket;
      socket = null; // Its events are nobody's any more.
      was_open = false;
      old?.close(1000);
      become("idle");
    },
  };

  /** @param {UplinkState} state */
  function become(state) {
    link.state = state;
    changed();
  }

  function connect() {
    become("connecting");
    const mine = new WebSocket(address());
    socket = mine;
    mine.addEventListener("open", () => {
      const secret = token();
      if (mine === socket && secret !== null) mine.send(JSON.stringify({ op: "auth", token: secret }));
    });
    mine.addEventListener("message", ({ data }) => {
      if (mine === socket && typeof data === "string") hear(JSON.parse(data));
    });
    mine.addEventListener("close", ({ code, reason }) => {
      if (mine !== socket) return;
      socket = null;
      if (reason) link.complaint = reason;
      if (code === UNAUTHORISED) return become("unauthorised");
      timer = setTimeout(connect, wait_millis * (0.5 + Math.random() / 2));
      wait_millis = Math.min(LONGEST_WAIT_MILLIS, wait_millis * 2);
      become("lost");
    });
  }

  /** @param {{op?: string, accepted?: number, code?: string, message?: string}} message */
  function hear(message) {
    if (message.op === "hello") {
      wait_millis = FIRST_WAIT_MILLIS;
      link.complaint = null;
      was_open = true;
      become("open");
    } else if (message.op === "ack") {
      link.n_taken += message.accepted ?? 0;
    } else if (message.op === "err" && message.code === "auth-required") {
      if (token() !== null) return; // It is on its way.
      const mine = socket;
      socket = null;
      mine?.close(1000);
      become("unauthorised");
    } else if (message.op === "err") {
      link.complaint = message.message ?? message.code ?? "the server did not take a reading";
      changed();
    }
  }
  return link;
}
