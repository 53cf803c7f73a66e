// Settings: the user's name and e-mail address, blocked users, and the logout.

import { announce, h } from "./dom.js";
import { form, openDialog } from "./forms.js";
import { entry, entryButton, loadedList } from "./lists.js";
import { outcomeLine, quietButton, section } from "./settings-parts.js";
import { EMAIL, codeHint, withoutSpaces } from "./welcome-fields.js";

export const profileSections = (home) => [nameSection(home), emailSection(home), blocksSection(home), logOutSection(home)];

function nameSection(home) {
  const { api, me } = home;
  const outcome = outcomeLine();
  return section("Profile", form({
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
  }), outcome);
}

function emailSection({ api, me }) {
  const address = h("strong", {}, me.email);
  const outcome = outcomeLine();
  return section("E-mail",
    h("p", { class: "hint" }, "You log in with ", address),
    h("div", { class: "buttons" }, quietButton("Change e-mail address", () => {
      outcome.textContent = "";
      emailDialog(api, (email) => {
        me.email = address.textContent = email;
        outcome.textContent = "Your e-mail address is changed.";
      });
    })),
    outcome,
  );
}

/** Asks for the new address, then for the code that was sent there. done: called with the address. */
function emailDialog(api, done) {
  openDialog("Change e-mail address", (close) => {
    const place = h("div", {}, form({
      before: [h("p", { class: "hint" }, "A code is sent to the new address. Until you enter it, the old address stays, and gets a mail about the change.")],
      fields: [
        { ...EMAIL, label: "New e-mail address" },
        { name: "password", label: "Your password", type: "password", autocomplete: "current-password" },
      ],
      submit: "Send a code",
      async onsubmit({ email, password }) {
        await api.call("PUT", "/user/email", { email, password });
        place.replaceChildren(codeForm());
        place.querySelector("input").focus();
      },
    }));

    const codeForm = () => form({
      before: [h("p", {}, codeHint(api.serverInfo, "The code is in the mail to your new address.", "The code was printed where this server runs."))],
      fields: [{ name: "code", label: "Code", inputmode: "numeric", autocomplete: "one-time-code", class: "code" }],
      submit: "Verify",
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

function blocksSection({ api }) {
  const blocks = loadedList({
    label: "Blocked people",
    load: async () => (await api.call("GET", "/user/blocks")).blocks,
    row: ({ user_id: userId, username }) => entry(username, [], [entryButton("Unblock", username, () => unblock(userId), "quiet")]),
    empty: "You have blocked no one.",
  });

  async function unblock(userId) {
    await api.call("DELETE", `/user/blocks/${encodeURIComponent(userId)}`).catch((error) => announce(error.message));
    await blocks.refresh();
  }

  return section("Blocked people", h("p", { class: "hint" }, "They cannot write to you in a direct conversation."), blocks.element);
}

const logOutSection = (home) =>
  section("Log out", h("p", { class: "hint" }, "This browser forgets you. Elsewhere you stay logged in."), h("div", { class: "buttons" }, quietButton("Log out", () => {
    announce("Logged out");
    home.logOut();
  })));
