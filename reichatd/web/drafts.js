// Drafts, and the storage keys of unsent messages. Keys contain the user and the room: the same user finds the texts again, the next
// user of the browser does not.

import { storage } from "./storage.js";

/** The prefix of all keys of unsent texts. */
export const UNSENT_PREFIX = "reichatd.unsent.";

/** The prefix of the keys of a user's unsent messages: in all rooms, or in one. */
export const outboxPrefix = (userId, roomId = null) => `${UNSENT_PREFIX}message.${userId}.${roomId === null ? "" : `${roomId}.`}`;

const draftPrefix = (userId) => `${UNSENT_PREFIX}draft.${userId}.`;

/** Deletes all unsent texts of a user. */
export function forgetUnsent(userId) {
  for (const prefix of [outboxPrefix(userId), draftPrefix(userId)]) storage.keys(prefix).forEach((key) => storage.remove(key));
}

/** The text that the user is writing in a room. All tabs share it: the last change wins. */
export class Draft {
  #key;

  constructor(userId, roomId) {
    this.#key = draftPrefix(userId) + roomId;
  }

  get text() {
    return storage.get(this.#key) ?? "";
  }

  set text(text) {
    if (text === "") storage.remove(this.#key);
    else storage.set(this.#key, text);
  }

  /** Whether a "storage" event concerns this draft. */
  concerns(event) {
    return event.key === this.#key;
  }
}
