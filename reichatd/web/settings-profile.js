// Settings: the user's name and e-mail address, the language, blocked users, and the logout.

import { announce, h } from "./dom.js";
import { form, openDialog } from "./forms.js";
import { LANGUAGES } from "./languages.js";
import { entry, entryButton, loadedList } from "./lists.js";
import { outcomeLine, quietButton, section } from "./settings-parts.js";
import { chooseLanguage, chosenLanguage, texts } from "./texts.js";
import { tell } from "./toast.js";
import { EMAIL, codeHint, withoutSpaces } from "./welcome-fields.js";

export const profileSections = (home) => [nameSection(home), emailSection(home), languageSection(), blocksSection(home), logOutSection(home)];

function nameSection(home) {
  const { api, me } = home;
  const outcome = outcomeLine();
  return section(texts.profile.title, form({
    fields: [{ name: "username", label: texts.common.name, value: me.username, autocomplete: "nickname", autocapitalize: "none" }],
    submit: texts.profile.changeName,
    look: "quiet",
    async onsubmit({ username }) {
      outcome.textContent = "";
      await api.call("PUT", "/user/username", { username });
      me.username = (await api.call("GET", "/user")).user_details.username;
      home.nameChanged();
      outcome.textContent = texts.profile.nameChanged;
    },
  }), outcome);
}

function emailSection({ api, me }) {
  const address = h("strong", {}, me.email);
  const outcome = outcomeLine();
  return section(texts.welcome.email,
    h("p", { class: "hint" }, texts.profile.logInWith(address)),
    h("div", { class: "buttons" }, quietButton(texts.profile.changeEmail, () => {
      outcome.textContent = "";
      emailDialog(api, (email) => {
        me.email = address.textContent = email;
        outcome.textContent = texts.profile.emailChanged;
      });
    })),
    outcome,
  );
}

/** Asks for the new address, then for the code that was sent there. done: called with the address. */
function emailDialog(api, done) {
  openDialog(texts.profile.changeEmail, (close) => {
    const place = h("div", {}, form({
      before: [h("p", { class: "hint" }, texts.profile.emailHint)],
      fields: [
        { ...EMAIL, label: texts.profile.newEmail },
        { name: "password", label: texts.common.yourPassword, type: "password", autocomplete: "current-password" },
      ],
      submit: texts.profile.sendCode,
      async onsubmit({ email, password }) {
        await api.call("PUT", "/user/email", { email, password });
        place.replaceChildren(codeForm());
        place.querySelector("input").focus();
      },
    }));

    const codeForm = () => form({
      before: [h("p", {}, codeHint(api.serverInfo, texts.profile.codeByMail, texts.profile.codeByConsole))],
      fields: [{ name: "code", label: texts.common.code, inputmode: "numeric", autocomplete: "one-time-code", class: "code" }],
      submit: texts.common.verify,
      async onsubmit({ code }) {
        await api.call("POST", "/user/email/verify", { code: withoutSpaces(code) });
        const { user_details: details } = await api.call("GET", "/user");
        close();
        done(details.email);
      },
    });
    return place;
  });
}

const languageSection = () => section(texts.common.language, form({
  fields: [{ name: "language", label: texts.profile.languageOfPage, options: [["", texts.profile.languageOfBrowser], ...Object.entries(LANGUAGES)], value: chosenLanguage }],
  submit: texts.profile.changeLanguage,
  look: "quiet",
  onsubmit: ({ language }) => chooseLanguage(language),
}));

function blocksSection({ api }) {
  const blocks = loadedList({
    label: texts.profile.blocked,
    load: async () => (await api.call("GET", "/user/blocks")).blocks,
    row: ({ user_id: userId, username }) => entry(username, [], [entryButton(texts.person.unblock, username, () => unblock(userId), "quiet")]),
    empty: texts.profile.noneBlocked,
  });

  async function unblock(userId) {
    await api.call("DELETE", `/user/blocks/${encodeURIComponent(userId)}`).catch((error) => tell(error.message));
    await blocks.refresh();
  }

  return section(texts.profile.blocked, h("p", { class: "hint" }, texts.profile.blockedHint), blocks.element);
}

const logOutSection = (home) =>
  section(texts.common.logOut, h("p", { class: "hint" }, texts.profile.logOutHint), h("div", { class: "buttons" }, quietButton(texts.common.logOut, () => {
    announce(texts.profile.loggedOut);
    home.logOut();
  })));
