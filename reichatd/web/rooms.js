// The rooms that the person has joined, each with its conversation.

import { Conversation } from "./conversation.js";

/** So many rooms are listened to all the time, which is where their unread counts come from; the others when they are opened. */
const LISTENED_TO = 40;
const STALE_MS = 60_000;
const SEEN_AGAIN_MS = 2_000; // at least, from one question to the next

/** Events: "change" (which rooms there are, or what is known of one), "unread" (a count). */
export class Rooms extends EventTarget {
  all = [];
  #api;
  #userId;
  #conversations = new Map();
  #readAt = 0;
  #tabs; // the others of this browser, where the same person is logged in; null if they cannot be told
  #timer;
  #seenTimer;
  #asked = 0; // how often the server was asked which rooms there are
  #answered = 0; // the number of the question whose answer holds; Infinity: none is heard any more

  constructor(api, userId) {
    super();
    this.#api = api;
    this.#userId = userId;
    this.#tabs = channel(`reichatd.read.${userId}`);
    this.#tabs?.addEventListener("message", ({ data: { roomId, readTo } }) => this.#conversations.get(roomId)?.readElsewhere(readTo));
    this.#timer = setInterval(() => this.all.length > LISTENED_TO && this.#readSoon(), STALE_MS);
    document.addEventListener("visibilitychange", this.#seenAgain);
    window.addEventListener("focus", this.#seenAgain);
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

  /** Messages that are not read, as of the last answer of the server's where nobody listens. */
  unread(roomId) {
    const log = this.#conversations.get(roomId)?.log;
    if (log?.end > 0) return log.unread;
    const { last_id: lastId = 0, last_read_id: readTo = 0, first_id: firstId = 1 } = this.get(roomId) ?? {};
    return Math.max(0, lastId - Math.max(readTo, log?.readTo ?? 0, firstId - 1));
  }

  get unreadInAll() {
    return this.all.reduce((sum, room) => sum + this.unread(room.room_id), 0);
  }

  /** Whether a message waits to be sent, in any room. */
  get hasUnsent() {
    return [...this.#conversations.values()].some((conversation) => conversation.hasUnsent);
  }

  /**
   * Asks the server which rooms there are, and how far each is read. Throws Refused or Unreachable.
   *
   * joined: the id of a room that the person has joined just now, which opens at its end.
   */
  async read({ joined = null } = {}) {
    const number = ++this.#asked;
    const { rooms } = await this.#api.call("GET", "/joined");
    if (number < this.#answered) return; // an older answer than the last one; or the person has logged out
    this.#answered = number;
    this.#readAt = Date.now();
    this.all = rooms;
    for (const [roomId, conversation] of this.#conversations) {
      if (!this.get(roomId)) this.#forget(roomId, conversation);
    }
    for (const [place, { room_id: roomId, last_read_id: readTo = 0 }] of rooms.entries()) {
      const conversation = this.#known(roomId);
      if (roomId === joined) conversation.beginAtEnd();
      conversation.readElsewhere(readTo);
      if (place < LISTENED_TO || conversation.hasUnsent) conversation.start();
    }
    this.dispatchEvent(new Event("change"));
  }

  stop() {
    this.#answered = Infinity;
    document.removeEventListener("visibilitychange", this.#seenAgain);
    window.removeEventListener("focus", this.#seenAgain);
    clearInterval(this.#timer);
    clearTimeout(this.#seenTimer);
    this.#tabs?.close();
    for (const [roomId, conversation] of this.#conversations) this.#forget(roomId, conversation);
  }

  #known(roomId) {
    let conversation = this.#conversations.get(roomId);
    if (conversation?.state === "over") conversation = undefined; // joined again
    if (conversation === undefined) {
      conversation = new Conversation(this.#api, this.#userId, roomId);
      conversation.addEventListener("log", () => this.dispatchEvent(new Event("unread")));
      conversation.addEventListener("read", () => this.#tabs?.postMessage({ roomId, readTo: conversation.log.readTo }));
      conversation.addEventListener("state", () => conversation.state === "over" && this.#lose(roomId));
      this.#conversations.set(roomId, conversation);
    }
    return conversation;
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
    if (document.visibilityState !== "visible") return;
    clearTimeout(this.#seenTimer);
    this.#seenTimer = setTimeout(() => this.#readSoon(), this.#readAt + SEEN_AGAIN_MS - Date.now());
  };
}

/** A channel to the other tabs; null where the browser keeps them apart, as Firefox does with cookies blocked. */
function channel(name) {
  try {
    return new BroadcastChannel(name);
  } catch {
    return null;
  }
}
