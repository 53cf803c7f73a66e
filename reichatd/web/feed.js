// The messages of a room as one scrolls through them. Only a window of the log is in the page: rows are added at the end that comes near,
// and taken away at the other, and what is being read stays where it is.

import { h } from "./dom.js";
import { MOST_ROWS, Rows } from "./rows.js";
import { copyMessages } from "./selection.js";
import { firstUnmoved, inSight } from "./sight.js";

const STEP = 30;
const NEAR_PX = 900;
const AHEAD = 80;
const AT_BOTTOM_PX = 48;
const ROUNDING_PX = 2; // positions are fractions where pixels are small

export class Feed {
  #conversation;
  #rows;
  #pendingRow;
  #onread;
  #sticks = true; // to the end, whatever comes, until the person scrolls up
  #top = 0; // where this class, or the last scroll event, left the scroller: from there the person moves it
  #reachesEnd = false; // whether the rows went to the end of the log when they were last drawn
  #seenFrom = Infinity; // all from this id to the last one in sight has been in sight, or was passed over on purpose
  #asking = false;
  #drawing = false;
  #pendingIsStale = true;
  #isClosed = false;
  #isPlaced = false; // whether anybody has said where to be
  #target = null; // the id that is to be shown as soon as it is known
  #endShown = 0;
  #renames = 0;
  #generation;
  #resizes;

  /**
   * row: makes the row of a message, given it and the one before it. pendingRow: of an entry of the outbox.
   * onread: told of the last id that has been seen, once all unread messages before it have been.
   */
  constructor(conversation, { row, pendingRow, onread }) {
    this.#conversation = conversation;
    this.#generation = conversation.log.generation;
    this.#rows = new Rows(conversation.log, row);
    this.#pendingRow = pendingRow;
    this.#onread = onread;
    this.note = h("p", { class: "feed-note", role: "status" });
    this.list = this.#rows.list;
    this.pending = h("div", { class: "pending-list", role: "group", "aria-label": "Messages on their way" });
    this.element = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Conversation" }, h("div", { class: "column" }, this.note, this.list, this.pending));
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.list.addEventListener("copy", (event) => copyMessages(event, this.list));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.#resizes = new ResizeObserver(() => this.#sticks && this.#toBottom());
    this.#resizes.observe(this.element);
    this.#resizes.observe(this.element.firstElementChild);
  }

  /** Draws and asks for nothing more: a scroller out of the page has no height, and would be filled without end. */
  close() {
    this.#isClosed = true;
    this.#resizes.disconnect();
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

  /**
   * Goes to a message and has it a third down the page, now or as soon as it is known where it is.
   *
   * isLinked: a link leads there: the message is marked, and gets the focus.
   */
  show(id, { isLinked = false } = {}) {
    this.#isPlaced = true;
    this.#sticks = false;
    this.#target = id;
    this.#seenFrom = Infinity;
    this.#rows.link(isLinked ? id : null);
    this.update();
  }

  /** Goes to the end of the log, and stays there. The person does so on purpose: what is passed over counts as read. */
  showEnd() {
    this.#isPlaced = true;
    this.#target = null;
    this.#seenFrom = 0;
    this.#rows.link(null);
    if (this.#log.end - this.#rows.last > STEP) this.#rows.clear(this.#log.end + 1);
    this.#sticks = true;
    this.update();
  }

  /** Draws what has changed; at once for many changes. */
  update() {
    if (this.#drawing || this.#isClosed) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  /** Draws all rows anew: what they say of days, names or the line of what is new has changed. */
  redraw() {
    if (this.#log.generation !== this.#generation) return; // all rows are about to go
    this.#keepingPlace(() => this.#rows.redraw());
  }

  /** As `update`, with the messages on their way. */
  updatePending() {
    this.#pendingIsStale = true;
    this.update();
  }

  // --- the window

  #draw() {
    if (this.#isClosed) return;
    const log = this.#log;
    if (log.generation !== this.#generation) this.#startOver();
    else if (log.first > this.#rows.first) this.#rows.dropRemoved();
    if (log.renames !== this.#renames) this.redraw();
    this.#renames = log.renames;
    if (this.#sticks && log.end - this.#rows.last > MOST_ROWS) this.#fallBehind();
    if (this.#target !== null) this.#aim();
    let added = 0;
    this.#keepingPlace(() => {
      added = this.#fill();
      this.#trim();
      this.#drawPending();
    });
    this.#showTarget();
    if (this.#target === null && this.#reachesEnd && this.#below < ROUNDING_PX) this.#sticks = true;
    log.lookAt(this.#rows.first, this.#rows.last);
    this.#tellState();
    this.#ask();
    if (added) this.update(); // perhaps it is not enough yet
  }

  /** More has come at once than the page may hold: the place is where the person has read to. */
  #fallBehind() {
    const next = Math.max(this.#rows.last, this.#log.readTo) + 1;
    if (this.#rows.last < this.#rows.first || next > this.#log.end) this.#rows.clear(this.#log.end + 1);
    else {
      this.#sticks = false;
      this.#target = next;
    }
  }

  /** The messages on their way are below the last one of the log, if that is in the page. */
  #drawPending() {
    const reachesEnd = this.#rows.last >= this.#log.end;
    if (!this.#pendingIsStale && reachesEnd === this.#reachesEnd) return;
    this.#pendingIsStale = false;
    this.#reachesEnd = reachesEnd;
    this.pending.replaceChildren(...(reachesEnd ? this.#conversation.outbox.entries.map((entry) => this.#pendingRow(entry)) : []));
  }

  /** The room was made anew: nothing that is shown is in it. */
  #startOver() {
    this.#generation = this.#log.generation;
    this.#endShown = 0;
    this.#seenFrom = Infinity;
    this.#sticks = this.#target === null;
    this.#rows.clear(this.#log.end + 1);
  }

  /** Has the window where the target is. One beyond the known end is waited for until the connection tells where that is now. */
  #aim() {
    const { first, end } = this.#log;
    const mayCome = this.#target > end && !["live", "over"].includes(this.#conversation.state);
    if (!mayCome) this.#target = Math.max(first, Math.min(this.#target, end));
    if (!mayCome && end < first) this.showEnd();
    else if (!this.#rows.of(this.#target) && this.#rows.first !== this.#target) this.#rows.clear(this.#target);
  }

  /** Adds rows where they will soon be in sight; returns how many. */
  #fill() {
    if (this.#target !== null && !this.#log.get(this.#target)) return 0; // what is round it comes after it
    const before = this.list.childElementCount;
    const scroller = this.element;
    const empty = this.#rows.last < this.#rows.first;
    if (empty || this.#sticks || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_PX) {
      this.#rows.extendDown(this.#sticks ? MOST_ROWS : STEP);
    }
    if (empty || scroller.scrollTop < NEAR_PX) this.#rows.extendUp(STEP);
    return this.list.childElementCount - before;
  }

  #trim() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const top = this.#sticks ? scrollHeight - clientHeight : scrollTop;
    this.#rows.trim(top, clientHeight);
  }

  /** Asks for what is needed next, before it is in sight. */
  async #ask() {
    if (this.#asking) return;
    const log = this.#log;
    const down = this.#rows.last < log.end && log.missing(this.#rows.last + 1, this.#rows.last + AHEAD);
    const up = this.#rows.first > log.first && log.missing(this.#rows.first - AHEAD, this.#rows.first - 1);
    const near = this.element.scrollTop < 3 * NEAR_PX || this.#rows.last < this.#rows.first;
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
    const anchor = this.#sticks ? null : firstUnmoved(element, this.list.children);
    const offset = anchor && anchor.offsetTop - element.scrollTop;
    const id = anchor?.dataset.id;
    change();
    if (this.#sticks) this.#toBottom();
    else if (anchor) {
      const now = anchor.isConnected ? anchor : this.#rows.of(id);
      if (now) this.#scrollTo(now.offsetTop - offset);
    }
  }

  #toBottom() {
    this.#scrollTo(this.element.scrollHeight);
  }

  #scrollTo(top) {
    this.element.scrollTop = top;
    this.#top = this.element.scrollTop;
  }

  get #below() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight;
  }

  #showTarget() {
    const row = this.#target !== null && this.#rows.of(this.#target);
    if (!row) return;
    this.#scrollTo(row.offsetTop - this.element.clientHeight / 3);
    if (this.#target === this.#rows.linked) this.#rows.focus(row);
    this.#target = null;
    this.#keepingPlace(() => {
      this.#fill();
      this.#drawPending();
    });
    this.#sticks = this.#reachesEnd && this.#below < AT_BOTTOM_PX;
    this.update();
  }

  /** Only the person scrolls away from the end. What comes or goes in the page moves the end, and is no wish of the person's. */
  #scrolled() {
    if (this.#isClosed) return; // the event may come when it is out of the page, where the last row counts as in sight
    const moved = this.element.scrollTop - this.#top;
    const below = this.#below;
    this.#top = this.element.scrollTop;
    if (this.#target === null) {
      const isAtBottom = below < ROUNDING_PX || (moved > 0 && below < AT_BOTTOM_PX);
      if (isAtBottom) this.#sticks ||= this.#reachesEnd;
      else if (moved < 0) this.#sticks = false;
    }
    this.#tellState();
    this.update();
  }

  #tellState() {
    this.#tellWhatIsSeen();
    const isAtBeginning = this.#target === null && this.#rows.first <= this.#log.first;
    const isOffline = ["waiting", "over"].includes(this.#conversation.state);
    const text = isAtBeginning ? this.#beginning() : isOffline ? "Older messages need a connection." : "Loading …";
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  #tellWhatIsSeen() {
    const seen = inSight(this.element, this.list.children);
    if (seen === null || document.visibilityState !== "visible") return;
    this.#endShown = Math.max(this.#endShown, seen.last);
    this.#seenFrom = Math.min(this.#seenFrom, seen.first);
    if (this.#seenFrom <= Math.max(this.#log.readTo + 1, this.#log.first)) this.#onread(seen.last);
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
    else if (steps && event.target === row) this.#rows.focus(steps < 0 ? row.previousElementSibling : row.nextElementSibling);
    else if (steps && event.target === this.element && event.key === "ArrowUp") this.#rows.focus(this.#rows.of(inSight(this.element, this.list.children)?.last));
    else return;
    event.preventDefault();
  }

}
