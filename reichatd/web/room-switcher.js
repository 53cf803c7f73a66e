// A dialog to go to a room or a person by a few letters of the name (Ctrl+K). The focus stays in the input.

import { avatar, h, icon } from "./dom.js";
import { closeDialogs } from "./forms.js";
import { allMembers } from "./members.js";
import { ordered } from "./room-order.js";
import { fuzzyBestOf } from "./search.js";
import { texts } from "./texts.js";

const MOST = 30;
const ID = "switcher-options";

/** Opens the dialog. roomId: the room that is open, whose members are found too; null: none. */
export function openRoomSwitcher(home, roomId) {
  closeDialogs();
  const switcher = new Switcher(home, roomId);
  document.body.append(switcher.element);
  switcher.element.showModal();
}

class Switcher {
  #home;
  #roomId;
  #people = [];
  #found = [];
  #active = 0;

  constructor(home, roomId) {
    this.#home = home;
    this.#roomId = roomId;
    const { title } = texts.switcher;
    this.input = h("input", {
      type: "text", role: "combobox", "aria-label": title, placeholder: title, autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "true", "aria-controls": ID,
    });
    this.list = h("ul", { id: ID, role: "listbox", "aria-label": title });
    this.note = h("p", { class: "hint", role: "status" });
    this.element = h("dialog", { class: "switcher", "aria-label": title }, this.input, this.list, this.note);
    this.input.addEventListener("input", () => this.#find());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // the input keeps the focus
    this.element.addEventListener("click", ({ target }) => target === this.element && this.element.close()); // outside of it
    this.element.addEventListener("close", () => this.element.remove());
    this.#find();
    if (roomId !== null) this.#readPeople().catch(() => {}); // without a connection there are only the rooms
  }

  async #readPeople() {
    const members = await allMembers(this.#home, this.#roomId);
    this.#people = members.filter(({ user_id: userId }) => userId !== this.#home.me.userId);
    if (this.input.value.trim()) this.#find();
  }

  #find() {
    const { preferences, rooms } = this.#home;
    const places = new Map(preferences.recent.map((roomId, place) => [roomId, place]));
    const place = ({ room_id: roomId }) => places.get(roomId) ?? places.size;
    const words = this.input.value.trim();
    const recent = ordered(rooms.all, preferences).sort((one, other) => place(one) - place(other));
    if (!words && recent[0]?.room_id === this.#roomId) recent.push(recent.shift()); // Enter leads to the room before
    const directs = new Set(recent.filter(({ kind }) => kind === "direct").map(({ name }) => name));
    const people = words ? this.#people.filter(({ username }) => !directs.has(username)) : [];
    const found = fuzzyBestOf([...recent, ...people], words, (each) => [each.username ?? each.name]);
    this.#show(found.slice(0, MOST));
  }

  #show(found) {
    this.#found = found;
    this.list.replaceChildren(...found.map((each, index) => h("li", { role: "option", id: `${ID}-${index}`, onclick: () => this.#choose(index) }, this.#nodes(each))));
    this.list.hidden = found.length === 0; // ARIA requires options in a list
    this.input.setAttribute("aria-expanded", String(found.length > 0));
    this.note.textContent = found.length === 0 ? texts.switcher.none : "";
    this.#activate(0);
  }

  #nodes({ room_id: roomId, name, kind, owner, private: isPrivate, user_id: userId, username }) {
    if (roomId === undefined) return [avatar(userId, username), h("bdi", {}, username), h("span", { class: "hint" }, texts.switcher.person)];
    const unread = this.#home.rooms.unread(roomId);
    return [
      kind === "direct" ? avatar(owner, name) : h("span", { class: "badge", "aria-hidden": "true" }, isPrivate ? icon("lock") : "#"),
      h("bdi", {}, name),
      unread > 0 && h("span", { class: "count" }, unread > 999 ? "999+" : String(unread), h("span", { class: "visually-hidden" }, texts.home.unread)),
    ];
  }

  #activate(index) {
    this.#active = index;
    for (const [place, option] of [...this.list.children].entries()) option.setAttribute("aria-selected", String(place === index));
    const active = this.list.children[index];
    if (active) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
    active?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    if (event.isComposing) return;
    const { length } = this.#found;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && length > 0) this.#activate((this.#active + step + length) % length);
    else if (event.key === "Enter" && length > 0) this.#choose(this.#active);
    else return;
    event.preventDefault();
  }

  async #choose(index) {
    const { room_id: roomId, user_id: userId } = this.#found[index];
    try {
      if (roomId === undefined) await this.#home.openDirect(userId);
      else this.#home.open(roomId);
      this.element.close();
    } catch (error) {
      this.note.textContent = error.message;
    }
  }
}
