// The WebSocket that tells what happens in all of the user's rooms (/ws/user). It reconnects when it ends.

import { pauseBefore } from "./reconnect-pause.js";
import { webSocketUrlOf } from "./urls.js";

const OPEN_MS = 15_000;
const MANY_FAILURES = 5; // the longest pause follows

export class UserSocket {
  /** Whether `hello` has come: from here on, each change is told. */
  isLive = false;
  #api;
  #onframe;
  #isStopped = false;
  #failures = 0;
  #end = () => {};
  #wake = () => {};
  #lastFrameAt = 0;

  /** onframe: called with each frame; the first one of each connection is `hello`. */
  constructor(api, onframe) {
    this.#api = api;
    this.#onframe = onframe;
    window.addEventListener("online", this.#online);
    document.addEventListener("visibilitychange", this.#online);
    this.#run();
  }

  /** Milliseconds since the last frame. */
  get silence() {
    return performance.now() - this.#lastFrameAt;
  }

  /** Ends a connection that is not alive, and connects again. */
  drop() {
    if (this.isLive) this.#end({});
  }

  /** Gives up the connection for a while, since another one is needed more. */
  rest() {
    this.isLive = false;
    this.#failures = MANY_FAILURES;
    this.#end({});
  }

  stop() {
    this.#isStopped = true;
    window.removeEventListener("online", this.#online);
    document.removeEventListener("visibilitychange", this.#online);
    this.#end({});
    this.#wake();
  }

  async #run() {
    while (!this.#isStopped) {
      const end = await this.#connection();
      if (this.isLive) this.#failures = 0;
      this.isLive = false;
      if (!this.#isStopped) await this.#pause(pauseBefore(end, this.#failures++));
    }
  }

  /** Runs one connection from its ticket to its end; returns its close code and reason. */
  async #connection() {
    try {
      const { ticket } = await this.#api.call("POST", "/ws/ticket");
      return this.#isStopped ? {} : await this.#socket(ticket);
    } catch {
      return {};
    }
  }

  async #socket(ticket) {
    const socket = new WebSocket(webSocketUrlOf(`/ws/user?${new URLSearchParams({ ticket })}`));
    const ended = new Promise((resolve) => (this.#end = resolve));
    const timer = setTimeout(() => socket.readyState === WebSocket.CONNECTING && this.#end({}), OPEN_MS);
    socket.onclose = ({ code, reason }) => this.#end({ code, reason });
    socket.onmessage = ({ data }) => {
      this.#lastFrameAt = performance.now();
      this.isLive = true;
      this.#onframe(JSON.parse(data));
    };
    const end = await ended;
    clearTimeout(timer);
    socket.onmessage = socket.onclose = null;
    socket.close();
    return end;
  }

  async #pause(ms) {
    const timer = setTimeout(() => this.#wake(), ms);
    await new Promise((resolve) => (this.#wake = resolve));
    clearTimeout(timer);
  }

  #online = () => document.visibilityState === "visible" && this.#wake();
}
