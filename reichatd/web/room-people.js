// Finds the people and rooms that can be mentioned in a message.

import { avatar, h } from "./dom.js";
import { allMembers } from "./members.js";
import { bestOf } from "./search.js";
import { texts } from "./texts.js";

const FRESH_MS = 60_000;
const MENTION = /(?:^|[^\p{L}\p{N}/&])@([\p{L}\p{M}\p{N}\u200c\u200d]+)/gu;

const byName = new Intl.Collator(undefined, { numeric: true }).compare;

/** The members of a room: a source of `Completion`. */
export class RoomPeople {
  label = texts.people.members;
  shortest = 0;
  #home;
  #roomId;
  #members = null; // a promise
  #readAt = 0;
  #chosen = new Map(); // ids by name: a name may be that of several members

  constructor(home, roomId) {
    this.#home = home;
    this.#roomId = roomId;
  }

  async find(query) {
    const others = (await this.#read()).filter(({ user_id: userId }) => userId !== this.#home.me.userId);
    return bestOf(others, query, ({ username }) => [username]).map(({ user_id: userId, username }) => ({
      text: `@${username}`,
      nodes: [avatar(userId, username), h("bdi", {}, username)],
      onchoose: () => this.#chosen.set(username.toLowerCase(), userId),
    }));
  }

  /** The ids of the members whose "@name" is in a text; of several with the same name, the one that was chosen. Throws as `api.call`. */
  async mentionedIn(text) {
    const names = new Set([...text.matchAll(MENTION)].map(([, name]) => name.toLowerCase()));
    const named = (await this.#read()).filter(({ username }) => names.has(username.toLowerCase()));
    return named.filter(({ user_id: userId, username }) => (this.#chosen.get(username.toLowerCase()) ?? userId) === userId).map(({ user_id: userId }) => userId);
  }

  /** All members; read again after a minute. */
  #read() {
    if (this.#members === null || Date.now() - this.#readAt > FRESH_MS) {
      this.#readAt = Date.now();
      this.#members = allMembers(this.#home, this.#roomId).then((members) => members.sort((one, other) => byName(one.username, other.username)));
      this.#members.catch(() => (this.#members = null));
    }
    return this.#members;
  }
}

/** Suggests joined rooms by their names or ids: a source of `Completion`. */
export const roomSource = (home) => ({
  label: texts.home.rooms,
  shortest: 0,
  find(query) {
    const rooms = home.rooms.all.filter(({ kind }) => kind !== "direct").sort((one, other) => byName(one.name, other.name));
    return bestOf(rooms, query, ({ name, room_id: roomId }) => [name, roomId]).map(({ name, room_id: roomId }) => ({
      text: `#${roomId}`,
      nodes: [h("span", { class: "badge", "aria-hidden": "true" }, "#"), h("bdi", {}, name), h("span", { class: "hint" }, roomId)],
    }));
  },
});
