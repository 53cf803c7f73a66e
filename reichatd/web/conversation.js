// A room's conversation. It reconnects when a WebSocket ends; no message is missed and none appears twice.

import { Unreachable } from "./api.js";
import { Outbox, OWN_TAB_MS } from "./outbox.js";
import { RoomLog } from "./room-log.js";
import { FrameRefused, Socket } from "./socket.js";
import { refusalText, texts } from "./texts.js";
import { endTime } from "./time.js";

const PAGE = 100;
const MARK_MS = 400;
const BUSY_MS = 2_000;
const LONG_WAIT_MS = 2_000; // the user is told of a longer one
const OFFLINE_ANSWER_MS = 3_000;
const LONGEST_WAIT_MS = 30_000;
const GOING_AWAY_MS = 5_000;
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const TOO_BIG = 1009;
const TRY_AGAIN_LATER = 1013;
const FINAL_CODES = ["bad_content", "bad_frame"]; // the server would refuse the same message again

/**
 * `state` is "resting" (not started), "connecting", "live", "waiting" (for the next try) or "over" (`reason` says why).
 *
 * Events: "state"; "log" (messages have arrived, or the read mark has moved); "read" (the user has read on in this tab); "outbox";
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
  #running = false;
  #wake = () => {};
  #page = PAGE;
  #inFlight = null; // the nonce that waits for its ack: one at a time, to keep the order
  #waitsFor = null; // the nonce of the message in flight, if the server has refused it for some time
  #waitTimer;
  #markTimer = null;
  #beginsAtEnd = false;

  constructor(api, userId, roomId) {
    super();
    this.#api = api;
    this.#userId = userId;
    this.#roomId = roomId;
    this.log = new RoomLog();
    this.outbox = new Outbox(userId, roomId);
    window.addEventListener("storage", this.#storageChanged);
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    window.addEventListener("online", this.#online);
    window.addEventListener("offline", this.#offline);
    document.addEventListener("visibilitychange", this.#visibilityChanged);
    this.#run();
  }

  /** Gives up the connection until the next start. It is live, or this is the event "crowded". */
  rest() {
    this.#disconnect();
    this.#setState("resting");
  }

  stop() {
    this.#disconnect();
    window.removeEventListener("storage", this.#storageChanged);
  }

  /** Ends the pause before the next try. */
  retryNow() {
    this.#wake();
  }

  /** Queues a message, and sends it as soon as there is a connection. */
  send(content) {
    this.outbox.add(content);
    this.#emit("outbox");
    this.#sendNext();
  }

  /** Whether a message waits for being sent. */
  get hasUnsent() {
    return this.state !== "over" && this.outbox.next !== undefined;
  }

  retry(nonce) {
    this.outbox.again(nonce);
    this.#emit("outbox");
    this.#sendNext();
  }

  /** Messages before the next connection count as read: the user has just joined. */
  beginAtEnd() {
    this.#beginsAtEnd = true;
  }

  discard(nonce) {
    this.outbox.discard(nonce);
    this.#emit("outbox");
    if (nonce === this.#waitsFor) this.#endWait();
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

  /** Fetches the unknown messages of these ids. Throws Unreachable if there is no connection, or FrameRefused. */
  async fetchMissing(from, to) {
    for (let range; (range = this.log.missing(from, to)); ) {
      const upTo = Math.min(range[1], range[0] + this.#page - 1);
      await this.#fetch(this.#socket, range[0], upTo);
      const left = this.log.missing(from, to);
      if (left && left[0] === range[0]) throw new Unreachable(); // the server lacks a message that it should have
    }
  }

  // --- the connection

  #disconnect() {
    if (this.#markTimer !== null) this.#sendMark(); // while there is a socket
    this.#running = false;
    window.removeEventListener("online", this.#online);
    window.removeEventListener("offline", this.#offline);
    document.removeEventListener("visibilitychange", this.#visibilityChanged);
    this.#socket?.drop();
    this.#wake();
  }

  async #run() {
    for (let failures = 0; this.#running; failures++) {
      this.#setState("connecting");
      const end = await this.#connection();
      if (this.state === "live") failures = 0;
      else if (this.#running && end.code === TRY_AGAIN_LATER) this.#emit("crowded");
      if (!this.#running) return;
      this.#setState("waiting");
      if (end.code === POLICY_VIOLATION && (await this.#isOver())) return;
      await this.#pause(pauseBefore(end, failures));
    }
  }

  /** Runs one connection from its ticket to its end; returns its close code and reason. */
  async #connection() {
    try {
      const { ticket } = await this.#api.call("POST", "/ws/ticket");
      const socket = new Socket(this.#roomId, ticket, (frame) => this.#handle(socket, frame));
      this.#socket = socket;
      if (!this.#running) socket.drop();
      const end = await socket.closed;
      if (end.code === TOO_BIG) this.#fail(this.#inFlight, texts.writing.tooBigForServer, true);
      return end;
    } catch {
      return {};
    } finally {
      this.#socket = this.#inFlight = this.#waitsFor = null;
      clearTimeout(this.#waitTimer);
    }
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
    this.stop();
    this.#setState("over");
    return true;
  }

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
      case "ack":
        this.#acknowledged(frame);
        break;
      case "error":
        // The server may not be able to read a bad frame's nonce. Only our message frames can be bad.
        if (frame.nonce !== undefined || frame.code === "bad_frame") this.#refused({ nonce: this.#inFlight, ...frame });
    }
  }

  #latest(message) {
    const { message_id: id, user_id: userId } = message;
    if (id <= this.log.end) return;
    if (userId === this.#userId) this.log.readTo = Math.max(this.log.readTo, id); // as the server does, for any device
    this.#addMessages([message]);
    if (id > this.log.readTo) this.dispatchEvent(new CustomEvent("arrived", { detail: message }));
  }

  async #accepted(socket, { last_read_id: readTo, messages, first_id: firstId, last_id: lastId }) {
    await this.#checkSameLog(socket);
    this.log.beginAt(firstId);
    this.log.endAt(lastId);
    this.log.readTo = Math.max(this.log.readTo, this.#beginsAtEnd ? this.log.end : readTo);
    this.#beginsAtEnd = false;
    this.#addMessages(messages);
    socket.send("listen_latest", { after_id: this.log.end });
    this.#setState("live");
    this.#sendMark();
    this.#sendNext();
  }

  /**
   * Clears the log if it is not the same as before: the room was deleted and created again under the same id, or a backup was
   * restored. The last message may be unknown, if there is more unread than was fetched; so the newest known one is checked too.
   */
  async #checkSameLog(socket) {
    const { newest, end } = this.log;
    if (end === 0) return;
    for (const id of new Set([newest?.message_id ?? end, end])) {
      const { messages, first_id: firstId = 1 } = await socket.fetch(id, id);
      if (firstId > id || isSame(messages[0], this.log.get(id))) continue;
      this.log.clear();
      this.outbox.arrived(Infinity);
      return;
    }
  }

  async #fetch(socket, from, to) {
    if (socket === null) throw new Unreachable();
    try {
      const answer = await socket.fetch(from, to);
      this.log.beginAt(answer.first_id);
      this.#addMessages(answer.messages);
      return answer;
    } catch (error) {
      if (!(error instanceof FrameRefused) || error.code !== "fetch_too_large" || this.#page === 1) throw error;
      this.#page = Math.ceil(this.#page / 2); // a server with a low limits.fetch_ids
      return this.#fetch(socket, from, Math.min(to, from + this.#page - 1));
    }
  }

  #addMessages(messages) {
    this.log.add(messages);
    this.#settleOutbox();
    this.#emit("log");
  }

  // --- sending

  #sendNext() {
    const entry = this.outbox.next;
    if (this.state !== "live" || this.#socket === null || this.#inFlight !== null || entry === undefined) return;
    const problem = this.#api.serverInfo.lengthProblem(entry.content);
    if (problem) {
      this.#fail(entry.nonce, problem, true);
      this.#sendNext();
      return;
    }
    this.#inFlight = entry.nonce;
    this.#socket.send("message", { content: entry.content, nonce: entry.nonce });
  }

  #acknowledged({ nonce, message_id: id }) {
    this.outbox.acknowledged(nonce, id);
    this.log.readTo = Math.max(this.log.readTo, id); // as the server does
    this.#settleOutbox();
    this.#emit("outbox");
    this.#inFlight = null;
    this.#sendNext();
  }

  #refused({ nonce, code, message, retry_after: seconds, until }) {
    if (code === "rate_limited") this.#wait(nonce, seconds * 1000);
    else if (code === "unavailable") this.#wait(nonce, BUSY_MS);
    else {
      const problem = refusalText({ code, message });
      this.#fail(nonce, until ? texts.time.until(problem, endTime(new Date(until))) : problem, FINAL_CODES.includes(code));
      if (code === "muted") this.#emit("restricted");
      if (nonce !== this.#inFlight) return;
      this.#inFlight = null;
      this.#sendNext();
    }
  }

  /** Sends the message in flight again after this time, and no other one before it. */
  #wait(nonce, ms) {
    if (nonce !== this.#inFlight) return;
    this.#waitsFor = nonce;
    clearTimeout(this.#waitTimer);
    this.#waitTimer = setTimeout(() => this.#endWait(), ms);
    if (ms <= LONG_WAIT_MS) return;
    this.outbox.waits(nonce, Date.now() + ms);
    this.#emit("outbox");
    this.#emit("restricted");
  }

  #endWait() {
    clearTimeout(this.#waitTimer);
    this.#waitsFor = this.#inFlight = null;
    this.#sendNext();
  }

  #fail(nonce, problem, isFinal) {
    this.outbox.failed(nonce, problem, isFinal);
    this.#emit("outbox");
    if (isFinal) this.#api.serverInfo.refresh(); // the limits may have changed
  }

  /** Another tab has changed the outbox. */
  #storageChanged = (event) => {
    if (!this.outbox.applyChange(event)) return;
    this.#emit("outbox");
    setTimeout(() => this.#sendNext(), OWN_TAB_MS + 1);
  };

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

/**
 * The pause before the next try, in milliseconds. It is random, so that clients do not reconnect all at once. A server that shuts
 * down has chosen a random pause for each client.
 */
function pauseBefore({ code, reason = "" }, failures) {
  if (code === GOING_AWAY && failures === 0) {
    const given = /retry-after-ms=(\d+)/.exec(reason);
    return given ? Math.min(LONGEST_WAIT_MS, Number(given[1])) : Math.random() * GOING_AWAY_MS;
  }
  return Math.min(LONGEST_WAIT_MS, 1000 * 2 ** failures) * (0.5 + Math.random() / 2);
}
