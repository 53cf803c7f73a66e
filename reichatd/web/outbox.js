// Messages on their way. Each has a nonce, by which the server knows one that it was sent before, and stays here until it is
// acknowledged or discarded, whatever happens to the page. Each has a key of its own, so that no tab overwrites what another one keeps.

import { kept } from "./kept.js";
import { messagesOf } from "./unsent.js";

/** How long a message is left to the tab in which it was written. Then the others send it too: the nonce makes it one message. */
export const LEFT_TO_ITS_TAB_MS = 10_000;

export class Outbox {
  #prefix;

  /**
   * `entries` are {nonce, content, at, problem?, isFinal?, messageId?}, the oldest first. One with a problem waits for the person;
   * if it is final, the same message would be refused again.
   */
  constructor(userId, roomId) {
    this.#prefix = messagesOf(userId, roomId);
    this.#takeOld(`reichatd.outbox.${userId}.${roomId}`);
    this.entries = kept.keys(this.#prefix).map((key) => this.#read(key, kept.get(key))).sort(byAge);
  }

  add(content) {
    const at = Math.max(Date.now(), (this.entries.at(-1)?.at ?? 0) + 1); // in order, whatever is done to the clock
    const entry = { nonce: newNonce(), content, at };
    this.entries.push(entry);
    this.#keep(entry);
  }

  /** The one that is to be sent next. */
  get next() {
    const now = performance.now();
    return this.entries.find((entry) => entry.messageId === undefined && entry.problem === undefined && !(entry.leftUntil > now));
  }

  /** It is in the log under this id. It stays here until `arrived`, so that it is never out of sight. */
  acknowledged(nonce, messageId) {
    const entry = this.#find(nonce);
    if (entry === undefined) return;
    entry.messageId = messageId;
    kept.remove(this.#prefix + nonce);
  }

  /** The log has come up to this id. */
  arrived(end) {
    this.#retain((entry) => !(entry.messageId <= end));
  }

  failed(nonce, problem, isFinal = false) {
    this.#change(nonce, { problem, isFinal });
  }

  again(nonce) {
    this.#change(nonce, { problem: undefined, isFinal: undefined });
  }

  discard(nonce) {
    this.#retain((entry) => entry.nonce !== nonce);
    kept.remove(this.#prefix + nonce);
  }

  /** Takes over what another tab has done, from a "storage" event; whether that was about this outbox. */
  heard({ key, newValue }) {
    if (!key?.startsWith(this.#prefix)) return false;
    const entry = newValue === null ? null : this.#read(key, newValue);
    const nonce = key.slice(this.#prefix.length);
    this.#retain((each) => each.nonce !== nonce || each.messageId !== undefined);
    if (entry && !this.#find(nonce)) {
      this.entries.push({ ...entry, leftUntil: performance.now() + LEFT_TO_ITS_TAB_MS });
      this.entries.sort(byAge);
    }
    return true;
  }

  #find(nonce) {
    return this.entries.find((entry) => entry.nonce === nonce);
  }

  #change(nonce, fields) {
    const entry = this.#find(nonce);
    if (entry === undefined) return;
    Object.assign(entry, fields);
    this.#keep(entry);
  }

  #retain(condition) {
    const left = this.entries.filter(condition);
    if (left.length < this.entries.length) this.entries = left;
  }

  #keep({ nonce, content, at, problem, isFinal }) {
    kept.set(this.#prefix + nonce, JSON.stringify({ content, at, problem, isFinal }));
  }

  #read(key, text) {
    return { ...JSON.parse(text), nonce: key.slice(this.#prefix.length) };
  }

  #takeOld(key) {
    for (const entry of JSON.parse(kept.takeOld(key) ?? "[]")) if (entry.messageId === undefined) this.#keep(entry);
  }
}

/** Has all that a user's outboxes still hold wait for the person to say whether it is to be sent. */
export function holdBack(userId, problem) {
  for (const key of kept.keys(messagesOf(userId))) kept.set(key, JSON.stringify({ problem, ...JSON.parse(kept.get(key)) }));
}

const byAge = (one, other) => one.at - other.at;

function newNonce() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
