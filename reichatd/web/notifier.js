// Tells the user of new messages while a page is open: by a notification of the system, and by a sound.

import { chime } from "./chime.js";
import { imageUrl } from "./instance.js";
import { Speaker } from "./speaker.js";
import { storage } from "./storage.js";
import { Stored } from "./stored.js";
import { texts } from "./texts.js";

const BODY_CHARACTERS = 120;
const NAME_CHARACTERS = 60;
const PAUSE_MS = 1_000; // minimum between two sounds
const BIDI = /[\u202a-\u202e\u2066-\u2069]/g; // would also turn the text around that follows

const keyOf = (userId) => `reichatd.notifications.${userId}`;

/** What the user has chosen for this browser: {isOn, hasText, hasSound}. */
export const notificationSettings = (userId) => new Stored(keyOf(userId), { isOn: false, hasText: true, hasSound: true });

/** Removes what `notificationSettings` keeps. */
export const forgetNotifications = (userId) => storage.remove(keyOf(userId));

/** Whether the user is told of a message. Pure. level: that of the room. */
export const isLoud = (level, { mentions = [], mention_room: mentionsRoom = false }, userId) =>
  level === "all" || (level === "mentions" && (mentionsRoom || mentions.includes(userId)));

/** What a notification says: {title, body}. Pure. */
export function wordsOf(room, message, { hasText, isMention }) {
  const name = shortened(message.username, NAME_CHARACTERS);
  const title = room.kind === "direct" ? name : `${name} · ${shortened(room.name, NAME_CHARACTERS)}`;
  const { newMessage, mentioned } = texts.notifications;
  return { title, body: hasText ? shortened(message.content, BODY_CHARACTERS) : isMention ? mentioned : newMessage };
}

function shortened(text, most) {
  const characters = [...text.replace(BIDI, "").replace(/\s+/g, " ").trim()];
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : characters.join("");
}

export class Notifier {
  #userId;
  #settings;
  #preferences;
  #rooms;
  #onopen;
  #speaker;
  #room = null; // the room that is shown in this tab
  #waiting = new Map(); // by room id: the last message of which to tell
  #shown = new Map(); // by room id
  #timer = null;
  #toldAt = -Infinity;

  /**
   * home: has the user, the rooms, and what the user prefers.
   * onopen: gets the room id and the message id of a notification that was clicked.
   */
  constructor({ me, rooms, preferences, notificationSettings: settings }, onopen) {
    this.#userId = me.userId;
    this.#rooms = rooms;
    this.#preferences = preferences;
    this.#settings = settings;
    this.#onopen = onopen;
    this.#speaker = new Speaker(`reichatd.speaker.${me.userId}`);
    document.addEventListener("visibilitychange", this.#placeChanged);
  }

  /** Whether this tab tells the user of messages. */
  get speaks() {
    const { isOn, hasSound } = this.#settings.value;
    return this.#speaker.isThisTab && (isOn || hasSound);
  }

  /** This tab shows a room; null: none. */
  shows(roomId) {
    this.#room = roomId;
    this.#placeChanged();
  }

  /** A message of another user has arrived, and is unread. */
  arrived(roomId, message) {
    const room = this.#rooms.get(roomId);
    if (room === undefined || !isLoud(this.#preferences.levelOf(room), message, this.#userId)) return;
    this.#waiting.set(roomId, message);
    const pause = this.#toldAt + PAUSE_MS - performance.now();
    if (pause <= 0) this.#tell();
    else this.#timer ??= setTimeout(() => this.#tell(), pause);
  }

  /** Removes the notifications of rooms in which nothing is unread any more. */
  unreadChanged() {
    for (const [roomId, notification] of this.#shown) if (this.#rooms.unread(roomId) === 0) notification.close();
  }

  stop() {
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#placeChanged);
    this.#waiting.clear();
    for (const notification of this.#shown.values()) notification.close();
    this.#speaker.stop();
  }

  #placeChanged = () => this.#speaker.reads(document.visibilityState === "visible" ? this.#room : null);

  /** Tells of the last message in each room that has one, unless the user reads the room or another tab speaks. */
  async #tell() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#toldAt = performance.now();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    const isRead = await this.#speaker.readers();
    if (!this.#speaker.isThisTab) return; // also after `stop`
    const left = waiting.filter(([roomId]) => !isRead(roomId) && this.#rooms.unread(roomId) > 0);
    if (left.length === 0) return;
    const { isOn, hasText, hasSound } = this.#settings.value;
    if (isOn) for (const [roomId, message] of left) this.#notify(roomId, message, hasText);
    if (hasSound) chime();
  }

  #notify(roomId, message, hasText) {
    const { title, body } = wordsOf(this.#rooms.get(roomId), message, { hasText, isMention: isLoud("mentions", message, this.#userId) });
    const notification = showNotification(title, { body, tag: `${this.#userId}.${roomId}`, renotify: true, silent: true });
    if (notification === null) return;
    this.#shown.set(roomId, notification);
    notification.onclick = () => {
      window.focus();
      notification.close();
      this.#onopen(roomId, message.message_id);
    };
    notification.onclose = () => this.#shown.get(roomId) === notification && this.#shown.delete(roomId);
  }
}

/** Shows a notification; returns null if the browser allows none, or only to service workers, as on Android. */
export function showNotification(title, options) {
  if (globalThis.Notification?.permission !== "granted") return null;
  try {
    return new Notification(title, { icon: imageUrl, dir: "auto", ...options });
  } catch {
    return null;
  }
}
