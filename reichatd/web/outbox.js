// Messages on their way: each has a nonce, by which the server knows one that it was sent before, and stays here until it is
// acknowledged. They outlive a reload of the page.

export class Outbox {
  #key;

  /** `entries` are {nonce, content, at, problem?, messageId?}, the oldest first; one with a problem waits for the person. */
  constructor(userId, roomId) {
    this.#key = `reichatd.outbox.${userId}.${roomId}`;
    this.entries = JSON.parse(sessionStorage.getItem(this.#key) ?? "[]");
  }

  add(content) {
    this.entries.push({ nonce: nonce(), content, at: Date.now() });
    this.#keep();
  }

  /** The one that is to be sent next. */
  get next() {
    return this.entries.find((entry) => entry.messageId === undefined && entry.problem === undefined);
  }

  /** It is in the log under this id. It stays here until `arrived`, so that it is never out of sight. */
  acknowledged(nonce, messageId) {
    this.#change(nonce, { messageId });
  }

  /** The log has come up to this id. */
  arrived(end) {
    this.#retain((entry) => !(entry.messageId <= end));
  }

  failed(nonce, problem) {
    this.#change(nonce, { problem });
  }

  again(nonce) {
    this.#change(nonce, { problem: undefined });
  }

  discard(nonce) {
    this.#retain((entry) => entry.nonce !== nonce);
  }

  #change(nonce, fields) {
    const entry = this.entries.find((each) => each.nonce === nonce);
    if (entry) Object.assign(entry, fields);
    this.#keep();
  }

  #retain(condition) {
    const kept = this.entries.filter(condition);
    if (kept.length === this.entries.length) return;
    this.entries = kept;
    this.#keep();
  }

  #keep() {
    if (this.entries.length) sessionStorage.setItem(this.#key, JSON.stringify(this.entries));
    else sessionStorage.removeItem(this.#key);
  }
}

function nonce() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
