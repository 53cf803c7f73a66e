// The view of a joined room: its conversation and the message input.

import { Composer } from "./composer.js";
import { companyLine } from "./company-line.js";
import { dateDialog } from "./date-dialog.js";
import { announce, h, icon, iconButton } from "./dom.js";
import { Draft } from "./drafts.js";
import { Feed } from "./feed.js";
import { onLongPress } from "./long-press.js";
import { excerpt } from "./message-parts.js";
import { pinsDialog } from "./pins-dialog.js";
import { roomDialog, slowText } from "./room-about.js";
import { RoomPeople, roomSource } from "./room-people.js";
import { RoomRows } from "./room-rows.js";
import { texts } from "./texts.js";
import { endTime, untilMidnight } from "./time.js";

const ANNOUNCED_CHARACTERS = 200;
const REFUSAL_MS = 10_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class RoomView {
  #home;
  #roomId;
  #conversation;
  #listeners = new AbortController();
  #newFrom = null; // the first id below the "New" line
  #rows;
  #missedFrom = null; // the first id that arrived while the tab was hidden or offline
  #announcedTo = null;
  #isPlaced = false;
  #midnight;
  #refusalEnd;
  #muteEnd;

  constructor(home, roomId) {
    this.#home = home;
    this.#roomId = roomId;
    this.#conversation = home.rooms.conversation(roomId);
    this.#rows = new RoomRows(home, roomId, this.#conversation, {
      newFrom: () => this.#newFrom,
      update: () => {
        this.feed.updatePending();
        this.company.update();
      },
      show: (id) => this.show(id),
      focus: (id, action) => this.feed.focus(id, action),
      focusSoon: (id, action) => this.feed.focusSoon(id, action),
      anchor: (id, action) => this.feed.anchor(id, action),
      reply: (message) => this.#reply(message),
      edit: (message) => this.#edit(message),
    });
    this.feed = new Feed(this.#conversation, {
      row: this.#rows.row,
      sourcesOf: this.#rows.sourcesOf,
      pendingRow: (entry) => this.#pendingRow(entry),
      onread: (id) => this.#markSeen(id),
    });
    this.title = h("h2", { dir: "auto" });
    this.description = h("p", { class: "hint", dir: "auto" });
    this.status = h("p", { class: "status", role: "status" });
    this.jump = h("button", { type: "button", class: "jump", hidden: true, onclick: () => this.#toEnd() });
    this.limits = h("p", { class: "limits hint", role: "status" });
    this.favourite = iconButton("star", texts.home.favourite, () => home.preferences.set(roomId, { isFavourite: !home.preferences.get(roomId).isFavourite }), { class: "icon-button favourite" });
    this.composer = new Composer({
      draft: new Draft(home.me.userId, roomId),
      serverInfo: home.api.serverInfo,
      onsend: (content, replyTo) => this.#send(content, replyTo),
      onedit: () => this.#rows.lastOwn && this.#edit(this.#rows.lastOwn),
      oninput: () => this.#conversation.typing(),
      people: new RoomPeople(home, roomId),
      rooms: roomSource(home),
      signal: this.#listeners.signal,
    });
    this.input = this.composer.input;
    this.company = companyLine(home, roomId, this.#conversation.company, this.#rows.names);
    this.refusal = h("p", { class: "refusal problem", role: "alert" });
    this.rejoin = h("button", { type: "button", class: "primary rejoin", hidden: true, onclick: () => home.open(roomId) }, texts.common.join);
    this.element = h("div", { class: "room" },
      h("header", { class: "bar" },
        iconButton("back", texts.common.backToRooms, () => home.leave(), { class: "icon-button only-narrow" }),
        h("div", { class: "bar-title" }, this.title, this.description),
        this.company.online,
        this.favourite,
        iconButton("pin", texts.pins.title, () => pinsDialog(home, roomId, this.#conversation, (id) => this.show(id)), { "aria-haspopup": "dialog" }),
        iconButton("calendar", texts.goToDate.title, () => dateDialog(this.#conversation, (id) => this.show(id)), { "aria-haspopup": "dialog" }),
        iconButton("people", home.rooms.get(roomId).kind === "direct" ? texts.conversation.aboutPerson : texts.conversation.aboutRoom, () => roomDialog(home, roomId)),
      ),
      this.status,
      h("div", { class: "feed-place" }, this.feed.element, this.jump),
      this.company.typing,
      this.limits,
      this.refusal,
      this.rejoin,
      this.composer.element,
    );
    this.#listen();
    this.#showRoom();
  }

  /** The caller calls this when the element is in the page. messageId: the message to go to; null for the first unread one. */
  shown(messageId) {
    this.#showState();
    this.composer.shown();
    if (messageId !== null) this.show(messageId);
    this.#changed();
    if (messageId === null && matchMedia("(pointer: fine)").matches) this.input.focus();
  }

  /** Whether the conversation has ended for good. */
  get isOver() {
    return this.#conversation.state === "over";
  }

  /** Goes to the message of a link. */
  show(messageId) {
    this.feed.show(messageId, { isLinked: true });
  }

  close() {
    this.#listeners.abort();
    this.feed.close();
    this.#rows.close();
    clearTimeout(this.#refusalEnd);
    clearTimeout(this.#midnight);
    clearTimeout(this.#muteEnd);
  }

  #listen() {
    const { signal } = this.#listeners;
    const conversation = this.#conversation;
    conversation.addEventListener("log", () => this.#changed(), { signal });
    conversation.addEventListener("outbox", () => this.feed.updatePending(), { signal });
    conversation.addEventListener("state", () => { this.#showState(); this.#changed(); this.feed.updatePending(); this.#presenceChanged(); }, { signal });
    this.#home.rooms.addEventListener("change", () => this.#showRoom(), { signal });
    signal.addEventListener("abort", this.#home.preferences.subscribe(() => this.#showRoom()));
    document.addEventListener("visibilitychange", () => this.#presenceChanged(), { signal });
    conversation.addEventListener("company", () => this.company.update(), { signal });
    conversation.addEventListener("refused", ({ detail }) => this.#showRefusal(detail), { signal });
    onLongPress(this.feed.list, (target) => this.#rows.openMenu(Number(target.closest(".message")?.dataset.id)));
    const midnight = () => {
      this.feed.redraw();
      this.#midnight = setTimeout(midnight, untilMidnight());
    };
    this.#midnight = setTimeout(midnight, untilMidnight());
  }

  #showRoom() {
    const room = this.#home.rooms.get(this.#roomId);
    if (room === undefined) return;
    this.title.textContent = room.name;
    this.description.textContent = room.description;
    this.favourite.setAttribute("aria-pressed", String(this.#home.preferences.get(this.#roomId).isFavourite));
    this.#showLimits(room);
  }

  /** Says whether the user may not post now, or not all the time. */
  #showLimits(room) {
    clearTimeout(this.#muteEnd);
    const mutedFor = room.muted_until ? new Date(room.muted_until) - Date.now() : 0;
    if (mutedFor > 0) this.#muteEnd = setTimeout(() => this.#showLimits(room), Math.min(mutedFor, LONGEST_TIMER_MS));
    const isSlow = room.slow_seconds > 0 && room.role === "member";
    const text = mutedFor > 0 ? texts.conversation.mutedUntil(endTime(new Date(room.muted_until))) : isSlow ? `${slowText(room)}.` : "";
    this.limits.toggleAttribute("data-muted", mutedFor > 0);
    if (this.limits.textContent !== text) this.limits.textContent = text; // a screen reader says each change
  }

  /** The log or the state has changed. */
  #changed() {
    const { log } = this.#conversation;
    if (!this.#isPlaced) {
      if (this.#conversation.state !== "live" && log.end === 0) return;
      this.#place();
    }
    this.#announceNew();
    this.feed.update();
    this.#drawJump();
  }

  /** Sets the first position: the first unread message, or the end if there is none. */
  #place() {
    const { log } = this.#conversation;
    this.#isPlaced = true;
    this.#announcedTo = log.end;
    if (log.unread > 0) this.#newFrom = Math.max(log.readTo + 1, log.first);
    this.feed.begin(this.#newFrom);
  }

  #announceNew() {
    const { log } = this.#conversation;
    if (log.end < this.#announcedTo) this.#announcedTo = 0; // the log was cleared
    if (log.end <= this.#announcedTo) return;
    const newFrom = Math.max(this.#announcedTo, log.readTo) + 1;
    this.#announcedTo = log.end;
    if (this.#isAway && newFrom <= log.end) {
      this.#newFrom ??= newFrom;
      this.#missedFrom ??= newFrom;
    }
    const message = log.get(log.end);
    if (message && !message.deleted && message.user_id !== this.#home.me.userId) announce(`${log.nameOf(message)}: ${message.content.slice(0, ANNOUNCED_CHARACTERS)}`);
  }

  /** Whether new messages are not seen: they stay unread, and the feed does not scroll past them. */
  get #isAway() {
    return document.visibilityState === "hidden" || this.#conversation.state !== "live";
  }

  #presenceChanged() {
    const { log } = this.#conversation;
    if (this.#conversation.state === "live") this.#rows.lookup.connected();
    if (this.#isAway) {
      if (log.unread === 0) this.#newFrom = this.#missedFrom = null;
      return;
    }
    const line = this.feed.list.querySelector(".new-line")?.closest(".message").dataset.id;
    if (Number(line ?? null) !== Number(this.#newFrom)) this.feed.redraw(); // only then: a redraw would lose the selection
    this.feed.update();
    if (this.#missedFrom > log.readTo && this.feed.atEnd) this.feed.show(this.#missedFrom);
    this.#missedFrom = null;
  }

  #markSeen(id) {
    if (document.visibilityState === "visible") this.#conversation.markRead(id);
    this.#drawJump();
  }

  // --- the state of the connection

  #showState() {
    const { state, reason } = this.#conversation;
    const isOver = state === "over";
    const { connecting, notConnected, offline, savedUntil, tryNow } = texts.conversation;
    const text = isOver ? reason : state === "live" ? "" : state === "connecting" ? connecting : navigator.onLine ? notConnected : offline;
    const waits = !isOver && text !== "" && savedUntil;
    this.status.replaceChildren(
      text, waits || "",
      state === "waiting" ? h("button", { type: "button", class: "link", onclick: () => this.#conversation.retryNow() }, tryNow) : "",
    );
    this.status.hidden = text === "" || (state === "connecting" && !this.#wasShown);
    this.#wasShown = state === "waiting" || (state === "connecting" && this.#wasShown);
    this.element.dataset.state = state;
    this.input.disabled = isOver;
    this.rejoin.hidden = !isOver || reason === texts.conversation.roomDeleted;
    this.limits.hidden = isOver;
  }

  #wasShown = false; // whether the status was visible: the first try shows none

  #drawJump() {
    const below = this.feed.newBelow;
    this.jump.hidden = this.feed.atEnd || !this.#isPlaced;
    const text = below > 0 ? texts.conversation.newBelow(below > 999 ? "999+" : below) : texts.conversation.latest;
    if (this.jump.dataset.text === text) return;
    this.jump.dataset.text = text;
    this.jump.replaceChildren(icon("down"), text);
  }

  #toEnd() {
    this.feed.showEnd();
    this.input.focus();
  }

  // --- writing

  #send(content, replyTo) {
    if (this.#newFrom !== null) {
      this.#newFrom = this.#missedFrom = null;
      this.feed.redraw();
    }
    this.feed.showEnd();
    this.#conversation.send(content, { replyTo });
  }

  #reply(message) {
    const name = this.#conversation.log.nameOf(message);
    this.composer.begin({ icon: "reply", label: texts.writing.replyTo(name), text: excerpt(message), replyTo: message.message_id });
  }

  #edit({ message_id: id, content }) {
    this.composer.begin({
      icon: "edit",
      label: texts.writing.editMessage,
      text: "",
      content,
      save: (text) => this.#conversation.edit(id, text),
      onleave: () => this.#setEdited(null),
    });
    this.#setEdited(id);
  }

  /** Marks the message that is edited. */
  #setEdited(id) {
    this.#rows.editedId = id;
    this.feed.update();
  }

  /** Says why the server refused a change, for some seconds. */
  #showRefusal({ message }) {
    clearTimeout(this.#refusalEnd);
    this.refusal.textContent = message;
    this.#refusalEnd = setTimeout(() => (this.refusal.textContent = ""), REFUSAL_MS);
  }

  #pendingRow(entry) {
    const { state, reason } = this.#conversation;
    const isLost = state === "over" && entry.messageId === undefined;
    return this.#rows.pendingRow(isLost ? { problem: reason, ...entry, isFinal: true } : entry, state === "live", {
      retry: () => this.#conversation.retry(entry.nonce),
      edit: () => {
        const original = this.#conversation.log.get(entry.replyTo);
        this.composer.putBack(entry.content);
        if (original) this.#reply(original);
        this.#conversation.discard(entry.nonce);
      },
      discard: () => this.#conversation.discard(entry.nonce),
    });
  }
}
