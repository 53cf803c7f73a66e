// Finds the new messages of which the user is to be told, in rooms that this tab does not show.

import { isLoud } from "./notifier.js";
import { pathOfRoom } from "./urls.js";

const MOST = 50; // of one fetch; the last of them is told

export class Arrivals {
  #home;
  #toldTo = new Map(); // by room id

  /** home: its rooms fire "news", and get "arrived". */
  constructor(home) {
    this.#home = home;
    home.rooms.addEventListener("news", ({ detail }) => this.#news(detail).catch(() => {})); // its count shows it
    home.rooms.addEventListener("arrived", ({ detail: { roomId, message } }) => this.#toldTo.set(roomId, message.message_id));
  }

  async #news({ roomId, from, hasMention }) {
    const { api, me, notifier, preferences, rooms } = this.#home;
    const room = rooms.get(roomId);
    const level = preferences.levelOf(room);
    if (!notifier.speaks || level === "nothing" || (level === "mentions" && !hasMention)) return;
    const toldTo = this.#toldTo.get(roomId) ?? 0;
    const query = new URLSearchParams({ from_id: Math.max(from, toldTo + 1, room.last_id - MOST + 1), to_id: room.last_id });
    const { messages } = await api.call("GET", `${pathOfRoom(roomId, "messages")}?${query}`);
    const message = messages.findLast((each) => each.user_id !== me.userId && !each.deleted && isLoud(level, each, me.userId));
    const { last_read_id: readTo = 0 } = rooms.get(roomId) ?? {};
    if (message?.message_id > Math.max(readTo, this.#toldTo.get(roomId) ?? 0)) rooms.dispatchEvent(new CustomEvent("arrived", { detail: { roomId, message } }));
  }
}
