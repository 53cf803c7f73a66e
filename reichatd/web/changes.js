// Changes that the user has asked for: edits, deletions, reactions, pins. Each is sent when there is a connection, and again after a
// reconnect, until the server has answered. It sets a state, so a repeat does no harm.

import { newNonce } from "./outbox.js";
import { FrameRefused } from "./socket.js";

const BUSY_MS = 2_000;
const LONGEST_WAIT_MS = 10_000; // a change that has to wait longer is given up

export class Changes {
  #pending = new Map(); // by nonce: {type, fields, resolve, reject}
  #socket = null;

  /** Whether no change waits for an answer. */
  get isEmpty() {
    return this.#pending.size === 0;
  }

  /** Asks the server for a change, by a frame of this type. Returns its ack. Throws FrameRefused; waits while there is no connection. */
  make(type, fields) {
    return new Promise((resolve, reject) => {
      const nonce = newNonce();
      this.#pending.set(nonce, { type, fields, resolve, reject });
      this.#send(nonce);
    });
  }

  /** There is a connection: sends what has no answer. */
  connected(socket) {
    this.#socket = socket;
    for (const nonce of this.#pending.keys()) this.#send(nonce);
  }

  disconnected() {
    this.#socket = null;
  }

  /** Takes an ack or an error. Returns whether it is the answer to a change. */
  settle(frame) {
    const change = this.#pending.get(frame.nonce);
    if (change === undefined) return false;
    const wait = frame.code === "rate_limited" ? frame.retry_after * 1000 : frame.code === "unavailable" ? BUSY_MS : Infinity;
    if (wait <= LONGEST_WAIT_MS) setTimeout(() => this.#send(frame.nonce), wait);
    else {
      this.#pending.delete(frame.nonce);
      if (frame.type === "ack") change.resolve(frame);
      else change.reject(new FrameRefused(frame));
    }
    return true;
  }

  /** Gives up all changes: the conversation is over, or the server cannot take one. message: the sentence for the user. */
  giveUp(message) {
    for (const { reject } of this.#pending.values()) reject(new FrameRefused({ message }));
    this.#pending.clear();
  }

  #send(nonce) {
    const change = this.#pending.get(nonce);
    if (change) this.#socket?.send(change.type, { ...change.fields, nonce });
  }
}
