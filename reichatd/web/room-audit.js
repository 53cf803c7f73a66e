// The dialog of a room's audit log: who did what, newest first, in pages.

import { h } from "./dom.js";
import { openDialog } from "./forms.js";
import { texts } from "./texts.js";
import { duration, moment } from "./time.js";
import { pathOfRoom } from "./urls.js";

const PAGE = 50;

export function auditDialog(home, { room_id: roomId }) {
  const list = h("ul", { class: "entries", "aria-label": texts.room.auditLog, hidden: true });
  const note = h("p", { class: "hint", role: "status" }, texts.common.loading);
  const more = h("button", { type: "button", class: "link", hidden: true, onclick: load }, texts.common.showMore);
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
      note.textContent = last === null ? texts.audit.nothing : "";
    } catch (error) {
      note.textContent = error.message;
    }
    more.disabled = false;
  }

  openDialog(texts.room.auditLog, [list, more, note]);
  load();
}

function row({ at, event, actor, actor_name: actorName, user_id: userId, username, detail }) {
  const [who, whom] = [nameOf(actor, actorName), nameOf(userId, username)];
  const sentence = texts.audit.events[event]?.(who, whom, duration(Number.parseInt(detail, 10) || 0)) ?? texts.audit.other(who, event.replaceAll("_", " "));
  const time = h("time", { class: "hint", datetime: at }, moment(new Date(at)));
  return h("div", { class: "entry-text" },
    h("span", {}, sentence),
    time,
  );
}

function nameOf(userId, name) {
  if (userId === "administrator") return texts.audit.administrator;
  return h("bdi", { class: "entry-name" }, name || (userId ? texts.common.deletedUser : texts.audit.someone));
}
