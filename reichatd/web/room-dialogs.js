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
      { name: "room_id", label: "Id", autocapitalize: "none", spellcheck: "false", autocomplete: "off", hint: "Letters and digits, for its address. Empty: a random one." },
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
      members(home, room.users, room.owner, (userId) => personDialog(home, roomId, userId)),
      isOwner && bannedHere(home, room),
    ];
  });
}

/** So many people as buttons, more of them when asked. */
function members(home, userIds, owner, onchoose) {
  const list = h("ul", { class: "people" });
  const more = h("button", { type: "button", class: "link", onclick: show }, "Show more");
  let shown = 0;

  async function show() {
    const next = userIds.slice(shown, (shown += AT_ONCE));
    more.hidden = shown >= userIds.length;
    for (const userId of next) {
      const name = h("bdi", {}, "…");
      const item = h("li", {}, h("button", { type: "button", class: "person", onclick: () => onchoose(userId) }, avatar(userId, ""), name, userId === owner && h("span", { class: "hint" }, "owner")));
      list.append(item);
      home.people.get(userId).then(
        (person) => {
          name.textContent = person?.username ?? "(gone)";
          item.querySelector(".avatar").replaceWith(avatar(userId, name.textContent));
        },
        () => (name.textContent = userId),
      );
    }
  }

  show();
  return [list, more];
}

function bannedHere(home, room) {
  const banned = Object.keys(remembered(home, room.room_id));
  if (banned.length === 0) return null;
  return [
    h("h3", {}, "Banned from this browser"),
    members(home, banned, room.owner, (userId) => personDialog(home, room.room_id, userId)),
  ];
}

/** Somebody in a room, and what its owner may do about him. */
export function personDialog(home, roomId, userId) {
  const isOwner = home.rooms.get(roomId)?.owner === userId;
  const said = h("p", { class: "said", role: "status" });
  const about = h("p", { class: "hint" }, "…");
  const acts = h("div", { class: "buttons" });
  const heading = openDialog("Person", () => [
    h("p", { class: "person-head" }, avatar(userId, ""), about),
    isOwner && h("p", { class: "hint" }, "Owner of this room"),
    acts,
    said,
  ]);

  const act = (what, label, done) => form({
    submit: label,
    look: what === "unban" ? "quiet" : "quiet danger-text",
    async onsubmit() {
      said.textContent = "";
      await home.api.call("POST", path(roomId, what, userId));
      if (what !== "kick") remember(home, roomId, userId, what === "ban");
      await home.rooms.read();
      showActs();
      said.textContent = done;
    },
  });

  function showActs() {
    const { owner, users } = home.rooms.get(roomId) ?? {};
    const isMine = owner === home.me.userId && userId !== owner;
    const isMember = users?.includes(userId);
    const isBanned = userId in remembered(home, roomId);
    const had = acts.contains(document.activeElement);
    acts.replaceChildren(...(isMine ? [
      isMember && act("kick", "Kick", "No longer in the room, and may join again."),
      !isBanned && act("ban", "Ban", "Banned. Only you can undo it."),
      !isMember && act("unban", "Unban", "May join again."), // who is banned, the API does not tell
    ].filter(Boolean) : []));
    acts.hidden = !isMine;
    if (had) acts.querySelector("button")?.focus();
  }

  showActs();
  home.people.get(userId).then(
    (person) => {
      heading.querySelector("h2").textContent = person?.username ?? "(gone)";
      heading.querySelector(".avatar").replaceWith(avatar(userId, person?.username ?? "?"));
      about.textContent = person?.email ?? "";
    },
    (error) => (about.textContent = error.message),
  );
}

// Whom one has banned is remembered here: the API tells nobody's bans.

const bansKey = (home, roomId) => `reichatd.banned.${home.me.userId}.${roomId}`;
const remembered = (home, roomId) => JSON.parse(localStorage.getItem(bansKey(home, roomId)) ?? "{}");

function remember(home, roomId, userId, isBanned) {
  const { [userId]: _, ...others } = remembered(home, roomId);
  localStorage.setItem(bansKey(home, roomId), JSON.stringify(isBanned ? { ...others, [userId]: true } : others));
}
