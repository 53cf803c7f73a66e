// The screens of the login: the password, and a code of the second factor.

import { form } from "./forms.js";
import { EMAIL } from "./welcome-fields.js";
import { providerButton } from "./welcome-provider.js";

export function logIn(page, lead) {
  page.show("Log in", lead, [
    form({
      fields: [
        { ...EMAIL, value: page.known.email, autocomplete: "username" },
        { name: "password", label: "Password", type: "password", autocomplete: "current-password" },
      ],
      submit: "Log in",
      async onsubmit({ email, password }) {
        try {
          await page.logIn(email, password);
        } catch (error) {
          if (error.code !== "totp_required") throw error;
          page.known = { email, password };
          page.go("secondFactor");
        }
      },
    }),
    providerButton(page),
  ], loginLinks(page));
}

async function loginLinks(page) {
  const { serverInfo } = page.api;
  await serverInfo.refresh();
  const isOpen = page.invite !== null || serverInfo.registration === "open";
  return [
    isOpen ? ["Create an account", () => page.go("register")] : ["I have an invitation", () => page.go("enterInvite")],
    ["Password forgotten?", () => page.go("forgot")],
    ["I have a code", () => page.go("verify")],
  ];
}

export function secondFactor(page) {
  const { email, password } = page.known;
  const lead = "Enter the code that your authenticator app shows, or one of your recovery codes.";
  page.show("One more step", lead, form({
    fields: [{ name: "totp", label: "Code", autocomplete: "one-time-code", class: "code", autocapitalize: "none", spellcheck: "false" }],
    submit: "Log in",
    onsubmit: ({ totp }) => page.logIn(email, password, totp),
  }), [["Start over", () => { page.known = { email: "", password: "" }; page.go("logIn"); }]]);
}
