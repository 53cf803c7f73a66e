// The user's own reactions. A message names only the first users of each emoji; the server says on request whether the user is among
// the others. A click is shown at once, before the server has answered.

export class OwnReactions {
  #userId;
  #told = new Map(); // by message id: the set of emoji that the server has told, or that it has acknowledged
  #asked = new Set(); // ids of messages about which the server was asked
  #wanted = new Map(); // by message id: a map from the emoji to {isSet, changeId: of the message that has it; Infinity until it is known}
  #versions = new Map();

  constructor(userId) {
    this.#userId = userId;
  }

  /** A number that grows when `of` has another result for the same state of a message. */
  version(id) {
    return this.#versions.get(id) ?? 0;
  }

  /** The reactions to a message as the user sees them: [{emoji, count, users, isMine}]. */
  of(message) {
    const { message_id: id, change_id: changeId = 0, reactions = [] } = message;
    const shown = reactions.map(({ emoji, count, users }) => ({ emoji, count, users, isMine: users.includes(this.#userId) || (count > users.length && this.#hasTold(id, emoji)) }));
    for (const [emoji, { isSet, changeId: inState }] of this.#wanted.get(id) ?? []) {
      if (inState <= changeId) continue; // this state has it
      const found = shown.find((each) => each.emoji === emoji);
      if (!found && isSet) shown.push({ emoji, count: 1, users: [this.#userId], isMine: true });
      else if (found && found.isMine !== isSet) Object.assign(found, { isMine: isSet, count: found.count + (isSet ? 1 : -1) });
    }
    return shown.filter(({ count }) => count > 0);
  }

  /** Whether only the server knows if some reaction to this message is the user's. */
  isUnknown({ message_id: id, reactions = [] }) {
    return !this.#asked.has(id) && reactions.some(({ count, users }) => count > users.length && !users.includes(this.#userId));
  }

  /** The server has told the user's reactions to these messages: {id: [emoji]}. */
  tell(ids, mine) {
    for (const id of ids) {
      this.#asked.add(id);
      this.#told.set(id, new Set(mine[id]));
      this.#changed(id);
    }
  }

  /** The user wants this. confirmed: a promise of the server's ack, which rejects if it refuses. */
  async want(id, emoji, isSet, confirmed) {
    const wanted = this.#wanted.get(id) ?? new Map();
    const wish = { isSet, changeId: Infinity };
    this.#wanted.set(id, wanted.set(emoji, wish));
    this.#changed(id);
    try {
      ({ change_id: wish.changeId = 0 } = await confirmed);
      this.#told.set(id, this.#told.get(id) ?? new Set());
      this.#told.get(id)[isSet ? "add" : "delete"](emoji);
    } catch (error) {
      if (wanted.get(emoji) === wish) wanted.delete(emoji);
      throw error;
    } finally {
      this.#changed(id);
    }
  }

  /** Forgets what the server has told: the user may have reacted elsewhere since. */
  forget() {
    for (const id of this.#asked) this.#changed(id);
    this.#asked.clear();
  }

  #hasTold(id, emoji) {
    return this.#told.get(id)?.has(emoji) === true;
  }

  #changed(id) {
    this.#versions.set(id, this.version(id) + 1);
  }
}
