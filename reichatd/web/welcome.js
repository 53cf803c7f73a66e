// The page before login: log in, register, verify.

import { h } from "./dom.js";
import { form } from "./forms.js";

const EMAIL = { name: "email", label: "E-mail", type: "email", autocomplete: "email", inputmode: "email", spellcheck: "false", autocapitalize: "none" };

/** onsignedin: called after the login. notice: a sentence to show first. */
export function welcome(api, onsignedin, notice = "") {
  const element = h("main", { class: "welcome" });
  let known = { email: "", password: "" }; // typed into one form, filled into the next

  /** Says how the code arrives; changes when the server's answer is known. */
  function codeHint(byMail, byConsole) {
    const lead = h("span", {}, byMail);
    api.serverInfo.refresh().then(() => api.serverInfo.codeBy === "console" && (lead.textContent = byConsole));
    return lead;
  }

  function show(title, lead, content, links) {
    element.replaceChildren(
      h("div", { class: "card" },
        h("p", { class: "brand" }, "reichatd"),
        h("h1", {}, title),
        lead && h("p", { class: "lead" }, lead),
        content,
        h("p", { class: "links" }, links.map(([text, go]) => h("button", { type: "button", class: "link", onclick: go }, text))),
      ),
    );
    element.querySelector("input:placeholder-shown, input")?.focus();
  }

  async function enter(email, password) {
    await api.logIn(email, password);
    onsignedin();
  }

  function logIn(lead) {
    show("Log in", lead, form({
      fields: [
        { ...EMAIL, value: known.email, autocomplete: "username" },
        { name: "password", label: "Password", type: "password", autocomplete: "current-password" },
      ],
      submit: "Log in",
      onsubmit: ({ email, password }) => enter(email, password),
    }), [["Create an account", () => register()], ["I have a code", () => verify()]]);
  }

  function register() {
    const lead = codeHint("You get a code by e-mail, which proves that the address is yours.", "You need a code. This server sends no e-mail: it prints the code where it runs.");
    show("Create an account", lead, form({
      fields: [
        { name: "username", label: "Name", autocomplete: "nickname", hint: "3 to 32 letters or digits; others see it", autocapitalize: "none" },
        { ...EMAIL, value: known.email },
        { name: "password", label: "Password", type: "password", autocomplete: "new-password", hint: "At least 8 characters" },
      ],
      submit: "Create account",
      async onsubmit({ email, password, username }) {
        await api.register(email, password, username);
        known = { email, password };
        verify();
      },
    }), [["I have an account", () => logIn()]]);
  }

  function verify() {
    const isKnown = known.email !== "";
    const lead = codeHint(
      isKnown ? `The code was sent to ${known.email}.` : "The code is in the e-mail that was sent to you.",
      "It was printed where this server runs: on its terminal, or in its log. Ask the person who runs the server.",
    );
    show("Enter the code", lead, form({
      fields: [
        ...(isKnown ? [] : [EMAIL]),
        { name: "code", label: "Code", inputmode: "numeric", autocomplete: "one-time-code", class: "code" },
      ],
      submit: "Verify",
      async onsubmit({ email = known.email, code }) {
        await api.verify(email, code.replace(/\s/g, "")); // a pasted code may have spaces
        if (known.password) await enter(email, known.password);
        else {
          known = { email, password: "" };
          logIn("Your address is verified. Welcome!");
        }
      },
    }), [["Start over", () => register()], ["I have an account", () => logIn()]]);
  }

  // The caller must add the element first: a field takes the focus only in the page.
  queueMicrotask(() => logIn(notice));
  return element;
}
