// The screens of the registration: the form, the code, and invitations.

import { h } from "./dom.js";
import { form } from "./forms.js";
import { texts } from "./texts.js";
import { replacePlace, roomPlace } from "./urls.js";
import { EMAIL, codeHint, withoutSpaces } from "./welcome-fields.js";
import { providerButton } from "./welcome-provider.js";

export function register(page) {
  const { serverInfo } = page.api;
  if (page.invite === null && serverInfo.registration !== "open") return enterInvite(page);
  const lead = codeHint(serverInfo, texts.register.byMail, texts.register.byConsole);
  page.show(texts.welcome.createAccount, lead, form({
    fields: [
      { name: "username", label: texts.common.name, autocomplete: "nickname", hint: texts.register.nameHint, autocapitalize: "none" },
      { ...EMAIL, value: page.known.email },
      { name: "password", label: texts.common.password, type: "password", autocomplete: "new-password", hint: texts.welcome.atLeast8 },
    ],
    submit: texts.register.submit,
    async onsubmit({ email, password, username }) {
      const invite = page.invite ? { invite: page.invite.token } : {};
      await page.api.ask("POST", "/register", { email, password, username, ...invite });
      page.known = { email, password };
      page.go("verify");
    },
  }), [[texts.welcome.haveAccount, () => page.go("logIn")]]);
}

export function verify(page) {
  const { known } = page;
  const isKnown = known.email !== "";
  const lead = codeHint(
    page.api.serverInfo,
    isKnown ? texts.verify.sentTo(known.email) : texts.verify.byMail,
    texts.verify.byConsole,
  );
  page.show(texts.verify.title, lead, form({
    fields: [
      ...(isKnown ? [] : [EMAIL]),
      { name: "code", label: texts.common.code, inputmode: "numeric", autocomplete: "one-time-code", class: "code" },
    ],
    submit: texts.common.verify,
    async onsubmit({ email = known.email, code }) {
      await page.api.ask("POST", "/verify", { email, code: withoutSpaces(code) });
      if (page.invite) replacePlace(page.invite.room ? roomPlace(page.invite.room.room_id) : "#/"); // it is used now
      if (known.password) await page.logIn(email, known.password);
      else {
        page.known = { email, password: "" };
        page.go("logIn", texts.verify.done);
      }
    },
  }), [[texts.welcome.startOver, () => page.go("register")], [texts.welcome.haveAccount, () => page.go("logIn")]]);
}

/** Shows what an invitation opens. */
export async function invited(page, token) {
  const links = [[texts.welcome.haveAccount, () => page.go("logIn")]];
  page.show(texts.invitation.title, texts.common.loading, null);
  let room;
  try {
    ({ room } = await page.api.ask("GET", `/invite/${encodeURIComponent(token)}`));
  } catch (error) {
    const lead = error.status === 404 ? texts.invitation.invalid : error.message;
    page.show(texts.invitation.title, lead, null, [[texts.invitation.enterAnother, () => enterInvite(page)], ...links]);
    return;
  }
  page.invite = { token, room };
  page.show(
    texts.invitation.invited,
    room ? texts.invitation.toRoom(h("strong", { dir: "auto" }, room.name)) : texts.invitation.toServer,
    [
      room?.description && h("p", { class: "description", dir: "auto" }, room.description),
      form({ submit: texts.welcome.createAccount, onsubmit: () => page.go("register") }),
      providerButton(page),
    ],
    links,
  );
}

/** Asks for an invitation, where no one can register without. */
export function enterInvite(page) {
  const lead = page.api.serverInfo.registration === "closed" ? texts.invitation.closed : texts.invitation.inviteOnly;
  page.show(texts.invitation.enter, lead, form({
    fields: [{ name: "invite", label: texts.invitation.link, autocapitalize: "none", spellcheck: "false", autocomplete: "off" }],
    submit: texts.common.goOn,
    async onsubmit({ invite }) {
      const token = invite.trim().split("/").at(-1);
      if (token) await invited(page, token);
    },
  }), [[texts.welcome.haveAccount, () => page.go("logIn")]]);
}
