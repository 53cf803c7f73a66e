// Settings: password, second factor, login by a provider, and login sessions.

import { h } from "./dom.js";
import { confirmDialog, form, openDialog } from "./forms.js";
import { entry, entryButton, loadedList } from "./lists.js";
import { secondFactorSection } from "./second-factor.js";
import { outcomeLine, quietButton, section } from "./settings-parts.js";
import { ago, shortDate } from "./time.js";

export function securitySections({ api }) {
  const sessions = sessionList(api);
  return [passwordSection(api, sessions), secondFactorSection(api), providerSection(api), sessionsSection(api, sessions)];
}

function passwordSection(api, sessions) {
  const outcome = outcomeLine();
  const element = form({
    fields: [
      { name: "password", label: "Current password", type: "password", autocomplete: "current-password" },
      { name: "new_password", label: "New password", type: "password", autocomplete: "new-password", hint: "At least 8 characters. You are logged out everywhere else." },
    ],
    submit: "Change password",
    look: "quiet",
    async onsubmit(fields) {
      outcome.textContent = "";
      await api.call("PUT", "/user/password", fields);
      element.reset();
      outcome.textContent = "Your password is changed.";
      await sessions.refresh();
    },
  });
  return section("Password", element, outcome);
}

/** The section is hidden unless the server has a provider. */
function providerSection(api) {
  const state = h("p", { class: "hint", role: "status" });
  const buttons = h("div", { class: "buttons" });
  const element = section("Login by a provider", state, buttons);
  element.hidden = true;

  async function refresh() {
    const { name } = await api.serverInfo.provider();
    element.hidden = name === "";
    if (name === "") return;
    const { linked } = await api.call("GET", "/user/oidc");
    state.replaceChildren(linked ? "You can log in by " : "You cannot log in yet by ", h("bdi", {}, name), ".");
    buttons.replaceChildren(quietButton(linked ? "Unlink" : "Link", () => (linked ? unlink(name) : link(name))));
  }

  function link(name) {
    openDialog(`Link ${name}?`, form({
      before: [h("p", { class: "hint" }, "If you have no password, set one first: log out, and choose “Password forgotten?”.")],
      fields: [{ name: "password", label: "Your password", type: "password", autocomplete: "current-password" }],
      submit: "Link",
      async onsubmit({ password }) {
        const { url } = await api.call("POST", "/oidc/link", { password }, { credentials: "same-origin" });
        location.assign(url);
      },
    }));
  }

  function unlink(name) {
    confirmDialog(`Unlink ${name}?`, "You need your password to log in then. If you have none, log out, and choose “Password forgotten?”: the new password unlinks, too.", "Unlink", async () => {
      await api.call("DELETE", "/user/oidc");
      await refresh();
    });
  }

  refresh().catch((error) => (state.textContent = error.message));
  return element;
}

function sessionList(api) {
  const sessions = loadedList({
    label: "Login sessions",
    load: async () => (await api.call("GET", "/sessions")).sessions.reverse(),
    row: ({ session_id: id, device, address, created_at: begun, used_at: used, current }) => entry(device || "Unknown device", [
      current ? h("strong", {}, "This login session") : `Last used ${ago(new Date(used))}`,
      `Since ${shortDate(new Date(begun))}${address && `, from ${address}`}`,
    ], current ? [] : [entryButton("End", device || "Unknown device", () => end(id, device))]),
    empty: "There are none.",
  });

  const end = (id, device) => confirmDialog("End this login session?", [h("bdi", {}, device || "Unknown device"), " is logged out at once."], "End", async () => {
    await api.call("DELETE", `/sessions/${encodeURIComponent(id)}`);
    await sessions.refresh();
  });

  return sessions;
}

function sessionsSection(api, sessions) {
  const endOthers = () => confirmDialog("End all others?", "You are logged out everywhere but here. Tokens for programs stay valid.", "End all others", async () => {
    await api.call("DELETE", "/sessions");
    await sessions.refresh();
  });

  return section("Login sessions",
    h("p", { class: "hint" }, "Where you are logged in. If you do not know one, end it and change your password."),
    sessions.element,
    h("div", { class: "buttons" }, quietButton("End all others", endOthers, "quiet danger-text")),
  );
}
