// The screens of the login: by password, with a code of the second factor, and by a provider.

import { h } from "./dom.js";
import { form } from "./forms.js";
import { storage } from "./storage.js";
import { replacePlace, storageKey, urlOf } from "./urls.js";
import { EMAIL } from "./welcome-fields.js";

const RETURN_KEY = storageKey("reichatd.return");

const PROVIDER_PROBLEMS = {
  forbidden: "You have not been logged in: you or the provider stopped it.",
  invalid_code: "The login took too long, or began in another browser. Try again.",
  unverified_email: "The provider has not verified your e-mail address. Log in with your password, and link the provider in the settings.",
  user_disabled: "Your account is disabled.",
  already_linked: "This account of the provider is linked with another account here.",
  rate_limited: "There were too many logins. Try again later.",
};

/** The sentence for a login by the provider that failed with this code of an error. */
export const providerProblem = (code) => PROVIDER_PROBLEMS[code] ?? "The login at the provider failed. Try again later.";

export function logIn(page, lead) {
  const byProvider = h("div", { class: "by-provider", hidden: true });
  page.api.serverInfo.provider().then(({ name, button }) => name && showProvider(byProvider, name, button), () => {}); // then there is no button
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
    byProvider,
  ], loginLinks(page));
}

async function loginLinks(page) {
  const { serverInfo } = page.api;
  await serverInfo.refresh();
  const isOpen = page.invite !== null || serverInfo.registration === "open";
  return [
    isOpen ? ["Create an account", () => page.go("register")] : ["I have an invitation", () => page.go("enterInvite")],
    ["I have a code", () => page.go("verify")],
    ["Password forgotten?", () => page.go("forgot")],
  ];
}

function showProvider(place, name, button) {
  const leave = () => storage.keepInSession(RETURN_KEY, location.hash); // the provider sends the browser back without it
  place.hidden = false;
  place.replaceChildren(h("p", { class: "or" }, "or"), h("a", { class: "quiet", href: urlOf("/oidc/login"), dir: "auto", onclick: leave }, button || `Log in with ${name}`));
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

/** Completes a login at the provider, which has sent the browser back with this code. */
export async function redeem(page, code) {
  const hash = storage.takeFromSession(RETURN_KEY);
  if (hash) replacePlace(hash);
  page.show("Logging in …", "", null);
  try {
    await page.api.redeem(code);
  } catch (error) {
    page.go("logIn", error.code === "invalid_code" ? providerProblem(error.code) : error.message);
    return;
  }
  page.enter();
}

export function providerFailed(page, code) {
  storage.takeFromSession(RETURN_KEY);
  page.go("logIn", providerProblem(code));
}
