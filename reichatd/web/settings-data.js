// Settings: a copy of the user's data, and the end of the account.

import { h } from "./dom.js";
import { forgetUnsent } from "./drafts.js";
import { form, openDialog } from "./forms.js";
import { outcomeLine, quietButton, section } from "./settings-parts.js";
import { roomPlace } from "./urls.js";

const REVOKE_MS = 60_000; // the browser has begun to save the file by then

export const dataSections = (home) => [exportSection(home), deleteSection(home)];

function exportSection({ api, me }) {
  const outcome = outcomeLine();
  const button = quietButton("Download", async () => {
    button.disabled = true;
    outcome.textContent = "Loading …";
    try {
      save(await api.download("/user/export"), `${me.username}-${new Date().toISOString().slice(0, 10)}.ndjson`);
      outcome.textContent = "";
    } catch (error) {
      outcome.textContent = error.message;
    }
    button.disabled = false;
  });
  return section("A copy of your data",
    h("p", { class: "hint" }, "Your account, rooms, login sessions and messages, one record a line (JSON)."),
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
  return section("Delete your account",
    h("p", { class: "hint" }, "This cannot be undone."),
    h("div", { class: "buttons" }, quietButton("Delete account", () => deleteDialog(home), "quiet danger-text")),
  );
}

function deleteDialog(home) {
  const owned = home.rooms.all.filter((room) => room.owner === home.me.userId && room.kind !== "direct");
  openDialog("Delete your account?", (close) => owned.length ? ownedRooms(owned, close) : form({
    before: [h("p", {}, "You are logged out everywhere, and your name and address are deleted.")],
    fields: [
      {
        name: "messages", label: "Your messages", type: "radio", value: "keep", options: [
          ["keep", "Stay, without your name", "so that others can follow the conversations"],
          ["erase", "Are erased", "“(deleted)” takes the place of each"],
        ],
      },
      { name: "password", label: "Your password", type: "password", autocomplete: "current-password" },
    ],
    submit: "Delete permanently",
    look: "danger",
    beside: [quietButton("Cancel", close)],
    async onsubmit({ password, messages }) {
      const { api, me } = home;
      const before = api.farewell;
      api.farewell = "Your account is deleted."; // the end of the login session may be noticed before the answer
      try {
        await api.call("DELETE", "/user", { password, messages });
      } catch (error) {
        api.farewell = before;
        throw error;
      }
      forgetUnsent(me.userId);
      home.logOut(api.farewell);
    },
  }));
}

/** What has to be done first. */
function ownedRooms(rooms, close) {
  return [
    h("p", {}, "You own these rooms. Transfer or delete them first:"),
    h("ul", { class: "entries" }, rooms.map((room) => h("li", { class: "entry" }, h("a", { href: roomPlace(room.room_id), dir: "auto", onclick: close }, room.name)))),
  ];
}
