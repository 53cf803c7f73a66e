// Deletions that can be undone for a few seconds. The server is asked when the time is over, or when the page is left.

const UNDO_MS = 7_000;

export class Deletions {
  #timers = new Map(); // by message id; null once the server was asked
  #send;
  #onchange;

  /** send: asks the server to delete a message, and returns a promise. onchange: called after each change, with the error if one failed. */
  constructor({ send, onchange }) {
    this.#send = send;
    this.#onchange = onchange;
  }

  /** "undoable" or "sent" for a message that will be deleted; undefined for others. */
  stateOf(id) {
    const timer = this.#timers.get(id);
    return timer === undefined ? undefined : timer === null ? "sent" : "undoable";
  }

  begin(id) {
    if (this.#timers.has(id)) return;
    this.#timers.set(id, setTimeout(() => this.#finish(id), UNDO_MS));
    this.#onchange();
  }

  undo(id) {
    if (this.stateOf(id) !== "undoable") return;
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#onchange();
  }

  /** Asks the server now for all that could still be undone. */
  finishAll() {
    for (const [id, timer] of this.#timers) {
      if (timer === null) continue;
      clearTimeout(timer);
      this.#finish(id);
    }
  }

  /** The room has another log. */
  clear() {
    this.#timers.forEach((timer) => clearTimeout(timer));
    this.#timers.clear();
  }

  async #finish(id) {
    this.#timers.set(id, null); // it stays: the message itself will say that it is deleted
    this.#onchange();
    try {
      await this.#send(id);
    } catch (error) {
      this.#timers.delete(id);
      this.#onchange(error);
    }
  }
}
