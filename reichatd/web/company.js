// Who else is in a room now, and who is writing there, as the server says.

const TYPING_MS = 6_000; // the server names those who go on again before

export class Company {
  /** How many people are in the room; 0 until it is known. */
  online = 0;
  /** Their ids; null in a large room. */
  users = null;
  /** The ids of the others who are writing. */
  typing = [];
  #userId;
  #onchange;
  #timer;

  constructor(userId, onchange) {
    this.#userId = userId;
    this.#onchange = onchange;
  }

  /** A "presence" frame. */
  setPresence({ online, users = null }) {
    this.online = online;
    this.users = users;
    this.#onchange();
  }

  /** A "typing" frame. */
  setTyping({ user_ids: userIds }) {
    clearTimeout(this.#timer);
    this.typing = userIds.filter((userId) => userId !== this.#userId);
    if (this.typing.length > 0) this.#timer = setTimeout(() => this.setTyping({ user_ids: [] }), TYPING_MS);
    this.#onchange();
  }

  /** A message of this user has arrived: it is written. */
  hasPosted(userId) {
    if (!this.typing.includes(userId)) return;
    this.typing = this.typing.filter((each) => each !== userId);
    this.#onchange();
  }

  /** The connection has ended: nothing is known any more. */
  forget() {
    clearTimeout(this.#timer);
    this.online = 0;
    this.users = null;
    this.typing = [];
    this.#onchange();
  }
}
