// What is done with a room: making, changing, leaving and deleting it, and seeing to its members.

import { pageAddressOf } from "./address.js";
import { announce, avatar, copy, h } from "./dom.js";
import { confirmDialog, form, openDialog } from "./forms.js";

const AT_ONCE = 50;

const path = (roomId, ...more) => ["/room", roomId, ...more].map((part, i) => (i ? encodeURIComponent(part) : part)).join("/");

function roomFields({ name = "", description = "" } = {}) {
  return [
    { name: "name", label: "Name", value: name, autocomplete: "off", dir: "auto" },
    { name: "description", label: "Description", value: description, rows: "3", dir: "auto" },
  ];
}

export function createRoomDialog(home) {
  openDialog("New room", (close) => form({
    fields: [
      ...roomFields(),
      { name: "password", label: "Password", type: "password", autocomplete: "new-password", hint: "Empty: everybody finds the room and may join it." },
      { name: "room_id", label: "Id", autocapitalize: "none", spellcheck: "false", autocomplete: "off", hint: "Letters from a to z and digits, for its address. Empty: a random one." },
    ],
    submit: "Make the room",
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
      { name: "password", label: "New password", type: "password", autocomplete: "new-password", hint: room.private ? "Empty: it stays as it is." : "With one, the room becomes private." },
      ...(room.private ? [{ name: "open", label: "Make the room public, without a password", type: "checkbox" }] : []),
    ],
    submit: "Save",
    async onsubmit({ name, description, password, open }) {
      const change = open ? { password: null } : password ? { password } : {};
      await home.api.call("PUT", path(room.room_id), { name, description, ...change });
      await home.rooms.read();
      close();
    },
  }));
}

export function leaveRoomDialog(home, room) {
  const back = room.private ? "To come back you need its password." : "You can join it again.";
  confirmDialog("Leave this room?", `You will get no more messages from “${room.name}”. ${back}`, "Leave", async () => {
    await home.api.call("POST", path(room.room_id, "leave"));
    await home.rooms.read();
    home.leave();
  });
}

export function deleteRoomDialog(home, room) {
  confirmDialog("Delete this room?", `“${room.name}” and all its messages will be gone for everybody. This cannot be undone.`, "Delete for ever", async () => {
    await home.api.call("DELETE", path(room.room_id));
    await home.rooms.read();
    home.leave();
  });
}

/** The room itself: who is in it, and what one may do. */
export async function roomDialog(home, roomId) {
  await home.rooms.read().catch(() => {}); // who is in it changes; without a network, what was known last has to do
  const room = home.rooms.get(roomId);
  if (room === undefined) return;
  const isOwner = room.owner === home.me.userId;
  const banned = isOwner ? await bansOf(home, roomId).catch(() => []) : [];
  openDialog(room.name, (close) => {
    const then = (act) => () => {
      close();
      act(home, room);
    };
    const address = pageAddressOf(`#/room/${encodeURIComponent(roomId)}`);
    return [
      room.description && h("p", { class: "description", dir: "auto" }, room.description),
      h("p", { class: "hint" }, room.private ? "Private" : "Public", " room, id ", h("code", {}, roomId)),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "quiet", onclick: async () => { await copy(address); announce("Address copied"); } }, "Copy address"),
        isOwner && h("button", { type: "button", class: "quiet", onclick: then(editRoomDialog) }, "Edit"),
        h("button", { type: "button", class: "quiet", onclick: then(leaveRoomDialog) }, "Leave"),
        isOwner && h("button", { type: "button", class: "quiet danger-text", onclick: then(deleteRoomDialog) }, "Delete"),
      ),
      h("h3", {}, `Members (${room.users.length})`),
      people(home, room, room.users.map((userId) => ({ user_id: userId }))),
      banned.length > 0 && [h("h3", {}, `Banned (${banned.length})`), people(home, room, banned)],
    ];
  });
}

/** People ({user_id, username?}) as buttons, more of them when asked. */
function people(home, room, everybody) {
  const list = h("ul", { class: "people" });
  const more = h("button", { type: "button", class: "link", onclick: show }, "Show more");
  let shown = 0;

  function show() {
    const next = everybody.slice(shown, (shown += AT_ONCE));
    more.hidden = shown >= everybody.length;
    list.append(...next.map((person) => h("li", {}, personButton(home, room, person))));
  }

  show();
  return [list, more];
}

function personButton(home, room, { user_id: userId, username }) {
  const name = h("bdi", {}, username ?? "…");
  const button = h("button", { type: "button", class: "person", onclick: () => personDialog(home, room.room_id, userId) },
    avatar(userId, username ?? ""), name, userId === room.owner && h("span", { class: "hint" }, "owner"),
  );
  if (username !== undefined) return button;
  home.people.get(userId).then(
    (person) => {
      name.textContent = person?.username ?? "(gone)";
      button.querySelector(".avatar").replaceWith(avatar(userId, name.textContent));
    },
    () => (name.textContent = userId),
  );
  return button;
}

/** Somebody in a room, and what its owner may do about it. */
export function personDialog(home, roomId, userId) {
  const { name: roomName, owner } = home.rooms.get(roomId) ?? {};
  const mayAct = owner === home.me.userId && userId !== owner;
  let name = "this person";
  const said = h("p", { class: "said", role: "status" });
  const about = h("p", { class: "hint" }, "…");
  // Each has its place, whatever is true of the person: nothing takes the place of what is about to be clicked.
  const kick = h("button", { type: "button", class: "quiet danger-text", disabled: true, onclick: () => ask("kick", "Kick", ", and may join again.", "No longer in the room, and may join again.") }, "Kick");
  const ban = h("button", { type: "button", class: "quiet danger-text", disabled: true, onclick: () => ask("ban", "Ban", " and cannot come back until you allow it. Messages stay.", "Banned. Only you can undo it.") }, "Ban");
  const unban = form({ submit: "Unban", look: "quiet", onsubmit: () => act("unban", "May join again.") });
  const dialog = openDialog("Person", () => [
    h("p", { class: "person-head" }, avatar(userId, ""), about),
    owner === userId && h("p", { class: "hint" }, "Owner of this room"),
    mayAct && h("div", { class: "buttons" }, kick, ban, unban),
    said,
  ]);
  unban.hidden = true;

  function ask(what, label, consequence, done) {
    const text = [h("bdi", {}, name), " has to leave “", h("bdi", {}, roomName), `” at once${consequence}`];
    const question = confirmDialog(`${label} ${name}?`, text, label, () => act(what, done));
    // The button that asked may take no focus now.
    question.addEventListener("close", () => dialog.contains(document.activeElement) || dialog.querySelector("button:enabled").focus());
  }

  async function act(what, done) {
    said.textContent = "";
    await home.api.call("POST", path(roomId, what, userId));
    await learn();
    said.textContent = done;
  }

  /** Asks the server what is true of the person now. */
  async function learn() {
    try {
      const [bans] = await Promise.all([bansOf(home, roomId), home.rooms.read()]);
      const isBanned = bans.some((each) => each.user_id === userId);
      kick.disabled = !home.rooms.get(roomId)?.users.includes(userId);
      ban.disabled = isBanned;
      unban.hidden = !isBanned;
    } catch (error) {
      said.textContent = error.message;
    }
  }

  if (mayAct) learn();
  home.people.get(userId).then(
    (person) => {
      name = person?.username ?? "(gone)";
      dialog.querySelector("h2").textContent = name;
      dialog.querySelector(".avatar").replaceWith(avatar(userId, person?.username ?? "?"));
      about.textContent = person?.email ?? "";
    },
    (error) => (about.textContent = error.message),
  );
}

/** Who is banned from a room, as its owner may know: [{user_id, username}]. */
async function bansOf(home, roomId) {
  return (await home.api.call("GET", path(roomId, "bans"))).bans;
}
