// The messages of a room as one scrolls through them. Only a window of the log is in the page: rows are added at the end that comes near,
// and taken away at the other, and what is being read stays where it is.

import { h } from "./dom.js";

const MOST_ROWS = 140;
const STEP = 30;
const NEAR_PX = 900;
const FAR_PX = 1500;
const AHEAD = 80;
const AT_BOTTOM_PX = 48;

export class Feed {
  #conversation;
  #row;
  #pendingRow;
  #onread;
  #first = 1; // the ids in the page are first to last; none if last < first
  #last = 0;
  #sticks = true; // to the end, whatever comes
  #asking = false;
  #drawing = false;
  #isPlaced = false; // whether anybody has said where to be
  #target = null; // the id that is to be shown as soon as it is known
  #endShown = 0;
  #renames = 0;
  #generation;

  /**
   * row: makes the row of a message, given it and the one before it. pendingRow: of an entry of the outbox.
   * onread: told of the last id that has been seen.
   */
  constructor(conversation, { row, pendingRow, onread }) {
    this.#conversation = conversation;
    this.#generation = conversation.log.generation;
    this.#row = row;
    this.#pendingRow = pendingRow;
    this.#onread = onread;
    this.note = h("p", { class: "feed-note", role: "status" });
    this.list = h("div", { class: "feed", role: "feed", "aria-label": "Messages", "aria-busy": "false" });
    this.pending = h("div", { class: "pending-list", role: "group", "aria-label": "Messages on their way" });
    this.element = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Conversation" }, h("div", { class: "column" }, this.note, this.list, this.pending));
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.element.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#sticks && this.#toBottom()).observe(this.element);
  }

  get #log() {
    return this.#conversation.log;
  }

  /** Whether the end of the log is in sight. */
  get atEnd() {
    return this.#sticks;
  }

  /** How many messages there are beyond the window, or below what is in sight. */
  get newBelow() {
    return this.#sticks ? 0 : Math.max(0, this.#log.end - Math.max(this.#endShown, this.#log.readTo));
  }

  /** Where to begin: at this message, or at the end if it is null; unless the person has wished to be elsewhere before anything was there. */
  begin(id) {
    if (this.#isPlaced) return;
    if (id === null) this.showEnd();
    else this.show(id);
  }

  /** Goes to a message and has it a third down the page, now or as soon as it is known where it is. */
  show(id) {
    this.#isPlaced = true;
    this.#sticks = false;
    this.#target = id;
    this.update();
  }

  /** Goes to the end of the log, and stays there. */
  showEnd() {
    this.#isPlaced = true;
    this.#target = null;
    if (this.#last < this.#log.end) this.#clear(this.#log.end + 1);
    this.#sticks = true;
    this.update();
  }

  /** Draws what has changed; at once for many changes. */
  update() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  /** Draws all rows anew: what they say of days, names or the line of what is new has changed. */
  redraw() {
    this.#keepingPlace(() => {
      for (const row of [...this.list.children]) row.replaceWith(this.#made(Number(row.dataset.id)));
    });
  }

  drawPending() {
    const rows = this.#last >= this.#log.end ? this.#conversation.outbox.entries.map((entry) => this.#pendingRow(entry)) : [];
    this.#keepingPlace(() => this.pending.replaceChildren(...rows));
  }

  // --- the window

  #clear(id) {
    this.list.replaceChildren();
    this.#first = id;
    this.#last = id - 1;
  }

  #draw() {
    const log = this.#log;
    if (log.generation !== this.#generation) this.#startOver();
    else if (log.first > this.#first) this.#dropRemoved();
    if (log.renames !== this.#renames) this.redraw();
    this.#renames = log.renames;
    if (this.#target !== null) this.#aim();
    if (this.#sticks && log.end - this.#last > MOST_ROWS) this.#clear(log.end + 1);
    let added = 0;
    this.#keepingPlace(() => {
      added = this.#fill();
      this.#trim();
      this.drawPending();
    });
    this.#showTarget();
    log.lookAt(this.#first, this.#last);
    this.#tellState();
    this.#ask();
    if (added) this.update(); // perhaps it is not enough yet
  }

  /** The room was made anew: nothing that is shown is in it. */
  #startOver() {
    this.#generation = this.#log.generation;
    this.#endShown = 0;
    this.#sticks = this.#target === null;
    this.#clear(this.#log.end + 1);
  }

  /** Has the window where the target is. One beyond the known end is waited for until the connection tells where that is now. */
  #aim() {
    const { first, end } = this.#log;
    const mayCome = this.#target > end && !["live", "over"].includes(this.#conversation.state);
    if (!mayCome) this.#target = Math.max(first, Math.min(this.#target, end));
    if (!mayCome && end < first) this.showEnd();
    else if (!this.#rowOf(this.#target) && this.#first !== this.#target) this.#clear(this.#target);
  }

  /** The log begins later than it did: what was before that has been removed. */
  #dropRemoved() {
    const { first } = this.#log;
    for (const row of [...this.list.children]) if (Number(row.dataset.id) < first) row.remove();
    this.#first = first;
    this.#last = Math.max(this.#last, first - 1);
  }

  /** Adds rows where they will soon be in sight; returns how many. */
  #fill() {
    if (this.#target !== null && !this.#log.get(this.#target)) return 0; // what is round it comes after it
    const before = this.list.childElementCount;
    const scroller = this.element;
    const empty = this.#last < this.#first;
    if (empty || this.#sticks || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_PX) {
      this.#extendDown(this.#sticks ? MOST_ROWS : STEP);
    }
    if (empty || scroller.scrollTop < NEAR_PX) this.#extendUp(STEP);
    return this.list.childElementCount - before;
  }

  #extendDown(most) {
    const rows = [];
    while (rows.length < most && this.#last < this.#log.end && this.#log.get(this.#last + 1)) rows.push(this.#made(++this.#last));
    this.list.append(...rows);
  }

  #extendUp(most) {
    const rows = [];
    const before = this.#first;
    while (rows.length < most && this.#first > this.#log.first && this.#log.get(this.#first - 1)) rows.unshift(this.#made(--this.#first));
    if (rows.length === 0) return;
    const joint = this.list.firstElementChild;
    this.list.prepend(...rows);
    joint?.replaceWith(this.#made(before)); // it knows now what is before it
  }

  /** Takes rows away that are far from what is in sight, if there are many. */
  #trim() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const top = this.#sticks ? scrollHeight - clientHeight : scrollTop;
    const isFar = (row) => row.offsetTop + row.offsetHeight < top - FAR_PX || row.offsetTop > top + clientHeight + FAR_PX;
    const rows = [...this.list.children];
    const excess = rows.length - MOST_ROWS;
    if (excess <= 0) return;
    const above = rows.slice(0, excess).filter(isFar);
    const goes = above.length ? above : rows.slice(-excess).filter(isFar);
    goes.forEach((row) => row.remove());
    if (above.length) this.#first += goes.length;
    else this.#last -= goes.length;
  }

  #made(id) {
    return this.#row(this.#log.get(id), this.#log.get(id - 1));
  }

  /** Asks for what is needed next, before it is in sight. */
  async #ask() {
    if (this.#asking) return;
    const log = this.#log;
    const down = this.#last < log.end && log.missing(this.#last + 1, this.#last + AHEAD);
    const up = this.#first > log.first && log.missing(this.#first - AHEAD, this.#first - 1);
    const near = this.element.scrollTop < 3 * NEAR_PX || this.#last < this.#first;
    const range = down || (near && up);
    if (!range) {
      this.list.setAttribute("aria-busy", "false");
      return;
    }
    this.#asking = true;
    this.list.setAttribute("aria-busy", "true");
    try {
      await this.#conversation.need(...range);
    } catch {
      return; // the next connection brings it: "state" has this drawn again
    } finally {
      this.#asking = false;
    }
    this.update();
  }

  // --- the place

  /** Makes a change without moving what is in sight, or stays at the end. */
  #keepingPlace(change) {
    const { element } = this;
    const anchor = this.#sticks ? null : this.#anchor();
    const offset = anchor && anchor.offsetTop - element.scrollTop;
    const id = anchor?.dataset.id;
    change();
    if (this.#sticks) this.#toBottom();
    else if (anchor) {
      const now = anchor.isConnected ? anchor : this.#rowOf(id);
      if (now) element.scrollTop = now.offsetTop - offset;
    }
  }

  /** The row below the first one in sight, which may change its height: what is before it shows in it. */
  #anchor() {
    const top = this.element.scrollTop;
    const rows = this.list.children;
    let low = 0;
    let high = rows.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].offsetTop + rows[middle].offsetHeight > top) high = middle;
      else low = middle + 1;
    }
    return rows[low + 1] ?? rows[low] ?? null;
  }

  #lastInSight() {
    const bottom = this.element.scrollTop + this.element.clientHeight;
    const rows = this.list.children;
    for (let index = rows.length - 1; index >= 0; index--) {
      if (rows[index].offsetTop + Math.min(rows[index].offsetHeight, 24) <= bottom) return Number(rows[index].dataset.id);
    }
    return 0;
  }

  #rowOf(id) {
    return this.list.querySelector(`[data-id="${id}"]`);
  }

  #toBottom() {
    this.element.scrollTop = this.element.scrollHeight;
  }

  #showTarget() {
    const row = this.#target !== null && this.#rowOf(this.#target);
    if (!row) return;
    this.element.scrollTop = row.offsetTop - this.element.clientHeight / 3;
    this.#target = null;
    this.#keepingPlace(() => this.#fill());
    this.#scrolled();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    if (this.#target === null) {
      this.#sticks = this.#last >= this.#log.end && scrollHeight - scrollTop - clientHeight < AT_BOTTOM_PX;
    }
    this.#tellState();
    this.update();
  }

  #tellState() {
    const seen = this.#lastInSight();
    if (seen > this.#endShown) this.#endShown = seen;
    if (seen) this.#onread(seen);
    const isAtBeginning = this.#target === null && this.#first <= this.#log.first;
    const isOffline = ["waiting", "over"].includes(this.#conversation.state);
    const text = isAtBeginning ? this.#beginning() : isOffline ? "Older messages need a connection." : "Loading …";
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  #beginning() {
    if (this.#log.end < this.#log.first) return this.#conversation.state === "live" ? "Nothing has been said here yet." : "";
    return this.#log.first > 1 ? "Older messages have been removed." : "The conversation begins here.";
  }

  // --- keys: up and down from message to message, Home and End to the ends of the log

  #key(event) {
    const row = event.target.closest?.(".message");
    const steps = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Home") this.show(this.#log.first);
    else if (event.key === "End") this.showEnd();
    else if (steps && event.target === row) this.#focus(steps < 0 ? row.previousElementSibling : row.nextElementSibling);
    else if (steps && event.target === this.element && event.key === "ArrowUp") this.#focus(this.#rowOf(this.#lastInSight()));
    else return;
    event.preventDefault();
  }

  /** Puts the focus on a row, whose buttons are then within reach of the tab key, and no others. */
  #focus(row) {
    if (!row) return;
    for (const button of this.list.querySelectorAll('.message [tabindex="0"]')) button.tabIndex = -1;
    for (const button of row.querySelectorAll("button, .time")) button.tabIndex = 0;
    row.focus();
    row.scrollIntoView({ block: "nearest" });
  }
}
