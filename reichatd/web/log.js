// A room's log, as far as it is known here: message ids count 1, 2, 3, … without a gap, so any of them can be asked for when it is needed.

const MOST = 3000;
const TAIL = 200;

export class Log {
  /** The ids of the first and the last message that the room has; nothing is there yet if end < first. */
  first = 1;
  end = 0;
  /** The last id that the person has read. */
  readTo = 0;
  /** How often all of it was forgotten. */
  generation = 0;
  /** How often somebody has turned out to have another name. */
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

  /** The last message that is known; undefined if none is. */
  get newest() {
    return this.get(Math.max(...this.#messages.keys()));
  }

  /** What the author is called today, also under what was written earlier. */
  nameOf(message) {
    return this.#names.get(message.user_id) ?? message.username;
  }

  /** Takes messages in, in any order; those beyond the end move it. */
  absorb(messages) {
    for (const message of messages) {
      this.#messages.set(message.message_id, message);
      if (this.#names.has(message.user_id) && this.nameOf(message) !== message.username) this.renames++;
      this.#names.set(message.user_id, message.username);
      if (message.message_id > this.end) this.end = message.message_id;
    }
    if (this.#messages.size > MOST) this.#forgetSome();
  }

  /** What was before this id has been removed from the room. */
  beginAt(first = 1) {
    this.first = Math.max(this.first, first);
    this.end = Math.max(this.end, this.first - 1);
  }

  /** The room has messages up to this id, known here or not. */
  endAt(last = 0) {
    this.end = Math.max(this.end, last);
  }

  /** Everything known was of another log: the room is a new one of the same name. */
  forget() {
    this.generation++;
    this.#messages.clear();
    this.first = 1;
    this.end = this.readTo = 0;
  }

  /** The ids being looked at, which are the last to be forgotten. */
  lookAt(first, last) {
    this.#view = [first, last];
  }

  /** The first range within these ids of which nothing is known: [from, to], or null. */
  missing(from, to) {
    from = Math.max(from, this.first);
    to = Math.min(to, this.end);
    while (from <= to && this.#messages.has(from)) from++;
    while (to >= from && this.#messages.has(to)) to--;
    return from <= to ? [from, to] : null;
  }

  #forgetSome() {
    const [first, last] = this.#view;
    for (const id of this.#messages.keys()) {
      const looked = id > first - MOST / 4 && id < last + MOST / 4;
      if (!looked && id <= this.end - TAIL) this.#messages.delete(id);
    }
  }
}
