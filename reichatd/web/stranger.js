// A room that one is not a member of.

import { h, icon, iconButton } from "./dom.js";
import { form } from "./forms.js";

export function strangerView(home, roomId) {
  const place = h("div", { class: "page-body narrow" }, h("p", { class: "hint", role: "status" }, "Looking …"));
  const path = `/room/${encodeURIComponent(roomId)}`;

  home.api.call("GET", path).then(
    ({ room }) => place.replaceChildren(...invitation(room)),
    (error) => place.replaceChildren(...refusal(error)),
  );

  function invitation({ name, description, private: isPrivate, users }) {
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
            isNew = false; // joined elsewhere meanwhile
          }
          await home.rooms.read({ joined: isNew ? roomId : null });
          home.open(roomId);
        },
      }),
    ];
  }

  function refusal({ status, message }) {
    if (status !== 404) return [h("p", { role: "status" }, message)];
    return [
      h("h2", {}, "There is no room here"),
      h("p", { class: "hint", role: "status" }, "It has been deleted, or its id is another one."),
      h("p", {}, h("a", { href: "#/explore" }, "Find rooms")),
    ];
  }

  return h("div", { class: "page" },
    h("header", { class: "bar" }, iconButton("back", "Back to the rooms", () => home.leave(), { class: "icon-button only-narrow" }), h("span", { class: "hint" }, "Room ", h("code", {}, roomId))),
    place,
  );
}
