// The screens of the registration: the form, the code, and invitations.

import { h } from "./dom.js";
import { form } from "./forms.js";
import { replacePlace, roomPlace } from "./urls.js";
import { EMAIL, codeHint, withoutSpaces } from "./welcome-fields.js";
import { providerButton } from "./welcome-provider.js";

export function register(page) {
  const { serverInfo } = page.api;
  if (page.invite === null && serverInfo.registration !== "open") return enterInvite(page);
  const lead = codeHint(serverInfo, "You get a code by e-mail, which proves that the address is yours.", "You need a code. This server sends no e-mail: it prints the code where it runs.");
  page.show("Create an account", lead, form({
    fields: [
      { name: "username", label: "Name", autocomplete: "nickname", hint: "3 to 32 letters or digits; others see it", autocapitalize: "none" },
      { ...EMAIL, value: page.known.email },
      { name: "password", label: "Password", type: "password", autocomplete: "new-password", hint: "At least 8 characters" },
    ],
    submit: "Create account",
    async onsubmit({ email, password, username }) {
      const invite = page.invite ? { invite: page.invite.token } : {};
      await page.api.ask("POST", "/register", { email, password, username, ...invite });
      page.known = { email, password };
      page.go("verify");
    },
  }), [["I have an account", () => page.go("logIn")]]);
}

export function verify(page) {
  const { known } = page;
  const isKnown = known.email !== "";
  const lead = codeHint(
    page.api.serverInfo,
    isKnown ? `The code was sent to ${known.email}.` : "The code is in the e-mail that was sent to you.",
    "It was printed where this server runs: on its terminal, or in its log. Ask the person who runs the server.",
  );
  page.show("Enter the code", lead, form({
    fields: [
      ...(isKnown ? [] : [EMAIL]),
      { name: "code", label: "Code", inputmode: "numeric", autocomplete: "one-time-code", class: "code" },
    ],
    submit: "Verify",
    async onsubmit({ email = known.email, code }) {
      await page.api.ask("POST", "/verify", { email, code: withoutSpaces(code) });
      if (page.invite) replacePlace(page.invite.room ? roomPlace(page.invite.room.room_id) : "#/"); // it is used now
      if (known.password) await page.logIn(email, known.password);
      else {
        page.known = { email, password: "" };
        page.go("logIn", "Your address is verified. Welcome!");
      }
    },
  }), [["Start over", () => page.go("register")], ["I have an account", () => page.go("logIn")]]);
}

/** Shows what an invitation opens. */
export async function invited(page, token) {
  const links = [["I have an account", () => page.go("logIn")]];
  page.show("Invitation", "Loading …", null);
  let room;
  try {
    ({ room } = await page.api.ask("GET", `/invite/${encodeURIComponent(token)}`));
  } catch (error) {
    const lead = error.status === 404 ? "It is wrong, too old or used up. Ask for a new one." : error.message;
    page.show("Invitation", lead, null, [["Enter another link", () => enterInvite(page)], ...links]);
    return;
  }
  page.invite = { token, room };
  page.show(
    "You are invited",
    room ? ["to the room ", h("strong", { dir: "auto" }, room.name), "."] : "to this server.",
    [
      room?.description && h("p", { class: "description", dir: "auto" }, room.description),
      form({ submit: "Create an account", onsubmit: () => page.go("register") }),
      providerButton(page),
    ],
    links,
  );
}

/** Asks for an invitation, where no one can register without. */
export function enterInvite(page) {
  const lead = page.api.serverInfo.registration === "closed"
    ? "This server is closed: only the person who runs it can invite you."
    : "This server is for people who are invited. Ask a member for a link.";
  page.show("Enter your invitation", lead, form({
    fields: [{ name: "invite", label: "Link", autocapitalize: "none", spellcheck: "false", autocomplete: "off" }],
    submit: "Go on",
    async onsubmit({ invite }) {
      const token = invite.trim().split("/").at(-1);
      if (token) await invited(page, token);
    },
  }), [["I have an account", () => page.go("logIn")]]);
}
