// The screens for a forgotten password: asking for the mail, and the new password.

import { form } from "./forms.js";
import { EMAIL, codeHint } from "./welcome-fields.js";

export function forgot(page) {
  const lead = codeHint(page.api.serverInfo, "You get a link by e-mail to set a new one.", "This server sends no e-mail: it prints the link where it runs.");
  page.show("Password forgotten", lead, form({
    fields: [{ ...EMAIL, value: page.known.email, autocomplete: "username" }],
    submit: "Send the link",
    async onsubmit({ email }) {
      await page.api.ask("POST", "/password/forgot", { email });
      page.known = { email, password: "" };
      page.go("reset", "");
    },
  }), [["Back", () => page.back()]]);
}

/** token: from the link of the mail; "" if the user has to enter it. */
export function reset(page, token) {
  const lead = token === ""
    ? "If this address has an account, a mail is on its way. Open its link, or enter here what the mail says."
    : "You are logged out everywhere, and programs with a token of yours lose their access.";
  page.show("New password", lead, form({
    fields: [
      ...(token === "" ? [{ name: "token", label: "Link or code from the mail", autocapitalize: "none", spellcheck: "false", autocomplete: "off" }] : []),
      { name: "new_password", label: "New password", type: "password", autocomplete: "new-password", hint: "At least 8 characters" },
    ],
    submit: "Set password",
    async onsubmit({ token: typed = token, new_password: password }) {
      await page.api.ask("POST", "/password/reset", { token: typed.trim().split("/").at(-1), new_password: password });
      const done = "Your password is changed. Log in with it.";
      if (page.api.signedIn) await page.api.logOut(done); // the login session has ended; "signedout" shows the login
      else page.go("logIn", done);
    },
  }), [["Send another link", () => page.go("forgot")], ["Back", () => page.back()]]);
}
