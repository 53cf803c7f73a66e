// Buttons at the upper and the lower edge of the list of rooms, while a room with unread messages is beyond it. They are for the
// pointer: the list has the same rooms for the keyboard and for screen readers.

import { h, icon } from "./dom.js";
import { texts } from "./texts.js";

export class UnreadBeyond {
  #scroller;
  #above = null; // the nearest unread room beyond the edge
  #below = null;

  /** scroller: the element that scrolls. The caller calls `update` when the list has changed. */
  constructor(scroller) {
    this.#scroller = scroller;
    this.above = edgeButton("above", () => this.#above);
    this.below = edgeButton("below", () => this.#below);
    this.element = h("div", { class: "rooms-place" }, scroller, this.above, this.below);
    scroller.addEventListener("scroll", () => this.update(), { passive: true });
    new ResizeObserver(() => this.update()).observe(scroller);
  }

  update() {
    const { top, bottom } = this.#scroller.getBoundingClientRect();
    const unread = [...this.#scroller.querySelectorAll("[data-unread]")].map((room) => ({ room, place: room.getBoundingClientRect() }));
    this.#above = unread.findLast(({ place }) => middleOf(place) < top)?.room ?? null;
    this.#below = unread.find(({ place }) => middleOf(place) > bottom)?.room ?? null;
    this.above.hidden = this.#above === null;
    this.below.hidden = this.#below === null;
  }
}

const middleOf = ({ top, bottom }) => (top + bottom) / 2;

function edgeButton(edge, roomOf) {
  const onclick = () => roomOf()?.scrollIntoView({ block: "center" });
  return h("button", { type: "button", class: "beyond", "data-edge": edge, tabindex: "-1", "aria-hidden": "true", hidden: true, onclick }, icon("down"), texts.home.moreUnread);
}
