// The view of a room that the user has not joined: a form to join it. An owner who has left can still change and delete it.

import { h, icon, iconButton } from "./dom.js";
import { form } from "./forms.js";
import { deleteRoomDialog, editRoomDialog } from "./room-dialogs.js";
import { quietButton } from "./settings-parts.js";
import { texts } from "./texts.js";

export function joinRoomView(home, roomId) {
  const body = h("div", { class: "page-body narrow" }, h("p", { class: "hint", role: "status" }, texts.common.loading));
  const path = `/room/${encodeURIComponent(roomId)}`;

  home.api.call("GET", path).then(
    ({ room }) => body.replaceChildren(...joinForm(room)),
    (error) => body.replaceChildren(...errorMessage(error)),
  );

  function joinForm(room) {
    const { name, description, private: isPrivate, users } = room;
    return [
      h("h2", { dir: "auto" }, name),
      h("p", { class: "description", dir: "auto" }, description),
      h("p", { class: "hint" }, isPrivate ? [icon("lock"), texts.joinRoom.hasPassword] : texts.joinRoom.public(users.length)),
      form({
        fields: isPrivate ? [{ name: "password", label: texts.joinRoom.password, type: "password", autocomplete: "off" }] : [],
        submit: texts.common.join,
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
        h("p", { class: "hint" }, texts.joinRoom.stillOwner),
        h("div", { class: "buttons" },
          quietButton(texts.common.edit, () => editRoomDialog(home, room)),
          quietButton(texts.common.delete, () => deleteRoomDialog(home, room), "quiet danger-text"),
        ),
      ),
    ].filter(Boolean);
  }

  function errorMessage({ status, message }) {
    if (status !== 404) return [h("p", { role: "status" }, message)];
    return [
      h("h2", {}, texts.joinRoom.notFound),
      h("p", { class: "hint", role: "status" }, texts.joinRoom.notFoundHint),
      h("p", {}, h("a", { href: "#/explore" }, texts.common.findRooms)),
    ];
  }

  return h("div", { class: "page" },
    h("header", { class: "bar" }, iconButton("back", texts.common.backToRooms, () => home.leave(), { class: "icon-button only-narrow" }), h("span", { class: "hint" }, texts.joinRoom.room(h("code", {}, roomId)))),
    body,
  );
}
