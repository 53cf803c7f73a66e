// The login by a provider: the browser goes there, and comes back with a code or an error in the fragment.

import { h } from "./dom.js";
import { storage } from "./storage.js";
import { texts } from "./texts.js";
import { placeOf, replacePlace, roomPlace, storageKey, urlOf } from "./urls.js";

const RETURN_KEY = storageKey("reichatd.return");

/** The sentence for a login by the provider that failed with this code of an error. */
export const providerProblem = (code) => texts.provider.problems[code] ?? texts.provider.failed;

/** A button that leads to the provider; hidden unless the server has one. */
export function providerButton({ api }) {
  const place = h("div", { class: "by-provider", hidden: true });
  const leave = () => storage.keepInSession(RETURN_KEY, location.hash); // the provider sends the browser back without it
  api.serverInfo.provider().then(({ name, button }) => {
    place.hidden = name === "";
    place.append(h("p", { class: "or" }, texts.provider.or), h("a", { class: "quiet", href: urlOf("/oidc/login"), dir: "auto", onclick: leave }, button || texts.provider.logIn(name)));
  }, () => {}); // it stays hidden
  return place;
}

/** Completes a login at the provider, which has sent the browser back with this code. */
export async function redeem(page, code) {
  const hash = storage.takeFromSession(RETURN_KEY);
  if (hash) replacePlace(hash);
  const [place, token] = placeOf();
  const invite = place === "invite" ? token : null;
  page.show(texts.provider.loggingIn, "", null);
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
