// The page of a user who is logged in: the list of rooms, and beside it the view that the URL names.

import { Arrivals } from "./arrivals.js";
import { attentionOf, showAttention } from "./attention.js";
import { announce, avatar, h, icon, iconButton } from "./dom.js";
import { exploreView } from "./explore.js";
import { closeDialogs } from "./forms.js";
import { brand, instanceName } from "./instance.js";
import { invitationView } from "./invitation.js";
import { joinRoomView } from "./join-room.js";
import { JoinedRooms } from "./joined-rooms.js";
import { Notifier, notificationSettings } from "./notifier.js";
import { holdBack } from "./outbox.js";
import { createRoomDialog } from "./room-dialogs.js";
import { ordered, RoomMoves } from "./room-order.js";
import { RoomPreferences } from "./room-preferences.js";
import { openRoomSwitcher } from "./room-switcher.js";
import { RoomView } from "./room-view.js";
import { settingsView } from "./settings.js";
import { texts } from "./texts.js";
import { tell } from "./toast.js";
import { UnreadBeyond } from "./unread-beyond.js";
import { placeOf, replacePlace, roomPlace } from "./urls.js";
import { Users } from "./users.js";

const RETRY_MS = 3_000;
const SETTINGS = ["settings", "oidc-linked", "oidc-error"];
const TAB_MS = 150; // a message that is read at once does not flash in the title

export class Home {
  #view = null;
  #roomId = null;
  #drawing = false;
  #isInView = false; // whether the list has scrolled to the open room
  #titleTimer = null;
  #stopped = false;

  /** me: {userId, username, email} */
  constructor(api, me) {
    this.api = api;
    this.me = me;
    this.users = new Users(api);
    api.serverInfo.refresh();
    this.rooms = new JoinedRooms(api, me.userId);
    this.rooms.addEventListener("change", () => this.#draw());
    this.rooms.addEventListener("unread", () => this.#draw());
    this.rooms.addEventListener("removed", ({ detail }) => this.#removed(detail));
    this.rooms.addEventListener("renamed", ({ detail }) => this.#renamed(detail));
    this.preferences = new RoomPreferences(me.userId);
    this.preferences.subscribe(() => this.#draw());
    this.notificationSettings = notificationSettings(me.userId);
    this.notifier = new Notifier(this, (roomId, messageId) => this.open(roomId, messageId));
    this.rooms.addEventListener("arrived", ({ detail: { roomId, message } }) => this.notifier.arrived(roomId, message));
    new Arrivals(this);

    this.list = h("ul", { class: "rooms" });
    this.moves = new RoomMoves(this, this.list, () => this.#draw());
    this.markAll = iconButton("check", texts.home.markAllRead, () => this.#markAllRead(), { hidden: true });
    this.removal = h("p", { class: "removal", role: "status" });
    this.none = h("p", { class: "none only-narrow hint", hidden: true }, texts.home.noRooms);
    const explore = h("a", { class: "room-link explore", href: "#/explore" }, h("span", { class: "badge" }, icon("compass")), texts.common.findRooms);
    this.beyond = new UnreadBeyond(h("div", { class: "rooms-scroll" }, this.none, this.list, explore));
    this.profile = h("a", { class: "me", href: "#/settings" });
    this.place = h("div", { id: "place", tabindex: "-1" });
    this.element = h("main", { class: "home" },
      h("h1", { class: "visually-hidden" }, instanceName),
      h("a", { class: "skip", href: "#place", onclick: (event) => { event.preventDefault(); this.place.focus(); } }, texts.home.skip),
      h("nav", { class: "side", "aria-label": texts.home.rooms },
        h("header", {},
          h("div", { class: "brand-place", "aria-hidden": "true" }, brand()), // the heading says it
          this.markAll,
          iconButton("search", texts.switcher.title, () => this.#switch(), { "aria-haspopup": "dialog", "aria-keyshortcuts": "Control+K Meta+K" }),
          iconButton("plus", texts.home.newRoom, () => createRoomDialog(this)),
        ),
        this.removal,
        this.beyond.element,
        this.profile,
      ),
      this.place,
    );
    this.nameChanged();
  }

  async start() {
    window.addEventListener("hashchange", this.#placeChanged);
    document.addEventListener("keydown", this.#keyPressed);
    while (!this.#stopped) {
      try {
        await this.rooms.read();
        break;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    if (!this.#stopped) this.#route();
  }

  stop() {
    this.#stopped = true;
    window.removeEventListener("hashchange", this.#placeChanged);
    document.removeEventListener("keydown", this.#keyPressed);
    this.#view?.close?.();
    this.rooms.stop();
    this.notifier.stop();
    this.preferences.close();
    this.notificationSettings.close();
    clearTimeout(this.#titleTimer);
    showAttention(attentionOf([]));
  }

  /** farewell: a sentence to show at the login. */
  logOut(farewell = "") {
    replacePlace("#/");
    holdBack(this.me.userId, texts.home.heldBack);
    return this.api.logOut(farewell);
  }

  nameChanged() {
    this.profile.replaceChildren(
      avatar(this.me.userId, this.me.username),
      h("span", { class: "me-name" }, this.me.username),
      h("span", { class: "visually-hidden" }, texts.home.profile),
      icon("more"),
    );
  }

  /** Says that the user was removed from a room that is not open. */
  #removed({ room, reason }) {
    const close = iconButton("close", texts.common.close, () => this.removal.replaceChildren());
    this.removal.replaceChildren(h("span", {}, texts.home.removed[reason](h("bdi", {}, room.name))), close);
  }

  async #markAllRead() {
    this.list.querySelector("a")?.focus(); // the button goes
    await this.rooms.markAllRead().then(() => announce(texts.home.allRead), (error) => tell(error.message));
  }

  #switch() {
    openRoomSwitcher(this, this.#view && this.#roomId);
  }

  #keyPressed = (event) => {
    const isShortcut = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (!isShortcut || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    this.#switch();
  };

  #renamed({ userId, username }) {
    this.users.forget(userId);
    if (userId !== this.me.userId) return;
    this.me.username = username;
    this.nameChanged();
  }

  /** Shows a room, at a message if one is named; draws it again if it is shown already. */
  open(roomId, messageId = null) {
    const hash = roomPlace(roomId, messageId);
    if (location.hash === hash) this.#route();
    else location.hash = hash;
  }

  /** Opens the direct conversation with a user, and begins it if there is none. Throws as `api.call`. */
  async openDirect(userId) {
    const { room_id: roomId } = await this.api.call("POST", "/direct", { user_id: userId });
    await this.rooms.read();
    closeDialogs();
    this.open(roomId);
  }

  /** Goes back to the list of rooms. */
  leave() {
    location.hash = "#/";
  }

  #placeChanged = () => {
    closeDialogs(); // the user may have gone back: they are about what was shown before
    this.#route();
  };

  #route() {
    const [place, roomId, number] = placeOf();
    const messageId = Number.parseInt(number, 10) || null;
    if (place === "room" && roomId === this.#roomId && this.rooms.get(roomId) && this.#view && !this.#view.isOver) {
      if (messageId !== null) this.#view.show(messageId);
      return;
    }
    this.#view?.close?.();
    this.#view = null;
    this.#roomId = place === "room" ? roomId : null;
    let shown;
    if (!this.rooms.get(this.#roomId)) this.rooms.close();
    if (this.#roomId && this.rooms.get(roomId)) {
      this.#view = new RoomView(this, roomId);
      this.preferences.opened(roomId);
      shown = this.#view.element;
    } else if (this.#roomId) shown = joinRoomView(this, roomId);
    else if (place === "explore") shown = exploreView(this);
    else if (place === "invite") shown = invitationView(this, roomId);
    else if (SETTINGS.includes(place)) shown = settingsView(this);
    else shown = emptyView(this);
    this.place.replaceChildren(shown);
    this.element.dataset.pane = place ? "main" : "side";
    this.#isInView = false;
    this.notifier.shows(this.#view && roomId);
    this.#view?.shown(messageId);
    this.#draw();
  }

  /** Draws the list of rooms again, once for all changes since the last time. */
  #draw() {
    this.#titleTimer ??= setTimeout(() => this.#drawTab(), TAB_MS); // a hidden tab draws no frames, but its title is visible
    if (this.#drawing || this.moves.isDragging) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      const focused = this.list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      this.list.replaceChildren(...ordered(this.rooms.all, this.preferences).map((room) => h("li", { "data-room": room.room_id }, this.#link(room))));
      this.markAll.hidden = this.list.querySelector(".count") === null;
      this.none.hidden = this.rooms.all.length > 0;
      if (!this.#isInView) this.#showCurrent();
      this.beyond.update();
      if (focused !== null) [...this.list.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
      const [place] = placeOf();
      this.element.querySelector(".explore").toggleAttribute("data-current", place === "explore");
      this.profile.toggleAttribute("data-current", SETTINGS.includes(place));
    });
  }

  /** Scrolls the list to the open room, once: it may be far from those at the top. */
  #showCurrent() {
    const current = this.list.querySelector("[aria-current]");
    this.#isInView = current !== null;
    current?.scrollIntoView({ block: "nearest" });
  }

  #drawTab() {
    this.#titleTimer = null;
    showAttention(attentionOf(this.rooms.all.map((room) => this.#stateOf(room))), this.rooms.get(this.#roomId)?.name);
    this.notifier.unreadChanged();
  }

  /** What `attentionOf` sums up. */
  #stateOf(room) {
    const { room_id: roomId, kind } = room;
    return { unread: this.rooms.unread(roomId), mentions: this.rooms.mentions(roomId), isDirect: kind === "direct", level: this.preferences.levelOf(room) };
  }

  #link(room) {
    const { room_id: roomId, name, private: isPrivate, kind, owner } = room;
    const { unread, mentions, level } = this.#stateOf(room);
    const isCurrent = roomId === this.#roomId;
    const isDirect = kind === "direct";
    const { isFavourite } = this.preferences.get(roomId);
    return h("a", {
      class: "room-link",
      href: roomPlace(roomId),
      "aria-keyshortcuts": "Alt+Shift+ArrowUp Alt+Shift+ArrowDown", // they move it
      "aria-current": isCurrent && "page",
      "data-current": isCurrent,
      "data-unread": unread > 0 && level !== "nothing",
      "data-muted": level === "nothing",
    },
      isDirect ? avatar(owner, name) : h("span", { class: "badge", "aria-hidden": "true" }, isPrivate ? icon("lock") : "#"),
      h("bdi", { class: "room-name", title: name }, name), // which may be cut off
      isPrivate && h("span", { class: "visually-hidden" }, isDirect ? texts.home.direct : texts.home.private),
      isFavourite && [icon("star"), h("span", { class: "visually-hidden" }, texts.home.isFavourite)],
      level === "nothing" && h("span", { class: "visually-hidden" }, texts.home.muted),
      mentions > 0 && h("span", { class: "mentions" }, "@", h("span", { class: "visually-hidden" }, texts.home.mentions(mentions))),
      unread > 0 && h("span", { class: "count" }, unread > 999 ? "999+" : String(unread), h("span", { class: "visually-hidden" }, texts.home.unread)),
    );
  }
}

function emptyView(home) {
  const find = (text) => h("a", { href: "#/explore" }, text);
  const create = (text) => h("button", { type: "button", class: "link", onclick: () => createRoomDialog(home) }, text);
  return h("div", { class: "empty" },
    h("p", { class: "empty-title" }, texts.home.nothingOpen),
    h("p", {}, home.rooms.all.length ? texts.home.chooseRoom(find, create) : texts.home.firstRoom(find, create)),
  );
}
