// The message rows in the page: those of consecutive ids, without a gap.

import { h } from "./dom.js";
import { texts } from "./texts.js";

export const MOST_ROWS = 140;
const FAR_PX = 1500;

export class FeedRows {
  first = 1; // the page has the rows of first to last; none if last < first
  last = 0;
  linked = null; // the id in the link that the user followed
  #log;
  #row;
  #sourcesOf;
  #sources = new WeakMap(); // by row: what it was made from

  /**
   * row: makes the row of a message, from it and the message before it.
   * sourcesOf: makes the list of all that a message's row shows; while they are the same, so is the row.
   */
  constructor(log, row, sourcesOf) {
    this.#log = log;
    this.#row = row;
    this.#sourcesOf = sourcesOf;
    this.list = h("div", { class: "feed", role: "feed", "aria-label": texts.conversation.messages, "aria-busy": "false" });
    this.list.addEventListener("focusin", ({ target }) => this.#setTabStops(target.closest(".message")));
  }

  /** The row of this id; null if it is not in the page. */
  of(id) {
    return this.list.querySelector(`[data-id="${id}"]`);
  }

  /** Draws all rows again. */
  redraw() {
    for (const row of [...this.list.children]) this.#replace(row);
  }

  /** Draws the rows again that show something else now. */
  refresh() {
    for (const row of [...this.list.children]) if (this.#isStale(row)) this.#replace(row);
  }

  /** Removes all rows; the next row added below is that of this id. */
  clear(id) {
    this.list.replaceChildren();
    this.first = id;
    this.last = id - 1;
  }

  /** Removes the rows of messages that the server has deleted at the beginning of the log. */
  dropRemoved() {
    const { first } = this.#log;
    for (const row of [...this.list.children]) if (Number(row.dataset.id) < first) row.remove();
    this.first = first;
    this.last = Math.max(this.last, first - 1);
  }

  /** Adds at most `most` rows below, until a message is not known. */
  extendDown(most) {
    const rows = [];
    while (rows.length < most && this.last < this.#log.end && this.#log.get(this.last + 1)) rows.push(this.#make(++this.last));
    this.list.append(...rows);
  }

  /** The same, above. */
  extendUp(most) {
    const rows = [];
    const before = this.first;
    while (rows.length < most && this.first > this.#log.first && this.#log.get(this.first - 1)) rows.unshift(this.#make(--this.first));
    if (rows.length === 0) return;
    const joint = this.list.firstElementChild;
    this.list.prepend(...rows);
    if (joint) this.#replace(joint); // its look depends on the message before it
  }

  /** Removes rows far from the visible part, which begins at `top`, if there are more than MOST_ROWS. */
  trim(top, clientHeight) {
    const isFar = (row) => row.offsetTop + row.offsetHeight < top - FAR_PX || row.offsetTop > top + clientHeight + FAR_PX;
    const rows = [...this.list.children];
    const excess = rows.length - MOST_ROWS;
    if (excess <= 0) return;
    const above = rows.slice(0, excess).filter(isFar);
    const removed = above.length ? above : rows.slice(-excess).filter(isFar);
    removed.forEach((row) => row.remove());
    if (above.length) this.first += removed.length;
    else this.last -= removed.length;
  }

  /** Marks the row that a link leads to, now or when it is added; null removes the mark. */
  link(id) {
    if (this.linked !== null) this.of(this.linked)?.removeAttribute("aria-current");
    this.linked = id;
    if (id !== null) this.of(id)?.setAttribute("aria-current", "true");
  }

  /** Focuses a row. */
  focus(row) {
    if (!row) return;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  /** The tab key reaches the buttons of this row, and those of no other. */
  #setTabStops(row) {
    if (row.querySelector('.time[tabindex="0"]')) return;
    for (const button of this.list.querySelectorAll('.message [tabindex="0"]')) button.tabIndex = -1;
    for (const button of row.querySelectorAll("button, .time")) button.tabIndex = 0;
  }

  #isStale(row) {
    const message = this.#log.get(Number(row.dataset.id));
    const sources = this.#sources.get(row);
    return message !== undefined && this.#sourcesOf(message).some((source, index) => source !== sources[index]);
  }

  /** Draws a row again. The focus stays where it was in it. */
  #replace(row) {
    const focused = row.contains(document.activeElement) ? document.activeElement : null;
    const next = this.#make(Number(row.dataset.id));
    row.replaceWith(next);
    if (focused === null) return;
    const { action } = focused.dataset;
    const place = action && [...next.querySelectorAll("[data-action]")].find((each) => each.dataset.action === action);
    (place ?? next).focus({ preventScroll: true });
  }

  #make(id) {
    const message = this.#log.get(id);
    const row = this.#row(message, this.#log.get(id - 1));
    this.#sources.set(row, this.#sourcesOf(message));
    if (id === this.linked) row.setAttribute("aria-current", "true");
    return row;
  }
}
