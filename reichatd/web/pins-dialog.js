// The pinned messages of a room.

import { h } from "./dom.js";
import { openDialog } from "./forms.js";
import { entryButton, loadedList } from "./lists.js";
import { rightsOf } from "./message-menu.js";
import { excerpt } from "./message-parts.js";
import { texts } from "./texts.js";
import { full } from "./time.js";
import { pathOfRoom } from "./urls.js";

/** Opens the list. onchoose: gets the id of the message to show. */
export function pinsDialog(home, roomId, conversation, onchoose) {
  openDialog(texts.pins.title, (close) => {
    const pins = loadedList({
      label: texts.pins.title,
      load: async () => (await home.api.call("GET", pathOfRoom(roomId, "pins"))).messages.reverse(),
      empty: texts.pins.none,
      row: (message) => pinnedEntry(message, {
        mayUnpin: rightsOf(home, roomId, message).pin,
        onchoose: () => { close(); onchoose(message.message_id); },
        async onunpin() {
          await conversation.pin(message.message_id, false);
          pins.refresh();
        },
      }),
    });
    return pins.element;
  });
}

function pinnedEntry(message, { mayUnpin, onchoose, onunpin }) {
  const name = message.username || texts.common.deletedUser;
  return h("div", { class: "entry pinned-entry" },
    h("button", { type: "button", class: "entry-text", onclick: onchoose },
      h("span", { class: "hint" }, h("bdi", {}, name), `, ${full(new Date(message.timestamp))}`),
      h("span", { class: "pinned-text", dir: "auto" }, excerpt(message)),
    ),
    mayUnpin && entryButton(texts.message.unpin, `${name}, ${excerpt(message)}`, onunpin, "quiet"),
  );
}
