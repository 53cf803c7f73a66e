// The dialog of a room's audit log: who did what, newest first, in pages.

import { h } from "./dom.js";
import { openDialog } from "./forms.js";
import { duration, moment } from "./time.js";
import { pathOfRoom } from "./urls.js";

const PAGE = 50;

// What the actor did: "*" stands for the other user.
const SENTENCES = {
  room_created: "created the room",
  room_changed: "changed the room",
  room_transferred: "made * the owner",
  moderator_added: "made * a moderator",
  moderator_removed: "dismissed * as a moderator",
  joined: "joined",
  left: "left",
  kicked: "kicked *",
  banned: "banned *",
  unbanned: "unbanned *",
  muted: "muted *",
  unmuted: "unmuted *",
  invite_created: "created an invitation",
  invite_deleted: "deleted an invitation",
  invite_used: "joined with an invitation",
};

export function auditDialog(home, { room_id: roomId }) {
  const list = h("ul", { class: "entries", "aria-label": "Audit log", hidden: true });
  const note = h("p", { class: "hint", role: "status" }, "Loading …");
  const more = h("button", { type: "button", class: "link", hidden: true, onclick: load }, "Show more");
  let last = null; // the number of the last entry that is shown

  async function load() {
    more.disabled = true;
    try {
      const query = new URLSearchParams({ limit: PAGE, ...(last !== null && { before: last }) });
      const { entries } = await home.api.call("GET", `${pathOfRoom(roomId, "audit")}?${query}`);
      list.append(...entries.map((entry) => h("li", { class: "entry" }, row(entry))));
      last = entries.at(-1)?.number ?? last;
      more.hidden = entries.length < PAGE;
      list.hidden = last === null;
      note.textContent = last === null ? "Nothing has happened yet." : "";
    } catch (error) {
      note.textContent = error.message;
    }
    more.disabled = false;
  }

  openDialog("Audit log", [list, more, note]);
  load();
}

function row({ at, event, actor, actor_name: actorName, user_id: userId, username, detail }) {
  const [before, after] = (SENTENCES[event] ?? event.replaceAll("_", " ")).split("*");
  const time = h("time", { class: "hint", datetime: at }, moment(new Date(at)));
  return h("div", { class: "entry-text" },
    h("span", {}, nameOf(actor, actorName), ` ${before}`, after !== undefined && [nameOf(userId, username), after], event === "muted" && ` for ${duration(Number.parseInt(detail, 10))}`),
    time,
  );
}

function nameOf(userId, name) {
  if (userId === "administrator") return "An administrator";
  return h("bdi", { class: "entry-name" }, name || (userId ? "(deleted user)" : "Someone"));
}
