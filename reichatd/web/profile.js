// Oneself: name, password, logging out.

import { announce, h } from "./dom.js";
import { form, openDialog } from "./forms.js";

export function profileDialog(home) {
  const { api, me } = home;
  const said = h("p", { class: "said", role: "status" });

  const rename = form({
    fields: [{ name: "username", label: "Name", value: me.username, autocomplete: "nickname", autocapitalize: "none" }],
    submit: "Change name",
    look: "quiet",
    async onsubmit({ username }) {
      said.textContent = "";
      await api.call("PUT", "/user/username", { username });
      me.username = (await api.call("GET", "/user")).user_details.username;
      home.nameChanged();
      said.textContent = "Your name is changed, also on what you wrote before.";
    },
  });

  const password = form({
    fields: [
      { name: "password", label: "Present password", type: "password", autocomplete: "current-password" },
      { name: "new_password", label: "New password", type: "password", autocomplete: "new-password", hint: "At least 8 characters. You are logged out everywhere else." },
    ],
    submit: "Change password",
    look: "quiet",
    async onsubmit(fields) {
      said.textContent = "";
      await api.call("PUT", "/user/password", fields);
      password.reset();
      said.textContent = "Your password is changed.";
    },
  });

  openDialog("Profile", () => [
    h("p", { class: "hint" }, "Logged in as ", h("strong", {}, me.email)),
    rename,
    h("hr"),
    password,
    said,
    h("hr"),
    h("button", { type: "button", class: "quiet", onclick: () => { announce("Logged out"); home.logOut(); } }, "Log out"),
  ]);
}
