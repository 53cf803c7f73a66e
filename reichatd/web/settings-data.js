// Settings: a copy of the user's data, and the end of the account.

import { h } from "./dom.js";
import { forgetUnsent } from "./drafts.js";
import { form, openDialog } from "./forms.js";
import { forgetNotifications } from "./notifier.js";
import { forgetPreferences } from "./room-preferences.js";
import { outcomeLine, quietButton, section } from "./settings-parts.js";
import { texts } from "./texts.js";
import { roomPlace } from "./urls.js";

const REVOKE_MS = 60_000; // the browser has begun to save the file by then

export const dataSections = (home) => [exportSection(home), deleteSection(home)];

function exportSection({ api, me }) {
  const outcome = outcomeLine();
  const button = quietButton(texts.data.download, async () => {
    button.disabled = true;
    outcome.textContent = texts.common.loading;
    try {
      save(await api.download("/user/export"), `${me.username}-${new Date().toISOString().slice(0, 10)}.ndjson`);
      outcome.textContent = "";
    } catch (error) {
      outcome.textContent = error.message;
    }
    button.disabled = false;
  });
  return section(texts.data.exportTitle,
    h("p", { class: "hint" }, texts.data.exportHint),
    h("div", { class: "buttons" }, button),
    outcome,
  );
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_MS);
}

function deleteSection(home) {
  return section(texts.data.deleteTitle,
    h("p", { class: "hint" }, texts.data.noUndo),
    h("div", { class: "buttons" }, quietButton(texts.data.deleteAccount, () => deleteDialog(home), "quiet danger-text")),
  );
}

function deleteDialog(home) {
  const owned = home.rooms.all.filter((room) => room.owner === home.me.userId && room.kind !== "direct");
  openDialog(texts.data.question, (close) => owned.length ? ownedRooms(owned, close) : form({
    before: [h("p", {}, texts.data.consequence)],
    fields: [
      {
        name: "messages", label: texts.data.messages, type: "radio", value: "keep", options: [
          ["keep", texts.data.keep, texts.data.keepHint],
          ["erase", texts.data.erase, texts.data.eraseHint],
        ],
      },
      { name: "password", label: texts.common.yourPassword, type: "password", autocomplete: "current-password" },
    ],
    submit: texts.data.submit,
    look: "danger",
    beside: [quietButton(texts.common.cancel, close)],
    async onsubmit({ password, messages }) {
      const { api, me } = home;
      const before = api.farewell;
      api.farewell = texts.data.done; // the end of the login session may be noticed before the answer
      try {
        await api.call("DELETE", "/user", { password, messages });
      } catch (error) {
        api.farewell = before;
        throw error;
      }
      for (const forget of [forgetUnsent, forgetPreferences, forgetNotifications]) forget(me.userId);
      home.logOut(api.farewell);
    },
  }));
}

/** What has to be done first. */
function ownedRooms(rooms, close) {
  return [
    h("p", {}, texts.data.ownedRooms),
    h("ul", { class: "entries" }, rooms.map((room) => h("li", { class: "entry" }, h("a", { href: roomPlace(room.room_id), dir: "auto", onclick: close }, room.name)))),
  ];
}
