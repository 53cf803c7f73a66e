// The screens of the login: the password, and a code of the second factor.

import { form } from "./forms.js";
import { texts } from "./texts.js";
import { EMAIL } from "./welcome-fields.js";
import { providerButton } from "./welcome-provider.js";

export function logIn(page, lead) {
  page.show(texts.common.logIn, lead, [
    form({
      fields: [
        { ...EMAIL, value: page.known.email, autocomplete: "username" },
        { name: "password", label: texts.common.password, type: "password", autocomplete: "current-password" },
      ],
      submit: texts.common.logIn,
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
    isOpen ? [texts.welcome.createAccount, () => page.go("register")] : [texts.welcome.haveInvitation, () => page.go("enterInvite")],
    [texts.welcome.passwordForgotten, () => page.go("forgot")],
    [texts.welcome.haveCode, () => page.go("verify")],
  ];
}

export function secondFactor(page) {
  const { email, password } = page.known;
  page.show(texts.secondStep.title, texts.secondStep.lead, form({
    fields: [{ name: "totp", label: texts.common.code, autocomplete: "one-time-code", class: "code", autocapitalize: "none", spellcheck: "false" }],
    submit: texts.common.logIn,
    onsubmit: ({ totp }) => page.logIn(email, password, totp),
  }), [[texts.welcome.startOver, () => { page.known = { email: "", password: "" }; page.go("logIn"); }]]);
}
