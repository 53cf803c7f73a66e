// The rooms that the person has joined, each with its conversation.

import { Conversation } from "./conversation.js";

/** So many rooms are listened to all the time, which is where their unread counts come from; the others when they are opened. */
const LISTENED_TO = 40;
const STALE_MS = 60_000;

/** Events: "change" (which rooms there are, or what is known of one), "unread" (a count). */
export class Rooms extends EventTarget {
  all = [];
  #api;
  #userId;
  #conversations = new Map();
  #readAt = 0;

  constructor(api, userId) {
    super();
    this.#api = api;
    this.#userId = userId;
    document.addEventListener("visibilitychange", this.#seenAgain);
  }

  get(roomId) {
    return this.all.find((room) => room.room_id === roomId);
  }

  /** The conversation of a joined room, started if it was not. */
  conversation(roomId) {
    const conversation = this.#conversations.get(roomId);
    conversation?.start();
    return conversation;
  }

  /** Messages that are not read, of a room or of all; null as long as nobody has listened. */
  unread(roomId) {
    const conversation = this.#conversations.get(roomId);
    return conversation === undefined || conversation.log.end === 0 ? null : conversation.log.unread;
  }

  get unreadInAll() {
    return this.all.reduce((sum, room) => sum + (this.unread(room.room_id) ?? 0), 0);
  }

  /** Whether a message waits to be sent, in any room. */
  get hasUnsent() {
    return [...this.#conversations.values()].some((conversation) => conversation.hasUnsent);
  }

  /** Asks the server which rooms there are. Throws Refused or Unreachable. */
  async read() {
    const { rooms } = await this.#api.call("GET", "/joined");
    this.#readAt = Date.now();
    this.all = rooms;
    for (const [roomId, conversation] of this.#conversations) {
      if (!this.get(roomId)) this.#forget(roomId, conversation);
    }
    for (const [number, { room_id: roomId }] of rooms.entries()) this.#know(roomId, number < LISTENED_TO);
    this.dispatchEvent(new Event("change"));
  }

  stop() {
    document.removeEventListener("visibilitychange", this.#seenAgain);
    for (const [roomId, conversation] of this.#conversations) this.#forget(roomId, conversation);
  }

  #know(roomId, listen) {
    let conversation = this.#conversations.get(roomId);
    if (conversation?.state === "over") conversation = undefined; // joined again
    if (conversation === undefined) {
      conversation = new Conversation(this.#api, this.#userId, roomId);
      conversation.addEventListener("log", () => this.dispatchEvent(new Event("unread")));
      conversation.addEventListener("state", () => conversation.state === "over" && this.#lose(roomId));
      this.#conversations.set(roomId, conversation);
    }
    if (listen || conversation.hasUnsent) conversation.start();
  }

  /** The server has said that the room is none of the person's any more. Its list would say so later: who opens the room until
   * then would find the conversation that is over, and no way in. */
  #lose(roomId) {
    this.all = this.all.filter((room) => room.room_id !== roomId);
    this.dispatchEvent(new Event("change"));
    this.#readSoon();
  }

  #forget(roomId, conversation) {
    conversation.stop();
    this.#conversations.delete(roomId);
  }

  #readSoon() {
    this.read().catch(() => {}); // the next one will do
  }

  #seenAgain = () => {
    if (document.visibilityState === "visible" && Date.now() - this.#readAt > STALE_MS) this.#readSoon();
  };
}
