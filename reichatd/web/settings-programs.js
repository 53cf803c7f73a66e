// Settings: app passwords, and tokens for programs.

import { h } from "./dom.js";
import { confirmDialog, form, openDialog } from "./forms.js";
import { entry, entryButton, loadedList } from "./lists.js";
import { secretNodes } from "./secrets.js";
import { quietButton, section } from "./settings-parts.js";
import { texts } from "./texts.js";
import { ago, shortDate } from "./time.js";

const SCOPES = Object.entries(texts.programs.scopes).map(([scope, { name, hint }]) => [scope, name, hint]);
const DAYS = [["30", texts.programs.days(30)], ["90", texts.programs.days(90)], ["365", texts.programs.year], ["", texts.programs.untilDeleted]];
const NAME = { name: "name", label: texts.common.name, autocomplete: "off", dir: "auto", hint: texts.programs.nameHint };

export const programSections = (home) => [tokensSection(home), appPasswordsSection(home)];

function tokensSection({ api, rooms }) {
  const tokens = loadedList({
    label: texts.programs.tokens,
    load: async () => (await api.call("GET", "/user/tokens")).tokens,
    row: ({ token_id: id, name, scopes, rooms: only, used_at: used, expires_at: expires }) => entry(name, [
      texts.programs.may(scopes.map((scope) => texts.programs.scopes[scope].inList).join(", ")),
      only && texts.programs.onlyIn(h("bdi", {}, only.map((roomId) => rooms.get(roomId)?.name ?? roomId).join(", "))),
      [used ? texts.programs.lastUsed(ago(new Date(used))) : texts.programs.neverUsed, expires ? texts.programs.validUntil(shortDate(new Date(expires))) : texts.programs.noExpiry].join(", "),
    ], [entryButton(texts.common.delete, name, () => remove(id, name))]),
    empty: texts.programs.noTokens,
  });

  const remove = (id, name) => confirmDialog(texts.programs.deleteToken, texts.programs.deleteTokenHint(h("bdi", {}, name)), texts.common.delete, async () => {
    await api.call("DELETE", `/user/tokens/${encodeURIComponent(id)}`);
    await tokens.refresh();
  });

  const create = () => openDialog(texts.programs.newToken, (close) => form({
    fields: [
      NAME,
      { name: "scopes", label: texts.programs.itMay, type: "checkboxes", options: SCOPES, value: ["read", "write"] },
      ...(rooms.all.length ? [{ name: "rooms", label: texts.programs.onlyRooms, hint: texts.programs.onlyRoomsHint, type: "checkboxes", options: rooms.all.map((room) => [room.room_id, room.name]), value: [] }] : []),
      { name: "days", label: texts.programs.validFor, options: DAYS, value: "90" },
    ],
    submit: texts.programs.createToken,
    async onsubmit({ name, scopes, rooms: only = [], days }) {
      const limits = { ...(only.length && { rooms: only }), ...(days && { days: Number(days) }) };
      const { token } = await api.call("POST", "/user/tokens", { name, scopes, ...limits });
      close();
      shownOnce(texts.programs.yourToken, texts.programs.token, token, texts.programs.tokenHint);
      await tokens.refresh();
    },
  }));

  return section(texts.programs.tokensTitle,
    h("p", { class: "hint" }, texts.programs.tokensHint),
    tokens.element,
    h("div", { class: "buttons" }, quietButton(texts.programs.newToken, create)),
  );
}

function appPasswordsSection({ api }) {
  const passwords = loadedList({
    label: texts.programs.appPasswords,
    load: async () => (await api.call("GET", "/user/app-passwords")).app_passwords,
    row: ({ app_password_id: id, name, created_at: created, used_at: used }) => entry(name, [
      used ? texts.programs.createdLastUsed(shortDate(new Date(created)), ago(new Date(used))) : texts.programs.createdNeverUsed(shortDate(new Date(created))),
    ], [entryButton(texts.common.delete, name, () => remove(id, name))]),
    empty: texts.programs.noAppPasswords,
  });

  const remove = (id, name) => confirmDialog(texts.programs.deleteAppPassword, texts.programs.deleteAppPasswordHint(h("bdi", {}, name)), texts.common.delete, async () => {
    await api.call("DELETE", `/user/app-passwords/${encodeURIComponent(id)}`);
    await passwords.refresh();
  });

  const create = () => openDialog(texts.programs.newAppPassword, (close) => form({
    fields: [NAME],
    submit: texts.programs.createAppPassword,
    async onsubmit({ name }) {
      const { password } = await api.call("POST", "/user/app-passwords", { name });
      close();
      shownOnce(texts.programs.yourAppPassword, texts.programs.appPassword, password, texts.programs.appPasswordHint);
      await passwords.refresh();
    },
  }));

  return section(texts.programs.appPasswords,
    h("p", { class: "hint" }, texts.programs.appPasswordsHint),
    passwords.element,
    h("div", { class: "buttons" }, quietButton(texts.programs.newAppPassword, create)),
  );
}

function shownOnce(title, label, secret, text) {
  openDialog(title, () => [h("p", {}, text), secretNodes(label, secret)]);
}
