// Current names of users, by their ids: at once if the room's log has them, otherwise as soon as the server has told them.

import { texts } from "./texts.js";

export class Names {
  #log;
  #users;
  #onchange;
  #known = new Map(); // from the server

  /** onchange: called when a name has become known. */
  constructor(log, users, onchange) {
    this.#log = log;
    this.#users = users;
    this.#onchange = onchange;
  }

  /** The name; undefined if it is not known yet. */
  of(userId) {
    const name = this.#log.nameOfUser(userId) ?? this.#known.get(userId);
    if (name === undefined && !this.#known.has(userId)) this.#ask(userId);
    return name;
  }

  /** The names of these users. Throws as `Api.call`. */
  ofAll(userIds) {
    return Promise.all(userIds.map(async (userId) => this.of(userId) ?? nameIn(await this.#users.get(userId))));
  }

  async #ask(userId) {
    this.#known.set(userId, undefined);
    try {
      this.#known.set(userId, nameIn(await this.#users.get(userId)));
      this.#onchange();
    } catch {
      this.#known.delete(userId);
    }
  }
}

const nameIn = (user) => user?.username ?? texts.common.deletedUser;
