// Sends the messages of an outbox, one at a time to keep their order.

import { OWN_TAB_MS } from "./outbox.js";
import { refusalText, texts } from "./texts.js";
import { endTime } from "./time.js";

const BUSY_MS = 2_000;
const LONG_WAIT_MS = 2_000; // the user is told of a longer one
const FINAL_CODES = ["bad_content", "bad_frame"]; // the server would refuse the same message again

export class Sender {
  #outbox;
  #serverInfo;
  #emit;
  #socket = null;
  #inFlight = null; // the nonce that waits for its ack
  #waitsFor = null; // the nonce of the message in flight, if the server has refused it for some time
  #waitTimer;

  /** emit: called with "outbox" when the outbox has changed, and with "restricted" if the user may not post now. */
  constructor(outbox, serverInfo, emit) {
    this.#outbox = outbox;
    this.#serverInfo = serverInfo;
    this.#emit = emit;
  }

  connected(socket) {
    this.#socket = socket;
    this.#sendNext();
  }

  disconnected() {
    this.#socket = this.#inFlight = this.#waitsFor = null;
    clearTimeout(this.#waitTimer);
  }

  /** Queues a message, and sends it as soon as there is a connection. options: those of `Outbox.add`. */
  add(content, options) {
    this.#outbox.add(content, options);
    this.#changed();
  }

  again(nonce) {
    this.#outbox.again(nonce);
    this.#changed();
  }

  discard(nonce) {
    this.#outbox.discard(nonce);
    this.#emit("outbox");
    if (nonce === this.#waitsFor) this.#endWait();
  }

  /** Another tab has changed the outbox, if this "storage" event says so. */
  storageChanged(event) {
    if (!this.#outbox.applyChange(event)) return;
    this.#emit("outbox");
    setTimeout(() => this.#sendNext(), OWN_TAB_MS + 1);
  }

  acknowledged({ nonce, message_id: id }) {
    this.#outbox.acknowledged(nonce, id);
    this.#inFlight = null;
    this.#sendNext();
  }

  /** An error frame; without a nonce, which the server may not be able to read, it is about the message in flight. */
  refused({ nonce = this.#inFlight, code, message, retry_after: seconds, until }) {
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

  /** The connection has ended because a frame was too big: the message in flight, if there is one. Returns whether there is. */
  tooBig() {
    if (this.#inFlight === null) return false;
    this.#fail(this.#inFlight, texts.writing.tooBigForServer, true);
    return true;
  }

  #changed() {
    this.#emit("outbox");
    this.#sendNext();
  }

  #sendNext() {
    const entry = this.#outbox.next;
    if (this.#socket === null || this.#inFlight !== null || entry === undefined) return;
    const problem = this.#serverInfo.lengthProblem(entry.content);
    if (problem) {
      this.#fail(entry.nonce, problem, true);
      this.#sendNext();
      return;
    }
    this.#inFlight = entry.nonce;
    this.#socket.send("message", { content: entry.content, nonce: entry.nonce, reply_to: entry.replyTo, mentions: entry.mentions });
  }

  /** Sends the message in flight again after this time, and no other one before it. */
  #wait(nonce, ms) {
    if (nonce !== this.#inFlight) return;
    this.#waitsFor = nonce;
    clearTimeout(this.#waitTimer);
    this.#waitTimer = setTimeout(() => this.#endWait(), ms);
    if (ms <= LONG_WAIT_MS) return;
    this.#outbox.waits(nonce, Date.now() + ms);
    this.#emit("outbox");
    this.#emit("restricted");
  }

  #endWait() {
    clearTimeout(this.#waitTimer);
    this.#waitsFor = this.#inFlight = null;
    this.#sendNext();
  }

  #fail(nonce, problem, isFinal) {
    this.#outbox.failed(nonce, problem, isFinal);
    this.#emit("outbox");
    if (isFinal) this.#serverInfo.refresh(); // the limits may have changed
  }
}
