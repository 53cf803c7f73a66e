// The rooms that the user has joined, each with its conversation.

import { Conversation } from "./conversation.js";
import { openChannel } from "./tabs.js";

/**
 * How many rooms have a connection all the time, and so a live unread count. The others connect when they are opened. Four tabs
 * stay below the server's limits.sockets_per_user, which is 100 by default.
 */
const MOST_CONNECTED = 20;
const STALE_MS = 60_000;
const READ_PAUSE_MS = 2_000; // minimum between two requests

/**
 * Events: "change" (the list of rooms or the data of one), "unread" (an unread count), "arrived" (a message of another user, which is
 * unread; `detail` is {roomId, message}).
 */
export class JoinedRooms extends EventTarget {
  all = [];
  #api;
  #userId;
  #conversations = new Map();
  #openId = null; // the room that was opened last
  #readAt = 0;
  #tabs; // a channel to the browser's other tabs with the same user; null if there is none
  #timer;
  #readTimer;
  #lastRequest = 0; // the number of the last request
  #lastAnswer = 0; // the number of the request whose answer is in use; Infinity: all answers are ignored

  constructor(api, userId) {
    super();
    this.#api = api;
    this.#userId = userId;
    this.#tabs = openChannel(`reichatd.read.${userId}`);
    this.#tabs?.addEventListener("message", ({ data: { roomId, readTo, isCrowded = false } }) => {
      if (isCrowded) this.#restOne();
      else this.#conversations.get(roomId)?.readElsewhere(readTo);
    });
    this.#timer = setInterval(() => this.#readSoon(), STALE_MS); // also others change the list: they begin direct conversations, and mute
    document.addEventListener("visibilitychange", this.#visibilityChanged);
    window.addEventListener("focus", this.#visibilityChanged);
  }

  get(roomId) {
    return this.all.find((room) => room.room_id === roomId);
  }

  /** The conversation of a joined room, which is opened; starts it if needed. */
  conversation(roomId) {
    this.#openId = roomId;
    const conversation = this.#conversations.get(roomId);
    conversation?.start();
    return conversation;
  }

  /** The number of unread messages; without a connection to the room, that of the last /joined answer. */
  unread(roomId) {
    const { log, state } = this.#conversations.get(roomId) ?? {};
    if (log?.end > 0 && state !== "resting") return log.unread;
    const { last_id: lastId = 0, last_read_id: readTo = 0, first_id: firstId = 1 } = this.get(roomId) ?? {};
    return Math.max(0, lastId - Math.max(readTo, log?.readTo ?? 0, firstId - 1));
  }

  /** The number of unread messages that mention the user, as of the last /joined answer. */
  mentions(roomId) {
    return Math.min(this.get(roomId)?.mentions ?? 0, this.unread(roomId));
  }

  /** Whether a message waits to be sent, in any room. */
  get hasUnsent() {
    return [...this.#conversations.values()].some((conversation) => conversation.hasUnsent);
  }

  /**
   * Fetches the joined rooms and their read marks. Throws ServerRefused or Unreachable.
   *
   * joined: the id of a room that the user has just joined, which opens at its end.
   */
  async read({ joined = null } = {}) {
    const number = ++this.#lastRequest;
    const { rooms } = await this.#api.call("GET", "/joined");
    if (number < this.#lastAnswer) return; // older than the answer in use, or the user has logged out
    this.#lastAnswer = number;
    this.#readAt = Date.now();
    this.all = rooms;
    for (const [roomId, conversation] of this.#conversations) {
      if (!this.get(roomId)) this.#dropConversation(roomId, conversation);
    }
    for (const [place, { room_id: roomId, last_read_id: readTo = 0 }] of rooms.entries()) {
      const conversation = this.#conversationOf(roomId);
      if (roomId === joined) conversation.beginAtEnd();
      conversation.readElsewhere(readTo);
      if (place < MOST_CONNECTED || conversation.hasUnsent) conversation.start();
    }
    this.dispatchEvent(new Event("change"));
  }

  stop() {
    this.#lastAnswer = Infinity;
    document.removeEventListener("visibilitychange", this.#visibilityChanged);
    window.removeEventListener("focus", this.#visibilityChanged);
    clearInterval(this.#timer);
    clearTimeout(this.#readTimer);
    this.#tabs?.close();
    for (const [roomId, conversation] of this.#conversations) this.#dropConversation(roomId, conversation);
  }

  #conversationOf(roomId) {
    let conversation = this.#conversations.get(roomId);
    if (conversation?.state === "over") conversation = undefined; // joined again
    if (conversation === undefined) {
      conversation = new Conversation(this.#api, this.#userId, roomId);
      conversation.addEventListener("log", () => this.dispatchEvent(new Event("unread")));
      conversation.addEventListener("arrived", ({ detail: message }) => this.dispatchEvent(new CustomEvent("arrived", { detail: { roomId, message } })));
      conversation.addEventListener("read", () => this.#tabs?.postMessage({ roomId, readTo: conversation.log.readTo }));
      conversation.addEventListener("restricted", () => this.#readSoon());
      conversation.addEventListener("crowded", () => this.#crowded(roomId, conversation));
      conversation.addEventListener("state", () => conversation.state === "over" && this.#remove(roomId));
      this.#conversations.set(roomId, conversation);
    }
    return conversation;
  }

  #isNeeded(roomId, conversation) {
    return roomId === this.#openId || conversation.hasUnsent;
  }

  /** The user has too many connections: one that is needed tries again, and takes the place of another room's. */
  #crowded(roomId, conversation) {
    if (!this.#isNeeded(roomId, conversation)) conversation.rest();
    else if (!this.#restOne()) this.#tabs?.postMessage({ isCrowded: true });
  }

  /** Gives up the connection of a room that is not needed, until the next `read`. Returns whether there was one. */
  #restOne() {
    const found = [...this.#conversations].reverse().find(([id, each]) => each.state === "live" && !this.#isNeeded(id, each));
    found?.[1].rest();
    return found !== undefined;
  }

  /**
   * The conversation has ended for good. The room is removed before the server's list says so: opening it in between would show the
   * ended conversation instead of the form to join.
   */
  #remove(roomId) {
    this.all = this.all.filter((room) => room.room_id !== roomId);
    this.dispatchEvent(new Event("change"));
    this.#readSoon();
  }

  #dropConversation(roomId, conversation) {
    conversation.stop();
    this.#conversations.delete(roomId);
  }

  #readSoon() {
    this.read().catch(() => {}); // the next request will do
  }

  #visibilityChanged = () => {
    if (document.visibilityState !== "visible") return;
    clearTimeout(this.#readTimer);
    this.#readTimer = setTimeout(() => this.#readSoon(), this.#readAt + READ_PAUSE_MS - Date.now());
  };
}
