// The view of a room that the user has not joined: a form to join it. An owner who has left can still change and delete it.

import { h, icon, iconButton } from "./dom.js";
import { form } from "./forms.js";
import { deleteRoomDialog, editRoomDialog } from "./room-dialogs.js";
import { quietButton } from "./settings-parts.js";

export function joinRoomView(home, roomId) {
  const body = h("div", { class: "page-body narrow" }, h("p", { class: "hint", role: "status" }, "Loading …"));
  const path = `/room/${encodeURIComponent(roomId)}`;

  home.api.call("GET", path).then(
    ({ room }) => body.replaceChildren(...joinForm(room)),
    (error) => body.replaceChildren(...errorMessage(error)),
  );

  function joinForm(room) {
    const { name, description, private: isPrivate, users } = room;
    const count = users.length === 1 ? "1 member" : `${users.length} members`;
    return [
      h("h2", { dir: "auto" }, name),
      h("p", { class: "description", dir: "auto" }, description),
      h("p", { class: "hint" }, isPrivate ? [icon("lock"), " This room has a password."] : `Public room, ${count}`),
      form({
        fields: isPrivate ? [{ name: "password", label: "Password of the room", type: "password", autocomplete: "off" }] : [],
        submit: "Join",
        async onsubmit({ password }) {
          let isNew = true;
          try {
            await home.api.call("POST", `${path}/join`, isPrivate ? { password } : undefined);
          } catch (error) {
            if (error.code !== "already_joined") throw error;
            isNew = false; // joined in another tab or on another device
          }
          await home.rooms.read({ joined: isNew ? roomId : null });
          home.open(roomId);
        },
      }),
      room.owner === home.me.userId && h("div", {},
        h("p", { class: "hint" }, "You have left this room, and still own it. Join it to lead or transfer it."),
        h("div", { class: "buttons" },
          quietButton("Edit", () => editRoomDialog(home, room)),
          quietButton("Delete", () => deleteRoomDialog(home, room), "quiet danger-text"),
        ),
      ),
    ].filter(Boolean);
  }

  function errorMessage({ status, message }) {
    if (status !== 404) return [h("p", { role: "status" }, message)];
    return [
      h("h2", {}, "Room not found"),
      h("p", { class: "hint", role: "status" }, "It has been deleted, or the id is wrong."),
      h("p", {}, h("a", { href: "#/explore" }, "Find rooms")),
    ];
  }

  return h("div", { class: "page" },
    h("header", { class: "bar" }, iconButton("back", "Back to the rooms", () => home.leave(), { class: "icon-button only-narrow" }), h("span", { class: "hint" }, "Room ", h("code", {}, roomId))),
    body,
  );
}
