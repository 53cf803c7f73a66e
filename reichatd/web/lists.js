// Lists that come from the server, such as login sessions: entries with a name, details and buttons.

import { h } from "./dom.js";
import { texts } from "./texts.js";

/**
 * A list that is loaded now, and again by `refresh`. Returns {element, refresh}.
 *
 * label: of the list; load: returns the items, or throws; row: makes the element of an item; empty: a sentence if there are none.
 */
export function loadedList({ label, load, row, empty }) {
  const note = h("p", { class: "hint", role: "status" }, texts.common.loading);
  const list = h("ul", { class: "entries", "aria-label": label, hidden: true });

  async function refresh() {
    try {
      const items = await load();
      list.replaceChildren(...items.map((item) => h("li", {}, row(item))));
      list.hidden = items.length === 0; // ARIA requires items in a list
      note.textContent = items.length === 0 ? empty : "";
    } catch (error) {
      note.textContent = error.message;
    }
  }

  refresh();
  return { element: h("div", {}, list, note), refresh };
}

/** One entry. details: texts or nodes, each on its own line; buttons: at the end of the entry. */
export function entry(name, details, buttons = []) {
  return h("div", { class: "entry" },
    h("div", { class: "entry-text" }, h("bdi", { class: "entry-name" }, name), details.map((detail) => detail && h("span", { class: "hint" }, detail))),
    buttons,
  );
}

/** A small button of an entry. subject: the entry's name, for those who do not see which entry it is in. */
export function entryButton(text, subject, onclick, look = "quiet danger-text") {
  return h("button", { type: "button", class: look, "aria-label": `${text}: ${subject}`, onclick }, text);
}
