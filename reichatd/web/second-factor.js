// Settings: the second factor, with a QR code for the authenticator app and recovery codes.

import { h } from "./dom.js";
import { form, openDialog } from "./forms.js";
import { secretNodes } from "./secrets.js";
import { quietButton, section } from "./settings-parts.js";
import { texts } from "./texts.js";
import { withoutSpaces } from "./welcome-fields.js";

const PASSWORD = { name: "password", label: texts.common.yourPassword, type: "password", autocomplete: "current-password" };
const CODE = { name: "code", label: texts.common.code, autocomplete: "one-time-code", class: "code", autocapitalize: "none", spellcheck: "false" };

export function secondFactorSection(api) {
  const state = h("p", { class: "hint", role: "status" }, texts.common.loading);
  const buttons = h("div", { class: "buttons" });

  async function refresh() {
    try {
      const { enabled, recovery_codes: left } = await api.call("GET", "/user/totp");
      state.textContent = enabled ? texts.secondFactor.on(left) : texts.secondFactor.off;
      buttons.replaceChildren(enabled ? quietButton(texts.secondFactor.turnOff, () => turnOff(api, refresh), "quiet danger-text") : quietButton(texts.secondFactor.turnOn, () => turnOn(api, refresh)));
    } catch (error) {
      state.textContent = error.message;
    }
  }

  refresh();
  return section(texts.secondFactor.title, state, buttons);
}

/** Three steps in one dialog: the password, the app with a first code, the recovery codes. */
function turnOn(api, done) {
  openDialog(texts.secondFactor.turnOnTitle, (close) => {
    const place = h("div", {}, form({
      before: [h("p", { class: "hint" }, texts.secondFactor.needApp)],
      fields: [PASSWORD],
      submit: texts.common.goOn,
      onsubmit: async ({ password }) => show(appStep(await api.call("POST", "/user/totp", { password }))),
    }));

    function show(nodes) {
      place.replaceChildren(h("div", {}, nodes));
      place.querySelector("input, button")?.focus();
    }

    const appStep = ({ secret, svg }) => [
      h("p", {}, texts.secondFactor.scan),
      h("img", { class: "qr", alt: texts.secondFactor.qr, src: `data:image/svg+xml,${encodeURIComponent(svg)}` }),
      h("p", { class: "hint" }, texts.secondFactor.orEnter),
      secretNodes(texts.secondFactor.secret, secret.replace(/(.{4})(?=.)/g, "$1 ")),
      form({
        fields: [{ ...CODE, label: texts.secondFactor.codeOfApp, inputmode: "numeric" }],
        submit: texts.secondFactor.turnOn,
        async onsubmit({ code }) {
          const { recovery_codes: codes } = await api.call("POST", "/user/totp/confirm", { code: withoutSpaces(code) });
          done();
          show(recoveryStep(codes));
        },
      }),
    ];

    const recoveryStep = (codes) => [
      h("p", {}, texts.secondFactor.keepCodes),
      secretNodes(texts.secondFactor.recoveryCodes, codes.join("\n")),
      h("button", { type: "button", class: "primary", onclick: close }, texts.secondFactor.kept),
    ];
    return place;
  });
}

function turnOff(api, done) {
  openDialog(texts.secondFactor.turnOffTitle, (close) => form({
    fields: [PASSWORD, { ...CODE, hint: texts.secondFactor.codeHint }],
    submit: texts.secondFactor.turnOff,
    look: "danger",
    async onsubmit({ password, code }) {
      await api.call("DELETE", "/user/totp", { password, code: withoutSpaces(code) });
      close();
      done();
    },
  }));
}
