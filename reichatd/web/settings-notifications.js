// Settings: of what this browser tells the user, and how.

import { chime } from "./chime.js";
import { h } from "./dom.js";
import { instanceName } from "./instance.js";
import { entry } from "./lists.js";
import { showNotification } from "./notifier.js";
import { levelSelect } from "./room-level.js";
import { outcomeLine, quietButton, section } from "./settings-parts.js";
import { texts } from "./texts.js";

export const notificationSections = (home) => [browserSection(home), soundSection(home), roomsSection(home)];

function browserSection({ notificationSettings: settings }) {
  const words = texts.notifications;
  const state = outcomeLine();
  const button = quietButton("", async () => {
    if (stateNow(settings) === "on") settings.update({ isOn: false });
    else if ((await Notification.requestPermission()) === "granted") return turnOn();
    return draw();
  });

  /** The first notification shows the user what they look like, and this page whether there are any. */
  function turnOn() {
    const isShown = showNotification(instanceName, { body: words.states.on, tag: "on" }) !== null;
    settings.update({ isOn: isShown });
    draw(isShown ? "on" : "unavailable");
  }

  function draw(now = stateNow(settings)) {
    state.textContent = words.states[now];
    button.textContent = now === "on" ? words.turnOff : words.turnOn;
    button.hidden = !["on", "off"].includes(now);
  }

  draw();
  return section(words.title, h("p", { class: "hint" }, words.hint), state, h("div", { class: "buttons" }, button), checkbox(settings, "hasText", words.showText));
}

/** A key of `texts.notifications.states`. */
function stateNow(settings) {
  if (!isSecureContext) return "insecure"; // there the browser refuses without a question
  const permission = globalThis.Notification?.permission;
  if (permission === undefined) return "unavailable";
  if (permission === "denied") return "blocked";
  return permission === "granted" && settings.value.isOn ? "on" : "off";
}

function soundSection({ notificationSettings: settings }) {
  const { sound, playSound, playNow } = texts.notifications;
  return section(sound, checkbox(settings, "hasSound", playSound), h("div", { class: "buttons" }, quietButton(playNow, chime)));
}

function roomsSection(home) {
  const { rooms, roomsHint, levelOf } = texts.notifications;
  const list = h("ul", { class: "entries", "aria-label": rooms },
    home.rooms.all.map((room) => h("li", {}, entry(room.name, [], [levelSelect(home, room, { "aria-label": levelOf(room.name) })]))),
  );
  return section(rooms, h("p", { class: "hint" }, roomsHint), home.rooms.all.length > 0 && list);
}

/** A checkbox for one of the settings; a change applies at once. */
function checkbox(settings, field, label) {
  const id = `notifications-${field}`;
  const input = h("input", { type: "checkbox", id, checked: settings.value[field], onchange: () => settings.update({ [field]: input.checked }) });
  return h("div", { class: "field check" }, input, h("label", { for: id }, label));
}
