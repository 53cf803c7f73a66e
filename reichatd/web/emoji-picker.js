// A dialog to choose an emoji: by group, by name, or from those that were chosen last.

import { h } from "./dom.js";
import { emojiGroups, findEmoji, recentEmoji, rememberEmoji } from "./emoji.js";
import { texts } from "./texts.js";

const COLUMNS = 8;
const ROWS_OF_A_PAGE = 5;
const MOST_FOUND = 80;
const GAP_PX = 6;
const RECENT = "recent";
const TABS = { recent: "🕘", smileys: "😀", people: "👋", animals: "🐻", food: "🍎", travel: "🚗", activities: "⚽", objects: "💡", symbols: "❤️", flags: "🏁" };

/**
 * Lets the user choose an emoji. Opens at an element, which gets the focus again. Returns a promise of the emoji; of null if the
 * user closes the dialog.
 */
export function pickEmoji(anchor) {
  const picker = new Picker();
  document.body.append(picker.element);
  picker.element.showModal();
  if (!matchMedia("(pointer: fine)").matches) picker.element.focus(); // the search would open the keyboard of a phone
  picker.placeAt(anchor);
  return picker.chosen;
}

class Picker {
  #groups = [];
  #resolve;
  #asked = 0;

  constructor() {
    this.chosen = new Promise((resolve) => (this.#resolve = resolve));
    this.search = h("input", { type: "search", "aria-label": texts.emoji.find, placeholder: texts.emoji.find, autocomplete: "off" });
    this.tabs = h("div", { class: "emoji-tabs", role: "tablist", "aria-label": texts.emoji.groups, hidden: true });
    this.grid = h("div", { class: "emoji-grid", role: "grid", "aria-label": texts.emoji.title, hidden: true });
    this.panel = h("div", { class: "emoji-panel", role: "tabpanel", id: "emoji-panel", "aria-label": texts.emoji.title }, this.grid);
    this.note = h("p", { class: "hint", role: "status" }, texts.common.loading);
    this.preview = h("p", { class: "emoji-name hint", "aria-hidden": "true" }); // a screen reader says the name of the button
    this.element = h("dialog", { class: "emoji-picker", "aria-label": texts.emoji.title, tabindex: "-1" }, this.search, this.tabs, this.panel, this.preview, this.note);
    this.search.addEventListener("input", () => this.#find());
    this.search.addEventListener("keydown", (event) => this.#searchKey(event));
    this.tabs.addEventListener("keydown", (event) => this.#tabKey(event));
    this.grid.addEventListener("keydown", (event) => this.#gridKey(event));
    this.grid.addEventListener("click", ({ target }) => this.#choose(target));
    for (const name of ["focusin", "pointerover"]) this.grid.addEventListener(name, ({ target }) => target.title && (this.preview.textContent = target.title));
    this.element.addEventListener("click", ({ target }) => target === this.element && this.element.close()); // outside of it
    this.element.addEventListener("close", () => {
      this.element.remove();
      this.#resolve(null);
    });
    this.#load();
  }

  /** Above the element if there is space, else below it; within the window. */
  placeAt(anchor) {
    const { style, offsetWidth: width, offsetHeight: height } = this.element;
    const { left, top, bottom } = anchor.getBoundingClientRect();
    const above = top - height - GAP_PX;
    style.left = `${Math.max(GAP_PX, Math.min(left, innerWidth - width - GAP_PX))}px`;
    style.top = `${Math.max(GAP_PX, above >= GAP_PX ? above : Math.min(bottom + GAP_PX, innerHeight - height - GAP_PX))}px`;
  }

  async #load() {
    try {
      this.#groups = await emojiGroups();
    } catch {
      this.note.textContent = texts.emoji.notLoaded;
      return;
    }
    const known = new Map(this.#groups.flatMap(([, list]) => list).map((each) => [each.emoji, each]));
    const recent = recentEmoji().map((emoji) => known.get(emoji)).filter(Boolean);
    if (recent.length > 0) this.#groups = [[RECENT, recent], ...this.#groups];
    this.tabs.replaceChildren(...this.#groups.map(([group, list]) => {
      const label = texts.emoji.group[group];
      return h("button", { type: "button", role: "tab", "aria-label": label, title: label, "aria-controls": "emoji-panel", "data-group": group, onclick: () => this.#showGroup(group, list) }, TABS[group]);
    }));
    this.tabs.hidden = false;
    if (this.search.value.trim()) this.#find();
    else this.#showGroup(...this.#groups[0]);
  }

  #showGroup(group, list) {
    this.#asked++;
    this.search.value = "";
    this.#select(group);
    this.#show(list, texts.emoji.group[group]);
  }

  /** Marks the tab of a group; none if it is null. */
  #select(group) {
    for (const tab of this.tabs.children) {
      const isSelected = tab.dataset.group === group;
      tab.setAttribute("aria-selected", String(isSelected));
      tab.tabIndex = isSelected || (group === null && tab === this.tabs.firstElementChild) ? 0 : -1;
    }
  }

  async #find() {
    const number = ++this.#asked;
    const words = this.search.value.trim();
    if (this.tabs.hidden) return; // as soon as they are loaded
    if (words === "") return this.#showGroup(...this.#groups[0]);
    const found = await findEmoji(words);
    if (number !== this.#asked) return;
    this.#select(null);
    this.#show(found.slice(0, MOST_FOUND), texts.emoji.found(found.length));
  }

  #show(list, note) {
    const cells = list.map(({ emoji, name }, index) => h("button", { type: "button", role: "gridcell", tabindex: index === 0 ? "0" : "-1", "aria-label": name, title: name }, emoji));
    const rows = Array.from({ length: Math.ceil(cells.length / COLUMNS) }, (_, row) => h("div", { role: "row" }, cells.slice(row * COLUMNS, (row + 1) * COLUMNS)));
    this.grid.replaceChildren(...rows);
    this.grid.hidden = cells.length === 0; // ARIA requires rows in a grid
    this.panel.scrollTop = 0;
    this.preview.textContent = "";
    this.note.textContent = note;
  }

  #choose(cell) {
    if (!cell?.matches("button")) return;
    rememberEmoji(cell.textContent);
    this.#resolve(cell.textContent);
    this.element.close();
  }

  get #cells() {
    return [...this.grid.querySelectorAll("button")];
  }

  #searchKey(event) {
    if (event.isComposing || !["Enter", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const [first] = this.#cells;
    if (event.key === "Enter") this.#choose(first);
    else first?.focus();
  }

  #tabKey(event) {
    const tabs = [...this.tabs.children];
    const index = tabs.indexOf(event.target);
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "ArrowDown") this.#cells[0]?.focus();
    else if (next !== undefined) {
      const tab = tabs.at(next % tabs.length);
      tab.focus();
      tab.click();
    } else return;
    event.preventDefault();
  }

  #gridKey(event) {
    const cells = this.#cells;
    const index = cells.indexOf(event.target);
    const column = index % COLUMNS;
    const end = cells.length - 1;
    const page = ROWS_OF_A_PAGE * COLUMNS;
    const next = {
      ArrowLeft: index - 1,
      ArrowRight: index + 1,
      ArrowUp: index - COLUMNS,
      ArrowDown: index + COLUMNS > end && index - column + COLUMNS <= end ? end : index + COLUMNS,
      PageUp: Math.max(column, index - page),
      PageDown: Math.min(end, index + page),
      Home: event.ctrlKey ? 0 : index - column,
      End: event.ctrlKey ? end : Math.min(end, index - column + COLUMNS - 1),
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    if (next < 0 && event.key === "ArrowUp") this.search.focus();
    if (!cells[next]) return;
    cells[index].tabIndex = -1;
    cells[next].tabIndex = 0;
    cells[next].focus();
  }
}
