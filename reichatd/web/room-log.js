// The known part of a room's log. Message ids are 1, 2, 3, … without a gap, so any missing message can be fetched when it is needed. Of a
// message, the state with the greatest change_id is kept.

const MOST_MESSAGES = 3000;
const KEPT_AT_END = 200;

export class RoomLog {
  /** The ids of the room's first and last message; the room is empty if end < first. */
  first = 1;
  end = 0;
  /** The last id that the user has read. */
  readTo = 0;
  /** The server's name of the log; null until it is known. Another name is another log, with other messages under the same ids. */
  token = null;
  /** How often `clear` was called. */
  generation = 0;
  /** How many changes of user names were seen. */
  renames = 0;
  #messages = new Map();
  #names = new Map();
  #view = [0, 0];

  get unread() {
    return Math.max(0, this.end - Math.max(this.readTo, this.first - 1));
  }

  get(id) {
    return this.#messages.get(id);
  }

  /** The last known message; undefined if none is. */
  get newest() {
    return this.get(Math.max(...this.#messages.keys()));
  }

  /** The id of the first known message; undefined if none is. */
  get oldest() {
    return this.#messages.size > 0 ? Math.min(...this.#messages.keys()) : undefined;
  }

  /** The author's current name, also for earlier messages. */
  nameOf(message) {
    return this.#names.get(message.user_id) ?? message.username;
  }

  /** The current name of a user of whom a message was seen; undefined for others. */
  nameOfUser(userId) {
    return this.#names.get(userId);
  }

  /** Adds messages, in any order; later ones move the end. */
  add(messages) {
    for (const message of messages) {
      if (isNewer(message, this.get(message.message_id))) this.#messages.set(message.message_id, message);
      if (this.#names.has(message.user_id) && this.nameOf(message) !== message.username) this.renames++;
      this.#names.set(message.user_id, message.username);
      if (message.message_id > this.end) this.end = message.message_id;
    }
    if (this.#messages.size > MOST_MESSAGES) this.#dropSome();
  }

  /** A user has another name now. */
  rename(userId, username) {
    if (!this.#names.has(userId) || this.#names.get(userId) === username) return;
    this.#names.set(userId, username);
    this.renames++;
  }

  /** Takes the changed state of a message, if the message is known. */
  change(message) {
    if (this.get(message.message_id)) this.add([message]);
  }

  /** The same where only the reactions have changed. */
  changeReactions({ message_id: id, change_id, reactions }) {
    if (this.get(id)) this.add([{ ...this.get(id), change_id, reactions }]);
  }

  /** The server has deleted the messages before this id. */
  beginAt(first = 1) {
    this.first = Math.max(this.first, first);
    this.end = Math.max(this.end, this.first - 1);
  }

  /** The room has messages up to this id, known or not. */
  endAt(last = 0) {
    this.end = Math.max(this.end, last);
  }

  /** Removes everything: the room was created again under the same id. */
  clear() {
    this.generation++;
    this.#messages.clear();
    this.first = 1;
    this.end = this.readTo = 0;
  }

  /** Sets the ids in the page: messages near them are not dropped from memory. */
  setView(first, last) {
    this.#view = [first, last];
  }

  /** The range of unknown messages within these ids: [from, to], or null. */
  missing(from, to) {
    from = Math.max(from, this.first);
    to = Math.min(to, this.end);
    while (from <= to && this.#messages.has(from)) from++;
    while (to >= from && this.#messages.has(to)) to--;
    return from <= to ? [from, to] : null;
  }

  #dropSome() {
    const [first, last] = this.#view;
    for (const id of this.#messages.keys()) {
      const isNear = id > first - MOST_MESSAGES / 4 && id < last + MOST_MESSAGES / 4;
      if (!isNear && id <= this.end - KEPT_AT_END) this.#messages.delete(id);
    }
  }
}

const isNewer = (state, known) => known === undefined || (state.change_id ?? 0) > (known.change_id ?? 0);
