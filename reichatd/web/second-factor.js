// Settings: the second factor, with a QR code for the authenticator app and recovery codes.

import { h } from "./dom.js";
import { form, openDialog } from "./forms.js";
import { secretNodes } from "./secrets.js";
import { quietButton, section } from "./settings-parts.js";
import { withoutSpaces } from "./welcome-fields.js";

const PASSWORD = { name: "password", label: "Your password", type: "password", autocomplete: "current-password" };
const CODE = { name: "code", label: "Code", autocomplete: "one-time-code", class: "code", autocapitalize: "none", spellcheck: "false" };

export function secondFactorSection(api) {
  const state = h("p", { class: "hint", role: "status" }, "Loading …");
  const buttons = h("div", { class: "buttons" });

  async function refresh() {
    try {
      const { enabled, recovery_codes: left } = await api.call("GET", "/user/totp");
      state.textContent = enabled
        ? `On. A login needs a code of your authenticator app. You have ${left === 1 ? "1 recovery code" : `${left} recovery codes`} left.`
        : "Off. With an authenticator app, your password alone does not open your account.";
      buttons.replaceChildren(enabled ? quietButton("Turn off", () => turnOff(api, refresh), "quiet danger-text") : quietButton("Turn on", () => turnOn(api, refresh)));
    } catch (error) {
      state.textContent = error.message;
    }
  }

  refresh();
  return section("Second factor", state, buttons);
}

/** Three steps in one dialog: the password, the app with a first code, the recovery codes. */
function turnOn(api, done) {
  openDialog("Turn on the second factor", (close) => {
    const place = h("div", {}, form({
      before: [h("p", { class: "hint" }, "You need an authenticator app on your phone, or a password manager that makes codes.")],
      fields: [PASSWORD],
      submit: "Go on",
      onsubmit: async ({ password }) => show(appStep(await api.call("POST", "/user/totp", { password }))),
    }));

    function show(nodes) {
      place.replaceChildren(h("div", {}, nodes));
      place.querySelector("input, button")?.focus();
    }

    const appStep = ({ secret, svg }) => [
      h("p", {}, "Scan this code with the app:"),
      h("img", { class: "qr", alt: "QR code with the secret below", src: `data:image/svg+xml,${encodeURIComponent(svg)}` }),
      h("p", { class: "hint" }, "Or enter this secret there:"),
      secretNodes("Secret", secret.replace(/(.{4})(?=.)/g, "$1 ")),
      form({
        fields: [{ ...CODE, label: "Code that the app shows", inputmode: "numeric" }],
        submit: "Turn on",
        async onsubmit({ code }) {
          const { recovery_codes: codes } = await api.call("POST", "/user/totp/confirm", { code: withoutSpaces(code) });
          done();
          show(recoveryStep(codes));
        },
      }),
    ];

    const recoveryStep = (codes) => [
      h("p", {}, "The second factor is on. Keep these recovery codes: each is good once in place of a code, if you lose the app. They are not shown again."),
      secretNodes("Recovery codes", codes.join("\n")),
      h("button", { type: "button", class: "primary", onclick: close }, "I have kept them"),
    ];
    return place;
  });
}

function turnOff(api, done) {
  openDialog("Turn off the second factor", (close) => form({
    fields: [PASSWORD, { ...CODE, hint: "Of your authenticator app, or a recovery code" }],
    submit: "Turn off",
    look: "danger",
    async onsubmit({ password, code }) {
      await api.call("DELETE", "/user/totp", { password, code: withoutSpaces(code) });
      close();
      done();
    },
  }));
}
