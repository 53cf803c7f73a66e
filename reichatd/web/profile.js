// The dialog of the user's own account: name, password, logout.

import { announce, h } from "./dom.js";
import { form, openDialog } from "./forms.js";

export function profileDialog(home) {
  const { api, me } = home;
  const outcome = h("p", { class: "outcome", role: "status" });

  const rename = form({
    fields: [{ name: "username", label: "Name", value: me.username, autocomplete: "nickname", autocapitalize: "none" }],
    submit: "Change name",
    look: "quiet",
    async onsubmit({ username }) {
      outcome.textContent = "";
      await api.call("PUT", "/user/username", { username });
      me.username = (await api.call("GET", "/user")).user_details.username;
      home.nameChanged();
      outcome.textContent = "Your name is changed, also on your earlier messages.";
    },
  });

  const password = form({
    fields: [
      { name: "password", label: "Current password", type: "password", autocomplete: "current-password" },
      { name: "new_password", label: "New password", type: "password", autocomplete: "new-password", hint: "At least 8 characters. You are logged out everywhere else." },
    ],
    submit: "Change password",
    look: "quiet",
    async onsubmit(fields) {
      outcome.textContent = "";
      await api.call("PUT", "/user/password", fields);
      password.reset();
      outcome.textContent = "Your password is changed.";
    },
  });

  openDialog("Profile", () => [
    h("p", { class: "hint" }, "Logged in as ", h("strong", {}, me.email)),
    rename,
    h("hr"),
    password,
    outcome,
    h("hr"),
    h("button", { type: "button", class: "quiet", onclick: () => { announce("Logged out"); home.logOut(); } }, "Log out"),
  ]);
}
