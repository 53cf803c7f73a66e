// The screens for a forgotten password: asking for the mail, and the new password.

import { form } from "./forms.js";
import { texts } from "./texts.js";
import { EMAIL, codeHint } from "./welcome-fields.js";

export function forgot(page) {
  const lead = codeHint(page.api.serverInfo, texts.forgotten.byMail, texts.forgotten.byConsole);
  page.show(texts.forgotten.title, lead, form({
    fields: [{ ...EMAIL, value: page.known.email, autocomplete: "username" }],
    submit: texts.forgotten.submit,
    async onsubmit({ email }) {
      await page.api.ask("POST", "/password/forgot", { email });
      page.known = { email, password: "" };
      page.go("reset", "");
    },
  }), [[texts.welcome.back, () => page.back()]]);
}

/** token: from the link of the mail; "" if the user has to enter it. */
export function reset(page, token) {
  const lead = token === "" ? texts.forgotten.onItsWay : texts.forgotten.consequence;
  page.show(texts.common.newPassword, lead, form({
    fields: [
      ...(token === "" ? [{ name: "token", label: texts.forgotten.token, autocapitalize: "none", spellcheck: "false", autocomplete: "off" }] : []),
      { name: "new_password", label: texts.common.newPassword, type: "password", autocomplete: "new-password", hint: texts.welcome.atLeast8 },
    ],
    submit: texts.forgotten.setPassword,
    async onsubmit({ token: typed = token, new_password: password }) {
      await page.api.ask("POST", "/password/reset", { token: typed.trim().split("/").at(-1), new_password: password });
      if (page.api.signedIn) await page.api.logOut(texts.forgotten.done); // the login session has ended; "signedout" shows the login
      else page.go("logIn", texts.forgotten.done);
    },
  }), [[texts.forgotten.sendAnother, () => page.go("forgot")], [texts.welcome.back, () => page.back()]]);
}
