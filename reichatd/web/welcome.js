// The page before login: a card with one screen at a time.

import { h } from "./dom.js";
import { brand } from "./instance.js";
import { LANGUAGES } from "./languages.js";
import { chooseLanguage, language, texts } from "./texts.js";
import { placeOf, replacePlace } from "./urls.js";
import { logIn, secondFactor } from "./welcome-login.js";
import { forgot, reset } from "./welcome-password.js";
import { providerFailed, redeem } from "./welcome-provider.js";
import { enterInvite, invited, register, verify } from "./welcome-register.js";

const SCREENS = { enterInvite, forgot, invited, logIn, providerFailed, redeem, register, reset, secondFactor, verify };
const PLACES = { invite: "invited", oidc: "redeem", "oidc-error": "providerFailed", reset: "reset" };

/** Whether the fragment of this page's URL is for this page even if the user is logged in. */
export const isForWelcome = () => placeOf()[0] === "reset";

/** The page, as its screens see it. */
class Welcome {
  element = h("main", { class: "welcome" });
  /** Typed into one screen, needed in the next. */
  known = { email: "", password: "" };
  /** The invitation in use: {token, room}; null if there is none. Its room is null for one to the server. */
  invite = null;
  #onsignedin;

  constructor(api, onsignedin) {
    this.api = api;
    this.#onsignedin = onsignedin;
  }

  /** Shows a screen. */
  go(screen, ...more) {
    SCREENS[screen](this, ...more);
  }

  /** Fills the card. links: [text, action] each; or a promise of them, if the server must be asked. */
  show(title, lead, content, links = []) {
    const row = h("p", { class: "links" });
    this.element.replaceChildren(
      h("div", { class: "card", role: "group", "aria-describedby": lead ? "lead" : null }, // read when a field in it gets the focus
        brand(),
        h("h1", { tabindex: "-1" }, title),
        lead && h("p", { class: "lead", id: "lead" }, lead),
        content,
        row,
      ),
      languageButtons(),
    );
    Promise.resolve(links).then((known) => row.append(...known.map(([text, act]) => h("button", { type: "button", class: "link", onclick: act }, text))));
    (this.element.querySelector("input:placeholder-shown, input") ?? this.element.querySelector("h1")).focus();
  }

  async logIn(email, password, totp = null) {
    await this.api.logIn(email, password, totp);
    this.enter();
  }

  /** Ends this page: the user is logged in. */
  enter() {
    this.#onsignedin();
  }

  /** Ends a screen that is for users who are logged in too. */
  back() {
    if (this.api.signedIn) this.enter();
    else this.go("logIn");
  }
}

/** A button for each language, in itself. */
const languageButtons = () => h("p", { class: "languages", role: "group", "aria-label": texts.common.language },
  Object.entries(LANGUAGES).map(([code, name]) =>
    h("button", { type: "button", class: "link", lang: code, "aria-pressed": String(code === language), onclick: () => chooseLanguage(code) }, name)),
);

/** onsignedin: called after the login. notice: a sentence to show first. */
export function welcome(api, onsignedin, notice = "") {
  const page = new Welcome(api, onsignedin);
  const [place, secret] = placeOf();
  const screen = secret && PLACES[place];
  // The caller must add the element first: a field takes the focus only in the page.
  queueMicrotask(() => {
    if (!screen) page.go("logIn", notice);
    else {
      if (place !== "invite") replacePlace("#/"); // an invitation is needed again after the login, or when the page is loaded again
      page.go(screen, secret);
    }
  });
  return page.element;
}
