// What a user prefers for each room: which messages notify, favourites, and an own order. This browser keeps it. Which rooms were opened
// last, only this tab knows: after a logout nothing says where a user was.

import { storage } from "./storage.js";
import { Stored } from "./stored.js";

/** Of which messages the user is told: all, those that mention the user, or none (the room is muted). */
export const LEVELS = ["all", "mentions", "nothing"];

const MOST_RECENT = 50;
const DEFAULT = Object.freeze({ level: null, isFavourite: false }); // level null: the user has chosen none

const keyOf = (userId) => `reichatd.rooms.${userId}`;

export class RoomPreferences {
  #stored;
  #recent = [];

  constructor(userId) {
    this.#stored = new Stored(keyOf(userId), { rooms: {}, order: [] });
  }

  /** The preferences for a room: {level, isFavourite}. */
  get(roomId) {
    const { rooms } = this.#stored.value;
    return Object.hasOwn(rooms, roomId) ? { ...DEFAULT, ...rooms[roomId] } : DEFAULT;
  }

  /** Changes these fields of a room's preferences. */
  set(roomId, fields) {
    const { rooms } = this.#stored.value;
    this.#stored.update({ rooms: { ...rooms, [roomId]: { ...this.get(roomId), ...fields } } });
  }

  /** The level that is in force for a room of `/joined`. */
  levelOf({ room_id: roomId, kind }) {
    return this.get(roomId).level ?? (kind === "direct" ? "all" : "mentions");
  }

  /** The ids of rooms in the user's own order; rooms that are not among them have no place yet. */
  get order() {
    return this.#stored.value.order;
  }

  set order(roomIds) {
    this.#stored.update({ order: roomIds });
  }

  /** The ids of the rooms that were opened last, the last one first. */
  get recent() {
    return this.#recent;
  }

  /** The user has opened a room. */
  opened(roomId) {
    this.#recent = [roomId, ...this.#recent.filter((each) => each !== roomId)].slice(0, MOST_RECENT);
  }

  /** Calls the listener after each change, also in another tab. Returns a function that ends this. */
  subscribe(listener) {
    this.#stored.addEventListener("change", listener);
    return () => this.#stored.removeEventListener("change", listener);
  }

  close() {
    this.#stored.close();
  }
}

/** Removes all preferences of a user. */
export const forgetPreferences = (userId) => storage.remove(keyOf(userId));
