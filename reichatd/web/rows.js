// The rows of a feed: those of the messages from one id to another, one below the other and without a gap.

import { h } from "./dom.js";

export const MOST_ROWS = 140;
const FAR_PX = 1500;

export class Rows {
  first = 1; // the ids in the page are first to last; none if last < first
  last = 0;
  linked = null; // the id that a link has led to
  #log;
  #row;

  /** row: makes the row of a message, given it and the one before it. */
  constructor(log, row) {
    this.#log = log;
    this.#row = row;
    this.list = h("div", { class: "feed", role: "feed", "aria-label": "Messages", "aria-busy": "false" });
  }

  /** The row of this id, if it is in the page. */
  of(id) {
    return this.list.querySelector(`[data-id="${id}"]`);
  }

  /** Draws all of them again. */
  redraw() {
    for (const row of [...this.list.children]) row.replaceWith(this.#made(Number(row.dataset.id)));
  }

  /** Has none of them; the next one is that of this id. */
  clear(id) {
    this.list.replaceChildren();
    this.first = id;
    this.last = id - 1;
  }

  /** The log begins later than it did: what was before that has been removed. */
  dropRemoved() {
    const { first } = this.#log;
    for (const row of [...this.list.children]) if (Number(row.dataset.id) < first) row.remove();
    this.first = first;
    this.last = Math.max(this.last, first - 1);
  }

  /** Adds at most `most` rows below, as far as their messages are known. */
  extendDown(most) {
    const rows = [];
    while (rows.length < most && this.last < this.#log.end && this.#log.get(this.last + 1)) rows.push(this.#made(++this.last));
    this.list.append(...rows);
  }

  /** The same above. */
  extendUp(most) {
    const rows = [];
    const before = this.first;
    while (rows.length < most && this.first > this.#log.first && this.#log.get(this.first - 1)) rows.unshift(this.#made(--this.first));
    if (rows.length === 0) return;
    const joint = this.list.firstElementChild;
    this.list.prepend(...rows);
    joint?.replaceWith(this.#made(before)); // it knows now what is before it
  }

  /** Takes rows away that are far from what is in sight, which begins at this height, if there are many. */
  trim(top, clientHeight) {
    const isFar = (row) => row.offsetTop + row.offsetHeight < top - FAR_PX || row.offsetTop > top + clientHeight + FAR_PX;
    const rows = [...this.list.children];
    const excess = rows.length - MOST_ROWS;
    if (excess <= 0) return;
    const above = rows.slice(0, excess).filter(isFar);
    const goes = above.length ? above : rows.slice(-excess).filter(isFar);
    goes.forEach((row) => row.remove());
    if (above.length) this.first += goes.length;
    else this.last -= goes.length;
  }

  /** Marks the row that a link has led to, now or as soon as there is one; null for none. */
  link(id) {
    if (this.linked !== null) this.of(this.linked)?.removeAttribute("aria-current");
    this.linked = id;
    if (id !== null) this.of(id)?.setAttribute("aria-current", "true");
  }

  /** Puts the focus on a row, whose buttons are then within reach of the tab key, and no others. */
  focus(row) {
    if (!row) return;
    for (const button of this.list.querySelectorAll('.message [tabindex="0"]')) button.tabIndex = -1;
    for (const button of row.querySelectorAll("button, .time")) button.tabIndex = 0;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  #made(id) {
    const row = this.#row(this.#log.get(id), this.#log.get(id - 1));
    if (id === this.linked) row.setAttribute("aria-current", "true");
    return row;
  }
}
