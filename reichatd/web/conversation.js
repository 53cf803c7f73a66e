// A room's conversation: one WebSocket after the other, and nothing missed and nothing twice in between.

import { Log } from "./log.js";
import { LEFT_TO_ITS_TAB_MS, Outbox } from "./outbox.js";
import { FrameRefused, Socket } from "./socket.js";
import { Unreachable } from "./api.js";

const PAGE = 100;
const MARK_MS = 400;
const BUSY_MS = 2_000;
const OFFLINE_ANSWER_MS = 3_000;
const LONGEST_WAIT_MS = 30_000;
const GOING_DOWN_MS = 5_000;
const GOING_DOWN = 1001;
const NOT_WELCOME = 1008;
const TOO_BIG = 1009;
const HOPELESS = ["bad_content", "bad_frame"]; // the same message would be refused again

/**
 * `state` is "resting", "connecting", "live", "waiting" (for the next try) or "over" (`why` says why).
 *
 * Events: "state"; "log" (messages have come, or the read mark has moved); "read" (the person has read on here); "outbox".
 */
export class Conversation extends EventTarget {
  state = "resting";
  why = "";
  #api;
  #userId;
  #roomId;
  #socket = null;
  #running = false;
  #wake = () => {};
  #page = PAGE;
  #underWay = null; // the nonce that is waiting for its ack: one at a time, so that their order is the person's
  #markTimer = null;
  #beginsAtEnd = false;

  constructor(api, userId, roomId) {
    super();
    this.#api = api;
    this.#userId = userId;
    this.#roomId = roomId;
    this.log = new Log();
    this.outbox = new Outbox(userId, roomId);
    window.addEventListener("storage", this.#elsewhere);
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    window.addEventListener("online", this.#online);
    window.addEventListener("offline", this.#offline);
    document.addEventListener("visibilitychange", this.#seenAgain);
    this.#run();
  }

  stop() {
    if (this.#markTimer !== null) this.#sendMark(); // it would find no socket later
    this.#running = false;
    window.removeEventListener("online", this.#online);
    window.removeEventListener("offline", this.#offline);
    window.removeEventListener("storage", this.#elsewhere);
    document.removeEventListener("visibilitychange", this.#seenAgain);
    this.#socket?.drop();
    this.#wake();
  }

  /** Tries to connect now instead of later. */
  hurry() {
    this.#wake();
  }

  /** Takes a message to be sent, now or as soon as there is a connection. */
  send(content) {
    this.outbox.add(content);
    this.#emit("outbox");
    this.#sendNext();
  }

  /** Whether a message waits to be sent. */
  get hasUnsent() {
    return this.state !== "over" && this.outbox.next !== undefined;
  }

  retry(nonce) {
    this.outbox.again(nonce);
    this.#emit("outbox");
    this.#sendNext();
  }

  /** What was said before the next connection counts as read: the person has only just joined. */
  beginAtEnd() {
    this.#beginsAtEnd = true;
  }

  discard(nonce) {
    this.outbox.discard(nonce);
    this.#emit("outbox");
  }

  /** The person has read up to this id. The server is told a little later, and after the next connect if there is none. */
  markRead(id) {
    if (id <= this.log.readTo) return;
    this.readElsewhere(id);
    this.#emit("read");
    this.#markTimer ??= setTimeout(() => this.#sendMark(), MARK_MS);
  }

  /** The person has read up to this id in another tab or on another device, as the server knows. */
  readElsewhere(id) {
    if (id <= this.log.readTo) return;
    this.log.readTo = id;
    this.#emit("log");
  }

  /** Has what is not known of these ids fetched. Throws Unreachable if there is no connection, and FrameRefused. */
  async need(from, to) {
    for (let range; (range = this.log.missing(from, to)); ) {
      const upTo = Math.min(range[1], range[0] + this.#page - 1);
      await this.#fetch(this.#socket, range[0], upTo);
      const left = this.log.missing(from, to);
      if (left && left[0] === range[0]) throw new Unreachable(); // the server does not have what it should
    }
  }

  // --- the connection

  async #run() {
    for (let failures = 0; this.#running; failures++) {
      this.#enter("connecting");
      const end = await this.#connection();
      if (this.state === "live") failures = 0;
      if (!this.#running) return;
      this.#enter("waiting");
      if (end.code === NOT_WELCOME && (await this.#isOver())) return;
      await this.#pause(wait(end, failures));
    }
  }

  /** One connection from its ticket to its end; how it ended. */
  async #connection() {
    try {
      const { ticket } = await this.#api.call("POST", "/ws/ticket");
      const socket = new Socket(this.#roomId, ticket, (frame) => this.#take(socket, frame));
      this.#socket = socket;
      if (!this.#running) socket.drop();
      const end = await socket.closed;
      if (end.code === TOO_BIG) this.#fail(this.#underWay, "It is too big for this server.", true);
      return end;
    } catch {
      return {};
    } finally {
      this.#socket = this.#underWay = null;
    }
  }

  async #pause(ms) {
    const timer = setTimeout(() => this.#wake(), ms);
    await new Promise((resolve) => (this.#wake = resolve));
    clearTimeout(timer);
    this.#wake = () => {};
  }

  /** Whether the server has closed the conversation for good. */
  async #isOver() {
    try {
      const { room } = await this.#api.call("GET", `/room/${encodeURIComponent(this.#roomId)}`);
      this.why = room.users.includes(this.#userId) ? "" : "You are no longer a member of this room.";
    } catch (error) {
      this.why = error.status === 404 ? "This room has been deleted." : "";
    }
    if (this.why === "") return false;
    this.stop();
    this.#enter("over");
    return true;
  }

  #online = () => this.#wake();
  // The browser may be wrong, or the server on this very machine: what counts is whether it answers.
  #offline = () => this.#socket?.check(OFFLINE_ANSWER_MS);
  #seenAgain = () => {
    if (document.visibilityState !== "visible") return;
    this.#wake();
    this.#socket?.check();
  };

  // --- frames

  #take(socket, frame) {
    switch (frame.type) {
      case "initial_state":
        this.#begin(socket, frame).catch(() => socket.drop());
        break;
      case "latest_message":
        this.#latest(frame.message);
        break;
      case "ack":
        this.#acknowledged(frame);
        break;
      case "error":
        // A bad frame's nonce may not have been readable; of our frames, none but a message can be bad.
        if (frame.nonce !== undefined || frame.code === "bad_frame") this.#refused({ nonce: this.#underWay, ...frame });
    }
  }

  #latest(message) {
    const { message_id: id, user_id: userId } = message;
    if (id <= this.log.end) return;
    if (userId === this.#userId) this.log.readTo = Math.max(this.log.readTo, id); // as the server does, whichever device it was
    this.#absorb([message]);
  }

  async #begin(socket, { last_read_id: readTo, messages, first_id: firstId, last_id: lastId }) {
    await this.#recognise(socket);
    this.log.beginAt(firstId);
    this.log.endAt(lastId);
    this.log.readTo = Math.max(this.log.readTo, this.#beginsAtEnd ? this.log.end : readTo);
    this.#beginsAtEnd = false;
    this.#absorb(messages);
    socket.send("listen_latest", { after_id: this.log.end });
    this.#enter("live");
    this.#sendMark();
    this.#sendNext();
  }

  /**
   * Forgets everything if the log is another one than before: its room was deleted and made again under the same id, or a backup was
   * restored. The end need not be known: there may be more that is unread than was fetched.
   */
  async #recognise(socket) {
    const { newest, end } = this.log;
    if (end === 0) return;
    for (const id of new Set([newest?.message_id ?? end, end])) {
      const { messages, first_id: firstId = 1 } = await socket.fetch(id, id);
      if (firstId > id || isSame(messages[0], this.log.get(id))) continue;
      this.log.forget();
      this.outbox.arrived(Infinity);
      return;
    }
  }

  async #fetch(socket, from, to) {
    if (socket === null) throw new Unreachable();
    try {
      const answer = await socket.fetch(from, to);
      this.log.beginAt(answer.first_id);
      this.#absorb(answer.messages);
      return answer;
    } catch (error) {
      if (!(error instanceof FrameRefused) || error.code !== "fetch_too_large" || this.#page === 1) throw error;
      this.#page = Math.ceil(this.#page / 2); // a server with a low limits.fetch_ids
      return this.#fetch(socket, from, Math.min(to, from + this.#page - 1));
    }
  }

  #absorb(messages) {
    this.log.absorb(messages);
    this.#settleOutbox();
    this.#emit("log");
  }

  // --- sending

  #sendNext() {
    const entry = this.outbox.next;
    if (this.state !== "live" || this.#socket === null || this.#underWay !== null || entry === undefined) return;
    const problem = this.#api.about.problemOf(entry.content);
    if (problem) {
      this.#fail(entry.nonce, problem, true);
      this.#sendNext();
      return;
    }
    this.#underWay = entry.nonce;
    this.#socket.send("message", { content: entry.content, nonce: entry.nonce });
  }

  #acknowledged({ nonce, message_id: id }) {
    this.outbox.acknowledged(nonce, id);
    this.log.readTo = Math.max(this.log.readTo, id); // as the server does
    this.#settleOutbox();
    this.#emit("outbox");
    this.#underWay = null;
    this.#sendNext();
  }

  #refused({ nonce, code, message, retry_after: seconds }) {
    const again = () => {
      if (this.#underWay !== nonce) return;
      this.#underWay = null;
      this.#sendNext();
    };
    if (code === "rate_limited") setTimeout(again, seconds * 1000);
    else if (code === "unavailable") setTimeout(again, BUSY_MS);
    else {
      this.#fail(nonce, message, HOPELESS.includes(code));
      again();
    }
  }

  #fail(nonce, problem, isFinal) {
    this.outbox.failed(nonce, problem, isFinal);
    this.#emit("outbox");
    if (isFinal) this.#api.about.ask(); // what is allowed may have changed
  }

  /** Another tab has changed what waits here. */
  #elsewhere = (event) => {
    if (!this.outbox.heard(event)) return;
    this.#emit("outbox");
    setTimeout(() => this.#sendNext(), LEFT_TO_ITS_TAB_MS + 1);
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

  #enter(state) {
    this.state = state;
    this.#emit("state");
  }

  #emit(name) {
    this.dispatchEvent(new Event(name));
  }
}

/** Whether a message that was found is the one that is known under its id, if any is. */
function isSame(found, known = found) {
  return found !== undefined && found.timestamp === known.timestamp && found.user_id === known.user_id;
}

/**
 * How long to wait before the next try, in milliseconds: at random, so that not everybody comes back at once. A server that
 * goes down has drawn the time for each of its clients.
 */
function wait({ code, reason = "" }, failures) {
  if (code === GOING_DOWN && failures === 0) {
    const drawn = /retry-after-ms=(\d+)/.exec(reason);
    return drawn ? Math.min(LONGEST_WAIT_MS, Number(drawn[1])) : Math.random() * GOING_DOWN_MS;
  }
  return Math.min(LONGEST_WAIT_MS, 1000 * 2 ** failures) * (0.5 + Math.random() / 2);
}
