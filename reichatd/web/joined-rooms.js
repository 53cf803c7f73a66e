// The rooms that the user has joined, and the conversation of the one that is open.

import { Conversation } from "./conversation.js";
import { RoomStates } from "./room-states.js";
import { openChannel } from "./tabs.js";
import { texts } from "./texts.js";
import { pathOfRoom } from "./urls.js";
import { UserSocket } from "./user-socket.js";

const CHECK_MS = 20_000; // the list is fetched this often while the user's socket is not connected
const SILENCE_MS = 180_000; // after this time the server is asked, since a page does not see whether a socket is alive
const READ_PAUSE_MS = 2_000; // minimum between two requests

/**
 * Events: "change" (the list of rooms or the data of one), "unread" (an unread count), "arrived" (a message of another user, which is
 * unread; `detail` is {roomId, message}), "news" (messages in a room that this tab does not show; `detail` is {roomId, from: the id of
 * the first, hasMention}), "removed" (the user was removed from a room; `detail` is {room, reason}), "renamed" (a user; `detail` is
 * {userId, username}).
 */
export class JoinedRooms extends EventTarget {
  #api;
  #userId;
  #states = new RoomStates();
  #socket;
  #conversations = new Map();
  #openId = null; // the room that is open
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
    this.#socket = new UserSocket(api, (frame) => this.#handle(frame));
    this.#timer = setInterval(() => this.#checkSocket(), CHECK_MS);
    document.addEventListener("visibilitychange", this.#visibilityChanged);
    window.addEventListener("focus", this.#visibilityChanged);
  }

  /** As `GET /joined` has them, without the members. */
  get all() {
    return this.#states.all;
  }

  get(roomId) {
    return this.#states.get(roomId);
  }

  /** The conversation of a joined room, which is open from now on. The others end their connections when nothing waits to be sent. */
  conversation(roomId) {
    const conversation = this.#conversationOf(roomId);
    this.#openId = roomId;
    this.#restIdle();
    conversation.start();
    return conversation;
  }

  /** No room is open. */
  close() {
    this.#openId = null;
    this.#restIdle();
  }

  /** The number of unread messages; without a connection to the room, as far as the user's socket has told. */
  unread(roomId) {
    const { log, state } = this.#conversations.get(roomId) ?? {};
    if (log?.end > 0 && state !== "resting") return log.unread;
    const { last_id: lastId = 0, last_read_id: readTo = 0, first_id: firstId = 1 } = this.get(roomId) ?? {};
    return Math.max(0, lastId - Math.max(readTo, log?.readTo ?? 0, firstId - 1));
  }

  /** The number of unread messages that mention the user. */
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
    const askedAt = this.#states.now;
    const { rooms } = await this.#api.call("GET", "/joined?members=false");
    if (number < this.#lastAnswer) return; // older than the answer in use, or the user has logged out
    this.#lastAnswer = number;
    this.#readAt = Date.now();
    const before = this.all;
    this.#states.listed(rooms, askedAt);
    if (joined !== null && this.get(joined)) this.#conversationOf(joined).beginAtEnd();
    this.#changed(before);
  }

  /** Marks all that is unread as read. Throws ServerRefused or Unreachable. */
  async markAllRead() {
    for (const { room_id: roomId, last_id: lastId } of this.all.filter((room) => this.unread(room.room_id) > 0)) {
      await this.#api.call("PUT", `${pathOfRoom(roomId)}/last_read`, { message_id: lastId });
      this.#handle({ type: "read", room_id: roomId, last_read_id: lastId });
    }
  }

  stop() {
    this.#lastAnswer = Infinity;
    document.removeEventListener("visibilitychange", this.#visibilityChanged);
    window.removeEventListener("focus", this.#visibilityChanged);
    clearInterval(this.#timer);
    clearTimeout(this.#readTimer);
    this.#socket.stop();
    this.#tabs?.close();
    for (const [roomId, conversation] of this.#conversations) this.#dropConversation(roomId, conversation);
  }

  // --- what the server tells

  #handle(frame) {
    const before = this.all;
    this.#states.take(frame);
    if (frame.type === "left") this.#left(before, frame);
    if (frame.type === "user_changed") this.#renamed(frame);
    this.#changed(before, frame);
    const isPartlyRead = frame.type === "read" && this.get(frame.room_id)?.mentions > 0;
    if (isPartlyRead) this.#readSoon(); // only the server knows how many mentions are left
  }

  /** The states have changed, by a frame or by the server's list. */
  #changed(before, frame = {}) {
    const known = new Map(before.map((room) => [room.room_id, room]));
    for (const [roomId, conversation] of this.#conversations) {
      // That of the open room finds out by itself, and says why it is over.
      if (roomId !== this.#openId && conversation.state !== "over" && !this.get(roomId)) this.#dropConversation(roomId, conversation);
    }
    for (const room of this.all) {
      const was = known.get(room.room_id);
      if (was === room) continue;
      this.#conversationOf(room.room_id).readElsewhere(room.last_read_id ?? 0);
      if (was !== undefined) this.#tellNews(was, room, frame);
      else if (frame.type === "joined" && room.kind === "direct") this.#tellNews({}, room, frame);
    }
    this.#restIdle();
    this.dispatchEvent(new Event("change"));
  }

  #tellNews({ last_id: before = 0, mentions = 0 }, room, { message_id: mentionId = Infinity }) {
    const { room_id: roomId, last_id: lastId = 0 } = room;
    const hasMention = room.mentions > mentions;
    const isShown = this.#conversations.get(roomId)?.state === "live"; // its own connection tells
    if (isShown || (lastId <= before && !hasMention)) return;
    this.dispatchEvent(new CustomEvent("news", { detail: { roomId, from: Math.min(before + 1, mentionId), hasMention } }));
  }

  #left(before, { room_id: roomId, reason }) {
    const room = before.find((each) => each.room_id === roomId);
    const { noMember, roomDeleted } = texts.conversation;
    this.#conversations.get(roomId)?.end(reason === "deleted" ? roomDeleted : noMember);
    if (room && reason !== "left" && roomId !== this.#openId) this.dispatchEvent(new CustomEvent("removed", { detail: { room, reason } }));
  }

  #renamed({ user_id: userId, username }) {
    for (const conversation of this.#conversations.values()) conversation.rename(userId, username);
    this.dispatchEvent(new CustomEvent("renamed", { detail: { userId, username } }));
    if (this.all.some(({ kind }) => kind === "direct")) this.#readSoon(); // it may be the name of one
  }

  // --- conversations

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
      conversation.addEventListener("outbox", () => this.#restIdle());
      conversation.addEventListener("state", () => this.#stateChanged(roomId, conversation));
      this.#conversations.set(roomId, conversation);
    }
    return conversation;
  }

  #stateChanged(roomId, { state }) {
    if (state === "over") this.#remove(roomId);
    else if (state === "waiting") this.#checkSocket(); // the network may be gone
  }

  #isNeeded(roomId, conversation) {
    return roomId === this.#openId || conversation.hasUnsent;
  }

  /** Connects to the rooms in which something waits to be sent; gives up connections that are not needed. */
  #restIdle() {
    for (const [roomId, conversation] of this.#conversations) {
      if (conversation.state === "over") continue;
      if (roomId !== this.#openId) conversation.deletions.finishAll(); // nobody can undo them any more
      if (this.#isNeeded(roomId, conversation)) conversation.start();
      else conversation.rest();
    }
  }

  /** The user has too many connections: one that is needed tries again, and takes the place of another. */
  #crowded(roomId, conversation) {
    if (!this.#isNeeded(roomId, conversation)) conversation.rest();
    else if (!this.#restOne()) this.#tabs?.postMessage({ isCrowded: true });
  }

  /** Gives up the user's socket for a while: the list is fetched instead. Returns whether it was connected. */
  #restOne() {
    if (!this.#socket.isLive) return false;
    this.#socket.rest();
    return true;
  }

  /**
   * The conversation has ended for good. The room is removed before the server's list says so: opening it in between would show the
   * ended conversation instead of the form to join.
   */
  #remove(roomId) {
    this.#states.remove(roomId);
    this.dispatchEvent(new Event("change"));
    this.#readSoon();
  }

  #dropConversation(roomId, conversation) {
    conversation.stop();
    this.#conversations.delete(roomId);
  }

  // --- requests

  /** Fetches the list in place of the user's socket, or to see whether the server answers. */
  #checkSocket() {
    const isSilent = document.visibilityState === "visible" && this.#socket.silence > SILENCE_MS;
    if (!this.#socket.isLive || isSilent) this.#readSoon();
  }

  /** Fetches the list, but not more often than READ_PAUSE_MS. */
  #readSoon() {
    clearTimeout(this.#readTimer);
    this.#readTimer = setTimeout(() => this.read().catch(() => this.#socket.drop()), this.#readAt + READ_PAUSE_MS - Date.now());
  }

  #visibilityChanged = () => document.visibilityState === "visible" && this.#readSoon();
}
