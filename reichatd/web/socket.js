// One WebSocket of a room.

import { Unreachable } from "./api.js";
import { refusalText } from "./texts.js";
import { webSocketUrlOf } from "./urls.js";

const OPEN_MS = 15_000;
const ANSWER_MS = 10_000;
const SILENCE_MS = 25_000;
const CHECK_MS = 5_000;
const LOST = 1006;

/** The server refused a request frame. */
export class FrameRefused extends Error {
  constructor({ code, message }) {
    super(refusalText({ code, message }));
    this.code = code;
  }
}

export class Socket {
  #socket;
  #pending = new Map(); // by request id: the fetches without an answer
  #lastRequest = 0;
  #lastFrameAt = performance.now();
  #timers = [];
  #ended;

  /**
   * Connects. The promise `closed` resolves to {code, reason} when the connection has ended.
   *
   * onframe: called with each frame that is no answer to `fetch`.
   */
  constructor(roomId, ticket, onframe) {
    const address = webSocketUrlOf(`/ws/chat/${encodeURIComponent(roomId)}?${new URLSearchParams({ ticket })}`);
    this.closed = new Promise((resolve) => (this.#ended = resolve));
    this.#socket = new WebSocket(address);
    this.#socket.onclose = ({ code, reason }) => this.drop(code, reason);
    this.#socket.onmessage = ({ data }) => this.#handle(JSON.parse(data), onframe);
    this.#timers.push(setTimeout(() => this.#socket.readyState === WebSocket.CONNECTING && this.drop(), OPEN_MS));
    // A page does not see the server's pings: it must check on its own whether the connection is alive.
    this.#timers.push(setInterval(() => performance.now() - this.#lastFrameAt > SILENCE_MS && this.check(), CHECK_MS));
  }

  /** Sends a frame. One that the connection can no longer take is lost, as those are that the server has not read. */
  send(type, fields) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type, ...fields }));
  }

  /**
   * Fetches messages: of {from_id, to_id}, both included, or of {ids}. Throws Unreachable when the connection ends, or FrameRefused.
   */
  fetch(which, timeoutMs = ANSWER_MS) {
    return new Promise((resolve, reject) => {
      if (this.#socket.readyState !== WebSocket.OPEN) throw new Unreachable();
      const request = String(++this.#lastRequest);
      const timer = setTimeout(() => this.drop(), timeoutMs);
      this.#pending.set(request, { resolve, reject, timer });
      this.send("fetch", { ...which, request });
    });
  }

  /** Ends the connection unless the server answers within this time. */
  check(timeoutMs = ANSWER_MS) {
    this.fetch({ from_id: 0, to_id: 0 }, timeoutMs).catch(() => {}); // there is no message 0: the answer is the shortest
  }

  /** Ends the connection without waiting for the server, which may be unreachable. */
  drop(code = LOST, reason = "") {
    this.#timers.forEach(clearTimeout);
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    for (const request of this.#pending.keys()) this.#settle(request, "reject", new Unreachable());
    this.#ended({ code, reason });
  }

  #handle(frame, onframe) {
    this.#lastFrameAt = performance.now();
    if (frame.request === undefined) onframe(frame);
    else if (frame.type === "error") this.#settle(frame.request, "reject", new FrameRefused(frame));
    else this.#settle(frame.request, "resolve", frame);
  }

  #settle(request, how, result) {
    const pending = this.#pending.get(request);
    if (pending === undefined) return;
    this.#pending.delete(request);
    clearTimeout(pending.timer);
    pending[how](result);
  }
}
