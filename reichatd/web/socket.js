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
  #asked = new Map(); // by request: what becomes of a fetch that is waiting for its answer
  #requests = 0;
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
    return new Promise((resolve, reject) => {
      if (this.#socket.readyState !== WebSocket.OPEN) throw new Unreachable();
      const request = String(++this.#requests);
      const timer = setTimeout(() => this.drop(), patience);
      this.#asked.set(request, { resolve, reject, timer });
      this.send("fetch", { from_id: fromId, to_id: toId, request });
    });
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
    for (const request of this.#asked.keys()) this.#settle(request, "reject", new Unreachable());
    this.#ended({ code, reason });
  }

  #take(frame, onframe) {
    this.#heardAt = performance.now();
    if (frame.request === undefined) onframe(frame);
    else if (frame.type === "error") this.#settle(frame.request, "reject", new FrameRefused(frame));
    else this.#settle(frame.request, "resolve", frame);
  }

  #settle(request, how, result) {
    const asked = this.#asked.get(request);
    if (asked === undefined) return;
    this.#asked.delete(request);
    clearTimeout(asked.timer);
    asked[how](result);
  }
}
