// The order of the list of rooms, which the user can change: by dragging, or with Alt+Shift and the arrow keys.

import { announce } from "./dom.js";
import { texts } from "./texts.js";

/** Rooms as the user wants them: favourites first, both parts in the user's order. Rooms without a place in it follow. Pure. */
export function ordered(rooms, preferences) {
  const places = new Map(preferences.order.map((roomId, place) => [roomId, place]));
  return rooms
    .map((room, place) => ({ room, isOther: !preferences.get(room.room_id).isFavourite, place: places.get(room.room_id) ?? places.size + place }))
    .sort((one, other) => one.isOther - other.isOther || one.place - other.place)
    .map(({ room }) => room);
}

/** Lets the user move the rooms of a list, whose items have data-room. */
export class RoomMoves {
  #home;
  #list;
  #dragged = null; // the id of the room

  /** onend: called when the user has stopped dragging. */
  constructor(home, list, onend) {
    this.#home = home;
    this.#list = list;
    list.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("dragstart", ({ target }) => (this.#dragged = roomOf(target)));
    list.addEventListener("dragend", () => {
      this.#dragged = null;
      onend();
    });
    list.addEventListener("dragover", (event) => this.#isPlace(event.target) && event.preventDefault());
    list.addEventListener("drop", (event) => this.#drop(event));
  }

  /** Whether the user is dragging a room: the list must stay. */
  get isDragging() {
    return this.#dragged !== null;
  }

  #key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const roomId = roomOf(event.target);
    if (!step || !event.altKey || !event.shiftKey || roomId === null) return;
    event.preventDefault();
    const ids = this.#ids;
    this.#move(roomId, ids[ids.indexOf(roomId) + step]);
  }

  #drop(event) {
    if (!this.#isPlace(event.target)) return;
    event.preventDefault();
    const dragged = this.#dragged;
    this.#dragged = null;
    this.#move(dragged, roomOf(event.target));
  }

  /** Whether the dragged room can be dropped here: favourites stay on top. */
  #isPlace(target) {
    const roomId = roomOf(target);
    return this.#dragged !== null && roomId !== null && this.#isFavourite(roomId) === this.#isFavourite(this.#dragged);
  }

  /** Moves a room to the place of another one. */
  #move(roomId, otherId) {
    if (otherId === undefined || this.#isFavourite(roomId) !== this.#isFavourite(otherId)) return;
    const ids = this.#ids;
    const place = ids.indexOf(otherId);
    const others = ids.filter((each) => each !== roomId);
    this.#home.preferences.order = [...others.slice(0, place), roomId, ...others.slice(place)];
    announce(texts.home.moved(this.#home.rooms.get(roomId).name, place + 1, ids.length));
  }

  #isFavourite(roomId) {
    return this.#home.preferences.get(roomId).isFavourite;
  }

  get #ids() {
    return ordered(this.#home.rooms.all, this.#home.preferences).map((room) => room.room_id);
  }
}

const roomOf = (target) => (target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement)?.closest("[data-room]")?.dataset.room ?? null;
