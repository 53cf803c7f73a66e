// Looks up what rows need beside their messages: the messages that replies quote, and the user's own reactions. Many at once.

const PAUSE_MS = 60;
const MOST = 50; // in one request

export class MessageLookup {
  #conversation;
  #needed = new Set();
  #asked = new Set();
  #generation = 0; // of the log that was asked
  #timer = null;
  #onchange;

  /** onchange: called when something was found, or found missing. */
  constructor(conversation, onchange) {
    this.#conversation = conversation;
    this.#onchange = onchange;
  }

  /** Fetches this message soon. */
  need(id) {
    this.#sameLog();
    this.#needed.add(id);
    this.#askSoon();
  }

  /** Whether the server was asked for this message, and has answered. */
  hasAsked(id) {
    this.#sameLog();
    return this.#asked.has(id);
  }

  /** The conversation is live again: asks for what has no answer yet. */
  connected() {
    if (this.#needed.size > 0) this.#askSoon();
  }

  close() {
    clearTimeout(this.#timer);
    this.#needed.clear();
  }

  #sameLog() {
    if (this.#generation === this.#conversation.log.generation) return;
    this.#generation = this.#conversation.log.generation;
    this.#needed.clear();
    this.#asked.clear();
  }

  #askSoon() {
    this.#timer ??= setTimeout(() => this.#ask(), PAUSE_MS);
  }

  async #ask() {
    const ids = [...this.#needed].slice(0, MOST);
    try {
      await this.#conversation.fetchIds(ids);
    } catch {
      return; // no connection: `connected` asks again
    } finally {
      this.#timer = null;
    }
    for (const id of ids) {
      this.#needed.delete(id);
      this.#asked.add(id);
    }
    this.#onchange();
    if (this.#needed.size > 0) this.#askSoon();
  }
}
