// The choice of which messages of a room notify.

import { h } from "./dom.js";
import { LEVELS } from "./room-preferences.js";
import { texts } from "./texts.js";

/** A list to choose from; a choice applies at once. attributes: of the element, such as its label. */
export function levelSelect({ preferences }, room, attributes) {
  const select = h("select", {
    ...attributes,
    onchange: () => preferences.set(room.room_id, { level: select.value }),
  }, LEVELS.map((level) => h("option", { value: level }, texts.notifications.levels[level])));
  const show = () => (select.value = preferences.levelOf(room));
  const end = preferences.subscribe(() => (select.isConnected ? show() : end())); // another tab may have changed it
  show();
  return select;
}
