// Which of this browser's tabs speaks for all, and which rooms are being read in any of them.
//
// Locks tell both (Web Locks): the browser releases those of a tab that ends in any way. Without them, which is so on pages over plain
// HTTP, the tab that was used last speaks.

import { openChannel } from "./tabs.js";

export class Speaker {
  #name;
  #isFirst = false; // whether this tab holds the lock of the speaker
  #usedLast = null; // in place of locks
  #room = null; // the room that is read in this tab
  #leaveRoom = () => {};
  #end = () => {};
  #waiting = new AbortController();

  /** name: the same in all tabs of a user. */
  constructor(name) {
    this.#name = name;
    const ended = new Promise((resolve) => (this.#end = resolve));
    const speak = () => {
      this.#isFirst = true;
      return ended;
    };
    if (navigator.locks) navigator.locks.request(name, { signal: this.#waiting.signal }, speak).catch(() => this.#withoutLocks());
    else this.#withoutLocks();
  }

  /** Whether this tab speaks now. */
  get isThisTab() {
    return this.#usedLast?.isThisTab ?? this.#isFirst;
  }

  /** The user reads this room in this tab; null: no room, or the tab is hidden. */
  reads(roomId) {
    if (roomId === this.#room) return;
    this.#room = roomId;
    this.#leaveRoom();
    if (roomId === null || this.#usedLast !== null) return;
    const left = new Promise((resolve) => (this.#leaveRoom = resolve));
    navigator.locks.request(this.#lockOf(roomId), { mode: "shared" }, () => left).catch(() => {});
  }

  /** Returns a function that says whether a room is being read in any tab. */
  async readers() {
    if (this.#usedLast !== null) return (roomId) => roomId === this.#room;
    const { held } = await navigator.locks.query();
    const names = new Set(held.map(({ name }) => name));
    return (roomId) => names.has(this.#lockOf(roomId));
  }

  stop() {
    this.reads(null);
    this.#isFirst = false;
    this.#end();
    this.#waiting.abort();
    this.#usedLast?.stop();
  }

  #lockOf(roomId) {
    return `${this.#name}.room.${roomId}`;
  }

  #withoutLocks() {
    if (!this.#waiting.signal.aborted) this.#usedLast = new UsedLast(this.#name);
  }
}

/** Two tabs may speak for a while after the one that was used last has ended. Silence would be worse. */
class UsedLast {
  isThisTab = true;
  #tabs;

  constructor(name) {
    this.#tabs = openChannel(name);
    this.#tabs?.addEventListener("message", ({ data: { isUsed } }) => (this.isThisTab = !isUsed));
    window.addEventListener("focus", this.#used);
    window.addEventListener("pagehide", this.#left);
    this.#used();
  }

  stop() {
    window.removeEventListener("focus", this.#used);
    window.removeEventListener("pagehide", this.#left);
    this.#left();
    this.isThisTab = false;
    this.#tabs?.close();
  }

  #used = () => {
    this.isThisTab = true;
    this.#tabs?.postMessage({ isUsed: true });
  };

  #left = () => this.isThisTab && this.#tabs?.postMessage({ isUsed: false });
}
