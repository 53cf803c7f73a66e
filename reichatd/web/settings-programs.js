// Settings: app passwords, and tokens for programs.

import { h } from "./dom.js";
import { confirmDialog, form, openDialog } from "./forms.js";
import { entry, entryButton, loadedList } from "./lists.js";
import { secretNodes } from "./secrets.js";
import { quietButton, section } from "./settings-parts.js";
import { ago, shortDate } from "./time.js";

const SCOPES = [
  ["read", "Read", "messages, rooms and members"],
  ["write", "Write", "messages; join, leave and create rooms"],
  ["moderate", "Moderate", "lead your rooms: change them, kick, ban"],
];
const SCOPE_NAMES = Object.fromEntries(SCOPES);
const DAYS = [["30", "30 days"], ["90", "90 days"], ["365", "A year"], ["", "Until you delete it"]];
const NAME = { name: "name", label: "Name", autocomplete: "off", dir: "auto", hint: "So that you recognize it later" };

export const programSections = (home) => [tokensSection(home), appPasswordsSection(home)];

function tokensSection({ api, rooms }) {
  const tokens = loadedList({
    label: "Tokens",
    load: async () => (await api.call("GET", "/user/tokens")).tokens,
    row: ({ token_id: id, name, scopes, rooms: only, used_at: used, expires_at: expires }) => entry(name, [
      `May: ${scopes.map((scope) => SCOPE_NAMES[scope].toLowerCase()).join(", ")}`,
      only && ["Only in ", h("bdi", {}, only.map((roomId) => rooms.get(roomId)?.name ?? roomId).join(", "))],
      [used ? `Last used ${ago(new Date(used))}` : "Never used", expires ? `valid until ${shortDate(new Date(expires))}` : "no expiry"].join(", "),
    ], [entryButton("Delete", name, () => remove(id, name))]),
    empty: "You have no tokens.",
  });

  const remove = (id, name) => confirmDialog("Delete this token?", ["A program that uses ", h("bdi", {}, `“${name}”`), " loses its access at once."], "Delete", async () => {
    await api.call("DELETE", `/user/tokens/${encodeURIComponent(id)}`);
    await tokens.refresh();
  });

  const create = () => openDialog("New token", (close) => form({
    fields: [
      NAME,
      { name: "scopes", label: "It may", type: "checkboxes", options: SCOPES, value: ["read", "write"] },
      ...(rooms.all.length ? [{ name: "rooms", label: "Only in these rooms", hint: "If you choose none: in all, also those that you join later.", type: "checkboxes", options: rooms.all.map((room) => [room.room_id, room.name]), value: [] }] : []),
      { name: "days", label: "Valid for", options: DAYS, value: "90" },
    ],
    submit: "Create token",
    async onsubmit({ name, scopes, rooms: only = [], days }) {
      const limits = { ...(only.length && { rooms: only }), ...(days && { days: Number(days) }) };
      const { token } = await api.call("POST", "/user/tokens", { name, scopes, ...limits });
      close();
      shownOnce("Your new token", "Token", token, "Give it to the program. It is not shown again.");
      await tokens.refresh();
    },
  }));

  return section("Tokens for programs",
    h("p", { class: "hint" }, "A program with a token acts as you, within limits that you set. It can never change your account."),
    tokens.element,
    h("div", { class: "buttons" }, quietButton("New token", create)),
  );
}

function appPasswordsSection({ api }) {
  const passwords = loadedList({
    label: "App passwords",
    load: async () => (await api.call("GET", "/user/app-passwords")).app_passwords,
    row: ({ app_password_id: id, name, created_at: created, used_at: used }) => entry(name, [
      `Created ${shortDate(new Date(created))}, ${used ? `last used ${ago(new Date(used))}` : "never used"}`,
    ], [entryButton("Delete", name, () => remove(id, name))]),
    empty: "You have no app passwords.",
  });

  const remove = (id, name) => confirmDialog("Delete this app password?", ["The app that uses ", h("bdi", {}, `“${name}”`), " is logged out at once."], "Delete", async () => {
    await api.call("DELETE", `/user/app-passwords/${encodeURIComponent(id)}`);
    await passwords.refresh();
  });

  const create = () => openDialog("New app password", (close) => form({
    fields: [NAME],
    submit: "Create app password",
    async onsubmit({ name }) {
      const { password } = await api.call("POST", "/user/app-passwords", { name });
      close();
      shownOnce("Your new app password", "App password", password, "Enter it in the app, in place of your password. It is not shown again.");
      await passwords.refresh();
    },
  }));

  return section("App passwords",
    h("p", { class: "hint" }, "For older apps that cannot ask for the code of your second factor."),
    passwords.element,
    h("div", { class: "buttons" }, quietButton("New app password", create)),
  );
}

function shownOnce(title, label, secret, text) {
  openDialog(title, () => [h("p", {}, text), secretNodes(label, secret)]);
}
