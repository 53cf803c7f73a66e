// The dialog of a room: what it is, what can be done with it, and its members.

import { h } from "./dom.js";
import { openDialog } from "./forms.js";
import { bannedList, leads, memberList } from "./members.js";
import { personDialog } from "./person-dialog.js";
import { auditDialog } from "./room-audit.js";
import { deleteRoomDialog, editRoomDialog, leaveRoomDialog } from "./room-dialogs.js";
import { invitesDialog } from "./room-invites.js";
import { levelSelect } from "./room-level.js";
import { quietButton } from "./settings-parts.js";
import { texts } from "./texts.js";
import { duration } from "./time.js";
import { copyAndTell } from "./toast.js";
import { pageUrlOf } from "./urls.js";

const MOST_COUNTED = 1000; // members, by the server

/** Opens the dialog of a joined room; that of the other person for a direct conversation. */
export async function roomDialog(home, roomId) {
  await home.rooms.read().catch(() => {}); // it may have changed; without a connection, the last known state is shown
  const room = home.rooms.get(roomId);
  if (room === undefined) return;
  if (room.kind === "direct") personDialog(home, roomId, room.owner);
  else await aboutDialog(home, room);
}

async function aboutDialog(home, room) {
  const people = await peopleSection(home, room);
  const dialog = openDialog(room.name, (close) => [
    room.description && h("p", { class: "description", dir: "auto" }, room.description),
    h("p", { class: "hint" }, (room.private ? texts.room.private : texts.room.public)(h("code", {}, room.room_id))),
    room.owner_is_member === false && h("p", { class: "hint" }, texts.room.ownerLeft),
    room.slow_seconds > 0 && h("p", { class: "hint" }, slowText(room)),
    h("div", { class: "field" }, h("label", { for: "room-level" }, texts.settings.parts.notifications), levelSelect(home, room, { id: "room-level" })),
    h("div", { class: "buttons" }, buttons(home, room, close)),
    people.element,
  ]);
  home.rooms.addEventListener("change", people.changed);
  dialog.addEventListener("close", () => home.rooms.removeEventListener("change", people.changed));
}

/** How long members have to wait. */
export const slowText = ({ slow_seconds: seconds }) => texts.room.slowMode(duration(seconds));

function buttons(home, room, close) {
  const instead = (open) => () => {
    close();
    open(home, room);
  };
  const isOwner = room.role === "owner";
  const address = pageUrlOf(`#/room/${encodeURIComponent(room.room_id)}`);
  return [
    quietButton(texts.room.copyAddress, () => copyAndTell(address, texts.room.addressCopied)),
    leads(room) && quietButton(texts.room.invite, () => invitesDialog(home, room)),
    isOwner && quietButton(texts.common.edit, instead(editRoomDialog)),
    leads(room) && quietButton(texts.room.auditLog, () => auditDialog(home, room)),
    quietButton(texts.common.leave, instead(leaveRoomDialog)),
    isOwner && quietButton(texts.common.delete, instead(deleteRoomDialog), "quiet danger-text"),
  ];
}

/** The members and, for those who lead the room, the banned users. `changed`: draws them again if the members have changed. */
async function peopleSection(home, room) {
  const { room_id: roomId } = room;
  let count = room.members;
  const membersTitle = h("h3", {});
  const bannedTitle = h("h3", {});
  const onchoose = ({ user_id: userId }) => personDialog(home, roomId, userId, refresh);
  const members = memberList(home, roomId, { onchoose });
  const banned = leads(room) && bannedList(home, roomId, {
    onchoose,
    onload(count, hasAll) {
      bannedTitle.textContent = texts.room.banned(`${count}${hasAll ? "" : "+"}`);
      bannedPart.hidden = count === 0;
    },
  });
  const bannedPart = banned && h("div", { hidden: true }, bannedTitle, banned.element);

  async function refresh() {
    membersTitle.textContent = texts.room.members(count < MOST_COUNTED ? count : `${MOST_COUNTED}+`);
    await Promise.all([members.refresh(), banned && banned.refresh()]);
  }

  function changed() {
    const now = home.rooms.get(roomId)?.members ?? count;
    if (now === count) return;
    count = now;
    refresh();
  }

  await refresh();
  return { element: h("div", {}, membersTitle, members.element, bannedPart), changed };
}
