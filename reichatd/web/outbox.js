// Messages that are not acknowledged yet. Each has a nonce, by which the server recognises a repeat, and stays in localStorage until it
// is acknowledged or discarded. Each has its own key, so that no tab overwrites the messages of another.

import { outboxPrefix } from "./drafts.js";
import { storage } from "./storage.js";

/** Only the tab in which a message was written sends it for this time. Then other tabs send it too: the server stores a nonce once. */
export const OWN_TAB_MS = 10_000;

export class Outbox {
  #prefix;

  /**
   * `entries` are {nonce, content, at, replyTo?, mentions?, problem?, isFinal?, until?, messageId?}, oldest first. An entry with a
   * problem waits for the user; if the problem is final, the server would refuse the same message again. `until` is when it is sent
   * again, in milliseconds.
   */
  constructor(userId, roomId) {
    this.#prefix = outboxPrefix(userId, roomId);
    this.#takeOldEntries(`reichatd.outbox.${userId}.${roomId}`);
    this.entries = storage.keys(this.#prefix).map((key) => this.#read(key, storage.get(key))).sort(byAge);
  }

  /** replyTo: the id of the message that it answers; mentions: ids of users, or undefined: the server finds them by their names. */
  add(content, { replyTo, mentions } = {}) {
    const at = Math.max(Date.now(), (this.entries.at(-1)?.at ?? 0) + 1); // in order, even if the clock is set back
    const entry = { nonce: newNonce(), content, at, replyTo, mentions };
    this.entries.push(entry);
    this.#save(entry);
  }

  /** The entry to send next; undefined if there is none. */
  get next() {
    const now = performance.now();
    return this.entries.find((entry) => entry.messageId === undefined && entry.problem === undefined && !(entry.ownTabUntil > now));
  }

  /** The message is stored under this id. The entry stays until `arrived`, so that it is visible all the time. */
  acknowledged(nonce, messageId) {
    const entry = this.#find(nonce);
    if (entry === undefined) return;
    entry.messageId = messageId;
    storage.remove(this.#prefix + nonce);
  }

  /** The client has received the log up to this id. */
  arrived(end) {
    this.#retain((entry) => !(entry.messageId <= end));
  }

  failed(nonce, problem, isFinal = false) {
    this.#change(nonce, { problem, isFinal });
  }

  /** The server takes the message only after this time, in milliseconds since the epoch. */
  waits(nonce, until) {
    const entry = this.#find(nonce);
    if (entry !== undefined) entry.until = until;
  }

  again(nonce) {
    this.#change(nonce, { problem: undefined, isFinal: undefined });
  }

  discard(nonce) {
    this.#retain((entry) => entry.nonce !== nonce);
    storage.remove(this.#prefix + nonce);
  }

  /** Applies a change by another tab, from a "storage" event. Returns whether it concerns this outbox. */
  applyChange({ key, newValue }) {
    if (!key?.startsWith(this.#prefix)) return false;
    const entry = newValue === null ? null : this.#read(key, newValue);
    const nonce = key.slice(this.#prefix.length);
    this.#retain((each) => each.nonce !== nonce || each.messageId !== undefined);
    if (entry && !this.#find(nonce)) {
      this.entries.push({ ...entry, ownTabUntil: performance.now() + OWN_TAB_MS });
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
    this.#save(entry);
  }

  #retain(condition) {
    const left = this.entries.filter(condition);
    if (left.length < this.entries.length) this.entries = left;
  }

  #save({ nonce, content, at, replyTo, mentions, problem, isFinal }) {
    storage.set(this.#prefix + nonce, JSON.stringify({ content, at, replyTo, mentions, problem, isFinal }));
  }

  #read(key, text) {
    return { ...JSON.parse(text), nonce: key.slice(this.#prefix.length) };
  }

  #takeOldEntries(key) {
    for (const entry of JSON.parse(storage.takeFromSession(key) ?? "[]")) if (entry.messageId === undefined) this.#save(entry);
  }
}

/** Marks all unsent messages of a user with a problem, so that they wait until the user decides. */
export function holdBack(userId, problem) {
  for (const key of storage.keys(outboxPrefix(userId))) storage.set(key, JSON.stringify({ problem, ...JSON.parse(storage.get(key)) }));
}

const byAge = (one, other) => one.at - other.at;

export function newNonce() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
