// The login by a provider: the browser goes there, and comes back with a code or an error in the fragment.

import { h } from "./dom.js";
import { storage } from "./storage.js";
import { placeOf, replacePlace, roomPlace, storageKey, urlOf } from "./urls.js";

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

/** A button that leads to the provider; hidden unless the server has one. */
export function providerButton({ api }) {
  const place = h("div", { class: "by-provider", hidden: true });
  const leave = () => storage.keepInSession(RETURN_KEY, location.hash); // the provider sends the browser back without it
  api.serverInfo.provider().then(({ name, button }) => {
    place.hidden = name === "";
    place.append(h("p", { class: "or" }, "or"), h("a", { class: "quiet", href: urlOf("/oidc/login"), dir: "auto", onclick: leave }, button || `Log in with ${name}`));
  }, () => {}); // it stays hidden
  return place;
}

/** Completes a login at the provider, which has sent the browser back with this code. */
export async function redeem(page, code) {
  const hash = storage.takeFromSession(RETURN_KEY);
  if (hash) replacePlace(hash);
  const [place, token] = placeOf();
  const invite = place === "invite" ? token : null;
  page.show("Logging in …", "", null);
  try {
    const room = invite && (await invitedRoom(page.api, invite));
    await page.api.redeem(code, invite);
    // A new user's login has used the invitation up, if it was the last time. Otherwise the place shows whether it was used.
    if (invite && (await invitedRoom(page.api, invite)) === undefined) replacePlace(room ? roomPlace(room.room_id) : "#/");
  } catch (error) {
    page.go("logIn", error.code === "invalid_code" ? providerProblem(error.code) : error.message);
    return;
  }
  page.enter();
}

/** The room that an invitation opens, null for one to the server; undefined if it is not valid. */
const invitedRoom = (api, invite) => api.ask("GET", `/invite/${encodeURIComponent(invite)}`).then(({ room }) => room, () => undefined);

export function providerFailed(page, code) {
  storage.takeFromSession(RETURN_KEY);
  page.go("logIn", providerProblem(code));
}
