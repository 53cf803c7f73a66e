// Dialogs that create, edit, leave, transfer and delete rooms.

import { h } from "./dom.js";
import { confirmDialog, form, openDialog } from "./forms.js";
import { memberList } from "./members.js";
import { texts } from "./texts.js";
import { duration } from "./time.js";
import { pathOfRoom } from "./urls.js";

const SLOW_SECONDS = [0, 5, 10, 30, 60, 300, 900, 3600, 21_600];

function roomFields({ name = "", description = "" } = {}) {
  return [
    { name: "name", label: texts.common.name, value: name, autocomplete: "off", dir: "auto" },
    { name: "description", label: texts.roomForm.description, value: description, rows: "3", dir: "auto" },
  ];
}

function slowField({ slow_seconds: now = 0 }) {
  const choices = [...new Set([...SLOW_SECONDS, now])].sort((one, other) => one - other);
  return {
    name: "slow_seconds",
    label: texts.roomForm.slow,
    hint: texts.roomForm.slowHint,
    options: choices.map((seconds) => [seconds, seconds === 0 ? texts.roomForm.off : duration(seconds)]),
    value: now,
  };
}

export function createRoomDialog(home) {
  openDialog(texts.home.newRoom, (close) => form({
    fields: [
      ...roomFields(),
      { name: "password", label: texts.common.password, type: "password", autocomplete: "new-password", hint: texts.roomForm.passwordHint },
      { name: "room_id", label: texts.roomForm.id, autocapitalize: "none", spellcheck: "false", autocomplete: "off", hint: texts.roomForm.idHint },
    ],
    submit: texts.roomForm.create,
    async onsubmit({ name, description, password, room_id: id }) {
      const body = { name, description, password: password || null, room_id: id.trim() || null };
      const answer = await home.api.call("POST", "/room", body);
      await home.rooms.read();
      close();
      home.open(answer.room_id);
    },
  }));
}

export function editRoomDialog(home, room) {
  openDialog(texts.roomForm.edit, (close) => form({
    fields: [
      ...roomFields(room),
      slowField(room),
      { name: "password", label: texts.common.newPassword, type: "password", autocomplete: "new-password", hint: room.private ? texts.roomForm.keepPassword : texts.roomForm.makesPrivate },
      ...(room.private ? [{ name: "open", label: texts.roomForm.makePublic, type: "checkbox" }] : []),
    ],
    submit: texts.roomForm.save,
    async onsubmit({ name, description, slow_seconds: slow, password, open }) {
      const change = open ? { password: null } : password ? { password } : {};
      await home.api.call("PUT", pathOfRoom(room.room_id), { name, description, slow_seconds: Number(slow), ...change });
      await home.rooms.read();
      close();
    },
  }));
}

/** Offers an owner to transfer the room first: nobody can do it after the owner has left. */
export function leaveRoomDialog(home, room) {
  const isDirect = room.kind === "direct";
  const isOwner = room.role === "owner";
  const dialog = confirmDialog(isDirect ? texts.leaving.conversation : texts.leaving.room, leavingText(room, isDirect, isOwner), texts.common.leave, async () => {
    await home.api.call("POST", pathOfRoom(room.room_id, "leave"));
    await home.rooms.read();
    home.leave();
  });
  if (!isOwner || room.members === 1) return;
  const transfer = () => {
    dialog.close();
    transferDialog(home, room, () => leaveRoomDialog(home, home.rooms.get(room.room_id)));
  };
  dialog.querySelector(".buttons").prepend(h("button", { type: "button", class: "quiet", onclick: transfer }, texts.leaving.transferFirst));
}

function leavingText(room, isDirect, isOwner) {
  const name = h("bdi", {}, room.name);
  if (isDirect) return texts.leaving.fromDirect(name);
  return [
    texts.leaving.fromRoom(name),
    room.private && !isOwner ? texts.leaving.needsPassword : texts.leaving.canJoin,
    isOwner && texts.leaving.stayOwner,
    isOwner && room.private && texts.leaving.noteId(h("code", {}, room.room_id)),
  ];
}

/** Lets the owner choose a member, who becomes the owner. done: called then. */
function transferDialog(home, room, done) {
  openDialog(texts.transfer.title, (close) => {
    const members = memberList(home, room.room_id, {
      without: home.me.userId,
      onchoose: (person) => confirmTransfer(home, room, person, () => {
        close();
        done();
      }),
    });
    members.refresh();
    return [h("p", {}, texts.transfer.who(h("bdi", {}, room.name))), members.element];
  });
}

/** Asks the owner whether this member shall be the owner. done: called after the transfer. */
export function confirmTransfer(home, room, { user_id: userId, username }, done) {
  const text = texts.transfer.consequence(h("bdi", {}, username), h("bdi", {}, room.name));
  return confirmDialog(texts.transfer.makeOwner(username), text, texts.transfer.submit, async () => {
    await home.api.call("POST", pathOfRoom(room.room_id, "transfer"), { user_id: userId });
    await home.rooms.read();
    done();
  });
}

export function deleteRoomDialog(home, room) {
  confirmDialog(texts.deleteRoom.title, texts.deleteRoom.consequence(h("bdi", {}, room.name)), texts.deleteRoom.submit, async () => {
    await home.api.call("DELETE", pathOfRoom(room.room_id));
    await home.rooms.read();
    home.leave();
  });
}
