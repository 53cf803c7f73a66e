// One WebSocket in a room, from its ticket to its end.

import { socketAddressOf } from "./address.js";
import { Unreachable } from "./api.js";

const OPEN_MS = 15_000;
const ANSWER_MS = 10_000;
const SILENCE_MS = 25_000;
const CHECK_MS = 5_000;
const LOST = 1006;

/** The server did not do what a frame asked for. */
export class FrameRefused extends Error {
  constructor({ code, message }) {
    super(message);
    this.code = code;
  }
}

export class Socket {
  #socket;
  #asked = null; // the fetch that is waiting for its answer, and what becomes of it
  #turn = Promise.resolve(); // answers do not say what they answer, so there is one question at a time
  #heardAt = performance.now();
  #timers = [];
  #ended;

  /**
   * Opens a conversation. `closed` becomes {code, reason} in the end.
   *
   * onframe: called with each frame that is no answer to `fetch`.
   */
  constructor(roomId, ticket, onframe) {
    const address = socketAddressOf(`/ws/chat/${encodeURIComponent(roomId)}?${new URLSearchParams({ ticket })}`);
    this.closed = new Promise((resolve) => (this.#ended = resolve));
    this.#socket = new WebSocket(address);
    this.#socket.onclose = ({ code, reason }) => this.drop(code, reason);
    this.#socket.onmessage = ({ data }) => this.#take(JSON.parse(data), onframe);
    this.#timers.push(setTimeout(() => this.#socket.readyState === WebSocket.CONNECTING && this.drop(), OPEN_MS));
    // The server's pings are not shown to a page: it has to ask by itself whether there is still somebody.
    this.#timers.push(setInterval(() => performance.now() - this.#heardAt > SILENCE_MS && this.check(), CHECK_MS));
  }

  send(type, fields) {
    this.#socket.send(JSON.stringify({ type, ...fields }));
  }

  /** The answer to a fetch of these ids, both included. Throws Unreachable when the connection ends, and FrameRefused. */
  fetch(fromId, toId, patience = ANSWER_MS) {
    const answer = this.#turn.then(
      () =>
        new Promise((resolve, reject) => {
          if (this.#socket.readyState !== WebSocket.OPEN) throw new Unreachable();
          const timer = setTimeout(() => this.drop(), patience);
          this.#asked = { resolve, reject, timer };
          this.send("fetch", { from_id: fromId, to_id: toId });
        }),
    );
    this.#turn = answer.catch(() => {});
    return answer;
  }

  /** Ends the connection unless the server answers soon. */
  check(patience = ANSWER_MS) {
    this.fetch(0, 0, patience).catch(() => {}); // there is no message 0: the shortest answer
  }

  /** Ends the connection without waiting for the other side, who may be unreachable. */
  drop(code = LOST, reason = "") {
    this.#timers.forEach(clearTimeout);
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#settle("reject", new Unreachable());
    this.#ended({ code, reason });
  }

  #take(frame, onframe) {
    this.#heardAt = performance.now();
    if (frame.type === "fetch_response") this.#settle("resolve", frame);
    else if (this.#asked && isFetchRefusal(frame)) this.#settle("reject", new FrameRefused(frame));
    else onframe(frame);
  }

  #settle(how, result) {
    if (this.#asked === null) return;
    clearTimeout(this.#asked.timer);
    const asked = this.#asked;
    this.#asked = null;
    asked[how](result);
  }
}

function isFetchRefusal({ type, code, nonce }) {
  return type === "error" && nonce === undefined && (code === "fetch_too_large" || code === "unavailable");
}
