// The dialogs of a room: create, edit, leave and delete it, and act on its members.

import { announce, avatar, copy, h } from "./dom.js";
import { confirmDialog, form, openDialog } from "./forms.js";
import { pageUrlOf } from "./urls.js";

const USERS_AT_ONCE = 50;

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
      { name: "password", label: "New password", type: "password", autocomplete: "new-password", hint: room.private ? "Leave it empty to keep the password." : "A password makes the room private." },
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
  const back = room.private ? "To come back, you need its password." : "You can join it again.";
  confirmDialog("Leave this room?", `You will get no more messages from “${room.name}”. ${back}`, "Leave", async () => {
    await home.api.call("POST", path(room.room_id, "leave"));
    await home.rooms.read();
    home.leave();
  });
}

export function deleteRoomDialog(home, room) {
  confirmDialog("Delete this room?", `“${room.name}” and all its messages will be deleted for everyone. This cannot be undone.`, "Delete permanently", async () => {
    await home.api.call("DELETE", path(room.room_id));
    await home.rooms.read();
    home.leave();
  });
}

/** The dialog of a room: its members, and actions. */
export async function roomDialog(home, roomId) {
  await home.rooms.read().catch(() => {}); // the members may have changed; without a connection, the last known ones are shown
  const room = home.rooms.get(roomId);
  if (room === undefined) return;
  const isOwner = room.owner === home.me.userId;
  const lists = h("div");
  await drawUsers();
  const dialog = openDialog(room.name, (close) => {
    const then = (act) => () => {
      close();
      act(home, room);
    };
    const address = pageUrlOf(`#/room/${encodeURIComponent(roomId)}`);
    return [
      room.description && h("p", { class: "description", dir: "auto" }, room.description),
      h("p", { class: "hint" }, room.private ? "Private" : "Public", " room, id ", h("code", {}, roomId)),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "quiet", onclick: async () => { await copy(address); announce("Address copied"); } }, "Copy address"),
        isOwner && h("button", { type: "button", class: "quiet", onclick: then(editRoomDialog) }, "Edit"),
        h("button", { type: "button", class: "quiet", onclick: then(leaveRoomDialog) }, "Leave"),
        isOwner && h("button", { type: "button", class: "quiet danger-text", onclick: then(deleteRoomDialog) }, "Delete"),
      ),
      lists,
    ];
  });
  home.rooms.addEventListener("change", drawUsers);
  dialog.addEventListener("close", () => home.rooms.removeEventListener("change", drawUsers));

  /** Draws the members and the banned users, if they have changed. */
  async function drawUsers() {
    const banned = isOwner ? await bansOf(home, roomId).catch(() => []) : [];
    const { users } = home.rooms.get(roomId) ?? room;
    const shown = JSON.stringify([users, banned]);
    if (lists.dataset.shown === shown) return;
    lists.dataset.shown = shown;
    lists.replaceChildren(
      h("div", {},
        h("h3", {}, `Members (${users.length})`),
        userList(home, room, users.map((userId) => ({ user_id: userId }))),
        banned.length > 0 && [h("h3", {}, `Banned (${banned.length})`), userList(home, room, banned)],
      ),
    );
  }
}

/** Users ({user_id, username?}) as buttons, with a button for more. */
function userList(home, room, users) {
  const list = h("ul", { class: "people" });
  const more = h("button", { type: "button", class: "link", onclick: show }, "Show more");
  let shown = 0;

  function show() {
    const next = users.slice(shown, (shown += USERS_AT_ONCE));
    more.hidden = shown >= users.length;
    list.append(...next.map((person) => h("li", {}, userButton(home, room, person))));
  }

  show();
  return [list, more];
}

function userButton(home, room, { user_id: userId, username }) {
  const name = h("bdi", {}, username ?? "…");
  const button = h("button", { type: "button", class: "person", onclick: () => personDialog(home, room.room_id, userId) },
    avatar(userId, username ?? ""), name, userId === room.owner && h("span", { class: "hint" }, "owner"),
  );
  if (username !== undefined) return button;
  home.users.get(userId).then(
    (person) => {
      name.textContent = person?.username ?? "(deleted user)";
      button.querySelector(".avatar").replaceWith(avatar(userId, name.textContent));
    },
    () => (name.textContent = userId),
  );
  return button;
}

/** The dialog of a user in a room, with the actions of the room's owner. */
export function personDialog(home, roomId, userId) {
  const { name: roomName, owner } = home.rooms.get(roomId) ?? {};
  const mayAct = owner === home.me.userId && userId !== owner;
  let name = "this person";
  const outcome = h("p", { class: "outcome", role: "status" });
  const about = h("p", { class: "hint" }, "…");
  // Each button keeps its place, so that no other one is there when the owner clicks.
  const kick = h("button", { type: "button", class: "quiet danger-text", disabled: true, onclick: () => ask("kick", "Kick", ", and can join again.", "No longer in the room. Can join again.") }, "Kick");
  const ban = h("button", { type: "button", class: "quiet danger-text", disabled: true, onclick: () => ask("ban", "Ban", " and cannot come back until you allow it. Messages stay.", "Banned. Only you can undo it.") }, "Ban");
  const unban = form({ submit: "Unban", look: "quiet", onsubmit: () => act("unban", "Can join again.") });
  const dialog = openDialog("Person", () => [
    h("p", { class: "person-head" }, avatar(userId, ""), about),
    owner === userId && h("p", { class: "hint" }, "Owner of this room"),
    mayAct && h("div", { class: "buttons" }, kick, ban, unban),
    outcome,
  ]);
  unban.hidden = true;

  function ask(what, label, consequence, done) {
    const text = [h("bdi", {}, name), " has to leave “", h("bdi", {}, roomName), `” at once${consequence}`];
    const question = confirmDialog(`${label} ${name}?`, text, label, () => act(what, done));
    // The button that opened the question may be disabled now.
    question.addEventListener("close", () => dialog.contains(document.activeElement) || dialog.querySelector("button:enabled").focus());
  }

  async function act(what, done) {
    outcome.textContent = "";
    await home.api.call("POST", path(roomId, what, userId));
    await refresh();
    outcome.textContent = done;
  }

  /** Fetches whether the user is a member or banned. */
  async function refresh() {
    try {
      const [bans] = await Promise.all([bansOf(home, roomId), home.rooms.read()]);
      const isBanned = bans.some((each) => each.user_id === userId);
      kick.disabled = !home.rooms.get(roomId)?.users.includes(userId);
      ban.disabled = isBanned;
      unban.hidden = !isBanned;
    } catch (error) {
      outcome.textContent = error.message;
    }
  }

  if (mayAct) refresh();
  home.users.get(userId).then(
    (person) => {
      name = person?.username ?? "(deleted user)";
      dialog.querySelector("h2").textContent = name;
      dialog.querySelector(".avatar").replaceWith(avatar(userId, person?.username ?? "?"));
      about.textContent = person?.email ?? "";
    },
    (error) => (about.textContent = error.message),
  );
}

/** The users banned from a room, which its owner may see: [{user_id, username}]. */
async function bansOf(home, roomId) {
  return (await home.api.call("GET", path(roomId, "bans"))).bans;
}
