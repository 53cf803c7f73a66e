// A room's conversation. It reconnects when a WebSocket ends; no message is missed and none appears twice.

import { Unreachable } from "./api.js";
import { Changes } from "./changes.js";
import { Company } from "./company.js";
import { Deletions } from "./deletions.js";
import { Outbox } from "./outbox.js";
import { OwnReactions } from "./own-reactions.js";
import { pauseBefore } from "./reconnect-pause.js";
import { RoomLog } from "./room-log.js";
import { Sender } from "./sender.js";
import { FrameRefused, Socket } from "./socket.js";
import { texts } from "./texts.js";

const PAGE = 100;
const MARK_MS = 400;
const TYPING_PAUSE_MS = 3_000; // minimum between two frames that say that the user is writing
const OFFLINE_ANSWER_MS = 3_000;
const POLICY_VIOLATION = 1008;
const TOO_BIG = 1009;
const TRY_AGAIN_LATER = 1013;
const WANTED = ["typing", "presence"];

/**
 * `state` is "resting" (not started), "connecting", "live", "waiting" (for the next try) or "over" (`reason` says why).
 *
 * Events: "state"; "log" (messages have arrived or changed, or the read mark has moved); "read" (the user has read on in this tab);
 * "outbox"; "company" (others have come, gone, or begun to write); "refused" (the server has refused a change; `detail` is the error);
 * "arrived" (an unread message of another user, which is its `detail`); "crowded" (the server refused the connection, since the user
 * has too many); "restricted" (the user is muted, or the room is slow).
 */
export class Conversation extends EventTarget {
  state = "resting";
  reason = "";
  #api;
  #userId;
  #roomId;
  #socket = null;
  #sender;
  #running = false;
  #run = 0; // the number of the last start: what an earlier one began ends
  #wake = () => {};
  #page = PAGE;
  #changeId = null; // the log has all changes up to this number; null before the first connection
  #isCaughtUp = false; // whether this connection has reported all earlier changes
  #typedAt = -Infinity;
  #markTimer = null;
  #beginsAtEnd = false;

  constructor(api, userId, roomId) {
    super();
    this.#api = api;
    this.#userId = userId;
    this.#roomId = roomId;
    this.log = new RoomLog();
    this.outbox = new Outbox(userId, roomId);
    this.changes = new Changes();
    this.deletions = new Deletions({
      send: (id) => this.changes.make("delete", { message_ids: [id] }),
      onchange: (error) => this.#changedHere(error),
    });
    this.ownReactions = new OwnReactions(userId);
    this.company = new Company(userId, () => this.#emit("company"));
    this.#sender = new Sender(this.outbox, api.serverInfo, (name) => this.#emit(name));
    window.addEventListener("storage", this.#storageChanged);
    window.addEventListener("pagehide", this.#pageHidden);
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    window.addEventListener("online", this.#online);
    window.addEventListener("offline", this.#offline);
    document.addEventListener("visibilitychange", this.#visibilityChanged);
    this.#connect(++this.#run);
  }

  /** Gives up the connection until the next start. */
  rest() {
    if (!this.#running) return;
    this.#disconnect();
    this.#setState("resting");
  }

  stop() {
    this.#disconnect();
    window.removeEventListener("storage", this.#storageChanged);
    window.removeEventListener("pagehide", this.#pageHidden);
  }

  /** The user is no longer in the room; the reason says it in words. */
  end(reason) {
    if (this.state === "over") return;
    this.reason = reason;
    this.stop();
    this.changes.giveUp(reason);
    this.#setState("over");
  }

  /** Ends the pause before the next try. */
  retryNow() {
    this.#wake();
  }

  /** Queues a message, and sends it as soon as there is a connection. options: those of `Outbox.add`. */
  send(content, options) {
    this.#typedAt = -Infinity;
    this.#sender.add(content, options);
  }

  /** Whether a message or a change waits for being sent. */
  get hasUnsent() {
    return this.state !== "over" && (this.outbox.next !== undefined || !this.changes.isEmpty);
  }

  retry(nonce) {
    this.#sender.again(nonce);
  }

  discard(nonce) {
    this.#sender.discard(nonce);
  }

  /** Gives a message of the user a new text. Throws FrameRefused; waits while there is no connection. */
  async edit(id, content) {
    await this.changes.make("edit", { message_id: id, content });
  }

  /** Adds or removes the user's reaction. It is shown at once; the event "refused" follows if the server refuses. */
  async react(id, emoji, isSet) {
    const confirmed = this.changes.make(isSet ? "react" : "unreact", { message_id: id, emoji });
    const done = this.ownReactions.want(id, emoji, isSet, confirmed);
    this.#changedHere();
    await done.then(() => this.#changedHere(), (error) => this.#changedHere(error));
  }

  /** Pins a message, or removes its pin. The event "refused" follows if the server refuses. */
  async pin(id, isSet) {
    await this.changes.make(isSet ? "pin" : "unpin", { message_id: id }).catch((error) => this.#changedHere(error));
  }

  /** The user is writing. The others are told, but not for each key. */
  typing() {
    const now = performance.now();
    if (this.state !== "live" || now - this.#typedAt < TYPING_PAUSE_MS) return;
    this.#typedAt = now;
    this.#socket.send("typing", {});
  }

  /** Messages before the next connection count as read: the user has just joined. */
  beginAtEnd() {
    this.#beginsAtEnd = true;
  }

  /** The user has read up to this id. The server gets it a little later, or after the next connect. */
  markRead(id) {
    if (id <= this.log.readTo) return;
    this.readElsewhere(id);
    this.#emit("read");
    this.#markTimer ??= setTimeout(() => this.#sendMark(), MARK_MS);
  }

  /** The user has read up to this id in another tab or on another device; the server knows it. */
  readElsewhere(id) {
    if (id <= this.log.readTo) return;
    this.log.readTo = id;
    this.#emit("log");
  }

  /** A user has another name now. */
  rename(userId, username) {
    this.log.rename(userId, username);
    this.#emit("log");
  }

  /** Fetches the unknown messages of these ids. Throws Unreachable if there is no connection, or FrameRefused. */
  async fetchMissing(from, to) {
    for (let range; (range = this.log.missing(from, to)); ) {
      const upTo = Math.min(range[1], range[0] + this.#page - 1);
      await this.#fetchRange(range[0], upTo);
      const left = this.log.missing(from, to);
      if (left && left[0] === range[0]) throw new Unreachable(); // the server lacks a message that it should have
    }
  }

  /** Fetches these single messages, which need not exist, and the user's reactions to them; at most 100. Throws as `fetchMissing`. */
  async fetchIds(ids) {
    const { messages, mine = {} } = await this.#fetch({ ids, mine: true });
    this.ownReactions.tell(ids, mine);
    this.#addMessages(messages);
  }

  /** Returns these messages and does not keep them: for searches. Throws as `fetchMissing`. */
  async peek(ids) {
    return (await this.#fetch({ ids })).messages;
  }

  // --- the connection

  #disconnect() {
    if (this.#markTimer !== null) this.#sendMark(); // while there is a socket
    this.deletions.finishAll();
    this.#running = false;
    window.removeEventListener("online", this.#online);
    window.removeEventListener("offline", this.#offline);
    document.removeEventListener("visibilitychange", this.#visibilityChanged);
    this.#socket?.drop();
    this.#disconnected();
    this.#wake();
  }

  async #connect(run) {
    const isCurrent = () => this.#running && run === this.#run;
    for (let failures = 0; isCurrent(); failures++) {
      this.#setState("connecting");
      const end = await this.#connection(isCurrent);
      if (!isCurrent()) return;
      if (this.state === "live") failures = 0;
      else if (end.code === TRY_AGAIN_LATER) this.#emit("crowded");
      if (!isCurrent()) return;
      this.#setState("waiting");
      if (end.code === POLICY_VIOLATION && (await this.#isOver())) return;
      await this.#pause(pauseBefore(end, failures));
    }
  }

  /** Runs one connection from its ticket to its end; returns its close code and reason. */
  async #connection(isCurrent) {
    try {
      const { ticket } = await this.#api.call("POST", "/ws/ticket");
      if (!isCurrent()) return {};
      const socket = new Socket(this.#roomId, ticket, (frame) => this.#handle(socket, frame));
      this.#socket = socket;
      const end = await socket.closed;
      if (end.code === TOO_BIG && !this.#sender.tooBig()) this.changes.giveUp(texts.writing.tooBigForServer);
      return end;
    } catch {
      return {};
    } finally {
      if (isCurrent()) this.#disconnected();
    }
  }

  #disconnected() {
    this.#socket = null;
    this.#sender.disconnected();
    this.changes.disconnected();
    this.company.forget();
  }

  async #pause(ms) {
    const timer = setTimeout(() => this.#wake(), ms);
    await new Promise((resolve) => (this.#wake = resolve));
    clearTimeout(timer);
    this.#wake = () => {};
  }

  /** Whether the user is no longer in the room, or the room is gone. */
  async #isOver() {
    try {
      const { room } = await this.#api.call("GET", `/room/${encodeURIComponent(this.#roomId)}`);
      this.reason = room.users.includes(this.#userId) ? "" : texts.conversation.noMember;
    } catch (error) {
      this.reason = error.status === 404 ? texts.conversation.roomDeleted : "";
    }
    if (this.reason === "") return false;
    this.end(this.reason);
    return true;
  }

  #storageChanged = (event) => this.#sender.storageChanged(event);
  #pageHidden = () => this.deletions.finishAll();
  #online = () => this.#wake();
  // The browser may be wrong, or the server on this machine: the check finds out whether it answers.
  #offline = () => this.#socket?.check(OFFLINE_ANSWER_MS);
  #visibilityChanged = () => {
    if (document.visibilityState !== "visible") return;
    this.#wake();
    this.#socket?.check();
  };

  // --- frames

  #handle(socket, frame) {
    switch (frame.type) {
      case "initial_state":
        this.#accepted(socket, frame).catch(() => socket.drop());
        break;
      case "latest_message":
        this.#latest(frame.message);
        break;
      case "message_changed":
        this.log.change(frame.message);
        this.#changed(frame.message.change_id);
        break;
      case "reactions_changed":
        this.log.changeReactions(frame);
        this.#changed(frame.change_id);
        break;
      case "caught_up":
        this.#changeId = frame.change_id ?? 0;
        this.#isCaughtUp = true;
        break;
      case "typing":
        this.company.setTyping(frame);
        break;
      case "presence":
        this.company.setPresence(frame);
        break;
      case "ack":
        this.#acknowledged(frame);
        break;
      case "error":
        if (frame.code === "other_log") socket.drop(); // the next connection starts afresh
        // The server may not be able to read a bad frame's nonce. Only messages are that long.
        else if (!this.changes.settle(frame) && (frame.nonce !== undefined || frame.code === "bad_frame")) this.#sender.refused(frame);
    }
  }

  #latest(message) {
    const { message_id: id, user_id: userId } = message;
    if (id <= this.log.end) {
      this.log.change(message); // a fetch was faster, and may have an older state
      return;
    }
    if (userId === this.#userId) this.log.readTo = Math.max(this.log.readTo, id); // as the server does, for any device
    this.#addMessages([message]);
    this.company.hasPosted(userId);
    if (id > this.log.readTo) this.dispatchEvent(new CustomEvent("arrived", { detail: message }));
  }

  #changed(changeId) {
    // Until the client has caught up, numbers may be missing before this one.
    if (this.#isCaughtUp) this.#changeId = Math.max(this.#changeId, changeId);
    this.#emit("log");
  }

  #acknowledged(frame) {
    if (this.changes.settle(frame)) {
      this.#emit("outbox");
      return;
    }
    this.log.readTo = Math.max(this.log.readTo, frame.message_id); // as the server does
    this.#sender.acknowledged(frame);
    this.#settleOutbox();
    this.#emit("outbox");
  }

  async #accepted(socket, { last_read_id: readTo, messages, first_id: firstId, last_id: lastId, change_id: changeId = 0, log: token }) {
    if (this.log.token !== null && this.log.token !== token) this.#startAfresh();
    else await this.#checkSameLog(socket);
    this.log.token = token;
    if (this.log.oldest === undefined) this.#changeId = changeId;
    this.#isCaughtUp = false;
    this.ownReactions.forget();
    this.log.beginAt(firstId);
    this.log.endAt(lastId);
    this.log.readTo = Math.max(this.log.readTo, this.#beginsAtEnd ? this.log.end : readTo);
    this.#beginsAtEnd = false;
    this.#addMessages(messages);
    socket.send("listen_latest", { after_id: this.log.end, after_change: this.#changeId, held_from: this.log.oldest, log: token, want: WANTED });
    this.#setState("live");
    this.#sendMark();
    this.changes.connected(socket);
    this.#sender.connected(socket);
  }

  /**
   * Clears the log if its name is the same and its messages are not: the file of the store was replaced by an older one. The last
   * message may be unknown, if there is more unread than was fetched; so the newest known one is checked too.
   */
  async #checkSameLog(socket) {
    const { newest, end } = this.log;
    if (end === 0) return;
    for (const id of new Set([newest?.message_id ?? end, end])) {
      const { messages, first_id: firstId = 1 } = await socket.fetch({ from_id: id, to_id: id });
      if (firstId > id || isSame(messages[0], this.log.get(id))) continue;
      this.#startAfresh();
      return;
    }
  }

  /** The room has another log. */
  #startAfresh() {
    this.log.clear();
    this.deletions.clear();
    this.outbox.arrived(Infinity);
  }

  async #fetchRange(from, to) {
    try {
      const answer = await this.#fetch({ from_id: from, to_id: to });
      this.log.beginAt(answer.first_id);
      this.#addMessages(answer.messages);
    } catch (error) {
      if (!(error instanceof FrameRefused) || error.code !== "fetch_too_large" || this.#page === 1) throw error;
      this.#page = Math.ceil(this.#page / 2); // a server with a low limits.fetch_ids
      await this.#fetchRange(from, Math.min(to, from + this.#page - 1));
    }
  }

  async #fetch(which) {
    const socket = this.#socket;
    if (this.state !== "live") throw new Unreachable();
    const changeId = this.#changeId;
    const answer = await socket.fetch(which);
    if (answer.log !== this.log.token) {
      socket.drop(); // the next connection starts afresh
      throw new Unreachable();
    }
    // What changed meanwhile may have been ignored, since the messages were unknown: the server sends it again.
    this.#changeId = Math.min(this.#changeId, changeId);
    return answer;
  }

  /** The user has changed something, which is shown before the server has answered; or it has refused. */
  #changedHere(error) {
    if (error) this.dispatchEvent(new CustomEvent("refused", { detail: error }));
    this.#emit("log");
  }

  #addMessages(messages) {
    this.log.add(messages);
    this.#settleOutbox();
    this.#emit("log");
  }

  #settleOutbox() {
    const before = this.outbox.entries;
    this.outbox.arrived(this.log.end);
    if (before !== this.outbox.entries) this.#emit("outbox");
  }

  #sendMark() {
    clearTimeout(this.#markTimer);
    this.#markTimer = null;
    if (this.state === "live") this.#socket.send("set_last_read", { message_id: this.log.readTo });
  }

  #setState(state) {
    this.state = state;
    this.#emit("state");
  }

  #emit(name) {
    this.dispatchEvent(new Event(name));
  }
}

/** Whether a fetched message is the known one of its id, if one is known. */
function isSame(found, known = found) {
  return found !== undefined && found.timestamp === known.timestamp && found.user_id === known.user_id;
}
