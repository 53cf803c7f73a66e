// The view of an invitation, for a user who is logged in: what it opens, and a button to join.

import { h, iconButton } from "./dom.js";
import { form } from "./forms.js";
import { texts } from "./texts.js";
import { replacePlace } from "./urls.js";

export function invitationView(home, token) {
  const path = `/invite/${encodeURIComponent(token ?? "")}`;
  const body = h("div", { class: "page-body narrow" }, h("p", { class: "hint", role: "status" }, texts.common.loading));

  home.api.call("GET", path).then(
    ({ room }) => body.replaceChildren(...(room ? toRoom(room) : sentence(texts.invitation.welcome, texts.invitation.notNeeded))),
    (error) => body.replaceChildren(...sentence(texts.invitation.title, error.status === 404 ? texts.invitation.invalid : error.message)),
  );

  function toRoom({ room_id: roomId, name, description }) {
    if (home.rooms.get(roomId)) {
      open(roomId);
      return [];
    }
    return [
      h("h2", { dir: "auto" }, name),
      h("p", { class: "description", dir: "auto" }, description),
      h("p", { class: "hint" }, texts.invitation.youAreInvited),
      form({
        submit: texts.common.join,
        async onsubmit() {
          let isNew = true;
          try {
            await home.api.call("POST", path);
          } catch (error) {
            if (error.code !== "already_joined") throw error;
            isNew = false; // joined in another tab or on another device
          }
          await home.rooms.read({ joined: isNew ? roomId : null });
          open(roomId);
        },
      }),
    ];
  }

  function open(roomId) {
    replacePlace("#/"); // the invitation leaves the history
    home.open(roomId);
  }

  return h("div", { class: "page" },
    h("header", { class: "bar" }, iconButton("back", texts.common.backToRooms, () => home.leave(), { class: "icon-button only-narrow" }), h("span", { class: "hint" }, texts.invitation.title)),
    body,
  );
}

const sentence = (title, text) => [h("h2", {}, title), h("p", { class: "hint", role: "status" }, text), h("p", {}, h("a", { href: "#/explore" }, texts.common.findRooms))];
