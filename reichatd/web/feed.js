// The scrollable messages of a room. Only a window of the log is in the page: rows are added at the near end and removed at the far
// end, and the visible messages keep their position.

import { copyMessages } from "./copy-messages.js";
import { h } from "./dom.js";
import { FeedRows, MOST_ROWS } from "./feed-rows.js";
import { texts } from "./texts.js";
import { anchorRow, visibleRange } from "./visible-rows.js";

const STEP = 30;
const NEAR_PX = 900;
const AHEAD = 80;
const RETRY_MS = 1000;
const AT_BOTTOM_PX = 48;
const ROUNDING_PX = 2; // positions are fractions on high-resolution screens

export class Feed {
  #conversation;
  #rows;
  #pendingRow;
  #onread;
  #followsEnd = true; // to the end of the log, until the user scrolls up
  #top = 0; // scrollTop after the last change by this class or the last scroll event: a difference is the user's scrolling
  #reachesEnd = false; // whether the rows reached the end of the log at the last draw
  #seenFrom = Infinity; // all messages from this id to the last visible one were visible, or were skipped on purpose
  #isFetching = false;
  #isDrawing = false;
  #pendingIsStale = true;
  #isClosed = false;
  #isPlaced = false; // whether a position was requested
  #target = null; // the id to show as soon as its message is known
  #unsettled = null; // the id of a message that is shown too low, since rows below it are still to come
  #lastShown = 0;
  #renames = 0;
  #generation;
  #resizes;

  /**
   * row, sourcesOf: see FeedRows. pendingRow: makes the row of an outbox entry.
   * onread: called with the last visible id, if all unread messages before it were visible.
   */
  constructor(conversation, { row, sourcesOf, pendingRow, onread }) {
    this.#conversation = conversation;
    this.#generation = conversation.log.generation;
    this.#rows = new FeedRows(conversation.log, row, sourcesOf);
    this.#pendingRow = pendingRow;
    this.#onread = onread;
    this.note = h("p", { class: "feed-note", role: "status" });
    this.list = this.#rows.list;
    this.pending = h("div", { class: "pending-list", role: "group", "aria-label": texts.conversation.pending });
    this.element = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": texts.conversation.label }, h("div", { class: "column" }, this.note, this.list, this.pending));
    this.element.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    this.list.addEventListener("copy", (event) => copyMessages(event, this.list, (id) => this.#log.get(id)?.content));
    this.element.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.#resizes = new ResizeObserver(() => this.#followsEnd && this.#toBottom());
    this.#resizes.observe(this.element);
    this.#resizes.observe(this.element.firstElementChild);
  }

  /** Stops drawing and fetching: a scroller outside of the page has no height, and would be filled without end. */
  close() {
    this.#isClosed = true;
    this.#resizes.disconnect();
  }

  get #log() {
    return this.#conversation.log;
  }

  /** Whether the end of the log is visible. */
  get atEnd() {
    return this.#followsEnd;
  }

  /** How many unread messages are below the last one that was visible. */
  get newBelow() {
    return this.#followsEnd ? 0 : Math.max(0, this.#log.end - Math.max(this.#lastShown, this.#log.readTo));
  }

  /** Sets the first position: this message, or the end if it is null; unless the user has chosen another one before. */
  begin(id) {
    if (this.#isPlaced) return;
    if (id === null) this.showEnd();
    else this.show(id);
  }

  /**
   * Shows a message at a third of the height, as soon as it is known.
   *
   * isLinked: for the message of a link, which is marked and focused.
   */
  show(id, { isLinked = false } = {}) {
    this.#isPlaced = true;
    this.#followsEnd = false;
    this.#unsettled = null;
    this.#target = id;
    this.#seenFrom = Infinity;
    this.#rows.link(isLinked ? id : null);
    this.update();
  }

  /** Goes to the end of the log, and stays there. The user asked for it: the skipped messages count as read. */
  showEnd() {
    this.#isPlaced = true;
    this.#target = this.#unsettled = null;
    this.#seenFrom = 0;
    this.#rows.link(null);
    if (this.#log.end - this.#rows.last > STEP) this.#rows.clear(this.#log.end + 1);
    this.#followsEnd = true;
    this.update();
  }

  /** The button of a message with this action; its row if that button is not there or not visible. Undefined if the row is not there. */
  anchor(id, action) {
    const row = this.#rows.of(id) ?? undefined;
    const button = [...(row?.querySelectorAll("[data-action]") ?? [])].find((each) => each.dataset.action === action);
    return button?.offsetParent ? button : row;
  }

  /** Focuses the row of a message, if it is in the page, or its button with this action. */
  focus(id, action) {
    this.#rows.focus(this.#rows.of(id));
    this.anchor(id, action)?.focus({ preventScroll: true });
  }

  /** The same after the next draw. */
  focusSoon(id, action) {
    this.update();
    requestAnimationFrame(() => this.focus(id, action));
  }

  /** Draws changes in the next frame, once for many calls. */
  update() {
    if (this.#isDrawing || this.#isClosed) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#draw();
    });
  }

  /** Draws all rows again, after a change of days, names or the "New" line. */
  redraw() {
    if (this.#log.generation !== this.#generation) return; // all rows will be removed
    this.#keepPosition(() => this.#rows.redraw());
  }

  /** As `update`, also for the outbox. */
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
    if (this.#followsEnd && log.end - this.#rows.last > MOST_ROWS) this.#fallBehind();
    if (this.#target !== null) this.#moveToTarget();
    let added = 0;
    this.#keepPosition(() => {
      this.#rows.refresh();
      added = this.#fill();
      this.#trim();
      this.#drawPending();
    });
    this.#showTarget();
    this.#settle();
    if (this.#target === null && this.#reachesEnd && this.#below < ROUNDING_PX) this.#followsEnd = true;
    log.setView(this.#rows.first, this.#rows.last);
    this.#showState();
    this.#fetchNext();
    if (added) this.update(); // more rows may be needed
  }

  /** More messages came at once than the page may hold: goes to the first unread one. */
  #fallBehind() {
    const next = Math.max(this.#rows.last, this.#log.readTo) + 1;
    if (this.#rows.last < this.#rows.first || next > this.#log.end) this.#rows.clear(this.#log.end + 1);
    else {
      this.#followsEnd = false;
      this.#target = next;
    }
  }

  /** Shows the outbox below the last message of the log, if that is in the page. */
  #drawPending() {
    const reachesEnd = this.#rows.last >= this.#log.end;
    if (!this.#pendingIsStale && reachesEnd === this.#reachesEnd) return;
    this.#pendingIsStale = false;
    this.#reachesEnd = reachesEnd;
    this.pending.replaceChildren(...(reachesEnd ? this.#conversation.outbox.entries.map((entry) => this.#pendingRow(entry)) : []));
  }

  /** The log was cleared: removes all rows. */
  #startOver() {
    this.#generation = this.#log.generation;
    this.#unsettled = null;
    this.#lastShown = 0;
    this.#seenFrom = Infinity;
    this.#followsEnd = this.#target === null;
    this.#rows.clear(this.#log.end + 1);
  }

  /** Moves the window to the target. A target beyond the known end waits until a connection has reported the current end. */
  #moveToTarget() {
    const { first, end } = this.#log;
    const mayCome = this.#target > end && !["live", "over"].includes(this.#conversation.state);
    if (!mayCome) this.#target = Math.max(first, Math.min(this.#target, end));
    if (!mayCome && end < first) this.showEnd();
    else if (!this.#rows.of(this.#target) && this.#rows.first !== this.#target) this.#rows.clear(this.#target);
  }

  /** Adds rows near the visible part; returns how many. */
  #fill() {
    if (this.#target !== null && !this.#log.get(this.#target)) return 0; // the target comes first, its neighbours later
    const before = this.list.childElementCount;
    const scroller = this.element;
    const empty = this.#rows.last < this.#rows.first;
    if (empty || this.#followsEnd || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_PX) {
      this.#rows.extendDown(this.#followsEnd ? MOST_ROWS : STEP);
    }
    if (empty || scroller.scrollTop < NEAR_PX) this.#rows.extendUp(STEP);
    return this.list.childElementCount - before;
  }

  #trim() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const top = this.#followsEnd ? scrollHeight - clientHeight : scrollTop;
    this.#rows.trim(top, clientHeight);
  }

  /** Fetches the messages that are needed next, before they are visible. */
  async #fetchNext() {
    if (this.#isFetching) return;
    const log = this.#log;
    const down = this.#rows.last < log.end && log.missing(this.#rows.last + 1, this.#rows.last + AHEAD);
    const up = this.#rows.first > log.first && log.missing(this.#rows.first - AHEAD, this.#rows.first - 1);
    const near = this.element.scrollTop < 3 * NEAR_PX || this.#rows.last < this.#rows.first;
    const range = down || (near && up);
    if (!range) {
      this.list.setAttribute("aria-busy", "false");
      return;
    }
    this.#isFetching = true;
    this.list.setAttribute("aria-busy", "true");
    try {
      await this.#conversation.fetchMissing(...range);
    } catch {
      // No connection, or the server lacks a message. The pause prevents a busy loop.
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    } finally {
      this.#isFetching = false;
    }
    this.update();
  }

  // --- the scroll position

  /** Makes a change and keeps the visible rows in position, or stays at the end. */
  #keepPosition(change) {
    const { element } = this;
    const anchor = this.#followsEnd ? null : anchorRow(element, this.list.children);
    const offset = anchor && anchor.offsetTop - element.scrollTop;
    const id = anchor?.dataset.id;
    change();
    if (this.#followsEnd) this.#toBottom();
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
    this.#unsettled = this.#target;
    this.#settle();
    if (this.#target === this.#rows.linked) this.#rows.focus(row);
    this.#target = null;
    this.#keepPosition(() => {
      this.#fill();
      this.#drawPending();
    });
    this.#followsEnd = this.#reachesEnd && this.#below < AT_BOTTOM_PX;
    this.update();
  }

  /** Scrolls the shown message to a third of the height; again when more rows have come, if there were too few below it. */
  #settle() {
    const row = this.#unsettled !== null && this.#rows.of(this.#unsettled);
    if (!row) return;
    const top = row.offsetTop - this.element.clientHeight / 3;
    this.#scrollTo(top);
    if (this.#reachesEnd || this.element.scrollTop > top - ROUNDING_PX) this.#unsettled = null;
  }

  /** Only the user's scrolling leaves the end of the log; a change of the rows does not. */
  #onScroll() {
    if (this.#isClosed) return; // the event may arrive after removal from the page, where the last row would count as visible
    const moved = this.element.scrollTop - this.#top;
    const below = this.#below;
    this.#top = this.element.scrollTop;
    if (moved) this.#unsettled = null;
    if (this.#target === null) {
      const isAtBottom = below < ROUNDING_PX || (moved > 0 && below < AT_BOTTOM_PX);
      if (isAtBottom) this.#followsEnd ||= this.#reachesEnd;
      else if (moved < 0) this.#followsEnd = false;
    }
    this.#showState();
    this.update();
  }

  #showState() {
    this.#reportRead();
    const isAtBeginning = this.#target === null && this.#rows.first <= this.#log.first;
    const isOffline = ["waiting", "over"].includes(this.#conversation.state);
    const text = isAtBeginning ? this.#beginningText() : isOffline ? texts.conversation.olderNeedConnection : texts.common.loading;
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  #reportRead() {
    const seen = visibleRange(this.element, this.list.children);
    if (seen === null || document.visibilityState !== "visible") return;
    this.#lastShown = Math.max(this.#lastShown, seen.last);
    this.#seenFrom = Math.min(this.#seenFrom, seen.first);
    if (this.#seenFrom <= Math.max(this.#log.readTo + 1, this.#log.first)) this.#onread(seen.last);
  }

  #beginningText() {
    if (this.#log.end < this.#log.first) return this.#conversation.state === "live" ? texts.conversation.noMessages : "";
    return this.#log.first > 1 ? texts.conversation.olderDeleted : texts.conversation.begins;
  }

  // --- keys: Up and Down move between messages, Home and End go to the ends of the log

  #keyPressed(event) {
    const row = event.target.closest?.(".message");
    const steps = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Home") this.show(this.#log.first);
    else if (event.key === "End") this.showEnd();
    else if (steps && event.target === row) this.#rows.focus(steps < 0 ? row.previousElementSibling : row.nextElementSibling);
    else if (steps && event.target === this.element && event.key === "ArrowUp") this.#rows.focus(this.#rows.of(visibleRange(this.element, this.list.children)?.last));
    else return;
    event.preventDefault();
  }
}
