// Settings: password, second factor, login by a provider, and login sessions.

import { h } from "./dom.js";
import { confirmDialog, form, openDialog } from "./forms.js";
import { entry, entryButton, loadedList } from "./lists.js";
import { secondFactorSection } from "./second-factor.js";
import { outcomeLine, quietButton, section } from "./settings-parts.js";
import { texts } from "./texts.js";
import { ago, shortDate } from "./time.js";

export function securitySections({ api }) {
  const sessions = sessionList(api);
  return [passwordSection(api, sessions), secondFactorSection(api), providerSection(api), sessionsSection(api, sessions)];
}

function passwordSection(api, sessions) {
  const outcome = outcomeLine();
  const element = form({
    fields: [
      { name: "password", label: texts.security.currentPassword, type: "password", autocomplete: "current-password" },
      { name: "new_password", label: texts.common.newPassword, type: "password", autocomplete: "new-password", hint: texts.security.newPasswordHint },
    ],
    submit: texts.security.changePassword,
    look: "quiet",
    async onsubmit(fields) {
      outcome.textContent = "";
      await api.call("PUT", "/user/password", fields);
      element.reset();
      outcome.textContent = texts.security.passwordChanged;
      await sessions.refresh();
    },
  });
  return section(texts.common.password, element, outcome);
}

/** The section is hidden unless the server has a provider. */
function providerSection(api) {
  const state = h("p", { class: "hint", role: "status" });
  const buttons = h("div", { class: "buttons" });
  const element = section(texts.security.provider, state, buttons);
  element.hidden = true;

  async function refresh() {
    const { name } = await api.serverInfo.provider();
    element.hidden = name === "";
    if (name === "") return;
    const { linked } = await api.call("GET", "/user/oidc");
    state.replaceChildren(...(linked ? texts.security.linked : texts.security.notLinked)(h("bdi", {}, name)));
    buttons.replaceChildren(quietButton(linked ? texts.security.unlink : texts.security.link, () => (linked ? unlink(name) : link(name))));
  }

  function link(name) {
    openDialog(texts.security.linkWhich(name), form({
      before: [h("p", { class: "hint" }, texts.security.linkHint)],
      fields: [{ name: "password", label: texts.common.yourPassword, type: "password", autocomplete: "current-password" }],
      submit: texts.security.link,
      async onsubmit({ password }) {
        const { url } = await api.call("POST", "/oidc/link", { password }, { credentials: "same-origin" });
        location.assign(url);
      },
    }));
  }

  function unlink(name) {
    confirmDialog(texts.security.unlinkWhich(name), texts.security.unlinkHint, texts.security.unlink, async () => {
      await api.call("DELETE", "/user/oidc");
      await refresh();
    });
  }

  refresh().catch((error) => (state.textContent = error.message));
  return element;
}

function sessionList(api) {
  const sessions = loadedList({
    label: texts.security.sessions,
    load: async () => (await api.call("GET", "/sessions")).sessions.reverse(),
    row: ({ session_id: id, device, address, created_at: begun, used_at: used, current }) => entry(nameOf(device), [
      current ? h("strong", {}, texts.security.thisSession) : texts.security.lastUsed(ago(new Date(used))),
      address ? texts.security.sinceFrom(shortDate(new Date(begun)), address) : texts.security.since(shortDate(new Date(begun))),
    ], current ? [] : [entryButton(texts.security.end, nameOf(device), () => end(id, device))]),
    empty: texts.common.none,
  });

  const end = (id, device) => confirmDialog(texts.security.endTitle, texts.security.endHint(h("bdi", {}, nameOf(device))), texts.security.end, async () => {
    await api.call("DELETE", `/sessions/${encodeURIComponent(id)}`);
    await sessions.refresh();
  });

  return sessions;
}

/** The server's name of a device, such as "Firefox on Linux", in the user's language. */
function nameOf(device) {
  const [browser, system] = device.split(" on ");
  return system === undefined ? device || texts.security.unknownDevice : texts.security.device(browser, system);
}

function sessionsSection(api, sessions) {
  const endOthers = () => confirmDialog(texts.security.endOthersTitle, texts.security.endOthersHint, texts.security.endOthers, async () => {
    await api.call("DELETE", "/sessions");
    await sessions.refresh();
  });

  return section(texts.security.sessions,
    h("p", { class: "hint" }, texts.security.sessionsHint),
    sessions.element,
    h("div", { class: "buttons" }, quietButton(texts.security.endOthers, endOthers, "quiet danger-text")),
  );
}
