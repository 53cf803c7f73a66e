// What a person has written and not sent: kept by user and room, so that the next user of the browser does not find it, and the same
// one finds it again.

import { kept } from "./kept.js";

/** How all keys begin that unsent words are kept under. */
export const UNSENT = "reichatd.unsent.";

/** How the keys begin that a user's waiting messages are kept under: all of them, or those of one room. */
export const messagesOf = (userId, roomId = null) => `${UNSENT}message.${userId}.${roomId === null ? "" : `${roomId}.`}`;

/** The text being written in a room. There is one for all tabs: the one written in last decides. */
export class Draft {
  #key;

  constructor(userId, roomId) {
    this.#key = `${UNSENT}draft.${userId}.${roomId}`;
  }

  get text() {
    return kept.get(this.#key) ?? "";
  }

  set text(text) {
    if (text === "") kept.remove(this.#key);
    else kept.set(this.#key, text);
  }

  /** Whether a "storage" event is about this draft. */
  isIn(event) {
    return event.key === this.#key;
  }
}
