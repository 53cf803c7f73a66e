// Dialogs that create, edit, leave, transfer and delete rooms.

import { h } from "./dom.js";
import { confirmDialog, form, openDialog } from "./forms.js";
import { memberList } from "./members.js";
import { duration } from "./time.js";
import { pathOfRoom } from "./urls.js";

const SLOW_SECONDS = [0, 5, 10, 30, 60, 300, 900, 3600, 21_600];

function roomFields({ name = "", description = "" } = {}) {
  return [
    { name: "name", label: "Name", value: name, autocomplete: "off", dir: "auto" },
    { name: "description", label: "Description", value: description, rows: "3", dir: "auto" },
  ];
}

function slowField({ slow_seconds: now = 0 }) {
  const choices = [...new Set([...SLOW_SECONDS, now])].sort((one, other) => one - other);
  return {
    name: "slow_seconds",
    label: "Slow mode",
    hint: "How long members wait from one message to the next. You and the moderators need not wait.",
    options: choices.map((seconds) => [seconds, seconds === 0 ? "Off" : duration(seconds)]),
    value: now,
  };
}

export function createRoomDialog(home) {
  openDialog("New room", (close) => form({
    fields: [
      ...roomFields(),
      { name: "password", label: "Password", type: "password", autocomplete: "new-password", hint: "Leave it empty for a public room, which everyone can find and join." },
      { name: "room_id", label: "Id", autocapitalize: "none", spellcheck: "false", autocomplete: "off", hint: "Letters from a to z and digits, for the room's address. Leave it empty for a random id." },
    ],
    submit: "Create room",
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
  openDialog("Edit room", (close) => form({
    fields: [
      ...roomFields(room),
      slowField(room),
      { name: "password", label: "New password", type: "password", autocomplete: "new-password", hint: room.private ? "Leave it empty to keep the password." : "A password makes the room private." },
      ...(room.private ? [{ name: "open", label: "Make the room public, without a password", type: "checkbox" }] : []),
    ],
    submit: "Save",
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
  const dialog = confirmDialog(isDirect ? "Leave this conversation?" : "Leave this room?", leavingText(room, isDirect, isOwner), "Leave", async () => {
    await home.api.call("POST", pathOfRoom(room.room_id, "leave"));
    await home.rooms.read();
    home.leave();
  });
  if (!isOwner || room.users.length === 1) return;
  const transfer = () => {
    dialog.close();
    transferDialog(home, room, () => leaveRoomDialog(home, home.rooms.get(room.room_id)));
  };
  dialog.querySelector(".buttons").prepend(h("button", { type: "button", class: "quiet", onclick: transfer }, "Transfer first"));
}

function leavingText(room, isDirect, isOwner) {
  const name = h("bdi", {}, room.name);
  if (isDirect) return ["You will get no more messages from ", name, " here, until one of you opens the conversation again. Its messages stay."];
  const back = room.private && !isOwner ? "To come back, you need its password or an invitation." : "You can join it again.";
  return [
    "You will get no more messages from “", name, "”. ", back,
    isOwner && " You stay its owner: to let another member lead it, transfer it first. To end it, delete it.",
    isOwner && room.private && [" If you leave it, note its id, since no list has it then: ", h("code", {}, room.room_id)],
  ];
}

/** Lets the owner choose a member, who becomes the owner. done: called then. */
function transferDialog(home, room, done) {
  openDialog("Transfer the room", (close) => {
    const members = memberList(home, room.room_id, {
      without: home.me.userId,
      onchoose: (person) => confirmTransfer(home, room, person, () => {
        close();
        done();
      }),
    });
    members.refresh();
    return [h("p", {}, "Who becomes the owner of “", h("bdi", {}, room.name), "”?"), members.element];
  });
}

/** Asks the owner whether this member shall be the owner. done: called after the transfer. */
export function confirmTransfer(home, room, { user_id: userId, username }, done) {
  const text = [h("bdi", {}, username), " can change, delete and transfer “", h("bdi", {}, room.name), "” then, and you no longer can. Only the new owner can undo this."];
  return confirmDialog(`Make ${username} the owner?`, text, "Transfer", async () => {
    await home.api.call("POST", pathOfRoom(room.room_id, "transfer"), { user_id: userId });
    await home.rooms.read();
    done();
  });
}

export function deleteRoomDialog(home, room) {
  confirmDialog("Delete this room?", ["“", h("bdi", {}, room.name), "” and all its messages will be deleted for everyone. This cannot be undone."], "Delete permanently", async () => {
    await home.api.call("DELETE", pathOfRoom(room.room_id));
    await home.rooms.read();
    home.leave();
  });
}
